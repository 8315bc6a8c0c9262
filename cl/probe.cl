/* SPDX-License-Identifier: Apache-2.0 */

#define ROUNDS 16

/* probe_flag: flag[0] = 1 where the compiler says that fma() is fast, else 0.
 * One work-item. */
kernel void probe_flag(global float *restrict flag)
{
#ifdef FP_FAST_FMAF
    flag[0] = 1;
#else
    flag[0] = 0;
#endif
}

/*
 * probe_fma, probe_sum: four chains of a*x + b, each ROUNDS * count long, with
 * fma() or with a product and a sum; their times are compared.
 *
 * out [global size, VEC].  Built with -D VEC.  Any grid.  Compute-bound.
 */
#define PROBE(name, step)                                                     \
    kernel void name(global float *restrict out, int count)                   \
    {                                                                         \
        const FLOATV a = 0.5f, b = 0.25f;                                     \
        const int i = get_global_id(0);                                       \
        FLOATV x0 = i, x1 = i + 1, x2 = i + 2, x3 = i + 3;                    \
                                                                              \
        for (int j = 0; j < count; j++) {                                     \
            UNROLL for (int k = 0; k < ROUNDS; k++) {                         \
                x0 = step(a, x0, b);                                          \
                x1 = step(a, x1, b);                                          \
                x2 = step(a, x2, b);                                          \
                x3 = step(a, x3, b);                                          \
            }                                                                 \
        }                                                                     \
        STOREV(x0 + x1 + x2 + x3, out + i * VEC);                             \
    }

#define APART(a, b, c) ((a) * (b) + (c))

PROBE(probe_fma, fma)
PROBE(probe_sum, APART)
