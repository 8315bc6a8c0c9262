/* SPDX-License-Identifier: Apache-2.0 */
/* What verdicts rely on: data and a host that can be trusted, samples where
 * faults are likely, and the right results for a sum that may overflow. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SSE__
#include <xmmintrin.h>
#endif

#include "tap.h"
#include "verify/verify.h"

#define U 0x1p-24

/* Data that are not what they claim to be, and judging nothing, are
 * mistrusted. */
static void test_mistrust(const struct op_case *c)
{
    struct verify_oracle oracle, none = { .role = CLADE_Y };
    struct verify_judge judge = { .gate = GATE_BITS, .unit = 1e-30 };
    struct clade_verdict v;
    struct verify_host *host;

    if (verify_host_new(&host, c) ||
        verify_oracle_new(&oracle, &host->op, CLADE_Y, 1e9))
        tap_bail("%s", clade_error());
    judge.op = &host->op;
    verify_begin(&v, &host->op);
    verify_output(&v, &judge, &oracle, host->area[CLADE_Y].before);
    tap_ok(v.outcome == CLADE_MISTRUSTED, "sums past 2^24: %s", v.message);
    verify_begin(&v, &host->op);
    verify_output(&v, &judge, &none, host->area[CLADE_Y].before);
    tap_ok(v.outcome == CLADE_MISTRUSTED, "no elements: %s", v.message);
    verify_oracle_free(&oracle);
    verify_host_free(host);
}

/* Corners of all tiles of 7 x 7 pixels are among the samples. */
static void test_tiles(void)
{
    const struct op_case c = { .kind = CLADE_CONV_FWD,
                               .n = 32,
                               .h = 56,
                               .w = 56,
                               .c = 1,
                               .p = 56,
                               .q = 56,
                               .k = 64,
                               .window = clade_window_valid(1, 1, 1) };
    bool seen[56][56] = { { false } };
    struct verify_oracle oracle;
    struct verify_host *host;
    int missing = 0;

    if (verify_host_new(&host, &c) ||
        verify_oracle_new(&oracle, &host->op, CLADE_Y, 1))
        tap_bail("%s", clade_error());
    for (int64_t i = 0; i < oracle.count; i++) {
        const int64_t pixel = verify_oracle_element(&oracle, i) / c.k;

        seen[pixel / 56 % 56][pixel % 56] = true;
    }
    for (int h = 0; h < 56; h += 7)
        for (int w = 0; w < 56; w += 7)
            missing += !seen[h][w] + !seen[h][w + 6] + !seen[h + 6][w] +
                       !seen[h + 6][w + 6];
    tap_ok(!missing && oracle.index, "%d corners of tiles are no samples",
           missing);
    verify_oracle_free(&oracle);
    verify_host_free(host);
}

/* Every way to have a device judged.  Each must refuse on a CPU that
 * flushes. */
static clade_status judge_ops(clade_backend *be)
{
    const struct clade_verify_ops options = { .match = "none" };
    struct clade_verify_summary summary;

    return clade_verify_ops(&summary, be, &options);
}

static clade_status judge_op(clade_backend *be)
{
    const struct clade_verify_ops options = { .algorithm = NULL };
    struct clade_verify_summary summary;

    return clade_verify_op(&summary, be, "none", &options);
}

static clade_status judge_step(clade_backend *be)
{
    const struct clade_verify_step options = { .batch = 1, .seed = 1 };
    struct clade_verify_summary summary;

    return clade_verify_step(&summary, be, &options);
}

static clade_status judge_record(clade_backend *be)
{
    const struct clade_against options = { .file = "none" };

    return clade_verify_against(be, &options);
}

static const struct clade_verify_train training = {
    .reference = "cpu", .batch = 1, .steps = 1, .seed = 1
};

static clade_status judge_training(clade_backend *be)
{
    return clade_verify_train(be, &training);
}

static clade_status make_envelope(clade_backend *be)
{
    return clade_envelope_make(be, "none/envelope", 3, &training);
}

static const struct {
    const char *name;
    clade_status (*judge)(clade_backend *be);
} judged[] = {
    { "ops", judge_ops },
    { "a dumped op", judge_op },
    { "a step", judge_step },
    { "a record", judge_record },
    { "a training", judge_training },
    { "an envelope", make_envelope },
};
enum { JUDGED = sizeof(judged) / sizeof(*judged) };

/* Tell the CPU to flush results, then to flush operands. */
static void test_flushing(clade_backend *be, int k)
{
#ifdef __SSE__
    static const unsigned modes[] = { 0x8000, 0x0040 };
    const unsigned before = _mm_getcsr();
    bool caught = true;

    for (int i = 0; i < 2; i++) {
        clade_status st;

        _mm_setcsr(before | modes[i]);
        st = judged[k].judge(be);
        _mm_setcsr(before);
        caught &= st == CLADE_EMISTRUSTED && strstr(clade_error(), "subnormal");
    }
    tap_ok(caught, "%s, on a CPU that flushes: %s", judged[k].name,
           clade_error());
#else
    (void)be;
    tap_skip("%s, on a CPU that flushes: only x86 is told so here",
             judged[k].name);
#endif
}

/* An element of a sum near 2e38 whose bracket is `s`. */
static enum clade_outcome judge_sum(unsigned flags, double s, float got)
{
    const struct clade_op op = {
        .kind = CLADE_CONV_FWD,
        .flags = flags,
        .depth = 9,
        .t[CLADE_Y] = { .n = 1, .h = 1, .w = 1, .c = 1, .ld = 1 }
    };
    struct cpu_exact exact = { .y = 2e38, .s = s, .n = 9 };
    const struct verify_oracle oracle = { .count = 1, .exact = &exact };
    const struct verify_judge judge = { .op = &op, .gate = GATE_BOUND };
    struct clade_verdict v;

    verify_begin(&v, &op);
    verify_output(&v, &judge, &oracle, &got);
    return v.outcome;
}

static void test_overflow(void)
{
    static const struct {
        unsigned flags;
        double s;
        float got;
        bool passes;
        const char *what;
    } sums[] = {
        { 0, 4e38, INFINITY, true, "Inf of a sum that may overflow" },
        { 0, 4e38, -INFINITY, true, "-Inf of one" },
        { 0, 4e38, NAN, true, "NaN of one" },
        { 0, 4e38, 0, false, "0 of one without a ReLU" },
        { CLADE_RELU, 4e38, 0, true, "0 of one with a ReLU" },
        { CLADE_RELU, 4e38, NAN, true, "NaN behind a ReLU" },
        { CLADE_RELU, 4e38, -INFINITY, false, "-Inf behind a ReLU" },
        { CLADE_RELU, 4e38, 1e38f, false, "half the sum behind a ReLU" },
        { CLADE_RELU, 3e38, 0, false, "0 of a sum that can't overflow" },
        { CLADE_RELU, 3e38, INFINITY, false, "Inf of one" },
    };

    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++)
        tap_ok((judge_sum(sums[i].flags, sums[i].s, sums[i].got) ==
                CLADE_PASSED) == sums[i].passes,
               "%s %s", sums[i].what, sums[i].passes ? "passes" : "fails");
}

/* Judge 128 elements of random data.  Every other one is 0 by a ReLU or its
 * mask; the rest are off by `error` brackets. */
static struct clade_verdict judge_halves(enum clade_op_kind kind,
                                         enum clade_role role, double error)
{
    struct clade_tensor t = {
        .n = 1, .h = 1, .w = 1, .c = 128, .ld = 128, .type = CLADE_F32
    };
    struct cpu_exact exact[128];
    float got[128], mask[128];
    struct cpu_buffer wrap = cpu_wrap(mask, sizeof(mask));
    struct clade_op op = { .kind = kind, .flags = CLADE_RELU, .depth = 100 };
    const struct verify_oracle oracle = { .role = role,
                                          .count = 128,
                                          .exact = exact };
    const struct verify_judge judge = { .op = &op, .gate = GATE_RANDOM };
    struct clade_verdict v;

    t.buffer = &wrap.base;
    op.t[CLADE_X] = op.t[role] = t;
    for (int i = 0; i < 128; i++) {
        mask[i] = i % 2 ? 1 : -1;
        exact[i] = (struct cpu_exact){ .y = i % 2 * 0.25, .s = 1, .n = 99 };
        got[i] = i % 2 ? (float)(0.25 + error) : 0;
    }
    verify_begin(&v, &op);
    verify_output(&v, &judge, &oracle, got);
    return v;
}

/* An RMS counts only what is rounded: zeros that a ReLU made don't make it
 * smaller. */
static void test_rms(void)
{
    static const struct {
        enum clade_op_kind kind;
        enum clade_role role;
    } outputs[] = { { CLADE_CONV_FWD, CLADE_Y },
                    { CLADE_CONV_BWD_DATA, CLADE_DX } };

    for (int i = 0; i < 2; i++) {
        const enum clade_op_kind kind = outputs[i].kind;
        struct clade_verdict within, past;

        within = judge_halves(kind, outputs[i].role, 2 * U);
        past = judge_halves(kind, outputs[i].role, 2.5 * U);
        tap_ok(within.outcome == CLADE_PASSED && within.rms == 2 &&
                   past.outcome == CLADE_FAILED && past.rms == 2.5,
               "%s: an RMS of %g u, and of %g u: %s", clade_op_name(kind),
               within.rms, past.rms, past.message);
    }
}

int main(void)
{
    struct op_cases cases;
    clade_backend *be;

    if (verify_cases_quick(&cases) || clade_backend_open(&be, "cpu"))
        tap_bail("%s", clade_error());
    tap_plan(2 + 10 + 2 + 1 + JUDGED);
    test_mistrust(&cases.list[0]);
    test_overflow();
    test_rms();
    test_tiles();
    for (int k = 0; k < JUDGED; k++)
        test_flushing(be, k);
    clade_backend_close(be);
    free(cases.list);
    return tap_done();
}
