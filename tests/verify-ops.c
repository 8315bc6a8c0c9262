/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every op on the device under test (CLADE_TEST_DEVICE, else the best OpenCL
 * device) against exact values, with every algorithm that the device has.  For
 * simulators, CLADE_TEST_OPERATIONS leaves out cases of more operations, and
 * CLADE_TEST_ALGORITHM leaves out other algorithms of products.
 */
#include <stdlib.h>

#include "tap.h"
#include "tested.h"
#include "verify/verify.h"

/* The results of one case's algorithms. */
struct result {
    struct clade_verdict worst;
    int judged;
};

static void note(const struct clade_verdict *v)
{
    tap_note("%s with %s (depth %d): %s", v->name,
             v->algorithm ? v->algorithm : "no algorithm", v->depth,
             v->message);
    if (v->where[0])
        tap_note("  worst %s: got %.9g, want %.9g, score %.3g, RMS %.3g u",
                 v->where, v->got, v->want, v->score, v->rms);
}

static void report(void *arg, const struct clade_verdict *v)
{
    struct result *r = arg;

    if (v->outcome != CLADE_PASSED)
        note(v);
    if (!r->judged++ || v->outcome > r->worst.outcome ||
        (v->outcome == r->worst.outcome && v->score > r->worst.score))
        r->worst = *v;
}

static void test(clade_backend *be, const struct op_case *c)
{
    struct result r = { .judged = 0 };
    const struct clade_verify_ops options = {
        .algorithm = getenv("CLADE_TEST_ALGORITHM"), .report = report, .arg = &r
    };
    struct clade_verify_summary summary = { 0 };

    if (verify_case(&summary, be, c, &options))
        tap_fail("%s: %s: %s", c->name, c->why, clade_error());
    else
        tap_ok(r.judged && r.worst.outcome == CLADE_PASSED,
               "%s: %s: worst %.3g of its bound with %s", c->name, c->why,
               r.worst.score, r.worst.algorithm ? r.worst.algorithm : "none");
}

/* Count the operations of a case's op and the elements that it moves. */
static double operations_of(const struct op_case *c)
{
    struct clade_buffer nowhere[CLADE_ROLES];
    struct clade_tensor t[CLADE_ROLES] = { { .buffer = NULL } };
    const struct clade_step step = { .batch = 1 };
    struct clade_op op;
    double sum = 0;

    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!(verify_roles(c) & 1u << role))
            continue;
        t[role] = verify_shape_of(c, role);
        nowhere[role].bytes = SIZE_MAX;
        t[role].buffer = &nowhere[role];
        sum += (double)clade_tensor_elements(&t[role]);
    }
    if (verify_make_op(&op, c, t, &step))
        tap_bail("%s", clade_error());
    return sum + clade_op_flops(&op);
}

/* Leave out the cases of too many operations. */
static void leave_out(struct op_cases *cases, const char *most)
{
    int n = 0;

    for (int i = 0; most && i < cases->count; i++)
        if (operations_of(&cases->list[i]) <= atof(most))
            cases->list[n++] = cases->list[i];
    if (most)
        cases->count = n;
}

int main(void)
{
    struct op_cases cases;
    clade_backend *be = tested_need();

    if (verify_cases_quick(&cases))
        tap_bail("%s", clade_error());
    leave_out(&cases, getenv("CLADE_TEST_OPERATIONS"));
    tap_plan(cases.count);
    for (int i = 0; i < cases.count; i++)
        test(be, &cases.list[i]);
    free(cases.list);
    clade_backend_close(be);
    return tap_done();
}
