/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "op/check.h"
#include "op/op.h"
#include "status.h"

/* Check the three tensors of a convolution in any direction.  y, x and w are
 * the roles of output, image and filter. */
static clade_status check_conv(const struct clade_op *op, enum clade_role y,
                               enum clade_role x, enum clade_role w)
{
    const struct clade_tensor *filter = &op->t[w];
    const struct shape must = { op->window.r, op->window.s, op->t[x].c,
                                op->t[y].c };
    struct shape out;
    clade_status st;

    if ((st = check_tensors(op)) || (st = check_shape(op, w, must)) ||
        (st = check_dense(op, w)) ||
        (st = window_output(&out, op, &op->t[x], filter->c)))
        return st;
    return check_shape(op, y, out);
}

clade_status clade_op_conv_fwd(struct clade_op *op, struct clade_tensor y,
                               struct clade_tensor x, struct clade_tensor w,
                               struct clade_tensor b,
                               struct clade_window window, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_CONV_FWD,
        .flags = flags,
        .window = window,
        .t = { [CLADE_Y] = y, [CLADE_X] = x, [CLADE_W] = w, [CLADE_B] = b },
    };
    const struct shape bias = { 1, 1, 1, w.c };
    clade_status st;

    if ((st = check_conv(&made, CLADE_Y, CLADE_X, CLADE_W)) ||
        (st = check_flags(&made, CLADE_BIAS | CLADE_RELU, CLADE_Y)))
        return st;
    if ((flags & CLADE_BIAS) && !b.buffer)
        return clade_fail(CLADE_ESHAPE, "%s: b is missing", op_describe(&made));
    if (b.buffer && (st = check_shape(&made, CLADE_B, bias)))
        return st;
    *op = made;
    return CLADE_OK;
}

clade_status clade_op_conv_bwd_data(struct clade_op *op, struct clade_tensor dx,
                                    struct clade_tensor dy,
                                    struct clade_tensor w,
                                    struct clade_tensor x,
                                    struct clade_window window, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_CONV_BWD_DATA,
        .flags = flags,
        .window = window,
        .t = { [CLADE_DX] = dx, [CLADE_DY] = dy, [CLADE_W] = w, [CLADE_X] = x },
    };
    clade_status st;

    if ((st = check_conv(&made, CLADE_DY, CLADE_DX, CLADE_W)) ||
        (st = check_gradient(&made, CLADE_ACCUMULATE | CLADE_RELU)))
        return st;
    *op = made;
    return CLADE_OK;
}

clade_status clade_op_conv_bwd_filter(struct clade_op *op,
                                      struct clade_tensor dw,
                                      struct clade_tensor x,
                                      struct clade_tensor dy,
                                      struct clade_window window)
{
    const struct clade_op made = {
        .kind = CLADE_CONV_BWD_FILTER,
        .window = window,
        .t = { [CLADE_DW] = dw, [CLADE_X] = x, [CLADE_DY] = dy },
    };
    clade_status st;

    if ((st = check_conv(&made, CLADE_DY, CLADE_X, CLADE_DW)))
        return st;
    *op = made;
    return CLADE_OK;
}

/*
 * View the N images of a dense layer as one image of N pixels: [N,H,W,C]
 * becomes [1,1,N,H*W*C].  A slice can be seen so only if each image is a single
 * pixel.
 */
static clade_status as_pixels(struct clade_tensor *t, const char *name)
{
    const double c = (double)t->h * t->w * t->c;

    if (!t->buffer)
        return CLADE_OK;
    if (t->n < 1 || t->h < 1 || t->w < 1 || t->c < 1 || c > INT_MAX ||
        ((t->h > 1 || t->w > 1) && t->ld != t->c))
        return clade_fail(CLADE_ESHAPE,
                          "dense: %s is %dx%dx%dx%d, %d elements a pixel: not "
                          "one vector for each image",
                          name, t->n, t->h, t->w, t->c, t->ld);
    if (t->h > 1 || t->w > 1)
        t->ld = (int)c;
    t->w = t->n;
    t->n = t->h = 1;
    t->c = (int)c;
    return CLADE_OK;
}

static const struct clade_window one_pixel = { .r = 1, .s = 1, .stride = 1 };

clade_status clade_op_dense_fwd(struct clade_op *op, struct clade_tensor y,
                                struct clade_tensor x, struct clade_tensor w,
                                struct clade_tensor b, unsigned flags)
{
    clade_status st;

    if ((st = as_pixels(&y, "y")) || (st = as_pixels(&x, "x")))
        return st;
    return clade_op_conv_fwd(op, y, x, w, b, one_pixel, flags);
}

clade_status clade_op_dense_bwd_data(struct clade_op *op,
                                     struct clade_tensor dx,
                                     struct clade_tensor dy,
                                     struct clade_tensor w,
                                     struct clade_tensor x, unsigned flags)
{
    clade_status st;

    if ((st = as_pixels(&dx, "dx")) || (st = as_pixels(&dy, "dy")) ||
        (st = as_pixels(&x, "x")))
        return st;
    return clade_op_conv_bwd_data(op, dx, dy, w, x, one_pixel, flags);
}

clade_status clade_op_dense_bwd_filter(struct clade_op *op,
                                       struct clade_tensor dw,
                                       struct clade_tensor x,
                                       struct clade_tensor dy)
{
    clade_status st;

    if ((st = as_pixels(&x, "x")) || (st = as_pixels(&dy, "dy")))
        return st;
    return clade_op_conv_bwd_filter(op, dw, x, dy, one_pixel);
}

clade_status clade_op_filter_pack(struct clade_op *op,
                                  const struct clade_op *conv)
{
    const bool turned = conv->kind == CLADE_CONV_BWD_DATA;
    struct clade_op made = *conv;
    clade_status st;

    if ((conv->kind != CLADE_CONV_FWD && !turned) || !conv->packed)
        return clade_fail(CLADE_ESHAPE, "%s: its algorithm packs no filter",
                          op_describe(conv));
    made.kind = CLADE_FILTER_PACK;
    made.flags = turned ? CLADE_TURNED : 0;
    made.workspace = 0;
    made.depth = 0;
    for (int role = 0; role < CLADE_ROLES; role++)
        if (role != CLADE_W && role != CLADE_PACKED)
            made.t[role] = (struct clade_tensor){ 0 };
    if (!made.t[CLADE_PACKED].buffer)
        return clade_fail(CLADE_ESHAPE, "%s: packed is missing",
                          op_describe(&made));
    if ((st = check_tensors(&made)))
        return st;
    if (clade_tensor_elements(&made.t[CLADE_PACKED]) < (int64_t)made.packed)
        return clade_fail(
            CLADE_ESHAPE, "%s: packed has %lld elements, must have %zu",
            op_describe(&made),
            (long long)clade_tensor_elements(&made.t[CLADE_PACKED]),
            made.packed);
    *op = made;
    return CLADE_OK;
}

/* In all three directions there are N*P*Q * R*S*C*K products, and as many sums.
 * Products with padding count, too. */
static double product_flops(const struct clade_op *op)
{
    const bool forward = op->kind == CLADE_CONV_FWD;
    const bool filter = op->kind == CLADE_CONV_BWD_FILTER;
    const struct clade_tensor *y = &op->t[forward ? CLADE_Y : CLADE_DY];
    const struct clade_tensor *w = &op->t[filter ? CLADE_DW : CLADE_W];

    return 2.0 * (double)clade_tensor_pixels(y) *
           (double)clade_tensor_elements(w);
}

const struct op_kind op_conv_fwd = { .subject = CLADE_X,
                                     .other = CLADE_W,
                                     .product = true,
                                     .flops = product_flops };
const struct op_kind op_conv_bwd_data = { .subject = CLADE_DY,
                                          .other = CLADE_W,
                                          .product = true,
                                          .flops = product_flops };
const struct op_kind op_conv_bwd_filter = { .subject = CLADE_X,
                                            .other = CLADE_DY,
                                            .product = true,
                                            .flops = product_flops };
const struct op_kind op_filter_pack = { .subject = CLADE_W, .inherits = true };
