/* SPDX-License-Identifier: Apache-2.0 */
/* What verify found, gathered: the verdicts and what they come to. */
#include "verify_report.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "status.h"
#include "verify/verify.h"

#define DUMP "clade-dump" /* a folder for what wasn't asked to be dumped */

extern char **environ;

const char *report_outcome(enum clade_outcome outcome)
{
    static const char *const names[] = { "ok", "FAILED", "MISTRUSTED" };

    return names[outcome];
}

/* Whether the op's algorithm is one of several: --algorithm's. */
static bool has_choice(const struct clade_verdict *v)
{
    return v->algorithm && strcmp(v->algorithm, "kernel") &&
           strcmp(v->algorithm, "reference");
}

/* The step again; and, of an op of it, whose inputs are not in a file yet, the
 * op with those that this leaves. */
static void step_command(char *to, size_t size,
                         const struct verify_report *report,
                         const char *selector, const struct clade_verdict *v)
{
    char *path = v->layer[0] ? verify_dump_path(DUMP, v) : NULL;

    snprintf(to, size,
             "clade verify --device %s --suite step --batch %d --seed "
             "%llu%s%s%s%s%s%s",
             selector, report->batch, (unsigned long long)report->seed,
             report->algorithm ? " --algorithm " : "",
             report->algorithm ? report->algorithm : "",
             path ? " --dump " DUMP "; clade verify --device " : "",
             path ? selector : "", path ? " --op " : "", path ? path : "");
    free(path);
}

void report_command(char *to, size_t size, const struct verify_report *report,
                    const struct report_device *d,
                    const struct clade_verdict *v)
{
    const char *selector = d->device.selector;
    const bool file = v->file[0], chosen = has_choice(v);

    if (!file && (v->layer[0] || !strcmp(v->op, "step")))
        step_command(to, size, report, selector, v);
    else
        snprintf(to, size, "clade verify --device %s --%s '%s'%s%s", selector,
                 file ? "op" : "suite ops --case", file ? v->file : v->name,
                 chosen ? " --algorithm " : "", chosen ? v->algorithm : "");
}

/* One more element of a list of `n`, whose room doubles as it fills. */
static void *grow(void *list, int n, size_t size)
{
    if (n & (n - 1))
        return list;
    return realloc(list, (n ? 2 * (size_t)n : 1) * size);
}

/* A list of *n with a copy of an element at its end; where there is no memory
 * for it, as it was. */
static void *append(struct verify_report *report, void *list, int *n,
                    const void *element, size_t size)
{
    char *longer = grow(list, *n, size);

    if (!longer) {
        report->incomplete = true;
        return list;
    }
    memcpy(longer + (size_t)(*n)++ * size, element, size);
    return longer;
}

void report_begin(struct verify_report *report, const clade_backend *be)
{
    struct report_device d = { .device = *clade_backend_device(be) };
    const int n = report->n_devices;

    snprintf(d.build_options, sizeof d.build_options, "%s", be->build_options);
    report->devices =
        append(report, report->devices, &report->n_devices, &d, sizeof d);
    report->begun = report->n_devices > n ? report->n_devices : 0;
}

struct report_device *report_current(const struct verify_report *report)
{
    return report->begun ? &report->devices[report->begun - 1] : NULL;
}

void report_error(struct verify_report *report, const char *device,
                  clade_status st)
{
    struct report_device other = { .status = st,
                                   .error = strdup(clade_error()) };
    struct report_device *d = report_current(report);

    report->incomplete |= !other.error;
    if (clade_device_find(&other.device, device))
        snprintf(other.device.selector, sizeof other.device.selector, "%s",
                 device);
    if (d && !strcmp(d->device.selector, other.device.selector)) {
        d->status = st;
        d->error = other.error;
    } else {
        report->devices = append(report, report->devices, &report->n_devices,
                                 &other, sizeof other);
    }
}

clade_status report_failure(const struct verify_report *report)
{
    for (int i = 0; i < report->n_devices; i++)
        if (report->devices[i].status)
            return clade_fail(report->devices[i].status, "%s",
                              report->devices[i].error
                                  ? report->devices[i].error
                                  : report->devices[i].device.selector);
    return CLADE_OK;
}

void report_verdict(struct verify_report *report, const struct clade_verdict *v)
{
    struct report_device *d = report_current(report);

    if (d)
        d->verdicts = append(report, d->verdicts, &d->n_verdicts, v, sizeof *v);
}

void report_distance(struct verify_report *report,
                     const struct clade_distance *distance)
{
    struct report_device *d = report_current(report);
    struct report_distance r = { .deviation = distance->deviation,
                                 .distance = distance->distance,
                                 .limit = distance->limit,
                                 .passed = distance->passed };

    snprintf(r.name, sizeof r.name, "%s", distance->name);
    if (d)
        d->distances =
            append(report, d->distances, &d->n_distances, &r, sizeof r);
}

void report_training(struct verify_report *report,
                     const struct clade_training *t)
{
    struct report_device *d = report_current(report);

    if (d)
        d->trainings =
            append(report, d->trainings, &d->n_trainings, t, sizeof *t);
}

void report_describe(char *text, size_t size, const struct clade_training *t)
{
    const bool passed = t->distance <= 2 * t->largest;

    snprintf(text, size,
             "%.3g spreads away; %d correct trainings%s reach %.3g: %s%s%s",
             t->distance, t->runs, t->own ? " of this device" : "", t->largest,
             !passed                     ? "FAILED"
             : t->distance <= t->largest ? "ok"
                                         : "edge",
             t->where[0] ? ", first at " : "", t->where);
}

void report_free(struct verify_report *report)
{
    for (int i = 0; i < report->n_devices; i++) {
        free(report->devices[i].verdicts);
        free(report->devices[i].distances);
        free(report->devices[i].trainings);
        free(report->devices[i].error);
    }
    free(report->devices);
}

/* ---- families of verdicts --------------------------------------------------
 */

/* A family's key sorts by the op's place in the enum. */
static int kind_of(const char *op)
{
    for (int kind = 0; kind < CLADE_OP_KINDS; kind++)
        if (!strcmp(clade_op_name(kind), op))
            return kind;
    return CLADE_OP_KINDS;
}

/* The op, and its algorithm where there is more than one to choose from. */
static void family_name(char name[48], const struct clade_verdict *v)
{
    const bool chosen = has_choice(v);

    snprintf(name, 48, "%s%s%s", v->op, chosen ? " " : "",
             chosen ? v->algorithm : "");
}

static bool has_bound(const struct clade_verdict *v)
{
    return strcmp(v->gate, "bits") != 0;
}

static int by_kind(const void *a, const void *b)
{
    const struct clade_verdict *const *x = a, *const *y = b;
    char first[48], second[48];
    int order = kind_of((*x)->op) - kind_of((*y)->op);

    if (order)
        return order;
    family_name(first, *x);
    family_name(second, *y);
    order = strcmp(first, second);
    if (order)
        return order;
    /* Those with a bound come first, by score: their median is at hand. */
    if (has_bound(*x) != has_bound(*y))
        return has_bound(*x) ? -1 : 1;
    return ((*x)->score > (*y)->score) - ((*x)->score < (*y)->score);
}

/* What sorted verdicts [0, n) of one family come to. */
static struct report_family sum_up(const struct clade_verdict *const *v, int n)
{
    struct report_family f = { .cases = n, .typical = NAN };

    family_name(f.name, v[0]);
    for (int i = 0; i < n; i++) {
        f.failed += v[i]->outcome == CLADE_FAILED;
        f.mistrusted += v[i]->outcome == CLADE_MISTRUSTED;
        f.worst = fmax(f.worst, v[i]->score);
        f.bounded += has_bound(v[i]);
    }
    if (f.bounded)
        f.typical = v[f.bounded / 2]->score;
    return f;
}

struct report_family *report_families(int *count, const struct report_device *d)
{
    const size_t n = (size_t)d->n_verdicts;
    const struct clade_verdict **sorted = calloc(n + 1, sizeof *sorted);
    struct report_family *list = calloc(n + 1, sizeof *list);
    char name[48], next[48];

    *count = 0;
    if (!sorted || !list || !n) {
        free(sorted);
        free(list);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        sorted[i] = &d->verdicts[i];
    qsort(sorted, n, sizeof *sorted, by_kind);
    for (size_t i = 0, end; i < n; i = end) {
        family_name(name, sorted[i]);
        for (end = i + 1; end < n; end++) {
            family_name(next, sorted[end]);
            if (strcmp(name, next) != 0)
                break;
        }
        list[(*count)++] = sum_up(sorted + i, (int)(end - i));
    }
    free(sorted);
    return list;
}

void report_histogram(struct report_bin bins[REPORT_BINS],
                      const struct report_device *d)
{
    static const struct report_bin empty[REPORT_BINS] = {
        { "0 (exact)", 0, 0 },  { "to 0.001", 1e-3, 0 },
        { "to 0.01", 1e-2, 0 }, { "to 0.03", 3e-2, 0 },
        { "to 0.1", 0.1, 0 },   { "to 0.3", 0.3, 0 },
        { "to 1", 1, 0 },       { "over 1", INFINITY, 0 },
    };
    int bin;

    memcpy(bins, empty, sizeof empty);
    for (int i = 0; i < d->n_verdicts; i++) {
        for (bin = 0; bin + 1 < REPORT_BINS; bin++)
            if (d->verdicts[i].score <= bins[bin].most)
                break;
        bins[bin].count++;
    }
}

const struct report_family *report_find(const struct report_family *list,
                                        int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(list[i].name, name))
            return &list[i];
    return NULL;
}

static int by_row(const void *a, const void *b)
{
    const char *x = a, *y = b;
    char first[48], second[48];
    int order;

    snprintf(first, sizeof first, "%.*s", (int)strcspn(x, " "), x);
    snprintf(second, sizeof second, "%.*s", (int)strcspn(y, " "), y);
    order = kind_of(first) - kind_of(second);
    return order ? order : strcmp(x, y);
}

char (*report_rows(int *count, const struct verify_report *report))[48]
{
    char(*rows)[48] = NULL;
    int n = 0;

    for (int d = 0; d < report->n_devices; d++) {
        int families;
        struct report_family *list =
            report_families(&families, &report->devices[d]);

        for (int i = 0; i < families; i++) {
            char(*more)[48];
            int r;

            for (r = 0; r < n && strcmp(rows[r], list[i].name) != 0; r++)
                ;
            if (r < n || !(more = grow(rows, n, sizeof *rows)))
                continue;
            rows = more;
            memcpy(rows[n++], list[i].name, sizeof *rows);
        }
        free(list);
    }
    if (n)
        qsort(rows, (size_t)n, sizeof *rows, by_row);
    *count = n;
    return rows;
}

/* What drivers' fast-math switches and compilers' settings are called. */
static bool is_telling(const char *variable)
{
    static const char *const parts[] = { "FAST",       "RELAXED",  "MATH",
                                         "DENORM",     "OCL_",     "POCL_",
                                         "RUSTICL",    "LP_",      "GALLIVM_",
                                         "CL_CONFIG_", "CLBLAST_", "IGC_",
                                         "NEO",        "AMD_",     "GPU_" };
    char name[64];

    snprintf(name, sizeof name, "%.*s", (int)strcspn(variable, "="), variable);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strstr(name, parts[i]))
            return true;
    return false;
}

const char *report_environment(int i)
{
    for (char **e = environ; *e; e++)
        if (is_telling(*e) && i-- == 0)
            return *e;
    return NULL;
}
