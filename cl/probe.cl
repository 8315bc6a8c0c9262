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
 * probe_fma, probe_sum: the same four chains of a*x + b in 16 lanes, ROUNDS *
 * count long, with fma() and with a product and a sum; their times are
 * compared.
 * out [global size].  Any grid.  Compute-bound.
 */
#define PROBE(name, step)                                                     \
    kernel void name(global float *restrict out, int count)                   \
    {                                                                         \
        const float16 a = 0.5f, b = 0.25f;                                    \
        float16 x[4];                                                         \
                                                                              \
        UNROLL for (int i = 0; i < 4; i++) x[i] =                             \
            (float)get_global_id(0) + (float)i;                               \
        for (int i = 0; i < count; i++)                                       \
            UNROLL for (int j = 0; j < 4 * ROUNDS; j++) x[j % 4] =            \
                step(a, x[j % 4], b);                                         \
        x[0] += x[1] + x[2] + x[3];                                           \
        x[0].s01234567 += x[0].s89abcdef;                                     \
        x[0].s0123 += x[0].s4567;                                             \
        out[get_global_id(0)] = x[0].s0 + x[0].s1 + x[0].s2 + x[0].s3;        \
    }

#define APART(a, b, c) ((a) * (b) + (c))

PROBE(probe_fma, fma)
PROBE(probe_sum, APART)
