/* SPDX-License-Identifier: Apache-2.0 */
/* What verify knows of the resizing of images. */
#include "verify/room.h"

/* clang-format off */
static const struct verify_line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { ALL, 2, 32, 32, 3, 0, 224, 224, 1, OUTPUT, 0, 0, CORE,
      "32 to 224, the images'" },
    { ALL, 1, 5, 7, 1, 0, 13, 7, 1, OUTPUT, 0, 1, CORE,
      "odd factors, one of them 1" },
    { ALL, 3, 1, 1, 4, 0, 3, 5, 1, OUTPUT, 0, 0, CORE,
      "images of one pixel" },
    { ALL, 1, 5, 7, 1, 0, 17, 23, 1, OUTPUT, 0, 0, CORE,
      "odd sizes" },
    { ALL, 2, 9, 3, 3, 0, 40, 16, 1, OUTPUT, 0, 2, CORE,
      "a slice" },
    { 0 }
};
/* clang-format on */

static clade_status make(struct clade_op *op, const struct verify_parts *p)
{
    return clade_op_resize(op, T(Y), T(X), T(TABLE));
}

/* The table, a byte's value over 255. */
static double value(const struct fill *f, int64_t i)
{
    (void)f;
    return (float)i / 255;
}

const struct verify_kind verify_resize = {
    .make = make,
    .lines = lines,
    .data = D(RANDOM),
    .shape = { [CLADE_TABLE] = "111t" },
    .value = value,
    .exact = K(Y),
};
