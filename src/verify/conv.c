/* SPDX-License-Identifier: Apache-2.0 */
/* What verify knows of convolutions, and of dense layers, which are
 * convolutions, too. */
#include "verify/room.h"

#define CONV (K(CONV_FWD) | K(CONV_BWD_DATA) | K(CONV_BWD_FILTER))

/* What tiles and transforms may get wrong. */
#define TILED (CORE | D(NINES) | D(HUGE) | D(TINY) | D(SPECIAL) | D(SPECIAL_B))

/* clang-format off */
static const struct verify_line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { CONV, 2, 14, 14, 16, 32, 3, 3, 1, SAME, BIAS | RELU | ACC, 0, ALL,
      "3x3, as in every module" },
    { CONV, 2, 14, 14, 16, 32, 3, 3, 1, SAME, 0, 0, CORE,
      "3x3 without an epilogue" },
    { CONV, 1, 7, 7, 48, 16, 3, 3, 1, SAME, BIAS | RELU | ACC, 0, TILED,
      "3x3 with tiles that overhang" },
    { CONV, 3, 5, 6, 16, 48, 3, 3, 1, SAME, BIAS | RELU | ACC, 16, TILED,
      "3x3 on slices, an image that is no square" },
    { CONV, 1, 5, 6, 32, 16, 5, 5, 1, SAME, BIAS | RELU | ACC, 0, TILED,
      "5x5 with tiles that overhang" },
    { CONV, 2, 7, 7, 48, 32, 1, 1, 1, SAME, BIAS | RELU, 0, ALL,
      "1x1, as in every module" },
    { CONV, 2, 7, 7, 24, 48, 5, 5, 1, SAME, BIAS | RELU | ACC, 6, ALL,
      "5x5 on slices of channels" },
    { CONV, 2, 7, 6, 40, 52, 1, 1, 1, SAME, BIAS | RELU | ACC, 12, ALL,
      "1x1 on slices, the filter one of a wider filter's" },
    { CONV, 2, 14, 14, 3, 64, 7, 7, 2, SAME, BIAS | RELU, 0, CORE,
      "conv1: three channels, stride 2" },
    { CONV, 1, 1, 1, 64, 10, 1, 1, 1, SAME, BIAS, 0, CORE | D(WIDE_A),
      "a dense layer of one image" },
    { CONV, 1, 1, 33, 128, 24, 1, 1, 1, SAME, BIAS | RELU | ACC, 0, CORE,
      "a dense layer of 33 images" },
    { CONV, 33, 1, 1, 3, 1, 3, 3, 1, SAME, BIAS, 1, CORE,
      "images of one pixel, one output channel" },
    { CONV, 1, 3, 2, 1, 3, 7, 5, 1, SAME, RELU, 0, CORE,
      "a kernel larger than the image, one channel" },
    { CONV, 1, 1, 19, 7, 5, 3, 3, 1, SAME, BIAS | ACC, 3, CORE,
      "one row, odd channels" },
    { CONV, 3, 23, 1, 5, 17, 3, 3, 2, SAME, BIAS | RELU, 0, CORE,
      "one column, stride 2" },
    { CONV, 1, 6, 5, 528, 16, 1, 1, 1, SAME, BIAS, 2, CORE,
      "528 channels" },
    { CONV, 1, 4, 4, 24, 528, 1, 1, 1, SAME, RELU, 0, CORE,
      "528 output channels" },
    { CONV, 1, 9, 8, 6, 11, 3, 3, 1, VALID, BIAS | RELU, 0, CORE,
      "no padding" },
    { CONV, 2, 9, 10, 4, 8, 3, 4, 3, UNEVEN, BIAS | RELU | ACC, 5, CORE,
      "four different pads, stride 3, an even kernel" },
    { CONV, 1, 28, 28, 112, 20, 3, 3, 1, SAME, BIAS, 0, CORE,
      "long sums of 112 channels" },
    { K(CONV_BWD_FILTER), 32, 112, 112, 1, 4, 1, 1, 1, SAME, BIAS, 0,
      EXACT | D(RANDOM), "401,408 products a sum, as conv1's at batch 32" },
    { 0 }
};
/* clang-format on */

static clade_status make_fwd(struct clade_op *op, const struct verify_parts *p)
{
    return clade_op_conv_fwd(op, T(Y), T(X), T(W), T(B), p->c->window,
                             p->c->flags);
}

static clade_status make_bwd_data(struct clade_op *op,
                                  const struct verify_parts *p)
{
    return clade_op_conv_bwd_data(op, T(DX), T(DY), T(W), T(X), p->c->window,
                                  p->c->flags);
}

static clade_status make_bwd_filter(struct clade_op *op,
                                    const struct verify_parts *p)
{
    return clade_op_conv_bwd_filter(op, T(DW), T(DB), T(X), T(DY),
                                    p->c->window);
}

/* Whether a window of `extent` places from `first` on reaches out of an
 * image. */
static bool sticks_out(int first, int extent, int image)
{
    return first < 0 || first + extent > image;
}

/* An element of y reads the window that begins at its place times stride. */
static bool padded_fwd(const struct clade_op *op, int64_t i)
{
    const struct clade_window *win = &op->window;
    const struct clade_tensor *x = &op->t[CLADE_X], *y = &op->t[CLADE_Y];
    const int w = i / y->c % y->w, h = i / y->c / y->w % y->h;

    return sticks_out(h * win->stride - win->top, win->r, x->h) ||
           sticks_out(w * win->stride - win->left, win->s, x->w);
}

/* An element of dx reads a window of dy, reversed.  With a stride there are
 * zeros between dy's rows as well. */
static bool padded_bwd_data(const struct clade_op *op, int64_t i)
{
    const struct clade_window *win = &op->window;
    const struct clade_tensor *dx = &op->t[CLADE_DX], *dy = &op->t[CLADE_DY];
    const int w = i / dx->c % dx->w, h = i / dx->c / dx->w % dx->h;

    return win->stride > 1 ||
           sticks_out(h + win->top - win->r + 1, win->r, dy->h) ||
           sticks_out(w + win->left - win->s + 1, win->s, dy->w);
}

/* Place (r,s) of dw meets each window of x at one pixel: some of these are
 * outside the image if the first or the last one is. */
static bool padded_bwd_filter(const struct clade_op *op, int64_t i)
{
    const struct clade_window *win = &op->window;
    const struct clade_tensor *dw = &op->t[CLADE_DW], *x = &op->t[CLADE_X];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const int s = i / dw->c / dw->w % dw->h, r = i / dw->c / dw->w / dw->h;

    return sticks_out(r - win->top, (dy->h - 1) * win->stride + 1, x->h) ||
           sticks_out(s - win->left, (dy->w - 1) * win->stride + 1, x->w);
}

const struct verify_kind verify_conv_fwd = {
    .make = make_fwd,
    .lines = lines,
    .data = SUM_DATA | PAIR_DATA,
    .flags = BIAS | RELU,
    .hot_a = HOT_GRID,
    .hot_b = HOT_COLUMN,
    .b = CLADE_W,
    .over = "rsc",
    .transform = { .d = CLADE_X, .g = CLADE_W, .relative = 3e-5 },
    .meets_padding = padded_fwd,
};
const struct verify_kind verify_conv_bwd_data = {
    .make = make_bwd_data,
    .lines = lines,
    .data = SUM_DATA | PAIR_DATA,
    .flags = RELU | ACC,
    .hot_a = HOT_GRID,
    .hot_b = HOT_INNER,
    .b = CLADE_W,
    .over = "RSk",
    .transform = { .d = CLADE_DY,
                   .g = CLADE_W,
                   .turned = true,
                   .relative = 3e-5 },
    .meets_padding = padded_bwd_data,
};
const struct verify_kind verify_conv_bwd_filter = {
    .make = make_bwd_filter,
    .lines = lines,
    .data = SUM_DATA | PAIR_DATA,
    .flags = BIAS,
    .hot_a = HOT_COLUMN,
    .hot_b = HOT_COLUMN,
    .b = CLADE_DY,
    .over = "npq",
    .transform = { .d = CLADE_X,
                   .g = CLADE_DY,
                   .over_tiles = true,
                   .relative = 1.2e-4 },
    .meets_padding = padded_bwd_filter,
};
/* It copies a filter, and is judged with the convolution that reads the
 * copy. */
const struct verify_kind verify_filter_pack = { .exact = K(PACKED) };
