/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct convolution for devices whose work-items have wide vectors, as a CPU's
 * have.  A group is one work-item, a vector is VEC output channels, and
 * products are summed in registers.  Images are NHWC with ld* elements a pixel.
 * Extents are arguments, so that few programs serve all layers.
 */
#ifdef VEC
#define PANEL (VEC * VECS)

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

#ifdef TILE_P
#define PATCH_H ((TILE_P - 1) * STRIDE + WIN_R)
#define PATCH_W ((TILE_Q - 1) * STRIDE + WIN_S)
#define PATCH (PATCH_H * PATCH_W * BLOCK)

/* Copy n channels, and zeros up to BLOCK. */
static void copy_pixel(local float *to, global const float *from, int n)
{
    for (int c = 0; c < BLOCK; c++)
        to[c] = c < n ? from[c] : 0.0f;
}

/*
 * Copy a block of channels, from c0 on, of the input patch of an output tile:
 * patch[PATCH_H][PATCH_W][BLOCK], whose first pixel is row h0, column w0 of the
 * image x.  Outside the image there are zeros.  With DILATE > 1 the image is
 * the gradient of a strided convolution, with zeros between its pixels.
 */
static void copy_block(local float *patch, global const float *x, int H, int W,
                       int C, int ldx, int h0, int w0, int c0)
{
    for (int r = 0; r < PATCH_H; r++) {
        for (int s = 0; s < PATCH_W; s++) {
            local float *to = patch + (r * PATCH_W + s) * BLOCK;
            const int h = h0 + r;
            const int w = w0 + s;
            const bool inside = h >= 0 && w >= 0 && h % DILATE == 0 &&
                                w % DILATE == 0 && h / DILATE < H &&
                                w / DILATE < W;
            global const float *from =
                x + (h / DILATE * W + w / DILATE) * ldx + c0;

            if (!inside) {
                for (int c = 0; c < BLOCK; c++)
                    to[c] = 0.0f;
#if BLOCK == VEC
            } else if (C - c0 >= BLOCK) {
                STOREV(LOADV(from), to);
#endif
            } else {
                copy_pixel(to, from, C - c0);
            }
        }
    }
}

/* The epilogue of n channels, at most a vector.  The bias is in the sum
 * already: sums start from it. */
static void finish(FLOATV sum, global float *y, global const float *mask, int n,
                   int flags)
{
    ADD_OLD(sum, flags, load(y, n));
    CUT(sum, flags, load(mask, n));
    store(sum, y, n);
}

/* Below, acc[TILE_P * TILE_Q][VECS] are the sums of a tile. */

/* Start the sums from the bias b, which has `left` more channels, or from 0. */
static void start_sums(FLOATV (*acc)[VECS], global const float *b, int left,
                       int flags)
{
    UNROLL
    for (int v = 0; v < VECS; v++) {
        const int n = left - v * VEC;
        const FLOATV start =
            flags & FLAG_BIAS && n > 0 ? load(b + v * VEC, n) : 0.0f;

        UNROLL
        for (int i = 0; i < TILE_P * TILE_Q; i++)
            acc[i][v] = start;
    }
}

/* Add the products of a panel of the filter and the tile's pixels, for one
 * input channel and place of the window; the first pixel is at a. */
static void add_products(FLOATV (*acc)[VECS], local const float *a,
                         global const float *panel)
{
    FLOATV f[VECS];

    UNROLL
    for (int v = 0; v < VECS; v++)
        f[v] = LOADV(panel + v * VEC);
    UNROLL
    for (int t = 0; t < TILE_P; t++)
        UNROLL
        for (int i = 0; i < TILE_Q; i++) {
            const FLOATV e = a[(t * PATCH_W + i) * STRIDE * BLOCK];

            UNROLL
            for (int v = 0; v < VECS; v++)
                acc[t * TILE_Q + i][v] = FMA(e, f[v], acc[t * TILE_Q + i][v]);
        }
}

/* Apply the epilogue to a tile's sums, and store those inside the image.  The
 * sums go through memory, because an unrolled epilogue would be most of the
 * program. */
static void store_sums(FLOATV (*acc)[VECS], global float *y,
                       global const float *mask, int p0, int q0, int n, int k0,
                       int P, int Q, int K, int ldy, int ldm, int flags)
{
    float sums[TILE_P * TILE_Q * PANEL];

    UNROLL
    for (int i = 0; i < TILE_P * TILE_Q; i++)
        UNROLL
        for (int v = 0; v < VECS; v++)
            STOREV(acc[i][v], sums + (i * VECS + v) * VEC);

    for (int i = 0; i < TILE_P * TILE_Q; i++) {
        const int p = p0 + i / TILE_Q;
        const int q = q0 + i % TILE_Q;
        const int pixel = (n * P + p) * Q + q;

        if (p < P && q < Q)
            for (int k = k0; k < min(k0 + PANEL, K); k += VEC)
                finish(LOADV(sums + i * PANEL + k - k0), y + pixel * ldy + k,
                       mask + pixel * ldm + k, K - k, flags);
    }
}

/*
 * conv_direct: y = epilogue(x * w).  This is conv_fwd; with dy for x and a
 * turned filter it is conv_bwd_data.
 *
 * y [N,P,Q,K]; x [N,H,W,C]; w: filter_pack's panels; b [K]; mask like y, the
 * forward value for the ReLU's mask.
 * One work-item per tile of TILE_P x TILE_Q pixels (over Q, N*P) makes all K:
 * it copies the tile's input patch to local memory, `held` blocks of BLOCK
 * channels at a time (all of them where they fit), then walks the filter
 * panel by panel with TILE_P*TILE_Q*VECS vectors of sums in registers.
 * Built with -D WIN_R WIN_S STRIDE DILATE TILE_P TILE_Q VEC VECS BLOCK.
 * Compute-bound.  The order of a sum depends on the shapes only: results
 * repeat bit for bit.  depth: C*R*S products in one chain, padded to blocks
 * with exact zeros, from the bias on.
 */
kernel VECTORS __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_direct(global float *restrict y, int y_at, global const float *restrict x,
            int x_at, global const float *restrict w, int w_at,
            global const float *restrict b, int b_at,
            global const float *restrict mask, int mask_at,
            local float *restrict patch, int held, int N, int H, int W, int C,
            int ldx, int P, int Q, int K, int ldy, int ldm, int top, int left,
            int flags)
{
    const int tiles = (P + TILE_P - 1) / TILE_P;
    const int q0 = get_global_id(0) * TILE_Q;
    const int p0 = ROW % tiles * TILE_P;
    const int n = ROW / tiles;
    const int blocks = (C + BLOCK - 1) / BLOCK;
    global const float *image = x + x_at + n * H * W * ldx;
    global const float *panel = w + w_at;

    if (n >= N)
        return; /* the grid is rounded up to whole slices of rows */

    for (int k0 = 0; k0 < K; k0 += PANEL) {
        FLOATV acc[TILE_P * TILE_Q][VECS];

        start_sums(acc, b + b_at + k0, K - k0, flags);
        for (int first = 0; first < blocks; first += held) {
            const int count = min(held, blocks - first);

            if (k0 == 0 || held < blocks)
                for (int j = 0; j < count; j++)
                    copy_block(patch + j * PATCH, image, H, W, C, ldx,
                               p0 * STRIDE - top, q0 * STRIDE - left,
                               (first + j) * BLOCK);

            for (int j = 0; j < count; j++)
                for (int r = 0; r < WIN_R; r++)
                    for (int s = 0; s < WIN_S; s++) {
                        local const float *a =
                            patch + j * PATCH + (r * PATCH_W + s) * BLOCK;

                        for (int c = 0; c < BLOCK; c++) {
                            add_products(acc, a + c, panel);
                            panel += PANEL;
                        }
                    }
        }
        store_sums(acc, y + y_at, mask + mask_at, p0, q0, n, k0, P, Q, K, ldy,
                   ldm, flags);
    }
}
#endif

#ifdef TILE_J
/* dw is a matrix of K columns and `rows` rows, row j = (r * S + s) * C + c.
 * Below, acc[TILE_J][VECS] are the sums of a tile of it. */

static void load_sums(FLOATV (*acc)[VECS], global const float *sums, int padded,
                      bool from_zero)
{
    UNROLL
    for (int i = 0; i < TILE_J; i++)
        UNROLL
        for (int v = 0; v < VECS; v++)
            acc[i][v] = from_zero ? (FLOATV)0.0f
                                  : LOADV(sums + i * padded + v * VEC);
}

static void keep_sums(global float *sums, FLOATV (*acc)[VECS], int padded)
{
    UNROLL
    for (int i = 0; i < TILE_J; i++)
        UNROLL
        for (int v = 0; v < VECS; v++)
            STOREV(acc[i][v], sums + i * padded + v * VEC);
}

/* The windows of dy's pixels in x. */
struct windows {
    int H, W, C, ldx, P, Q, S, stride, top, left;
};

/*
 * Copy what the tile's rows, from j on, read of x for `count` pixels of dy from
 * `first` on: column[count][TILE_J].  Outside the image there are zeros.  The
 * rows after the last one of dw are like that one.
 */
static void copy_column(local float *column, global const float *x,
                        const struct windows at, int j, int rows, int first,
                        int count)
{
    const bool same = j % at.C + TILE_J <= at.C; /* r and s, in all rows */
    int r[TILE_J], s[TILE_J], from[TILE_J];
    int q = first % at.Q;
    int p = first / at.Q % at.P;
    int n = first / at.Q / at.P;

    for (int i = 0; i < TILE_J; i++) {
        const int row = min(j + i, rows - 1);

        r[i] = row / at.C / at.S;
        s[i] = row / at.C % at.S;
        from[i] = (r[i] * at.W + s[i]) * at.ldx + row % at.C;
    }
    const int left = same ? s[0] : 0; /* s is left ... right in all rows */
    const int right = same ? s[0] : at.S - 1;

    for (int end = first + count; first < end; first++, column += TILE_J) {
        const int h = p * at.stride - at.top;
        const int w = q * at.stride - at.left;
        const int pixel = ((n * at.H + h) * at.W + w) * at.ldx;

        if (h + r[0] >= 0 && h + r[TILE_J - 1] < at.H && w + left >= 0 &&
            w + right < at.W) {
            if (same)
                UNROLL
                for (int i = 0; i < TILE_J; i++)
                    column[i] = x[pixel + from[0] + i];
            else
                UNROLL
                for (int i = 0; i < TILE_J; i++)
                    column[i] = x[pixel + from[i]];
        } else {
            for (int i = 0; i < TILE_J; i++)
                column[i] = h + r[i] >= 0 && h + r[i] < at.H &&
                                    w + s[i] >= 0 && w + s[i] < at.W
                                ? x[pixel + from[i]]
                                : 0.0f;
        }
        if (++q == at.Q) {
            q = 0;
            if (++p == at.P) {
                p = 0;
                n++;
            }
        }
    }
}

/* Copy `count` pixels of dy, panel by panel and with zeros after K:
 * packed[panel][unit][PANEL]. */
static void pack_pixels(global float *packed, global const float *dp, int count,
                        int unit, int K, int ldy)
{
    for (int i = 0; i < count; i++)
        for (int k0 = 0; k0 < K; k0 += PANEL)
            UNROLL
            for (int v = 0; v < VECS; v++)
                STOREV(load(dp + i * ldy + k0 + v * VEC, K - k0 - v * VEC),
                       packed + k0 * unit + i * PANEL + v * VEC);
}

/* Add `count` packed pixels to sums[K], or to 0: DB_CHAIN in one chain. */
static void add_pixels(global float *sums, global const float *packed,
                       int count, int unit, int K, bool from_zero)
{
    for (int k = 0; k < K; k += VEC) {
        global const float *from =
            packed + k / PANEL * PANEL * unit + k % PANEL;
        FLOATV sum = from_zero ? (FLOATV)0.0f : load(sums + k, K - k);

        for (int first = 0; first < count; first += DB_CHAIN) {
            FLOATV part = 0.0f;

            for (int i = first; i < min(first + DB_CHAIN, count); i++)
                part += LOADV(from + i * PANEL);
            sum += part;
        }
        store(sum, sums + k, K - k);
    }
}

/* Add the products of `count` pixels of a column and of a panel of dy. */
static void add_column(FLOATV (*acc)[VECS], local const float *column,
                       global const float *dp, int count)
{
    for (int n = 0; n < count; n++) {
        FLOATV f[VECS];

        UNROLL
        for (int v = 0; v < VECS; v++)
            f[v] = LOADV(dp + v * VEC);
        UNROLL
        for (int i = 0; i < TILE_J; i++) {
            const FLOATV e = column[i];

            UNROLL
            for (int v = 0; v < VECS; v++)
                acc[i][v] = FMA(e, f[v], acc[i][v]);
        }
        dp += PANEL;
        column += TILE_J;
    }
}

/*
 * conv_direct_filter: conv_bwd_filter's partial sums of dw[r,s,c,k] = sum of
 * x * dy; with FLAG_BIAS also those of db[k] = sum of dy.
 *
 * part [parts][rows rounded up to TILE_J][K rounded up to PANEL]; sums
 * [parts][K], with FLAG_BIAS only; x [N,H,W,C]; dy [N,P,Q,K].
 * dy's pixels are cut into units of `unit` pixels, small enough to stay in a
 * cache; part g sums units g*units ... (g+1)*units - 1.  One work-item per
 * (`range` of rows, part): for each unit it packs dy in its part of `scratch`
 * (`unit` * K rounded up floats).  Then, tile by tile, a column of x goes to
 * local memory, and TILE_J x PANEL sums in registers run over the unit's
 * pixels.  The first range's work-items add up dy, DB_CHAIN pixels in one
 * chain.
 * Built with -D TILE_J VEC VECS DB_CHAIN.
 * Compute-bound; the order of a sum depends on the shapes only.
 */
kernel VECTORS __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_direct_filter(global float *restrict part, int part_at,
                   global float *restrict sums, int sums_at,
                   global float *restrict scratch, int scratch_at,
                   global const float *restrict x, int x_at,
                   global const float *restrict dy, int dy_at,
                   local float *restrict column, int N, int H, int W, int C,
                   int ldx, int P, int Q, int K, int ldy, int R, int S,
                   int stride, int top, int left, int unit, int units,
                   int range, int part_first, int flags)
{
    const struct windows at = { H, W, C, ldx, P, Q, S, stride, top, left };
    const int rows = R * S * C;
    const int j_first = get_global_id(0) * range;
    const int g = part_first + ROW;
    const int padded = (K + PANEL - 1) / PANEL * PANEL;
    global float *mine =
        part + part_at + g * ((rows + TILE_J - 1) / TILE_J * TILE_J) * padded;
    global float *packed =
        scratch + scratch_at +
        (g * (int)get_global_size(0) + (int)get_global_id(0)) * unit * padded;

    for (int u = g * units; u < (g + 1) * units; u++) {
        const int first = u * unit;
        const int count = min(unit, N * P * Q - first);

        pack_pixels(packed, dy + dy_at + first * ldy, count, unit, K, ldy);
        if (flags & FLAG_BIAS && j_first == 0)
            add_pixels(sums + sums_at + g * K, packed, count, unit, K,
                       u == g * units);
        for (int j = j_first; j < min(j_first + range, rows); j += TILE_J) {
            copy_column(column, x + x_at, at, j, rows, first, count);
            for (int k0 = 0; k0 < K; k0 += PANEL) {
                global float *to = mine + j * padded + k0;
                FLOATV acc[TILE_J][VECS];

                load_sums(acc, to, padded, u == g * units);
                add_column(acc, column, packed + k0 * unit, count);
                keep_sums(to, acc, padded);
            }
        }
    }
}
#endif
#endif

#ifndef VEC
/*
 * filter_pack: the filter of conv_fwd or conv_bwd_data in the order in which
 * conv_direct reads it, packed[panel][block][r][s][block's c][panel's k], with
 * zeros after the last C and K.
 *
 * w [R,S,C,K] with ldw elements a row.  turned: rotate it by half a turn and
 * exchange its input and output channels, for conv_bwd_data; C and K are
 * then the new ones.
 * One work-item per row of `width` values; memory-bound.
 */
kernel void filter_pack(global float *restrict packed, int packed_at,
                        global const float *restrict w, int w_at, int R, int S,
                        int C, int K, int ldw, int block, int width,
                        int turned, int rows)
{
    const int row = get_global_id(0);
    const int blocks = (C + block - 1) / block;
    const int s = row / block % S;
    const int r = row / block / S % R;
    const int c = row / (block * S * R) % blocks * block + row % block;
    const int k0 = row / (block * S * R * blocks) * width;
    global float *to = packed + packed_at + row * width;

    if (row >= rows)
        return; /* the grid is rounded up to whole work-groups */

    /* element (r,s,c,k0) and the step to the next k */
    const int from = turned ? (((R - 1 - r) * S + S - 1 - s) * K + k0) * ldw + c
                            : ((r * S + s) * C + c) * ldw + k0;
    const int step = turned ? ldw : 1;
    const int n = c < C ? min(width, K - k0) : 0;

    for (int i = 0; i < n; i++)
        to[i] = w[w_at + from + i * step];
    for (int i = n; i < width; i++)
        to[i] = 0.0f;
}

/*
 * conv_direct_sum: conv_bwd_filter's dw[i,k] = sum over g, in order, of
 * part[g][i][k].
 *
 * dw [rows,K] with ldw elements a row; part [parts][padded_rows][padded].  One
 * work-item per output; memory-bound; repeats bit for bit.
 */
kernel void conv_direct_sum(global float *restrict dw, int dw_at,
                            global const float *restrict part, int part_at,
                            int rows, int K, int ldw, int padded,
                            int padded_rows, int parts)
{
    const int k = get_global_id(0);
    const int i = ROW;
    float sum = 0.0f;

    if (k >= K || i >= rows)
        return; /* the grid is rounded up to whole work-groups */

    for (int g = 0; g < parts; g++)
        sum += part[part_at + (g * padded_rows + i) * padded + k];
    dw[dw_at + i * ldw + k] = sum;
}
#endif
