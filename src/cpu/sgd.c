/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"

/* v = momentum*v - rate*dw, rounded to storage; w = w + v with that v. */
static void sgd(const struct clade_op *op, void *scratch)
{
    const double momentum = op->scalar;
    const double rate = op->step->learning_rate;
    const int64_t count = clade_tensor_elements(&op->t[CLADE_W]);
    const real *dw = reals(&op->t[CLADE_DW]);
    real *w = reals(&op->t[CLADE_W]);
    real *v = reals(&op->t[CLADE_V]);

    (void)scratch;
#pragma omp parallel for
    for (int64_t i = 0; i < count; i++) {
        v[i] = (real)(momentum * v[i] - rate * dw[i]);
        w[i] = (real)((double)w[i] + v[i]);
    }
}

/* For both w and v, s is |momentum*v| + |rate*dw|. */
static struct cpu_exact sgd_at(const struct clade_op *op, struct cpu_query ask)
{
    const double rate = op->step->learning_rate;
    struct cpu_exact e = { 0 };

    exact_add(&e, op->scalar, reals(&op->t[CLADE_V])[ask.i]);
    exact_add(&e, -rate, reals(&op->t[CLADE_DW])[ask.i]);
    if (ask.role == CLADE_W)
        e.y += reals(&op->t[CLADE_W])[ask.i];
    return e;
}

const struct cpu_kind
    REAL_NAME(sgd) = { .run = sgd, .at = sgd_at, .roundings = 2 };
