/* SPDX-License-Identifier: Apache-2.0 */
/* What verify knows of a bias' gradient. */
#include "verify/room.h"

/* clang-format off */
static const struct verify_line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { ALL, 2, 14, 14, 0, 48, 1, 1, 1, SAME, 0, 0, ALL,
      "a bias' gradient" },
    { ALL, 33, 1, 1, 0, 3, 1, 1, 1, SAME, 0, 5, CORE,
      "images of one pixel, a slice" },
    { ALL, 1, 1, 1, 0, 528, 1, 1, 1, SAME, 0, 0, CORE,
      "one pixel" },
    { ALL, 3, 57, 61, 0, 1, 1, 1, 1, SAME, 0, 0, CORE,
      "a long sum for one channel" },
    { ALL, 1, 1, 1, 0, 1, 1, 1, 1, SAME, 0, 0, D(EXACT),
      "one element" },
    { ALL, 2, 19, 23, 0, 48, 1, 1, 1, SAME, 0, 16, D(EXACT),
      "a slice whose pixels fill no block" },
    { 0 }
};
/* clang-format on */

static clade_status make(struct clade_op *op, const struct verify_parts *p)
{
    return clade_op_bias_bwd(op, T(DB), T(DY));
}

const struct verify_kind verify_bias_bwd = {
    .make = make,
    .lines = lines,
    .data = SUM_DATA,
    .hot_a = HOT_COLUMN,
    .over = "npq",
};
