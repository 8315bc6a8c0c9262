/* SPDX-License-Identifier: Apache-2.0 */
/* The report as JSON. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "status.h"
#include "tool.h"
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
    return s && *s ? json_string(s) : json_null();
}

static json_t *verdict_json(const struct clade_verdict *v)
{
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

static json_t *distance_json(const struct report_distance *d)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:b}", "name", d->name, "deviation",
                     number(d->deviation), "distance", number(d->distance),
                     "limit", number(d->limit), "passed", d->passed);
}

static json_t *training_json(const struct clade_training *t)
{
    return json_pack("{s:o, s:o, s:i, s:b, s:b, s:s}", "distance",
                     number(t->distance), "largest", number(t->largest), "runs",
                     t->runs, "own", t->own, "passed",
                     t->distance <= 2 * t->largest, "where", t->where);
}

static json_t *trainings_json(const struct report_device *d)
{
    json_t *array = json_array();

    for (int i = 0; i < d->n_trainings; i++)
        json_array_append_new(array, training_json(&d->trainings[i]));
    return array;
}

static json_t *families_json(const struct report_device *d)
{
    json_t *array = json_array();
    int count;
    struct report_family *list = report_families(&count, d);

    for (int i = 0; i < count; i++)
        json_array_append_new(
            array, json_pack("{s:s, s:i, s:i, s:i, s:o, s:o}", "family",
                             list[i].name, "cases", list[i].cases, "failed",
                             list[i].failed, "mistrusted", list[i].mistrusted,
                             "worst", number(list[i].worst), "typical",
                             number(list[i].typical)));
    free(list);
    return array;
}

static json_t *histogram_json(const struct report_device *d)
{
    struct report_bin bins[REPORT_BINS];
    json_t *array = json_array();

    report_histogram(bins, d);
    for (int i = 0; i < REPORT_BINS; i++)
        json_array_append_new(array, json_pack("{s:o, s:i}", "to",
                                               number(bins[i].most), "cases",
                                               bins[i].count));
    return array;
}

/* An item that is NULL (a text that is not UTF-8) fails the whole. */
static json_t *device_json(const struct report_device *d)
{
    json_t *verdicts = json_array(), *distances = json_array();
    bool failed = false;

    for (int i = 0; i < d->n_verdicts; i++)
        failed |=
            json_array_append_new(verdicts, verdict_json(&d->verdicts[i])) != 0;
    for (int i = 0; i < d->n_distances; i++)
        failed |= json_array_append_new(distances,
                                        distance_json(&d->distances[i])) != 0;
    if (failed) {
        json_decref(verdicts);
        json_decref(distances);
        return NULL;
    }
    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}", "device",
                     tool_device_json(&d->device), "error", text(d->error),
                     "build_options", d->build_options, "families",
                     families_json(d), "histogram", histogram_json(d),
                     "verdicts", verdicts, "distances", distances, "trainings",
                     trainings_json(d));
}

static json_t *environment_json(void)
{
    json_t *array = json_array();
    const char *variable;

    for (int i = 0; (variable = report_environment(i)); i++)
        json_array_append_new(array, json_string(variable));
    return array;
}

/* But for its format and its seed; NULL where a text is not UTF-8. */
static json_t *report_json(const struct verify_report *report)
{
    json_t *devices = json_array();

    for (int i = 0; i < report->n_devices; i++) {
        if (json_array_append_new(devices, device_json(&report->devices[i]))) {
            json_decref(devices);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:o, s:o, s:s, s:o, s:i, s:i, s:b, s:o, s:o}",
                     "clade", PACKAGE_VERSION, "suite", text(report->suite),
                     "algorithm", text(report->algorithm), "against",
                     text(report->against), "reference", report->reference,
                     "envelope", text(report->envelope), "batch", report->batch,
                     "steps", report->steps, "quick", report->quick,
                     "environment", environment_json(), "devices", devices);
}

/* jansson's integers are signed: the seed is printed without it. */
clade_status report_print_json(const struct verify_report *report)
{
    json_t *object = report_json(report);

    if (!object)
        return clade_fail(CLADE_EFAIL, "verify: a text is not UTF-8");
    printf("{\n \"format\": \"clade-verify/1\",\n \"seed\": %llu,",
           (unsigned long long)report->seed);
    json_dumpf(object, stdout, JSON_EMBED | JSON_INDENT(1));
    puts("}");
    json_decref(object);
    return CLADE_OK;
}
