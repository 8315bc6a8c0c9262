/* SPDX-License-Identifier: Apache-2.0 */
/* What follows from the config of a run. */
#include "train/training.h"

#include <math.h>

#include "status.h"

double clade_train_rate(double base, int epoch)
{
    return base * pow(0.98, floor((1 + epoch) / 8.0));
}

double clade_train_step_rate(const struct clade_train_config *c, int step)
{
    const int steps = (c->train_count - 1) / c->batch + 1;
    const double rate = clade_train_rate(c->learning_rate, step / steps);
    const double warming = (double)c->warmup * steps;
    const double k = c->rate_batch ? (double)c->batch / c->rate_batch : 1;

    return rate * (step < warming ? 1 + (k - 1) * step / warming : k);
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
