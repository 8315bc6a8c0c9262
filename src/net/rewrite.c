/* SPDX-License-Identifier: Apache-2.0 */
#include "net/rewrite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/passes.h"
#include "net/plan.h"
#include "status.h"

/* ---- identity-dropout ---------------------------------------------------- */

/* A tensor, and the one that is read in its place. */
struct substitute {
    struct clade_tensor from, to;
};

static void substitute(struct clade_tensor *t, void *arg)
{
    const struct substitute *s = arg;

    if (t->buffer != s->from.buffer)
        return;
    t->offset += s->to.offset - s->from.offset;
    t->buffer = s->to.buffer;
}

/* Is the tensor dense, and alone in its block? */
static bool fills_block(const struct plan *p, const struct clade_tensor *t)
{
    const int block = plan_block_of(p, t);

    return block >= 0 && t->ld == t->c &&
           p->blocks[block].base.bytes ==
               clade_tensor_elements(t) * clade_type_size(t->type);
}

/* Dropout passes its input on where nothing is trained, so the readers of its
 * output may as well read its input. */
static clade_status identity_dropout(struct plan *p)
{
    for (int i = p->phase[PLAN_PHASES]; !p->training && i-- > 0;) {
        const struct clade_op *op = &p->ops[i];
        struct substitute s = { op->t[CLADE_Y], op->t[CLADE_X] };

        if (op->kind != CLADE_DROPOUT_FWD || !fills_block(p, &s.from) ||
            s.to.ld != s.to.c)
            continue;
        plan_remove(p, i);
        plan_visit(p, substitute, &s);
    }
    return CLADE_OK;
}

/* ---- bias-gradient ------------------------------------------------------- */

static bool same_tensor(const struct clade_tensor *a,
                        const struct clade_tensor *b)
{
    return a->buffer == b->buffer && a->offset == b->offset && a->n == b->n &&
           a->h == b->h && a->w == b->w && a->c == b->c && a->ld == b->ld;
}

/* Does op `at` sum the very dy that the next op makes a filter's gradient
 * of? */
static bool is_beside_filter(const struct plan *p, int at)
{
    const struct clade_op *bias = &p->ops[at], *next = bias + 1;

    return bias->kind == CLADE_BIAS_BWD && at + 1 < p->phase[PLAN_PHASES] &&
           next->kind == CLADE_CONV_BWD_FILTER && !next->t[CLADE_DB].buffer &&
           same_tensor(&bias->t[CLADE_DY], &next->t[CLADE_DY]);
}

/* The op that makes a filter's gradient reads dy anyway, so it may as well sum
 * the bias' gradient from it. */
static clade_status bias_gradient(struct plan *p)
{
    for (int i = p->phase[PLAN_PHASES]; i-- > 0;) {
        struct clade_op *filter = &p->ops[i + 1];
        const char *label;
        clade_status st;

        if (!is_beside_filter(p, i))
            continue;
        label = filter->label;
        st = clade_op_conv_bwd_filter(filter, filter->t[CLADE_DW],
                                      p->ops[i].t[CLADE_DB], filter->t[CLADE_X],
                                      filter->t[CLADE_DY], filter->window);
        if (st)
            return st;
        filter->label = label;
        plan_remove(p, i);
    }
    return CLADE_OK;
}

/* ---- dead-ops ------------------------------------------------------------ */

/* Does the op write to a needed block, or to a buffer of the net's own, whose
 * contents outlive the step? */
static bool is_needed(const struct plan *p, const struct clade_op *op,
                      const bool *needed)
{
    const unsigned outputs = clade_op_outputs(op->kind);

    for (int r = 0; r < CLADE_ROLES; r++) {
        const int block = plan_block_of(p, &op->t[r]);

        if ((outputs >> r & 1) && op->t[r].buffer &&
            (block < 0 || needed[block]))
            return true;
    }
    return false;
}

static void need(bool *needed, const struct plan *p,
                 const struct clade_tensor *t)
{
    const int block = plan_block_of(p, t);

    if (block >= 0)
        needed[block] = true;
}

/* From the last op to the first: a block is needed if it holds an activation or
 * if a later op that stays reads it. */
static clade_status dead_ops(struct plan *p)
{
    bool *needed = calloc(p->n_blocks + 1, sizeof *needed);

    if (!needed)
        return clade_fail(CLADE_ENOMEM, "%d tensors: out of memory",
                          p->n_blocks);
    for (int i = 0; i < p->n_activations; i++)
        need(needed, p, &p->activations[i].value);
    for (int i = p->phase[PLAN_PHASES]; i-- > 0;) {
        const struct clade_op *op = &p->ops[i];

        if (!is_needed(p, op, needed)) {
            plan_remove(p, i);
            continue;
        }
        for (int r = 0; r < CLADE_ROLES; r++)
            if (clade_op_inputs(op->kind) >> r & 1)
                need(needed, p, &op->t[r]);
    }
    free(needed);
    return CLADE_OK;
}

/* ---- the table ----------------------------------------------------------- */

const struct rewrite rewrites[] = {
    { "identity-dropout", "removes dropout from plans that evaluate", true,
      identity_dropout },
    { "bias-gradient", "sums a bias' gradient where its filter's is made",
      false, bias_gradient },
    { "dead-ops", "removes ops whose outputs nobody reads", true, dead_ops },
    { "joint-products", "makes one product of those of a module's input", false,
      rewrite_joint_products },
    { NULL, NULL, false, NULL },
};

/* The word of a comma-separated list after the one at `at`, or NULL. */
static const char *next_word(const char *at)
{
    at = strchr(at, ',');
    return at ? at + 1 : NULL;
}

static bool is_word(const char *at, const char *name)
{
    const size_t n = strcspn(at, ",");

    return strlen(name) == n && !memcmp(at, name, n);
}

static bool lists(const char *list, const char *name)
{
    const char *at = list;

    while (at && !is_word(at, name))
        at = next_word(at);
    return at;
}

static clade_status unknown(const char *word)
{
    char list[512] = "";

    for (const struct rewrite *r = rewrites; r->name; r++) {
        const size_t n = strlen(list);

        snprintf(list + n, sizeof list - n, "%s`%s` (%s)", n ? ", " : "",
                 r->name, r->what);
    }
    return clade_fail(CLADE_EUSAGE, "no rewrite `%.*s`; there are %s",
                      (int)strcspn(word, ","), word, list);
}

clade_status rewrite_check(const char *list)
{
    for (const char *at = list; at; at = next_word(at)) {
        const struct rewrite *r = rewrites;

        while (r->name && !is_word(at, r->name))
            r++;
        if (!r->name)
            return unknown(at);
    }
    return CLADE_OK;
}

clade_status pass_rewrite(clade_net *net, const struct clade_net_config *config)
{
    clade_status st = CLADE_OK;

    for (const struct rewrite *r = rewrites; r->name; r++)
        for (int i = 0; i < net->n_plans && !st; i++)
            if (!lists(config->without, r->name))
                st = r->apply(&net->plans[i]);
    return st;
}
