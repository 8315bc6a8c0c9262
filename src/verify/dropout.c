/* SPDX-License-Identifier: Apache-2.0 */
/* What verify knows of dropout. */
#include "verify/room.h"

/* clang-format off */
static const struct verify_line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { ALL, 2, 1, 1, 1024, 0, 1, 1, 1, SAME, RELU, 0, ALL,
      "the heads' dropout" },
    { ALL, 33, 1, 1, 3, 0, 1, 1, 1, SAME, 0, 3, CORE,
      "channels that are no multiple of 4, a slice" },
    { ALL, 1, 3, 5, 7, 0, 1, 1, 1, SAME, RELU, 0, CORE,
      "an odd number of elements" },
    { ALL, 5, 2, 2, 16, 0, 1, 1, 1, SAME, RELU, 4, CORE | D(SPECIAL),
      "a slice in fours" },
    { 0 }
};
/* clang-format on */

static clade_status make_fwd(struct clade_op *op, const struct verify_parts *p)
{
    return clade_op_dropout_fwd(op, T(Y), T(X), p->c->scalar, "verify",
                                p->step);
}

static clade_status make_bwd(struct clade_op *op, const struct verify_parts *p)
{
    return clade_op_dropout_bwd(op, T(DX), T(DY), T(X), p->c->scalar, "verify",
                                p->step, p->c->flags);
}

#define DATA (D(RANDOM) | D(SPECIAL) | D(TINY) | D(HUGE) | D(DENORMAL))
#define RATE 0.4f

const struct verify_kind verify_dropout_fwd = {
    .make = make_fwd,
    .lines = lines,
    .data = DATA,
    .scalar = RATE,
    .exact = K(Y),
};
const struct verify_kind verify_dropout_bwd = {
    .make = make_bwd,
    .lines = lines,
    .data = DATA,
    .flags = RELU,
    .scalar = RATE,
    .exact = K(DX),
};
