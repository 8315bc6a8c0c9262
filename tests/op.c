/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the functions that make ops return (windows, a dense layer, a packed
 * filter), and how an op is described: its names and its cost.
 */
#include <string.h>

#include "backend.h"
#include "op/op.h"
#include "tap.h"

/* Buffers without memory; they count as larger than any tensor here. */
static struct clade_buffer room[8];
static const struct clade_tensor absent = { 0 };

static struct clade_tensor tensor(int i, int n, int h, int w, int c)
{
    return clade_tensor_at(&room[i], 0, n, h, w, c, CLADE_F32);
}

static void made(clade_status st)
{
    if (st)
        tap_bail("%s", clade_error());
}

static void test_windows(void)
{
    const struct clade_window odd = clade_window_same(7, 7, 2, 224, 224);
    const struct clade_window one = clade_window_same(1, 1, 1, 5, 5);
    const struct clade_window gap = clade_window_same(1, 1, 2, 8, 8);

    tap_ok(odd.top == 2 && odd.bottom == 3 && odd.left == 2 && odd.right == 3,
           "same, 7x7/2 over 224: the odd row goes after (%d+%d)", odd.top,
           odd.bottom);
    tap_ok(!one.top && !one.bottom, "same, 1x1: no padding");
    tap_ok(!gap.top && !gap.bottom && !gap.right,
           "same, a stride above the window: the padding is 0, not negative");
}

static void test_dense(void)
{
    struct clade_op op;

    made(clade_op_dense_fwd(&op, tensor(0, 32, 1, 1, 10),
                            tensor(1, 32, 4, 4, 8), tensor(2, 1, 1, 128, 10),
                            absent, 0));
    tap_ok(op.kind == CLADE_CONV_FWD && op.t[CLADE_X].n == 1 &&
               op.t[CLADE_X].w == 32 && op.t[CLADE_X].c == 128 &&
               op.t[CLADE_X].ld == 128 && op.t[CLADE_Y].w == 32,
           "a dense layer is a convolution of one image of N pixels");
}

static void test_pack(void)
{
    struct clade_op conv, op;

    made(clade_op_conv_bwd_data(&conv, tensor(1, 2, 8, 8, 3),
                                tensor(0, 2, 4, 4, 5), tensor(2, 3, 3, 3, 5),
                                absent, clade_window_same(3, 3, 2, 8, 8), 0));
    tap_ok(clade_op_filter_pack(&op, &conv) == CLADE_ESHAPE,
           "filter_pack: an algorithm that packs nothing is refused");
    conv.packed = 135;
    conv.t[CLADE_PACKED] = tensor(5, 1, 1, 1, 134);
    tap_ok(clade_op_filter_pack(&op, &conv) == CLADE_ESHAPE,
           "filter_pack: a tensor that is one element too short is refused");
    conv.t[CLADE_PACKED] = tensor(5, 1, 1, 1, 135);
    tap_ok(!clade_op_filter_pack(&op, &conv) && op.flags == CLADE_TURNED &&
               !op.t[CLADE_DX].buffer && op.t[CLADE_W].buffer == &room[2],
           "filter_pack: conv_bwd_data's filter is turned");
}

/* An op's description, cost, roles and names. */
static void test_words(void)
{
    struct clade_op op;
    double flops;

    made(clade_op_conv_fwd(&op, tensor(0, 2, 4, 4, 5), tensor(1, 2, 8, 8, 3),
                           tensor(2, 3, 3, 3, 5), absent,
                           clade_window_same(3, 3, 2, 8, 8), CLADE_RELU));
    op.label = "conv1";
    flops = clade_op_flops(&op);
    tap_ok(!strcmp(op_describe(&op),
                   "conv_fwd 2x8x8x3 * 3x3x3x5 by 3x3/2 (conv1)"),
           "an op is described as: %s", op_describe(&op));
    tap_ok(flops == 2.0 * 2 * 4 * 4 * 5 * 27,
           "it has as many products and sums: %g", flops);
    tap_ok(clade_op_outputs(CLADE_SGD) == (1u << CLADE_W | 1u << CLADE_V) &&
               clade_op_inputs(CLADE_RESIZE) ==
                   (1u << CLADE_X | 1u << CLADE_TABLE),
           "the outputs and inputs of a kind are masks of roles");
    tap_ok(!strcmp(clade_op_name(CLADE_MAXPOOL_BWD), "maxpool_bwd") &&
               !strcmp(clade_role_name(CLADE_HIT), "hit"),
           "kinds and roles have names");
}

int main(void)
{
    for (int i = 0; i < 8; i++)
        room[i].bytes = (size_t)1 << 40;
    tap_plan(3 + 1 + 3 + 4);
    test_windows();
    test_dense();
    test_pack();
    test_words();
    return tap_done();
}
