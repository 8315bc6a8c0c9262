/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/conv.h"
#include "cpu/real.h"

/*
 * The oracle of the convolutions.  It computes one output, or all channels at
 * one pixel, by the formula of <clade/ops.h>.  It shares no loop with conv.c.
 */

/* The input row (or column) that output p reads at r; -1 if that is outside. */
static int input(int p, int r, int stride, int pad, int extent)
{
    const int h = p * stride - pad + r;

    return h >= 0 && h < extent ? h : -1;
}

/* The output row (or column) that reads input h at r; -1 if none does. */
static int output(int h, int r, int stride, int pad, int count)
{
    const int t = h + pad - r;

    return t >= 0 && t % stride == 0 && t / stride < count ? t / stride : -1;
}

static const real *filter_at(const struct clade_op *op, int rs, int c)
{
    const struct clade_tensor *w = &op->t[CLADE_W];

    return reals(w) + ((int64_t)rs * w->w + c) * w->ld;
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

/* Products that are added one after the other: a[i*a_step] * b[i*b_step + k]
 * for all i < count.  k is a channel, or 0 if there is one sum only. */
struct products {
    const real *a, *b;
    int64_t a_step, b_step;
    int count;
};

/*
 * Sums that are computed together, so that the processor need not wait for one
 * addition before the next.  They are the sums of neighbouring channels; or one
 * sum cut into LANES parts (lanes), each with every LANES-th product.
 */
enum { LANES = 8 };
struct sums {
    double y[CPU_CHANNELS], s[CPU_CHANNELS], flush[CPU_CHANNELS];
    int64_t n; /* products in one channel, or in all lanes together */
};

static double flushed(double a, double b)
{
    return (subnormal(a) ? fabs(b) : 0) + (subnormal(b) ? fabs(a) : 0);
}

static inline __attribute__((always_inline)) void
add_strided(struct sums *sum, const struct products *r, int64_t a_step,
            int64_t b_step)
{
    const int count = r->count, whole = count / LANES * LANES;
    const real *a = r->a, *b = r->b;
    double y[LANES] = { 0 }, s[LANES] = { 0 };

    for (int i = 0; i < whole; i += LANES) {
        for (int k = 0; k < LANES; k++) {
            const double t = (double)a[(i + k) * a_step] * b[(i + k) * b_step];

            y[k] += t;
            s[k] += fabs(t);
        }
    }
    for (int i = whole; i < count; i++) {
        y[i - whole] += (double)a[i * a_step] * b[i * b_step];
        s[i - whole] += fabs((double)a[i * a_step] * b[i * b_step]);
    }
    for (int k = 0; k < LANES; k++) {
        sum->y[k] += y[k];
        sum->s[k] += s[k];
    }
}

/* Add products to one sum, in lanes.  The dense case is compiled apart. */
CPU_WIDE static void add_lanes(struct sums *sum, const struct products *r)
{
    if (r->a_step == 1 && r->b_step == 1)
        add_strided(sum, r, 1, 1);
    else
        add_strided(sum, r, r->a_step, r->b_step);
}

/* Add products to the sums of channels k < `channels`. */
CPU_WIDE static void add_channels(struct sums *restrict sum,
                                  const struct products *r, int channels)
{
    const struct products v = *r;

    for (int i = 0; i < v.count; i++) {
        const double a = v.a[i * v.a_step];
        const real *b = v.b + i * v.b_step;

        for (int k = 0; k < channels; k++) {
            sum->y[k] += a * b[k];
            sum->s[k] += fabs(a * b[k]);
        }
    }
}

static void add_flush(struct sums *sum, const struct products *r, int channels)
{
    for (int i = 0; i < r->count; i++)
        for (int k = 0; k < channels; k++)
            sum->flush[k] +=
                flushed(r->a[i * r->a_step], r->b[i * r->b_step + k]);
}

/* Add products to the sums of `channels` channels; if that is 0, to one sum in
 * lanes. */
static void add_products(struct sums *sum, const struct products *r,
                         int channels, bool subnormals)
{
    if (channels)
        add_channels(sum, r, channels);
    else
        add_lanes(sum, r);
    if (subnormals)
        add_flush(sum, r, channels ? channels : 1);
    sum->n += r->count;
}

/* The oracle's answer from sum k. */
static struct cpu_exact channel(const struct sums *sum, int k)
{
    return (struct cpu_exact){
        .y = sum->y[k], .s = sum->s[k], .flush = sum->flush[k], .n = sum->n
    };
}

/* The oracle's answer from the sum of all lanes. */
static struct cpu_exact together(const struct sums *sum)
{
    struct cpu_exact e = channel(sum, 0);

    for (int k = 1; k < LANES; k++) {
        e.y += sum->y[k];
        e.s += sum->s[k];
    }
    return e;
}

/* The sums of output pixel `at`, for `channels` channels from k0 on (as in
 * add_products()). */
static void fwd_sums(struct sums *sum, const struct clade_op *op,
                     struct place at, int k0, int channels, bool subnormals)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_window win = op->window;

    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int h = input(at.h, rs / win.s, win.stride, win.top, x->h);
        const int w = input(at.w, rs % win.s, win.stride, win.left, x->w);

        if (h < 0 || w < 0)
            continue;
        const struct products r = { .a = reals(x) + pixel_at(x, at.n, h, w),
                                    .a_step = 1,
                                    .b = filter_at(op, rs, 0) + k0,
                                    .b_step = op->t[CLADE_W].ld,
                                    .count = x->c };

        add_products(sum, &r, channels, subnormals);
    }
}

struct cpu_exact REAL_NAME(conv_fwd_at)(const struct clade_op *op,
                                        struct cpu_query ask)
{
    const struct place at = place_of(&op->t[CLADE_Y], ask.i);
    struct sums sum = { 0 };

    fwd_sums(&sum, op, at, at.c, 0, ask.subnormals);
    return fwd_epilogue(op, together(&sum), at.c);
}

static int block(int channels, int first)
{
    const int left = channels - first;

    return left < CPU_CHANNELS ? left : CPU_CHANNELS;
}

void REAL_NAME(conv_fwd_row)(struct cpu_exact *out, const struct clade_op *op,
                             struct cpu_query ask, const double *old)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct place at = place_of(y, ask.i * y->c);

    (void)old;
    for (int k0 = 0; k0 < y->c; k0 += CPU_CHANNELS) {
        const int channels = block(y->c, k0);
        struct sums sum = { 0 };

        fwd_sums(&sum, op, at, k0, channels, ask.subnormals);
        for (int k = 0; k < channels; k++)
            out[k0 + k] = fwd_epilogue(op, channel(&sum, k), k0 + k);
    }
}

/* One element of dx.  The filter's elements for neighbouring channels c do not
 * lie side by side, so the channels of a pixel are computed one by one. */
static struct cpu_exact bwd_data_sum(const struct clade_op *op, struct place at,
                                     double old, bool subnormals)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_window win = op->window;
    struct sums sum = { 0 };

    for (int rs = 0; rs < win.r * win.s; rs++) {
        const int p = output(at.h, rs / win.s, win.stride, win.top, dy->h);
        const int q = output(at.w, rs % win.s, win.stride, win.left, dy->w);

        if (p < 0 || q < 0)
            continue;
        const struct products r = { .a = reals(dy) + pixel_at(dy, at.n, p, q),
                                    .a_step = 1,
                                    .b = filter_at(op, rs, at.c),
                                    .b_step = 1,
                                    .count = dy->c };

        add_products(&sum, &r, 0, subnormals);
    }
    return exact_masked(op, together(&sum), old,
                        pixel_at(&op->t[CLADE_X], at.n, at.h, at.w) + at.c);
}

struct cpu_exact REAL_NAME(conv_bwd_data_at)(const struct clade_op *op,
                                             struct cpu_query ask)
{
    return bwd_data_sum(op, place_of(&op->t[CLADE_DX], ask.i), ask.old,
                        ask.subnormals);
}

void REAL_NAME(conv_bwd_data_row)(struct cpu_exact *out,
                                  const struct clade_op *op,
                                  struct cpu_query ask, const double *old)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];

    for (int c = 0; c < dx->c; c++)
        out[c] = bwd_data_sum(op, place_of(dx, ask.i * dx->c + c),
                              old ? old[c] : 0, ask.subnormals);
}

/* The sums of dw at (r,s,c), for `channels` channels from k0 on (as in
 * add_products()).  Each output row has one struct products: its pixels from
 * ... to-1 read inside x. */
static void bwd_filter_sums(struct sums *sum, const struct clade_op *op,
                            struct place at, int k0, int channels,
                            bool subnormals)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_window win = op->window;
    const int r = at.n, s = at.h, c = at.w;
    int from = 0, to = dy->w;

    while (from < to && input(from, s, win.stride, win.left, x->w) < 0)
        from++;
    while (from < to && input(to - 1, s, win.stride, win.left, x->w) < 0)
        to--;
    for (int n = 0; n < dy->n; n++) {
        for (int p = 0; p < dy->h; p++) {
            const int h = input(p, r, win.stride, win.top, x->h);
            const int w = from * win.stride - win.left + s;

            if (h < 0)
                continue;
            const struct products row = {
                .a = reals(x) + pixel_at(x, n, h, w) + c,
                .a_step = (int64_t)win.stride * x->ld,
                .b = reals(dy) + pixel_at(dy, n, p, from) + k0,
                .b_step = dy->ld,
                .count = to - from
            };

            add_products(sum, &row, channels, subnormals);
        }
    }
}

struct cpu_exact REAL_NAME(conv_bwd_filter_at)(const struct clade_op *op,
                                               struct cpu_query ask)
{
    const struct place at = place_of(&op->t[CLADE_DW], ask.i);
    struct sums sum = { 0 };

    bwd_filter_sums(&sum, op, at, at.c, 0, ask.subnormals);
    return together(&sum);
}

void REAL_NAME(conv_bwd_filter_row)(struct cpu_exact *out,
                                    const struct clade_op *op,
                                    struct cpu_query ask, const double *old)
{
    const struct clade_tensor *dw = &op->t[CLADE_DW];
    const struct place at = place_of(dw, ask.i * dw->c);

    (void)old;
    for (int k0 = 0; k0 < dw->c; k0 += CPU_CHANNELS) {
        const int channels = block(dw->c, k0);
        struct sums sum = { 0 };

        bwd_filter_sums(&sum, op, at, k0, channels, ask.subnormals);
        for (int k = 0; k < channels; k++)
            out[k0 + k] = channel(&sum, k);
    }
}

bool REAL_NAME(has_subnormals)(const struct clade_tensor *t)
{
    bool found = false;

#pragma omp parallel for reduction(|| : found)
    for (int64_t i = 0; i < clade_tensor_pixels(t); i++)
        for (int c = 0; c < t->c; c++)
            found = found || subnormal(reals(t)[i * t->ld + c]);
    return found;
}
