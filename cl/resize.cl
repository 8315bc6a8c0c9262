/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenCV's 8-bit bilinear resize (INTER_LINEAR), in its integers.  What a
 * column or row is blended of is a tap: the two pixels and their weights in
 * 1/2048.
 */

/* float32((o + 0.5)*from/to - 0.5), rounded once: the quotient
 * ((2o+1)*from - to) / 2to in 32.32 fixed point, its lost part kept as the
 * last bit, so that the conversion rounds as it should. */
float position(int o, int from, int to)
{
    const int num = (2 * o + 1) * from - to;
    const uint den = 2 * (uint)to;
    const ulong wide = (ulong)abs(num) << 32;
    const ulong fixed = wide / den | (wide % den != 0);
    const float f = convert_float_rte(fixed) * 0x1p-32f;

    return num < 0 ? -f : f;
}

/*
 * resize_taps: taps[q] for the columns q < Q, then taps[Q + p] for the rows.
 *
 * taps [Q+P] (first pixel, second, weight of either).  One work-item a tap.
 * Across, the ends take one pixel whole; down, a row keeps its weights where
 * its pixels are clamped.
 */
kernel void resize_taps(global int4 *restrict taps, int taps_at, int H, int W,
                        int P, int Q)
{
    const int i = get_global_id(0);
    const bool down = i >= Q;
    const int from = down ? H : W;
    const float f = position(down ? i - Q : i, from, down ? P : Q);
    int s = convert_int(floor(f));
    float weight = f - floor(f);

    if (i >= P + Q)
        return; /* the grid is rounded up to whole work-groups */
    if (!down && (s < 0 || s >= from - 1)) {
        s = s < 0 ? 0 : from - 1;
        weight = 0.0f;
    }
    taps[taps_at + i] = (int4)(clamp(s, 0, from - 1),
                               clamp(s + 1, 0, from - 1),
                               convert_int_rte(2048.0f * (1.0f - weight)),
                               convert_int_rte(2048.0f * weight));
}

/*
 * resize: y = table[bilinear(x)].
 *
 * y [N,P,Q,C], x [N,H,W,C], table [256], taps of resize_taps.  One work-item
 * per output over (C, Q, N*P), or a smaller grid, over which the loops stride.
 * Bound by the loads of the table.  Integers: bit for bit.
 */
kernel void resize(global float *restrict y, int y_at,
                   global const uchar *restrict x, int x_at,
                   global const float *restrict table, int table_at,
                   global const int4 *restrict taps, int taps_at, int H, int W,
                   int C, int P, int Q, int rows, int ldx, int ldy)
{
    const int row = get_global_id(2);
    const int n = row / P;

    if (row >= rows)
        return;

    const int4 down = taps[taps_at + Q + row % P];
    global const uchar *upper = x + x_at + (n * H + down.x) * W * ldx;
    global const uchar *lower = x + x_at + (n * H + down.y) * W * ldx;

    for (int q = get_global_id(1); q < Q; q += get_global_size(1)) {
        const int4 across = taps[taps_at + q];
        const int left = across.x * ldx, right = across.y * ldx;

        for (int c = get_global_id(0); c < C; c += get_global_size(0)) {
            const int h0 =
                upper[left + c] * across.z + upper[right + c] * across.w;
            const int h1 =
                lower[left + c] * across.z + lower[right + c] * across.w;
            const int v = (((down.z * (h0 >> 4)) >> 16) +
                           ((down.w * (h1 >> 4)) >> 16) + 2) >>
                          2;

            y[y_at + (row * Q + q) * ldy + c] = table[table_at + v];
        }
    }
}
