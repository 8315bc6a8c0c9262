/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers: as
 * easy as 1, 2, 3", SC11): the four words of a counter under a key.
 */
uint4 philox(uint4 ctr, uint2 key)
{
    for (int round = 0; round < 10; round++) {
        const uint low0 = 0xD2511F53u * ctr.x;
        const uint high0 = mul_hi(0xD2511F53u, ctr.x);
        const uint low1 = 0xCD9E8D57u * ctr.z;
        const uint high1 = mul_hi(0xCD9E8D57u, ctr.z);

        ctr = (uint4)(high1 ^ ctr.y ^ key.x, low1, high0 ^ ctr.w ^ key.y,
                      low0);
        key += (uint2)(0x9E3779B9u, 0xBB67AE85u); /* Weyl's sequence */
    }
    return ctr;
}

/* What elements 4*quad ... 4*quad+3 are multiplied by: 0 or `keep`. */
float4 multipliers(ulong quad, uint2 key, uint step, uint stream, float rate,
                   float keep)
{
    const uint4 word =
        philox((uint4)((uint)quad, (uint)(quad >> 32), step, stream), key);
    const float4 u = convert_float4(word >> 8) * 0x1p-24f; /* exact */

    return select((float4)(0.0f), (float4)(keep), u >= (float4)(rate));
}

/* VEC elements of the mask from element i on.  VEC is 1, or it is 4 and i is a
 * multiple of 4. */
FLOATV mask(ulong i, uint2 key, uint step, uint stream, float rate, float keep)
{
    const float4 m = multipliers(i / 4, key, step, stream, rate, keep);
#if VEC == 4
    return m;
#else
    const float2 pair = i & 2 ? m.zw : m.xy;

    return i & 1 ? pair.y : pair.x;
#endif
}

/*
 * dropout_fwd: y = x * mask, or x where `on` is 0.
 *
 * x, y [pixels,C] with ldx, ldy elements a pixel; the first image's global
 * number is `image`, and an image has `size` pixels.  Built with -D VEC (4 or
 * 1; it divides C).  One work-item a vector, over (C/VEC, pixels).  Bound by
 * the integer products of Philox.  Results are the same on every run and
 * device.
 */
kernel void dropout_fwd(global float *restrict y, int y_at,
                        global const float *restrict x, int x_at, int pixels,
                        int C, int ldx, int ldy, int image, int size,
                        uint key_low, uint key_high, uint step, uint stream,
                        float rate, float keep, int on)
{
    const int c = get_global_id(0) * VEC;
    const int pixel = ROW;
    const uint2 key = (uint2)(key_low, key_high);
    FLOATV v;

    if (c >= C || pixel >= pixels)
        return; /* the grid is rounded up to whole work-groups */
    v = LOADV(x + x_at + pixel * ldx + c);
    if (on)
        v *= mask(((ulong)image * size + pixel) * C + c, key, step, stream,
                  rate, keep);
    STOREV(v, y + y_at + pixel * ldy + c);
}

/*
 * dropout_bwd: dx = epilogue(dy * mask); the mask is made again.
 *
 * dx, dy, x [pixels,C]; x may be null without FLAG_MASK.  The rest as for
 * dropout_fwd.
 */
kernel void dropout_bwd(global float *restrict dx, int dx_at,
                        global const float *restrict dy, int dy_at,
                        global const float *restrict x, int x_at, int pixels,
                        int C, int lddx, int lddy, int ldx, int image,
                        int size, uint key_low, uint key_high, uint step,
                        uint stream, float rate, float keep, int on,
                        int flags)
{
    const int c = get_global_id(0) * VEC;
    const int pixel = ROW;
    const uint2 key = (uint2)(key_low, key_high);
    global float *to = dx + dx_at + pixel * lddx + c;
    FLOATV v;

    if (c >= C || pixel >= pixels)
        return;
    v = LOADV(dy + dy_at + pixel * lddy + c);
    if (on)
        v *= mask(((ulong)image * size + pixel) * C + c, key, step, stream,
                  rate, keep);
    ADD_OLD(v, flags, LOADV(to));
    CUT(v, flags, LOADV(x + x_at + pixel * ldx + c));
    STOREV(v, to);
}
