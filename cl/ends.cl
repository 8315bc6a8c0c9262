/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes before kernels whose rows need not end with a whole vector.
 */
#ifdef VEC
/* The first n < VEC floats at p, then zeros. */
static FLOATV load_head(global const float *p, int n)
{
    float t[VEC];

    for (int i = 0; i < VEC; i++)
        t[i] = i < n ? p[i] : 0.0f;
    return LOADV(t);
}

static FLOATV load(global const float *p, int n)
{
    return n >= VEC ? LOADV(p) : load_head(p, n);
}

static void store(FLOATV v, global float *p, int n)
{
    if (n >= VEC) {
        STOREV(v, p);
    } else {
        float t[VEC];

        STOREV(v, t);
        for (int i = 0; i < n; i++)
            p[i] = t[i];
    }
}
#endif
