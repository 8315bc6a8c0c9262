/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mistakes with ops: each must be refused with a message, on the
 * reference in both precisions and on the device under test.
 */
#include <string.h>

#include "caller.h"
#include "tap.h"

#define COUNT_OF(array) ((int)(sizeof(array) / sizeof(*(array))))

static struct clade_step step = { .batch = 2, .learning_rate = 0.1f };
static const struct clade_tensor absent = { 0 };

/* A tensor in buffer i, from its element 0 on. */
static struct clade_tensor at(int i, int n, int h, int w, int c)
{
    return clade_tensor_at(caller.room[i], 0, n, h, w, c, caller.real);
}

static struct clade_tensor bytes(int i, int n)
{
    return clade_tensor_at(caller.room[i], 0, n, 1, 1, 1, CLADE_U8);
}

/* ---- good ops, for each mistake to spoil --------------------------------- */

static struct clade_op softmax(void)
{
    struct clade_op op;

    caller_need(
        clade_op_softmax_fwd(&op, at(0, 2, 1, 1, 10), at(1, 2, 1, 1, 10)));
    return op;
}

static struct clade_op chosen(struct clade_op op)
{
    caller_need(clade_backend_choose(caller.be, &op, NULL));
    return op;
}

/* The gradient of a bias, which needs a workspace on some devices. */
static struct clade_op bias(void)
{
    struct clade_op op;

    caller_need(clade_op_bias_bwd(&op, at(0, 1, 1, 1, 8), at(1, 4, 8, 8, 8)));
    op = chosen(op);
    if (op.workspace)
        op.t[CLADE_WORKSPACE] = clade_tensor_at(
            caller.room[2], 0, 1, 1, 1, ((int)op.workspace + 3) / 4, CLADE_F32);
    return op;
}

/* A convolution, which needs a packed filter on some devices. */
static struct clade_op conv(void)
{
    struct clade_op op;

    caller_need(clade_op_conv_fwd(&op, at(0, 2, 4, 4, 5), at(1, 2, 8, 8, 3),
                                  at(2, 3, 3, 3, 5), absent,
                                  clade_window_same(3, 3, 2, 8, 8), 0));
    op = chosen(op);
    if (op.packed)
        op.t[CLADE_PACKED] = at(3, 1, 1, 1, (int)op.packed);
    return op;
}

static clade_status prepare(struct clade_op op)
{
    clade_task *task;
    const clade_status st = clade_backend_prepare(caller.be, &task, &op);

    if (!st)
        clade_backend_release(caller.be, task);
    return st;
}

/* Prepare an op and run it, its step being as it is now. */
static clade_status run(struct clade_op op)
{
    clade_task *task;
    clade_status st;

    op = chosen(op);
    caller_need(clade_backend_prepare(caller.be, &task, &op));
    st = clade_backend_run(caller.be, task);
    if (!st)
        st = clade_backend_finish(caller.be);
    clade_backend_release(caller.be, task);
    return st;
}

/* ---- ops ----------------------------------------------------------------- */

static clade_status other_type(void)
{
    const enum clade_type type =
        caller.real == CLADE_F32 ? CLADE_F64 : CLADE_F32;
    struct clade_tensor y = at(0, 2, 1, 1, 10), x = at(1, 2, 1, 1, 10);
    struct clade_op op;

    y.type = x.type = type;
    caller_need(clade_op_softmax_fwd(&op, y, x));
    return clade_backend_choose(caller.be, &op, NULL);
}

static clade_status retyped(void)
{
    struct clade_op op = chosen(softmax());

    op.t[CLADE_X].type = op.t[CLADE_Y].type =
        caller.real == CLADE_F32 ? CLADE_F64 : CLADE_F32;
    return prepare(op);
}

static clade_status zeroed(void)
{
    struct clade_op op = { 0 };

    return clade_backend_choose(caller.be, &op, NULL);
}

static clade_status zeroed_and_prepared(void)
{
    return prepare((struct clade_op){ 0 });
}

static clade_status no_kind(void)
{
    struct clade_op op = softmax();

    op.kind = 99;
    return clade_backend_choose(caller.be, &op, NULL);
}

static clade_status no_kind_prepared(void)
{
    struct clade_op op = chosen(softmax());

    op.kind = 99;
    return prepare(op);
}

static clade_status other_kind(void)
{
    struct clade_op op = chosen(softmax());

    op.kind = CLADE_MAXPOOL_FWD;
    return prepare(op);
}

static clade_status reshaped(void)
{
    struct clade_op op = chosen(softmax());

    op.t[CLADE_Y].n = 3;
    return prepare(op);
}

static clade_status moved_past_the_end(void)
{
    struct clade_op op = chosen(softmax());

    op.t[CLADE_X].offset = CALLER_ROOM;
    return prepare(op);
}

static clade_status moved_before_the_start(void)
{
    struct clade_op op = chosen(softmax());

    op.t[CLADE_X].offset = -1;
    return prepare(op);
}

static clade_status onto_itself(void)
{
    struct clade_op op = chosen(softmax());

    op.t[CLADE_Y].buffer = op.t[CLADE_X].buffer;
    return prepare(op);
}

static clade_status gradient_without_flag(void)
{
    struct clade_op op;

    caller_need(clade_op_conv_bwd_filter(
        &op, at(0, 1, 1, 3, 5), at(1, 1, 1, 1, 5), at(2, 2, 8, 8, 3),
        at(3, 2, 8, 8, 5), clade_window_valid(1, 1, 1)));
    op = chosen(op);
    op.flags = 0;
    return prepare(op);
}

static clade_status never_chosen(void)
{
    return prepare(softmax());
}

static clade_status not_offered(void)
{
    struct clade_op op = chosen(softmax());

    op.choice.algorithm = "nonesuch";
    return prepare(op);
}

static clade_status unknown_algorithm(void)
{
    struct clade_op op = conv();

    return clade_backend_choose(caller.be, &op, "nonesuch");
}

static clade_status anothers_tensor(void)
{
    struct clade_op op = chosen(softmax());

    op.t[CLADE_X].buffer = caller.elsewhere;
    return prepare(op);
}

static clade_status pinned_tensor(void)
{
    struct clade_op op = chosen(softmax());

    op.t[CLADE_X].buffer = caller.pinned;
    return prepare(op);
}

static clade_status loss(int batch)
{
    struct clade_op op;

    caller_need(clade_op_loss_bwd(&op, at(0, 2, 1, 1, 10), at(1, 2, 1, 1, 10),
                                  bytes(2, 2), 1, &step));
    step.batch = batch;
    const clade_status st = run(op);
    step.batch = 2;
    return st;
}

static clade_status no_batch(void)
{
    return loss(0);
}

static clade_status negative_batch(void)
{
    return loss(-2);
}

static clade_status before_the_batch(void)
{
    struct clade_op op;
    clade_status st;

    caller_need(clade_op_dropout_fwd(&op, at(0, 2, 1, 1, 10),
                                     at(1, 2, 1, 1, 10), 0.5f, "layer", &step));
    step.first_image = -1;
    st = run(op);
    step.first_image = 0;
    return st;
}

static clade_status never_prepared(void)
{
    return clade_backend_run(caller.be, NULL);
}

static clade_status anothers_task(void)
{
    struct clade_op op = chosen(softmax());
    clade_task *task;
    clade_status st;

    caller_need(clade_backend_prepare(caller.be, &task, &op));
    st = clade_backend_run(caller.other, task);
    clade_backend_release(caller.other, task); /* is left alone */
    if (st)
        caller_need(clade_backend_run(caller.be, task));
    caller_need(clade_backend_finish(caller.be));
    clade_backend_release(caller.be, task);
    return st;
}

static clade_status no_layer(void)
{
    struct clade_op op;

    return clade_op_dropout_fwd(&op, at(0, 2, 1, 1, 10), at(1, 2, 1, 1, 10),
                                0.5f, NULL, &step);
}

static clade_status bias_without_flag(void)
{
    struct clade_op op;

    return clade_op_conv_fwd(&op, at(0, 2, 8, 8, 5), at(1, 2, 8, 8, 3),
                             at(2, 1, 1, 3, 5), at(3, 1, 1, 1, 5),
                             clade_window_valid(1, 1, 1), 0);
}

static clade_status slice_past_the_end(void)
{
    struct clade_op op;

    return clade_op_softmax_fwd(&op, at(0, 2, 1, 1, 10),
                                clade_tensor_slice(at(1, 2, 1, 1, 16), 8, 10));
}

static clade_status nothing_to_choose(void)
{
    return clade_backend_choose(caller.be, NULL, NULL);
}

static clade_status nothing_to_prepare(void)
{
    clade_task *task;

    return clade_backend_prepare(caller.be, &task, NULL);
}

/* clang-format off */
static const struct mistake ops[] = {
    { other_type, CLADE_EUSAGE, "clade_backend_real()", "tensors of another type than the backend's" },
    { retyped, CLADE_EUSAGE, "clade_backend_real()", "the same, after choosing" },
    { zeroed, CLADE_EUSAGE, "conv_fwd 0x0x0x0", "a zeroed op is chosen for" },
    { zeroed_and_prepared, CLADE_EUSAGE, "conv_fwd 0x0x0x0", "a zeroed op is prepared" },
    { no_kind, CLADE_EUSAGE, "no op of kind 99", "kind 99 is chosen for" },
    { no_kind_prepared, CLADE_EUSAGE, "no op of kind 99", "kind 99 is prepared" },
    { other_kind, CLADE_EUSAGE, "maxpool_fwd", "the kind has changed" },
    { reshaped, CLADE_EUSAGE, "y is 3x1x1x10", "a shape has changed" },
    { moved_past_the_end, CLADE_EUSAGE, "x spans bytes", "a tensor was moved past the end of its buffer" },
    { moved_before_the_start, CLADE_EUSAGE, "x is not a valid tensor", "or before its start" },
    { onto_itself, CLADE_EUSAGE, "y overlaps x", "or onto another one" },
    { gradient_without_flag, CLADE_EUSAGE, "db is given, but CLADE_BIAS is not", "a bias' gradient has lost its flag" },
    { never_chosen, CLADE_EUSAGE, "clade_backend_choose() first", "an op that was never chosen for" },
    { not_offered, CLADE_EUSAGE, "clade_backend_choose() first", "an algorithm that the backend did not choose" },
    { unknown_algorithm, CLADE_EUSAGE, "no algorithm `nonesuch`", "an algorithm that does not exist" },
    { anothers_tensor, CLADE_EUSAGE, "x lies in another backend's buffer", "a tensor in another backend's buffer" },
    { pinned_tensor, CLADE_EUSAGE, "x lies in memory of the host", "a tensor in memory for staging" },
    { no_batch, CLADE_EUSAGE, "a batch of 0 images", "a batch of 0 images" },
    { negative_batch, CLADE_EUSAGE, "a batch of -2 images", "a negative batch" },
    { before_the_batch, CLADE_EUSAGE, "begins with image -1", "a part that begins before its batch" },
    { never_prepared, CLADE_EUSAGE, "task", "an op that was never prepared" },
    { anothers_task, CLADE_EUSAGE, "prepared on another backend", "a task of another backend" },
    { no_layer, CLADE_EUSAGE, "layer", "dropout without a layer's name" },
    { bias_without_flag, CLADE_ESHAPE, "b is given, but CLADE_BIAS is not", "a bias without its flag" },
    { slice_past_the_end, CLADE_ESHAPE, "x is not a valid tensor", "a slice past the last channel" },
    { nothing_to_choose, CLADE_EUSAGE, "op", "no op to choose for" },
    { nothing_to_prepare, CLADE_EUSAGE, "op", "no op to prepare" },
};
/* clang-format on */

/* ---- what algorithms need ------------------------------------------------ */

static clade_status small_workspace(void)
{
    struct clade_op op = bias();

    op.t[CLADE_WORKSPACE].c--;
    op.t[CLADE_WORKSPACE].ld--;
    return prepare(op);
}

static clade_status late_workspace(void)
{
    struct clade_op op = bias();

    op.t[CLADE_WORKSPACE].offset = 4;
    return prepare(op);
}

static clade_status shared_workspace(void)
{
    struct clade_op op = bias();

    op.t[CLADE_WORKSPACE].buffer = op.t[CLADE_DY].buffer;
    return prepare(op);
}

static clade_status no_workspace(void)
{
    struct clade_op op = bias();

    op.t[CLADE_WORKSPACE] = absent;
    return prepare(op);
}

static clade_status anothers_workspace(void)
{
    struct clade_op op = bias();

    op.t[CLADE_WORKSPACE].buffer = caller.elsewhere;
    return prepare(op);
}

/* clang-format off */
static const struct mistake workspaces[] = {
    { small_workspace, CLADE_EUSAGE, "workspace is", "a workspace that is too small" },
    { late_workspace, CLADE_EUSAGE, "from element 4 on", "a workspace that does not begin its buffer" },
    { shared_workspace, CLADE_EUSAGE, "workspace overlaps dy", "a workspace that overlaps a tensor" },
    { no_workspace, CLADE_EUSAGE, "workspace is missing", "a workspace that is missing" },
    { anothers_workspace, CLADE_EUSAGE, "another backend's buffer", "a workspace of another backend" },
};
/* clang-format on */

static clade_status small_filter(void)
{
    struct clade_op op = conv();

    op.t[CLADE_PACKED].c--;
    op.t[CLADE_PACKED].ld--;
    return prepare(op);
}

static clade_status packing_small_filter(void)
{
    struct clade_op op = conv(), pack;

    op.t[CLADE_PACKED].c--;
    op.t[CLADE_PACKED].ld--;
    return clade_op_filter_pack(&pack, &op);
}

static clade_status no_filter(void)
{
    struct clade_op op = conv();

    op.t[CLADE_PACKED] = absent;
    return prepare(op);
}

static clade_status pinned_filter(void)
{
    struct clade_op op = conv();

    op.t[CLADE_PACKED].buffer = caller.pinned;
    return prepare(op);
}

/* clang-format off */
static const struct mistake filters[] = {
    { small_filter, CLADE_EUSAGE, "packed has", "a packed filter that is too small" },
    { packing_small_filter, CLADE_ESHAPE, "packed has", "the same, when it is packed" },
    { no_filter, CLADE_EUSAGE, "packed is missing", "a packed filter that is missing" },
    { pinned_filter, CLADE_EUSAGE, "memory of the host", "a packed filter in memory for staging" },
};
/* clang-format on */

/* ---- after all that ------------------------------------------------------ */

static double first_of(struct clade_buffer *buffer)
{
    union {
        float single;
        double wide;
    } v;

    caller_need(clade_backend_read(caller.be, &v, buffer, 0,
                                   clade_type_size(caller.real)));
    return caller.real == CLADE_F64 ? v.wide : (double)v.single;
}

static void test_device(void)
{
    double y;

    caller_make(ops, COUNT_OF(ops));
    if (bias().workspace)
        caller_make(workspaces, COUNT_OF(workspaces));
    else
        caller_skip(workspaces, COUNT_OF(workspaces), "none is needed");
    if (conv().packed)
        caller_make(filters, COUNT_OF(filters));
    else
        caller_skip(filters, COUNT_OF(filters), "none is needed");
    caller_need(run(softmax()));
    y = first_of(caller.room[0]);
    tap_ok(y > 0.0999 && y < 0.1001,
           "%s: after all that, a good op is right: %g", caller.device, y);
}

int main(void)
{
    const int tests =
        COUNT_OF(ops) + COUNT_OF(workspaces) + COUNT_OF(filters) + 1;

    tap_plan(CALLER_DEVICES * tests);
    caller_each(test_device, tests);
    return tap_done();
}
