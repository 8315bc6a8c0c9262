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

    if ((st = check_shape(op, w, must)) ||
        (st = window_output(&out, op, &op->t[x], filter->c)))
        return st;
    return check_shape(op, y, out);
}

/* Check a bias of k channels, or its gradient. */
static clade_status check_bias(const struct clade_op *op, enum clade_role bias,
                               int k)
{
    const bool wanted = op->flags & CLADE_BIAS, given = op->t[bias].buffer;

    if (wanted != given)
        return clade_fail(CLADE_ESHAPE, "%s: %s is %s", op_describe(op),
                          clade_role_name(bias),
                          given ? "given, but CLADE_BIAS is not"
                                : "missing, but CLADE_BIAS is given");
    return given ? check_shape(op, bias, (struct shape){ 1, 1, 1, k })
                 : CLADE_OK;
}

static clade_status check_forward(const struct clade_op *op)
{
    clade_status st;

    if ((st = check_conv(op, CLADE_Y, CLADE_X, CLADE_W)) ||
        (st = check_flags(op, CLADE_BIAS | CLADE_RELU, CLADE_Y)))
        return st;
    return check_bias(op, CLADE_B, op->t[CLADE_W].c);
}

static clade_status check_data(const struct clade_op *op)
{
    const clade_status st = check_conv(op, CLADE_DY, CLADE_DX, CLADE_W);

    return st ? st : check_gradient(op, CLADE_ACCUMULATE | CLADE_RELU);
}

static clade_status check_filter(const struct clade_op *op)
{
    clade_status st;

    if ((st = check_conv(op, CLADE_DY, CLADE_X, CLADE_DW)) ||
        (st = check_flags(op, CLADE_BIAS, CLADE_DW)))
        return st;
    return check_bias(op, CLADE_DB, op->t[CLADE_DW].c);
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

    return op_make(op, &made);
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

    return op_make(op, &made);
}

clade_status
clade_op_conv_bwd_filter(struct clade_op *op, struct clade_tensor dw,
                         struct clade_tensor db, struct clade_tensor x,
                         struct clade_tensor dy, struct clade_window window)
{
    const struct clade_op made = {
        .kind = CLADE_CONV_BWD_FILTER,
        .flags = db.buffer ? CLADE_BIAS : 0,
        .window = window,
        .t = { [CLADE_DW] = dw,
               [CLADE_DB] = db,
               [CLADE_X] = x,
               [CLADE_DY] = dy },
    };

    return op_make(op, &made);
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
    return clade_op_conv_bwd_filter(op, dw, (struct clade_tensor){ 0 }, x, dy,
                                    one_pixel);
}

static clade_status check_pack(const struct clade_op *op)
{
    const struct clade_tensor *packed = &op->t[CLADE_PACKED];
    clade_status st;

    if (!op->packed)
        return clade_fail(CLADE_ESHAPE, "%s: its algorithm packs no filter",
                          op_describe(op));
    if (!packed->buffer)
        return clade_fail(CLADE_ESHAPE, "%s: packed is missing",
                          op_describe(op));
    st = check_flags(op, CLADE_TURNED, CLADE_W);
    return st ? st : check_packed(op);
}

clade_status clade_op_filter_pack(struct clade_op *op,
                                  const struct clade_op *conv)
{
    struct clade_op made;
    clade_status st = status_given(__func__, "conv", conv);

    if (st)
        return st;
    made = *conv;
    made.kind = CLADE_FILTER_PACK;
    made.flags = conv->kind == CLADE_CONV_BWD_DATA ? CLADE_TURNED : 0;
    made.workspace = 0;
    made.depth = 0;
    made.winograd = (struct clade_winograd){ 0 };
    for (int role = 0; role < CLADE_ROLES; role++)
        if (role != CLADE_W && role != CLADE_PACKED)
            made.t[role] = (struct clade_tensor){ 0 };
    if (conv->kind != CLADE_CONV_FWD && conv->kind != CLADE_CONV_BWD_DATA)
        return clade_fail(CLADE_ESHAPE, "%s packs no filter",
                          clade_op_name(conv->kind));
    return op_make(op, &made);
}

/* In all three directions there are N*P*Q * R*S*C*K products, and as many sums.
 * Products with padding count, too; sums of db do not. */
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
                                     .check = check_forward,
                                     .other = CLADE_W,
                                     .product = true,
                                     .with_bias = 1u << CLADE_B,
                                     .flops = product_flops };
const struct op_kind op_conv_bwd_data = { .subject = CLADE_DY,
                                          .check = check_data,
                                          .other = CLADE_W,
                                          .product = true,
                                          .flops = product_flops };
const struct op_kind op_conv_bwd_filter = { .subject = CLADE_X,
                                            .check = check_filter,
                                            .other = CLADE_DY,
                                            .product = true,
                                            .with_bias = 1u << CLADE_DB,
                                            .flops = product_flops };
const struct op_kind op_filter_pack = { .subject = CLADE_W,
                                        .check = check_pack,
                                        .inherits = true };
