/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rewrite `joint-products`.  Two products of layers that are joint
 * (graph.h) become one where they have the same input, or add to the same
 * gradient, and their other tensors lie side by side.
 */
#include "net/rewrite.h"

#include <string.h>

#include "net/graph.h"
#include "net/plan.h"
#include "op/check.h"
#include "op/op.h"

#define R(role) (1u << CLADE_##role)

/* The roles in which two ops of a kind must have the same tensor, and those in
 * which one op's is beside the other's. */
/* clang-format off */
static const struct {
    unsigned same, beside;
} joinable[CLADE_OP_KINDS] = {
    [CLADE_CONV_FWD]        = { R(X),  R(Y) | R(W) | R(B) },
    [CLADE_CONV_BWD_DATA]   = { R(DX), R(DY) | R(W) },
    [CLADE_CONV_BWD_FILTER] = { R(X),  R(DW) | R(DB) | R(DY) },
    [CLADE_BIAS_BWD]        = { 0,     R(DB) | R(DY) },
};
/* clang-format on */

/* The joint of the layer that an op is of, or that it is of itself. */
static const struct graph_joint *joint_of(const struct plan *p,
                                          const struct clade_op *op)
{
    const struct graph *g = p->graph;

    for (int i = 0; g && i < g->n_joints; i++)
        if (op->label == g->joints[i].name)
            return &g->joints[i];
    for (int i = 0; g && i < g->n_layers; i++)
        if (op->label == g->layers[i].name)
            return g->layers[i].joint < 0 ? NULL
                                          : &g->joints[g->layers[i].joint];
    return NULL;
}

/* ---- tensors ------------------------------------------------------------- */

static bool is_same(const struct clade_tensor *a, const struct clade_tensor *b)
{
    return a->buffer == b->buffer && a->offset == b->offset && a->n == b->n &&
           a->h == b->h && a->w == b->w && a->c == b->c && a->ld == b->ld;
}

/* Do the channels of b follow those of a? */
static bool is_beside(const struct clade_tensor *a,
                      const struct clade_tensor *b)
{
    const bool vectors = clade_tensor_pixels(a) == 1;

    if (a->buffer != b->buffer || a->n != b->n || a->h != b->h || a->w != b->w)
        return false;
    return b->offset == a->offset + a->c &&
           (vectors || (a->ld == b->ld && a->c + b->c <= a->ld));
}

/* Do all tensors of b lie beside those of a? */
static bool are_beside(const struct clade_op *a, const struct clade_op *b)
{
    bool yes = true;

    for (int r = 0; r < CLADE_ROLES; r++)
        if (joinable[a->kind].beside >> r & 1 &&
            (a->t[r].buffer || b->t[r].buffer))
            yes = yes && is_beside(&a->t[r], &b->t[r]);
    return yes;
}

static bool share_inputs(const struct clade_op *a, const struct clade_op *b)
{
    bool yes = !memcmp(&a->window, &b->window, sizeof a->window);

    for (int r = 0; r < CLADE_ROLES; r++)
        if (joinable[a->kind].same >> r & 1)
            yes = yes && is_same(&a->t[r], &b->t[r]);
    return yes;
}

/* ---- two ops ------------------------------------------------------------- */

/* Set what the two have on both sides of their sums: b must add to what a made
 * of a gradient, which a must not have masked yet.  False: no op can do both.
 */
static bool join_epilogues(struct clade_op *made, const struct clade_op *a,
                           const struct clade_op *b)
{
    if (a->kind != CLADE_CONV_BWD_DATA)
        return a->flags == b->flags;
    if (a->flags & CLADE_RELU || !(b->flags & CLADE_ACCUMULATE))
        return false;
    made->flags = (a->flags & CLADE_ACCUMULATE) | (b->flags & CLADE_RELU);
    made->t[CLADE_X] = b->t[CLADE_X];
    return true;
}

/* Make one op of two, of which a runs first. */
static bool join(struct clade_op *made, const struct clade_op *a,
                 const struct clade_op *b)
{
    const bool a_left = are_beside(a, b);

    *made = a_left ? *a : *b;
    if (!joinable[a->kind].beside || a->kind != b->kind ||
        (!a_left && !are_beside(b, a)) || !share_inputs(a, b) ||
        !join_epilogues(made, a, b))
        return false;
    for (int r = 0; r < CLADE_ROLES; r++) {
        struct clade_tensor *t = &made->t[r];

        if (joinable[a->kind].beside >> r & 1 && t->buffer) {
            t->c = a->t[r].c + b->t[r].c;
            t->ld = t->ld < t->c ? t->c : t->ld;
        }
    }
    return true;
}

/* Does one of the ops write what the other one reads or writes? */
static bool meet(const struct clade_op *a, const struct clade_op *b)
{
    for (int i = 0; i < CLADE_ROLES; i++)
        for (int j = 0; j < CLADE_ROLES; j++)
            if ((clade_op_outputs(a->kind) >> i & 1 ||
                 clade_op_outputs(b->kind) >> j & 1) &&
                check_overlap(&a->t[i], &b->t[j]))
                return true;
    return false;
}

/* Can op `at` run beside any of the ops between a and b? */
static bool is_free(const struct plan *p, int at, int a, int b)
{
    bool yes = true;

    for (int i = a + 1; i < b; i++)
        yes = yes && !meet(&p->ops[at], &p->ops[i]);
    return yes;
}

/* Join ops i < j, in the place of either. */
static bool join_at(struct plan *p, int i, int j, const char *name)
{
    struct clade_op made;

    if (!join(&made, &p->ops[i], &p->ops[j]))
        return false;
    made.label = name;
    if (is_free(p, j, i, j)) {
        p->ops[i] = made;
        plan_remove(p, j);
    } else if (is_free(p, i, i, j)) {
        p->ops[j] = made;
        plan_remove(p, i);
    } else {
        return false;
    }
    return true;
}

/* Join op i and a later one of its phase and its joint, if there is one. */
static bool join_one(struct plan *p, int i)
{
    const struct graph_joint *joint = joint_of(p, &p->ops[i]);
    const int end = p->phase[plan_phase_of(p, i) + 1];

    for (int j = i + 1; joint && j < end; j++)
        if (joint_of(p, &p->ops[j]) == joint && join_at(p, i, j, joint->name))
            return true;
    return false;
}

clade_status rewrite_joint_products(struct plan *p)
{
    int i = 0;

    while (i < p->phase[PLAN_PHASES])
        if (!join_one(p, i))
            i++;
    return CLADE_OK;
}
