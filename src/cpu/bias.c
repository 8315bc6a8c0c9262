/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"

/* db[k] = sum over pixels of dy[pixel,k], for channels k0 ... k0+count-1. */
static void sum_channels(const struct clade_op *op, int k0, int count)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    real *db = reals(&op->t[CLADE_DB]) + k0;
    double sum[CPU_CHANNELS] = { 0 };

    for (int64_t i = 0; i < clade_tensor_pixels(dy); i++) {
        const real *from = reals(dy) + i * dy->ld + k0;

        for (int k = 0; k < count; k++)
            sum[k] += from[k];
    }
    for (int k = 0; k < count; k++)
        db[k] = (real)sum[k];
}

static void bias_bwd(const struct clade_op *op, void *scratch)
{
    const int K = op->t[CLADE_DB].c;

    (void)scratch;
#pragma omp parallel for
    for (int k = 0; k < K; k += CPU_CHANNELS)
        sum_channels(op, k, K - k < CPU_CHANNELS ? K - k : CPU_CHANNELS);
}

static struct cpu_exact bias_bwd_at(const struct clade_op *op,
                                    struct cpu_query ask)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    struct cpu_exact e = { 0 };

    for (int64_t j = 0; j < clade_tensor_pixels(dy); j++)
        exact_add(&e, reals(dy)[j * dy->ld + ask.i], 1);
    return e;
}

static int64_t chain(const struct clade_op *op)
{
    return clade_tensor_pixels(&op->t[CLADE_DY]);
}

const struct cpu_kind REAL_NAME(bias_bwd) = { .run = bias_bwd,
                                              .at = bias_bwd_at,
                                              .chain = chain };
