/* SPDX-License-Identifier: Apache-2.0 */

#define ROUNDS 64

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
 * probe_fma, probe_sum: the same eight chains of a*x + b, ROUNDS * count long,
 * with fma() and with a product and a sum; their times are compared.
 * out [global size].  One work-item a group or more, any grid.  Compute-bound.
 */
kernel void probe_fma(global float *restrict out, int count)
{
    const float8 a = 0.5f, b = 0.25f;
    float8 x = (float)get_global_id(0);

    for (int i = 0; i < count; i++)
        UNROLL for (int j = 0; j < ROUNDS; j++) x = fma(a, x, b);
    out[get_global_id(0)] =
        x.s0 + x.s1 + x.s2 + x.s3 + x.s4 + x.s5 + x.s6 + x.s7;
}

kernel void probe_sum(global float *restrict out, int count)
{
    const float8 a = 0.5f, b = 0.25f;
    float8 x = (float)get_global_id(0);

    for (int i = 0; i < count; i++)
        UNROLL for (int j = 0; j < ROUNDS; j++) x = a * x + b;
    out[get_global_id(0)] =
        x.s0 + x.s1 + x.s2 + x.s3 + x.s4 + x.s5 + x.s6 + x.s7;
}
