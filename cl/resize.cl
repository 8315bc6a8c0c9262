/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenCV's 8-bit bilinear resize (INTER_LINEAR), with the same integers.  A tap
 * says what a column or row is blended from: two pixels, and their weights in
 * units of 1/2048.
 */

/* float32((o + 0.5)*from/to - 0.5), rounded once.  The quotient
 * ((2o+1)*from - to) / 2to is made in 32.32 fixed point; what it loses sets the
 * last bit, so that the conversion rounds correctly. */
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
 * Across, columns at the ends take one pixel whole.  Down, rows at the ends
 * keep their weights, and their pixels are clamped.
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
 * resize_across: each row of x blended to Q columns, in units of 1/128: the
 * weights are in 1/2048, and the first shift drops four bits.
 *
 *     across[n,h,q,c] = (x[n,h,first,c]*w0 + x[n,h,second,c]*w1) >> 4
 *
 * across [N,H,Q,C] short (at most 32,640), x [N,H,W,C], taps of resize_taps.
 * The grid is (C, rows * share), rows = N*H: `share` work-items share a row,
 * over which the loops stride.  It makes H rows, fewer than P.
 */
kernel void resize_across(global short *restrict across, int across_at,
                          global const uchar *restrict x, int x_at,
                          global const int4 *restrict taps, int taps_at, int W,
                          int C, int Q, int rows, int share, int ldx)
{
    const int row = ROW / share;

    if (row >= rows)
        return;

    for (int q = ROW % share; q < Q; q += share) {
        const int4 tap = taps[taps_at + q];
        global const uchar *from = x + x_at + row * W * ldx;

        for (int c = get_global_id(0); c < C; c += get_global_size(0)) {
            const int v = from[tap.x * ldx + c] * tap.z +
                          from[tap.y * ldx + c] * tap.w;

            across[across_at + (row * Q + q) * C + c] = v >> 4;
        }
    }
}

/*
 * resize: y = table[the blend of two rows of across].
 *
 * y [N,P,Q,C], across of resize_across, table [256], taps of resize_taps; the
 * tap of row p is number first + p.  Built with -D VEC, which divides C.  Where
 * y is dense, a row is one pixel of Q*C channels.  The grid is
 * (C/VEC, rows * share), rows = N*P: `share` work-items share a row, over which
 * the loops stride.  Bound by the loads of the table.  Integers: bit for bit.
 */
kernel void resize(global float *restrict y, int y_at,
                   global const short *restrict across, int across_at,
                   global const float *restrict table, int table_at,
                   global const int4 *restrict taps, int taps_at, int first,
                   int H, int C, int P, int Q, int rows, int share, int ldy)
{
    const int row = ROW / share;
    const int n = row / P;

    if (row >= rows)
        return;

    const int4 tap = taps[taps_at + first + row % P];
    global const short *upper = across + across_at + (n * H + tap.x) * Q * C;
    global const short *lower = across + across_at + (n * H + tap.y) * Q * C;

    for (int q = ROW % share; q < Q; q += share) {
        for (int c = get_global_id(0) * VEC; c < C;
             c += get_global_size(0) * VEC) {
            const INTV a = TO_INTV(LOADV(upper + q * C + c));
            const INTV b = TO_INTV(LOADV(lower + q * C + c));
            global float *to = y + y_at + (row * Q + q) * ldy + c;
            int v[VEC];

            STOREV((((a * tap.z) >> 16) + ((b * tap.w) >> 16) + 2) >> 2, v);
            UNROLL for (int i = 0; i < VEC; i++) to[i] =
                table[table_at + v[i]];
        }
    }
}
