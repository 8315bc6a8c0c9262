/* SPDX-License-Identifier: Apache-2.0 */
/* The brackets of products that go through transforms, and what is judged by
 * them: they are those of the formula, evaluated term by term. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "soft.h"
#include "status.h"
#include "tap.h"
#include "verify/noise.h"

static void leave(const struct clade_op *op)
{
    (void)op;
}

#define FWD    "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:bias:relu:"
#define EDGE   "conv_fwd:1x7x7x48:3x3/1+1.1.1.1:7x7x16:bias:relu:"
#define DATA   "conv_bwd_data:2x14x14x16:3x3/1+1.1.1.1:14x14x32:accumulate:relu:"
#define FILTER "conv_bwd_filter:2x14x14x16:3x3/1+1.1.1.1:14x14x32:"
#define FIVE   "conv_fwd:1x5x6x32:5x5/1+2.2.2.2:5x6x16:bias:relu:"

/* ---- brackets ------------------------------------------------------------ */

static enum clade_role output_of(const struct clade_op *op)
{
    return (enum clade_role)(output(op) - op->t);
}

static double addend_of(const struct clade_op *op, int64_t at)
{
    if (op->t[CLADE_B].buffer)
        return *element(&op->t[CLADE_B], at % output(op)->c);
    return op->flags & CLADE_ACCUMULATE ? *element(output(op), at) : 0;
}

/* Every bracket is that of the formula, and no less than the direct sum's. */
static void test_brackets(clade_backend *be, const struct op_case *c)
{
    struct verify_host *host = soft_host(be, c);
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
    struct verify_host *host = soft_host(be, c);
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
    struct verify_host *host = soft_host(be, c);
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

/* ---- noise --------------------------------------------------------------- */

/* Noise is measured and added in the algorithm's brackets; what devices are
 * compared by, in those of direct sums. */
static void test_noise(clade_backend *be, const char *name)
{
    const struct op_case c = soft_case(name);
    struct verify_host *host = soft_host(be, &c);
    const enum clade_role role = output_of(&host->op);
    struct verify_mirror m = { .op = host->op }, scratch = { .op = host->op };
    struct noise_sigma sigma = { 0, 0 };
    struct verify_bracket *b;
    struct verify_oracle all;
    float *bracket;
    int64_t wrong = 0;

    if (verify_oracle_new(&all, &m.op, role, 1e9) ||
        verify_brackets_new(&b, &m.op, &all, true) ||
        noise_bracket(&bracket, be, &m, &scratch, role))
        tap_bail("%s", clade_error());
    for (int64_t i = 0; i < all.count; i++)
        wrong += bracket[i] != (float)b[i].s;
    for (int64_t i = 0; i < all.count; i++)
        *element(output(&m.op), i) =
            (float)(all.exact[i].y + (i % 2 ? 1 : -1) * 0x1p-29 * b[i].s);
    if (noise_rms(&sigma, &m, role, verify_image(output(&m.op))))
        tap_bail("%s", clade_error());
    tap_ok(!wrong && sigma.direct > 10 * sigma.own,
           "%s: %lld brackets of noise differ; sigma is %.3g u, in brackets of "
           "direct sums %.3g u",
           c.name, (long long)wrong, sigma.own * 0x1p24, sigma.direct * 0x1p24);
    free(b);
    free(bracket);
    verify_oracle_free(&all);
    verify_mirror_free(&scratch);
    verify_host_free(host);
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
        soft_case("conv_fwd:1x14x14x2:3x3/1+1.1.1.1:14x14x16:random");
    struct verify_host *host = soft_host(be, &c);
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
        soft_case("conv_fwd:1x8x8x1:3x3/1+1.1.1.1:8x8x1:random");
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
    struct verify_host *host = soft_host(be, &c);
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
    clade_backend *be = faulty_open();

    faulty_apply = leave;
    soft_install();
    tap_plan(2 * n_shapes + 2 + 2 + 1 + 8);
    for (int i = 0; i < n_shapes; i++) {
        const struct op_case c = soft_case(shapes[i]);

        test_formula(be, &c);
        test_brackets(be, &c);
    }
    for (int i = 0; i < 2; i++) {
        const struct op_case c = soft_case(i ? DATA "random" : FWD "random");

        test_samples(be, &c);
    }
    test_noise(be, "conv_fwd:2x14x14x16:3x3/1+1.1.1.1:14x14x32:random");
    test_noise(be, FILTER "random");
    test_relative(be);
    test_spread(be);
    faulty_close(be);
    return tap_done();
}
