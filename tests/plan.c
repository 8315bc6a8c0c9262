/* SPDX-License-Identifier: Apache-2.0 */
/* A plan's own operations and its rewrites, on plans made by hand. */
#include "net/plan.h"

#include <stdlib.h>
#include <string.h>

#include "net/graph.h"
#include "net/rewrite.h"
#include "op/op.h"
#include "status.h"
#include "tap.h"

/* ---- plans made by hand -------------------------------------------------- */

static struct clade_step step;

static struct plan plan_with_room(bool training)
{
    struct plan p;

    if (plan_new(&p, 1, training, 8, 8))
        tap_bail("%s", clade_error());
    return p;
}

static struct clade_tensor value(struct plan *p, const char *name)
{
    struct clade_tensor t;

    if (plan_block_new(&t, p, name, 1, 1, 4, CLADE_F32))
        tap_bail("%s", clade_error());
    return t;
}

static struct clade_op dropout(struct clade_tensor y, struct clade_tensor x,
                               const char *label)
{
    struct clade_op op;

    if (clade_op_dropout_fwd(&op, y, x, 0.5f, label, &step))
        tap_bail("%s", clade_error());
    op.label = label;
    return op;
}

static struct clade_op softmax(struct clade_tensor y, struct clade_tensor x,
                               const char *label)
{
    struct clade_op op;

    if (clade_op_softmax_fwd(&op, y, x))
        tap_bail("%s", clade_error());
    op.label = label;
    return op;
}

static void append(struct plan *p, enum plan_phase phase, struct clade_op op)
{
    if (plan_append(p, phase, &op))
        tap_bail("%s", clade_error());
}

/* The labels of all ops, a bar before each phase: "|a|bc||". */
static const char *spell(const struct plan *p)
{
    static char text[64];
    int n = 0;

    for (int phase = 0; phase < PLAN_PHASES; phase++) {
        text[n++] = '|';
        for (int i = p->phase[phase]; i < p->phase[phase + 1]; i++)
            text[n++] = *p->ops[i].label;
    }
    text[n] = '\0';
    return text;
}

static void is_spelt(const struct plan *p, const char *want, const char *why)
{
    const char *text = spell(p);

    tap_ok(!strcmp(text, want), "%s: %s, wanted %s", why, text, want);
}

static void count(struct clade_tensor *t, void *arg)
{
    *(int *)arg += t->buffer != NULL;
}

static void test_operations(void)
{
    struct plan p = plan_with_room(true);
    const struct clade_tensor x = value(&p, "x"), y = value(&p, "y");
    const struct clade_op f = dropout(y, x, "f");
    int tensors = 0;

    append(&p, PLAN_UPDATE, dropout(y, x, "u"));
    append(&p, PLAN_FORWARD, dropout(y, x, "a"));
    append(&p, PLAN_BACKWARD, dropout(y, x, "b"));
    append(&p, PLAN_FORWARD, dropout(y, x, "c"));
    is_spelt(&p, "||ac|b|u", "ops are appended to their phases");
    append(&p, PLAN_PACK, dropout(y, x, "p"));
    if (plan_insert(&p, PLAN_FORWARD, 2, &f))
        tap_bail("%s", clade_error());
    is_spelt(&p, "|p|afc|b|u", "inserted in front of an op");
    tap_ok(plan_phase_of(&p, 0) == PLAN_PACK &&
               plan_phase_of(&p, 3) == PLAN_FORWARD &&
               plan_phase_of(&p, 4) == PLAN_BACKWARD &&
               plan_phase_of(&p, 5) == PLAN_UPDATE,
           "each op's phase is known");
    plan_remove(&p, 4);
    plan_remove(&p, 0);
    is_spelt(&p, "||afc||u", "removed, of two phases the only op");
    plan_activation_add(&p, "y", y);
    plan_visit(&p, count, &tensors);
    tap_ok(tensors == 2 * 4 + 1, "all tensors are visited: %d", tensors);
    for (int i = 0; i < 200; i++)
        if (plan_insert(&p, PLAN_FORWARD, 0, &p.ops[3 + i]))
            tap_bail("%s", clade_error());
    tap_ok(p.phase[PLAN_PHASES] == 204 && *p.ops[0].label == 'u' &&
               *p.ops[199].label == 'u' && *p.ops[200].label == 'a',
           "a plan grows, and may copy an op of its own");
    plan_free(&p);
}

static void rewrite(struct plan *p, const char *name)
{
    const struct rewrite *r = rewrites;

    while (r->name && strcmp(r->name, name))
        r++;
    if (!r->name || r->apply(p))
        tap_bail("%s: %s", name, r->name ? clade_error() : "no such rewrite");
}

static void test_dead_ops(void)
{
    struct plan p = plan_with_room(true);
    const struct clade_tensor x = value(&p, "x"), a = value(&p, "a"),
                              b = value(&p, "b"), c = value(&p, "c"),
                              d = value(&p, "d");
    struct clade_op twice = dropout(b, a, "t");

    append(&p, PLAN_FORWARD, softmax(a, x, "a"));
    append(&p, PLAN_FORWARD, dropout(b, a, "b"));
    append(&p, PLAN_FORWARD, twice);
    append(&p, PLAN_FORWARD, dropout(c, a, "c"));
    append(&p, PLAN_FORWARD, dropout(d, c, "d"));
    plan_activation_add(&p, "b", b);
    rewrite(&p, "dead-ops");
    is_spelt(&p, "||abt||", "what nobody reads goes, and then its input");
    plan_free(&p);
}

/* The readers of a dropout read its input, if they can. */
static void test_identity_dropout(void)
{
    struct plan p = plan_with_room(false);
    const struct clade_tensor x = value(&p, "x"), y = value(&p, "y"),
                              z = value(&p, "z"), s = value(&p, "s");
    const struct clade_tensor part = clade_tensor_slice(s, 0, 2),
                              other = clade_tensor_slice(x, 0, 2);
    struct clade_op slices;

    if (clade_op_dropout_fwd(&slices, part, other, 0.5f, "s", &step))
        tap_bail("%s", clade_error());
    slices.label = "s";
    append(&p, PLAN_FORWARD, dropout(y, x, "d"));
    append(&p, PLAN_FORWARD, softmax(z, y, "z"));
    append(&p, PLAN_FORWARD, slices);
    p.training = true;
    rewrite(&p, "identity-dropout");
    is_spelt(&p, "||dzs||", "a plan that trains keeps its dropout");
    p.training = false;
    rewrite(&p, "identity-dropout");
    is_spelt(&p, "||zs||", "one that evaluates does not, slices aside");
    tap_ok(p.ops[0].t[CLADE_X].buffer == x.buffer &&
               p.ops[0].t[CLADE_X].offset == x.offset,
           "and the softmax reads what the dropout read");
    plan_free(&p);
}

/* Layers a and b are joint, c is not. */
static struct graph_joint joint[] = { { .name = "j" } };
static struct graph_layer layers[] = { { .name = "a", .joint = 0 },
                                       { .name = "b", .joint = 0 },
                                       { .name = "c", .joint = -1 } };
static const struct graph abc = {
    .layers = layers, .joints = joint, .n_layers = 3, .n_joints = 1
};

/* What a layer's ops have: x, channels of y and w, and a mask. */
struct part {
    struct clade_tensor x, y, w, mask;
    const char *label;
};

/* Two pixels of 3 channels become 8: layer i makes the channels from 2i on. */
static struct part part_of(struct plan *p, int i)
{
    static struct clade_tensor x, y, w, mask;

    p->graph = &abc;
    if (!p->n_blocks && (plan_block_new(&x, p, "x", 1, 2, 3, CLADE_F32) ||
                         plan_block_new(&y, p, "y", 1, 2, 8, CLADE_F32) ||
                         plan_block_new(&w, p, "w", 1, 3, 8, CLADE_F32) ||
                         plan_block_new(&mask, p, "m", 1, 2, 3, CLADE_F32)))
        tap_bail("%s", clade_error());
    return (struct part){ x, clade_tensor_slice(y, 2 * i, 2),
                          clade_tensor_slice(w, 2 * i, 2), mask,
                          layers[i].name };
}

static void add_fwd(struct plan *p, int i, unsigned flags)
{
    const struct part t = part_of(p, i);
    struct clade_op op;

    if (clade_op_conv_fwd(&op, t.y, t.x, t.w, (struct clade_tensor){ 0 },
                          clade_window_valid(1, 1, 1), flags))
        tap_bail("%s", clade_error());
    op.label = t.label;
    append(p, PLAN_FORWARD, op);
}

static void add_bwd(struct plan *p, int i, unsigned flags)
{
    const struct part t = part_of(p, i);
    struct clade_op op;

    if (clade_op_conv_bwd_data(&op, t.x, t.y, t.w,
                               flags & CLADE_RELU ? t.mask
                                                  : (struct clade_tensor){ 0 },
                               clade_window_valid(1, 1, 1), flags))
        tap_bail("%s", clade_error());
    op.label = t.label;
    append(p, PLAN_BACKWARD, op);
}

/* Add a pool that writes the gradient x, from a tensor of its own; or one that
 * reads channels of y from 2i on. */
static void add_pool(struct plan *p, int i, bool write)
{
    const struct part t = part_of(p, i);
    const struct clade_window one = clade_window_valid(1, 1, 1);
    struct clade_tensor other;
    struct clade_op op;

    if (plan_block_new(&other, p, "o", 1, 2, write ? 3 : 2, CLADE_F32) ||
        (write
             ? clade_op_avgpool_bwd(&op, t.x, other, (struct clade_tensor){ 0 },
                                    one, CLADE_ACCUMULATE)
             : clade_op_avgpool_fwd(&op, other, t.y, one)))
        tap_bail("%s", clade_error());
    op.label = "p";
    append(p, write ? PLAN_BACKWARD : PLAN_FORWARD, op);
}

/* Join what there is; the first op of `phase` must make or read `channels`, and
 * have these flags. */
static void joined(struct plan *p, enum plan_phase phase, const char *want,
                   int channels, unsigned flags, const char *why)
{
    const struct clade_op *op;

    rewrite(p, "joint-products");
    is_spelt(p, want, why);
    op = &p->ops[p->phase[phase]];
    tap_ok(op->t[CLADE_W].c == channels && op->flags == flags &&
               op->t[phase == PLAN_FORWARD ? CLADE_Y : CLADE_DY].c ==
                   channels &&
               !op->t[CLADE_X].buffer ==
                   (phase == PLAN_BACKWARD && !(flags & CLADE_RELU)),
           "%s: %d channels, flags %x", why, op->t[CLADE_W].c, op->flags);
    plan_free(p);
}

/* Products that read one value are joined, and those that add to one gradient:
 * where nothing between them has the one's place. */
static void test_joint_products(void)
{
    struct plan p = plan_with_room(true);

    add_fwd(&p, 1, CLADE_RELU);
    add_fwd(&p, 2, CLADE_RELU);
    add_fwd(&p, 0, CLADE_RELU);
    joined(&p, PLAN_FORWARD, "||jc||", 4, CLADE_RELU,
           "joint layers' products are one");
    p = plan_with_room(true);
    add_fwd(&p, 0, CLADE_RELU);
    add_fwd(&p, 1, 0);
    joined(&p, PLAN_FORWARD, "||ab||", 2, CLADE_RELU,
           "with one ReLU they stay two");
    p = plan_with_room(true);
    add_fwd(&p, 0, 0);
    add_pool(&p, 0, false);
    add_fwd(&p, 1, 0);
    joined(&p, PLAN_FORWARD, "||jp||", 4, 0, "the second one may come sooner");
    p = plan_with_room(true);
    add_bwd(&p, 0, 0);
    add_bwd(&p, 1, CLADE_ACCUMULATE | CLADE_RELU);
    joined(&p, PLAN_BACKWARD, "|||j|", 4, CLADE_RELU,
           "the first overwrites, the second masks");
    p = plan_with_room(true);
    add_bwd(&p, 1, CLADE_ACCUMULATE);
    add_bwd(&p, 0, CLADE_ACCUMULATE);
    joined(&p, PLAN_BACKWARD, "|||j|", 4, CLADE_ACCUMULATE,
           "both add to what is there");
    p = plan_with_room(true);
    add_bwd(&p, 0, CLADE_RELU);
    add_bwd(&p, 1, CLADE_ACCUMULATE);
    joined(&p, PLAN_BACKWARD, "|||ab|", 2, CLADE_RELU,
           "what is masked too soon stays so");
    p = plan_with_room(true);
    add_bwd(&p, 0, 0);
    add_pool(&p, 0, true);
    add_bwd(&p, 1, CLADE_ACCUMULATE);
    joined(&p, PLAN_BACKWARD, "|||apb|", 2, 0,
           "another layer adds between them");
}

static struct clade_op bias(struct clade_tensor db, struct clade_tensor dy)
{
    struct clade_op op;

    if (clade_op_bias_bwd(&op, db, dy))
        tap_bail("%s", clade_error());
    op.label = "b";
    return op;
}

static struct clade_op filter(struct clade_tensor dw, struct clade_tensor x,
                              struct clade_tensor dy)
{
    const struct clade_tensor none = { 0 };
    struct clade_op op;

    if (clade_op_conv_bwd_filter(&op, dw, none, clade_tensor_slice(x, 0, 1), dy,
                                 clade_window_valid(1, 1, 1)))
        tap_bail("%s", clade_error());
    op.label = "f";
    return op;
}

/* A bias' gradient is merged into the next op, if that reads the same dy.
 */
static void test_bias_gradient(void)
{
    struct plan p = plan_with_room(true);
    const struct clade_tensor x = value(&p, "x"), dy = value(&p, "dy"),
                              other = value(&p, "other"), dw = value(&p, "dw"),
                              db = value(&p, "db");
    const struct clade_op *op;

    append(&p, PLAN_BACKWARD, bias(db, other));
    append(&p, PLAN_BACKWARD, filter(dw, x, dy));
    append(&p, PLAN_BACKWARD, bias(db, dy));
    append(&p, PLAN_BACKWARD, dropout(other, x, "d"));
    append(&p, PLAN_BACKWARD, filter(dw, x, dy));
    append(&p, PLAN_BACKWARD, bias(db, dy));
    rewrite(&p, "bias-gradient");
    is_spelt(&p, "|||bfbdfb|", "of another dy, or apart: both stay");
    append(&p, PLAN_BACKWARD, filter(dw, x, dy));
    rewrite(&p, "bias-gradient");
    is_spelt(&p, "|||bfbdff|", "of the same dy: one op is left");
    op = &p.ops[5];
    tap_ok(op->t[CLADE_DB].buffer == db.buffer &&
               op->t[CLADE_DW].buffer == dw.buffer && op->flags == CLADE_BIAS &&
               !p.ops[4].t[CLADE_DB].buffer,
           "which makes both gradients");
    plan_free(&p);
}

int main(void)
{
    tap_plan(6 + 1 + 3 + 14 + 3);
    test_operations();
    test_dead_ops();
    test_identity_dropout();
    test_joint_products();
    test_bias_gradient();
    return tap_done();
}
