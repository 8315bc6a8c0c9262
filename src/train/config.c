/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the config of a run. */
#include "train/training.h"

#include <math.h>
#include <string.h>

#include "status.h"

double clade_train_rate(double base, int epoch)
{
    return base * pow(0.98, floor((1 + epoch) / 8.0));
}

/* ---- schedules ----------------------------------------------------------- */

/* The rate of step `step`, of `steps` steps in an epoch. */
typedef double schedule_rate(const struct clade_train_config *c, int step,
                             int steps);

static double rate_step(const struct clade_train_config *c, int step, int steps)
{
    return clade_train_rate(c->learning_rate, step / steps);
}

static double rate_constant(const struct clade_train_config *c, int step,
                            int steps)
{
    (void)step;
    (void)steps;
    return c->learning_rate;
}

static double rate_cosine(const struct clade_train_config *c, int step,
                          int steps)
{
    return c->learning_rate *
           (1 + cos(M_PI * step / ((double)c->epochs * steps))) / 2;
}

#define SCHEDULES "step, constant and cosine"

static const struct schedule {
    const char *name;
    schedule_rate *rate;
} schedules[] = { { "step", rate_step },
                  { "constant", rate_constant },
                  { "cosine", rate_cosine } };

/* NULL: there is none of this name. */
static const struct schedule *find_schedule(const char *name)
{
    for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i++)
        if (!name || !strcmp(schedules[i].name, name))
            return &schedules[i];
    return NULL;
}

const char *run_schedule(const struct clade_train_config *c)
{
    return find_schedule(c->schedule)->name;
}

double clade_train_step_rate(const struct clade_train_config *c, int step)
{
    const int steps = (c->train_count - 1) / c->batch + 1;
    const struct schedule *schedule = find_schedule(c->schedule);
    const double rate = schedule ? schedule->rate(c, step, steps) : NAN;
    const double warming = (double)c->warmup * steps;
    const double k = c->rate_batch ? (double)c->batch / c->rate_batch : 1;

    return rate * (step < warming ? 1 + (k - 1) * step / warming : k);
}

/* ---- the config and what it implies -------------------------------------- */

clade_status run_check_config(const struct clade_train_config *c)
{
    struct augment augment;
    clade_status st;

    if (!c->out || !*c->out)
        return clade_fail(CLADE_EUSAGE, "clade_train: config->out must name a "
                                        "folder for the run's files");
    if (c->train_count < 1 || c->test_count < 1 || c->batch < 1 ||
        c->epochs < 1 || !(c->learning_rate > 0))
        return clade_fail(CLADE_EUSAGE,
                          "training needs images, a batch, epochs and a "
                          "learning rate above 0");
    if (c->rate_batch < 0 || c->warmup < 0 || (c->warmup && !c->rate_batch))
        return clade_fail(CLADE_EUSAGE,
                          "%d epochs of warm-up, and a learning rate for "
                          "batches of %d: a warm-up needs the batch that the "
                          "rate is for, and raises it from there",
                          c->warmup, c->rate_batch);
    if (c->eval_every < 0 || c->early_stop < 0)
        return clade_fail(CLADE_EUSAGE,
                          "validations every %d epochs, and an end after %d "
                          "without a better one: a number is below 0",
                          c->eval_every, c->early_stop);
    if (c->weights && c->resume)
        return clade_fail(CLADE_EUSAGE,
                          "%s: a run that is resumed goes on with its own "
                          "weights; take them for a new run in another folder",
                          c->weights);
    if ((st = augment_parse(&augment, c->augment)))
        return st;
    if (!find_schedule(c->schedule))
        return clade_fail(CLADE_EUSAGE,
                          "no schedule is called \"%s\"; there are " SCHEDULES,
                          c->schedule);
    if ((int64_t)c->epochs * ((c->train_count - 1) / c->batch + 1) > INT32_MAX)
        return clade_fail(CLADE_EUSAGE,
                          "%d epochs of %d images are more than 2^31 steps",
                          c->epochs, c->train_count);
    return CLADE_OK;
}

static int lesser(int a, int b)
{
    return a < b ? a : b;
}

struct clade_net_config train_net_config(const struct clade_train_config *c)
{
    struct clade_net_config net = CLADE_NET_DEFAULTS;

    net.algorithm = c->algorithm;
    net.seed = c->seed;
    net.train_batch = lesser(c->batch, c->train_count);
    net.train_last = c->train_count % net.train_batch;
    net.eval_batch = lesser(c->batch, c->test_count);
    net.eval_last = c->test_count % net.eval_batch;
    return net;
}

clade_status run_check_images(struct clade_net_shape net,
                              const struct clade_dataset *d)
{
    if (d->h != net.source_h || d->w != net.source_w || d->c != net.c)
        return clade_fail(
            CLADE_ESHAPE,
            "the net takes images of %d x %d x %d, these are %d x %d x %d",
            net.source_h, net.source_w, net.c, d->h, d->w, d->c);
    if (d->count < 1 || !d->images || !d->labels)
        return clade_fail(CLADE_EUSAGE,
                          "a net needs images and their labels: there are %d",
                          d->count);
    return CLADE_OK;
}
