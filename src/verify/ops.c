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
    int depth;
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
        if (op_is_product(c->kind) && clade_op_outputs(c->kind) & 1u << role)
            st = verify_oracle_new(&x->oracle[role], &x->host->op, role,
                                   ORACLE_PRODUCTS);
    if (st)
        expected_free(x);
    return st;
}

static clade_status judge(struct clade_verdict *v, const struct expected *x,
                          void *after[CLADE_ROLES], bool denormals)
{
    const struct op_case *c = x->c;
    struct clade_op op = x->host->op;
    const struct verify_judge how = {
        .op = &op,
        .gate = verify_data_gate(c->data),
        .denormals = denormals,
        .nan_at_padding = c->data == DATA_SPECIAL_B,
        .unit = verify_data_gate(c->data) == GATE_BITS ? verify_unit(c) : 0,
    };
    clade_status st = CLADE_OK;

    op.depth = v->depth;
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        if (!(clade_op_outputs(c->kind) & 1u << role))
            continue;
        if (op_is_product(c->kind))
            verify_output(v, &how, &x->oracle[role], after[role]);
        else
            st = verify_output_whole(v, &how, role, after[role]);
    }
    return st;
}

/*
 * How far two algorithms may be apart where exact values are not known.  For
 * random data, the sum of both bounds, for a bracket of n products and an
 * addend, each at most 1.  For exact data, 0.
 */
static double room_between(const struct expected *x, enum clade_role role,
                           int depth, bool denormals)
{
    const int64_t n = verify_products(x->c);
    const struct cpu_exact exact = { .s = (double)n + 1, .n = n };
    const int depths[] = { x->depth, depth };
    struct clade_op op = x->host->op;
    const struct verify_element e = { &op, role, &exact, denormals };
    double room = 0;

    for (int i = 0; i < 2 && verify_data_gate(x->c->data) != GATE_BITS; i++) {
        op.depth = depths[i];
        room += fmin(verify_bound(&e), bound_alarm(&e));
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
                           room_between(x, role, v->depth, denormals));
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
    x->depth = v->depth;
    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!x->oracle[role].index)
            continue;
        x->first[role] = after[role];
        after[role] = NULL;
    }
}

/* Try one algorithm on one case.  If it fails to run, the case fails. */
static void try_algorithm(struct clade_verdict *v, void *arg, clade_backend *be,
                          const char *algorithm)
{
    struct expected *x = arg;
    const struct op_case *c = x->c;
    void *after[CLADE_ROLES] = { NULL };

    verify_begin(v, &x->host->op);
    snprintf(v->name, sizeof(v->name), "%s", c->name);
    v->data = verify_data_name(c->data);
    v->gate = gate_name(c);
    v->why = c->why;
    snprintf(v->file, sizeof(v->file), "%s", c->file ? c->file : "");
    if (verify_run(after, v, be, x->host, algorithm) ||
        judge(v, x, after, clade_backend_device(be)->denormals)) {
        verify_blame(v, CLADE_FAILED, "%s", clade_error());
    } else {
        compare_algorithms(v, x, be, after);
        keep_first(x, v, be, after);
    }
    for (int role = 0; role < CLADE_ROLES; role++)
        free(after[role]);
}

static clade_status look_into(struct clade_verdict *v, clade_backend *be,
                              struct expected *x,
                              const struct clade_verify_ops *options)
{
    const struct verify_attempt attempt = { .op = &x->host->op,
                                            .run = try_algorithm,
                                            .arg = x };

    if (options->triage)
        verify_triage(v, be, &attempt);
    return options->dump ? verify_dump(options->dump, x->c, x->host, v, be)
                         : CLADE_OK;
}

clade_status verify_look_into(struct clade_verdict *v, clade_backend *be,
                              const struct op_case *c, struct verify_host *host,
                              const struct clade_verify_ops *options)
{
    struct expected x;
    clade_status st = expected_new(&x, c, host);

    if (st)
        return st;
    st = look_into(v, be, &x, options);
    expected_free(&x);
    return st;
}

/* The algorithm asked for must exist.  Try it on the first case, a product. */
static clade_status check_algorithm(clade_backend *be, const char *algorithm)
{
    struct backend_debug *const before = be->debug;
    struct backend_debug judge = { .programs = 0 }; /* wrong is for verify */
    struct verify_host *host;
    struct op_cases cases;
    clade_status st = algorithm ? verify_cases_quick(&cases) : CLADE_OK;

    if (st || !algorithm)
        return st;
    assert(op_is_product(cases.list[0].kind));
    st = verify_host_new(&host, &cases.list[0]);
    if (!st) {
        be->debug = &judge;
        st = clade_backend_choose(be, &host->op, algorithm);
        be->debug = before;
        verify_host_free(host);
    }
    free(cases.list);
    return st;
}

/* Ops other than products have one algorithm, whatever is asked for. */
static bool is_wanted(const struct op_case *c, const char *algorithm,
                      const struct clade_verify_ops *options)
{
    return !options->algorithm || !algorithm || !op_is_product(c->kind) ||
           !strcmp(options->algorithm, algorithm);
}

/* Judge a case whose values are set.  Takes the host over. */
static clade_status judge_host(struct clade_verify_summary *summary,
                               clade_backend *be, const struct op_case *c,
                               struct verify_host *host,
                               const struct clade_verify_ops *options)
{
    const char *list[VERIFY_ALGORITHMS_MAX];
    struct clade_verdict v;
    struct expected x;
    clade_status st;
    int n;

    st = expected_new(&x, c, host);
    if (st)
        return st;
    n = clade_backend_algorithms(be, &x.host->op, list, VERIFY_ALGORITHMS_MAX);
    if (!n) { /* let the backend say why */
        list[0] = NULL;
        n = 1;
    }
    for (int i = 0; i < n && i < VERIFY_ALGORITHMS_MAX && !st; i++) {
        if (!is_wanted(c, list[i], options))
            continue;
        try_algorithm(&v, &x, be, list[i]);
        verify_count(summary, &v);
        if (v.outcome && summary->failed <= VERIFY_FAILURES_MAX)
            st = look_into(&v, be, &x, options);
        if (options->report)
            options->report(options->arg, &v);
    }
    expected_free(&x);
    return st;
}

clade_status verify_case(struct clade_verify_summary *summary,
                         clade_backend *be, const struct op_case *c,
                         const struct clade_verify_ops *options)
{
    struct verify_host *host;
    clade_status st = verify_host_new(&host, c);

    return st ? st : judge_host(summary, be, c, host, options);
}

static clade_status begin(struct clade_verify_summary *summary,
                          clade_backend *be,
                          const struct clade_verify_ops *options)
{
    clade_status st = verify_can_judge(be);

    *summary = (struct clade_verify_summary){ 0 };
    return st ? st : check_algorithm(be, options->algorithm);
}

clade_status clade_verify_op(struct clade_verify_summary *summary,
                             clade_backend *be, const char *file,
                             const struct clade_verify_ops *options)
{
    struct verify_host *host;
    struct op_case c;
    clade_status st = begin(summary, be, options);

    if (!st)
        st = verify_undump(&host, &c, file);
    if (!st)
        st = judge_host(summary, be, &c, host, options);
    return st ? st : verify_conclude(summary);
}

clade_status clade_verify_ops(struct clade_verify_summary *summary,
                              clade_backend *be,
                              const struct clade_verify_ops *options)
{
    struct op_cases cases;
    clade_status st = begin(summary, be, options);

    if (st)
        return st;
    st = verify_cases_quick(&cases);
    if (!st && !options->quick)
        st = verify_cases_network(&cases);
    for (int i = 0; i < cases.count && !st; i++) {
        if (options->match && !strstr(cases.list[i].name, options->match))
            continue;
        st = verify_interrupted(options->stop, options->arg);
        if (!st)
            st = verify_case(summary, be, &cases.list[i], options);
    }
    free(cases.list);
    if (!st && !summary->passed && !summary->failed && !summary->mistrusted)
        return clade_fail(CLADE_EMISTRUSTED, "verify: no case matches `%s`%s%s",
                          options->match ? options->match : "",
                          options->algorithm ? " and has the algorithm " : "",
                          options->algorithm ? options->algorithm : "");
    return st ? st : verify_conclude(summary);
}
