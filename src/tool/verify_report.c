/* SPDX-License-Identifier: Apache-2.0 */
/* Fills the report as verdicts come, and passes each on to the writer. */
#include "verify_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "status.h"

extern char **environ;

/* clang-format off */
const struct report_bin report_bins[REPORT_BINS] = {
    { "0 (exact)", 0 },
    { "to 0.001",  0.001 },
    { "to 0.01",   0.01 },
    { "to 0.03",   0.03 },
    { "to 0.1",    0.1 },
    { "to 0.3",    0.3 },
    { "to 1",      1 },
    { "over 1",    INFINITY },
};
/* clang-format on */

/* Call one of the writer's functions, if it has that one. */
#define TELL(r, function, ...)                                                 \
    do {                                                                       \
        if ((r)->writer->function)                                             \
            (r)->writer->function(__VA_ARGS__);                                \
        fflush(stdout);                                                        \
    } while (0)

/* The same, for what is always printed: first remove the line of progress. */
#define PRINT(r, ...)                                                          \
    do {                                                                       \
        verify_progress_hide(&(r)->progress);                                  \
        TELL(r, __VA_ARGS__);                                                  \
    } while (0)

/*
 * Add a copy of an element to a list of *n, whose room doubles when it is
 * full.  Returns the list, which is as it was if there is no memory.
 */
static void *append(struct report *r, void *list, int *n, const void *element,
                    size_t size)
{
    const bool full = !(*n & (*n - 1));
    char *longer = list;

    if (full)
        longer = realloc(list, (*n ? 2 * (size_t)*n : 1) * size);
    if (!longer) {
        r->incomplete = true;
        return list;
    }
    memcpy(longer + (size_t)(*n)++ * size, element, size);
    return longer;
}

#define APPEND(r, list, n, element)                                            \
    ((list) = append(r, list, &(n), &(element), sizeof(element)))

/* ---- opening and closing ---------------------------------------------------
 */

void report_open(struct report *r, const struct verify_options *o,
                 const struct report_writer *writer)
{
    *r = (struct report){ .options = o, .writer = writer };
    verify_progress_open(&r->progress, writer->sparing && !o->verbose);
    for (char **e = environ; *e; e++)
        if (report_is_telling(*e))
            APPEND(r, r->environment, r->n_environment, *e);
    PRINT(r, begin);
}

static void free_families(struct report_families *f)
{
    for (int i = 0; i < f->count; i++)
        free(f->list[i].scores);
    free(f->list);
}

static void free_device(struct report_device *d)
{
    free(d->distances);
    free(d->trainings);
    free(d->verdicts);
    free(d->layers);
    free(d->error);
    free_families(&d->families);
    free(d);
}

void report_close(struct report *r)
{
    for (int i = 0; i < r->n_devices; i++)
        free_device(r->devices[i]);
    free(r->devices);
    free_families(&r->families);
    free(r->environment);
    for (int i = 0; i < r->n_texts; i++)
        free(r->texts[i]);
    free(r->texts);
}

const char *report_text(struct report *r, const char *text)
{
    char *copy;
    int n;

    for (int i = 0; i < r->n_texts; i++)
        if (!strcmp(r->texts[i], text))
            return r->texts[i];
    copy = strdup(text);
    n = r->n_texts;
    if (copy)
        APPEND(r, r->texts, r->n_texts, copy);
    if (n < r->n_texts)
        return copy;
    r->incomplete = true;
    free(copy);
    return "";
}

/* ---- devices ---------------------------------------------------------------
 */

clade_status report_device(struct report *r)
{
    struct report_device *d = calloc(1, sizeof *d);
    const int n = r->n_devices;

    if (d)
        APPEND(r, r->devices, r->n_devices, d);
    if (r->n_devices == n) {
        free(d);
        return clade_fail(CLADE_ENOMEM, "verify: out of memory");
    }
    r->device = d;
    return CLADE_OK;
}

void report_opened(struct report *r, const struct clade_device *device,
                   const char *build_options)
{
    struct report_device *d = r->device;
    char text[512];

    d->device = *device;
    d->opened = true;
    snprintf(d->build_options, sizeof d->build_options, "%s", build_options);
    snprintf(text, sizeof text, "%s: %s / %s, driver %s", d->device.selector,
             d->device.platform, d->device.name, d->device.driver);
    PRINT(r, note, text);
}

/* How grave a status is.  A device's fault does not keep others from being
 * judged; what is graver does.  A failure is certain, whatever else is in
 * doubt. */
enum grave { FINE, DOUBTFUL, BROKEN, NO_DEVICE, GRAVE };

static enum grave grave(clade_status st)
{
    switch (st) {
    case CLADE_OK:
        return FINE;
    case CLADE_EMISTRUSTED:
        return DOUBTFUL;
    case CLADE_EBOUND:
        return BROKEN;
    case CLADE_ENODEVICE:
    case CLADE_EBUILD:
    case CLADE_ETOOSMALL:
    case CLADE_EUNSUPPORTED:
    case CLADE_EDEVICE:
        return NO_DEVICE;
    default:
        return GRAVE;
    }
}

/* The device cannot be judged, or not to its end. */
static void report_error(struct report *r, const char *device, clade_status st)
{
    struct report_device *d = r->device;

    r->tests++;
    PRINT(r, error, r, device);
    d->status = st;
    d->failures++;
    if (!(d->error = strdup(clade_error())))
        r->incomplete = true;
    if (!d->device.selector[0])
        snprintf(d->device.selector, sizeof d->device.selector, "%s", device);
}

void report_end(struct report *r, const char *device, clade_status st)
{
    if (grave(st) == NO_DEVICE)
        report_error(r, device ? device : "the default device", st);
    if (grave(st) <= grave(r->status))
        return;
    r->status = st;
    snprintf(r->message, sizeof r->message, "%s", clade_error());
}

bool report_goes_on(const struct report *r)
{
    return grave(r->status) < GRAVE;
}

bool report_complete(const struct report *r)
{
    return grave(r->status) < NO_DEVICE && !r->incomplete;
}

/* ---- what the suites found -------------------------------------------------
 */

/* The op's place in its enum. */
static int kind_of(const char *op)
{
    for (int kind = 0; kind < CLADE_OP_KINDS; kind++)
        if (!strcmp(clade_op_name(kind), op))
            return kind;
    return CLADE_OP_KINDS;
}

struct report_family *report_find(const struct report_families *f,
                                  const char *name)
{
    for (int i = 0; i < f->count; i++)
        if (!strcmp(f->list[i].name, name))
            return &f->list[i];
    return NULL;
}

static void count_in_family(struct report *r, struct report_families *families,
                            const struct clade_verdict *v)
{
    const bool chosen = report_has_choice(v);
    struct report_family new = { .kind = kind_of(v->op), .typical = NAN };
    struct report_family *f;

    snprintf(new.name, sizeof new.name, "%s%s%s", v->op, chosen ? " " : "",
             chosen ? v->algorithm : "");
    if (!report_find(families, new.name))
        APPEND(r, families->list, families->count, new);
    if (!(f = report_find(families, new.name)))
        return;
    f->cases++;
    f->failed += v->outcome == CLADE_FAILED;
    f->mistrusted += v->outcome == CLADE_MISTRUSTED;
    f->worst = fmax(f->worst, v->score);
    if (strcmp(v->gate, "bits") != 0)
        APPEND(r, f->scores, f->bounded, v->score);
}

static void count_in_bin(struct report_device *d, double score)
{
    int bin = 0;

    while (bin + 1 < REPORT_BINS && !(score <= report_bins[bin].most))
        bin++;
    d->bins[bin]++;
    if (d->fullest < d->bins[bin])
        d->fullest = d->bins[bin];
}

static void keep_verdict(struct report *r, const struct clade_verdict *v)
{
    struct report_device *d = r->device;

    r->tests++;
    d->failures += v->outcome != CLADE_PASSED;
    APPEND(r, d->verdicts, d->n_verdicts, *v);
    if (v->outcome != CLADE_PASSED)
        verify_progress_hide(&r->progress);
    count_in_family(r, &d->families, v);
    count_in_family(r, &r->families, v);
    count_in_bin(d, v->score);
}

void report_verdict(void *report, const struct clade_verdict *v)
{
    struct report *r = report;

    keep_verdict(r, v);
    TELL(r, verdict, r, v);
}

/* The column of an op is a matter of what it writes. */
static enum report_column column_of(const char *op)
{
    static const struct {
        enum clade_role role;
        enum report_column column;
    } columns[] = { { CLADE_DW, COLUMN_FILTER },
                    { CLADE_DB, COLUMN_BIAS },
                    { CLADE_DX, COLUMN_DATA },
                    { CLADE_W, COLUMN_UPDATE } };
    int kind = 0;

    while (kind < CLADE_OP_KINDS && strcmp(clade_op_name(kind), op) != 0)
        kind++;
    for (size_t i = 0; kind < CLADE_OP_KINDS && i < COUNT_OF(columns); i++)
        if (clade_op_outputs(kind) & 1u << columns[i].role)
            return columns[i].column;
    return COLUMN_FORWARD;
}

/* The layer of this name, new if there was none; NULL if there is no memory. */
static struct report_layer *layer_of(struct report *r, const char *name)
{
    struct report_device *d = r->device;
    struct report_layer new = { .failed = false };
    int i = 0;

    while (i < d->n_layers && strcmp(d->layers[i].name, name) != 0)
        i++;
    if (i == d->n_layers) {
        snprintf(new.name, sizeof new.name, "%s", name);
        APPEND(r, d->layers, d->n_layers, new);
    }
    return i < d->n_layers ? &d->layers[i] : NULL;
}

void report_step_verdict(void *report, const struct clade_verdict *v)
{
    struct report *r = report;
    const enum report_column column = column_of(v->op);
    struct report_layer *l = v->layer[0] ? layer_of(r, v->layer) : NULL;

    keep_verdict(r, v);
    r->device->step_failures += v->outcome != CLADE_PASSED;
    TELL(r, step_verdict, r, v);
    if (!l)
        return;
    l->score[column] = fmax(l->score[column], v->score);
    l->present[column] = true;
    l->failed |= v->outcome != CLADE_PASSED;
}

void report_distance(void *report, const struct clade_distance *distance)
{
    struct report *r = report;
    struct report_device *d = r->device;
    struct report_distance kept = { .found = *distance };

    r->tests++;
    d->failures += !distance->passed;
    snprintf(kept.name, sizeof kept.name, "%s", distance->name);
    APPEND(r, d->distances, d->n_distances, kept);
    PRINT(r, distance, r, distance);
}

void report_training(void *report, const struct clade_training *t)
{
    struct report *r = report;
    struct report_device *d = r->device;
    char text[256];

    APPEND(r, d->trainings, d->n_trainings, *t);
    report_describe(text, sizeof text, t);
    PRINT(r, note, text);
}

void report_summary(struct report *r, const struct clade_verify_summary *s)
{
    char text[160];

    if (r->device->n_layers)
        PRINT(r, layers, r->device);
    if (!(s->passed + s->failed + s->mistrusted))
        return;
    snprintf(text, sizeof text,
             "%d passed, %d failed, %d mistrusted; the worst score is %.3g",
             s->passed, s->failed, s->mistrusted, s->worst);
    PRINT(r, note, text);
}

/* ---- the end ---------------------------------------------------------------
 */

static int by_size(const void *a, const void *b)
{
    const double *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

static int by_op(const void *a, const void *b)
{
    const struct report_family *x = a, *y = b;

    return x->kind != y->kind ? x->kind - y->kind : strcmp(x->name, y->name);
}

/* Find the medians, and sort the families by op. */
static void finish_families(struct report_families *families)
{
    for (int i = 0; i < families->count; i++) {
        struct report_family *f = &families->list[i];

        if (!f->bounded)
            continue;
        qsort(f->scores, (size_t)f->bounded, sizeof *f->scores, by_size);
        f->typical = f->scores[f->bounded / 2];
    }
    if (families->count)
        qsort(families->list, (size_t)families->count, sizeof *families->list,
              by_op);
}

void report_totals(struct report *r)
{
    finish_families(&r->device->families);
    if (r->device->families.count)
        PRINT(r, totals, r->device);
}

void report_finish(struct report *r)
{
    finish_families(&r->families);
}

clade_status report_status(const struct report *r)
{
    return r->status ? clade_fail(r->status, "%s", r->message) : CLADE_OK;
}
