/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "rng.h"
#include "status.h"

/* A run: what stays the same from its first step to its last. */
struct run {
    const struct clade_train_config *config;
    const struct clade_train_observer *observer;
    clade_backend *be;
    clade_net *net;
    struct clade_net_shape shape;
    struct clade_data data;
    int steps;                /* of an epoch */
    int done;                 /* epochs completed */
    uint32_t shuffle;         /* the stream of the shuffles */
    uint32_t *order;          /* of the epoch's images */
    uint8_t *images, *labels; /* of a step, in the net's staging memory */
    struct csv history, losses;
    char *checkpoint; /* its path */
    bool elsewhere;   /* it was left by another device or driver */
    json_t *metadata;
};

double clade_train_rate(double base, int epoch)
{
    return base * pow(0.98, floor((1 + epoch) / 8.0));
}

/* Add to sums over images, and make means of them. */
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

clade_status clade_train_evaluate(struct clade_figures *figures, clade_net *net,
                                  const struct clade_dataset *data, int batch,
                                  const struct clade_train_observer *observer)
{
    struct clade_figures sums = { 0 };
    clade_status st = CLADE_OK;

    for (int at = 0; at < data->count && !st; at += batch) {
        const struct clade_batch images = {
            .n = lesser(batch, data->count - at),
            .bytes = data->images + (size_t)at * image_bytes(data),
            .labels = data->labels + at,
        };
        struct clade_result result = { 0 };

        if ((st = interrupted(observer)))
            break;
        st = clade_net_eval(net, &images, &result);
        if (!st)
            figures_add(&sums, &result);
    }
    if (!st)
        *figures = figures_mean(&sums);
    return st;
}

/* Lay the epoch's images at ... at+n-1 side by side. */
static struct clade_batch gather(struct run *run, int at, int n)
{
    const struct clade_dataset *train = &run->data.train;
    const size_t bytes = image_bytes(train);

    for (int i = 0; i < n; i++) {
        const size_t from = run->order[at + i];

        memcpy(run->images + (size_t)i * bytes, train->images + from * bytes,
               bytes);
        run->labels[i] = train->labels[from];
    }
    return (struct clade_batch){ .n = n,
                                 .bytes = run->images,
                                 .labels = run->labels };
}

/* Step `step` of an epoch; adds to the epoch's sums. */
static clade_status train_step(struct run *run, struct clade_figures *sums,
                               int epoch, int step)
{
    const struct clade_train_config *config = run->config;
    const double rate = clade_train_rate(config->learning_rate, epoch);
    const int number = epoch * run->steps + step;
    const int at = step * config->batch;
    struct clade_batch batch =
        gather(run, at, lesser(config->batch, config->train_count - at));
    struct clade_result result = { 0 };
    clade_status st;

    st = clade_net_train(run->net, &batch, (uint32_t)number, (float)rate,
                         &result);
    if (st == CLADE_EDIVERGED)
        return clade_fail(st, "epoch %d, step %d of %d: %s", epoch + 1,
                          step + 1, run->steps, clade_error());
    if (st)
        return st;
    figures_add(sums, &result);
    steps_append(&run->losses, &run->shape, epoch, number, rate, &result);
    if (run->observer->step)
        run->observer->step(run->observer->arg,
                            &(struct clade_train_step){
                                .epoch = epoch,
                                .step = step,
                                .images = sums->images,
                                .learning_rate = rate,
                                .figures = figures_mean(sums),
                            });
    return CLADE_OK;
}

/* Leave an epoch on the disk.  The checkpoint comes last: it says how many
 * rows of the other two count. */
static clade_status save(struct run *run)
{
    clade_status st;

    if ((st = csv_save(&run->losses)) || (st = csv_save(&run->history)))
        return st;
    return checkpoint_save(run->checkpoint, run->net, run->metadata, run->done);
}

static void tell_notices(struct run *run)
{
    const char *text = clade_backend_notices(run->be);

    if (text && run->observer->notice)
        run->observer->notice(run->observer->arg, text);
}

static clade_status train_epoch(struct run *run, int epoch)
{
    const struct clade_train_observer *observer = run->observer;
    struct clade_train_epoch row = { .epoch = epoch };
    struct clade_figures sums = { 0 };
    clade_status st;

    rng_shuffle(run->order, (uint32_t)run->config->train_count,
                run->config->seed, (uint32_t)epoch, run->shuffle);
    for (int step = 0; step < run->steps; step++)
        if ((st = interrupted(observer)) ||
            (st = train_step(run, &sums, epoch, step)))
            return st;
    row.train = figures_mean(&sums);
    st = clade_train_evaluate(
        &row.test, run->net, &run->data.test,
        lesser(run->config->batch, run->config->test_count), observer);
    if (st)
        return st;
    tell_notices(run);
    history_append(&run->history, &run->shape, &row);
    run->done = epoch + 1;
    if ((st = save(run)))
        return st;
    if (observer->epoch)
        observer->epoch(observer->arg, &row);
    return CLADE_OK;
}

/* The steps of an epoch that was interrupted or diverged are worth a look; they
 * go when the run is resumed or, before its first checkpoint, begun again. */
static void keep_steps(struct run *run, clade_status st)
{
    char *why = strdup(clade_error());

    if (st == CLADE_EINTERRUPTED || st == CLADE_EDIVERGED)
        csv_save(&run->losses);
    if (why)
        clade_fail(st, "%s", why);
    free(why);
}

static clade_status train_epochs(struct run *run)
{
    clade_status st = CLADE_OK;

    while (run->done < run->config->epochs && !st)
        st = train_epoch(run, run->done);
    if (st)
        keep_steps(run, st);
    if (st == CLADE_EINTERRUPTED && run->done > 0)
        return clade_fail(st,
                          "interrupted after %d of %d epochs; --resume goes "
                          "on from there",
                          run->done, run->config->epochs);
    if (st == CLADE_EINTERRUPTED)
        return clade_fail(st, "interrupted before the first epoch was "
                              "complete");
    return st;
}

static clade_status check_config(const struct clade_train_config *c)
{
    if (c->train_count < 1 || c->test_count < 1 || c->batch < 1 ||
        c->epochs < 1 || !(c->learning_rate > 0))
        return clade_fail(CLADE_EUSAGE,
                          "training wants images, a batch, epochs and a "
                          "learning rate above 0");
    if ((int64_t)c->epochs * ((c->train_count - 1) / c->batch + 1) > INT32_MAX)
        return clade_fail(CLADE_EUSAGE,
                          "%d epochs of %d images are more than 2^31 steps",
                          c->epochs, c->train_count);
    return CLADE_OK;
}

/* Is there a file of this name in the folder? */
static bool holds(const char *folder, const char *name)
{
    char *path = file_path(folder, name);
    bool there = path && !access(path, F_OK);

    free(path);
    return there;
}

/* A folder with a checkpoint holds a run.  One with a history alone holds what
 * a run left that was killed before its first checkpoint. */
static clade_status check_unused(const char *folder)
{
    if (holds(folder, TRAIN_CHECKPOINT))
        return clade_fail(CLADE_EINUSE,
                          "%s: holds another run; --resume goes on with that, "
                          "--out names another folder",
                          folder);
    if (holds(folder, TRAIN_HISTORY))
        return clade_fail(CLADE_EINUSE,
                          "%s: holds a " TRAIN_HISTORY
                          " without the checkpoint to go on from; remove the "
                          "folder, or name another with --out",
                          folder);
    return CLADE_OK;
}

static clade_status read_data(struct clade_data *data,
                              const struct clade_train_config *c)
{
    if (c->data)
        return clade_data_cifar10(data, c->data, c->train_count, c->test_count);
    return clade_data_builtin(data, c->train_count, c->test_count, c->seed);
}

static clade_status make_net(struct run *run, const clade_checkpoint *from)
{
    const struct clade_train_config *c = run->config;
    struct clade_net_config net = CLADE_NET_DEFAULTS;
    const struct clade_dataset *images = &run->data.train;
    clade_status st;

    net.algorithm = c->algorithm;
    if (from && !run->elsewhere)
        net.algorithms = clade_checkpoint_info(from)->algorithms;
    net.seed = c->seed;
    net.train_batch = lesser(c->batch, c->train_count);
    net.train_last = c->train_count % net.train_batch;
    net.eval_batch = lesser(c->batch, c->test_count);
    net.eval_last = c->test_count % net.eval_batch;
    st = clade_net_new(&run->net, run->be, &net);
    tell_notices(run);
    if (st)
        return st;
    run->shape = clade_net_shape(run->net);
    if (images->h != run->shape.source_h || images->w != run->shape.source_w)
        return clade_fail(
            CLADE_ESHAPE, "the net wants images of %d x %d, these are %d x %d",
            run->shape.source_h, run->shape.source_w, images->h, images->w);
    return CLADE_OK;
}

static clade_status make_staging(struct run *run)
{
    const struct clade_train_config *c = run->config;

    run->steps = (c->train_count - 1) / c->batch + 1;
    run->shuffle = rng_stream("shuffle", "train");
    run->order = malloc((size_t)c->train_count * sizeof *run->order);
    clade_net_staging(run->net, &run->images, &run->labels);
    run->checkpoint = file_path(c->out, TRAIN_CHECKPOINT);
    if (!run->order || !run->checkpoint)
        return clade_fail(CLADE_ENOMEM, "%d images: out of memory",
                          c->train_count);
    return CLADE_OK;
}

/* Compare with the run that left a checkpoint; once with what is known before
 * the net is made, once with its algorithms. */
static clade_status compare(struct run *run, const clade_checkpoint *checkpoint)
{
    static const char elsewhere_text[] =
        "the run was on another device or driver: algorithms are chosen anew";
    const struct clade_train_observer *observer = run->observer;
    struct clade_net_config net = CLADE_NET_DEFAULTS;
    clade_status st;

    json_decref(run->metadata);
    run->metadata = checkpoint_metadata(run->config, net.net, run->data.source,
                                        run->be, run->net);
    if (!checkpoint)
        return CLADE_OK;
    st = checkpoint_compare(checkpoint, run->metadata, &run->elsewhere);
    if (!st && run->elsewhere && run->net && observer->notice)
        observer->notice(observer->arg, elsewhere_text);
    return st;
}

static clade_status open_files(struct run *run)
{
    const char *folder = run->config->out;
    char *history = history_header(&run->shape);
    char *losses = steps_header(&run->shape);
    clade_status st;

    st = csv_open(&run->history, folder, TRAIN_HISTORY, history, run->done, 1);
    if (!st)
        st = csv_open(&run->losses, folder, TRAIN_STEPS, losses,
                      run->done * run->steps, run->steps);
    free(history);
    free(losses);
    return st;
}

static clade_status write_nothing(void *arg, FILE *file)
{
    (void)arg;
    (void)file;
    return CLADE_OK;
}

/* Make the folder and try a file in it: better now than after an epoch. */
static clade_status prepare_folder(const char *folder)
{
    char *path = file_path(folder, ".clade-probe");
    clade_status st;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", folder);
    if (!(st = file_make_folder(folder)) &&
        !(st = file_replace(path, write_nothing, NULL)))
        unlink(path);
    free(path);
    return st;
}

static void tell_start(struct run *run)
{
    if (run->observer->start)
        run->observer->start(run->observer->arg, &(struct clade_train_start){
                                                     .config = run->config,
                                                     .net = run->net,
                                                     .source = run->data.source,
                                                     .steps = run->steps,
                                                     .done = run->done,
                                                 });
}

/* Everything before the first step; `checkpoint` NULL: a new run. */
static clade_status set_up(struct run *run, clade_checkpoint *checkpoint)
{
    clade_status st;

    if ((st = read_data(&run->data, run->config)) ||
        (st = compare(run, checkpoint)) || (st = make_net(run, checkpoint)) ||
        (st = compare(run, checkpoint)) || (st = make_staging(run)))
        return st;
    if (checkpoint) {
        if ((st = clade_checkpoint_load(checkpoint, run->net)))
            return st;
        run->done = clade_checkpoint_info(checkpoint)->epoch;
    }
    if ((st = prepare_folder(run->config->out)) || (st = open_files(run)))
        return st;
    tell_start(run);
    return history_replay(&run->history, &run->shape, run->observer);
}

static clade_status find_checkpoint(clade_checkpoint **checkpoint,
                                    const struct clade_train_config *config)
{
    char *path;
    clade_status st;

    if (!config->resume)
        return check_unused(config->out);
    if (!holds(config->out, TRAIN_CHECKPOINT))
        return clade_fail(CLADE_EDATA,
                          "%s: there is no " TRAIN_CHECKPOINT
                          " to go on from; --out names the run's folder, and "
                          "without --resume a run begins",
                          config->out);
    path = file_path(config->out, TRAIN_CHECKPOINT);
    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", config->out);
    st = clade_checkpoint_open(checkpoint, path);
    free(path);
    return st;
}

static void run_free(struct run *run)
{
    csv_close(&run->losses);
    csv_close(&run->history);
    json_decref(run->metadata);
    free(run->checkpoint);
    free(run->order);
    clade_net_free(run->net);
    clade_data_free(&run->data);
}

clade_status clade_train(clade_backend *be,
                         const struct clade_train_config *config,
                         const struct clade_train_observer *observer)
{
    static const struct clade_train_observer nobody;
    struct run run = { .config = config,
                       .observer = observer ? observer : &nobody,
                       .be = be };
    clade_checkpoint *checkpoint = NULL;
    clade_status st;

    if ((st = check_config(config)) ||
        (st = find_checkpoint(&checkpoint, config)))
        return st;
    st = set_up(&run, checkpoint);
    clade_checkpoint_close(checkpoint);
    if (!st)
        st = train_epochs(&run);
    run_free(&run);
    return st;
}
