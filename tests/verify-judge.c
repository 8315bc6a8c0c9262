/* SPDX-License-Identifier: Apache-2.0 */
/* The judge must be able to fail.  The reference is made to go wrong in one way
 * at a time, and must be caught, for the right reason. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faulty.h"
#include "status.h"
#include "tap.h"

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

/* Round as a device that stores half precision: to 11 bits. */
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
    if (faulty_runs == 2)
        *element(output(op), 9) = nextafterf(*element(output(op), 9), 9);
}

/* Compute as a binary built with other options, or by an older driver,
 * might. */
static void stale(const struct clade_op *op)
{
    if (faulty_build == BUILD_CACHED)
        *element(output(op), 9) *= 1 + 0x1p-23f;
}

/* Multiply the padding's zeros: an Inf of the filter gives NaN.  That is
 * allowed at the edge, in channel 0, but not one pixel further in. */
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

/* The same in a 3x3 filter's gradient, in its middle, which alone meets no
 * padding. */
static void nan_in_middle(const struct clade_op *op)
{
    nan_at(op, (3 + 1) * op->t[CLADE_DW].w);
}

/* Set another value in the first element whose mask is 0, or (NULL) which is 0
 * itself. */
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

/* Count a hit for the last NaN among the logits. */
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

/* Put 0 in place of each NaN in the output. */
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
    const char *message; /* part of the message */
} faults[] = {
    { "none", right, "conv_fwd:2x7x7x24:5x5", CLADE_PASSED, "" },
    { "one element off by one unit", one_unit,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:exact",
      CLADE_FAILED, "1 of " },
    { "one element not written", one_lost,
      "avgpool_fwd:2x7x7x48:7x7/1:1x1x48:random", CLADE_FAILED, "1 of " },
    { "one product lost, the only one of a sum", one_zero,
      "conv_fwd:2x7x7x48:1x1/1:7x7x32:bias:relu:position-b", CLADE_FAILED,
      "1 of " },
    { "nothing but zeros", zeros,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:exact", CLADE_MISTRUSTED,
      "all is 0" },
    { "nothing but zeros, with data that round", zeros,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:random", CLADE_FAILED,
      "are wrong" },
    { "the last element doubled", last_doubled,
      "bias_bwd:2x14x14x48:1x1/1:14x14x48:random", CLADE_FAILED, "1 of " },
    { "outputs rounded to half precision", rounded,
      "conv_bwd_data:2x7x7x48:1x1/1:7x7x32:relu:random", CLADE_FAILED,
      "are wrong" },
    { "a softmax with 11 bits", rounded, "softmax_fwd:2x1x1x10", CLADE_FAILED,
      "are wrong" },
    { "an update with 11 bits", rounded, "sgd:1x1x1x1:1x1/1:1x1x10000:random",
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
    { "a cached binary that computes something else", stale,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:random", CLADE_FAILED,
      "from its cached binary" },
    { "NaN of a filter that met padding", nan_at_corner,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:relu:special-b",
      CLADE_PASSED, "" },
    { "NaN of a filter that did not", nan_inside,
      "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:relu:special-b",
      CLADE_FAILED, "1 of " },
    { "NaN of a gradient that met padding", nan_at_corner,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:special-b",
      CLADE_PASSED, "" },
    { "NaN of a gradient that did not", nan_in_middle,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:special-b",
      CLADE_FAILED, "1 of " },
    { "NaN of a gradient whose padding met numbers", nan_at_corner,
      "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:special",
      CLADE_FAILED, "1 of " },
    { "NaN of a gradient without padding", nan_at_corner,
      "conv_bwd_filter:2x7x7x48:1x1/1:7x7x32:bias:special-b", CLADE_FAILED,
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

static void test_fault(clade_backend *be, const struct op_cases *cases,
                       const struct fault *fault)
{
    struct clade_verdict v = { .outcome = CLADE_PASSED };
    const struct clade_verify_ops options = { .report = keep_verdict,
                                              .arg = &v };
    int judged = 0;

    faulty_apply = fault->apply;
    for (int i = 0; i < cases->count && v.outcome == CLADE_PASSED; i++) {
        struct clade_verify_summary summary = { 0 };

        if (strncmp(cases->list[i].name, fault->match, strlen(fault->match)))
            continue;
        faulty_runs = 0;
        judged++;
        if (verify_case(&summary, be, &cases->list[i], &options))
            tap_bail("%s", clade_error());
    }
    if (!tap_ok(judged && v.outcome == fault->outcome &&
                    strstr(v.message, fault->message),
                "%s: %s", fault->name, v.message))
        tap_note("%d cases like %s; the last, %s: outcome %d", judged,
                 fault->match, v.name, v.outcome);
}

/* If two elements are infinitely wrong, the first is the worst. */
static void test_largest_error(clade_backend *be, const struct op_case *c)
{
    struct clade_verdict v;
    const struct clade_verify_ops options = { .report = keep_verdict,
                                              .arg = &v };
    struct clade_verify_summary summary = { 0 };

    faulty_apply = two_of_two_sizes;
    if (verify_case(&summary, be, c, &options))
        tap_bail("%s", clade_error());
    tap_ok(v.max_error == 8 && !strcmp(v.where, "y[0,0,0,5]"),
           "the largest error is of whatever element: %g, worst %s",
           v.max_error, v.where);
}

/* Scratch of more bytes than an int counts, which the device does not have. */
#define SCRATCH ((size_t)3 << 30)

static clade_status settle_large(clade_backend *be, struct clade_op *op)
{
    const clade_status st = backend_cpu.settle(be, op);

    op->workspace = op->label ? SCRATCH : 0; /* of the op under test */
    return st;
}

static clade_status alloc_small(clade_backend *be, struct clade_buffer **buffer,
                                size_t bytes, enum clade_memory where)
{
    return bytes > SCRATCH / 2
               ? clade_fail(CLADE_ENOMEM, "%zu bytes are too many", bytes)
               : backend_cpu.alloc(be, buffer, bytes, where);
}

static void test_large_scratch(clade_backend *be, const struct op_case *c)
{
    struct clade_verdict v;
    const struct clade_verify_ops options = { .report = keep_verdict,
                                              .arg = &v };
    struct clade_verify_summary summary = { 0 };

    faulty.settle = settle_large;
    faulty.alloc = alloc_small;
    if (verify_case(&summary, be, c, &options))
        tap_bail("%s", clade_error());
    faulty_reset();
    tap_ok(strstr(v.message, "3221225728 bytes") != NULL,
           "3 GiB of scratch with a guard behind it: %s", v.message);
}

/* Nothing but zeros puts the judgement of exact data in doubt.  With random data
 * it is a failure, and that is what counts in the end. */
static void test_failed_and_mistrusted(clade_backend *be)
{
    const struct clade_verify_ops options = { .match = "conv_fwd:1x1x1x64:",
                                              .quick = true };
    struct clade_verify_summary s;
    clade_status st;

    faulty_apply = zeros;
    st = clade_verify_ops(&s, be, &options);
    tap_ok(st == CLADE_EBOUND && s.failed && s.mistrusted,
           "a failure outranks a doubt: %d failed, %d mistrusted: %s",
           s.failed, s.mistrusted, st ? clade_error() : "");
    faulty_reset();
}

int main(void)
{
    const int n = sizeof(faults) / sizeof(*faults);
    clade_backend *be = faulty_open();
    struct op_cases cases;

    if (verify_cases_quick(&cases))
        tap_bail("%s", clade_error());
    tap_plan(n + 3);
    for (int i = 0; i < n; i++)
        test_fault(be, &cases, &faults[i]);
    test_largest_error(be, &cases.list[0]);
    test_large_scratch(be, &cases.list[0]);
    test_failed_and_mistrusted(be);
    free(cases.list);
    faulty_close(be);
    return tap_done();
}
