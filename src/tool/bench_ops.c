/* SPDX-License-Identifier: Apache-2.0 */
/* The speed of single ops: the cases that verify judges, timed. */
#include "bench.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "tool.h"
#include "verify/verify.h"

/* The rows measured so far. */
struct table {
    clade_backend *be;
    const struct bench_options *o;
    json_t *rows; /* with --json */
    int measured;
};

/* How many bytes an op reads and writes. */
static double bytes_of(const struct clade_op *op)
{
    double bytes = 0;

    for (int role = 0; role < CLADE_ROLES; role++)
        if (op->t[role].buffer)
            bytes += (double)clade_tensor_elements(&op->t[role]) *
                     (double)clade_type_size(op->t[role].type);
    return bytes;
}

static clade_status add_row(struct table *t, const struct op_case *c,
                            const struct clade_op *op,
                            const struct clade_verdict *v)
{
    const double gflops = 1e-9 * clade_op_flops(op) / v->seconds;
    const double gbytes = 1e-9 * bytes_of(op) / v->seconds;

    t->measured++;
    if (!t->o->json) {
        printf("%10.3f %9.2f %8.2f  %-9s %s\n", 1e3 * v->seconds, gflops,
               gbytes, v->algorithm, c->name);
        fflush(stdout);
        return CLADE_OK;
    }
    if (json_array_append_new(
            t->rows,
            json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "case", c->name, "op",
                      clade_op_name(c->kind), "algorithm", v->algorithm,
                      "seconds", v->seconds, "gflops_per_second", gflops,
                      "gbytes_per_second", gbytes)))
        return clade_fail(CLADE_ENOMEM, "bench: out of memory");
    return CLADE_OK;
}

/* verify_run() runs the op three times, with other work in between; the last
 * one is the time. */
static clade_status time_one(struct table *t, const struct op_case *c,
                             struct verify_host *host, const char *algorithm)
{
    void *after[CLADE_ROLES] = { NULL };
    struct clade_verdict v;
    clade_status st;

    verify_begin(&v, &host->op);
    st = verify_run(after, &v, t->be, host, algorithm);
    if (!st)
        st = add_row(t, c, &host->op, &v);
    for (int role = 0; role < CLADE_ROLES; role++)
        free(after[role]);
    return st;
}

static clade_status time_case(struct table *t, const struct op_case *c)
{
    const char *names[VERIFY_ALGORITHMS_MAX];
    const char *wanted = t->o->algorithm;
    struct verify_host *host = NULL;
    clade_status st = verify_host_new(&host, c);
    int n;

    if (st)
        return st;
    n = clade_backend_algorithms(t->be, &host->op, names,
                                 VERIFY_ALGORITHMS_MAX);
    for (int i = 0; i < n && i < VERIFY_ALGORITHMS_MAX && !st; i++)
        if (!wanted || n == 1 || !strcmp(wanted, names[i]))
            st = time_one(t, c, host, names[i]);
    verify_host_free(host);
    return st;
}

static clade_status time_all(struct table *t)
{
    const char *match = t->o->match;
    struct op_cases cases = { NULL, 0 };
    clade_status st =
        verify_cases_batch(&cases, t->o->batch, 1u << DATA_RANDOM);

    if (!st && !t->o->json)
        printf("%10s %9s %8s  %-9s %s\n", "ms", "GFLOP/s", "GB/s", "algorithm",
               "case");
    for (int i = 0; i < cases.count && !st; i++) {
        if (match && !strstr(cases.list[i].name, match))
            continue;
        if (tool_stop(NULL))
            st = clade_fail(CLADE_EINTERRUPTED, "interrupted");
        else
            st = time_case(t, &cases.list[i]);
    }
    free(cases.list);
    if (!st && !t->measured)
        st = clade_fail(CLADE_EUSAGE, "bench: no case matches `%s`",
                        match ? match : "");
    return st;
}

static clade_status print_json(const struct table *t)
{
    const struct clade_device *device = clade_backend_device(t->be);
    json_t *object = json_pack(
        "{s:o, s:s, s:s, s:i, s:O}", "device",
        json_sprintf("%s / %s", device->platform, device->name), "driver",
        device->driver, "mode", "ops", "batch", t->o->batch, "cases", t->rows);

    if (!object)
        return clade_fail(CLADE_EFAIL, "bench: a text is not UTF-8");
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
    return CLADE_OK;
}

clade_status bench_ops(const struct bench_options *o,
                       const struct clade_net_config *config)
{
    const struct tool_plans plans = { .config[0] = *config,
                                      .count = !o->no_self_test };
    struct table t = { .o = o };
    clade_status st;

    if (o->compare || o->profile || o->plan || o->without)
        return clade_fail(CLADE_EUSAGE,
                          "bench: --compare, --plan, --profile and --without "
                          "are of --mode train or infer");
    t.rows = json_array();
    st = tool_open_tested(&t.be, o->device, &plans);
    if (!st && clade_backend_real(t.be) == CLADE_F64)
        st = clade_fail(CLADE_EUSAGE,
                        "bench: %s stores double: its ops are "
                        "not the cases'",
                        clade_backend_device(t.be)->selector);
    if (!st)
        st = time_all(&t);
    if (!st && o->json)
        st = print_json(&t);
    json_decref(t.rows);
    if (t.be) {
        tool_notices(t.be);
        clade_backend_close(t.be);
    }
    return st;
}
