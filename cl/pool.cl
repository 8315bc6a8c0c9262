/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All are built with -D VEC, WIN_R, WIN_S, STRIDE, PAD_TOP and PAD_LEFT.
 * Tensors are NHWC from element x_at, y_at ... on, with ldx, ldy ... elements a
 * pixel.  The grid is (C/VEC, rows * share): `share` work-items share a row of
 * the output's pixels, of which there are `rows` in all images.  The first two
 * loops stride over the row, since a CPU's grid is smaller.  Neighbours read
 * neighbouring channels.
 * Memory-bound: of R*S loads a store, a cache serves all but one.  There are no
 * atomics and sums have one order, so results are the same on every run and
 * grid.
 */

/*
 * maxpool_fwd: the largest x in each R x S window, and where it was.
 *
 * x [N,H,W,C], y, arg [N,P,Q,C].
 */
kernel void maxpool_fwd(global float *restrict y, int y_at,
                        global uchar *restrict arg, int arg_at,
                        global const float *restrict x, int x_at, int H, int W,
                        int C, int P, int Q, int rows, int share, int ldx,
                        int ldy, int lda)
{
    const int row = ROW / share;
    const int n = row / P;
    const int h0 = (row % P) * STRIDE - PAD_TOP;
    const int r0 = max(0, -h0), r1 = min(WIN_R, H - h0);

    if (row >= rows)
        return; /* the grid is rounded up to whole work-groups */

    for (int q = ROW % share; q < Q; q += share) {
        const int w0 = q * STRIDE - PAD_LEFT;
        const int s0 = max(0, -w0), s1 = min(WIN_S, W - w0);

        for (int c = get_global_id(0) * VEC; c < C;
             c += get_global_size(0) * VEC) {
            FLOATV best = -INFINITY;
            INTV where = r0 * WIN_S + s0;

            for (int r = r0; r < r1; r++) {
                for (int s = s0; s < s1; s++) {
                    const int pixel = (n * H + h0 + r) * W + w0 + s;
                    const FLOATV v = LOADV(x + x_at + pixel * ldx + c);
                    /* larger ones; a NaN surfaces and stays */
                    const INTV take =
                        ~MASKV(v <= best) & MASKV(best == best);

                    best = select(best, v, take);
                    where = select(where, (INTV)(r * WIN_S + s), take);
                }
            }
            STOREV(best, y + y_at + (row * Q + q) * ldy + c);
            STOREV(TO_UCHARV(where), arg + arg_at + (row * Q + q) * lda + c);
        }
    }
}

/*
 * avgpool_fwd: y = scale * sum over the window of x, in scan order.
 *
 * x [N,H,W,C], y [N,P,Q,C]; windows without padding.
 */
kernel void avgpool_fwd(global float *restrict y, int y_at,
                        global const float *restrict x, int x_at, int H, int W,
                        int C, int P, int Q, int rows, int share, int ldx,
                        int ldy, float scale)
{
    const int row = ROW / share;
    const int n = row / P;
    const int h0 = (row % P) * STRIDE;

    if (row >= rows)
        return;

    for (int q = ROW % share; q < Q; q += share) {
        for (int c = get_global_id(0) * VEC; c < C;
             c += get_global_size(0) * VEC) {
            FLOATV sum = 0.0f;

            for (int r = 0; r < WIN_R; r++) {
                for (int s = 0; s < WIN_S; s++) {
                    const int pixel = (n * H + h0 + r) * W + q * STRIDE + s;

                    sum += LOADV(x + x_at + pixel * ldx + c);
                }
            }
            STOREV(scale * sum, y + y_at + (row * Q + q) * ldy + c);
        }
    }
}

/* The first and last of `windows` windows that cover row (or column) h. */
int first_window(int h, int pad, int extent)
{
    const int before = h + pad - extent;

    return before < 0 ? 0 : before / STRIDE + 1;
}

int last_window(int h, int pad, int windows)
{
    return min((h + pad) / STRIDE, windows - 1);
}

/*
 * maxpool_bwd: dx = epilogue(sum of the dy whose arg names the pixel), in scan
 * order of their windows.
 *
 * dx, x [N,H,W,C], dy, arg [N,P,Q,C]; x may be null without FLAG_MASK.
 */
kernel void maxpool_bwd(global float *restrict dx, int dx_at,
                        global const float *restrict dy, int dy_at,
                        global const uchar *restrict arg, int arg_at,
                        global const float *restrict x, int x_at, int H, int W,
                        int C, int P, int Q, int rows, int share, int lddx,
                        int lddy, int lda, int ldx, int flags)
{
    const int row = ROW / share;
    const int n = row / H, h = row % H;
    const int p0 = first_window(h, PAD_TOP, WIN_R);
    const int p1 = last_window(h, PAD_TOP, P);

    if (row >= rows)
        return;

    for (int w = ROW % share; w < W; w += share) {
        const int q0 = first_window(w, PAD_LEFT, WIN_S);
        const int q1 = last_window(w, PAD_LEFT, Q);

        for (int c = get_global_id(0) * VEC; c < C;
             c += get_global_size(0) * VEC) {
            FLOATV sum = 0.0f;

            for (int p = p0; p <= p1; p++) {
                for (int q = q0; q <= q1; q++) {
                    const int pixel = (n * P + p) * Q + q;
                    const int where = (h + PAD_TOP - p * STRIDE) * WIN_S +
                                      w + PAD_LEFT - q * STRIDE;
                    const INTV won =
                        TO_INTV(LOADV(arg + arg_at + pixel * lda + c));
                    const FLOATV v = LOADV(dy + dy_at + pixel * lddy + c);

                    sum += select((FLOATV)(0.0f), v,
                                  MASKV(won == (INTV)(where)));
                }
            }
            global float *to = dx + dx_at + (row * W + w) * lddx + c;
            ADD_OLD(sum, flags, LOADV(to));
            CUT(sum, flags, LOADV(x + x_at + (row * W + w) * ldx + c));
            STOREV(sum, to);
        }
    }
}

/*
 * avgpool_bwd: dx = epilogue(scale * sum of the dy whose windows cover the
 * pixel), in scan order.
 *
 * dx, x [N,H,W,C], dy [N,P,Q,C]; x may be null without FLAG_MASK.
 */
kernel void avgpool_bwd(global float *restrict dx, int dx_at,
                        global const float *restrict dy, int dy_at,
                        global const float *restrict x, int x_at, int H, int W,
                        int C, int P, int Q, int rows, int share, int lddx,
                        int lddy, int ldx, float scale, int flags)
{
    const int row = ROW / share;
    const int n = row / H, h = row % H;
    const int p0 = first_window(h, 0, WIN_R), p1 = last_window(h, 0, P);

    if (row >= rows)
        return;

    for (int w = ROW % share; w < W; w += share) {
        const int q0 = first_window(w, 0, WIN_S), q1 = last_window(w, 0, Q);

        for (int c = get_global_id(0) * VEC; c < C;
             c += get_global_size(0) * VEC) {
            FLOATV sum = 0.0f;

            for (int p = p0; p <= p1; p++)
                for (int q = q0; q <= q1; q++)
                    sum += LOADV(dy + dy_at + ((n * P + p) * Q + q) * lddy +
                                 c);
            global float *to = dx + dx_at + (row * W + w) * lddx + c;
            sum *= scale;
            ADD_OLD(sum, flags, LOADV(to));
            CUT(sum, flags, LOADV(x + x_at + (row * W + w) * ldx + c));
            STOREV(sum, to);
        }
    }
}
