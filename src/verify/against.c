/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A device held against a record.  The record's own device is not known, so
 * the question is whether its numbers could be one more of this device's
 * trainings with noise: how far they are from the one without is compared
 * with how far those are (doc/consistency.md).
 */
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "verify/spread.h"

/* One tensor: the record's numbers, and the device's without noise. */
struct held {
    char name[96];
    double deviation; /* of the run that is under way */
    double unit;      /* the record's RMS, or 1 */
    int64_t elements;
    int n;
    int64_t at[RECORD_SAMPLES];
    double want[RECORD_SAMPLES], base[RECORD_SAMPLES];
    double want_l2, want_sum, base_l2, base_sum;
};

/* A row of losses, likewise. */
struct held_losses {
    double want[RECORD_LOSSES], base[RECORD_LOSSES];
};

struct holder {
    const char *file;
    const struct clade_against *options;
    const json_t *losses, *tensors;
    int steps, heads; /* rows of losses, and numbers in one */
    struct held_losses *row;
    struct held *held;
    int n_held, next; /* tensors so far, and the one that comes next */
    double *deviation;
    struct spread spread;
};

static clade_status no_memory(const char *file)
{
    return clade_fail(CLADE_ENOMEM, "%s: out of memory", file);
}

/* ---- the run without noise, and the record beside it ----------------------
 */

static clade_status base_losses(void *arg, int step, const double *row, int n)
{
    struct holder *h = arg;
    const json_t *want = json_array_get(h->losses, step);

    if ((int)json_array_size(want) != n)
        return record_bad(h->file,
                          "its losses are not a row a step, a column a head");
    h->heads = n;
    for (int i = 0; i < n; i++) {
        h->row[step].base[i] = row[i];
        h->row[step].want[i] = json_number_value(json_array_get(want, i));
    }
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

/* The samples of a record's tensor; false if they are none. */
static bool get_samples(struct held *t, const json_t *samples)
{
    json_t *pair;
    size_t k;

    if (!json_array_size(samples) || json_array_size(samples) > RECORD_SAMPLES)
        return false;
    json_array_foreach(samples, k, pair) {
        const json_t *index = json_array_get(pair, 0);
        const json_t *value = json_array_get(pair, 1);

        t->at[k] = json_integer_value(index);
        t->want[k] = json_number_value(value);
        if (!json_is_integer(index) || !json_is_number(value) || t->at[k] < 0 ||
            t->at[k] >= t->elements)
            return false;
    }
    t->n = (int)json_array_size(samples);
    return true;
}

static clade_status base_tensor(void *arg, const struct record_tensor *tensor)
{
    struct holder *h = arg;
    const json_t *entry = json_object_get(h->tensors, tensor->name);
    struct held *t = &h->held[h->n_held];

    if (!entry)
        return CLADE_OK; /* what a record leaves out is not judged */
    if (!same_shape(json_object_get(entry, "shape"), tensor))
        return clade_fail(CLADE_EDATA,
                          "%s: %s has another shape than in the network",
                          h->file, tensor->name);
    snprintf(t->name, sizeof(t->name), "%s", tensor->name);
    t->elements = tensor->n;
    if (!get_samples(t, json_object_get(entry, "samples")))
        return clade_fail(CLADE_EDATA,
                          "%s: the samples of %s are no pairs of index and "
                          "value",
                          h->file, tensor->name);
    for (int k = 0; k < t->n; k++)
        t->base[k] = tensor->values[t->at[k]];
    t->want_l2 = json_number_value(json_object_get(entry, "l2"));
    t->want_sum = json_number_value(json_object_get(entry, "sum"));
    t->base_l2 = record_l2(tensor);
    t->base_sum = record_sum(tensor);
    t->unit = t->want_l2 > 0 ? t->want_l2 / sqrt((double)t->elements) : 1;
    h->n_held++;
    return CLADE_OK;
}

/* ---- deviations -----------------------------------------------------------
 */

static double relative(double got, double want, double unit)
{
    const double d = fabs(got - want) / (unit != 0 ? fabs(unit) : 1);

    return isnan(d) ? INFINITY : d;
}

/*
 * How far a tensor is from the device's without noise, in units of its RMS:
 * the upper quartile of its samples' distances.  For one ReLU that flips moves
 * few elements by much: where the samples meet one of those, a mean of squares
 * would be a hundred spreads away, and with it the limit of all.  Elsewhere:
 * where every element is within e RMS, the l2 is within e l2, and the sum
 * within e n RMS.
 */
static double deviation_of(const struct held *t, const double *sample,
                           double l2, double sum)
{
    const double n = (double)t->elements;
    double distance[RECORD_SAMPLES];

    for (int k = 0; k < t->n; k++)
        distance[k] = relative(sample[k], t->base[k], t->unit);
    spread_sort(distance, t->n);
    return fmax(distance[3 * t->n / 4],
                fmax(relative(l2, t->base_l2, t->unit * sqrt(n)),
                     relative(sum, t->base_sum, t->unit * n)));
}

/* Losses come first among the quantities. */
static double *loss_of(const struct holder *h, int step)
{
    return h->deviation + step * h->heads;
}

static clade_status noisy_losses(void *arg, int step, const double *row, int n)
{
    struct holder *h = arg;

    for (int i = 0; i < n; i++)
        loss_of(h, step)[i] =
            relative(row[i], h->row[step].base[i], h->row[step].want[i]);
    return CLADE_OK;
}

static clade_status noisy_tensor(void *arg, const struct record_tensor *tensor)
{
    struct holder *h = arg;
    struct held *t = &h->held[h->next];
    double sample[RECORD_SAMPLES];

    if (h->next == h->n_held || strcmp(t->name, tensor->name))
        return CLADE_OK; /* one that the record leaves out */
    for (int k = 0; k < t->n; k++)
        sample[k] = tensor->values[t->at[k]];
    loss_of(h, h->steps)[h->next++] =
        deviation_of(t, sample, record_l2(tensor), record_sum(tensor));
    return CLADE_OK;
}

static void noisy_done(void *arg)
{
    struct holder *h = arg;

    spread_add(&h->spread, h->deviation);
    h->next = 0;
}

static void judge_record(struct holder *h)
{
    for (int step = 0; step < h->steps; step++)
        noisy_losses(h, step, h->row[step].want, h->heads);
    for (int i = 0; i < h->n_held; i++) {
        const struct held *t = &h->held[i];

        loss_of(h, h->steps)[i] =
            deviation_of(t, t->want, t->want_l2, t->want_sum);
    }
}

/* ---- the spread -----------------------------------------------------------
 */

static void set_groups(struct holder *h)
{
    static const char *const kinds[] = { "/activation/", "/gradient/",
                                         "/parameter/" };
    int *group = h->spread.group;

    for (int step = 0; step < h->steps; step++)
        for (int i = 0; i < h->heads; i++)
            *group++ = step;
    for (int i = 0; i < h->n_held; i++, group++)
        for (int k = 0; k < 3; k++)
            if (strstr(h->held[i].name, kinds[k]))
                *group = h->steps + k;
}

/* Noisy runs of `t`, around what it is without noise. */
static clade_status make_spread(struct holder *h, struct training *t,
                                const struct record_spec *spec, double scale)
{
    const struct ensemble e = {
        .runs = h->options->quick ? SPREAD_RUNS_QUICK : SPREAD_RUNS,
        .steps = h->steps,
        .scale = scale,
        .sink = { .arg = h, .losses = noisy_losses, .tensor = noisy_tensor },
        .done = noisy_done
    };
    struct noise *noise;
    clade_status st =
        noise_new(&noise, training_net(t), spec->batch, spec->steps);

    if (st)
        return st;
    st = ensemble_run(t, noise, &e);
    noise_free(noise);
    return st;
}

/* What stores double has no noise to speak of: the reference in float then
 * shows what a device's would come to. */
static clade_status borrow_spread(struct holder *h,
                                  const struct record_spec *spec, double scale)
{
    struct record_spec own = *spec;
    const struct record_sink sink = { .arg = h,
                                      .losses = base_losses,
                                      .tensor = base_tensor };
    struct training *t = NULL;
    clade_backend *cpu;
    clade_status st = clade_backend_open(&cpu, "cpu");

    if (st)
        return st;
    own.algorithm = NULL; /* the reference has its own */
    st = training_new(&t, cpu, &own);
    h->n_held = 0;
    if (!st)
        st = training_run(t, h->steps, NULL, &sink);
    if (!st)
        st = make_spread(h, t, spec, scale);
    training_free(t);
    clade_backend_close(cpu);
    return st;
}

/* ---- the verdict ----------------------------------------------------------
 */

static void report_losses(struct spread_verdict *v, const struct holder *h,
                          const double *deviation, const double *distance,
                          int step)
{
    const int first = step * h->heads;
    int worst = first;
    char name[40];

    for (int i = first; i < first + h->heads; i++)
        if (distance[i] > distance[worst])
            worst = i;
    snprintf(name, sizeof(name), "step%d/losses", step);
    spread_report(v, name, deviation[worst], distance[worst]);
}

/* In the order in which they are computed. */
static void report_all(struct spread_verdict *v, const struct holder *h,
                       const double *deviation, const double *distance)
{
    const int tensors = h->steps * h->heads;
    int i = 0;

    for (; i < h->n_held && strstr(h->held[i].name, "/activation/"); i++)
        spread_report(v, h->held[i].name, deviation[tensors + i],
                      distance[tensors + i]);
    report_losses(v, h, deviation, distance, 0);
    for (; i < h->n_held && strstr(h->held[i].name, "/gradient/"); i++)
        spread_report(v, h->held[i].name, deviation[tensors + i],
                      distance[tensors + i]);
    for (int step = 1; step < h->steps; step++)
        report_losses(v, h, deviation, distance, step);
    for (; i < h->n_held; i++)
        spread_report(v, h->held[i].name, deviation[tensors + i],
                      distance[tensors + i]);
}

static clade_status judge(struct holder *h, const double *deviation)
{
    struct spread_verdict v = {
        .report = h->options->report,
        .arg = h->options->arg,
        .training = { .runs = h->spread.runs, .own = true },
    };
    double *distance = malloc((h->spread.n + 1) * sizeof(*distance));

    if (!distance)
        return no_memory(h->file);
    spread_judge(distance, &v.training.largest, &h->spread, deviation);
    report_all(&v, h, deviation, distance);
    free(distance);
    if (h->options->conclude)
        h->options->conclude(h->options->arg, &v.training);
    return spread_conclude(&v, h->file);
}

/* ---- the file -------------------------------------------------------------
 */

/* How many of the record's tensors step 0 alone has. */
static int expected(const json_t *tensors, bool quick)
{
    const char *name;
    json_t *value;
    int n = 0;

    json_object_foreach((json_t *)tensors, name, value)
        n += !quick || strncmp(name, "step0/", 6) == 0;
    return n;
}

static clade_status make_room(struct holder *h)
{
    h->row = calloc(h->steps, sizeof(*h->row));
    h->held = calloc(json_object_size(h->tensors) + 1, sizeof(*h->held));
    h->deviation =
        calloc(h->steps * RECORD_LOSSES + json_object_size(h->tensors) + 1,
               sizeof(*h->deviation));
    return h->row && h->held && h->deviation ? CLADE_OK : no_memory(h->file);
}

/* Without noise: the device's numbers, and how far the record's are. */
static clade_status run_base(struct holder *h, struct training *t)
{
    const struct record_sink sink = { .arg = h,
                                      .losses = base_losses,
                                      .tensor = base_tensor };
    const int wanted = expected(h->tensors, h->options->quick);
    clade_status st = training_run(t, h->steps, NULL, &sink);

    if (st)
        return st;
    if (h->n_held < wanted)
        return clade_fail(CLADE_EDATA,
                          "%s: %d of its %d tensors are none of the network's",
                          h->file, wanted - h->n_held, wanted);
    judge_record(h);
    return CLADE_OK;
}

static clade_status hold(struct holder *h, clade_backend *be,
                         const struct record_spec *spec, double scale)
{
    struct training *t = NULL;
    double *record = NULL;
    clade_status st = make_room(h);

    if (!st)
        st = training_new(&t, be, spec);
    if (!st)
        st = run_base(h, t);
    if (!st)
        st = spread_new(&h->spread, h->steps * h->heads + h->n_held);
    if (st)
        goto out;
    record = malloc((h->spread.n + 1) * sizeof(*record));
    if (!record) {
        st = no_memory(h->file);
        goto out;
    }
    memcpy(record, h->deviation, h->spread.n * sizeof(*record));
    set_groups(h);
    st = clade_backend_real(be) == CLADE_F32 ? make_spread(h, t, spec, scale)
                                             : borrow_spread(h, spec, scale);
    if (!st)
        st = judge(h, record);
out:
    free(record);
    training_free(t);
    spread_free(&h->spread);
    free(h->row);
    free(h->held);
    free(h->deviation);
    return st;
}

/* A file that cannot be read is bad data, too. */
static clade_status load(json_t **record, const char *file)
{
    char *text;
    size_t n;
    clade_status st = file_read(&text, &n, file);

    if (st == CLADE_EIO)
        return clade_fail(CLADE_EDATA, "%s", clade_error());
    if (st)
        return st;
    st = record_parse(record, text, n, file);
    free(text);
    return st;
}

/* A record made in float has noise of its own, as large as the device's. */
static double scale_of(const json_t *record)
{
    const json_t *producer = json_object_get(record, "producer");
    const char *type = json_string_value(json_object_get(producer, "dtype"));

    return type && !strcmp(type, "float64") ? 1 : sqrt(2);
}

clade_status clade_verify_against(clade_backend *be,
                                  const struct clade_against *options)
{
    struct record_spec spec = { .algorithm = options->algorithm,
                                .stop = options->stop,
                                .arg = options->arg };
    struct holder h = { .file = options->file, .options = options };
    clade_status st = verify_trust_host();
    json_t *o;

    if (!st)
        st = load(&o, options->file);
    if (st)
        return st;
    h.losses = json_object_get(o, "losses");
    h.tensors = json_object_get(o, "tensors");
    st = record_read_spec(&spec, o, options->file);
    if (options->quick)
        spec.steps = 1;
    h.steps = spec.steps;
    if (!st)
        st = hold(&h, be, &spec, scale_of(o));
    json_decref(o);
    return st;
}
