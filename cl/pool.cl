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

/* Larger windows are rare, and would make long programs.  Where a work-item has
 * one element, registers are worth more. */
#if VEC == 1 || WIN_R * WIN_S > 9
#undef UNROLL
#define UNROLL ROLLED
#endif

#if VEC == 1
#define STORE_UCHARV(v, p) (*(p) = TO_UCHARV(v))
#else
/* PoCL's vstore() of uchar stores each element by itself.  A packed vector has
 * no alignment either, and is stored at once. */
struct __attribute__((packed)) ucharv {
    JOIN(uchar, VEC) v;
};
#define STORE_UCHARV(w, p) (((global struct ucharv *)(p))->v = TO_UCHARV(w))
#endif

/* Take v, which is at `place`, if it is larger; a NaN surfaces and stays. */
static void take_larger(FLOATV *best, INTV *where, FLOATV v, INTV place)
{
    const INTV take = ~MASKV(v <= *best) & MASKV(*best == *best);

    *best = select(*best, v, take);
    *where = select(*where, place, take);
}

/*
 * maxpool_fwd: the largest x in each R x S window, and where it was.
 *
 * x [N,H,W,C], y, arg [N,P,Q,C].
 * So that the loops have no bounds to test, a place outside the image stands
 * for the nearest one inside, which changes nothing.
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

    if (row >= rows)
        return; /* the grid is rounded up to whole work-groups */

    for (int q = ROW % share; q < Q; q += share) {
        const int w0 = q * STRIDE - PAD_LEFT;
        const int s0 = max(0, -w0);

        for (int c = get_global_id(0) * VEC; c < C;
             c += get_global_size(0) * VEC) {
            FLOATV best = -INFINITY;
            INTV where = max(0, -h0) * WIN_S + s0;

            UNROLL
            for (int i = 0; i < WIN_R; i++) {
                const int r = clamp(i, -h0, H - 1 - h0);

                UNROLL
                for (int j = 0; j < WIN_S; j++) {
                    const int s = clamp(j, -w0, W - 1 - w0);
                    const int pixel = (n * H + h0 + r) * W + w0 + s;

                    take_larger(&best, &where,
                                LOADV(x + x_at + pixel * ldx + c),
                                r * WIN_S + s);
                }
            }
            STOREV(best, y + y_at + (row * Q + q) * ldy + c);
            STORE_UCHARV(where, arg + arg_at + (row * Q + q) * lda + c);
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

/* The most windows that cover a row, and a column. */
#define COVER_R ((WIN_R - 1) / STRIDE + 1)
#define COVER_S ((WIN_S - 1) / STRIDE + 1)

/* dy in the channels whose window chose the pixel at `place` in it, else 0. */
static FLOATV chosen(global const float *dy, global const uchar *arg, int place)
{
    return select((FLOATV)0.0f, LOADV(dy),
                  MASKV(TO_INTV(LOADV(arg)) == (INTV)place));
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
    const int down = last_window(h, PAD_TOP, P) - p0 + 1;

    if (row >= rows)
        return;

    for (int w = ROW % share; w < W; w += share) {
        const int q0 = first_window(w, PAD_LEFT, WIN_S);
        const int across = last_window(w, PAD_LEFT, Q) - q0 + 1;
        const int first = (n * P + p0) * Q + q0;
        const int place = (h + PAD_TOP - p0 * STRIDE) * WIN_S + w + PAD_LEFT -
                          q0 * STRIDE;

        for (int c = get_global_id(0) * VEC; c < C;
             c += get_global_size(0) * VEC) {
            FLOATV sum = 0.0f;

#define ADD_CHOSEN(p, q)                                                      \
    sum += chosen(dy + dy_at + (first + (p) * Q + (q)) * lddy + c,            \
                  arg + arg_at + (first + (p) * Q + (q)) * lda + c,           \
                  place - ((p) * WIN_S + (q)) * STRIDE)

            if (down == COVER_R && across == COVER_S) {
                UNROLL
                for (int i = 0; i < COVER_R * COVER_S; i++)
                    ADD_CHOSEN(i / COVER_S, i % COVER_S);
            } else {
                for (int p = 0; p < down; p++)
                    for (int q = 0; q < across; q++)
                        ADD_CHOSEN(p, q);
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
