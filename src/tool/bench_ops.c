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
    struct backend_peaks peaks; /* all 0: not measured */
    json_t *rows;               /* with --json */
    int measured;
};

/* A case's figures, a second. */
struct rate {
    double flops, bytes;
    double share;      /* of the peak that it comes nearer to */
    const char *bound; /* which peak that is; NULL: not measured */
};

/* How many bytes an op must read and write. */
static double bytes_of(const struct clade_op *op)
{
    const unsigned written = clade_op_outputs(op->kind);
    const unsigned read = clade_op_inputs(op->kind) |
                          (op->flags & CLADE_ACCUMULATE ? written : 0);
    double bytes = 0;

    for (int role = 0; role < CLADE_ROLES; role++)
        if (op->t[role].buffer)
            bytes += (double)clade_tensor_elements(&op->t[role]) *
                     (double)clade_type_size(op->t[role].type) *
                     ((read >> role & 1) + (written >> role & 1));
    return bytes;
}

static struct rate rate_of(const struct table *t, const struct clade_op *op,
                           double seconds)
{
    struct rate r = { .flops = clade_op_flops(op) / seconds,
                      .bytes = bytes_of(op) / seconds };
    double flops, bytes;

    if (!t->peaks.flops)
        return r;
    flops = r.flops / t->peaks.flops;
    bytes = r.bytes / t->peaks.bytes;
    r.share = flops > bytes ? flops : bytes;
    r.bound = flops > bytes ? "flops" : "bytes";
    return r;
}

static void print_row(const struct op_case *c, const struct clade_verdict *v,
                      const struct rate *r)
{
    printf("%10.3f %9.2f %8.2f ", 1e3 * v->seconds, 1e-9 * r->flops,
           1e-9 * r->bytes);
    if (r->bound)
        printf("%4.0f%% %s ", 100 * r->share, r->bound);
    printf(" %-9s %s\n", v->algorithm, c->name);
    fflush(stdout);
}

static json_t *row_json(const struct op_case *c, const struct clade_verdict *v,
                        const struct rate *r)
{
    json_t *row =
        json_pack("{s:s, s:s, s:s, s:f, s:f, s:f}", "case", c->name, "op",
                  clade_op_name(c->kind), "algorithm", v->algorithm, "seconds",
                  v->seconds, "gflops_per_second", 1e-9 * r->flops,
                  "gbytes_per_second", 1e-9 * r->bytes);

    if (row && r->bound) {
        json_object_set_new(row, "share_of_peak", json_real(r->share));
        json_object_set_new(row, "bound", json_string(r->bound));
    }
    return row;
}

static clade_status add_row(struct table *t, const struct op_case *c,
                            const struct clade_op *op,
                            const struct clade_verdict *v)
{
    const struct rate r = rate_of(t, op, v->seconds);

    t->measured++;
    if (!t->o->json)
        print_row(c, v, &r);
    else if (json_array_append_new(t->rows, row_json(c, v, &r)))
        return clade_fail(CLADE_ENOMEM, "bench: out of memory");
    return CLADE_OK;
}

/* verify_run() runs the op three times, with other work in between; the fastest
 * counts. */
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

static void print_head(const struct table *t)
{
    if (t->peaks.flops)
        printf("peaks: %.1f GFLOP/s of FMA, %.1f GB/s of memory\n",
               1e-9 * t->peaks.flops, 1e-9 * t->peaks.bytes);
    printf("%10s %9s %8s %s %-9s %s\n", "ms", "GFLOP/s", "GB/s",
           t->peaks.flops ? "of the peak " : "", "algorithm", "case");
}

static clade_status time_all(struct table *t)
{
    const char *match = t->o->match;
    struct op_cases cases = { NULL, 0 };
    clade_status st =
        verify_cases_batch(&cases, t->o->batch, 1u << DATA_RANDOM);

    if (!st)
        st = backend_peaks(t->be, &t->peaks);
    if (!st && !t->o->json)
        print_head(t);
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
        "{s:o, s:s, s:s, s:i}", "device",
        json_sprintf("%s / %s", device->platform, device->name), "driver",
        device->driver, "mode", "ops", "batch", t->o->batch);

    if (!object)
        return clade_fail(CLADE_ENOMEM, "bench: out of memory");
    if (t->peaks.flops) {
        json_object_set_new(object, "peak_gflops_per_second",
                            json_real(1e-9 * t->peaks.flops));
        json_object_set_new(object, "peak_gbytes_per_second",
                            json_real(1e-9 * t->peaks.bytes));
    }
    json_object_set(object, "cases", t->rows);
    return tool_print_json(object);
}

clade_status bench_ops(const struct bench_options *o,
                       const struct clade_net_config *config)
{
    const struct tool_plans plans = { .config[0] = *config,
                                      .count = !o->no_self_test };
    struct table t = { .o = o };
    clade_status st;

    if (o->compare || o->profile || o->trace || o->plan || o->without)
        return clade_fail(CLADE_EUSAGE,
                          "bench: --compare, --plan, --profile, --trace and "
                          "--without are of --mode train or infer");
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
