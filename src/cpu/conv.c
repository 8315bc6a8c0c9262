/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/conv.h"
#include "cpu/real.h"
#include "op/op.h"

/*
 * The three convolutions.  Each computes its outputs in tiles of ROWS x COLS,
 * whose sums stay in the processor's registers.  products() is the inner loop
 * of all three.  The COLS of a tile are neighbouring channels.  Its ROWS are
 * pixels of one image row, or input channels in conv_bwd_filter.
 */
enum { ROWS = 4, COLS = 8 };

/* The operands of a tile: sum [j][k] adds a[j*row + i*step] * b[i*b_step + k]
 * for all i < count. */
struct operands {
    const real *a, *b;
    int64_t row, step, b_step;
    int count;
};

/* acc[j][k] += sum over i < count of a[j,i] * b[i,k]. */
static inline __attribute__((always_inline)) void
products(double (*acc)[COLS], const struct operands *o, int rows, int cols)
{
    const struct operands v = *o;
    double sum[ROWS][COLS];

    for (int j = 0; j < rows; j++)
        for (int k = 0; k < cols; k++)
            sum[j][k] = acc[j][k];
    for (int i = 0; i < v.count; i++) {
        for (int j = 0; j < rows; j++) {
            const double a = v.a[j * v.row + i * v.step];

            for (int k = 0; k < cols; k++)
                sum[j][k] += a * v.b[i * v.b_step + k];
        }
    }
    for (int j = 0; j < rows; j++)
        for (int k = 0; k < cols; k++)
            acc[j][k] = sum[j][k];
}

/* products(), specialised for the usual tile sizes. */
CPU_WIDE static void multiply(double (*acc)[COLS], const struct operands *o,
                              int rows, int cols)
{
    if (cols < COLS)
        products(acc, o, rows, cols);
    else if (rows == 4)
        products(acc, o, 4, COLS);
    else if (rows == 3)
        products(acc, o, 3, COLS);
    else if (rows == 2)
        products(acc, o, 2, COLS);
    else if (rows == 1)
        products(acc, o, 1, COLS);
}

static int at_most(int v, int limit)
{
    return v < limit ? v : limit;
}

/* The numbers from ... to-1. */
struct span {
    int from, to;
};

/* The rows j < `rows` of a tile whose image column first + j*step is inside an
 * image of width w. */
static struct span inside(int first, int step, int rows, int w)
{
    struct span in = { 0, rows };

    while (in.from < in.to && first + in.from * step < 0)
        in.from++;
    while (in.from < in.to && first + (in.to - 1) * step >= w)
        in.to--;
    return in;
}

/*
 * Make all pixels of a tensor into one row.  A 1x1 convolution gives the same
 * results for it, and tiles fit a long row better.
 */
static void flatten(struct clade_tensor *t)
{
    t->w *= t->n * t->h;
    t->n = t->h = 1;
}

static struct clade_op flat(const struct clade_op *op)
{
    const struct clade_window w = op->window;
    struct clade_op out = *op;

    if (w.r * w.s == 1 && w.stride == 1 && !w.top && !w.left && !w.bottom &&
        !w.right) {
        flatten(&out.t[CLADE_Y]);
        flatten(&out.t[CLADE_X]);
        flatten(&out.t[CLADE_DY]);
        flatten(&out.t[CLADE_DX]);
    }
    return out;
}

static void fwd_store(const struct clade_op *op, double (*acc)[COLS],
                      int64_t y_at, int rows, int k0, int cols)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];

    for (int j = 0; j < rows; j++) {
        for (int k = 0; k < cols; k++) {
            double t = acc[j][k];

            if (op->flags & CLADE_BIAS)
                t += reals(&op->t[CLADE_B])[k0 + k];
            if (op->flags & CLADE_RELU)
                t = relu(t);
            reals(y)[y_at + (int64_t)j * y->ld + k0 + k] = (real)t;
        }
    }
}

/* Compute pixels q0 ... q0+ROWS-1 of output row p, channels k0 ... k0+COLS-1.
 */
static void fwd_tile(const struct clade_op *op, int n, int p, int q0, int k0)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *filter = &op->t[CLADE_W];
    const struct clade_window win = op->window;
    const int rows = at_most(y->w - q0, ROWS);
    const int cols = at_most(y->c - k0, COLS);
    double acc[ROWS][COLS] = { 0 };

    for (int r = 0; r < win.r; r++) {
        const int h = p * win.stride - win.top + r;

        if (h < 0 || h >= x->h)
            continue;
        for (int s = 0; s < win.s; s++) {
            const int w = q0 * win.stride - win.left + s;
            const struct span in = inside(w, win.stride, rows, x->w);

            if (in.from == in.to)
                continue;
            const struct operands o = {
                .a = reals(x) + pixel_at(x, n, h, w + in.from * win.stride),
                .row = (int64_t)win.stride * x->ld,
                .step = 1,
                .b = reals(filter) + pixel_at(filter, r, s, 0) + k0,
                .b_step = filter->ld,
                .count = x->c,
            };

            multiply(acc + in.from, &o, in.to - in.from, cols);
        }
    }
    fwd_store(op, acc, pixel_at(y, n, p, q0), rows, k0, cols);
}

/* The outermost loop is over channels, so that their part of the filter stays
 * in cache. */
static void conv_fwd(const struct clade_op *given, void *scratch)
{
    const struct clade_op op = flat(given);
    const struct clade_tensor *y = &op.t[CLADE_Y];
    const int strips = (y->w + ROWS - 1) / ROWS;
    const int64_t tiles = (int64_t)y->n * y->h * strips;

    (void)scratch;
#pragma omp parallel for collapse(2)
    for (int k = 0; k < y->c; k += COLS)
        for (int64_t i = 0; i < tiles; i++)
            fwd_tile(&op, (int)(i / strips / y->h), (int)(i / strips % y->h),
                     (int)(i % strips) * ROWS, k);
}

static void bwd_data_store(const struct clade_op *op, double (*acc)[COLS],
                           int n, int h, int w0, int rows, int c0, int cols)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];

    for (int j = 0; j < rows; j++) {
        const int w = w0 + j * op->window.stride;
        const int64_t x_at = pixel_at(&op->t[CLADE_X], n, h, w) + c0;
        real *to = reals(dx) + pixel_at(dx, n, h, w) + c0;

        for (int c = 0; c < cols; c++)
            to[c] = (real)masked(op, acc[j][c], to[c], x_at + c);
    }
}

/* Compute pixels w0, w0+stride, ... of row h of dx, channels c0 ... c0+COLS-1.
 * The same (r,s) contribute to all these pixels, from neighbouring pixels of
 * dy.  `transposed` is the filter as [R,S,K,C]. */
static void bwd_data_tile(const struct clade_op *op, const real *transposed,
                          int n, int h, int w0, int c0)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_window win = op->window;
    const int rows = at_most((dx->w - w0 + win.stride - 1) / win.stride, ROWS);
    const int cols = at_most(dx->c - c0, COLS);
    double acc[ROWS][COLS] = { 0 };

    for (int r = 0; r < win.r; r++) {
        const int p = (h + win.top - r) / win.stride;

        if (h + win.top < r || (h + win.top - r) % win.stride || p >= dy->h)
            continue;
        for (int s = 0; s < win.s; s++) {
            if ((w0 + win.left - s) % win.stride)
                continue;
            const int q = (w0 + win.left - s) / win.stride;
            const struct span in = inside(q, 1, rows, dy->w);

            if (in.from == in.to)
                continue;
            const struct operands o = {
                .a = reals(dy) + pixel_at(dy, n, p, q + in.from),
                .row = dy->ld,
                .step = 1,
                .b = transposed + (int64_t)(r * win.s + s) * dy->c * dx->c + c0,
                .b_step = dx->c,
                .count = dy->c,
            };

            multiply(acc + in.from, &o, in.to - in.from, cols);
        }
    }
    bwd_data_store(op, acc, n, h, w0, rows, c0, cols);
}

/* transposed[r,s,k,c] = w[r,s,c,k] */
static void transpose(real *transposed, const struct clade_tensor *w)
{
    const int RS = w->n * w->h, C = w->w, K = w->c;

#pragma omp parallel for collapse(2)
    for (int rs = 0; rs < RS; rs++)
        for (int k = 0; k < K; k++)
            for (int c = 0; c < C; c++)
                transposed[((int64_t)rs * K + k) * C + c] =
                    reals(w)[((int64_t)rs * C + c) * w->ld + k];
}

static void conv_bwd_data(const struct clade_op *given, void *scratch)
{
    const struct clade_op op = flat(given);
    const struct clade_tensor *dx = &op.t[CLADE_DX];
    const int stride = op.window.stride;
    const int strips = (dx->w + stride * ROWS - 1) / (stride * ROWS) * stride;
    const int64_t tiles = (int64_t)dx->n * dx->h * strips;

    transpose(scratch, &op.t[CLADE_W]);
#pragma omp parallel for collapse(2)
    for (int c = 0; c < dx->c; c += COLS) {
        for (int64_t i = 0; i < tiles; i++) {
            const int strip = (int)(i % strips);
            const int w = strip / stride * stride * ROWS + strip % stride;

            if (w < dx->w)
                bwd_data_tile(&op, scratch, (int)(i / strips / dx->h),
                              (int)(i / strips % dx->h), w, c);
        }
    }
}

/* The output rows (or columns) p < count that read inside the image: 0 <=
 * p*stride - pad + r < extent. */
static struct span outputs(int r, int pad, int stride, int extent, int count)
{
    struct span in = { 0, count };

    while (in.from < in.to && in.from * stride - pad + r < 0)
        in.from++;
    while (in.from < in.to && (in.to - 1) * stride - pad + r >= extent)
        in.to--;
    return in;
}

/* Compute dw[r,s,c,k] for channels c0 ... c0+ROWS-1 and k0 ... k0+COLS-1. */
static void bwd_filter_tile(const struct clade_op *op, int r, int s, int c0,
                            int k0)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *dw = &op->t[CLADE_DW];
    const struct clade_window win = op->window;
    const struct span ps = outputs(r, win.top, win.stride, x->h, dy->h);
    const struct span qs = outputs(s, win.left, win.stride, x->w, dy->w);
    const int rows = at_most(x->c - c0, ROWS);
    const int cols = at_most(dy->c - k0, COLS);
    double acc[ROWS][COLS] = { 0 };

    for (int n = 0; n < x->n; n++) {
        for (int p = ps.from; p < ps.to; p++) {
            const struct operands o = {
                .a = reals(x) + c0 +
                     pixel_at(x, n, p * win.stride - win.top + r,
                              qs.from * win.stride - win.left + s),
                .row = 1,
                .step = (int64_t)win.stride * x->ld,
                .b = reals(dy) + pixel_at(dy, n, p, qs.from) + k0,
                .b_step = dy->ld,
                .count = qs.to - qs.from,
            };

            multiply(acc, &o, rows, cols);
        }
    }
    for (int j = 0; j < rows; j++)
        for (int k = 0; k < cols; k++)
            reals(dw)[pixel_at(dw, r, s, c0 + j) + k0 + k] = (real)acc[j][k];
}

static void conv_bwd_filter(const struct clade_op *given, void *scratch)
{
    const struct clade_op op = flat(given);
    const struct clade_op bias = op_alone(given, CLADE_DB);
    const int K = op.t[CLADE_DY].c, C = op.t[CLADE_X].c;
    const int R = op.window.r, S = op.window.s;

    if (bias.kind != given->kind)
        cpu_kind(bias.kind, bias.t[CLADE_DB].type)->run(&bias, scratch);
#pragma omp parallel for collapse(3)
    for (int k = 0; k < K; k += COLS)
        for (int c = 0; c < C; c += ROWS)
            for (int rs = 0; rs < R * S; rs++)
                bwd_filter_tile(&op, rs / S, rs % S, c, k);
}

/* ---- the kinds ---------------------------------------------------------- */

/* The products in an output's sum. */
static int64_t chain(const struct clade_op *op)
{
    const int window = op->window.r * op->window.s;

    switch (op->kind) {
    case CLADE_CONV_FWD:
        return (int64_t)window * op->t[CLADE_X].c;
    case CLADE_CONV_BWD_DATA:
        return (int64_t)window * op->t[CLADE_DY].c;
    default:
        return clade_tensor_pixels(&op->t[CLADE_DY]);
    }
}

/* conv_bwd_data transposes its filter. */
static int64_t filter_elements(const struct clade_op *op)
{
    return clade_tensor_elements(&op->t[CLADE_W]);
}

const struct cpu_kind REAL_NAME(conv_fwd) = {
    .run = conv_fwd,
    .at = REAL_NAME(conv_fwd_at),
    .row = REAL_NAME(conv_fwd_row),
    .chain = chain,
};
const struct cpu_kind REAL_NAME(conv_bwd_data) = {
    .run = conv_bwd_data,
    .at = REAL_NAME(conv_bwd_data_at),
    .row = REAL_NAME(conv_bwd_data_row),
    .chain = chain,
    .scratch = filter_elements,
};
const struct cpu_kind REAL_NAME(conv_bwd_filter) = {
    .run = conv_bwd_filter,
    .at = REAL_NAME(conv_bwd_filter_at),
    .row = REAL_NAME(conv_bwd_filter_row),
    .chain = chain,
};
/* The reference reads filters as they are. */
const struct cpu_kind REAL_NAME(filter_pack) = { .run = NULL };
