/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd's products F(OUT x OUT, WIN x WIN) of tiles of 6 x 6 elements, for
 * devices whose work-items have wide vectors (src/op/winograd.h has the
 * mathematics).  A group is one work-item, a vector is VEC channels, and images
 * are NHWC with ld* elements a pixel.  All channels are multiples of VEC.
 *
 * Built with -D VEC VECS OUT WIN STEP, POINT_A and POINT_B (the points are 0,
 * +-A, +-B and infinity; their squares are exact), and what each kernel says.
 */
#define SIDE 6
#define FREQUENCIES (SIDE * SIDE)
#define PANEL (VEC * VECS)

#define A2 (POINT_A * POINT_A)
#define B2 (POINT_B * POINT_B)

/* Transform a square of IN x IN elements to one of N x N: its columns, then its
 * rows, by a function of one dimension.  What that reads lies `from` apart, and
 * what it writes `to`. */
#define SQUARE(transform, t, n, d, in)                                        \
    do {                                                                      \
        FLOATV rows[(n) * (in)];                                              \
                                                                              \
        UNROLL                                                                \
        for (int j = 0; j < (in); j++)                                        \
            transform(rows + j, in, (d) + j, in);                             \
        UNROLL                                                                \
        for (int i = 0; i < (n); i++)                                         \
            transform((t) + i * (n), 1, rows + i * (in), 1);                  \
    } while (0)

/* t = Bt d. */
static void input_line(FLOATV *t, int to, const FLOATV *d, int from)
{
    const FLOATV even_a = FMA((FLOATV)-B2, d[2 * from], d[4 * from]);
    const FLOATV odd_a = FMA((FLOATV)-B2, d[from], d[3 * from]);
    const FLOATV even_b = FMA((FLOATV)-A2, d[2 * from], d[4 * from]);
    const FLOATV odd_b = FMA((FLOATV)-A2, d[from], d[3 * from]);

    t[0] = FMA((FLOATV)(A2 * B2), d[0],
               FMA((FLOATV)-(A2 + B2), d[2 * from], d[4 * from]));
    t[to] = FMA((FLOATV)POINT_A, odd_a, even_a);
    t[2 * to] = FMA((FLOATV)-POINT_A, odd_a, even_a);
    t[3 * to] = FMA((FLOATV)POINT_B, odd_b, even_b);
    t[4 * to] = FMA((FLOATV)-POINT_B, odd_b, even_b);
    t[5 * to] = FMA((FLOATV)(A2 * B2), d[from],
                    FMA((FLOATV)-(A2 + B2), d[3 * from], d[5 * from]));
}

/* 1 / the product of (p - q) over the other finite points q: for 0, for +-A and
 * for +-B. */
#define SCALE_0 (1.0f / (A2 * B2))
#define SCALE_A (1.0f / (2.0f * A2 * (A2 - B2)))
#define SCALE_B (1.0f / (2.0f * B2 * (B2 - A2)))

/* Two rows of G, for the points p and -p: g has WIN elements, `from` apart. */
static void filter_pair(FLOATV *plus, FLOATV *minus, const FLOATV *g, int from,
                        float p, float scale)
{
    FLOATV part[2]; /* of even and of odd powers, by Horner's rule */

    part[(WIN - 1) % 2] = g[(WIN - 1) * from];
    part[WIN % 2] = g[(WIN - 2) * from];
    UNROLL
    for (int i = WIN - 3; i >= 0; i--)
        part[i % 2] = FMA((FLOATV)(p * p), part[i % 2], g[i * from]);
    *plus = FMA((FLOATV)p, part[1], part[0]) * scale;
    *minus = FMA((FLOATV)-p, part[1], part[0]) * scale;
}

/* t = G g. */
static void filter_line(FLOATV *t, int to, const FLOATV *g, int from)
{
    t[0] = g[0] * SCALE_0;
    filter_pair(t + to, t + 2 * to, g, from, POINT_A, SCALE_A);
    filter_pair(t + 3 * to, t + 4 * to, g, from, POINT_B, SCALE_B);
    t[5 * to] = g[(WIN - 1) * from];
}

/* y = At m. */
static void output_line(FLOATV *y, int to, const FLOATV *m, int from)
{
    const FLOATV even_a = m[from] + m[2 * from];
    const FLOATV odd_a = m[from] - m[2 * from];
    const FLOATV even_b = m[3 * from] + m[4 * from];
    const FLOATV odd_b = m[3 * from] - m[4 * from];
    float a = 1.0f, b = 1.0f; /* powers of the points */

    y[0] = m[0] + even_a + even_b;
    UNROLL
    for (int i = 1; i < OUT; i++) {
        const FLOATV of_a = i % 2 ? odd_a : even_a;
        const FLOATV of_b = i % 2 ? odd_b : even_b;

        a *= POINT_A;
        b *= POINT_B;
        y[i * to] = FMA((FLOATV)a, of_a,
                        i < OUT - 1 ? b * of_b
                                    : FMA((FLOATV)b, of_b, m[5 * from]));
    }
}

/* The VEC channels of a pixel, or zeros outside the image; `image` is at its
 * channel.  Without a branch it is a third of the code. */
static FLOATV load_pixel(global const float *image, int h, int w, int H, int W,
                         int ld)
{
    const int pixel = clamp(h, 0, H - 1) * W + clamp(w, 0, W - 1);
    const int inside = h >= 0 && w >= 0 && h < H && w < W ? -1 : 0;

    return select((FLOATV)0.0f, LOADV(image + pixel * ld), (INTV)inside);
}

#ifdef TURNED
/*
 * winograd_filter: u = G g Gt of every filter, u[panel][6][6][C][PANEL].
 *
 * w [WIN,WIN,C,K] with ldw elements a row.  TURNED 1, for conv_bwd_data: rotate
 * the filter by half a turn and exchange its input and output channels; C and K
 * are the new ones.
 * One work-item per VEC outputs (of dimension 0) and VEC inputs.
 * Memory-bound.
 */
kernel VECTORS __attribute__((reqd_work_group_size(1, 1, 1))) void
winograd_filter(global float *restrict u, int u_at,
                global const float *restrict w, int w_at, int C, int K,
                int ldw)
{
    const int k = get_global_id(0) * VEC;
    const int c_end = min((ROW + 1) * VEC, C);
    global float *to = u + u_at + k / PANEL * FREQUENCIES * C * PANEL +
                       k % PANEL;

    for (int c = ROW * VEC; c < c_end; c++) {
        FLOATV g[WIN * WIN], t[FREQUENCIES];

        for (int i = 0; i < WIN * WIN; i++) {
#if TURNED
            global const float *from =
                w + w_at + ((WIN * WIN - 1 - i) * K + k) * ldw + c;
            float lane[VEC];

            for (int v = 0; v < VEC; v++)
                lane[v] = from[v * ldw];
            g[i] = LOADV(lane);
#else
            g[i] = LOADV(w + w_at + (i * C + c) * ldw + k);
#endif
        }
        SQUARE(filter_line, t, SIDE, g, WIN);
        UNROLL
        for (int f = 0; f < FREQUENCIES; f++)
            STOREV(t[f], to + (f * C + c) * PANEL);
    }
}
#endif

/* The place of a tile: its image, and its first pixel of y or dy. */
struct place {
    int n, p, q;
};

static struct place place_of(int tile, int down, int across)
{
    return (struct place){ tile / (down * across),
                           tile / across % down * STEP, tile % across * STEP };
}

/* Transform C channels of the input of a tile to v[6][6][batch][C]. */
static void transform_input(global float *v, global const float *x,
                            struct place at, int batch, int H, int W, int C,
                            int ldx, int top, int left)
{
    global const float *image = x + at.n * H * W * ldx;

    for (int c = 0; c < C; c += VEC) {
        FLOATV d[FREQUENCIES], t[FREQUENCIES];

        UNROLL
        for (int f = 0; f < FREQUENCIES; f++)
            d[f] = load_pixel(image + c, at.p - top + f / SIDE,
                              at.q - left + f % SIDE, H, W, ldx);
        SQUARE(input_line, t, SIDE, d, SIDE);
        UNROLL
        for (int f = 0; f < FREQUENCIES; f++)
            STOREV(t[f], v + f * batch * C + c);
    }
}

#ifdef TILES
/* The products of TILES tiles, at v, and a panel of one frequency. */
static void multiply(global float *m, global const float *v,
                     global const float *u, int C)
{
    FLOATV acc[TILES][VECS];

    UNROLL
    for (int i = 0; i < TILES; i++)
        UNROLL
        for (int j = 0; j < VECS; j++)
            acc[i][j] = 0.0f;
    for (int c = 0; c < C; c++) {
        FLOATV f[VECS];

        UNROLL
        for (int j = 0; j < VECS; j++)
            f[j] = LOADV(u + c * PANEL + j * VEC);
        UNROLL
        for (int i = 0; i < TILES; i++) {
            const FLOATV e = v[i * C + c];

            UNROLL
            for (int j = 0; j < VECS; j++)
                acc[i][j] = FMA(e, f[j], acc[i][j]);
        }
    }
    UNROLL
    for (int i = 0; i < TILES; i++)
        UNROLL
        for (int j = 0; j < VECS; j++)
            STOREV(acc[i][j], m + i * PANEL + j * VEC);
}

/* Transform VEC channels of a tile's sums, m[6][6][batch][PANEL], and store
 * those inside the image with the epilogue.  They go through memory, because
 * an unrolled epilogue would be most of the program. */
static void transform_output(global float *y, global const float *mask,
                             global const float *m, FLOATV bias,
                             struct place at, int batch, int P, int Q, int ldy,
                             int ldm, int flags)
{
    FLOATV t[FREQUENCIES], sums[OUT * OUT];
    float kept[OUT * OUT * VEC];

    UNROLL
    for (int f = 0; f < FREQUENCIES; f++)
        t[f] = LOADV(m + f * batch * PANEL);
    SQUARE(output_line, sums, OUT, t, SIDE);
    UNROLL
    for (int i = 0; i < OUT * OUT; i++)
        STOREV(sums[i], kept + i * VEC);

    for (int i = 0; i < OUT * OUT; i++) {
        const int p = at.p + i / OUT;
        const int q = at.q + i % OUT;
        const int pixel = (at.n * P + p) * Q + q;
        FLOATV sum = LOADV(kept + i * VEC);

        if (p >= P || q >= Q)
            continue;
        ADD_BIAS(sum, flags, bias);
        ADD_OLD(sum, flags, LOADV(y + pixel * ldy));
        CUT(sum, flags, LOADV(mask + pixel * ldm));
        STOREV(sum, y + pixel * ldy);
    }
}

/*
 * conv_winograd: y = epilogue(x * w).  This is conv_fwd; with dy for x and a
 * turned filter it is conv_bwd_data.
 *
 * y [N,P,Q,K]; x [N,H,W,C]; u: winograd_filter's; b [K]; mask like y, the
 * forward value for the ReLU's mask.
 * The tiles are cut into batches, a multiple of TILES, which the work-items of
 * dimension 0 take in turn.  A work-item transforms its inputs to its part of
 * `scratch` (36 * batch * (C + PANEL) floats), which stays in its cache.  For
 * each panel of outputs it multiplies all 36 frequencies, TILES tiles at a time
 * in registers, and transforms back.  Built with -D TILES; STEP is OUT.
 * Compute-bound.  A result depends on the shapes only: results repeat bit for
 * bit.  depth: C products in one chain, and the transforms (winograd.c).
 */
kernel VECTORS __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_winograd(global float *restrict y, int y_at,
              global const float *restrict x, int x_at,
              global const float *restrict u, int u_at,
              global const float *restrict b, int b_at,
              global const float *restrict mask, int mask_at,
              global float *restrict scratch, int scratch_at, int batch, int N,
              int H, int W, int C, int ldx, int P, int Q, int K, int ldy,
              int ldm, int top, int left, int flags)
{
    const int down = (P + STEP - 1) / STEP;
    const int across = (Q + STEP - 1) / STEP;
    const int tiles = N * down * across;
    global float *v =
        scratch + scratch_at +
        (int)get_global_id(0) * FREQUENCIES * batch * (C + PANEL);
    global float *m = v + FREQUENCIES * batch * C;

    for (int first = get_global_id(0) * batch; first < tiles;
         first += get_global_size(0) * batch) {
        const int count = min(batch, tiles - first);
        const int whole = (count + TILES - 1) / TILES * TILES;

        /* after the last tile come more of it, so that all is initialised */
        for (int t = 0; t < whole; t++)
            transform_input(v + t * C, x + x_at,
                            place_of(min(first + t, tiles - 1), down, across),
                            batch, H, W, C, ldx, top, left);
        for (int k0 = 0; k0 < K; k0 += PANEL) {
            global const float *panel = u + u_at + k0 * FREQUENCIES * C;

            for (int f = 0; f < FREQUENCIES; f++)
                for (int t = 0; t < count; t += TILES)
                    multiply(m + (f * batch + t) * PANEL,
                             v + (f * batch + t) * C, panel + f * C * PANEL,
                             C);
            for (int t = 0; t < count; t++)
                for (int k = k0; k < min(k0 + PANEL, K); k += VEC)
                    transform_output(
                        y + y_at + k, mask + mask_at + k,
                        m + t * PANEL + k - k0,
                        flags & FLAG_BIAS ? LOADV(b + b_at + k) : (FLOATV)0.0f,
                        place_of(first + t, down, across), batch, P, Q, ldy,
                        ldm, flags);
        }
    }
}
#endif

#ifdef TILE_C
/* Transform a tile of dy: all K channels to d[panel][6][6][batch][PANEL], with
 * zeros after K. */
static void transform_gradient(global float *d, global const float *dy,
                               struct place at, int batch, int P, int Q, int K,
                               int ldy)
{
    global const float *image = dy + at.n * P * Q * ldy;

    for (int k = 0; k < (K + PANEL - 1) / PANEL * PANEL; k += VEC) {
        global float *to =
            d + k / PANEL * FREQUENCIES * batch * PANEL + k % PANEL;
        FLOATV g[WIN * WIN], t[FREQUENCIES];

        UNROLL
        for (int i = 0; i < WIN * WIN; i++)
            g[i] = k < K ? load_pixel(image + k, at.p + i / WIN,
                                      at.q + i % WIN, P, Q, ldy)
                         : (FLOATV)0.0f;
        SQUARE(filter_line, t, SIDE, g, WIN);
        UNROLL
        for (int f = 0; f < FREQUENCIES; f++)
            STOREV(t[f], to + f * batch * PANEL);
    }
}

/* Add a tile of dy to sums[K], or to 0. */
static void add_gradient(global float *sums, global const float *dy,
                         struct place at, int P, int Q, int K, int ldy,
                         bool from_zero)
{
    for (int k = 0; k < K; k += VEC) {
        FLOATV tile = 0.0f;

        for (int i = 0; i < WIN * WIN; i++)
            tile += load_pixel(dy + at.n * P * Q * ldy + k, at.p + i / WIN,
                               at.q + i % WIN, P, Q, ldy);
        STOREV(from_zero ? tile : LOADV(sums + k) + tile, sums + k);
    }
}

/* Add the products of `count` tiles to sums[TILE_C][.][PANEL], whose rows are
 * `padded` apart; `start`: they are the first. */
static void multiply_tiles(global float *sums, global const float *v,
                           global const float *d, int count, int C, int padded,
                           bool start)
{
    FLOATV acc[TILE_C][VECS];

    UNROLL
    for (int i = 0; i < TILE_C; i++)
        UNROLL
        for (int j = 0; j < VECS; j++)
            acc[i][j] = 0.0f;
    for (int t = 0; t < count; t++) {
        FLOATV f[VECS];

        UNROLL
        for (int j = 0; j < VECS; j++)
            f[j] = LOADV(d + t * PANEL + j * VEC);
        UNROLL
        for (int i = 0; i < TILE_C; i++) {
            const FLOATV e = v[t * C + i];

            UNROLL
            for (int j = 0; j < VECS; j++)
                acc[i][j] = FMA(e, f[j], acc[i][j]);
        }
    }
    UNROLL
    for (int i = 0; i < TILE_C; i++)
        UNROLL
        for (int j = 0; j < VECS; j++) {
            global float *to = sums + i * padded + j * VEC;

            STOREV(start ? acc[i][j] : LOADV(to) + acc[i][j], to);
        }
}

/*
 * winograd_filter_parts: conv_bwd_filter's sums of products over tiles of dy,
 * part[parts][6][6][C][padded], where `padded` is K rounded up to PANEL; with
 * FLAG_BIAS also sums[batches][K] of dy.
 * x [N,H,W,C]; dy [N,P,Q,K].  The tiles are cut into batches; part g takes
 * batches g, g + parts, and so on, and adds them to what is there if `added` is
 * not 0.  One work-item per (`range` of c, part): it transforms the tiles of a
 * batch to its part of `scratch`, which stays in its cache, and adds up the
 * products, TILE_C x PANEL sums at a time in registers.
 * scratch: 36 * batch * (range + padded) floats for each work-item.  Built with
 * -D TILE_C; STEP is WIN.  Compute-bound.  depth: a batch's products in one
 * chain, then its batches; of sums: a tile, then its batch's.
 */
kernel VECTORS __attribute__((reqd_work_group_size(1, 1, 1))) void
winograd_filter_parts(global float *restrict part, int part_at,
                      global float *restrict sums, int sums_at,
                      global const float *restrict x, int x_at,
                      global const float *restrict dy, int dy_at,
                      global float *restrict scratch, int scratch_at, int batch,
                      int range, int parts, int N, int H, int W, int C, int ldx,
                      int P, int Q, int K, int ldy, int top, int left,
                      int added, int flags)
{
    const int down = (P + STEP - 1) / STEP;
    const int across = (Q + STEP - 1) / STEP;
    const int tiles = N * down * across;
    const int padded = (K + PANEL - 1) / PANEL * PANEL;
    const int g = ROW;
    const int c_first = get_global_id(0) * range;
    const int channels = min(range, C - c_first);
    const int worker = g * get_global_size(0) + get_global_id(0);
    global float *mine =
        part + part_at + (g * FREQUENCIES * C + c_first) * padded;
    global float *v = scratch + scratch_at +
                      worker * FREQUENCIES * batch * (range + padded);
    global float *d = v + FREQUENCIES * batch * range;

    for (int first = g * batch; g < parts && first < tiles;
         first += parts * batch) {
        const int count = min(batch, tiles - first);

        for (int t = 0; t < count; t++) {
            const struct place at = place_of(first + t, down, across);

            transform_input(v + t * channels, x + x_at + c_first, at, batch, H,
                            W, channels, ldx, top, left);
            if (flags & FLAG_BIAS && c_first == 0)
                add_gradient(sums + sums_at + first / batch * K, dy + dy_at, at,
                             P, Q, K, ldy, t == 0);
            transform_gradient(d + t * PANEL, dy + dy_at, at, batch, P, Q, K,
                               ldy);
        }
        for (int f = 0; f < FREQUENCIES; f++)
            for (int k = 0; k < padded; k += PANEL)
                for (int c = 0; c < channels; c += TILE_C)
                    multiply_tiles(
                        mine + (f * C + c) * padded + k,
                        v + f * batch * channels + c,
                        d + (k / PANEL * FREQUENCIES + f) * batch * PANEL,
                        count, channels, padded,
                        !added && first == g * batch);
    }
}
#endif

#ifdef SUM
/*
 * winograd_filter_sum: conv_bwd_filter's dw = At [ sum over g, in order, of
 * part[g] ] A.
 *
 * dw [OUT,OUT,C,K] with ldw elements a row; part: winograd_filter_parts'.  One
 * work-item per VEC outputs (of dimension 0) and input channel.  Memory-bound.
 */
kernel VECTORS __attribute__((reqd_work_group_size(1, 1, 1))) void
winograd_filter_sum(global float *restrict dw, int dw_at,
                    global const float *restrict part, int part_at, int C,
                    int ldw, int padded, int parts)
{
    const int k = get_global_id(0) * VEC;
    const int c = ROW;
    FLOATV sums[FREQUENCIES], y[OUT * OUT];

    if (c >= C)
        return; /* the grid is rounded up to whole slices of rows */

    for (int f = 0; f < FREQUENCIES; f++) {
        global const float *from = part + part_at + (f * C + c) * padded + k;
        FLOATV sum = LOADV(from);

        for (int g = 1; g < parts; g++)
            sum += LOADV(from + g * FREQUENCIES * C * padded);
        sums[f] = sum;
    }
    SQUARE(output_line, y, OUT, sums, SIDE);
    UNROLL
    for (int i = 0; i < OUT * OUT; i++)
        STOREV(y[i], dw + dw_at + (i * C + c) * ldw + k);
}
#endif
