/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"
#include "rng.h"

/* The factor for element i of the op's images: 0, or float32(1/(1-rate)).  The
 * op's image 0 is number step->first_image of the batch. */
static double multiplier(const struct clade_op *op,
                         const struct clade_tensor *t, int64_t i)
{
    const struct clade_step *step = op->step;
    const int64_t image = (int64_t)t->h * t->w * t->c;
    const uint64_t number = (uint64_t)(step->first_image * image + i);

    if (!step->dropout)
        return 1;
    if (rng_uniform(step->seed, step->number, op->stream, number) < op->scalar)
        return 0;
    return (float)(1 / (1 - (double)op->scalar));
}

/* Element i of the result, before the epilogue.  A dropped Inf or NaN becomes
 * NaN, because it is multiplied by 0. */
static double dropped(const struct clade_op *op,
                      const struct clade_tensor *from, int64_t i)
{
    return reals(from)[place_of(from, i).element] * multiplier(op, from, i);
}

static void dropout_fwd(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];

    (void)scratch;
#pragma omp parallel for
    for (int64_t i = 0; i < clade_tensor_elements(y); i++)
        reals(y)[place_of(y, i).element] =
            (real)dropped(op, &op->t[CLADE_X], i);
}

/* Element i of dx.  Dropout never accumulates, so the old value is 0. */
static double input_gradient(const struct clade_op *op, int64_t i)
{
    const struct clade_tensor *x = &op->t[CLADE_X];

    return masked(op, dropped(op, &op->t[CLADE_DY], i), 0,
                  x->buffer ? place_of(x, i).element : 0);
}

static void dropout_bwd(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];

    (void)scratch;
#pragma omp parallel for
    for (int64_t i = 0; i < clade_tensor_elements(dx); i++)
        reals(dx)[place_of(dx, i).element] = (real)input_gradient(op, i);
}

/* The oracle's answer for a product y of an element of `from`.  If that element
 * is subnormal, a device that flushes loses y, even where y is normal. */
static struct cpu_exact exact_product(double y, const struct clade_tensor *from,
                                      int64_t i)
{
    struct cpu_exact e = exact_value(y);

    if (subnormal(reals(from)[place_of(from, i).element]))
        e.flush = fabs(y);
    return e;
}

static struct cpu_exact dropout_fwd_at(const struct clade_op *op,
                                       struct cpu_query ask)
{
    return exact_product(dropped(op, &op->t[CLADE_X], ask.i), &op->t[CLADE_X],
                         ask.i);
}

static struct cpu_exact dropout_bwd_at(const struct clade_op *op,
                                       struct cpu_query ask)
{
    return exact_product(input_gradient(op, ask.i), &op->t[CLADE_DY], ask.i);
}

const struct cpu_kind REAL_NAME(dropout_fwd) = { .run = dropout_fwd,
                                                 .at = dropout_fwd_at };
const struct cpu_kind REAL_NAME(dropout_bwd) = { .run = dropout_bwd,
                                                 .at = dropout_bwd_at };
