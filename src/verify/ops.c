/* SPDX-License-Identifier: Apache-2.0 */
/* The ops suite: each case, with each algorithm that can run it. */
#include "verify/verify.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "status.h"

/* Above this many multiply-adds, ask the oracle for samples of a product's
 * outputs.  Other ops are cheap and have one algorithm: judge every element. */
#define ORACLE_PRODUCTS 4e8

/* The name of a case's gate. */
static const char *gate_name(const struct op_case *c)
{
    static const char *const names[] = { [GATE_BITS] = "bits",
                                         [GATE_BOUND] = "bound",
                                         [GATE_RANDOM] = "bound alarm rms" };

    if (verify_is_sum(c->kind))
        return names[verify_data_gate(c->data)];
    return names[verify_all_exact(c->kind) ? GATE_BITS : GATE_BOUND];
}

/* A case with the values that it should give on any device. */
struct expected {
    const struct op_case *c;
    struct verify_host *host;
    struct verify_oracle oracle[CLADE_ROLES];
    /* If the oracle took samples only: what the first algorithm that passed
     * computed on this backend, to judge the rest by. */
    clade_backend *be;
    const char *algorithm;
    struct clade_op settled; /* as by that algorithm */
    void *first[CLADE_ROLES];
};

static void expected_free(struct expected *x)
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        verify_oracle_free(&x->oracle[role]);
        free(x->first[role]);
    }
    verify_host_free(x->host);
}

/* Takes the host over. */
static clade_status expected_new(struct expected *x, const struct op_case *c,
                                 struct verify_host *host)
{
    clade_status st = CLADE_OK;

    *x = (struct expected){ .c = c, .host = host };
    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (op_is_product(c->kind) && verify_writes(&host->op, role))
            st = verify_oracle_new(&x->oracle[role], &x->host->op, role,
                                   ORACLE_PRODUCTS);
    if (st)
        expected_free(x);
    return st;
}

/*
 * How far two algorithms may be apart where exact values are not known.  For
 * random data, the sum of both bounds, for the largest bracket that each can
 * have: all operands are at most 1.  For exact data, 0.
 */
static double room_between(const struct expected *x, enum clade_role role,
                           bool denormals)
{
    const struct clade_op *const both[] = { &x->settled, &x->host->op };
    double room = 0;

    for (int i = 0; i < 2 && verify_data_gate(x->c->data) != GATE_BITS; i++) {
        const struct clade_op alone = op_alone(both[i], role);
        const struct verify_bracket largest =
            verify_largest_bracket(&alone, verify_products(x->c), denormals);
        const struct verify_element e = { .op = &alone,
                                          .role = role,
                                          .bracket = &largest,
                                          .denormals = denormals };

        room += fmin(bound_sum(&e), bound_alarm(&e));
    }
    return room;
}

static void compare_output(struct clade_verdict *v, const struct expected *x,
                           enum clade_role role, const void *after, double room)
{
    const struct clade_tensor *t = &x->host->op.t[role];
    const float *a = x->first[role], *b = after;
    const int64_t n = clade_tensor_elements(t);

    for (int64_t i = 0; i < n; i++) {
        const int64_t at = clade_tensor_element(t, i);

        if (fabs((double)a[at] - b[at]) <= room)
            continue;
        verify_blame(v, CLADE_FAILED,
                     "%s: element %lld is %.9g, by %s %.9g: too far apart",
                     clade_role_name(role), (long long)i, b[at], x->algorithm,
                     a[at]);
        return;
    }
}

/* Compare all elements, also those that the oracle did not judge, with the
 * first algorithm's. */
static void compare_algorithms(struct clade_verdict *v,
                               const struct expected *x, clade_backend *be,
                               void *after[CLADE_ROLES])
{
    const bool denormals = clade_backend_device(be)->denormals;

    if (x->be != be || !strcmp(x->algorithm, v->algorithm))
        return;
    for (int role = 0; role < CLADE_ROLES; role++)
        if (x->first[role])
            compare_output(v, x, role, after[role],
                           room_between(x, role, denormals));
}

/* Keep the first outputs that pass.  Only products have several algorithms.  Of
 * their data, only exact and uniform ones have a bound for all brackets. */
static void keep_first(struct expected *x, const struct clade_verdict *v,
                       clade_backend *be, void *after[CLADE_ROLES])
{
    const enum verify_data data = x->c->data;

    if (x->be || v->outcome || !op_is_product(x->c->kind) ||
        (verify_data_gate(data) != GATE_BITS && data != DATA_RANDOM))
        return;
    x->be = be;
    x->algorithm = v->algorithm;
    x->settled = x->host->op;
    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!x->oracle[role].index)
            continue;
        x->first[role] = after[role];
        after[role] = NULL;
    }
}

/* A verdict on a case with an algorithm, before it is judged. */
static void describe(struct clade_verdict *v, const struct op_case *c,
                     const char *algorithm)
{
    *v = (struct clade_verdict){ .op = clade_op_name(c->kind),
                                 .data = verify_data_name(c->data),
                                 .gate = gate_name(c),
                                 .why = c->why,
                                 .algorithm = algorithm };
    snprintf(v->name, sizeof(v->name), "%s", c->name);
    snprintf(v->file, sizeof(v->file), "%s", c->file ? c->file : "");
}

/* Try one algorithm on one case.  If it fails to run, the case fails. */
static void try_algorithm(struct clade_verdict *v, void *arg, clade_backend *be,
                          const char *algorithm)
{
    struct expected *x = arg;
    void *after[CLADE_ROLES] = { NULL };

    describe(v, x->c, algorithm);
    if (verify_run(after, v, be, x->host, algorithm) ||
        verify_outputs(v, x->c, x->host, x->oracle, after,
                       clade_backend_device(be)->denormals)) {
        verify_blame(v, CLADE_FAILED, "%s", clade_error());
    } else {
        compare_algorithms(v, x, be, after);
        keep_first(x, v, be, after);
    }
    for (int role = 0; role < CLADE_ROLES; role++)
        free(after[role]);
}

/* Choose by name what may be wrong: that is for verify to find out. */
static clade_status choose_untried(clade_backend *be, struct clade_op *op,
                                   const char *name)
{
    struct backend_debug *const before = be->debug;
    struct backend_debug judge = { .programs = 0 };
    clade_status st;

    be->debug = &judge;
    st = clade_backend_choose(be, op, name);
    be->debug = before;
    return st;
}

/* Whether the case's data can judge an algorithm.  Where it cannot be chosen,
 * they can: the run says why. */
static bool suits(const struct expected *x, clade_backend *be,
                  const char *algorithm)
{
    struct clade_op op = x->host->op;

    return choose_untried(be, &op, algorithm) ||
           verify_data_suits(x->c->data, &op);
}

/* Try a case again, for a triage; with data that do not suit, judge nothing. */
static void try_again(struct clade_verdict *v, void *arg, clade_backend *be,
                      const char *algorithm)
{
    if (suits(arg, be, algorithm))
        try_algorithm(v, arg, be, algorithm);
    else
        v->judged = 0;
}

/* ---- cases -----------------------------------------------------------------
 */

/* What judges the cases. */
struct bench {
    clade_backend *be;
    const struct clade_verify_ops *options;
    const struct verify_watch *watch;
    struct clade_verify_summary *summary;
};

static clade_status look_into(struct clade_verdict *v, const struct bench *b,
                              struct expected *x, const char *choice)
{
    const struct verify_attempt attempt = { .op = &x->host->op,
                                            .choice = choice,
                                            .run = try_again,
                                            .arg = x,
                                            .watch = b->watch };

    if (b->options->triage)
        verify_triage(v, b->be, &attempt);
    return b->options->dump
               ? verify_dump(b->options->dump, x->c, x->host, v, b->be)
               : CLADE_OK;
}

clade_status verify_look_into(struct clade_verdict *v, clade_backend *be,
                              const struct op_case *c, struct verify_host *host,
                              const struct clade_verify_ops *options,
                              const struct verify_watch *watch)
{
    const struct bench b = { .be = be, .options = options, .watch = watch };
    struct expected x;
    clade_status st = expected_new(&x, c, host);

    if (st)
        return st;
    st = look_into(v, &b, &x, NULL);
    expected_free(&x);
    return st;
}

/*
 * What to try of an algorithm that a case has: NULL if nothing was asked for
 * that it could be.  Ops other than products have one algorithm, whatever is
 * asked for.  A choice with parameters is tried where the backend offers it.
 */
static const char *wanted_of(const struct bench *b, const struct expected *x,
                             const char *algorithm)
{
    const char *wanted = b->options->algorithm;
    const size_t length = wanted ? strcspn(wanted, ":") : 0;
    struct clade_op op = x->host->op;

    if (!wanted || !op_is_product(op.kind))
        return algorithm;
    if (strlen(algorithm) != length || strncmp(algorithm, wanted, length))
        return NULL;
    return wanted[length] && choose_untried(b->be, &op, wanted) ? NULL : wanted;
}

static clade_status judge_algorithm(const struct bench *b, struct expected *x,
                                    const char *algorithm)
{
    const struct clade_verify_ops *o = b->options;
    struct clade_verdict v;
    enum verify_known known;
    clade_status st = CLADE_OK;

    describe(&v, x->c, algorithm);
    known = b->watch->begin(b->watch->arg, &v, "");
    if (known == VERIFY_REPORTED)
        return CLADE_OK;
    if (known == VERIFY_RUN) {
        try_algorithm(&v, x, b->be, algorithm);
        b->watch->end(b->watch->arg, &v);
    }
    verify_count(b->summary, &v);
    if (v.outcome && b->summary->failed <= VERIFY_FAILURES_MAX)
        st = look_into(&v, b, x, algorithm);
    if (o->report)
        o->report(o->arg, &v);
    return st;
}

/* Judge a case whose values are set.  Takes the host over. */
static clade_status judge_host(const struct bench *b, const struct op_case *c,
                               struct verify_host *host)
{
    const char *list[VERIFY_ALGORITHMS_MAX];
    struct expected x;
    clade_status st;
    int n;

    st = expected_new(&x, c, host);
    if (st)
        return st;
    n = clade_backend_algorithms(b->be, &x.host->op, list,
                                 VERIFY_ALGORITHMS_MAX);
    if (!n) /* let the backend say why */
        st = judge_algorithm(b, &x, NULL);
    for (int i = 0; i < n && i < VERIFY_ALGORITHMS_MAX && !st; i++) {
        const char *wanted = wanted_of(b, &x, list[i]);

        if (wanted && suits(&x, b->be, wanted))
            st = judge_algorithm(b, &x, wanted);
    }
    expected_free(&x);
    return st;
}

/* Judge case `c`; `done` cases are before it. */
static clade_status judge_case(const struct bench *b, int done,
                               const struct op_case *c)
{
    struct verify_host *host;
    struct clade_verdict v;
    clade_status st;

    describe(&v, c, NULL);
    b->watch->begin_case(b->watch->arg, done, &v);
    st = verify_host_new(&host, c);
    return st ? st : judge_host(b, c, host);
}

clade_status verify_case(struct clade_verify_summary *summary,
                         clade_backend *be, const struct op_case *c,
                         const struct clade_verify_ops *options)
{
    const struct bench b = { be, options, &verify_unwatched, summary };

    return judge_case(&b, 0, c);
}

/* ---- the suite -------------------------------------------------------------
 */

/* The algorithm asked for must exist.  Try its name on the first case, a
 * product. */
static clade_status check_algorithm(clade_backend *be, const char *algorithm)
{
    const size_t length = strcspn(algorithm, ":");
    struct verify_host *host;
    struct op_cases cases;
    char name[CLADE_CHOICE_TEXT];
    clade_status st = verify_cases_quick(&cases);

    if (st)
        return st;
    snprintf(name, sizeof(name), "%.*s", (int)length, algorithm);
    assert(op_is_product(cases.list[0].kind));
    st = verify_host_new(&host, &cases.list[0]);
    if (!st) {
        st = choose_untried(be, &host->op, name);
        verify_host_free(host);
    }
    free(cases.list);
    return st;
}

static clade_status begin(const struct bench *b)
{
    clade_status st = verify_can_judge(b->be);

    *b->summary = b->watch->summary;
    return st || !b->options->algorithm
               ? st
               : check_algorithm(b->be, b->options->algorithm);
}

/* Nothing was judged: the name of a case, or the algorithm, is of none. */
static clade_status no_case(const struct clade_verify_ops *o)
{
    if (!o->match && o->algorithm)
        return clade_fail(CLADE_EUSAGE,
                          "verify: no case can be computed by `%s`; without "
                          "its parameters, a device chooses those that it has",
                          o->algorithm);
    return clade_fail(CLADE_EMISTRUSTED, "verify: no case matches `%s`%s%s",
                      o->match ? o->match : "",
                      o->algorithm ? " and has the algorithm " : "",
                      o->algorithm ? o->algorithm : "");
}

clade_status verify_op(struct clade_verify_summary *summary, clade_backend *be,
                       const char *file, const struct clade_verify_ops *options,
                       const struct verify_watch *watch)
{
    const struct bench b = { be, options, watch, summary };
    struct verify_host *host;
    struct op_case c;
    clade_status st = begin(&b);

    if (!st)
        st = verify_undump(&host, &c, file);
    if (!st)
        st = judge_host(&b, &c, host);
    return st ? st : verify_conclude(summary);
}

/* Keep the cases that are asked for. */
static void choose_cases(struct op_cases *cases, const char *match)
{
    int n = 0;

    for (int i = 0; i < cases->count; i++)
        if (!match || strstr(cases->list[i].name, match))
            cases->list[n++] = cases->list[i];
    cases->count = n;
}

static clade_status judge_cases(const struct bench *b,
                                const struct op_cases *cases)
{
    const struct verify_watch *watch = b->watch;
    const struct clade_verify_ops *o = b->options;
    clade_status st = CLADE_OK;

    watch->suite(watch->arg, cases->count);
    for (int i = watch->done; i < cases->count && !st; i++) {
        const struct op_case *c = &cases->list[i];

        st = verify_interrupted(o->stop, o->arg);
        if (!st)
            st = judge_case(b, i, c);
    }
    return st;
}

clade_status verify_ops(struct clade_verify_summary *summary, clade_backend *be,
                        const struct clade_verify_ops *options,
                        const struct verify_watch *watch)
{
    const struct bench b = { be, options, watch, summary };
    struct op_cases cases;
    clade_status st = begin(&b);

    if (st)
        return st;
    st = verify_cases_quick(&cases);
    if (!st && !options->quick)
        st = verify_cases_network(&cases);
    choose_cases(&cases, options->match);
    if (!st)
        st = judge_cases(&b, &cases);
    free(cases.list);
    if (!st && !summary->passed && !summary->failed && !summary->mistrusted)
        return no_case(options);
    return st ? st : verify_conclude(summary);
}

clade_status clade_verify_op(struct clade_verify_summary *summary,
                             clade_backend *be, const char *file,
                             const struct clade_verify_ops *options)
{
    const clade_status st = status_given(__func__, "summary, be, file, options",
                                         summary && be && file && options);

    return st ? st : verify_op(summary, be, file, options, &verify_unwatched);
}

clade_status clade_verify_ops(struct clade_verify_summary *summary,
                              clade_backend *be,
                              const struct clade_verify_ops *options)
{
    const clade_status st = status_given(__func__, "summary, be, options",
                                         summary && be && options);

    return st ? st : verify_ops(summary, be, options, &verify_unwatched);
}
