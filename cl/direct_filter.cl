/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gradient of a direct convolution's filter, for the same devices and in the
 * same terms as direct.cl.
 */
#ifdef VEC
#define PANEL (VEC * VECS)

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

/* Copy what one pixel's window, whose first place is row h, column w of the
 * image, reads for the rows of a tile; outside the image there are zeros. */
static void copy_checked(global float *column, global const float *image,
                         const struct windows at, const int *r, const int *s,
                         const int *from, int h, int w)
{
    for (int i = 0; i < TILE_J; i++)
        column[i] = h + r[i] >= 0 && h + r[i] < at.H && w + s[i] >= 0 &&
                            w + s[i] < at.W
                        ? image[(h * at.W + w) * at.ldx + from[i]]
                        : 0.0f;
}

/*
 * Copy what the tile's rows, from j on, read of x for `count` pixels of dy from
 * `first` on: column[count][TILE_J].  The rows after the last one of dw are like
 * that one.  The pixels a ... b-1 of a row read from inside the image, and most
 * often TILE_J numbers that lie side by side.
 */
static void copy_column(global float *column, global const float *x,
                        const struct windows at, int j, int rows, int first,
                        int count)
{
    int r[TILE_J], s[TILE_J], from[TILE_J];
    bool dense = true;

    for (int i = 0; i < TILE_J; i++) {
        const int row = min(j + i, rows - 1);

        r[i] = row / at.C / at.S;
        s[i] = row / at.C % at.S;
        from[i] = (r[i] * at.W + s[i]) * at.ldx + row % at.C;
        dense = dense && from[i] == from[0] + i;
    }
    const bool one = r[0] == r[TILE_J - 1];
    const int right = at.W - 1 + at.left - (one ? s[TILE_J - 1] : at.S - 1);
    const int a = (at.left - (one ? s[0] : 0) + at.stride - 1) / at.stride;
    const int b = right < 0 ? 0 : right / at.stride + 1;
    int q = first % at.Q;
    int p = first / at.Q % at.P;
    int n = first / at.Q / at.P;

    for (const int end = first + count; first < end; q = 0) {
        const int stop = min(q + end - first, at.Q);
        const int h = p * at.stride - at.top;
        const bool inside = h + r[0] >= 0 && h + r[TILE_J - 1] < at.H;
        const int fast = inside ? clamp(a, q, stop) : stop;
        const int slow = inside ? clamp(b, fast, stop) : stop;
        global const float *image = x + n * at.H * at.W * at.ldx;

        first += stop - q;
        for (; q < fast; q++, column += TILE_J)
            copy_checked(column, image, at, r, s, from, h,
                         q * at.stride - at.left);
        for (; q < slow; q++, column += TILE_J) {
            const int pixel =
                (h * at.W + q * at.stride - at.left) * at.ldx;

            UNROLL
            for (int i = 0; i < TILE_J; i++)
                column[i] = image[pixel + (dense ? from[0] + i : from[i])];
        }
        for (; q < stop; q++, column += TILE_J)
            copy_checked(column, image, at, r, s, from, h,
                         q * at.stride - at.left);
        if (++p == at.P) {
            p = 0;
            n++;
        }
    }
}

/* Copy a panel of `count` pixels of dy, which has `left` more channels, then
 * zeros: panel[count][PANEL]. */
static void copy_panel(local float *panel, global const float *dp, int count,
                       int left, int ldy)
{
    for (int i = 0; i < count; i++)
        UNROLL
        for (int v = 0; v < VECS; v++)
            STOREV(load(dp + i * ldy + v * VEC, left - v * VEC),
                   panel + i * PANEL + v * VEC);
}

/* Add the pixels of a panel to sums[left], or to 0: DB_CHAIN in one chain. */
static void add_pixels(global float *sums, local const float *panel, int count,
                       int left, bool from_zero)
{
    for (int k = 0; k < min(PANEL, left); k += VEC) {
        FLOATV sum = from_zero ? (FLOATV)0.0f : load(sums + k, left - k);

        for (int first = 0; first < count; first += DB_CHAIN) {
            FLOATV part = 0.0f;

            for (int i = first; i < min(first + DB_CHAIN, count); i++)
                part += LOADV(panel + i * PANEL + k);
            sum += part;
        }
        store(sum, sums + k, left - k);
    }
}

/* Add the products of `count` pixels of a column and of a panel of dy. */
static void add_column(FLOATV (*acc)[VECS], global const float *column,
                       local const float *dp, int count)
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
 * dy's pixels are cut into units of `unit` pixels; part g sums units g*units
 * ... (g+1)*units - 1.  One work-item per (`range` of rows, part): for each unit
 * it copies the columns of x that its tiles read to its part of `scratch`
 * (`unit` * `range` floats, for a large cache).  Then, panel by panel, dy goes to
 * local memory (a small cache), and tile by tile, TILE_J x PANEL sums in
 * registers run over the unit's pixels.  The first range's work-items add up dy,
 * DB_CHAIN pixels in one chain.
 * Built with -D TILE_J VEC VECS DB_CHAIN.
 * Compute-bound; the order of a sum depends on the shapes only.
 */
kernel VECTORS __attribute__((reqd_work_group_size(1, 1, 1))) void
conv_direct_filter(global float *restrict part, int part_at,
                   global float *restrict sums, int sums_at,
                   global float *restrict scratch, int scratch_at,
                   global const float *restrict x, int x_at,
                   global const float *restrict dy, int dy_at,
                   local float *restrict panel, int N, int H, int W, int C,
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
    const int j_end = min(j_first + range, rows);
    global float *columns =
        scratch + scratch_at +
        (g * (int)get_global_size(0) + (int)get_global_id(0)) * unit * range -
        j_first * unit;

    for (int u = g * units; u < (g + 1) * units; u++) {
        const int first = u * unit;
        const int count = min(unit, N * P * Q - first);

        for (int j = j_first; j < j_end; j += TILE_J)
            copy_column(columns + j * unit, x + x_at, at, j, rows, first,
                        count);
        for (int k0 = 0; k0 < K; k0 += PANEL) {
            copy_panel(panel, dy + dy_at + first * ldy + k0, count, K - k0,
                       ldy);
            if (flags & FLAG_BIAS && j_first == 0)
                add_pixels(sums + sums_at + g * K + k0, panel, count, K - k0,
                           u == g * units);
            for (int j = j_first; j < j_end; j += TILE_J) {
                global float *to = mine + j * padded + k0;
                FLOATV acc[TILE_J][VECS];

                load_sums(acc, to, padded, u == g * units);
                add_column(acc, columns + j * unit, panel, count);
                keep_sums(to, acc, padded);
            }
        }
    }
}
#endif

#ifndef VEC
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
