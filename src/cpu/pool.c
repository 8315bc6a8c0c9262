/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"

static bool inside(int v, int extent)
{
    return v >= 0 && v < extent;
}

/* Update the maximum and its index with element `where` of the window, for C
 * channels.  Of equal values the first wins; the first NaN wins and stays. */
static void maxpool_update(real *y, uint8_t *arg, const real *x, int C,
                           int where, bool first)
{
    for (int c = 0; c < C; c++) {
        if (first || x[c] > y[c] || (isnan(x[c]) && !isnan(y[c]))) {
            y[c] = x[c];
            arg[c] = (uint8_t)where;
        }
    }
}

static void maxpool_pixel(const struct clade_op *op, int n, int p, int q)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *arg = &op->t[CLADE_ARG];
    const struct clade_window win = op->window;
    bool first = true;

    for (int r = 0; r < win.r; r++) {
        for (int s = 0; s < win.s; s++) {
            const int h = p * win.stride - win.top + r;
            const int w = q * win.stride - win.left + s;

            if (!inside(h, x->h) || !inside(w, x->w))
                continue;
            maxpool_update(reals(y) + pixel_at(y, n, p, q),
                           bytes(arg) + pixel_at(arg, n, p, q),
                           reals(x) + pixel_at(x, n, h, w), x->c, r * win.s + s,
                           first);
            first = false;
        }
    }
}

static void maxpool_fwd(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];

    (void)scratch;
#pragma omp parallel for collapse(2)
    for (int n = 0; n < y->n; n++)
        for (int p = 0; p < y->h; p++)
            for (int q = 0; q < y->w; q++)
                maxpool_pixel(op, n, p, q);
}

static float average_scale(const struct clade_window *win)
{
    return 1.0f / (float)(win->r * win->s);
}

/* Compute channels c0 ... c0+count-1 of one output pixel. */
static void avgpool_pixel(const struct clade_op *op, int n, int p, int q,
                          int c0, int count)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_window win = op->window;
    real *to = reals(y) + pixel_at(y, n, p, q) + c0;
    double sum[CPU_CHANNELS] = { 0 };

    for (int r = 0; r < win.r; r++) {
        for (int s = 0; s < win.s; s++) {
            const real *from =
                reals(x) + c0 +
                pixel_at(x, n, p * win.stride + r, q * win.stride + s);

            for (int c = 0; c < count; c++)
                sum[c] += from[c];
        }
    }
    for (int c = 0; c < count; c++)
        to[c] = (real)(average_scale(&win) * sum[c]);
}

static void avgpool_fwd(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];

    (void)scratch;
#pragma omp parallel for collapse(2)
    for (int n = 0; n < y->n; n++)
        for (int p = 0; p < y->h; p++)
            for (int q = 0; q < y->w; q++)
                for (int c = 0; c < y->c; c += CPU_CHANNELS)
                    avgpool_pixel(op, n, p, q, c,
                                  y->c - c < CPU_CHANNELS ? y->c - c
                                                          : CPU_CHANNELS);
}

/* The numbers first ... last. */
struct range {
    int first, last;
};

/* The windows, out of `windows`, that cover row (or column) h. */
static struct range covering(int h, int pad, int size, int stride, int windows)
{
    const int before = h + pad - size;

    return (struct range){ .first = before < 0 ? 0 : before / stride + 1,
                           .last = (h + pad) / stride < windows
                                       ? (h + pad) / stride
                                       : windows - 1 };
}

/* Add one window's dy to the sums of a pixel.  `where` is the pixel's index in
 * the window.  A max pool adds a channel only if its maximum was there. */
static void add_window(double *sum, const struct clade_op *op, int64_t dy_at,
                       int64_t arg_at, int where, int count)
{
    const real *dy = reals(&op->t[CLADE_DY]) + dy_at;

    if (op->kind == CLADE_AVGPOOL_BWD) {
        for (int c = 0; c < count; c++)
            sum[c] += dy[c];
    } else {
        const uint8_t *arg = bytes(&op->t[CLADE_ARG]) + arg_at;

        for (int c = 0; c < count; c++)
            sum[c] += arg[c] == where ? dy[c] : 0;
    }
}

/* Compute channels c0 ... c0+count-1 of pixel (h,w) of dx, for both kinds of
 * pool. */
static void pool_bwd_pixel(const struct clade_op *op, int n, int h, int w,
                           int c0, int count)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_window win = op->window;
    const struct range ps = covering(h, win.top, win.r, win.stride, dy->h);
    const struct range qs = covering(w, win.left, win.s, win.stride, dy->w);
    const double scale =
        op->kind == CLADE_AVGPOOL_BWD ? average_scale(&win) : 1;
    const int64_t x_at = pixel_at(&op->t[CLADE_X], n, h, w) + c0;
    real *to = reals(dx) + pixel_at(dx, n, h, w) + c0;
    double sum[CPU_CHANNELS] = { 0 };

    for (int p = ps.first; p <= ps.last; p++)
        for (int q = qs.first; q <= qs.last; q++)
            add_window(sum, op, pixel_at(dy, n, p, q) + c0,
                       pixel_at(&op->t[CLADE_ARG], n, p, q) + c0,
                       (h + win.top - p * win.stride) * win.s +
                           (w + win.left - q * win.stride),
                       count);
    for (int c = 0; c < count; c++)
        to[c] = (real)masked(op, scale * sum[c], to[c], x_at + c);
}

static void pool_bwd(const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];

#pragma omp parallel for collapse(2)
    for (int n = 0; n < dx->n; n++)
        for (int h = 0; h < dx->h; h++)
            for (int w = 0; w < dx->w; w++)
                for (int c = 0; c < dx->c; c += CPU_CHANNELS)
                    pool_bwd_pixel(op, n, h, w, c,
                                   dx->c - c < CPU_CHANNELS ? dx->c - c
                                                            : CPU_CHANNELS);
}

static void maxpool_bwd(const struct clade_op *op, void *scratch)
{
    (void)scratch;
    pool_bwd(op);
}

static void avgpool_bwd(const struct clade_op *op, void *scratch)
{
    (void)scratch;
    pool_bwd(op);
}

/* The largest value of a window, and its index there. */
struct largest {
    double value;
    int where;
};

static struct largest largest(const struct clade_op *op, struct place at,
                              bool flush)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_window win = op->window;
    struct largest best = { NAN, -1 };

    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int h = at.h * win.stride - win.top + rs / win.s;
        const int w = at.w * win.stride - win.left + rs % win.s;

        if (!inside(h, x->h) || !inside(w, x->w))
            continue;
        const double v = taken(reals(x)[pixel_at(x, at.n, h, w) + at.c], flush);

        if (best.where < 0 || v > best.value ||
            (isnan(v) && !isnan(best.value)))
            best = (struct largest){ v, rs };
    }
    return best;
}

static struct cpu_exact maxpool_fwd_at(const struct clade_op *op,
                                       struct cpu_query ask)
{
    const struct place at = place_of(&op->t[CLADE_Y], ask.i);
    const struct largest best = largest(op, at, false);

    if (ask.role == CLADE_ARG)
        return exact_choice(best.where, largest(op, at, true).where);
    return exact_value(best.value);
}

static struct cpu_exact avgpool_fwd_at(const struct clade_op *op,
                                       struct cpu_query ask)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct place at = place_of(&op->t[CLADE_Y], ask.i);
    const struct clade_window win = op->window;
    struct cpu_exact e = { 0 };

    for (int r = 0; r < win.r; r++)
        for (int s = 0; s < win.s; s++)
            exact_add(&e,
                      reals(x)[pixel_at(x, at.n, at.h * win.stride + r,
                                        at.w * win.stride + s) +
                               at.c],
                      average_scale(&win));
    return e;
}

/* The oracle for element i of dx: for each place in a window, find the window
 * that has the element there. */
static struct cpu_exact pool_bwd_at(const struct clade_op *op, int64_t i,
                                    double old, double scale)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *arg = &op->t[CLADE_ARG];
    const struct place at = place_of(&op->t[CLADE_DX], i);
    const struct clade_window win = op->window;
    struct cpu_exact e = { 0 };

    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int h = at.h + win.top - rs / win.s;
        const int w = at.w + win.left - rs % win.s;
        const int p = h / win.stride, q = w / win.stride;

        if (h % win.stride || w % win.stride || h < 0 || w < 0 || p >= dy->h ||
            q >= dy->w)
            continue;
        if (arg->buffer && bytes(arg)[pixel_at(arg, at.n, p, q) + at.c] != rs)
            continue;
        exact_add(&e, reals(dy)[pixel_at(dy, at.n, p, q) + at.c], scale);
    }
    return exact_masked(op, e, old,
                        pixel_at(&op->t[CLADE_X], at.n, at.h, at.w) + at.c);
}

static struct cpu_exact maxpool_bwd_at(const struct clade_op *op,
                                       struct cpu_query ask)
{
    return pool_bwd_at(op, ask.i, ask.old, 1);
}

static struct cpu_exact avgpool_bwd_at(const struct clade_op *op,
                                       struct cpu_query ask)
{
    return pool_bwd_at(op, ask.i, ask.old, average_scale(&op->window));
}

static int64_t chain(const struct clade_op *op)
{
    return (int64_t)op->window.r * op->window.s;
}

const struct cpu_kind REAL_NAME(maxpool_fwd) = { .run = maxpool_fwd,
                                                 .at = maxpool_fwd_at };
const struct cpu_kind REAL_NAME(maxpool_bwd) = { .run = maxpool_bwd,
                                                 .at = maxpool_bwd_at,
                                                 .chain = chain };
const struct cpu_kind REAL_NAME(avgpool_fwd) = { .run = avgpool_fwd,
                                                 .at = avgpool_fwd_at,
                                                 .chain = chain };
const struct cpu_kind REAL_NAME(avgpool_bwd) = { .run = avgpool_bwd,
                                                 .at = avgpool_bwd_at,
                                                 .chain = chain };
