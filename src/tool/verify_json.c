/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one JSON object. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"
#include "status.h"
#include "verify_report.h"

/* JSON has no infinities and no NaN: those are texts. */
static json_t *number(double x)
{
    if (isnan(x))
        return json_string("NaN");
    if (isinf(x))
        return json_string(x > 0 ? "Infinity" : "-Infinity");
    return json_real(x);
}

/* A text, or null. */
static json_t *text(const char *s)
{
    char *copy = s && *s ? strdup(s) : NULL;
    json_t *string;

    if (!copy)
        return json_null();
    plain_utf8(copy);
    string = json_string(copy);
    free(copy);
    return string;
}

/*
 * An array of what `make` makes of each item of a list.  Like all that is
 * packed below, it is NULL if a text in it is not UTF-8.
 */
static json_t *array(const void *list, int count, size_t size,
                     json_t *(*make)(const void *item))
{
    json_t *items = json_array();

    for (int i = 0; i < count && items; i++)
        if (json_array_append_new(
                items, make((const char *)list + (size_t)i * size))) {
            json_decref(items);
            items = NULL;
        }
    return items;
}

#define ARRAY(list, count, make) array(list, count, sizeof *(list), make)

static json_t *verdict(const void *item)
{
    const struct clade_verdict *v = item;

    return json_pack(
        "{s:s, s:s, s:o, s:s, s:s, s:o, s:s, s:s, s:o, s:o, s:i, s:I, s:I, "
        "s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:f}",
        "outcome", report_outcome(v->outcome), "name", v->name, "layer",
        text(v->layer), "op", v->op, "gate", v->gate, "data", text(v->data),
        "why", v->why, "algorithm", v->algorithm ? v->algorithm : "", "message",
        text(v->message), "worst", text(v->where), "depth", v->depth, "judged",
        (json_int_t)v->judged, "elements", (json_int_t)v->elements, "score",
        number(v->score), "max_error", number(v->max_error), "rms_u",
        number(v->rms), "got", number(v->got), "want", number(v->want),
        "triage", text(v->triage), "file", text(v->file), "seconds",
        v->seconds);
}

static json_t *distance(const void *item)
{
    const struct report_distance *d = item;

    return json_pack("{s:s, s:o, s:o, s:o, s:b}", "name", d->name, "deviation",
                     number(d->found.deviation), "distance",
                     number(d->found.distance), "limit", number(d->found.limit),
                     "passed", d->found.passed);
}

static json_t *training(const void *item)
{
    const struct clade_training *t = item;

    return json_pack("{s:o, s:o, s:i, s:b, s:b, s:s}", "distance",
                     number(t->distance), "largest", number(t->largest), "runs",
                     t->runs, "own", t->own, "passed", report_passes(t),
                     "where", t->where);
}

static json_t *family(const void *item)
{
    const struct report_family *f = item;

    return json_pack("{s:s, s:i, s:i, s:i, s:o, s:o}", "family", f->name,
                     "cases", f->cases, "failed", f->failed, "mistrusted",
                     f->mistrusted, "worst", number(f->worst), "typical",
                     number(f->typical));
}

static json_t *histogram(const int bins[REPORT_BINS])
{
    json_t *items = json_array();

    for (int i = 0; i < REPORT_BINS; i++)
        json_array_append_new(items, json_pack("{s:o, s:i}", "to",
                                               number(report_bins[i].most),
                                               "cases", bins[i]));
    return items;
}

static json_t *device(const void *item)
{
    const struct report_device *d = *(struct report_device *const *)item;

    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "device",
                     tool_device_json(&d->device), "error", text(d->error),
                     "build_options", d->build_options, "families",
                     ARRAY(d->families.list, d->families.count, family),
                     "histogram", histogram(d->bins), "verdicts",
                     ARRAY(d->verdicts, d->n_verdicts, verdict), "distances",
                     ARRAY(d->distances, d->n_distances, distance), "trainings",
                     ARRAY(d->trainings, d->n_trainings, training));
}

static json_t *environment(const struct report *r)
{
    json_t *items = json_array();

    for (int i = 0; i < r->n_environment; i++)
        json_array_append_new(items, text(r->environment[i]));
    return items;
}

/* jansson's integers are signed, a seed is not: it is printed apart. */
static clade_status end(const struct report *r)
{
    const struct verify_options *o = r->options;
    json_t *object = json_pack(
        "{s:s, s:b, s:o, s:o, s:o, s:o, s:s, s:o, s:i, s:i, s:b, s:o, s:o}",
        "clade", PACKAGE_VERSION, "complete", report_complete(r), "error",
        text(r->message), "suite", text(o->suite), "algorithm",
        text(o->algorithm), "against", text(o->against), "reference",
        o->reference, "envelope", text(o->envelope), "batch", o->batch, "steps",
        o->steps, "quick", o->quick, "environment", environment(r), "devices",
        ARRAY(r->devices, r->n_devices, device));

    if (!object)
        return clade_fail(CLADE_EFAIL, "verify: a text is not UTF-8");
    printf("{\n \"format\": \"clade-verify/1\",\n \"seed\": %llu,",
           (unsigned long long)o->seed);
    json_dumpf(object, stdout, JSON_EMBED | JSON_INDENT(1));
    puts("}");
    json_decref(object);
    return CLADE_OK;
}

const struct report_writer json_writer = { .end = end };
