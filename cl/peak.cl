/* SPDX-License-Identifier: Apache-2.0 */

/*
 * peak_flops: twelve chains of a*x + b in each work-item, ROUNDS * turns long:
 * as many as the FMA units of a CPU's core need to be always busy, in few
 * enough registers.
 *
 * x [global size, VEC].  Built with -D VEC, ROUNDS.  Any grid.  Compute-bound.
 */
#define EACH(do)                                                              \
    do(x0); do(x1); do(x2); do(x3); do(x4); do(x5);                           \
    do(x6); do(x7); do(x8); do(x9); do(x10); do(x11)
#define STEP(v)  v = FMA(a, v, b)
#define START(v) FLOATV v = s += 1
#define ADD(v)   s += v

kernel void peak_flops(global float *restrict x, int turns)
{
    const FLOATV a = 0.5f, b = 0.25f;
    const size_t i = get_global_id(0);
    FLOATV s = (float)i;

    EACH(START);
    for (int j = 0; j < turns; j++) {
        UNROLL for (int k = 0; k < ROUNDS; k++) {
            EACH(STEP);
        }
    }
    EACH(ADD);
    STOREV(s, x + i * VEC);
}

/*
 * peak_bytes: read and write each element once; as x is updated in place, no
 * cache line travels without being counted.
 *
 * x [groups, turns, local size, VEC], updated.  A group walks one piece of it,
 * in which neighbours read neighbours.  Built with -D VEC.  Any grid.
 * Memory-bound.
 */
kernel void peak_bytes(global float *restrict x, int turns)
{
    const size_t n = get_local_size(0);
    const size_t at = get_group_id(0) * (size_t)turns * n + get_local_id(0);
    global float *p = x + at * VEC;

    for (int j = 0; j < turns; j++, p += n * VEC)
        STOREV(FMA((FLOATV)0.5f, LOADV(p), (FLOATV)0.25f), p);
}
