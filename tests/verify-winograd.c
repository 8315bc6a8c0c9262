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

static void leave(const struct clade_op *op)
{
    (void)op;
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
    const struct op_case c = soft_case(f->name);
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
    const struct op_case c = soft_case(name);
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
    const struct op_case c = soft_case(FWD "nines");
    struct verdicts v;

    soft_fault = SOFT_FRACTIONS;
    v = judge(be, &c, "winograd");
    soft_fault = SOFT_RIGHT;
    tap_ok(v.last.outcome == CLADE_MISTRUSTED,
           "points that are no integers: %s", v.last.message);
}

/* A triage tries another algorithm only with data that can judge it. */
static void one_off(const struct clade_op *op)
{
    *element(output(op), 77) += 8;
}

static void test_triage(clade_backend *be, const char *name,
                        const char *expected)
{
    const struct op_case c = soft_case(name);
    struct clade_verdict v;
    const struct clade_verify_ops options = { .algorithm = "reference",
                                              .triage = true,
                                              .report = keep_verdict,
                                              .arg = &v };
    struct clade_verify_summary summary = { 0 };

    faulty_apply = one_off;
    if (verify_case(&summary, be, &c, &options))
        tap_bail("%s", clade_error());
    faulty_apply = leave;
    tap_ok(v.outcome == CLADE_FAILED && strstr(v.triage, expected), "%s: %s",
           v.data, v.triage);
}

int main(void)
{
    const int n_faults = sizeof(faults) / sizeof(*faults);
    clade_backend *be = faulty_open();
    struct op_cases cases;

    faulty_apply = leave;
    soft_install();
    if (verify_cases_quick(&cases))
        tap_bail("%s", clade_error());
    tap_plan(2 + n_faults + 2 + 2 + 1);
    test_right(be, &cases);
    for (int i = 0; i < n_faults; i++)
        test_fault(be, &faults[i]);
    test_compared(be, SOFT_RIGHT, LARGE "random", NULL);
    test_compared(be, SOFT_ONE_UNIT, LARGE "nines", "too far apart");
    test_triage(be, FWD "exact", "winograd: not tried");
    test_triage(be, FWD "random", "winograd: passes");
    test_fractions(be);
    free(cases.list);
    faulty_close(be);
    return tap_done();
}
