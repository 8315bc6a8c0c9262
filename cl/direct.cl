/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct convolution for devices whose work-items have wide vectors, as a CPU's
 * have.  A group is one work-item, a vector is VEC output channels, and
 * products are summed in registers.  Images are NHWC with ld* elements a pixel.
 * Extents are arguments, so that few programs serve all layers.
 */
#ifdef VEC
#define PANEL (VEC * VECS)
#define PATCH_H ((TILE_P - 1) * STRIDE + WIN_R)
#define PATCH_W ((TILE_Q - 1) * STRIDE + WIN_S)
#define PATCH (PATCH_H * PATCH_W * BLOCK)

/* Copy n channels, and zeros up to BLOCK. */
static void copy_pixel(local float *to, global const float *from, int n)
{
    for (int c = 0; c < BLOCK; c++)
        to[c] = c < n ? from[c] : 0.0f;
}

/* Copy a row of the patch whose pixels lie side by side, with all channels. */
static void copy_row(local float *to, global const float *from)
{
    int i = 0;

    for (; i + VEC <= PATCH_W * BLOCK; i += VEC)
        STOREV(LOADV(from + i), to + i);
    for (; i < PATCH_W * BLOCK; i++)
        to[i] = from[i];
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
#if BLOCK < VEC && DILATE == 1
        if (ldx == BLOCK && C == BLOCK && h0 + r >= 0 && h0 + r < H &&
            w0 >= 0 && w0 + PATCH_W <= W) {
            copy_row(patch + r * PATCH_W * BLOCK,
                     x + ((h0 + r) * W + w0) * BLOCK);
            continue;
        }
#endif
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
#endif
