/* SPDX-License-Identifier: Apache-2.0 */
/* What verify knows of the pools. */
#include "verify/room.h"

#define MAX (K(MAXPOOL_FWD) | K(MAXPOOL_BWD))
#define AVG (K(AVGPOOL_FWD) | K(AVGPOOL_BWD))

/* clang-format off */
static const struct verify_line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { MAX, 2, 14, 14, 24, 0, 3, 3, 2, SAME, RELU, 0, ALL,
      "3x3/2, between modules" },
    { MAX, 2, 7, 7, 16, 0, 3, 3, 1, SAME, RELU | ACC, 3, ALL,
      "3x3/1, the module's branch, a slice" },
    { MAX, 33, 1, 1, 3, 0, 3, 3, 1, SAME, 0, 0, CORE,
      "images of one pixel" },
    { MAX, 1, 2, 3, 1, 0, 5, 5, 2, SAME, ACC, 1, CORE,
      "a window larger than the image" },
    { MAX, 1, 9, 11, 528, 0, 2, 3, 2, VALID, 0, 0, CORE,
      "no padding, an even window" },
    { MAX, 1, 9, 5, 20, 0, 2, 3, 2, SAME, ACC, 1, CORE | D(SPECIAL),
      "unequal sides of window and image" },
    { AVG, 2, 14, 14, 24, 0, 5, 5, 3, VALID, RELU | ACC, 2, ALL,
      "5x5/3, the auxiliary heads'" },
    { AVG, 2, 7, 7, 48, 0, 7, 7, 1, VALID, RELU, 0, ALL,
      "the whole image, the main head's" },
    { AVG, 33, 1, 1, 3, 0, 1, 1, 1, VALID, 0, 0, CORE,
      "images of one pixel" },
    { AVG, 1, 8, 5, 1, 0, 2, 3, 1, VALID, ACC, 4, CORE,
      "overlapping windows, one channel" },
    { AVG, 1, 6, 5, 3, 0, 2, 2, 2, VALID, RELU, 1, CORE,
      "windows that leave the last column out" },
    { 0 }
};
/* clang-format on */

static clade_status make_maxpool_fwd(struct clade_op *op,
                                     const struct verify_parts *p)
{
    return clade_op_maxpool_fwd(op, T(Y), T(ARG), T(X), p->c->window);
}

static clade_status make_maxpool_bwd(struct clade_op *op,
                                     const struct verify_parts *p)
{
    return clade_op_maxpool_bwd(op, T(DX), T(DY), T(ARG), T(X), p->c->window,
                                p->c->flags);
}

static clade_status make_avgpool_fwd(struct clade_op *op,
                                     const struct verify_parts *p)
{
    return clade_op_avgpool_fwd(op, T(Y), T(X), p->c->window);
}

static clade_status make_avgpool_bwd(struct clade_op *op,
                                     const struct verify_parts *p)
{
    return clade_op_avgpool_bwd(op, T(DX), T(DY), T(X), p->c->window,
                                p->c->flags);
}

/* Make a choice as maxpool_fwd's: any place of the window inside the image. */
static uint8_t choice(const struct fill *f, int64_t i)
{
    const struct op_case *c = f->c;
    const struct clade_window *win = &c->window;
    const int64_t pixel = i / f->t->c;
    const int q = pixel % f->t->w, p = pixel / f->t->w % f->t->h;
    const int places = win->r * win->s;
    int at = data_words(f, i).w[0] % places;

    for (int tries = 0; tries < places; tries++, at = (at + 1) % places) {
        const int h = p * win->stride - win->top + at / win->s;
        const int w = q * win->stride - win->left + at % win->s;

        if (h >= 0 && h < c->h && w >= 0 && w < c->w)
            break;
    }
    return at;
}

const struct verify_kind verify_maxpool_fwd = {
    .make = make_maxpool_fwd,
    .lines = lines,
    .data = D(TIES) | D(RANDOM) | D(SPECIAL) | D(HUGE) | D(DENORMAL),
    .exact = K(Y) | K(ARG),
};
const struct verify_kind verify_maxpool_bwd = {
    .make = make_maxpool_bwd,
    .lines = lines,
    .data = SUM_DATA & ~D(POSITION_A),
    .flags = RELU | ACC,
    .bytes = "rs",
    .byte = choice,
    .over = "RS",
};
const struct verify_kind verify_avgpool_fwd = {
    .make = make_avgpool_fwd,
    .lines = lines,
    .data = SUM_DATA,
    .hot_a = HOT_GRID,
    .over = "rs",
    .average = true,
};
const struct verify_kind verify_avgpool_bwd = {
    .make = make_avgpool_bwd,
    .lines = lines,
    .data = SUM_DATA,
    .flags = RELU | ACC,
    .hot_a = HOT_GRID,
    .over = "RS",
    .average = true,
};
