/* SPDX-License-Identifier: Apache-2.0 */
/* Which epoch has the best validation. */
#include "train.h"

#include <stdlib.h>

#include "plain.h"

/* A figure with the digits that history.csv has. */
static double rounded(double value)
{
    const locale_t before = plain_begin();
    char text[400]; /* as many digits as the largest double has */
    double v;

    snprintf(text, sizeof text, "%.6f", value);
    v = strtod(text, NULL);
    plain_end(before);
    return v;
}

bool best_update(struct best *best, const struct clade_train_epoch *epoch)
{
    const double accuracy = rounded(epoch->test.accuracy[0]);
    const double loss = rounded(epoch->test.loss);

    if (!epoch->validated)
        return false;
    best->last = epoch->epoch;
    if (best->any && (accuracy < best->accuracy ||
                      (accuracy == best->accuracy && loss >= best->loss)))
        return false;
    *best = (struct best){ true, epoch->epoch, epoch->epoch, accuracy, loss };
    return true;
}

bool best_is_old(const struct best *best, const struct clade_train_config *c)
{
    return c->early_stop && best->any &&
           best->last - best->epoch >= c->early_stop;
}
