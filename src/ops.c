/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>

#include "backend.h"
#include "check.h"
#include "rng.h"
#include "status.h"

/* ---- products ------------------------------------------------------------ */

/* The three tensors of a convolution, whichever way it goes: image x, filter
 * w, output y. */
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

clade_status clade_op_bias_bwd(struct clade_op *op, struct clade_tensor db,
                               struct clade_tensor dy)
{
    const struct clade_op made = {
        .kind = CLADE_BIAS_BWD,
        .t = { [CLADE_DB] = db, [CLADE_DY] = dy },
    };
    const struct shape must = { 1, 1, 1, dy.c };
    clade_status st;

    if ((st = check_tensors(&made)) ||
        (st = check_shape(&made, CLADE_DB, must)))
        return st;
    *op = made;
    return CLADE_OK;
}

/*
 * Make a dense layer's tensor, N images, into one image of N pixels, whose
 * channels are all elements of an image: [N,H,W,C] -> [1,1,N,H*W*C].  A slice
 * of channels has no such view unless its images are single pixels.
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
                          "a vector an image",
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

/* ---- pools --------------------------------------------------------------- */

/* A pool's image x and output y, whichever way it goes. */
static clade_status check_pool(const struct clade_op *op, enum clade_role y,
                               enum clade_role x, check_window *check)
{
    struct shape out;
    clade_status st;

    if ((st = check_tensors(op)) ||
        (st = window_output(&out, op, &op->t[x], op->t[x].c)) ||
        (st = check(op, &op->t[x], &out)) || (st = check_shape(op, y, out)))
        return st;
    return op->t[CLADE_ARG].buffer ? check_shape(op, CLADE_ARG, out) : CLADE_OK;
}

clade_status clade_op_maxpool_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor arg,
                                  struct clade_tensor x,
                                  struct clade_window window)
{
    const struct clade_op made = {
        .kind = CLADE_MAXPOOL_FWD,
        .window = window,
        .t = { [CLADE_Y] = y, [CLADE_ARG] = arg, [CLADE_X] = x },
    };
    clade_status st = check_pool(&made, CLADE_Y, CLADE_X, check_maxpool);

    if (!st)
        *op = made;
    return st;
}

clade_status clade_op_maxpool_bwd(struct clade_op *op, struct clade_tensor dx,
                                  struct clade_tensor dy,
                                  struct clade_tensor arg,
                                  struct clade_tensor x,
                                  struct clade_window window, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_MAXPOOL_BWD,
        .flags = flags,
        .window = window,
        .t = { [CLADE_DX] = dx,
               [CLADE_DY] = dy,
               [CLADE_ARG] = arg,
               [CLADE_X] = x },
    };
    clade_status st;

    if ((st = check_pool(&made, CLADE_DY, CLADE_DX, check_maxpool)) ||
        (st = check_gradient(&made, CLADE_ACCUMULATE | CLADE_RELU)))
        return st;
    *op = made;
    return CLADE_OK;
}

clade_status clade_op_avgpool_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor x,
                                  struct clade_window window)
{
    const struct clade_op made = {
        .kind = CLADE_AVGPOOL_FWD,
        .window = window,
        .t = { [CLADE_Y] = y, [CLADE_X] = x },
    };
    clade_status st = check_pool(&made, CLADE_Y, CLADE_X, check_avgpool);

    if (!st)
        *op = made;
    return st;
}

clade_status clade_op_avgpool_bwd(struct clade_op *op, struct clade_tensor dx,
                                  struct clade_tensor dy, struct clade_tensor x,
                                  struct clade_window window, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_AVGPOOL_BWD,
        .flags = flags,
        .window = window,
        .t = { [CLADE_DX] = dx, [CLADE_DY] = dy, [CLADE_X] = x },
    };
    clade_status st;

    if ((st = check_pool(&made, CLADE_DY, CLADE_DX, check_avgpool)) ||
        (st = check_gradient(&made, CLADE_ACCUMULATE | CLADE_RELU)))
        return st;
    *op = made;
    return CLADE_OK;
}

/* ---- element by element -------------------------------------------------- */

/* Dropout from one tensor to another of its shape. */
static clade_status check_dropout(const struct clade_op *op, enum clade_role to,
                                  enum clade_role from)
{
    clade_status st;

    if ((st = check_tensors(op)) ||
        (st = check_shape(op, to, shape_of(&op->t[from]))) ||
        (st = check_step(op)))
        return st;
    if (op->scalar >= 0 && op->scalar < 1)
        return CLADE_OK;
    return clade_fail(CLADE_ESHAPE, "%s: rate %g, must be from 0 to below 1",
                      op_describe(op), (double)op->scalar);
}

clade_status clade_op_dropout_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor x, float rate,
                                  const char *layer,
                                  const struct clade_step *step)
{
    const struct clade_op made = {
        .kind = CLADE_DROPOUT_FWD,
        .scalar = rate,
        .stream = rng_stream("dropout", layer),
        .step = step,
        .t = { [CLADE_Y] = y, [CLADE_X] = x },
    };
    clade_status st = check_dropout(&made, CLADE_Y, CLADE_X);

    if (!st)
        *op = made;
    return st;
}

clade_status clade_op_dropout_bwd(struct clade_op *op, struct clade_tensor dx,
                                  struct clade_tensor dy, struct clade_tensor x,
                                  float rate, const char *layer,
                                  const struct clade_step *step, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_DROPOUT_BWD,
        .flags = flags,
        .scalar = rate,
        .stream = rng_stream("dropout", layer),
        .step = step,
        .t = { [CLADE_DX] = dx, [CLADE_DY] = dy, [CLADE_X] = x },
    };
    clade_status st;

    if ((st = check_dropout(&made, CLADE_DX, CLADE_DY)) ||
        (st = check_gradient(&made, CLADE_RELU)))
        return st;
    *op = made;
    return CLADE_OK;
}

clade_status clade_op_sgd(struct clade_op *op, struct clade_tensor w,
                          struct clade_tensor v, struct clade_tensor dw,
                          float momentum, const struct clade_step *step)
{
    const struct clade_op made = {
        .kind = CLADE_SGD,
        .scalar = momentum,
        .step = step,
        .t = { [CLADE_W] = w, [CLADE_V] = v, [CLADE_DW] = dw },
    };
    const struct shape must = shape_of(&w);
    clade_status st;

    if ((st = check_tensors(&made)) || (st = check_dense(&made, CLADE_W)) ||
        (st = check_dense(&made, CLADE_V)) ||
        (st = check_dense(&made, CLADE_DW)) ||
        (st = check_shape(&made, CLADE_V, must)) ||
        (st = check_shape(&made, CLADE_DW, must)) || (st = check_step(&made)))
        return st;
    *op = made;
    return CLADE_OK;
}

/* ---- heads --------------------------------------------------------------- */

/* Is `role` N vectors, of as many classes as `like` has? */
static clade_status check_logits(const struct clade_op *op,
                                 enum clade_role role, enum clade_role like)
{
    const struct clade_tensor *t = &op->t[like];

    return check_shape(op, role, (struct shape){ t->n, 1, 1, t->c });
}

/* Is `role` one element for each image of `like`? */
static clade_status check_one(const struct clade_op *op, enum clade_role role,
                              enum clade_role like)
{
    return check_shape(op, role, (struct shape){ op->t[like].n, 1, 1, 1 });
}

clade_status clade_op_softmax_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor x)
{
    const struct clade_op made = {
        .kind = CLADE_SOFTMAX_FWD,
        .t = { [CLADE_Y] = y, [CLADE_X] = x },
    };
    clade_status st;

    if ((st = check_tensors(&made)) ||
        (st = check_logits(&made, CLADE_X, CLADE_X)) ||
        (st = check_logits(&made, CLADE_Y, CLADE_X)))
        return st;
    *op = made;
    return CLADE_OK;
}

clade_status clade_op_loss_fwd(struct clade_op *op, struct clade_tensor loss,
                               struct clade_tensor hit, struct clade_tensor x,
                               struct clade_tensor label)
{
    const struct clade_op made = {
        .kind = CLADE_LOSS_FWD,
        .t = { [CLADE_LOSS] = loss,
               [CLADE_HIT] = hit,
               [CLADE_X] = x,
               [CLADE_LABEL] = label },
    };
    clade_status st;

    if ((st = check_tensors(&made)) ||
        (st = check_logits(&made, CLADE_X, CLADE_X)) ||
        (st = check_one(&made, CLADE_LOSS, CLADE_X)) ||
        (st = check_one(&made, CLADE_HIT, CLADE_X)) ||
        (st = check_one(&made, CLADE_LABEL, CLADE_X)))
        return st;
    *op = made;
    return CLADE_OK;
}

clade_status clade_op_loss_bwd(struct clade_op *op, struct clade_tensor dx,
                               struct clade_tensor y, struct clade_tensor label,
                               float weight, const struct clade_step *step)
{
    const struct clade_op made = {
        .kind = CLADE_LOSS_BWD,
        .scalar = weight,
        .step = step,
        .t = { [CLADE_DX] = dx, [CLADE_Y] = y, [CLADE_LABEL] = label },
    };
    clade_status st;

    if ((st = check_tensors(&made)) ||
        (st = check_logits(&made, CLADE_Y, CLADE_Y)) ||
        (st = check_logits(&made, CLADE_DX, CLADE_Y)) ||
        (st = check_one(&made, CLADE_LABEL, CLADE_Y)) ||
        (st = check_step(&made)))
        return st;
    *op = made;
    return CLADE_OK;
}

/* ---- images -------------------------------------------------------------- */

clade_status clade_op_resize(struct clade_op *op, struct clade_tensor y,
                             struct clade_tensor x, struct clade_tensor table)
{
    const struct clade_op made = {
        .kind = CLADE_RESIZE,
        .t = { [CLADE_Y] = y, [CLADE_X] = x, [CLADE_TABLE] = table },
    };
    clade_status st;

    if ((st = check_tensors(&made)) ||
        (st =
             check_shape(&made, CLADE_TABLE, (struct shape){ 1, 1, 1, 256 })) ||
        (st =
             check_shape(&made, CLADE_Y, (struct shape){ x.n, y.h, y.w, x.c })))
        return st;
    if (y.h < x.h || y.w < x.w)
        return clade_fail(CLADE_ESHAPE,
                          "%s: y is %dx%d, smaller than x: images can only "
                          "grow",
                          op_describe(&made), y.h, y.w);
    *op = made;
    return CLADE_OK;
}
