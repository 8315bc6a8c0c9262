/* SPDX-License-Identifier: Apache-2.0 */
/* The judge must be able to fail: the reference, made to go wrong in one way
 * at a time, has to be caught, and for the right reason. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "op/op.h"
#include "safetensors.h"
#include "tap.h"
#include "verify/verify.h"

static struct backend_table faulty;
static int runs;                 /* of the op under test, in the case at hand */
static enum backend_build build; /* of the program that ran */

/* The op's first output on the host, and element i of it. */
static struct clade_tensor *output(const struct clade_op *op)
{
    for (int role = 0; role < CLADE_ROLES; role++)
        if (clade_op_outputs(op->kind) & 1u << role)
            return (struct clade_tensor *)&op->t[role];
    return NULL;
}

static float *element(const struct clade_tensor *t, int64_t i)
{
    return (float *)((struct cpu_buffer *)t->buffer)->host +
           clade_tensor_element(t, i);
}

static void right(const struct clade_op *op)
{
    (void)op;
}

static void one_unit(const struct clade_op *op)
{
    *element(output(op), 77) += 0.5f;
}

static void one_lost(const struct clade_op *op)
{
    *element(output(op), 5) = NAN;
}

static void one_zero(const struct clade_op *op)
{
    *element(output(op), 5) = 0;
}

static void zeros(const struct clade_op *op)
{
    const int64_t n = clade_tensor_elements(output(op));

    for (int64_t i = 0; i < n; i++)
        *element(output(op), i) = 0;
}

static void last_doubled(const struct clade_op *op)
{
    *element(output(op), clade_tensor_elements(output(op)) - 1) *= 2;
}

/* What a device that stores half precision leaves: 11 bits. */
static void rounded(const struct clade_op *op)
{
    const int64_t n = clade_tensor_elements(output(op));

    for (int64_t i = 0; i < n; i++) {
        float *v = element(output(op), i);
        int exponent;
        const float fraction = frexpf(*v, &exponent);

        *v = ldexpf(rintf(ldexpf(fraction, 11)), exponent - 11);
    }
}

static void outside(const struct clade_op *op)
{
    *element(output(op), clade_tensor_elements(output(op)) - 1 +
                             output(op)->ld - output(op)->c) = 1;
    element(output(op), clade_tensor_elements(output(op)) - 1)[1] = 1;
}

static void input_changed(const struct clade_op *op)
{
    *element(&op->t[CLADE_W], 3) += 1;
}

static void now_and_then(const struct clade_op *op)
{
    if (runs == 2)
        *element(output(op), 9) = nextafterf(*element(output(op), 9), 9);
}

/* As a binary of other options, or of an older driver, might compute. */
static void stale(const struct clade_op *op)
{
    if (build == BUILD_CACHED)
        *element(output(op), 9) *= 1 + 0x1p-23f;
}

/* Zeros that pad, multiplied: NaN beside an Inf of the filter; allowed there,
 * in channel 0, not a pixel further in. */
static void nan_at(const struct clade_op *op, int pixel)
{
    *element(output(op), (int64_t)pixel * output(op)->c + 1) = NAN;
}

static void nan_at_corner(const struct clade_op *op)
{
    nan_at(op, 0);
}

static void nan_inside(const struct clade_op *op)
{
    nan_at(op, 14 + 1);
}

/* The same of a 3x3 filter's gradient: only its middle meets no padding. */
static void nan_in_middle(const struct clade_op *op)
{
    nan_at(op, (3 + 1) * op->t[CLADE_DW].w);
}

/* Another value in the first element whose mask is 0, or (NULL) which is 0. */
static void other_than_zero(const struct clade_op *op,
                            const struct clade_tensor *mask, float value)
{
    const struct clade_tensor *to = output(op);
    int64_t i = 0;

    while (*element(mask ? mask : to, i) > 0)
        i++;
    *element(to, i) = value;
}

static void unmasked(const struct clade_op *op)
{
    other_than_zero(op, &op->t[CLADE_X], 1e-30f);
}

static void unmasked_infinity(const struct clade_op *op)
{
    other_than_zero(op, &op->t[CLADE_X], INFINITY);
}

static void slightly_negative(const struct clade_op *op)
{
    other_than_zero(op, NULL, -1e-30f);
}

static uint8_t *byte(const struct clade_tensor *t, int64_t i)
{
    return (uint8_t *)((struct cpu_buffer *)t->buffer)->host +
           clade_tensor_element(t, i);
}

/* A hit by the last NaN among the logits. */
static void last_nan(const struct clade_op *op)
{
    const struct clade_tensor *x = &op->t[CLADE_X];

    for (int n = 0; n < x->n; n++) {
        int best = -1;

        for (int k = 0; k < x->c; k++)
            if (isnan(*element(x, n * x->c + k)))
                best = k;
        if (best >= 0)
            *byte(&op->t[CLADE_HIT], n) = best == *byte(&op->t[CLADE_LABEL], n);
    }
}

/* The probabilities of a row with a NaN or an Inf, as if it were not there. */
static void zero_for_nan(const struct clade_op *op)
{
    const int64_t n = clade_tensor_elements(output(op));

    for (int64_t i = 0; i < n; i++)
        if (isnan(*element(output(op), i)))
            *element(output(op), i) = 0;
}

static void sign_lost(const struct clade_op *op)
{
    const int64_t n = clade_tensor_elements(output(op));

    for (int64_t i = 0; i < n; i++)
        *element(output(op), i) = fabsf(*element(output(op), i));
}

static void two_of_two_sizes(const struct clade_op *op)
{
    *element(output(op), 5) += 0.5f;
    *element(output(op), 77) += 8;
}

/* clang-format off */
static const struct fault {
    const char *name;
    void (*apply)(const struct clade_op *op);
    const char *match; /* the case that must catch it */
    enum clade_outcome outcome;
    const char *message; /* part of what is said */
} faults[] = {
    { "none", right, "conv_fwd:2x7x7x24:5x5", CLADE_PASSED, "" },
    { "one element off by one unit", one_unit,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:exact",
      CLADE_FAILED, "1 of " },
    { "one element not written", one_lost,
      "avgpool_fwd:2x7x7x48:7x7/1:1x1x48:random", CLADE_FAILED, "1 of " },
    { "one product lost, all that there is in a sum", one_zero,
      "conv_fwd:2x7x7x48:1x1/1:7x7x32:bias:relu:position-b", CLADE_FAILED,
      "1 of " },
    { "nothing but zeros", zeros,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:exact", CLADE_MISTRUSTED,
      "all is 0" },
    { "nothing but zeros, of data that round", zeros,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:random", CLADE_FAILED,
      "are wrong" },
    { "the last element doubled", last_doubled,
      "bias_bwd:2x14x14x48:1x1/1:14x14x48:random", CLADE_FAILED, "1 of " },
    { "outputs through half", rounded,
      "conv_bwd_data:2x7x7x48:1x1/1:7x7x32:relu:random", CLADE_FAILED,
      "are wrong" },
    { "a softmax through half", rounded, "softmax_fwd:2x1x1x10", CLADE_FAILED,
      "are wrong" },
    { "an update through half", rounded, "sgd:1x1x1x1:1x1/1:1x1x10000:random",
      CLADE_FAILED, "are wrong" },
    { "a write behind the output", outside,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:exact", CLADE_FAILED,
      "outside of y" },
    { "a write into an input", input_changed,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:random", CLADE_FAILED,
      "input w" },
    { "a bit that changes from run to run", now_and_then,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:random", CLADE_FAILED,
      "runs 2 and 3" },
    { "a cached binary that computes otherwise", stale,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:random", CLADE_FAILED,
      "from its cached binary" },
    { "NaN of a filter that met padding", nan_at_corner,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:relu:special-b",
      CLADE_PASSED, "" },
    { "NaN of a filter that did not", nan_inside,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:relu:special-b",
      CLADE_FAILED, "1 of " },
    { "NaN of a gradient that met padding", nan_at_corner,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:special-b",
      CLADE_PASSED, "" },
    { "NaN of a gradient that did not", nan_in_middle,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:special-b",
      CLADE_FAILED, "1 of " },
    { "NaN of a gradient whose padding met numbers", nan_at_corner,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:special",
      CLADE_FAILED, "1 of " },
    { "NaN of a gradient without padding", nan_at_corner,
      "conv_bwd_filter:2x7x7x48:1x1/1:7x7x32:special-b", CLADE_FAILED,
      "1 of " },
    { "a little where the mask is 0", unmasked,
      "conv_bwd_data:2x7x7x48:1x1/1:7x7x32:relu:random", CLADE_FAILED,
      "1 of " },
    { "a little where a pool's mask is 0", unmasked,
      "avgpool_bwd:2x7x7x48:7x7/1:1x1x48:relu:random", CLADE_FAILED, "1 of " },
    { "Inf where the mask is 0, of sums that overflow", unmasked_infinity,
      "conv_bwd_data:2x14x14x16:3x3/1+1.1.1.1:14x14x32:accumulate:relu:huge",
      CLADE_FAILED, "1 of " },
    { "a little below 0 behind a ReLU", slightly_negative,
      "conv_fwd:2x7x7x48:1x1/1:7x7x32:bias:relu:random", CLADE_FAILED,
      "1 of " },
    { "the last NaN is a hit", last_nan, "loss_fwd:33x1x1x3:1x1/1:1x1x3:slice:"
      "special", CLADE_FAILED, "hit: " },
    { "a probability beside a NaN", zero_for_nan,
      "softmax_fwd:33x1x1x3:1x1/1:1x1x3:slice:special", CLADE_FAILED, "y: " },
    { "a loss beside a NaN", zero_for_nan,
      "loss_fwd:33x1x1x3:1x1/1:1x1x3:slice:special", CLADE_FAILED, "loss: " },
    { "a NaN that an update lost", zero_for_nan,
      "sgd:1x1x1x1:1x1/1:1x1x10000:special", CLADE_FAILED, "w: " },
    { "a NaN that a loss' gradient lost", zero_for_nan,
      "loss_bwd:33x1x1x3:1x1/1:1x1x3:slice:special", CLADE_FAILED, "dx: " },
    { "signs lost", sign_lost,
      "maxpool_fwd:2x14x14x24:3x3/2+0.1.0.1:7x7x24:random", CLADE_FAILED,
      "are wrong" },
};
/* clang-format on */

static const struct fault *current;

/* As a backend that compiles: a task remembers where its program came from. */
struct built {
    clade_task *task;
    enum backend_build build;
};
static struct built built[4096];

static clade_status run(clade_backend *be, clade_task *task)
{
    clade_status st = backend_cpu.run(be, task);

    if (!st && task->op.label) { /* the work between runs has none */
        int i = 0;

        while (built[i].task != task)
            i++;
        runs++;
        build = built[i].build;
        current->apply(&task->op);
    }
    return st;
}

static clade_status prepare(clade_backend *be, clade_task **task,
                            const struct clade_op *op)
{
    const clade_status st = backend_cpu.prepare(be, task, op);
    const enum backend_build from = be->debug ? be->debug->build : BUILD_EITHER;
    int i = 0;

    if (st)
        return st;
    while (built[i].task)
        i++;
    built[i] = (struct built){ *task, from };
    if (be->debug)
        be->debug->programs += from == BUILD_SOURCE;
    return CLADE_OK;
}

static void release(clade_backend *be, clade_task *task)
{
    int i = 0;

    while (built[i].task != task)
        i++;
    built[i].task = NULL;
    backend_cpu.release(be, task);
}

static void keep(void *arg, const struct clade_verdict *v)
{
    *(struct clade_verdict *)arg = *v;
}

static void test_fault(clade_backend *be, const struct op_cases *cases)
{
    struct clade_verdict v = { .outcome = CLADE_PASSED };
    const struct clade_verify_ops options = { .report = keep, .arg = &v };
    int judged = 0;

    for (int i = 0; i < cases->count && v.outcome == CLADE_PASSED; i++) {
        struct clade_verify_summary summary = { 0 };

        if (strncmp(cases->list[i].name, current->match,
                    strlen(current->match)))
            continue;
        runs = 0;
        judged++;
        if (verify_case(&summary, be, &cases->list[i], &options))
            tap_bail("%s", clade_error());
    }
    if (!tap_ok(judged && v.outcome == current->outcome &&
                    strstr(v.message, current->message),
                "%s: %s", current->name, v.message))
        tap_note("%d cases like %s; the last, %s: outcome %d", judged,
                 current->match, v.name, v.outcome);
}

/* Where both are infinitely wrong, the first is the worst. */
static void test_largest_error(clade_backend *be, const struct op_case *c)
{
    static const struct fault fault = { .apply = two_of_two_sizes };
    struct clade_verdict v;
    const struct clade_verify_ops options = { .report = keep, .arg = &v };
    struct clade_verify_summary summary = { 0 };

    current = &fault;
    if (verify_case(&summary, be, c, &options))
        tap_bail("%s", clade_error());
    tap_ok(v.max_error == 8 && !strcmp(v.where, "y[0,0,0,5]"),
           "the largest error is of whatever element: %g, worst %s",
           v.max_error, v.where);
}

static void test_embedded(clade_backend *be)
{
    const struct clade_verify_ops options = { .match = "sgd", .quick = true };
    struct clade_verify_summary summary;
    clade_status st;

    be->device.embedded = true;
    st = clade_verify_ops(&summary, be, &options);
    be->device.embedded = false;
    tap_ok(st == CLADE_EUNSUPPORTED && strstr(clade_error(), "embedded"),
           "the embedded profile is not judged: %s", clade_error());
}

/* On a device that reads 0 for a subnormal. */
static clade_status run_flushing(clade_backend *be, clade_task *task)
{
    const struct clade_op *op = &task->op;
    const struct clade_tensor *x = &op->t[CLADE_X];
    const size_t size = x->buffer ? x->buffer->bytes : 0;
    void *host = size ? ((struct cpu_buffer *)x->buffer)->host : NULL;
    void *before = malloc(size + 1);
    clade_status st;

    if (!before)
        tap_bail("no memory");
    if (size)
        memcpy(before, host, size);
    for (int64_t i = 0; size && i < clade_tensor_elements(x); i++)
        if (fabsf(*element(x, i)) < 0x1p-126f)
            *element(x, i) = 0;
    st = backend_cpu.run(be, task);
    if (size)
        memcpy(host, before, size);
    free(before);
    return st;
}

/* It passes if it says so, and else it doesn't. */
static void test_flushing(clade_backend *be, const struct op_cases *cases,
                          enum clade_op_kind kind)
{
    const struct clade_verify_ops options = { .quick = true };
    struct clade_verify_summary with = { 0 }, without = { 0 };

    faulty.run = run_flushing;
    for (int i = 0; i < cases->count; i++) {
        const struct op_case *c = &cases->list[i];

        if (c->kind != kind || c->data != DATA_DENORMAL)
            continue;
        be->device.denormals = false;
        if (verify_case(&without, be, c, &options))
            tap_bail("%s", clade_error());
        be->device.denormals = true;
        if (verify_case(&with, be, c, &options))
            tap_bail("%s", clade_error());
    }
    tap_ok(without.passed && !without.failed && with.failed,
           "%s on a device that flushes: %d of %d fail; if it doesn't say so, "
           "%d",
           clade_op_name(kind), without.failed, without.passed, with.failed);
    faulty.run = run;
}

/* Programs of a backend that queues others while it is watched: after a read
 * of its tensors.  All they compute is 0: what they are is the question. */
static bool was_read;

static clade_status read_watched(clade_backend *be, void *to,
                                 struct clade_buffer *from, size_t at,
                                 size_t bytes)
{
    was_read = true;
    return backend_cpu.read(be, to, from, at, bytes);
}

static void clear(const struct clade_tensor *t)
{
    const int64_t pixels = clade_tensor_pixels(t);
    const size_t size = clade_type_size(t->type);
    char *host = ((struct cpu_buffer *)t->buffer)->host;

    for (int64_t i = 0; i < pixels; i++)
        memset(host + clade_tensor_element(t, i * t->c) * size, 0, t->c * size);
}

static clade_status launch(clade_backend *be, clade_task *task)
{
    const struct clade_op *op = &task->op;

    for (int role = 0; role < CLADE_ROLES; role++)
        if (clade_op_outputs(op->kind) & 1u << role)
            clear(&op->t[role]);
    if (be->debug)
        be->debug->launched = be->debug->launched * 31 + op->kind + was_read;
    was_read = false;
    return CLADE_OK;
}

static void keep_programs(void *arg, const struct clade_verdict *v)
{
    if (!strncmp(v->name, "programs", 8))
        keep(arg, v);
}

static void test_programs(clade_backend *be)
{
    struct clade_verdict v = { .judged = 0 };
    const struct clade_verify_step options = {
        .batch = 1, .seed = 1, .report = keep_programs, .arg = &v
    };
    struct clade_verify_summary summary;

    faulty.read = read_watched;
    faulty.run = launch;
    if (clade_verify_step(&summary, be, &options) && !v.judged)
        tap_note("%s", clade_error());
    tap_ok(v.outcome == CLADE_FAILED, "other programs while watched: %s",
           v.message);
}

/* The one file of a dump of case `c`, whose input x must be the case's. */
static bool dumped(const char *folder, const struct op_case *c)
{
    const char *name =
        "conv_fwd_2x14x14x16_3x3_1+1.1.1.1_14x14x32_bias_relu_exact-"
        "reference.safetensors";
    char path[256];
    struct safetensors *file;
    struct verify_host *host;
    const struct safetensor *x;
    float *values;
    bool same = false;

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (verify_host_new(&host, c) || safetensors_open(&file, path)) {
        tap_note("%s", clade_error());
        return false;
    }
    x = safetensors_find(file, "x");
    if (x && (values = malloc(safetensor_elements(x) * sizeof(*values)))) {
        same = !safetensors_read(file, values, x);
        for (int64_t i = 0; i < safetensor_elements(x) && same; i++)
            same = values[i] == *element(&host->op.t[CLADE_X], i);
        free(values);
    }
    same &= safetensors_find(file, "w") && safetensors_find(file, "b") &&
            !safetensors_find(file, "y");
    safetensors_close(file);
    verify_host_free(host);
    return same;
}

/* A failure is looked into, and its inputs are left in a folder. */
static void test_look_into(clade_backend *be, const struct op_case *c)
{
    static const struct fault lost = { .apply = one_lost };
    char *folder = folder_new("dump-test");
    struct clade_verify_summary summary = { 0 };
    struct clade_verdict v = { 0 };
    const struct clade_verify_ops options = {
        .triage = true, .dump = folder, .report = keep, .arg = &v
    };

    current = &lost;
    tap_ok(!verify_case(&summary, be, c, &options) && summary.failed == 1 &&
               strstr(v.triage, "suspect: not decided"),
           "a failure on one device alone names no driver: %s", v.triage);
    tap_ok(dumped(folder, c), "its inputs are in the dump");
    folder_remove(folder);
}

/* Two algorithms, the second of which loses one element past the oracle's
 * samples; which it does not see, but for the first. */
static enum { FIRST, SECOND } chosen;

static int two_algorithms(clade_backend *be, const struct clade_op *op,
                          struct backend_candidate list[], int max)
{
    if (!op_is_product(op->kind)) /* the work between runs */
        return backend_cpu.candidates(be, op, list, max);
    for (int i = 0; i < 2 && i < max; i++)
        list[i] =
            (struct backend_candidate){ .choice = { .algorithm =
                                                        i ? "two" : "one" } };
    return 2;
}

static clade_status settle_either(clade_backend *be, struct clade_op *op)
{
    if (op->label)
        chosen = strcmp(op->choice.algorithm, "two") ? FIRST : SECOND;
    return backend_cpu.settle(be, op);
}

static bool is_sampled(const struct op_case *c, int64_t element)
{
    struct verify_oracle oracle;
    struct verify_host *host;
    bool sampled = false;

    if (verify_host_new(&host, c) ||
        verify_oracle_new(&oracle, &host->op, CLADE_Y, 1))
        tap_bail("%s", clade_error());
    for (int64_t i = 0; i < oracle.count; i++)
        sampled |= verify_oracle_element(&oracle, i) == element;
    verify_oracle_free(&oracle);
    verify_host_free(host);
    return sampled;
}

static int64_t unseen; /* an element that is no sample */

static clade_status lose_unseen(clade_backend *be, clade_task *task)
{
    const struct clade_op *op = &task->op;
    clade_status st = backend_cpu.run(be, task);

    if (!st && op->label && chosen == SECOND)
        *element(output(op), unseen) += 0.5f;
    return st;
}

/* So many elements that the oracle takes samples, though sums are short. */
static void test_other_algorithm(clade_backend *be, enum verify_data data)
{
    struct op_case c = { .kind = CLADE_CONV_FWD,
                         .n = 32,
                         .h = 91,
                         .w = 91,
                         .c = 1,
                         .p = 91,
                         .q = 91,
                         .k = 16,
                         .window = clade_window_valid(1, 1, 1),
                         .data = data };
    struct clade_verdict v = { .outcome = CLADE_PASSED };
    const struct clade_verify_ops options = { .report = keep, .arg = &v };
    struct clade_verify_summary summary = { 0 };

    for (unseen = 1000; is_sampled(&c, unseen); unseen++)
        ;
    faulty.candidates = two_algorithms;
    faulty.settle = settle_either;
    faulty.run = lose_unseen;
    if (verify_case(&summary, be, &c, &options))
        tap_bail("%s", clade_error());
    tap_ok(summary.passed == 1 && summary.failed == 1 &&
               strstr(v.message, "too far apart"),
           "%s data, an element that is no sample: %s", verify_data_name(data),
           v.message);
    faulty.candidates = backend_cpu.candidates;
    faulty.settle = backend_cpu.settle;
    faulty.run = run;
}

/* As many of an op that is no product: each is judged, piece by piece. */
static void test_pieces(clade_backend *be)
{
    const struct op_case c = { .kind = CLADE_AVGPOOL_FWD,
                               .n = 32,
                               .h = 91,
                               .w = 91,
                               .c = 16,
                               .p = 91,
                               .q = 91,
                               .k = 16,
                               .window = clade_window_valid(1, 1, 1),
                               .data = DATA_RANDOM };
    struct clade_verdict v = { .outcome = CLADE_PASSED };
    const struct clade_verify_ops options = { .report = keep, .arg = &v };
    struct clade_verify_summary summary = { 0 };

    for (unseen = 3 << 20; is_sampled(&c, unseen); unseen++)
        ;
    chosen = SECOND;
    faulty.run = lose_unseen;
    if (verify_case(&summary, be, &c, &options))
        tap_bail("%s", clade_error());
    tap_ok(summary.failed == 1 && v.judged == v.elements &&
               v.elements == INT64_C(32) * 91 * 91 * 16 &&
               strstr(v.message, "1 of 4239872"),
           "of an op with one algorithm, an element that is no sample: %s",
           v.message);
    faulty.run = run;
}

/* Forward products have two algorithms, others the second one's alone. */
static int one_or_two(clade_backend *be, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    if (op->kind == CLADE_CONV_FWD)
        return two_algorithms(be, op, list, max);
    list[0] = (struct backend_candidate){
        .choice = { .algorithm = op_is_product(op->kind) ? "two" : "reference" }
    };
    return 1;
}

static void test_algorithm_asked_for(clade_backend *be)
{
    static const char *const names[] = { "one", "two", NULL };
    static const struct {
        const char *algorithm, *match;
        clade_status st;
        int passed;
        const char *message, *what;
    } asked[] = {
        { "three", "sgd", CLADE_EUSAGE, 0, "there is `one`, `two`",
          "an algorithm that there isn't" },
        { "one", "conv_fwd:1x1x1x64:1x1/1:1x1x10:bias:exact", CLADE_OK, 1, "",
          "one of two" },
        { "one", "conv_bwd_data:1x1x1x64:1x1/1:1x1x10:exact", CLADE_EMISTRUSTED,
          0, "has the algorithm one", "one that the case hasn't" },
        { "one", "bias_bwd:1x1x1x528:1x1/1:1x1x528:exact", CLADE_OK, 1, "",
          "an op that is no product" },
    };

    faulty.algorithms = names;
    faulty.candidates = one_or_two;
    faulty.settle = settle_either;
    faulty.run = backend_cpu.run;
    for (size_t i = 0; i < sizeof(asked) / sizeof(*asked); i++) {
        const struct clade_verify_ops options = { .algorithm =
                                                      asked[i].algorithm,
                                                  .match = asked[i].match,
                                                  .quick = true };
        struct clade_verify_summary summary;
        const clade_status st = clade_verify_ops(&summary, be, &options);

        tap_ok(st == asked[i].st && summary.passed == asked[i].passed &&
                   !summary.failed &&
                   (!st || strstr(clade_error(), asked[i].message)),
               "%s: %d passed: %s", asked[i].what, summary.passed,
               st ? clade_error() : "");
    }
    faulty.algorithms = backend_cpu.algorithms;
    faulty.candidates = backend_cpu.candidates;
    faulty.settle = backend_cpu.settle;
    faulty.run = run;
}

int main(void)
{
    const int n = sizeof(faults) / sizeof(*faults);
    struct op_cases cases;
    clade_backend *be;

    if (verify_cases_quick(&cases) || clade_backend_open(&be, "cpu"))
        tap_bail("%s", clade_error());
    faulty = backend_cpu;
    faulty.run = run;
    faulty.prepare = prepare;
    faulty.release = release;
    be->table = &faulty;
    tap_plan(n + 15);
    for (current = faults; current < faults + n; current++)
        test_fault(be, &cases);
    test_largest_error(be, &cases.list[0]);
    test_embedded(be);
    test_other_algorithm(be, DATA_EXACT);
    test_other_algorithm(be, DATA_RANDOM);
    test_pieces(be);
    test_algorithm_asked_for(be);
    test_flushing(be, &cases, CLADE_MAXPOOL_FWD);
    test_flushing(be, &cases, CLADE_LOSS_FWD);
    test_flushing(be, &cases, CLADE_DROPOUT_FWD);
    test_look_into(be, &cases.list[0]);
    test_programs(be);
    be->table = &backend_cpu;
    clade_backend_close(be);
    free(cases.list);
    return tap_done();
}
