/* SPDX-License-Identifier: Apache-2.0 */
/* How products that go through transforms are judged: a right algorithm in
 * float32 passes every gate, and each fault is caught by the gate that is there
 * for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "soft.h"
#include "status.h"
#include "tap.h"
#include "verify/winograd.h"

static void leave(const struct clade_op *op)
{
    (void)op;
}

/* ---- brackets ------------------------------------------------------------ */

/* A case's op as `winograd` computes it, over its values. */
static struct verify_host *settled_host(clade_backend *be,
                                        const struct op_case *c)
{
    struct backend_debug debug = { .integers = c->data == DATA_NINES };
    struct verify_host *host;

    if (verify_host_new(&host, c))
        tap_bail("%s", clade_error());
    be->debug = &debug;
    if (clade_backend_choose(be, &host->op, "winograd"))
        tap_bail("%s", clade_error());
    be->debug = NULL;
    return host;
}

static enum clade_role output_of(const struct clade_op *op)
{
    return (enum clade_role)(output(op) - op->t);
}

static double addend_of(const struct clade_op *op, int64_t at)
{
    if (op->flags & CLADE_BIAS)
        return *element(&op->t[CLADE_B], at % output(op)->c);
    return op->flags & CLADE_ACCUMULATE ? *element(output(op), at) : 0;
}

/* Every bracket is that of the formula, and no less than the direct sum's. */
static void test_brackets(clade_backend *be, const struct op_case *c)
{
    struct verify_host *host = settled_host(be, c);
    const enum clade_role role = output_of(&host->op);
    struct verify_bracket *b;
    struct verify_oracle all;
    double worst = 0, least = INFINITY;

    if (verify_oracle_new(&all, &host->op, role, 1e9) ||
        verify_brackets_new(&b, &host->op, &all, true))
        tap_bail("%s", clade_error());
    for (int64_t i = 0; i < all.count; i += 7) {
        const double s = fabs(addend_of(&host->op, i)) +
                         soft_element(&host->op, role, i, true);

        worst = fmax(worst, fabs(b[i].s / s - 1));
    }
    for (int64_t i = 0; i < all.count; i++)
        least = fmin(least, b[i].s / all.exact[i].s);
    tap_ok(!all.index && worst < 1e-12 && least >= 1 - 1e-12,
           "%s: brackets are off by %.1g; the least is %.3g of a direct sum's",
           c->name, worst, least);
    free(b);
    verify_oracle_free(&all);
    verify_host_free(host);
}

/* The formula itself, with signs, gives what the oracle gives. */
static void test_formula(clade_backend *be, const struct op_case *c)
{
    struct verify_host *host = settled_host(be, c);
    const enum clade_role role = output_of(&host->op);
    struct verify_oracle all;
    double worst = 0;

    host->op.flags = 0;
    if (verify_oracle_new(&all, &host->op, role, 1e9))
        tap_bail("%s", clade_error());
    for (int64_t i = 0; i < all.count; i += 7)
        worst = fmax(worst, fabs(soft_element(&host->op, role, i, false) -
                                 all.exact[i].y) /
                                all.exact[i].s);
    tap_ok(worst < 1e-12, "%s: the formula is off by %.1g", c->name, worst);
    verify_oracle_free(&all);
    verify_host_free(host);
}

/* Brackets of samples are those of all elements. */
static void test_samples(clade_backend *be, const struct op_case *c)
{
    struct verify_host *host = settled_host(be, c);
    const enum clade_role role = output_of(&host->op);
    struct verify_bracket *b, *some;
    struct verify_oracle all, samples;
    int64_t wrong = 0;

    if (verify_oracle_new(&all, &host->op, role, 1e9) ||
        verify_oracle_new(&samples, &host->op, role, 1) ||
        verify_brackets_new(&b, &host->op, &all, false) ||
        verify_brackets_new(&some, &host->op, &samples, false))
        tap_bail("%s", clade_error());
    for (int64_t i = 0; i < samples.count; i++)
        wrong += memcmp(&some[i], &b[verify_oracle_element(&samples, i)],
                        sizeof(*b)) != 0;
    tap_ok(samples.index && !wrong,
           "%s: %lld of %lld brackets of samples differ", c->name,
           (long long)wrong, (long long)samples.count);
    free(b);
    free(some);
    verify_oracle_free(&all);
    verify_oracle_free(&samples);
    verify_host_free(host);
}

/* ---- cases --------------------------------------------------------------- */

static bool is_transformed(const struct op_case *c)
{
    return verify_kind(c->kind)->transform.relative > 0 &&
           verify_data_fits(DATA_NINES, c);
}

/* What a case's verdicts are, by algorithm. */
struct verdicts {
    int of_winograd, of_reference, unsuited;
    struct clade_verdict last; /* of `winograd` */
    enum clade_outcome worst;
};

static void count(void *arg, const struct clade_verdict *v)
{
    struct verdicts *all = arg;
    const bool winograd = !strcmp(v->algorithm, "winograd");

    all->of_winograd += winograd;
    all->of_reference += !winograd;
    all->unsuited +=
        winograd && !strcmp(v->gate, "bits") && strcmp(v->data, "nines");
    if (winograd)
        all->last = *v;
    if (v->outcome > all->worst)
        all->worst = v->outcome;
    if (v->outcome)
        tap_note("%s by %s: %s; score %.3g, %.3g u", v->name, v->algorithm,
                 v->message, v->score, v->rms);
}

/* Judge a case by an algorithm, or by all of them (NULL). */
static struct verdicts judge(clade_backend *be, const struct op_case *c,
                             const char *algorithm)
{
    struct verdicts all = { .worst = CLADE_PASSED };
    const struct clade_verify_ops options = { .algorithm = algorithm,
                                              .report = count,
                                              .arg = &all };
    struct clade_verify_summary summary = { 0 };

    if (verify_case(&summary, be, c, &options))
        tap_bail("%s", clade_error());
    return all;
}

/* The algorithm passes with all data that can judge it, and only these are
 * tried. */
static void test_right(clade_backend *be, const struct op_cases *cases)
{
    int judged[DATA_KINDS] = { 0 }, wrong = 0, lost = 0;
    double rms = 0, score = 0;

    soft_fault = SOFT_RIGHT;
    for (int i = 0; i < cases->count; i++) {
        const struct op_case *c = &cases->list[i];
        struct verdicts v;

        if (!is_transformed(c))
            continue;
        v = judge(be, c, NULL);
        wrong += v.worst != CLADE_PASSED || v.unsuited;
        lost += v.of_reference != 1 ||
                v.of_winograd != (verify_data_gate(c->data) != GATE_BITS ||
                                  c->data == DATA_NINES);
        judged[c->data] += v.of_winograd;
        score = fmax(score, v.last.score);
        if (c->data == DATA_RANDOM)
            rms = fmax(rms, v.last.rms);
    }
    tap_ok(!wrong && !lost,
           "a right algorithm: %d cases fail, %d are lost; at most %.3g of a "
           "bound, an RMS of %.3g u",
           wrong, lost, score, rms);
    tap_ok(judged[DATA_NINES] >= 3 && judged[DATA_RANDOM] >= 3 &&
               judged[DATA_SPECIAL] && judged[DATA_HUGE] && judged[DATA_TINY] &&
               !judged[DATA_EXACT] && !judged[DATA_WIDE_A] &&
               !judged[DATA_POSITION_B],
           "%d cases with nines, %d with random data, none with exact ones",
           judged[DATA_NINES], judged[DATA_RANDOM]);
}

/* The case of a name, which may be of no list. */
static struct op_case case_named(const char *text)
{
    struct op_case c = { .why = "a fault" };
    const char *why = verify_case_parse(&c, text);

    if (why)
        tap_bail("%s: %s", text, why);
    return c;
}

/* clang-format off */
#define FWD    "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:relu:"
#define EDGE   "conv_fwd:1x7x7x48:3x3/1+1.1.1.1:7x7x16:bias:relu:"
#define DATA   "conv_bwd_data:2x14x14x16:3x3/1+1.1.1.1:14x14x32:accumulate:relu:"
#define FILTER "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:"
#define FIVE   "conv_fwd:1x5x6x32:5x5/1+2.2.2.2:5x6x16:bias:relu:"
#define LARGE  "conv_fwd:1x56x56x128:3x3/1+1.1.1.1:56x56x128:"
#define LONG   "conv_bwd_filter:32x56x56x2:3x3/1+1.1.1.1:56x56x48:"

static const struct fault {
    const char *what;
    enum soft_fault fault;
    const char *name;
    const char *message; /* part of it; NULL: this case passes */
} faults[] = {
    { "a sign in a lane of a transform", SOFT_SIGN, FWD "nines", "are wrong" },
    { "a sign in a lane of a transform", SOFT_SIGN, FWD "random", "are wrong" },
    { "a sign in a lane of a transform", SOFT_SIGN, FILTER "positive",
      "are wrong" },
    { "two points swapped", SOFT_SWAPPED, DATA "nines", "are wrong" },
    { "two points swapped", SOFT_SWAPPED, FIVE "random", "are wrong" },
    { "an overhang written", SOFT_OVERHANG, EDGE "nines", "are wrong" },
    { "an overhang written", SOFT_OVERHANG, EDGE "random", "are wrong" },
    { "one tile of 32 lost", SOFT_TERM_LOST, FILTER "nines", "are wrong" },
    { "one tile of 6,272 lost", SOFT_TERM_LOST, LONG "nines", "are wrong" },
    { "one tile of 6,272 lost", SOFT_TERM_LOST, LONG "random", "RMS" },
    { "nothing lost of 6,272 tiles", SOFT_RIGHT, LONG "nines", NULL },
    { "one frequency through half", SOFT_PLACE_HALF, FWD "random",
      "are wrong" },
    { "one frequency through half", SOFT_PLACE_HALF, DATA "gauss", "RMS" },
    { "one frequency through half", SOFT_PLACE_HALF, FIVE "random", "RMS" },
    { "U through half", SOFT_U_HALF, FWD "random",
      "are wrong" },
    { "U through half", SOFT_U_HALF, LONG "random", "RMS" },
    { "V through half", SOFT_V_HALF, DATA "random",
      "are wrong" },
    { "V through half", SOFT_V_HALF, LONG "random", "RMS" },
    { "one element off by one unit", SOFT_ONE_UNIT, FWD "nines",
      "1 of 12544 " },
    { "one element off by one unit", SOFT_ONE_UNIT, DATA "nines",
      "1 of 6272 " },
    { "one element off by one unit", SOFT_ONE_UNIT, FILTER "nines",
      "1 of 4608 " },
    { "one element off by one unit", SOFT_ONE_UNIT, FIVE "nines", "1 of 480 " },
    { "0 in place of what is no number", SOFT_FINITE, FWD "special",
      "are wrong" },
    { "0 in place of what is no number", SOFT_FINITE, FILTER "special-b",
      "are wrong" },
};
/* clang-format on */

static void test_fault(clade_backend *be, const struct fault *f)
{
    const struct op_case c = case_named(f->name);
    struct verdicts v;
    bool caught;

    soft_fault = f->fault;
    v = judge(be, &c, "winograd");
    soft_fault = SOFT_RIGHT;
    caught = v.last.outcome == CLADE_FAILED && f->message &&
             strstr(v.last.message, f->message);
    tap_ok(v.of_winograd == 1 &&
               (f->message ? caught : v.last.outcome == CLADE_PASSED),
           "%s: %s: %s", f->what, v.last.data, v.last.message);
}

/* Where the oracle takes samples, the rest is held against another
 * algorithm's: `winograd` comes last. */
static void test_compared(clade_backend *be, enum soft_fault fault,
                          const char *name, const char *message)
{
    const struct op_case c = case_named(name);
    struct verdicts v;

    soft_fault = fault;
    v = judge(be, &c, NULL);
    soft_fault = SOFT_RIGHT;
    tap_ok(v.of_reference == 1 && v.of_winograd == 1 &&
               v.last.judged < v.last.elements &&
               (message ? v.last.outcome == CLADE_FAILED &&
                              strstr(v.last.message, message)
                        : v.worst == CLADE_PASSED),
           "beside the reference's: %s: %s", v.last.data, v.last.message);
}

/* Nines are exact for points that are integers.  For others nothing is. */
static void test_fractions(clade_backend *be)
{
    const struct op_case c = case_named(FWD "nines");
    struct verdicts v;

    soft_fault = SOFT_FRACTIONS;
    v = judge(be, &c, "winograd");
    soft_fault = SOFT_RIGHT;
    tap_ok(v.last.outcome == CLADE_MISTRUSTED,
           "points that are no integers: %s", v.last.message);
}

/* ---- one output ---------------------------------------------------------- */

static struct clade_verdict judge_values(const struct verify_host *host,
                                         enum verify_gate gate,
                                         const struct verify_oracle *oracle,
                                         const float *got)
{
    const struct verify_judge how = { .op = &host->op,
                                      .gate = gate,
                                      .denormals = true };
    struct clade_verdict v;

    verify_begin(&v, &host->op);
    if (verify_output(&v, &how, oracle, got))
        tap_bail("%s", clade_error());
    return v;
}

/* Errors of 4e-5 of the RMS of y, where channels cancel: within the brackets,
 * yet too many. */
static void test_relative(clade_backend *be)
{
    const struct op_case c =
        case_named("conv_fwd:1x14x14x2:3x3/1+1.1.1.1:14x14x16:random");
    struct verify_host *host = settled_host(be, &c);
    const struct clade_tensor *x = &host->op.t[CLADE_X];
    const struct clade_tensor *w = &host->op.t[CLADE_W];
    struct verify_oracle all;
    struct clade_verdict past, within;
    float *got;
    double squares = 0;

    for (int64_t i = 1; i < clade_tensor_elements(x); i += 2)
        *element(x, i) = -*element(x, i - 1);
    for (int64_t i = 0; i < clade_tensor_elements(w); i++)
        if (i / w->c % 2)
            *element(w, i) = *element(w, i - w->c) * (1 + 0x1p-10f);
    if (verify_oracle_new(&all, &host->op, CLADE_Y, 1e9))
        tap_bail("%s", clade_error());
    got = element(&host->op.t[CLADE_Y], 0) - host->op.t[CLADE_Y].offset;
    for (int64_t i = 0; i < all.count; i++)
        squares += pow(all.exact[i].y, 2);
    for (int pass = 0; pass < 2; pass++) {
        const double error = (pass ? 4e-5 : 2e-5) * sqrt(squares / all.count);

        for (int64_t i = 0; i < all.count; i++)
            *element(&host->op.t[CLADE_Y], i) =
                (float)(all.exact[i].y + (i % 2 ? error : -error));
        *(pass ? &past : &within) = judge_values(host, GATE_RANDOM, &all, got);
    }
    tap_ok(within.outcome == CLADE_PASSED && past.outcome == CLADE_FAILED &&
               past.rms < 0.1 && strstr(past.message, "of the RMS of the"),
           "errors relative to values: %s", past.message);
    verify_oracle_free(&all);
    verify_host_free(host);
}

/* An Inf in a tile reaches outputs that do not read it, but no other tile. */
static void test_spread(clade_backend *be)
{
    const struct op_case c =
        case_named("conv_fwd:1x8x8x1:3x3/1+1.1.1.1:8x8x1:random");
    static const struct {
        int at; /* the output that is set */
        float value;
        bool passes;
        const char *what;
    } outputs[] = {
        { 1 * 8 + 1, NAN, true, "NaN where y is Inf" },
        { 1 * 8 + 1, -INFINITY, true, "the other Inf where y is Inf" },
        { 1 * 8 + 1, 1, false, "a number where y is Inf" },
        { 3 * 8 + 0, NAN, true, "NaN in the tile of an Inf" },
        { 3 * 8 + 0, INFINITY, true, "Inf in the tile of an Inf" },
        { 3 * 8 + 0, 1e-3f, false, "a wrong number in the tile of an Inf" },
        { 0 * 8 + 4, NAN, false, "NaN in a tile without one" },
        { 7 * 8 + 7, INFINITY, false, "Inf in a tile without one" },
    };
    struct verify_host *host = settled_host(be, &c);
    const struct clade_tensor *y = &host->op.t[CLADE_Y];
    struct verify_oracle all;

    *element(&host->op.t[CLADE_X], 1 * 8 + 1) = INFINITY;
    if (verify_oracle_new(&all, &host->op, CLADE_Y, 1e9))
        tap_bail("%s", clade_error());
    for (size_t k = 0; k < sizeof(outputs) / sizeof(*outputs); k++) {
        struct clade_verdict v;

        for (int64_t i = 0; i < all.count; i++)
            *element(y, i) = (float)all.exact[i].y;
        *element(y, outputs[k].at) = outputs[k].value;
        v = judge_values(host, GATE_BOUND, &all, element(y, 0) - y->offset);
        tap_ok((v.outcome == CLADE_PASSED) == outputs[k].passes, "%s %s",
               outputs[k].what, outputs[k].passes ? "passes" : "fails");
    }
    verify_oracle_free(&all);
    verify_host_free(host);
}

int main(void)
{
    static const char *const shapes[] = {
        FWD "random",
        EDGE "nines",
        DATA "random",
        FILTER "gauss",
        FILTER "nines",
        FIVE "random",
        "conv_bwd_filter:1x5x6x3:5x5/1+2.2.2.2:5x6x2:random",
        "conv_bwd_data:2x6x9x3:3x3/1:4x7x5:accumulate:random",
        "conv_bwd_filter:2x6x9x3:3x3/1:4x7x5:random",
    };
    const int n_shapes = sizeof(shapes) / sizeof(*shapes);
    const int n_faults = sizeof(faults) / sizeof(*faults);
    clade_backend *be = faulty_open();
    struct op_cases cases;

    faulty_apply = leave;
    soft_install();
    if (verify_cases_quick(&cases))
        tap_bail("%s", clade_error());
    tap_plan(2 * n_shapes + 2 + 2 + n_faults + 2 + 1 + 1 + 8);
    for (int i = 0; i < n_shapes; i++) {
        const struct op_case c = case_named(shapes[i]);

        test_formula(be, &c);
        test_brackets(be, &c);
    }
    for (int i = 0; i < 2; i++) {
        const struct op_case c = case_named(i ? DATA "random" : FWD "random");

        test_samples(be, &c);
    }
    test_right(be, &cases);
    for (int i = 0; i < n_faults; i++)
        test_fault(be, &faults[i]);
    test_compared(be, SOFT_RIGHT, LARGE "random", NULL);
    test_compared(be, SOFT_ONE_UNIT, LARGE "nines", "too far apart");
    test_fractions(be);
    test_relative(be);
    test_spread(be);
    free(cases.list);
    faulty_close(be);
    return tap_done();
}
