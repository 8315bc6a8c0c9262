/* SPDX-License-Identifier: Apache-2.0 */
#include "train/training.h"

#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "rng.h"
#include "status.h"

/* Add a step's results to sums over images. */
static void figures_add(struct clade_figures *sums,
                        const struct clade_result *r)
{
    sums->images += r->images;
    sums->loss += r->loss * r->images;
    for (int i = 0; i < CLADE_HEADS_MAX; i++) {
        sums->head_loss[i] += r->head_loss[i] * r->images;
        sums->accuracy[i] += r->hits[i];
    }
}

/* The means, from sums over images. */
static struct clade_figures figures_mean(const struct clade_figures *sums)
{
    struct clade_figures mean = *sums;

    mean.loss /= sums->images;
    for (int i = 0; i < CLADE_HEADS_MAX; i++) {
        mean.head_loss[i] /= sums->images;
        mean.accuracy[i] /= sums->images;
    }
    return mean;
}

static int lesser(int a, int b)
{
    return a < b ? a : b;
}

static size_t image_bytes(const struct clade_dataset *d)
{
    return (size_t)d->h * (size_t)d->w * (size_t)d->c;
}

static clade_status interrupted(const struct clade_train_observer *observer)
{
    if (observer && observer->stop && observer->stop(observer->arg))
        return clade_fail(CLADE_EINTERRUPTED, "interrupted");
    return CLADE_OK;
}

/* Run `each` for `count` images, `batch` at a time, and make means. */
static clade_status evaluate(struct clade_figures *figures, int count,
                             int batch,
                             clade_status (*each)(void *arg, int at, int n,
                                                  struct clade_result *result),
                             void *arg)
{
    struct clade_figures sums = { 0 };
    clade_status st = CLADE_OK;

    for (int at = 0; at < count && !st; at += batch) {
        struct clade_result result = { 0 };

        st = each(arg, at, lesser(batch, count - at), &result);
        if (!st)
            figures_add(&sums, &result);
    }
    if (!st)
        *figures = figures_mean(&sums);
    return st;
}

/* ---- a net alone --------------------------------------------------------- */

struct alone {
    clade_net *net;
    const struct clade_dataset *data;
    const struct clade_train_observer *observer;
};

static struct clade_batch images_at(const struct clade_dataset *data, int at,
                                    int n)
{
    return (struct clade_batch){
        .n = n,
        .bytes = data->images + (size_t)at * image_bytes(data),
        .labels = data->labels + at,
    };
}

static clade_status evaluate_alone(void *arg, int at, int n,
                                   struct clade_result *result)
{
    const struct alone *a = arg;
    const struct clade_batch batch = images_at(a->data, at, n);
    const clade_status st = interrupted(a->observer);

    return st ? st : clade_net_eval(a->net, &batch, result);
}

clade_status clade_train_evaluate(struct clade_figures *figures, clade_net *net,
                                  const struct clade_dataset *data, int batch,
                                  const struct clade_train_observer *observer)
{
    struct alone alone = { net, data, observer };
    clade_status st;

    if ((st = status_given(__func__, "figures, net, data",
                           figures && net && data)) ||
        (st = run_check_images(clade_net_shape(net), data)))
        return st;
    if (batch < 1)
        return clade_fail(CLADE_EUSAGE, "%s: %d images at a time", __func__,
                          batch);
    return evaluate(figures, data->count, batch, evaluate_alone, &alone);
}

/* ---- a run --------------------------------------------------------------- */

/* All ranks stop together. */
static clade_status ask_all(struct training *t)
{
    bool stop = interrupted(t->observer) != CLADE_OK;
    const clade_status st =
        t->dist->size > 1 ? group_any(&stop, &t->group, stop) : CLADE_OK;

    return st     ? st
           : stop ? clade_fail(CLADE_EINTERRUPTED, "interrupted")
                  : CLADE_OK;
}

/* A batch of the training or test images, from image `at` on. */
struct place {
    struct training *t;
    int at;
    int epoch;
};

/* Copy images of the epoch's order into one share, augmented. */
static struct clade_batch train_images(void *arg, int first, int count)
{
    const struct place *place = arg;
    struct training *t = place->t;
    const struct clade_dataset *train = &t->data.train;
    const size_t bytes = image_bytes(train);

    for (int i = 0; i < count; i++) {
        const uint32_t from = t->order[place->at + first + i];

        augment_copy(t->images + (size_t)i * bytes, train, from, &t->augment,
                     t->config->seed, (uint32_t)place->epoch);
        t->labels[i] = train->labels[from];
    }
    return (struct clade_batch){ .n = count,
                                 .bytes = t->images,
                                 .labels = t->labels };
}

static struct clade_batch test_images(void *arg, int first, int count)
{
    const struct place *place = arg;

    return images_at(&place->t->data.test, place->at + first, count);
}

/* After a step that returned `st`: was there a value that is not finite? */
static clade_status search_numerics(struct training *t, clade_status st)
{
    return t->config->check_numerics ? numerics_conclude(&t->numerics, st) : st;
}

static clade_status evaluate_together(void *arg, int at, int n,
                                      struct clade_result *result)
{
    struct training *t = arg;
    struct place place = { t, at, 0 };
    const struct group_batch batch = { n, test_images, &place };
    clade_status st = ask_all(t);

    if (!st)
        st = search_numerics(t, group_eval(&t->group, &batch, result));
    return st;
}

/* Make step `step` of an epoch, and add its results to the epoch's sums. */
static clade_status train_step(struct training *t, struct clade_figures *sums,
                               int epoch, int step)
{
    const struct clade_train_config *config = t->config;
    const int number = epoch * t->steps + step;
    const double rate = clade_train_step_rate(config, number);
    struct place place = { t, step * config->batch, epoch };
    const struct group_batch batch = {
        lesser(config->batch, config->train_count - place.at), train_images,
        &place
    };
    struct clade_result result = { 0 };
    clade_status st;

    st = group_train(&t->group, &batch, (uint32_t)number, (float)rate,
                     &result);
    st = search_numerics(t, st);
    if (st == CLADE_EDIVERGED)
        return clade_fail(st,
                          "epoch %d, step %d of %d: %s: try a smaller "
                          "learning rate",
                          epoch + 1, step + 1, t->steps, clade_error());
    if (st)
        return st;
    figures_add(sums, &result);
    if (t->first)
        steps_append(&t->losses, &t->shape, epoch, number, rate, &result);
    if (t->observer->step)
        t->observer->step(t->observer->arg, &(struct clade_train_step){
                                                .epoch = epoch,
                                                .step = step,
                                                .images = sums->images,
                                                .learning_rate = rate,
                                                .figures = figures_mean(sums),
                                            });
    return CLADE_OK;
}

/* Replace the checkpoint, and keep the one before it; if it is better than all
 * before, keep it as well. */
static clade_status save_checkpoint(struct training *t, struct net_vectors *v,
                                    bool better)
{
    clade_status st = CLADE_OK;

    if (t->saved)
        st = file_keep(t->checkpoint, t->previous);
    if (!st)
        st = checkpoint_save(t->checkpoint, t->net, t->metadata, t->done, v);
    t->saved = !st;
    if (!st && better && t->config->save_best)
        st = file_keep(t->checkpoint, t->kept);
    return st;
}

/* Write all files after an epoch.  The checkpoint comes last, because it says
 * how many rows of the csv files count. */
static clade_status write_files(struct training *t, struct net_vectors *v,
                                bool better)
{
    clade_status st;

    if (!t->first)
        return CLADE_OK;
    if ((st = csv_save(&t->losses)) || (st = csv_save(&t->history)) ||
        (st = net_vector_read(t->net, v->values, NET_VALUES,
                              net_whole(t->net))))
        return st;
    return save_checkpoint(t, v, better);
}

static clade_status save(struct training *t, bool better)
{
    struct net_vectors v;
    clade_status st = net_vectors_new(&v, t->net);

    if (!st)
        st = group_momenta(&t->group, v.momenta);
    if (!st)
        st = write_files(t, &v, better);
    net_vectors_free(&v);
    return st;
}

/* Is an epoch one that is validated? */
static bool is_validated(const struct clade_train_config *c, int epoch)
{
    const int every = c->eval_every ? c->eval_every : 1;

    return (epoch + 1) % every == 0 || epoch + 1 == c->epochs;
}

static clade_status validate(struct training *t, struct clade_train_epoch *row)
{
    clade_status st;

    row->validated = is_validated(t->config, row->epoch);
    if (!row->validated)
        return CLADE_OK;
    st = evaluate(&row->test, t->config->test_count,
                  lesser(t->config->batch, t->config->test_count),
                  evaluate_together, t);
    if (st == CLADE_EDIVERGED)
        return clade_fail(st, "epoch %d: %s: try a smaller learning rate",
                          row->epoch + 1, clade_error());
    return st;
}

static clade_status train_epoch(struct training *t, int epoch)
{
    const struct clade_train_observer *observer = t->observer;
    struct clade_train_epoch row = { .epoch = epoch };
    struct clade_figures sums = { 0 };
    clade_status st;

    rng_shuffle(t->order, (uint32_t)t->config->train_count, t->config->seed,
                (uint32_t)epoch, t->shuffle);
    for (int step = 0; step < t->steps; step++)
        if ((st = ask_all(t)) ||
            (st = train_step(t, &sums, epoch, step)))
            return st;
    row.train = figures_mean(&sums);
    if ((st = validate(t, &row)))
        return st;
    run_tell_notices(t);
    if (t->first)
        history_append(&t->history, &t->shape, &row);
    t->done = epoch + 1;
    best_update(&t->best, &row);
    if ((st = save(t, best_update(&t->best_kept, &row))))
        return st;
    if (observer->epoch)
        observer->epoch(observer->arg, &row);
    return CLADE_OK;
}

/* Write the steps of an epoch that was interrupted or diverged, or in which a
 * device was found to be wrong, so that the user can look at them.  They are
 * removed when the run is resumed or, if it has no checkpoint yet, started
 * again. */
static void keep_steps(struct training *t, clade_status st)
{
    char *why = strdup(clade_error());

    if (t->first && (st == CLADE_EINTERRUPTED || st == CLADE_EDIVERGED ||
                     st == CLADE_EBOUND))
        csv_save(&t->losses);
    if (why)
        clade_fail(st, "%s", why);
    free(why);
}

static clade_status train_epochs(struct training *t)
{
    const struct clade_train_config *c = t->config;
    clade_status st = CLADE_OK;

    while (t->done < c->epochs && !best_is_old(&t->best, c) && !st)
        st = train_epoch(t, t->done);
    if (!st && t->done < c->epochs && t->first)
        run_notice(t->observer,
                   "no validation was better than that of epoch %d: the "
                   "training ends early, after %d of %d epochs",
                   t->best.epoch + 1, t->done, c->epochs);
    if (st)
        keep_steps(t, st);
    if (st == CLADE_EINTERRUPTED && t->done > 0)
        return clade_fail(st,
                          "interrupted after %d of %d epochs; resume the run "
                          "to continue it",
                          t->done, t->config->epochs);
    if (st == CLADE_EINTERRUPTED)
        return clade_fail(st, "interrupted before the first epoch was "
                              "complete");
    return st;
}

static const struct clade_train_observer nobody;

/* Are they in a file that can be read? */
static clade_status check_weights(const char *weights)
{
    clade_checkpoint *checkpoint;
    const clade_status st =
        weights ? clade_checkpoint_open(&checkpoint, weights) : CLADE_OK;

    if (weights && !st)
        clade_checkpoint_close(checkpoint);
    return st;
}

clade_status train_check(clade_checkpoint **checkpoint,
                         const struct clade_train_config *config)
{
    bool previous;
    clade_status st;

    *checkpoint = NULL;
    if ((st = run_check_config(config)) || (st = run_folder_check(config)) ||
        (st = check_weights(config->weights)) || !config->resume)
        return st;
    return run_folder_checkpoint(checkpoint, &previous, config->out, &nobody);
}

clade_status train_shadowed(clade_backend *be,
                            const struct clade_train_config *config,
                            const struct clade_train_observer *observer,
                            const struct dist *dist,
                            const struct shadow_options *shadow)
{
    struct training t = { .config = config,
                          .observer = observer ? observer : &nobody,
                          .dist = dist,
                          .shadowing = shadow,
                          .first = dist->rank == 0,
                          .be = be };
    clade_status st;

    if ((st = run_check_config(config)) || (st = shadow_check(shadow, dist)))
        return st;
    st = run_set_up(&t);
    if (!st)
        st = train_epochs(&t);
    if (!st)
        shadow_conclude(&t.shadow);
    run_free(&t);
    return st;
}

clade_status train_run(clade_backend *be,
                       const struct clade_train_config *config,
                       const struct clade_train_observer *observer,
                       const struct dist *dist)
{
    static const struct shadow_options none;

    return train_shadowed(be, config, observer, dist, &none);
}

clade_status clade_train(clade_backend *be,
                         const struct clade_train_config *config,
                         const struct clade_train_observer *observer)
{
    const clade_status st =
        status_given(__func__, "be, config", be && config);
    struct dist alone;

    dist_alone(&alone);
    return st ? st : train_run(be, config, observer, &alone);
}
