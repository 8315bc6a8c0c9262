/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites do around a verdict: devices that flush or are not judged,
 * several algorithms, failures that are looked into. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faulty.h"
#include "folder.h"
#include "op/op.h"
#include "safetensors.h"
#include "tap.h"

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

/* A device that flushes passes if it says so, and fails if it does not. */
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
    faulty_reset();
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

static void lose_one(const struct clade_op *op)
{
    *element(output(op), 5) = NAN;
}

/* A failure is looked into, and its inputs are left in a folder. */
static void test_look_into(clade_backend *be, const struct op_case *c)
{
    char *folder = folder_new("dump-test");
    struct clade_verify_summary summary = { 0 };
    struct clade_verdict v = { 0 };
    const struct clade_verify_ops options = {
        .triage = true, .dump = folder, .report = keep_verdict, .arg = &v
    };

    faulty_apply = lose_one;
    tap_ok(!verify_case(&summary, be, c, &options) && summary.failed == 1 &&
               strstr(v.triage, "suspect: not decided"),
           "a failure on one device alone names no driver: %s", v.triage);
    tap_ok(dumped(folder, c), "its inputs are in the dump");
    folder_remove(folder);
}

/* Two algorithms.  The second loses one element that the oracle does not
 * sample: only a comparison with the first one shows it. */
static enum { FIRST, SECOND } chosen;

static int two_algorithms(clade_backend *be, const struct clade_op *op,
                          struct backend_candidate list[], int max)
{
    if (!op_is_product(op->kind)) /* the work between runs */
        return backend_cpu.candidates(be, op, list, max);
    for (int i = 0; i < 2 && i < max; i++)
        list[i] = (struct backend_candidate){
            .choice = { .algorithm = i ? "two" : "one", .tune = { i ? 7 : 0 } }
        };
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

static int64_t unseen; /* an element that is not sampled */

static clade_status lose_unseen(clade_backend *be, clade_task *task)
{
    const struct clade_op *op = &task->op;
    clade_status st = backend_cpu.run(be, task);

    if (!st && op->label && chosen == SECOND)
        *element(output(op), unseen) += 0.5f;
    return st;
}

/* Use so many elements that the oracle takes samples, though sums are short. */
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
    const struct clade_verify_ops options = { .report = keep_verdict,
                                              .arg = &v };
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
    faulty_reset();
}

/* As many elements, of an op that is no product: each is judged, piece by
 * piece. */
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
    const struct clade_verify_ops options = { .report = keep_verdict,
                                              .arg = &v };
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
    faulty_reset();
}

/* Forward products have two algorithms, other products only the second. */
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
        { "two:7", "conv_fwd:1x1x1x64:1x1/1:1x1x10:bias:exact", CLADE_OK, 1, "",
          "an algorithm with its parameters" },
        { "two:8", "conv_fwd:1x1x1x64:1x1/1:1x1x10:bias:exact",
          CLADE_EMISTRUSTED, 0, "has the algorithm two:8",
          "parameters that the case hasn't" },
        { "four:7", "sgd", CLADE_EUSAGE, 0, "no algorithm `four`",
          "parameters of an algorithm that there isn't" },
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
    faulty_reset();
}

int main(void)
{
    clade_backend *be = faulty_open();
    struct op_cases cases;

    if (verify_cases_quick(&cases))
        tap_bail("%s", clade_error());
    tap_plan(16);
    test_embedded(be);
    test_other_algorithm(be, DATA_EXACT);
    test_other_algorithm(be, DATA_RANDOM);
    test_pieces(be);
    test_algorithm_asked_for(be);
    test_flushing(be, &cases, CLADE_MAXPOOL_FWD);
    test_flushing(be, &cases, CLADE_LOSS_FWD);
    test_flushing(be, &cases, CLADE_DROPOUT_FWD);
    test_look_into(be, &cases.list[0]);
    free(cases.list);
    faulty_close(be);
    return tap_done();
}
