/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference must follow its rules for NaN, ties, invalid labels, random
 * numbers and OpenCV's resize, and the number of threads must not change a bit.
 * The expected values are written out here.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "cpu/cpu.h"
#include "opmaker.h"
#include "rng.h"
#include "tap.h"
#include "verify/kind.h"

static clade_backend *be; /* cpu */

static void run(const struct clade_op *op)
{
    if (backend_run_once(be, op))
        tap_bail("%s: %s", clade_op_name(op->kind), clade_error());
}

static void set(const struct clade_tensor *t, const double *values)
{
    for (int64_t i = 0; i < clade_tensor_elements(t); i++)
        put(t, clade_tensor_element(t, i), values[i]);
}

/* Does the tensor hold these values?  NaN equals NaN. */
static bool holds(const struct clade_tensor *t, const double *values)
{
    for (int64_t i = 0; i < clade_tensor_elements(t); i++) {
        const double got = get(t, clade_tensor_element(t, i));

        if (got != values[i] && !(isnan(got) && isnan(values[i]))) {
            tap_note("element %lld: got %.9g, want %.9g", (long long)i, got,
                     values[i]);
            return false;
        }
    }
    return true;
}

static void test_relu(void)
{
    const struct shape s = { "relu", 1, 1, 6, 1, 1, 1, 1, 1, true, 0 };
    const double x[] = { NAN, -1, -0.0, 2, INFINITY, -INFINITY };
    const double y[] = { NAN, 0, 0, 2, INFINITY, 0 };
    const double dx[] = { 0, 0, 0, 3, 3, 0 };
    struct clade_op op = make_op(be, CLADE_CONV_FWD, &s, CLADE_RELU, NULL);

    set(&op.t[CLADE_X], x);
    put(&op.t[CLADE_W], 0, 1);
    run(&op);
    tap_ok(holds(&op.t[CLADE_Y], y),
           "relu: NaN passes through, negative values become 0");

    op = make_op(be, CLADE_CONV_BWD_DATA, &s, CLADE_RELU, &op);
    for (int i = 0; i < 6; i++)
        put(&op.t[CLADE_DY], i, 3);
    run(&op);
    tap_ok(holds(&op.t[CLADE_DX], dx), "the gradient of relu: 0 unless x > 0");
    forget_ops(be);
}

/* A device that flushes subnormals may lose |b| of a product a*b if a is
 * subnormal, and |a| if b is. */
static void test_flush(void)
{
    const struct shape s = { "flush", 1, 1, 1, 3, 1, 1, 1, 1, true, 0 };
    const double x[] = { 1e-40, 2, 5 }, w[] = { 3, -1e-40, 7 };
    const struct clade_op op = make_op(be, CLADE_CONV_FWD, &s, 0, NULL);
    const int64_t first = 0;
    struct cpu_exact one, many, row;

    set(&op.t[CLADE_X], x);
    set(&op.t[CLADE_W], w);
    one = cpu_at(&op, CLADE_Y, 0, 0);
    cpu_at_many(&many, &op, CLADE_Y, &first, 1, NULL);
    cpu_exact_rows(&row, &op, CLADE_Y, 0, 1, NULL);
    tap_ok(one.flush == 5 && many.flush == 5 && row.flush == 5,
           "the oracle's flush is 3 + 2: got %g, %g, %g", one.flush, many.flush,
           row.flush);
    forget_ops(be);
}

static void test_maxpool(void)
{
    const struct shape s = { "max", 1, 1, 6, 1, 1, 1, 3, 1, false, 0 };
    const double x[] = { 1, 3, 3, NAN, 5, NAN };
    const double y[] = { 3, NAN, NAN, NAN };
    const double arg[] = { 1, 2, 1, 0 };
    const struct clade_op op = make_op(be, CLADE_MAXPOOL_FWD, &s, 0, NULL);

    set(&op.t[CLADE_X], x);
    run(&op);
    tap_ok(holds(&op.t[CLADE_Y], y), "maxpool_fwd: NaN wins a max");
    tap_ok(holds(&op.t[CLADE_ARG], arg),
           "maxpool_fwd: the first of equal values, and the first NaN, win");
    forget_ops(be);
}

static void test_loss(void)
{
    /* rows: large logits; an invalid label; two NaN, the first at the label */
    const struct shape s = { "loss", 3, 1, 1, 1, 3, 1, 1, 1, true, 0 };
    const double x[] = { 1000, 1000, -1000, 1, 2, 3, 1, NAN, NAN };
    const double label[] = { 1, 3, 1 };
    const double hit[] = { 0, 0, 1 };
    const double loss[] = { (float)log(2), NAN, NAN };
    struct clade_op op = make_op(be, CLADE_LOSS_FWD, &s, 0, NULL);

    set(&op.t[CLADE_X], x);
    set(&op.t[CLADE_LABEL], label);
    run(&op);
    tap_ok(
        holds(&op.t[CLADE_LOSS], loss),
        "loss_fwd: large logits do not overflow; an invalid label gives NaN");
    tap_ok(holds(&op.t[CLADE_HIT], hit),
           "loss_fwd: the first largest logit is the answer");
    forget_ops(be);
}

static void test_sgd(void)
{
    const struct shape s = { "sgd", 1, 1, 1, 1, 1, 1, 1, 1, true, 0 };
    const double v = 0.9f * 1.0 - 0.05f * 3.0;
    const double v1[] = { (float)v }, w1[] = { (float)(2 + (double)(float)v) };
    struct clade_op op = make_op(be, CLADE_SGD, &s, 0, NULL);

    put(&op.t[CLADE_W], 0, 2);
    put(&op.t[CLADE_V], 0, 1);
    put(&op.t[CLADE_DW], 0, 3);
    run(&op);
    tap_ok(holds(&op.t[CLADE_V], v1) && holds(&op.t[CLADE_W], w1),
           "sgd: v = 0.9 v - 0.05 dw, w = w + v");
    forget_ops(be);
}

/* A step that is computed in parts drops the same elements as the whole step.
 */
static void test_dropout(void)
{
    const struct shape two = { "two images", 2, 5, 7, 33, 1, 1, 1, 1, true, 0 };
    const struct shape one = { "one image", 1, 5, 7, 33, 1, 1, 1, 1, true, 0 };
    const struct clade_op whole = make_op(be, CLADE_DROPOUT_FWD, &two, 0, NULL);
    struct clade_op part = make_op(be, CLADE_DROPOUT_FWD, &one, 0, NULL);
    const struct clade_tensor *x = &whole.t[CLADE_X], *y = &whole.t[CLADE_Y];
    const float scale = (float)(1 / (1 - (double)0.4f));
    const int64_t image = clade_tensor_elements(&part.t[CLADE_X]);
    int64_t kept = 0, wrong = 0, parted = 0;

    part.t[CLADE_X].buffer = x->buffer;
    part.t[CLADE_X].offset = image;
    run(&whole);
    step.first_image++;
    run(&part);
    step.first_image--;
    for (int64_t i = 0; i < 2 * image; i++) {
        kept += get(y, i) != 0;
        wrong += get(y, i) != 0 && get(y, i) != (float)(get(x, i) * scale);
        parted += i >= image && get(&part.t[CLADE_Y], i - image) != get(y, i);
    }
    tap_ok(wrong == 0, "dropout_fwd: kept elements are scaled by 1/(1-rate)");
    /* 1386 = 0.6 * 2310; 141 is six standard deviations */
    tap_ok(llabs(kept - 1386) < 141, "dropout_fwd: keeps %lld of %lld at 0.4",
           (long long)kept, (long long)(2 * image));
    tap_ok(parted == 0,
           "dropout_fwd: a part of a step drops what the whole step drops");

    step.dropout = false;
    run(&whole);
    step.dropout = true;
    tap_ok(!memcmp(((struct cpu_buffer *)x->buffer)->host,
                   ((struct cpu_buffer *)y->buffer)->host,
                   (size_t)(2 * image) * sizeof(float)),
           "dropout_fwd: switched off, it copies");
    forget_ops(be);
}

/* The expected hash is of what OpenCV 4.11's resize to 224 x 224 gives for this
 * image. */
static void test_resize(void)
{
    enum { FROM = 32 * 32 * 3, TO = 224 * 224 * 3 };
    static uint8_t in[FROM], out[TO];
    static float table[256], y[TO];
    struct cpu_buffer b[3] = { cpu_wrap(in, sizeof(in)), cpu_wrap(y, sizeof(y)),
                               cpu_wrap(table, sizeof(table)) };
    struct clade_op op;

    for (int i = 0; i < FROM; i++)
        in[i] = (uint8_t)(256 * rng_record("resize", 1, (uint64_t)i));
    for (int i = 0; i < 256; i++)
        table[i] = (float)i;
    if (clade_op_resize(
            &op, clade_tensor_at(&b[1].base, 0, 1, 224, 224, 3, CLADE_F32),
            clade_tensor_at(&b[0].base, 0, 1, 32, 32, 3, CLADE_U8),
            clade_tensor_at(&b[2].base, 0, 1, 1, 1, 256, CLADE_F32)) ||
        clade_backend_choose(be, &op, NULL))
        tap_bail("resize: %s", clade_error());
    run(&op);
    for (int i = 0; i < TO; i++)
        out[i] = (uint8_t)y[i];
    tap_ok(rng_fnv64(out, sizeof(out)) == 0xd885c22bed654046,
           "resize: the same bits as OpenCV: hash %016llx",
           (unsigned long long)rng_fnv64(out, sizeof(out)));
}

static void threads(int n)
{
#ifdef _OPENMP
    omp_set_num_threads(n);
#else
    (void)n;
#endif
}

/* Does the op give the same bytes with one thread and with three? */
static bool repeats(enum clade_op_kind kind, const struct shape *s)
{
    const struct clade_op op =
        make_op(be, kind, s, verify_kind(kind)->flags & CLADE_BIAS, NULL);
    bool same = true;

    for (int r = 0; r < CLADE_ROLES; r++) {
        const struct cpu_buffer *b = (struct cpu_buffer *)op.t[r].buffer;
        void *first;

        if (!verify_writes(&op, r))
            continue;
        threads(1);
        run(&op);
        if (!(first = malloc(b->base.bytes)))
            tap_bail("out of memory");
        memcpy(first, b->host, b->base.bytes);
        threads(3);
        run(&op);
        same = same && !memcmp(first, b->host, b->base.bytes);
        free(first);
    }
    forget_ops(be);
    return same;
}

static void test_threads(void)
{
    for (int kind = 0; kind < CLADE_OP_KINDS; kind++) {
        bool same = true;

        /* sgd updates in place, so a second run has other inputs */
        if (kind == CLADE_FILTER_PACK || kind == CLADE_SGD)
            continue;
        for (int i = 0; i < n_shapes; i++)
            if (fits(kind, &shapes[i]))
                same = repeats(kind, &shapes[i]) && same;
        tap_ok(same, "%s: one thread and three give the same bits",
               clade_op_name(kind));
    }
}

int main(void)
{
    if (clade_backend_open(&be, "cpu"))
        tap_bail("cpu: %s", clade_error());
    tap_plan(13 + CLADE_OP_KINDS - 2);
    test_relu();
    test_flush();
    test_maxpool();
    test_loss();
    test_sgd();
    test_dropout();
    test_resize();
    test_threads();
    clade_backend_close(be);
    return tap_done();
}
