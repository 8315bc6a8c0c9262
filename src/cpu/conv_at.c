/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"

/*
 * The convolutions' oracle: one output, or the row of outputs at one pixel, by
 * the formula of <clade/ops.h>, without anything of the loops in conv.c.
 */

/* The input row (or column) that output p reads at r, or -1. */
static int input(int p, int r, int stride, int pad, int extent)
{
    const int h = p * stride - pad + r;

    return h >= 0 && h < extent ? h : -1;
}

/* The output row (or column) that reads input h at r, or -1. */
static int output(int h, int r, int stride, int pad, int count)
{
    const int t = h + pad - r;

    return t >= 0 && t % stride == 0 && t / stride < count ? t / stride : -1;
}

static const real *filter_at(const struct clade_op *op, int rs, int c)
{
    const struct clade_tensor *w = &op->t[CLADE_W];

    return reals(w) + ((int64_t)rs * w->w + c) * w->c;
}

static struct cpu_exact fwd_epilogue(const struct clade_op *op,
                                     struct cpu_exact e, int k)
{
    if (op->flags & CLADE_BIAS) {
        e.y += reals(&op->t[CLADE_B])[k];
        e.s += fabs((double)reals(&op->t[CLADE_B])[k]);
    }
    if (op->flags & CLADE_RELU)
        e.y = relu(e.y);
    return e;
}

struct cpu_exact REAL_NAME(conv_fwd_at)(const struct clade_op *op,
                                        enum clade_role role, int64_t i,
                                        double old)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct place at = place_of(&op->t[CLADE_Y], i);
    const struct clade_window win = op->window;
    struct cpu_exact e = { 0 };

    (void)role, (void)old;
    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int h = input(at.h, rs / win.s, win.stride, win.top, x->h);
        const int w = input(at.w, rs % win.s, win.stride, win.left, x->w);

        if (h < 0 || w < 0)
            continue;
        for (int c = 0; c < x->c; c++)
            exact_add(&e, reals(x)[pixel_at(x, at.n, h, w) + c],
                      filter_at(op, rs, c)[at.c]);
    }
    return fwd_epilogue(op, e, at.c);
}

struct cpu_exact REAL_NAME(conv_bwd_data_at)(const struct clade_op *op,
                                             enum clade_role role, int64_t i,
                                             double old)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct place at = place_of(&op->t[CLADE_DX], i);
    const struct clade_window win = op->window;
    struct cpu_exact e = { 0 };

    (void)role;
    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int p = output(at.h, rs / win.s, win.stride, win.top, dy->h);
        const int q = output(at.w, rs % win.s, win.stride, win.left, dy->w);

        if (p < 0 || q < 0)
            continue;
        for (int k = 0; k < dy->c; k++)
            exact_add(&e, reals(dy)[pixel_at(dy, at.n, p, q) + k],
                      filter_at(op, rs, at.c)[k]);
    }
    return exact_masked(op, e, old,
                        pixel_at(&op->t[CLADE_X], at.n, at.h, at.w) + at.c);
}

struct cpu_exact REAL_NAME(conv_bwd_filter_at)(const struct clade_op *op,
                                               enum clade_role role, int64_t i,
                                               double old)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_window win = op->window;
    const int k = (int)(i % dy->c), c = (int)(i / dy->c % x->c);
    const int rs = (int)(i / dy->c / x->c);
    struct cpu_exact e = { 0 };

    (void)role, (void)old;
    for (int64_t j = 0; j < clade_tensor_pixels(dy); j++) {
        const struct place at = place_of(dy, j * dy->c);
        const int h = input(at.h, rs / win.s, win.stride, win.top, x->h);
        const int w = input(at.w, rs % win.s, win.stride, win.left, x->w);

        if (h >= 0 && w >= 0)
            exact_add(&e, reals(x)[pixel_at(x, at.n, h, w) + c],
                      reals(dy)[at.element + k]);
    }
    return e;
}

/* Sums that are kept side by side: a row's neighbouring channels, or, where a
 * row's filters lie apart, every LANES-th product of one sum. */
struct sums {
    double y[CPU_CHANNELS], s[CPU_CHANNELS], flush[CPU_CHANNELS];
    int64_t n;
};
enum { LANES = 8 };

/* Add a[k] * b[k] to sum k, for k < count; a_step 0: one a for all. */
static inline void add_row(struct sums *sum, const real *a, int a_step,
                           const real *b, int count)
{
    for (int k = 0; k < count; k++) {
        const double u = a[k * a_step], v = b[k];

        sum->y[k] += u * v;
        sum->s[k] += fabs(u * v);
        sum->flush[k] +=
            (subnormal(u) ? fabs(v) : 0) + (subnormal(v) ? fabs(u) : 0);
    }
}

/* Outputs first ... first+count-1 of the row, `n` products each. */
static void put_row(struct cpu_exact *out, const struct sums *sum, int first,
                    int count)
{
    for (int k = 0; k < count; k++)
        out[first + k] = (struct cpu_exact){
            .y = sum->y[k], .s = sum->s[k], .flush = sum->flush[k], .n = sum->n
        };
}

static int block(int channels, int first)
{
    const int left = channels - first;

    return left < CPU_CHANNELS ? left : CPU_CHANNELS;
}

/* Channels k0 ... of one pixel of y. */
static void fwd_block(struct sums *sum, const struct clade_op *op,
                      struct place at, int k0, int count)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_window win = op->window;

    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int h = input(at.h, rs / win.s, win.stride, win.top, x->h);
        const int w = input(at.w, rs % win.s, win.stride, win.left, x->w);

        if (h < 0 || w < 0)
            continue;
        for (int c = 0; c < x->c; c++)
            add_row(sum, reals(x) + pixel_at(x, at.n, h, w) + c, 0,
                    filter_at(op, rs, c) + k0, count);
        sum->n += x->c;
    }
}

void REAL_NAME(conv_fwd_row)(struct cpu_exact *out, const struct clade_op *op,
                             int64_t pixel, const double *old)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];

    (void)old;
    for (int k = 0; k < y->c; k += CPU_CHANNELS) {
        struct sums sum = { 0 };

        fwd_block(&sum, op, place_of(y, pixel * y->c), k, block(y->c, k));
        put_row(out, &sum, k, block(y->c, k));
    }
    for (int k = 0; k < y->c; k++)
        out[k] = fwd_epilogue(op, out[k], k);
}

/* One element of dx, its products dealt out to LANES sums. */
static struct cpu_exact bwd_data_lanes(const struct clade_op *op,
                                       struct place at, int c)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_window win = op->window;
    struct sums sum = { 0 };
    struct cpu_exact e = { 0 };

    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int p = output(at.h, rs / win.s, win.stride, win.top, dy->h);
        const int q = output(at.w, rs % win.s, win.stride, win.left, dy->w);

        if (p < 0 || q < 0)
            continue;
        for (int k = 0; k < dy->c; k += LANES)
            add_row(&sum, reals(dy) + pixel_at(dy, at.n, p, q) + k, 1,
                    filter_at(op, rs, c) + k,
                    dy->c - k < LANES ? dy->c - k : LANES);
        e.n += dy->c;
    }
    for (int k = 0; k < LANES; k++) {
        e.y += sum.y[k];
        e.s += sum.s[k];
        e.flush += sum.flush[k];
    }
    return e;
}

void REAL_NAME(conv_bwd_data_row)(struct cpu_exact *out,
                                  const struct clade_op *op, int64_t pixel,
                                  const double *old)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct place at = place_of(dx, pixel * dx->c);
    const int64_t x_at = pixel_at(&op->t[CLADE_X], at.n, at.h, at.w);

    for (int c = 0; c < dx->c; c++)
        out[c] = exact_masked(op, bwd_data_lanes(op, at, c), old ? old[c] : 0,
                              x_at + c);
}

/* Outputs k0 ... of row (r,s,c) of dw. */
static void bwd_filter_block(struct sums *sum, const struct clade_op *op,
                             int rs, int c, int k0, int count)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_window win = op->window;

    for (int64_t j = 0; j < clade_tensor_pixels(dy); j++) {
        const struct place at = place_of(dy, j * dy->c);
        const int h = input(at.h, rs / win.s, win.stride, win.top, x->h);
        const int w = input(at.w, rs % win.s, win.stride, win.left, x->w);

        if (h < 0 || w < 0)
            continue;
        add_row(sum, reals(x) + pixel_at(x, at.n, h, w) + c, 0,
                reals(dy) + at.element + k0, count);
        sum->n++;
    }
}

void REAL_NAME(conv_bwd_filter_row)(struct cpu_exact *out,
                                    const struct clade_op *op, int64_t pixel,
                                    const double *old)
{
    const int C = op->t[CLADE_X].c, K = op->t[CLADE_DY].c;

    (void)old;
    for (int k = 0; k < K; k += CPU_CHANNELS) {
        struct sums sum = { 0 };

        bwd_filter_block(&sum, op, (int)(pixel / C), (int)(pixel % C), k,
                         block(K, k));
        put_row(out, &sum, k, block(K, k));
    }
}
