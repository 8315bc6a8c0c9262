/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole trainings: the device's beside the reference's.  They drift apart for
 * good reasons, so how far correct ones do is measured: that is the envelope
 * (doc/consistency.md).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "verify/envelope.h"

#define REFERENCE   "cpu64"
#define BATCH       2 /* the standard training */
#define STEPS       10
#define STEPS_QUICK 2
/* The device's noise may be larger than the envelope's by this: the edge, a
 * factor of two, has room for it. */
#define NOISE_ROOM  1.5
#define NOISE_LEAST 0.25 /* u; below, a kind's part is nothing */
/* The reference's own roundings, in double, after all steps. */
#define CENTRE_ROOM 1e-6

struct trainer {
    clade_backend *be;
    const struct clade_verify_train *options;
    struct record_spec spec;
    struct training *training; /* on the device */
    struct noise *noise;
    struct trace centre, device; /* the reference's, and the device's */
    struct trace run;            /* the noisy one that is under way */
    const struct trace *around;  /* what noisy runs' deviations are from */
    struct spread spread;
    double *deviation; /* room for that of a trace */
    bool own;          /* the spread was made here */
};

/* ---- the two trainings ----------------------------------------------------
 */

static clade_status run_reference(struct trainer *t)
{
    const char *name = t->options->reference;
    struct record_spec spec = t->spec;
    struct training *training = NULL;
    struct record_sink sink;
    clade_backend *be;
    clade_status st = clade_backend_open(&be, name ? name : REFERENCE);

    if (st)
        return st;
    spec.algorithm = NULL;
    st = training_new(&training, be, &spec);
    if (!st) {
        trace_new(&t->centre, training_net(training));
        sink = trace_sink(&t->centre);
        st = training_run(training, spec.steps, NULL, &sink);
    }
    training_free(training);
    clade_backend_close(be);
    return st;
}

static clade_status begin(struct trainer *t)
{
    clade_status st = run_reference(t);

    if (!st)
        st = training_new(&t->training, t->be, &t->spec);
    if (!st)
        st = noise_new(&t->noise, training_net(t->training), t->spec.batch,
                       t->spec.steps);
    if (st)
        return st;
    trace_new(&t->device, training_net(t->training));
    trace_new(&t->run, training_net(t->training));
    t->deviation = malloc((t->centre.n + 1) * sizeof(*t->deviation));
    return t->deviation ? CLADE_OK
                        : clade_fail(CLADE_ENOMEM, "verify: out of memory");
}

static void end(struct trainer *t)
{
    free(t->deviation);
    spread_free(&t->spread);
    trace_free(&t->run);
    trace_free(&t->device);
    trace_free(&t->centre);
    noise_free(t->noise);
    training_free(t->training);
}

/* ---- the spread -----------------------------------------------------------
 */

static void add_run(void *arg)
{
    struct trainer *t = arg;

    trace_deviations(t->deviation, &t->run, t->around, t->centre.n);
    spread_add(&t->spread, t->deviation);
    t->run.n = 0;
}

/* A sink's argument is the trace, and add_run() wants the trainer. */
static clade_status noisy_losses(void *arg, int step, const double *row, int n)
{
    struct trainer *t = arg;
    const struct record_sink sink = trace_sink(&t->run);

    return sink.losses(sink.arg, step, row, n);
}

static clade_status noisy_norm(void *arg, int step, const char *name, double l2)
{
    struct trainer *t = arg;
    const struct record_sink sink = trace_sink(&t->run);

    return sink.norm(sink.arg, step, name, l2);
}

/*
 * Around the device's own training, where that is to be judged: were it
 * around the reference's, a device that is wrong in each run would be as far
 * away as its own noisy runs, and pass.
 */
static clade_status make_spread(struct trainer *t, int runs,
                                const struct trace *around)
{
    const struct ensemble e = {
        .runs = runs,
        .steps = t->spec.steps,
        .scale = 1,
        .sink = { .arg = t, .losses = noisy_losses, .norm = noisy_norm },
        .done = add_run
    };

    clade_status st = trace_spread(&t->spread, &t->centre, t->centre.n);

    t->own = true;
    t->around = around;
    return st ? st : ensemble_run(t->training, t->noise, &e);
}

/* Whether the envelope is of this training, or of its beginning. */
static bool is_of(const struct envelope *e, const struct record_spec *s)
{
    return !strcmp(e->spec.net, s->net) && e->spec.batch == s->batch &&
           e->spec.seed == s->seed && e->spec.steps >= s->steps &&
           e->spec.learning_rate == s->learning_rate &&
           e->spec.momentum == s->momentum;
}

/* Whether the device's noise is about the envelope's, or less. */
static bool is_quiet(const struct trainer *t, const struct envelope *e)
{
    for (int k = 0; k < CLADE_OP_KINDS; k++) {
        const double u = noise_of_kind(t->noise, k);

        if (u > NOISE_LEAST && u > NOISE_ROOM * e->noise[k])
            return false;
    }
    return true;
}

/* The reference must be where it was when the envelope was made. */
static clade_status check_centre(const struct trainer *t,
                                 const struct envelope *e)
{
    trace_deviations(t->deviation, &t->centre, &e->trace, t->centre.n);
    for (int i = 0; i < t->centre.n; i++) {
        const struct quantity *q = &t->centre.list[i];

        if (!strcmp(q->name, e->trace.list[i].name) &&
            t->deviation[i] <= CENTRE_ROOM)
            continue;
        return clade_fail(CLADE_EMISTRUSTED,
                          "the envelope is of another training: at step %d, "
                          "the reference's %s is %.9g, and was %.9g (make a "
                          "new one by clade verify --make-envelope)",
                          q->step, q->name, q->value, e->trace.list[i].value);
    }
    return CLADE_OK;
}

static clade_status take_spread(struct trainer *t, const struct envelope *e)
{
    const bool standard =
        !t->options->reference || !strcmp(t->options->reference, REFERENCE);
    clade_status st = CLADE_OK;

    if (e->trace.n < t->centre.n)
        return clade_fail(CLADE_EDATA, "the envelope has %d quantities of %d",
                          e->trace.n, t->centre.n);
    if (standard)
        st = check_centre(t, e);
    return st ? st : envelope_spread(&t->spread, e, t->centre.n);
}

/* ---- the verdict ----------------------------------------------------------
 */

static void name_of(char name[96], const struct quantity *q)
{
    snprintf(name, 96, "step%d/%s/%s", q->step,
             q->loss ? "losses" : "gradients", q->name);
}

/* Where the trainings part: the first quantity beyond the largest. */
static void name_first(struct spread_verdict *v, const struct trainer *t,
                       const double *distance)
{
    int i = 0;

    while (i < t->centre.n && distance[i] <= v->training.largest)
        i++;
    if (i < t->centre.n)
        name_of(v->training.where, &t->centre.list[i]);
}

/* The worst one of the quantities from ... to-1, of one kind in one step. */
static void report_group(struct spread_verdict *v, const struct trainer *t,
                         const double *distance, int from, int to)
{
    int worst = from;
    char name[96];

    for (int i = from; i < to; i++)
        if (distance[i] > distance[worst])
            worst = i;
    name_of(name, &t->centre.list[worst]);
    spread_report(v, name, t->deviation[worst], distance[worst]);
}

static clade_status judge(struct trainer *t)
{
    struct spread_verdict v = {
        .report = t->options->report,
        .arg = t->options->arg,
        .training = { .runs = t->spread.runs, .own = t->own },
    };
    const int *group = t->spread.group;
    double *distance = malloc((t->centre.n + 1) * sizeof(*distance));
    int from = 0;

    if (!distance)
        return clade_fail(CLADE_ENOMEM, "verify: out of memory");
    trace_deviations(t->deviation, &t->device, &t->centre, t->centre.n);
    spread_judge(distance, &v.training.largest, &t->spread, t->deviation);
    name_first(&v, t, distance);
    for (int i = 1; i <= t->centre.n; i++) {
        if (i < t->centre.n && group[i] == group[from])
            continue;
        report_group(&v, t, distance, from, i);
        from = i;
    }
    free(distance);
    if (t->options->conclude)
        t->options->conclude(t->options->arg, &v.training);
    return spread_conclude(&v, clade_backend_device(t->be)->selector);
}

/* ---- from outside ---------------------------------------------------------
 */

static struct record_spec spec_of(const struct clade_verify_train *o)
{
    struct record_spec spec = RECORD_SPEC_DEFAULTS;

    spec.algorithm = o->algorithm;
    spec.batch = o->batch ? o->batch : BATCH;
    spec.steps = o->steps ? o->steps : STEPS;
    spec.seed = o->seed;
    spec.stop = o->stop;
    spec.arg = o->arg;
    if (o->quick && spec.steps > STEPS_QUICK)
        spec.steps = STEPS_QUICK;
    return spec;
}

/* The device's own training, and then what it is to be held against. */
static clade_status run_device(struct trainer *t, const struct envelope *e)
{
    const struct record_sink sink = trace_sink(&t->device);
    const struct record_sink nothing = { .arg = NULL };
    clade_status st = training_run(t->training, t->spec.steps, NULL, &sink);
    bool fits = is_of(e, &t->spec);

    if (!st && fits) {
        noise_measure(t->noise);
        st = training_run(t->training, 1, t->noise, &nothing);
        fits = is_quiet(t, e);
    }
    if (st)
        return st;
    return fits ? take_spread(t, e)
                : make_spread(
                      t, t->options->quick ? SPREAD_RUNS_QUICK : SPREAD_RUNS,
                      &t->device);
}

static clade_status read_envelope(struct envelope *e, const char *file)
{
    return file ? envelope_read(e, file) : envelope_standard(e);
}

clade_status clade_verify_train(clade_backend *be,
                                const struct clade_verify_train *options)
{
    struct trainer t = { .be = be,
                         .options = options,
                         .spec = spec_of(options) };
    struct envelope e;
    clade_status st = verify_can_judge(be);

    if (!st)
        st = read_envelope(&e, options->envelope);
    if (st)
        return st;
    st = begin(&t);
    if (!st)
        st = run_device(&t, &e);
    if (!st)
        st = judge(&t);
    end(&t);
    envelope_free(&e);
    return st;
}

/* The spread, beside the centre that it is around. */
static void fill_envelope(struct envelope *e, const struct trainer *t)
{
    *e = (struct envelope){ .spec = t->spec,
                            .runs = t->spread.runs,
                            .trace = t->centre };
    for (int k = 0; k < CLADE_OP_KINDS; k++)
        e->noise[k] = noise_of_kind(t->noise, k);
    for (int i = 0; i < e->trace.n; i++) {
        e->trace.list[i].rms = sqrt(t->spread.squares[i] / e->runs);
        e->trace.list[i].largest = sqrt(t->spread.largest[i]);
    }
}

clade_status clade_envelope_make(clade_backend *be, const char *file, int runs,
                                 const struct clade_verify_train *options)
{
    struct trainer t = { .be = be,
                         .options = options,
                         .spec = spec_of(options) };
    struct envelope e;
    clade_status st = verify_can_judge(be);

    if (st)
        return st;
    st = begin(&t);
    if (!st)
        st = make_spread(&t, runs, &t.centre);
    if (!st) {
        fill_envelope(&e, &t);
        st = envelope_write(file, &e, be);
    }
    end(&t);
    return st;
}
