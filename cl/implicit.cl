/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution as a product of matrices, whose matrix of patches is never made:
 * a work-group reads what it needs of it from the image.  For GPUs.  (Implicit
 * GEMM: S. Chetlur et al., "cuDNN: Efficient Primitives for Deep Learning",
 * 2014.)
 *
 * A group makes a tile of TILE_M x TILE_N sums, and a work-item SUMS_M x SUMS_N
 * of them, in registers.  Of both matrices, BLOCK values of each sum's chain
 * are in local memory at a time, twice: while one half is multiplied, the other
 * is filled.  The chains can be cut into parts, which implicit_sum adds up, so
 * that a small result keeps a large device busy.  Images are NHWC with ld*
 * elements a pixel.  With VEC=4, values are copied by fours: all channels, ld*
 * and places of tensors must be multiples of 4.
 */
#ifdef TILE_M
#define BLOCK 8
#define SUMS_M 8
#define ITEMS_N (TILE_N / SUMS_N)
#define ITEMS_M (TILE_M / SUMS_M)
#define ITEMS (ITEMS_M * ITEMS_N)
/* Rows of a block in local memory, in float4s: their first elements are in
 * different banks. */
#define PITCH_M (TILE_M / 4 + 1)
#define PITCH_N (TILE_N / 4 + 1)
/* How often a work-item copies VEC values of a block of either matrix.  Of a
 * narrow tile not all do. */
#define COPIES(tile) (((tile) * BLOCK / VEC + ITEMS - 1) / ITEMS)
#define COPIES_M COPIES(TILE_M)
#define COPIES_N COPIES(TILE_N)
#define HAS_COPY_N                                                             \
    (TILE_N * BLOCK / VEC >= ITEMS ||                                          \
     (int)get_local_id(0) < TILE_N * BLOCK / VEC)
/* A block of both matrices. */
#define BLOCK_FLOAT4S (BLOCK * (PITCH_M + PITCH_N))
/* The row of a window after the last pixel: it is outside every image. */
#define NOWHERE (-(1 << 20))

/* What a window reads, C channels of H x W pixels, and where its P x Q places
 * are. */
struct windows {
    int H, W, C, ld, P, Q, R, S, stride, top, left;
};

/* A column of the matrix of patches. */
struct tap {
    int r, s, c;
};

static struct tap tap_of(struct windows at, int j)
{
    const struct tap t = { j / at.C / at.S, j / at.C % at.S, j % at.C };

    return t;
}

/* The tap BLOCK columns further. */
static struct tap next_tap(struct windows at, struct tap t)
{
    for (t.c += BLOCK; t.c >= at.C; t.c -= at.C)
        if (++t.s == at.S) {
            t.s = 0;
            t.r++;
        }
    return t;
}

/* A row of the matrix of patches: where its window begins, as (element, row,
 * column, 0). */
static int4 window_of(struct windows at, int pixel, int pixels)
{
    const int n = pixel / at.Q / at.P;
    const int h = pixel / at.Q % at.P * at.stride - at.top;
    const int w = pixel % at.Q * at.stride - at.left;

    return pixel < pixels
               ? (int4)(((n * at.H + h) * at.W + w) * at.ld, h, w, 0)
               : (int4)(0, NOWHERE, 0, 0);
}

/* VEC values side by side in memory. */
static FLOATV values_at(global const float *p)
{
    return *(global const FLOATV *)p;
}

/* The patches' values at a tap and the following channels. */
static FLOATV patch_values(global const float *x, struct windows at,
                           int4 window, struct tap t)
{
    const int h = window.y + t.r, w = window.z + t.s;

    return h >= 0 && h < at.H && w >= 0 && w < at.W && t.r < at.R
               ? values_at(x + window.x + (t.r * at.W + t.s) * at.ld + t.c)
               : (FLOATV)0.0f;
}

/* Add the products of a block. */
static void add_block(float4 (*acc)[SUMS_N / 4], local const float4 *block)
{
    local const float4 *a = block + (int)get_local_id(0) / ITEMS_N;
    local const float4 *b =
        block + BLOCK * PITCH_M + (int)get_local_id(0) % ITEMS_N;

    UNROLL
    for (int k = 0; k < BLOCK; k++) {
        float4 f[SUMS_N / 4];

        UNROLL
        for (int j = 0; j < SUMS_N / 4; j++)
            f[j] = b[k * PITCH_N + j * ITEMS_N];
        UNROLL
        for (int i = 0; i < SUMS_M / 4; i++) {
            const float4 e = a[k * PITCH_M + i * ITEMS_M];

            UNROLL
            for (int j = 0; j < SUMS_N / 4; j++) {
                acc[4 * i][j] = FMA((float4)e.x, f[j], acc[4 * i][j]);
                acc[4 * i + 1][j] = FMA((float4)e.y, f[j], acc[4 * i + 1][j]);
                acc[4 * i + 2][j] = FMA((float4)e.z, f[j], acc[4 * i + 2][j]);
                acc[4 * i + 3][j] = FMA((float4)e.w, f[j], acc[4 * i + 3][j]);
            }
        }
    }
}

static void clear(float4 (*acc)[SUMS_N / 4])
{
    UNROLL
    for (int i = 0; i < SUMS_M; i++)
        UNROLL
        for (int j = 0; j < SUMS_N / 4; j++)
            acc[i][j] = 0.0f;
}

/* The first row and column of a group's tile, if the matrix has N columns. */
static int tile_row(int N)
{
    return (int)get_group_id(0) / ((N + TILE_N - 1) / TILE_N) * TILE_M;
}

static int tile_column(int N)
{
    return (int)get_group_id(0) % ((N + TILE_N - 1) / TILE_N) * TILE_N;
}

/* Row i, and column j, of a work-item's sums in the tile. */
static int row_of(int i)
{
    return i / 4 * 4 * ITEMS_M + (int)get_local_id(0) / ITEMS_N * 4 + i % 4;
}

static int column_of(int j)
{
    return j / 4 * 4 * ITEMS_N + (int)get_local_id(0) % ITEMS_N * 4 + j % 4;
}

/* Write the sums [M][N] as they are, `ld` elements a row. */
static void keep_sums(global float *to, float4 (*acc)[SUMS_N / 4], int M, int N,
                      int ld)
{
    UNROLL
    for (int i = 0; i < SUMS_M; i++)
        UNROLL
        for (int j = 0; j < SUMS_N / 4; j++) {
            const int m = tile_row(N) + row_of(i);
            const int n = tile_column(N) + column_of(4 * j);
            FLOATV v[4 / VEC];

            vstore4(acc[i][j], 0, (float *)v);
            UNROLL
            for (int l = 0; l < 4; l += VEC)
                if (m < M && n + l < N)
                    *(global FLOATV *)(to + m * ld + n + l) = v[l / VEC];
        }
}

/*
 * A work-item's i-th copy of a block of either matrix: its place in the chains
 * of sums, and across the tile.  Neighbours read what is side by side in
 * memory, and one reads VEC values of it.  For patches of conv_implicit and a
 * turned filter these are places in a chain, else places across the tile.
 */
#define ALONG (BLOCK / VEC)
#ifdef TURNED
#define CHAIN_M(i) ((int)get_local_id(0) % ALONG * VEC)
#define ACROSS_M(i) ((int)get_local_id(0) / ALONG + (i) * (ITEMS / ALONG))
#define PUT_M put_along
#else
#define CHAIN_M(i)                                                             \
    ((int)get_local_id(0) / (TILE_M / VEC) + (i) * (ITEMS * VEC / TILE_M))
#define ACROSS_M(i) ((int)get_local_id(0) % (TILE_M / VEC) * VEC)
#define PUT_M put_across
#endif
#if defined(TURNED) && TURNED
#define CHAIN_N(i) ((int)get_local_id(0) % ALONG * VEC)
#define ACROSS_N(i) ((int)get_local_id(0) / ALONG + (i) * (ITEMS / ALONG))
#define PUT_N put_along
#else
#define CHAIN_N(i)                                                             \
    ((int)get_local_id(0) / (TILE_N / VEC) + (i) * (ITEMS * VEC / TILE_N))
#define ACROSS_N(i) ((int)get_local_id(0) % (TILE_N / VEC) * VEC)
#define PUT_N put_across
#endif

/* Put VEC values of a block, whose rows have `pitch` elements, into local
 * memory. */
static void put_across(local float *to, int pitch, FLOATV v)
{
    (void)pitch;
    *(local FLOATV *)to = v;
}

static void put_along(local float *to, int pitch, FLOATV v)
{
#if VEC == 1
    *to = v;
#else
    to[0] = v.x;
    to[pitch] = v.y;
    to[2 * pitch] = v.z;
    to[3 * pitch] = v.w;
#endif
}

/* Copy a work-item's values of both matrices from registers to local memory. */
static void store_block(local float4 *block, const FLOATV *a, const FLOATV *b)
{
    const int pitch_a = 4 * PITCH_M, pitch_b = 4 * PITCH_N;
    local float *to_a = (local float *)block;
    local float *to_b = (local float *)(block + BLOCK * PITCH_M);

    UNROLL
    for (int i = 0; i < COPIES_M; i++)
        PUT_M(to_a + CHAIN_M(i) * pitch_a + ACROSS_M(i), pitch_a, a[i]);
    UNROLL
    for (int i = 0; i < COPIES_N && HAS_COPY_N; i++)
        PUT_N(to_b + CHAIN_N(i) * pitch_b + ACROSS_N(i), pitch_b, b[i]);
}

#ifdef TURNED
/* y[m,n] = epilogue(sum), for the sums of a work-item. */
static void finish(global float *y, int ldy, global const float *b,
                   global const float *mask, int ldm, int flags,
                   float4 (*acc)[SUMS_N / 4], int M, int N)
{
    UNROLL
    for (int i = 0; i < SUMS_M; i++)
        UNROLL
        for (int j = 0; j < SUMS_N / 4; j++) {
            const int m = tile_row(N) + row_of(i);
            FLOATV v[4 / VEC];

            vstore4(acc[i][j], 0, (float *)v);
            UNROLL
            for (int l = 0; l < 4 / VEC; l++) {
                const int n = tile_column(N) + column_of(4 * j) + l * VEC;
                global FLOATV *to = (global FLOATV *)(y + m * ldy + n);

                if (m >= M || n >= N)
                    continue;
                ADD_BIAS(v[l], flags, values_at(b + n));
                ADD_OLD(v[l], flags, *to);
                CUT(v[l], flags, values_at(mask + m * ldm + n));
                *to = v[l];
            }
        }
}

/* The filter's values for output channel n of N at a tap and the following
 * channels if TURNED, else in row j for channel n and the following. */
static FLOATV filter_values(global const float *w, struct windows at,
                            struct tap t, int j, int n, int N, int ldw)
{
#if TURNED
    const int i = ((at.R - 1 - t.r) * at.S + at.S - 1 - t.s) * N + n;

    return t.r < at.R && n < N ? values_at(w + i * ldw + t.c) : (FLOATV)0.0f;
#else
    return j < at.R * at.S * at.C && n < N ? values_at(w + j * ldw + n)
                                           : (FLOATV)0.0f;
#endif
}

/* Copy a work-item's values of a block to registers; t is its tap. */
static void load_block(FLOATV *a, FLOATV *b, global const float *x,
                       global const float *w, struct windows at,
                       local const int4 *windows, int block, struct tap t,
                       int N, int ldw)
{
    UNROLL
    for (int i = 0; i < COPIES_M; i++)
        a[i] = patch_values(x, at, windows[ACROSS_M(i)], t);
    UNROLL
    for (int i = 0; i < COPIES_N && HAS_COPY_N; i++)
        b[i] = filter_values(w, at, t, block * BLOCK + CHAIN_N(i),
                             tile_column(N) + ACROSS_N(i), N, ldw);
}

/*
 * conv_implicit: y[n,p,q,k] = epilogue(sum over r,s,c of x * w), with x = 0
 * outside the image, or part g of it.
 *
 * x [N,H,W,C], y and mask [N,P,Q,K], b [K].  w [R,S,C,K], or if TURNED, for
 * conv_bwd_data, [R,S,K,C], rotated by half a turn; ldw elements a row.  With
 * parts > 1, part [parts][N*P*Q][K] takes the plain sums of `blocks` blocks of
 * r,s,c each.  One group per (tile, part).
 * Built with -D TURNED TILE_M TILE_N SUMS_N VEC.
 * Compute-bound; the order of a sum depends on the shapes only.
 */
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv_implicit(global float *restrict y, int y_at,
              global const float *restrict x, int x_at,
              global const float *restrict w, int w_at,
              global const float *restrict b, int b_at,
              global const float *restrict mask, int mask_at,
              global float *restrict part, int part_at,
              local float4 *restrict tiles, local int4 *restrict windows, int N,
              int H, int W, int C, int ldx, int P, int Q, int K, int ldy,
              int ldw, int ldm, int R, int S, int stride, int top, int left,
              int blocks, int parts, int flags)
{
    const struct windows at = { H, W, C, ldx, P, Q, R, S, stride, top, left };
    const int id = get_local_id(0);
    const int M = N * P * Q;
    const int g = ROW;
    const int end = min((g + 1) * blocks, (R * S * C + BLOCK - 1) / BLOCK);
    struct tap t = tap_of(at, g * blocks * BLOCK + CHAIN_M(0));
    float4 acc[SUMS_M][SUMS_N / 4];
    FLOATV of_x[COPIES_M], of_w[COPIES_N];

    if (g >= parts)
        return; /* the grid is rounded up to whole work-groups */

    clear(acc);
    for (int i = id; i < TILE_M; i += ITEMS)
        windows[i] = window_of(at, tile_row(K) + i, M);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int u = g * blocks - 1; u < end; u++) { /* the first turn only fills */
        if (u + 1 < end)
            load_block(of_x, of_w, x + x_at, w + w_at, at, windows, u + 1, t, K,
                       ldw);
        if (u >= g * blocks)
            add_block(acc, tiles + (u & 1) * BLOCK_FLOAT4S);
        if (u + 1 < end)
            store_block(tiles + ((u + 1) & 1) * BLOCK_FLOAT4S, of_x, of_w);
        t = next_tap(at, t);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (parts > 1)
        keep_sums(part + part_at + g * M * K, acc, M, K, K);
    else
        finish(y + y_at, ldy, b + b_at, mask + mask_at, ldm, flags, acc, M, K);
}
#else

/* The same of x and dy; t is the work-item's row of dw. */
static void load_block(FLOATV *a, FLOATV *b, global const float *x,
                       global const float *dy, struct windows at,
                       local const int4 *windows, int block, int pixels,
                       struct tap t, int K, int ldy)
{
    UNROLL
    for (int i = 0; i < COPIES_M; i++)
        a[i] = patch_values(x, at, windows[CHAIN_M(i)], t);
    UNROLL
    for (int i = 0; i < COPIES_N && HAS_COPY_N; i++) {
        const int pixel = block * BLOCK + CHAIN_N(i);
        const int k = tile_column(K) + ACROSS_N(i);

        b[i] = pixel < pixels && k < K ? values_at(dy + pixel * ldy + k)
                                       : (FLOATV)0.0f;
    }
}

/*
 * conv_implicit_filter: dw[r,s,c,k] = sum over n,p,q of x * dy, or part g of
 * it.
 *
 * x [N,H,W,C], dy [N,P,Q,K]; dw [R,S,C,K] with ldw elements a row.  With
 * parts > 1, part [parts][R*S*C][K] takes the sums of `blocks` blocks of pixels
 * each.  One group per (tile, part `first` and further).
 * Built with -D TILE_M TILE_N SUMS_N VEC.
 * Compute-bound; the order of a sum depends on the shapes only.
 */
kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv_implicit_filter(global float *restrict dw, int dw_at,
                     global const float *restrict x, int x_at,
                     global const float *restrict dy, int dy_at,
                     global float *restrict part, int part_at,
                     local float4 *restrict tiles, local int4 *restrict windows,
                     int N, int H, int W, int C, int ldx, int P, int Q, int K,
                     int ldy, int ldw, int R, int S, int stride, int top,
                     int left, int blocks, int first, int parts)
{
    const struct windows at = { H, W, C, ldx, P, Q, R, S, stride, top, left };
    const int id = get_local_id(0);
    const int pixels = N * P * Q, M = R * S * C;
    const struct tap t = tap_of(at, tile_row(K) + ACROSS_M(0));
    const int g = first + ROW;
    const int end = min((g + 1) * blocks, (pixels + BLOCK - 1) / BLOCK);
    float4 acc[SUMS_M][SUMS_N / 4];
    FLOATV of_x[COPIES_M], of_dy[COPIES_N];

    if (g >= parts)
        return; /* the grid is rounded up to whole work-groups */

    clear(acc);
    if (id < BLOCK)
        windows[((g * blocks) & 1) * BLOCK + id] =
            window_of(at, g * blocks * BLOCK + id, pixels);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int u = g * blocks - 1; u < end; u++) { /* the first turn only fills */
        if (u + 1 < end)
            load_block(of_x, of_dy, x + x_at, dy + dy_at, at,
                       windows + ((u + 1) & 1) * BLOCK, u + 1, pixels, t, K,
                       ldy);
        if (u >= g * blocks)
            add_block(acc, tiles + (u & 1) * BLOCK_FLOAT4S);
        if (u + 1 < end)
            store_block(tiles + ((u + 1) & 1) * BLOCK_FLOAT4S, of_x, of_dy);
        if (id < BLOCK)
            windows[(u & 1) * BLOCK + id] =
                window_of(at, (u + 2) * BLOCK + id, pixels);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
    if (parts > 1)
        dw = part + part_at + g * M * K;
    else
        dw += dw_at;
    keep_sums(dw, acc, M, K, parts > 1 ? K : ldw);
}
#endif
#else
/*
 * implicit_sum: out[i,k] = epilogue(sum over g, in order, of part[g][i][k]).
 *
 * out, mask [rows,K] with ld* elements a row; part [parts][rows][K]; b [K].
 * One work-item per output; memory-bound; repeats bit for bit.
 */
kernel void implicit_sum(global float *restrict out, int out_at,
                         global const float *restrict part, int part_at,
                         global const float *restrict b, int b_at,
                         global const float *restrict mask, int mask_at,
                         int rows, int K, int ld, int ldm, int parts, int flags)
{
    const int k = get_global_id(0);
    const int i = ROW;
    global float *to = out + out_at + i * ld + k;
    float sum = 0.0f;

    if (k >= K || i >= rows)
        return; /* the grid is rounded up to whole work-groups */

    for (int g = 0; g < parts; g++)
        sum += part[part_at + (g * rows + i) * K + k];
    ADD_BIAS(sum, flags, b[b_at + k]);
    ADD_OLD(sum, flags, *to);
    CUT(sum, flags, mask[mask_at + i * ldm + k]);
    *to = sum;
}
#endif
