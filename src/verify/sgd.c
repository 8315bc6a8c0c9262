/* SPDX-License-Identifier: Apache-2.0 */
/* What verify knows of the update. */
#include "verify/room.h"

#include <math.h>

/* clang-format off */
static const struct verify_line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { ALL, 1, 1, 1, 1, 10000, 1, 1, 1, SAME, 0, 0, ALL,
      "the update" },
    { ALL, 1, 1, 1, 1, 1, 1, 1, 1, SAME, 0, 0, CORE,
      "one parameter" },
    { ALL, 1, 1, 1, 1, 4099, 1, 1, 1, SAME, 0, 0, CORE,
      "a length that no width divides" },
    { ALL, 1, 1, 1, 1, 32797, 1, 1, 1, SAME, 0, 0, D(EXACT),
      "three spans, the last one short and odd" },
    { 0 }
};
/* clang-format on */

static clade_status make(struct clade_op *op, const struct verify_parts *p)
{
    return clade_op_sgd(op, T(W), T(V), T(DW), p->c->scalar, p->step);
}

/* v' = 0.9v - lr g: two products, their difference; w' = w + v' rounds once
 * more. */
static double bound(const struct verify_element *x)
{
    const double v = bound_gamma(3) * x->exact->s + x->bracket->tau;

    return x->role == CLADE_V ? v : v + 0x1p-24 * (fabs(x->exact->y) + v);
}

static const float *values_of(const struct clade_op *op, enum clade_role role)
{
    return ((struct cpu_buffer *)op->t[role].buffer)->host;
}

/* w is rounded once more: add |w|. */
static double beyond(const struct clade_op *op, enum clade_role role, int64_t i)
{
    return role == CLADE_W ? fabsf(values_of(op, CLADE_W)[i]) : 0;
}

/* |m v| + |rate dw|, and |w| more for w. */
static void bracket(float *s, const struct clade_op *op, enum clade_role role)
{
    const float *v = values_of(op, CLADE_V), *dw = values_of(op, CLADE_DW);
    const int64_t n = clade_tensor_elements(&op->t[role]);
    const float rate = op->step->learning_rate;

#pragma omp parallel for
    for (int64_t i = 0; i < n; i++)
        s[i] = fabsf(op->scalar * v[i]) + fabsf(rate * dw[i]) +
               (float)beyond(op, role, i);
}

const struct verify_kind verify_sgd = {
    .make = make,
    .lines = lines,
    .data = D(RANDOM) | D(TINY) | D(HUGE) | D(EXACT) | D(CANCEL) | D(SPECIAL) |
            D(DENORMAL),
    .scalar = 0.9f,
    .bound = bound,
    .pointwise = true,
    .bracket = bracket,
    .beyond = beyond,
};
