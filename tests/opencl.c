/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenCL backend's core, and its ops that are no products, against the
 * reference.  The device is CLADE_TEST_DEVICE's, else the best one.
 */
#include "opencl/core.h"
#include "rng.h"
#include "tap.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static clade_backend *cpu, *dev;
static const char *device_text;

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
        (st = clade_backend_prepare(cpu, op)) ||
        (st = clade_backend_run(cpu, op)))
        return st;
    for (int i = 0; i < n_twins; i++)
        if ((st = clade_backend_read(cpu, twins[i].want, twins[i].on_cpu, 0,
                                     twins[i].bytes)))
            return st;
    clade_backend_release(cpu, op);
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
    if ((st = clade_backend_prepare(dev, &op)) ||
        (st = clade_backend_run(dev, &op)))
        goto out;
    for (int i = 0; i < n_twins && !st; i++)
        st = clade_backend_read(dev, twins[i].got, twins[i].on_dev, 0,
                                twins[i].bytes);
    clade_backend_release(dev, &op);
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

/* Fill, copy, write, read and map, in host and device memory alike. */
static clade_status move_words(uint32_t got[8], enum clade_memory from,
                               enum clade_memory to)
{
    static const uint32_t words[] = { 1, 2, 3, 4 };
    struct clade_buffer *a = NULL, *b = NULL;
    clade_status st;

    if ((st = clade_backend_alloc(dev, &a, 32, from)) ||
        (st = clade_backend_alloc(dev, &b, 32, to)))
        goto out;
    if ((st = clade_backend_fill(dev, a, 0, 32, 0xabcdef01)) ||
        (st = clade_backend_fill(dev, b, 0, 32, 0x10203040)) ||
        (st = clade_backend_write(dev, a, 8, words, sizeof words)) ||
        (st = clade_backend_copy(dev, b, 4, a, 4, 20)) ||
        (st = clade_backend_read(dev, got, b, 0, 32)))
        goto out;
    if (to == CLADE_MEMORY_HOST && memcmp(clade_backend_map(dev, b), got, 32))
        st = clade_fail(CLADE_EFAIL, "the mapped memory is another");
out:
    clade_backend_free(dev, b);
    clade_backend_free(dev, a);
    return st;
}

static void check_memory(void)
{
    static const uint32_t want[8] = { 0x10203040, 0xabcdef01, 1,         2, 3,
                                      4,          0x10203040, 0x10203040 };
    static const char *const names[] = { "device", "host" };
    const uint64_t before = clade_backend_memory(dev);

    for (int i = 0; i < 4; i++) {
        uint32_t got[8] = { 0 };

        if (move_words(got, i / 2, i % 2))
            tap_fail("%s to %s: %s", names[i / 2], names[i % 2], clade_error());
        else
            tap_ok(!memcmp(got, want, sizeof want), "words from %s to %s",
                   names[i / 2], names[i % 2]);
    }
    tap_ok(clade_backend_memory(dev) == before, "freed memory is not counted");
}
enum { MEMORY_CHECKS = 5 };

static bool message_has(clade_status st, clade_status want, const char *text)
{
    if (st == want && strstr(clade_error(), text))
        return true;
    tap_note("status %d (%s), wanted %d and `%s`", st, clade_error(), want,
             text);
    return false;
}

/* A command that ends with `err`, as if the device had failed under an op. */
static clade_status fail_under(const struct clade_op *op, cl_int err)
{
    struct ocl *o = (struct ocl *)dev;
    cl_int status;
    cl_event event = clCreateUserEvent(o->ctx, &status);

    if (!event)
        return clade_fail(CLADE_EFAIL, "no user events");
    clSetUserEventStatus(event, err);
    ocl_pending_add(o, op, event);
    return clade_backend_finish(dev);
}

static void check_errors(void)
{
    struct ocl *o = (struct ocl *)dev;
    struct clade_op op = { .kind = CLADE_MAXPOOL_FWD, .label = "pool9" };
    const struct ocl_grid one = OCL_GRID(1, 1, 1);
    struct clade_buffer *buffer;

    tap_ok(message_has(clade_backend_alloc(dev, &buffer, (size_t)1 << 60,
                                           CLADE_MEMORY_DEVICE),
                       CLADE_ENOMEM, "MiB"),
           "too large a buffer is refused with sizes");
    tap_ok(message_has(ocl_launch(o, &op, OCL_POOL, "maxpool_fwd", "-D VEC=17",
                                  one, NULL, 0),
                       CLADE_EBUILD, "pool9"),
           "what does not build names the op");
    tap_ok(message_has(
               ocl_launch(o, &op, OCL_SOFTMAX, "no_such", "", one, NULL, 0),
               CLADE_EDEVICE, "no_such"),
           "a kernel that is none is named");
    tap_ok(message_has(fail_under(&op, CL_OUT_OF_RESOURCES), CLADE_EDEVICE,
                       "pool9"),
           "a failure that comes later names the op");
    tap_ok(!clade_backend_finish(dev), "and is told once");
}
enum { ERROR_CHECKS = 5 };

/* More commands than the ring of events holds. */
static void check_many(void)
{
    struct clade_buffer *buffer = NULL;
    clade_status st;
    uint32_t word = 0;

    st = clade_backend_alloc(dev, &buffer, 4, CLADE_MEMORY_DEVICE);
    for (uint32_t i = 0; i < 10000 && !st; i++)
        st = clade_backend_fill(dev, buffer, 0, 4, i);
    if (!st)
        st = clade_backend_read(dev, &word, buffer, 0, 4);
    tap_ok(!st && word == 9999, "10,000 commands in a row: %s",
           st ? clade_error() : "the last one counts");
    clade_backend_free(dev, buffer);
}

/* A cache folder of this test's own. */
static char cache[256], files[64][320];

static int list_files(void)
{
    char dir[300];
    struct dirent *entry;
    int n = 0;
    DIR *d;

    snprintf(dir, sizeof dir, "%s/clade", cache);
    d = opendir(dir);
    while (d && n < 64 && (entry = readdir(d)))
        if (entry->d_name[0] != '.')
            snprintf(files[n++], sizeof *files, "%.64s/clade/%.200s", cache,
                     entry->d_name);
    if (d)
        closedir(d);
    return n;
}

/* Open the device anew and run one op; its gradient is exact. */
static clade_status fresh_run(void)
{
    static const uint32_t two = 0x40000000, six = 0x40c00000;
    struct clade_buffer *buffer = NULL;
    clade_backend *be = NULL;
    struct clade_op op = { 0 };
    uint32_t got = 0;
    clade_status st;

    if ((st = clade_backend_open(&be, device_text)) ||
        (st = clade_backend_alloc(be, &buffer, 64, CLADE_MEMORY_DEVICE)) ||
        (st = clade_backend_fill(be, buffer, 0, 64, two)) ||
        (st = clade_op_bias_bwd(
             &op, clade_tensor_at(buffer, 9, 1, 1, 1, 1, CLADE_F32),
             clade_tensor_at(buffer, 0, 3, 1, 1, 1, CLADE_F32))) ||
        (st = clade_backend_choose(be, &op, NULL)))
        goto out;
    op.t[CLADE_WORKSPACE] = clade_tensor_at(buffer, 0, 1, 1, 1, 1, CLADE_F32);
    op.t[CLADE_WORKSPACE].buffer = NULL;
    if ((st = clade_backend_alloc(be, &op.t[CLADE_WORKSPACE].buffer,
                                  op.workspace, CLADE_MEMORY_DEVICE)) ||
        (st = clade_backend_prepare(be, &op)) ||
        (st = clade_backend_run(be, &op)) ||
        (st = clade_backend_read(be, &got, buffer, 36, 4)))
        goto out;
    if (got != six)
        st = clade_fail(CLADE_EFAIL, "2 + 2 + 2 is %08x", got);
out:
    if (be) {
        clade_backend_free(be, op.t[CLADE_WORKSPACE].buffer);
        clade_backend_free(be, buffer);
    }
    clade_backend_close(be);
    if (st)
        tap_note("%s", clade_error());
    return st;
}

static char *file_bytes(const char *path, long *n)
{
    FILE *f = fopen(path, "rb");
    char *bytes = NULL;

    if (f && !fseek(f, 0, SEEK_END) && (*n = ftell(f)) > 0) {
        rewind(f);
        bytes = malloc(*n);
        if (bytes && fread(bytes, 1, *n, f) != (size_t)*n)
            *n = 0;
    }
    if (f)
        fclose(f);
    return bytes;
}

/* Change the last byte of each file, or cut each to `keep` bytes. */
static void damage_files(int n, long keep)
{
    for (int i = 0; i < n; i++) {
        FILE *f = keep ? NULL : fopen(files[i], "r+b");
        int last;

        if (keep && truncate(files[i], keep))
            tap_note("%s: not cut", files[i]);
        if (f) {
            fseek(f, -1, SEEK_END);
            last = fgetc(f);
            fseek(f, -1, SEEK_END);
            fputc(last ^ 0x55, f);
            fclose(f);
        }
    }
}

/* Files that a checksum finds whole, but whose data no driver takes. */
static void forge_files(int n)
{
    for (int i = 0; i < n; i++) {
        long size = 0;
        char *bytes = file_bytes(files[i], &size);
        uint64_t key, sum;
        FILE *f;

        if (bytes && size > 40) {
            memcpy(&key, bytes + 16, 8);
            memset(bytes + 40 + key, 'x', size - 40 - key);
            sum = rng_fnv64(bytes + 40, size - 40);
            memcpy(bytes + 32, &sum, 8);
            f = fopen(files[i], "wb");
            fwrite(bytes, 1, size, f);
            fclose(f);
        }
        free(bytes);
    }
}

/* Whether every file is whole: a header of 40 bytes ends with the checksum of
 * the rest. */
static bool all_whole(void)
{
    const int n = list_files();
    bool whole = n > 0;

    for (int i = 0; i < n && whole; i++) {
        long size = 0;
        char *bytes = file_bytes(files[i], &size);
        uint64_t sum = 0;

        if (bytes && size > 40)
            memcpy(&sum, bytes + 32, 8);
        whole = sum && sum == rng_fnv64(bytes + 40, (size_t)size - 40);
        free(bytes);
    }
    return whole;
}

/* Rusticl of Mesa 22 ends the process over such a binary, which only this test
 * makes: a driver's version is in the key. */
static void check_forged(int n)
{
    if (strstr(clade_backend_device(dev)->platform, "rusticl")) {
        tap_skip("a forged binary ends rusticl");
        return;
    }
    forge_files(n);
    tap_ok(!fresh_run(), "what the driver refuses is built again");
}

static void check_cache(void)
{
    const char *outside = getenv("XDG_CACHE_HOME");
    char *kept = outside ? strdup(outside) : NULL;
    const char *tmp = getenv("TMPDIR");
    int n;

    snprintf(cache, sizeof cache, "%.200s/clade-test-XXXXXX",
             kept  ? kept
             : tmp ? tmp
                   : "/tmp");
    if (!mkdtemp(cache))
        tap_bail("%s: no folder for the test", cache);
    setenv("XDG_CACHE_HOME", cache, 1);
    setenv("POCL_KERNEL_CACHE", "0", 1); /* so that PoCL's is not trusted */
    tap_ok(!fresh_run() && list_files() > 0, "an empty cache is filled");
    n = list_files();
    tap_ok(!fresh_run() && list_files() == n, "and used again");
    damage_files(n, 0);
    tap_ok(!fresh_run() && list_files() == n && all_whole(),
           "damaged files are made anew");
    damage_files(n, 20);
    tap_ok(!fresh_run() && all_whole(), "so are files cut short");
    check_forged(n);
    for (int i = list_files() - 1; i >= 0; i--)
        unlink(files[i]);
    tap_ok(!fresh_run() && list_files() == n, "an emptied cache is filled");
    setenv("XDG_CACHE_HOME", files[0], 1);
    tap_ok(!fresh_run(), "no folder can be made, and nothing fails");
    for (int i = list_files() - 1; i >= 0; i--)
        unlink(files[i]);
    if (kept)
        setenv("XDG_CACHE_HOME", kept, 1);
    else
        unsetenv("XDG_CACHE_HOME");
    free(kept);
}
enum { CACHE_CHECKS = 7 };

int main(void)
{
    const char *name = getenv("CLADE_TEST_DEVICE");

    device_text = name ? name : "opencl";
    if (clade_backend_open(&cpu, "cpu"))
        tap_bail("cpu: %s", clade_error());
    if (clade_backend_open(&dev, device_text))
        tap_skip_all("no device: %s", clade_error());
    tap_note("%s", clade_backend_device(dev)->name);
    tap_plan(MEMORY_CHECKS + ERROR_CHECKS + 1 + OP_CHECKS + CACHE_CHECKS);
    check_memory();
    check_errors();
    check_many();
    check_ops();
    check_cache();
    clade_backend_close(dev);
    clade_backend_close(cpu);
    return tap_done();
}
