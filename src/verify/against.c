/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device held against a record.  Forward values agree closely, whoever
 * computed them.  Gradients do not: a rounding error flips a ReLU or the
 * choice of a max pool, so single ones may be far off while the median over
 * tensors is near (doc/consistency.md).
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "verify/record.h"

#define LOSS_LIMIT     1e-6 /* relative */
#define FORWARD_LIMIT  2e-5 /* of a tensor's RMS */
#define GRADIENT_LIMIT 2e-3 /* of its RMS, median over the tensors */
#define STEPS_MAX      100000
#define BATCH_MAX      65536

struct holder {
    const char *file;
    const struct clade_against *options;
    json_t *losses, *tensors;
    double *gradients; /* distances */
    int n_gradients, seen, outside;
};

static clade_status bad(const char *file, const char *what)
{
    return clade_fail(CLADE_EDATA, "%s: %s; is it a " RECORD_FORMAT " file?",
                      file, what);
}

/* Pass a distance on; `limit` 0: it is listed, not judged. */
static void report(struct holder *h, const char *name, double distance,
                   double limit)
{
    const struct clade_distance d = { .name = name,
                                      .distance = distance,
                                      .limit = limit,
                                      .passed =
                                          limit == 0 || distance <= limit };

    h->outside += !d.passed;
    if (h->options->report)
        h->options->report(h->options->arg, &d);
}

/* The larger of two distances; a NaN stays. */
static double worse(double a, double b)
{
    return a <= b ? b : isnan(b) ? b : a;
}

static clade_status hold_losses(void *arg, int step, const double *row, int n)
{
    struct holder *h = arg;
    json_t *want = json_array_get(h->losses, step);
    double worst = 0;
    char name[40];

    if ((int)json_array_size(want) != n)
        return bad(h->file, "its losses are not a row a step, a column a head");
    for (int i = 0; i < n; i++) {
        const double w = json_number_value(json_array_get(want, i));

        worst = worse(worst, fabs(row[i] - w) / fabs(w));
    }
    snprintf(name, sizeof(name), "step%d/losses", step);
    report(h, name, worst, step == 0 ? LOSS_LIMIT : 0);
    return CLADE_OK;
}

static bool same_shape(const json_t *shape, const struct record_tensor *t)
{
    if ((int)json_array_size(shape) != t->dims)
        return false;
    for (int i = 0; i < t->dims; i++)
        if (json_integer_value(json_array_get(shape, i)) != t->shape[i])
            return false;
    return true;
}

/* The worst sample, in units of the tensor's RMS; negative: no samples. */
static double worst_sample(const json_t *samples, const struct record_tensor *t,
                           double rms)
{
    double worst = -1;
    json_t *pair;
    size_t k;

    json_array_foreach(samples, k, pair)
    {
        const json_t *index = json_array_get(pair, 0);
        const json_t *value = json_array_get(pair, 1);
        const int64_t i = json_integer_value(index);
        double distance;

        if (!json_is_integer(index) || !json_is_number(value) || i < 0 ||
            i >= t->n)
            return -1;
        distance = fabs(t->values[i] - json_number_value(value));
        distance = distance == 0 ? 0 : distance / rms;
        worst = worse(worst, distance);
    }
    return worst;
}

/*
 * Elsewhere than at the samples: where every element is within e of the RMS,
 * the l2 is within e l2 of the record's, and the sum within e n RMS.
 */
static double worst_total(const json_t *entry, const struct record_tensor *t,
                          double rms)
{
    const double l2 =
        fabs(record_l2(t) - json_number_value(json_object_get(entry, "l2")));
    const double sum =
        fabs(record_sum(t) - json_number_value(json_object_get(entry, "sum")));

    return worse(l2 == 0 ? 0 : l2 / (rms * sqrt((double)t->n)),
                 sum == 0 ? 0 : sum / (rms * (double)t->n));
}

static clade_status hold_tensor(void *arg, const struct record_tensor *t)
{
    struct holder *h = arg;
    const json_t *entry = json_object_get(h->tensors, t->name);
    const double l2 = json_number_value(json_object_get(entry, "l2"));
    const double rms = l2 / sqrt((double)t->n);
    double distance;

    if (!entry)
        return CLADE_OK; /* what a record leaves out is not judged */
    h->seen++;
    if (!same_shape(json_object_get(entry, "shape"), t))
        return clade_fail(CLADE_EDATA, "%s: %s has another shape than in %s",
                          h->file, t->name, "the network");
    distance = worst_sample(json_object_get(entry, "samples"), t, rms);
    if (distance < 0)
        return clade_fail(CLADE_EDATA,
                          "%s: the samples of %s are no pairs of "
                          "index and value",
                          h->file, t->name);
    if (!strncmp(t->name, "step0/activation/", 17)) {
        report(h, t->name, worse(distance, worst_total(entry, t, rms)),
               FORWARD_LIMIT);
        return CLADE_OK;
    }
    if (!strncmp(t->name, "step0/gradient/", 15))
        h->gradients[h->n_gradients++] = isnan(distance) ? INFINITY : distance;
    report(h, t->name, distance, 0);
    return CLADE_OK;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void report_median(struct holder *h)
{
    const int n = h->n_gradients;

    if (!n)
        return;
    qsort(h->gradients, n, sizeof(double), ascending);
    report(h, "median of step0/gradient",
           (h->gradients[(n - 1) / 2] + h->gradients[n / 2]) / 2,
           GRADIENT_LIMIT);
}

/* An integer of the record within 1 ... most. */
static bool get_int(int *to, const json_t *object, const char *key, int most)
{
    const json_t *v = json_object_get(object, key);
    const json_int_t i = json_integer_value(v);

    if (!json_is_integer(v) || i < 1 || i > most)
        return false;
    *to = (int)i;
    return true;
}

static clade_status get_spec(struct record_spec *spec, const json_t *o,
                             const char *file)
{
    const char *format = json_string_value(json_object_get(o, "format"));
    const json_t *rate = json_object_get(o, "learning_rate");
    const json_t *momentum = json_object_get(o, "momentum");

    spec->net = json_string_value(json_object_get(o, "net"));
    spec->seed = (uint64_t)json_integer_value(json_object_get(o, "seed"));
    spec->learning_rate = json_number_value(rate);
    spec->momentum = json_number_value(momentum);
    if (!format || strcmp(format, RECORD_FORMAT))
        return bad(file, "its format is another");
    if (!spec->net || !json_is_integer(json_object_get(o, "seed")) ||
        !json_is_number(rate) || !json_is_number(momentum) ||
        !get_int(&spec->batch, o, "batch", BATCH_MAX) ||
        !get_int(&spec->steps, o, "steps", STEPS_MAX))
        return bad(file, "net, batch, steps, seed, learning_rate or momentum "
                         "is missing");
    if (!json_is_false(json_object_get(o, "dropout")))
        return bad(file, "it is not one without dropout");
    if (!json_is_object(json_object_get(o, "tensors")) ||
        (int)json_array_size(json_object_get(o, "losses")) != spec->steps)
        return bad(file, "it has no tensors, or not a row of losses a step");
    return CLADE_OK;
}

/* How many of the record's tensors step 0 alone has. */
static int expected(const json_t *tensors, bool quick)
{
    const char *name;
    json_t *value;
    int n = 0;

    json_object_foreach((json_t *)tensors, name, value)
    {
        n += !quick || strncmp(name, "step0/", 6) == 0;
    }
    return n;
}

static clade_status hold(struct holder *h, clade_backend *be,
                         struct record_spec *spec)
{
    const struct record_sink sink = { .arg = h,
                                      .losses = hold_losses,
                                      .tensor = hold_tensor };
    const int wanted = expected(h->tensors, h->options->quick);
    clade_status st;

    h->gradients = malloc((json_object_size(h->tensors) + 1) * sizeof(double));
    if (!h->gradients)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", h->file);
    st = record_run(be, spec, &sink);
    if (!st)
        report_median(h);
    free(h->gradients);
    if (st)
        return st;
    if (h->seen < wanted)
        return clade_fail(CLADE_EDATA,
                          "%s: %d of its %d tensors are none of the network's",
                          h->file, wanted - h->seen, wanted);
    if (h->outside)
        return clade_fail(CLADE_EBOUND,
                          "%s: %d distances from the record are out of bounds",
                          h->file, h->outside);
    return CLADE_OK;
}

clade_status clade_verify_against(clade_backend *be,
                                  const struct clade_against *options)
{
    struct record_spec spec = { .algorithm = options->algorithm };
    struct holder h = { .file = options->file, .options = options };
    json_error_t error;
    json_t *o = json_load_file(options->file, 0, &error);
    clade_status st;

    if (!o)
        return clade_fail(CLADE_EDATA, "%s: line %d: %s", options->file,
                          error.line, error.text);
    h.losses = json_object_get(o, "losses");
    h.tensors = json_object_get(o, "tensors");
    st = get_spec(&spec, o, options->file);
    if (options->quick)
        spec.steps = 1;
    if (!st)
        st = hold(&h, be, &spec);
    json_decref(o);
    return st;
}
