/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compare whole trainings, the device's and the reference's.  Correct ones
 * drift apart, too.  How far they do is measured: that is the envelope
 * (doc/consistency.md).
 */
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "verify/envelope.h"

#define REFERENCE   "cpu64"
#define BATCH       2 /* the standard training */
#define STEPS       10
#define STEPS_QUICK 2
/* How many times the envelope's noise the device's may be.  Twice the largest
 * distance passes, which leaves room for this. */
#define NOISE_ROOM  1.5
#define NOISE_LEAST 0.25 /* u; a kind with less noise does not matter */
/* What the reference's own roundings, in double, come to after all steps. */
#define CENTRE_ROOM 1e-6

struct trainer {
    const struct clade_verify_train *options;
    struct training_config config;
    struct trace_options traced;
    struct training *training;   /* on the device */
    struct trace centre, device; /* the reference's; the device's */
};

static struct training_config config_of(const struct clade_verify_train *o)
{
    struct training_config config = TRAINING_DEFAULTS;

    config.algorithm = o->algorithm;
    config.batch = o->batch ? o->batch : BATCH;
    config.steps = o->steps ? o->steps : STEPS;
    config.seed = o->seed;
    config.stop = o->stop;
    config.arg = o->arg;
    if (o->quick && config.steps > STEPS_QUICK)
        config.steps = STEPS_QUICK;
    return config;
}

static clade_status trace_reference(struct trainer *t)
{
    const char *name = t->options->reference;
    struct training_config config = t->config;
    clade_backend *be;
    clade_status st = clade_backend_open(&be, name ? name : REFERENCE);

    if (st)
        return st;
    config.algorithm = NULL; /* the reference has its own */
    st = trace_make_once(&t->centre, be, &config, &t->traced);
    clade_backend_close(be);
    return st == CLADE_EDIVERGED
               ? clade_fail(CLADE_EMISTRUSTED,
                            "the reference's training cannot be judged by: %s",
                            clade_error())
               : st;
}

/* Train on the reference, and be ready to train on the device. */
static clade_status begin(struct trainer *t, clade_backend *be,
                          const struct clade_verify_train *options)
{
    clade_status st = verify_can_judge(be);

    *t = (struct trainer){ .options = options, .config = config_of(options) };
    t->traced = (struct trace_options){ .steps = t->config.steps,
                                        .norms = true,
                                        .noise.scale = 1 };
    if (!st)
        st = trace_reference(t);
    return st ? st : training_new(&t->training, be, &t->config);
}

static void end(struct trainer *t)
{
    trace_free(&t->device);
    trace_free(&t->centre);
    training_free(t->training);
}

static clade_status make_spread(struct spread *spread, const struct trainer *t,
                                int runs, const struct trace *centre)
{
    const struct ensemble e = {
        .runs = runs, .centre = centre, .unit = centre, .run = t->traced
    };

    return spread_make(spread, t->training, &e);
}

/* ---- judging ------------------------------------------------------------- */

/* Whether the envelope is of this training, or of one that begins with it. */
static bool is_of(const struct envelope *e, const struct training_config *c)
{
    return e->config.net && !strcmp(e->config.net, c->net) &&
           e->config.batch == c->batch && e->config.seed == c->seed &&
           e->config.steps >= c->steps &&
           e->config.learning_rate == c->learning_rate &&
           e->config.momentum == c->momentum;
}

/* Whether the envelope can judge this training.  The device's noise, which is
 * measured here, must also be at most about the envelope's. */
static clade_status suits(bool *suited, const struct trainer *t,
                          const struct envelope *e)
{
    const struct trace_options options = { .steps = 1,
                                           .noise.mode = NOISE_MEASURE };
    clade_status st;

    *suited = is_of(e, &t->config);
    if (!*suited)
        return CLADE_OK;
    st = trace_make(NULL, t->training, &options);
    for (int k = 0; k < CLADE_OP_KINDS && !st; k++) {
        const double u = noise_of_kind(t->training->noise, k);

        *suited &= u <= NOISE_LEAST || u <= NOISE_ROOM * e->noise[k];
    }
    return st;
}

/* The reference must be where it was when the envelope was made. */
static clade_status check_centre(const struct trace *centre,
                                 const struct trace *was)
{
    for (int i = 0; i < centre->n; i++) {
        const struct quantity *q = &centre->list[i], *w = &was->list[i];

        if (strcmp(q->name, w->name) ||
            !(spread_deviation(q, w, w) <= CENTRE_ROOM))
            return clade_fail(CLADE_EMISTRUSTED,
                              "the envelope is of another training: the "
                              "reference's %s is %.9g, and was %.9g "
                              "(clade_envelope_make() makes a new one)",
                              q->name, q->value, w->value);
    }
    return CLADE_OK;
}

/* Use the envelope's spread, but only the steps that this training has. */
static clade_status take_spread(const struct trainer *t, struct envelope *e)
{
    const char *reference = t->options->reference;

    if (e->spread.n < t->centre.n)
        return clade_fail(CLADE_EDATA,
                          "the envelope has only %d quantities of %d",
                          e->spread.n, t->centre.n);
    e->spread.n = t->centre.n;
    return reference && strcmp(reference, REFERENCE)
               ? CLADE_OK
               : check_centre(&t->centre, &e->centre);
}

/*
 * Make a spread around the device's own training.  Around the reference's, a
 * device that is wrong in each run would be as far away as its noisy runs, and
 * pass.
 */
static clade_status replace_spread(const struct trainer *t, struct envelope *e)
{
    spread_free(&e->spread);
    return make_spread(&e->spread, t,
                       t->options->quick ? SPREAD_RUNS_QUICK : SPREAD_RUNS,
                       &t->device);
}

static clade_status judge(struct trainer *t, struct envelope *e)
{
    struct judged judged = {
        .trace = &t->device,
        .centre = &t->centre,
        .unit = &t->centre,
        .name = clade_backend_device(t->training->be)->selector,
        .report = t->options->report,
        .conclude = t->options->conclude,
        .arg = t->options->arg
    };
    bool suited;
    clade_status st = trace_make(&t->device, t->training, &t->traced);

    if (!st)
        st = suits(&suited, t, e);
    if (!st)
        st = suited ? take_spread(t, e) : replace_spread(t, e);
    if (st)
        return st == CLADE_EDIVERGED ? spread_diverged(&judged) : st;
    judged.own = !suited;
    return spread_verdict(&e->spread, &judged);
}

clade_status clade_verify_train(clade_backend *be,
                                const struct clade_verify_train *options)
{
    struct trainer t;
    struct envelope e;
    clade_status st = status_given(__func__, "be, options", be && options);

    if (st || (st = envelope_read(&e, options->envelope)))
        return st;
    st = begin(&t, be, options);
    if (!st)
        st = judge(&t, &e);
    end(&t);
    envelope_free(&e);
    return st;
}

clade_status clade_envelope_make(clade_backend *be, const char *file, int runs,
                                 const struct clade_verify_train *options)
{
    struct trainer t;
    struct envelope e = { 0 };
    clade_status st =
        status_given(__func__, "be, file, options", be && file && options);

    if (!st && runs < 1)
        st = clade_fail(CLADE_EUSAGE, "%s: %d runs", __func__, runs);
    if (st)
        return st;
    e.config = config_of(options);
    st = begin(&t, be, options);
    if (!st)
        st = make_spread(&e.spread, &t, runs, &t.centre);
    if (!st) {
        for (int k = 0; k < CLADE_OP_KINDS; k++)
            e.noise[k] = noise_of_kind(t.training->noise, k);
        e.centre = t.centre;
        st = envelope_write(file, &e, be);
    }
    spread_free(&e.spread);
    end(&t);
    return st;
}
