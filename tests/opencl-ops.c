/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenCL backend's ops that are no products, against the reference.  The
 * device is CLADE_TEST_DEVICE's, else the best one.
 */
#include "backend.h"
#include "rng.h"
#include "tap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clade_backend *cpu, *dev;

/* A random number in [0, n), the same in every run. */
static uint32_t draw(uint32_t n)
{
    static uint32_t i;

    return (uint32_t)(rng_uniform(7, 0, 0, i++) * n);
}

/* The same memory on both sides, with room before, between and after what an
 * op's tensors name, which it must leave alone. */
struct twin {
    struct clade_buffer *on_cpu, *on_dev;
    size_t bytes;
    bool floats;
    char *before, *want, *got;
};

enum { TWINS_MAX = 8 };
static struct twin twins[TWINS_MAX];
static int n_twins;

static void free_twins(void)
{
    for (int i = 0; i < n_twins; i++) {
        clade_backend_free(cpu, twins[i].on_cpu);
        clade_backend_free(dev, twins[i].on_dev);
        free(twins[i].before);
        free(twins[i].want);
        free(twins[i].got);
    }
    n_twins = 0;
}

/* What the elements of a tensor are: small integers, whose sums are exact;
 * they with NaN, Inf and many ties; fractions; bytes. */
enum data { INTEGERS, WILD, FRACTIONS, BYTES, LABELS };

static float value(enum data data)
{
    static const float wild[] = {
        NAN, INFINITY, -INFINITY, -0.0f, 0, 1, 1, -1
    };

    switch (data) {
    case WILD:
        return wild[draw(sizeof wild / sizeof *wild)];
    case FRACTIONS:
        return (float)draw(1 << 20) / (1 << 19) - 1;
    default:
        return (float)draw(33) - 16;
    }
}

/* A tensor at an odd offset, `gap` elements from a pixel's last channel to the
 * next pixel, on the reference's side. */
static struct clade_tensor tensor(int n, int h, int w, int c, int gap,
                                  enum data data)
{
    const bool byte = data == BYTES || data == LABELS;
    const size_t elements = 5 + (size_t)n * h * w * (c + gap) + 7;
    struct twin *t = &twins[n_twins++];
    struct clade_tensor out;

    *t = (struct twin){ .bytes = elements * (byte ? 1 : 4), .floats = !byte };
    t->before = malloc(t->bytes);
    t->want = malloc(t->bytes);
    t->got = malloc(t->bytes);
    for (size_t i = 0; i < elements; i++) {
        if (byte)
            t->before[i] = (char)draw(data == LABELS ? 10 : 256);
        else
            ((float *)t->before)[i] = value(data);
    }
    if (clade_backend_alloc(cpu, &t->on_cpu, t->bytes, CLADE_MEMORY_DEVICE) ||
        clade_backend_alloc(dev, &t->on_dev, t->bytes, CLADE_MEMORY_DEVICE))
        tap_bail("%s", clade_error());
    out =
        clade_tensor_at(t->on_cpu, 5, n, h, w, c, byte ? CLADE_U8 : CLADE_F32);
    out.ld = c + gap;
    return out;
}

/* The op with the device's buffers for the reference's. */
static struct clade_op mirrored(const struct clade_op *op)
{
    struct clade_op other = *op;

    for (int role = 0; role < CLADE_ROLES; role++)
        for (int i = 0; i < n_twins; i++)
            if (other.t[role].buffer == twins[i].on_cpu)
                other.t[role].buffer = twins[i].on_dev;
    return other;
}

static clade_status run_cpu(struct clade_op *op)
{
    clade_status st;

    for (int i = 0; i < n_twins; i++)
        if ((st = clade_backend_write(cpu, twins[i].on_cpu, 0, twins[i].before,
                                      twins[i].bytes)))
            return st;
    if ((st = clade_backend_choose(cpu, op, NULL)) ||
        (st = backend_run_once(cpu, op)))
        return st;
    for (int i = 0; i < n_twins; i++)
        if ((st = clade_backend_read(cpu, twins[i].want, twins[i].on_cpu, 0,
                                     twins[i].bytes)))
            return st;
    return CLADE_OK;
}

static clade_status run_dev(const struct clade_op *of_cpu)
{
    struct clade_op op = mirrored(of_cpu);
    struct clade_buffer *scratch = NULL;
    clade_status st;

    for (int i = 0; i < n_twins; i++)
        if ((st = clade_backend_write(dev, twins[i].on_dev, 0, twins[i].before,
                                      twins[i].bytes)))
            return st;
    if ((st = clade_backend_choose(dev, &op, NULL)))
        return st;
    if (op.workspace) {
        /* of NaNs: scratch is never read before it is written */
        const size_t bytes = (op.workspace + 3) / 4 * 4;

        if ((st = clade_backend_alloc(dev, &scratch, bytes,
                                      CLADE_MEMORY_DEVICE)) ||
            (st = clade_backend_fill(dev, scratch, 0, bytes, 0x7fc00000)))
            goto out;
        op.t[CLADE_WORKSPACE] =
            clade_tensor_at(scratch, 0, 1, 1, 1, (int)bytes, CLADE_U8);
    }
    if ((st = backend_run_once(dev, &op)))
        goto out;
    for (int i = 0; i < n_twins && !st; i++)
        st = clade_backend_read(dev, twins[i].got, twins[i].on_dev, 0,
                                twins[i].bytes);
out:
    clade_backend_free(dev, scratch);
    return st;
}

static bool same_float(float got, float want, float bound)
{
    if (isnan(want) || isnan(got))
        return isnan(want) && isnan(got);
    if (got == want)
        return true;
    return fabsf(got - want) <= bound * fmaxf(1, fabsf(want));
}

/* Whether all memory is what the reference made of it: equal, or, with a
 * bound, within that part of a value or of 1. */
static bool agree(char where[128], float bound)
{
    for (int i = 0; i < n_twins; i++) {
        const struct twin *t = &twins[i];
        const float *got = (float *)t->got, *want = (float *)t->want;

        for (size_t j = 0; !t->floats && j < t->bytes; j++) {
            if (t->got[j] != t->want[j]) {
                snprintf(where, 128, "tensor %d, byte %zu: got %d, want %d", i,
                         j, t->got[j], t->want[j]);
                return false;
            }
        }
        for (size_t j = 0; t->floats && j < t->bytes / 4; j++) {
            if (!same_float(got[j], want[j], bound)) {
                snprintf(where, 128,
                         "tensor %d, element %zu: got %.9g, want %.9g", i, j,
                         got[j], want[j]);
                return false;
            }
        }
    }
    return true;
}

/* Run the op, made by `made` with tensors from tensor(), on both sides. */
static void check(clade_status made, struct clade_op *op, float bound,
                  const char *why)
{
    char where[128] = "";

    if (made || run_cpu(op) || run_dev(op))
        tap_fail("%s: %s", why, clade_error());
    else if (!tap_ok(agree(where, bound), "%s: %s", clade_op_name(op->kind),
                     why))
        tap_note("%s", where);
    free_twins();
}

/* Tensors that ops of one test share: [N,H,W,C], gap between pixels. */
struct shape {
    int n, h, w, c, gap;
    const char *why;
};

static const struct shape bias_shapes[] = {
    { 1, 1, 1, 1, 0, "one element" },
    { 2, 7, 5, 3, 4, "three channels of seven" },
    { 33, 6, 7, 24, 0, "batch 33, vectors of 8" },
    { 2, 19, 23, 48, 16, "a slice of 48 channels" },
    { 1, 3, 3, 528, 0, "528 channels" },
    { 32, 1, 1, 10, 0, "a dense layer" },
};

static void bias_case(const struct shape *s)
{
    const struct clade_tensor db = tensor(1, 1, 1, s->c, 0, INTEGERS);
    const struct clade_tensor dy =
        tensor(s->n, s->h, s->w, s->c, s->gap, INTEGERS);
    struct clade_op op = { 0 };
    const clade_status st = clade_op_bias_bwd(&op, db, dy);

    check(st, &op, 0, s->why);
}

struct pool_case {
    struct shape x;
    struct clade_window win;
};

/* same3(stride): 3x3 `same` over h x w, as the network has it. */
static const struct pool_case maxpools[] = {
    { { 2, 8, 8, 64, 0, "3x3/2, pads after" }, { 3, 3, 2, 0, 1, 0, 1 } },
    { { 2, 7, 9, 24, 3, "3x3/1, a slice" }, { 3, 3, 1, 1, 1, 1, 1 } },
    { { 1, 1, 1, 1, 0, "one pixel" }, { 3, 3, 1, 1, 1, 1, 1 } },
    { { 33, 2, 3, 3, 2, "larger than the image" }, { 5, 5, 1, 2, 2, 2, 2 } },
    { { 1, 7, 7, 528, 0, "528 channels" }, { 3, 3, 1, 1, 1, 1, 1 } },
    { { 1, 9, 5, 20, 1, "unequal sides" }, { 2, 3, 2, 0, 1, 1, 0 } },
};

static int out_size(int in, int before, int after, int window, int stride)
{
    return (in + before + after - window) / stride + 1;
}

static void output_shape(int *p, int *q, const struct pool_case *c)
{
    const struct clade_window *win = &c->win;

    *p = out_size(c->x.h, win->top, win->bottom, win->r, win->stride);
    *q = out_size(c->x.w, win->left, win->right, win->s, win->stride);
}

static void maxpool_case(const struct pool_case *c, enum data data)
{
    const struct shape *s = &c->x;
    struct clade_tensor y, arg, x;
    struct clade_op op = { 0 };
    clade_status st;
    int p, q;

    output_shape(&p, &q, c);
    x = tensor(s->n, s->h, s->w, s->c, s->gap, data);
    y = tensor(s->n, p, q, s->c, 2 * s->gap, INTEGERS);
    arg = tensor(s->n, p, q, s->c, s->gap, BYTES);
    st = clade_op_maxpool_fwd(&op, y, arg, x, c->win);
    check(st, &op, 0, s->why);
}

/* Of arg any byte will do: what names no pixel of a window adds nothing. */
static void pool_bwd_case(const struct pool_case *c, bool max, unsigned flags,
                          float bound)
{
    static const struct clade_tensor absent;
    const struct shape *s = &c->x;
    struct clade_tensor dx, dy, arg, x = absent;
    struct clade_op op = { 0 };
    clade_status st;
    char why[128];
    int p, q;

    output_shape(&p, &q, c);
    dx = tensor(s->n, s->h, s->w, s->c, s->gap, INTEGERS);
    dy = tensor(s->n, p, q, s->c, 2 * s->gap, INTEGERS);
    arg = tensor(s->n, p, q, s->c, s->gap, BYTES);
    for (size_t i = 0; i < twins[2].bytes; i++)
        twins[2].before[i] = (char)draw(c->win.r * c->win.s);
    if (flags & CLADE_RELU)
        x = tensor(s->n, s->h, s->w, s->c, 3 * s->gap, WILD);
    st = max ? clade_op_maxpool_bwd(&op, dx, dy, arg, x, c->win, flags)
             : clade_op_avgpool_bwd(&op, dx, dy, x, c->win, flags);
    snprintf(why, sizeof why, "%s%s%s", s->why,
             flags & CLADE_ACCUMULATE ? ", accumulated" : "",
             flags & CLADE_RELU ? ", masked" : "");
    check(st, &op, bound, why);
}

static const struct pool_case avgpools[] = {
    { { 2, 14, 14, 48, 0, "5x5/3" }, { 5, 5, 3, 0, 0, 0, 0 } },
    { { 3, 7, 7, 24, 8, "global" }, { 7, 7, 1, 0, 0, 0, 0 } },
    { { 1, 6, 5, 3, 1, "2x2/2, three channels" }, { 2, 2, 2, 0, 0, 0, 0 } },
};

static void avgpool_case(const struct pool_case *c)
{
    const struct shape *s = &c->x;
    struct clade_op op = { 0 };
    struct clade_tensor x, y;
    clade_status st;
    int p, q;

    output_shape(&p, &q, c);
    x = tensor(s->n, s->h, s->w, s->c, s->gap, INTEGERS);
    y = tensor(s->n, p, q, s->c, 2 * s->gap, INTEGERS);
    st = clade_op_avgpool_fwd(&op, y, x, c->win);
    check(st, &op, 0, s->why);
}

static const struct shape dropout_shapes[] = {
    { 3, 1, 1, 1024, 0, "1024 channels" },
    { 2, 3, 5, 10, 3, "10 channels, by ones" },
    { 33, 1, 1, 24, 8, "a slice" },
};

static void dropout_case(const struct shape *s, bool on)
{
    static const struct clade_tensor absent;
    const struct clade_step step = { .seed = 0x123456789abcdefULL,
                                     .number = 41,
                                     .first_image = 17,
                                     .batch = 64,
                                     .dropout = on };
    const struct clade_tensor to =
        tensor(s->n, s->h, s->w, s->c, s->gap, FRACTIONS);
    const struct clade_tensor from =
        tensor(s->n, s->h, s->w, s->c, 2 * s->gap, FRACTIONS);
    struct clade_op op = { 0 };
    clade_status st;

    if (on)
        st = clade_op_dropout_fwd(&op, to, from, 0.4f, "classifier", &step);
    else
        st = clade_op_dropout_bwd(&op, to, from, absent, 0.7f, "fc", &step, 0);
    check(st, &op, 0, s->why);
}

static void dropout_masked(void)
{
    const struct clade_step step = { .seed = 3, .batch = 5, .dropout = true };
    const struct clade_tensor dx = tensor(5, 2, 2, 16, 0, FRACTIONS);
    const struct clade_tensor dy = tensor(5, 2, 2, 16, 4, FRACTIONS);
    const struct clade_tensor x = tensor(5, 2, 2, 16, 1, WILD);
    struct clade_op op = { 0 };
    const clade_status st =
        clade_op_dropout_bwd(&op, dx, dy, x, 0.7f, "fc", &step, CLADE_RELU);

    check(st, &op, 0, "masked");
}

static void softmax_case(int n, int k, enum data data, const char *why)
{
    const struct clade_tensor y = tensor(n, 1, 1, k, 3, FRACTIONS);
    const struct clade_tensor x = tensor(n, 1, 1, k, 0, data);
    struct clade_op op = { 0 };
    const clade_status st = clade_op_softmax_fwd(&op, y, x);

    check(st, &op, 1e-5f, why);
}

static void loss_case(int n, int k, enum data data, enum data labels,
                      const char *why)
{
    const struct clade_tensor loss = tensor(n, 1, 1, 1, 0, FRACTIONS);
    const struct clade_tensor hit = tensor(n, 1, 1, 1, 1, BYTES);
    const struct clade_tensor x = tensor(n, 1, 1, k, 2, data);
    const struct clade_tensor label = tensor(n, 1, 1, 1, 0, labels);
    struct clade_op op = { 0 };
    const clade_status st = clade_op_loss_fwd(&op, loss, hit, x, label);

    check(st, &op, 1e-5f, why);
}

static void loss_bwd_case(void)
{
    const struct clade_step step = { .batch = 48 };
    const struct clade_tensor dx = tensor(33, 1, 1, 10, 1, FRACTIONS);
    const struct clade_tensor y = tensor(33, 1, 1, 10, 0, FRACTIONS);
    const struct clade_tensor label = tensor(33, 1, 1, 1, 0, LABELS);
    struct clade_op op = { 0 };
    const clade_status st = clade_op_loss_bwd(&op, dx, y, label, 0.3f, &step);

    check(st, &op, 1e-6f, "a part of a batch of 48");
}

/* Powers of two for the scalars: every rounding is exact. */
static void sgd_case(int count, const char *why)
{
    const struct clade_step step = { .learning_rate = 0.25f };
    const struct clade_tensor w = tensor(1, 1, 1, count, 0, INTEGERS);
    const struct clade_tensor v = tensor(1, 1, 1, count, 0, INTEGERS);
    const struct clade_tensor dw = tensor(1, 1, 1, count, 0, INTEGERS);
    struct clade_op op = { 0 };
    const clade_status st = clade_op_sgd(&op, w, v, dw, 0.5f, &step);

    check(st, &op, 0, why);
}

static void resize_case(int n, int h, int w, int c, int p, int q, int gap,
                        const char *why)
{
    const struct clade_tensor y = tensor(n, p, q, c, gap, FRACTIONS);
    const struct clade_tensor x = tensor(n, h, w, c, 2, BYTES);
    const struct clade_tensor table = tensor(1, 1, 1, 256, 0, FRACTIONS);
    struct clade_op op = { 0 };
    const clade_status st = clade_op_resize(&op, y, x, table);

    check(st, &op, 0, why);
}

#define EACH(table, item)                                                      \
    for (size_t item = 0; item < sizeof table / sizeof *table; item++)

static void check_ops(void)
{
    EACH(bias_shapes, i)
    bias_case(&bias_shapes[i]);
    EACH(maxpools, i)
    maxpool_case(&maxpools[i], i % 2 ? WILD : INTEGERS);
    EACH(maxpools, i)
    pool_bwd_case(&maxpools[i], true, i % 4 * 2 & 6, 0);
    EACH(avgpools, i)
    avgpool_case(&avgpools[i]);
    EACH(avgpools, i)
    pool_bwd_case(&avgpools[i], false, i == 2 ? CLADE_ACCUMULATE : 0, 0);
    pool_bwd_case(&avgpools[0], false, CLADE_ACCUMULATE | CLADE_RELU, 1e-6f);
    EACH(dropout_shapes, i)
    dropout_case(&dropout_shapes[i], i != 2);
    dropout_masked();
    softmax_case(33, 10, INTEGERS, "batch 33");
    softmax_case(2, 1000, FRACTIONS, "1000 classes");
    softmax_case(40, 3, WILD, "Inf and NaN");
    loss_case(33, 10, INTEGERS, LABELS, "ties, batch 33");
    loss_case(40, 3, WILD, LABELS, "Inf, NaN, labels that are none");
    loss_bwd_case();
    sgd_case(1, "one parameter");
    sgd_case(2 * 16384 + 29, "three spans, the last one odd");
    resize_case(2, 32, 32, 3, 224, 224, 0, "CIFAR-10's");
    resize_case(1, 5, 7, 1, 17, 23, 0, "odd sizes");
    resize_case(2, 9, 3, 3, 40, 16, 2, "a slice");
    resize_case(3, 1, 1, 4, 3, 2, 1, "from one pixel");
}
enum { OP_CHECKS = 6 + 6 + 6 + 3 + 3 + 1 + 3 + 1 + 3 + 2 + 1 + 2 + 4 };

int main(void)
{
    const char *name = getenv("CLADE_TEST_DEVICE");

    if (clade_backend_open(&cpu, "cpu"))
        tap_bail("cpu: %s", clade_error());
    if (clade_backend_open(&dev, name ? name : "opencl"))
        tap_skip_all("no device: %s", clade_error());
    tap_note("%s", clade_backend_device(dev)->name);
    tap_plan(OP_CHECKS);
    check_ops();
    clade_backend_close(dev);
    clade_backend_close(cpu);
    return tap_done();
}
