/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "rng.h"
#include "status.h"

/* A training run, from its set-up to its last step. */
struct training {
    const struct clade_train_config *config;
    const struct clade_train_observer *observer;
    clade_backend *be;
    clade_net *net;
    struct clade_net_shape shape;
    struct clade_data data;
    int steps;                /* in an epoch */
    int done;                 /* complete epochs */
    uint32_t shuffle;         /* the stream of random numbers for shuffling */
    uint32_t *order;          /* the order of the images in this epoch */
    uint8_t *images, *labels; /* of one step, in the net's staging memory */
    struct run_folder folder;
    struct csv history, losses;
    char *checkpoint; /* the path of the checkpoint */
    bool elsewhere;   /* another device or driver wrote the checkpoint */
    json_t *metadata; /* for the checkpoint */
};

double clade_train_rate(double base, int epoch)
{
    return base * pow(0.98, floor((1 + epoch) / 8.0));
}

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

/* The images must be there, and of the size that the net resizes. */
static clade_status check_images(struct clade_net_shape net,
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

clade_status clade_train_evaluate(struct clade_figures *figures, clade_net *net,
                                  const struct clade_dataset *data, int batch,
                                  const struct clade_train_observer *observer)
{
    struct clade_figures sums = { 0 };
    clade_status st;

    if ((st = status_given(__func__, "figures, net, data",
                           figures && net && data)) ||
        (st = check_images(clade_net_shape(net), data)))
        return st;
    if (batch < 1)
        return clade_fail(CLADE_EUSAGE, "%s: %d images at a time", __func__,
                          batch);
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

/* Copy images at ... at+n-1 of the epoch's order into one batch. */
static struct clade_batch gather(struct training *t, int at, int n)
{
    const struct clade_dataset *train = &t->data.train;
    const size_t bytes = image_bytes(train);

    for (int i = 0; i < n; i++) {
        const size_t from = t->order[at + i];

        memcpy(t->images + (size_t)i * bytes, train->images + from * bytes,
               bytes);
        t->labels[i] = train->labels[from];
    }
    return (
        struct clade_batch){ .n = n, .bytes = t->images, .labels = t->labels };
}

/* Make step `step` of an epoch, and add its results to the epoch's sums. */
static clade_status train_step(struct training *t, struct clade_figures *sums,
                               int epoch, int step)
{
    const struct clade_train_config *config = t->config;
    const double rate = clade_train_rate(config->learning_rate, epoch);
    const int number = epoch * t->steps + step;
    const int at = step * config->batch;
    struct clade_batch batch =
        gather(t, at, lesser(config->batch, config->train_count - at));
    struct clade_result result = { 0 };
    clade_status st;

    st =
        clade_net_train(t->net, &batch, (uint32_t)number, (float)rate, &result);
    if (st == CLADE_EDIVERGED)
        return clade_fail(st,
                          "epoch %d, step %d of %d: %s: try a smaller "
                          "learning rate",
                          epoch + 1, step + 1, t->steps, clade_error());
    if (st)
        return st;
    figures_add(sums, &result);
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

/* Write all files after an epoch.  The checkpoint comes last, because it says
 * how many rows of the other two count. */
static clade_status save(struct training *t)
{
    clade_status st;

    if ((st = csv_save(&t->losses)) || (st = csv_save(&t->history)))
        return st;
    return checkpoint_save(t->checkpoint, t->net, t->metadata, t->done);
}

static void tell_notices(struct training *t)
{
    const char *text = clade_backend_notices(t->be);

    if (text && t->observer->notice)
        t->observer->notice(t->observer->arg, text);
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
        if ((st = interrupted(observer)) ||
            (st = train_step(t, &sums, epoch, step)))
            return st;
    row.train = figures_mean(&sums);
    st = clade_train_evaluate(&row.test, t->net, &t->data.test,
                              lesser(t->config->batch, t->config->test_count),
                              observer);
    if (st == CLADE_EDIVERGED)
        return clade_fail(st, "epoch %d: %s: try a smaller learning rate",
                          epoch + 1, clade_error());
    if (st)
        return st;
    tell_notices(t);
    history_append(&t->history, &t->shape, &row);
    t->done = epoch + 1;
    if ((st = save(t)))
        return st;
    if (observer->epoch)
        observer->epoch(observer->arg, &row);
    return CLADE_OK;
}

/* Write the steps of an epoch that was interrupted or diverged, so that the
 * user can look at them.  They are removed when the run is resumed or, if it
 * has no checkpoint yet, started again. */
static void keep_steps(struct training *t, clade_status st)
{
    char *why = strdup(clade_error());

    if (st == CLADE_EINTERRUPTED || st == CLADE_EDIVERGED)
        csv_save(&t->losses);
    if (why)
        clade_fail(st, "%s", why);
    free(why);
}

static clade_status train_epochs(struct training *t)
{
    clade_status st = CLADE_OK;

    while (t->done < t->config->epochs && !st)
        st = train_epoch(t, t->done);
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

static clade_status check_config(const struct clade_train_config *c)
{
    if (!c->out || !*c->out)
        return clade_fail(CLADE_EUSAGE, "clade_train: config->out must name a "
                                        "folder for the run's files");
    if (c->train_count < 1 || c->test_count < 1 || c->batch < 1 ||
        c->epochs < 1 || !(c->learning_rate > 0))
        return clade_fail(CLADE_EUSAGE,
                          "training needs images, a batch, epochs and a "
                          "learning rate above 0");
    if ((int64_t)c->epochs * ((c->train_count - 1) / c->batch + 1) > INT32_MAX)
        return clade_fail(CLADE_EUSAGE,
                          "%d epochs of %d images are more than 2^31 steps",
                          c->epochs, c->train_count);
    return CLADE_OK;
}

static clade_status read_data(struct clade_data *data,
                              const struct clade_train_config *c)
{
    if (c->data)
        return clade_data_cifar10(data, c->data, c->train_count, c->test_count);
    return clade_data_builtin(data, c->train_count, c->test_count, c->seed);
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

static clade_status make_net(struct training *t, const clade_checkpoint *from)
{
    struct clade_net_config net = train_net_config(t->config);
    clade_status st;

    if (from && !t->elsewhere)
        net.algorithms = clade_checkpoint_info(from)->algorithms;
    st = clade_net_new(&t->net, t->be, &net);
    tell_notices(t);
    if (st)
        return st;
    t->shape = clade_net_shape(t->net);
    return check_images(t->shape, &t->data.train);
}

static clade_status make_staging(struct training *t)
{
    const struct clade_train_config *c = t->config;

    t->steps = (c->train_count - 1) / c->batch + 1;
    t->shuffle = rng_stream("shuffle", "train");
    t->order = malloc((size_t)c->train_count * sizeof *t->order);
    clade_net_staging(t->net, &t->images, &t->labels);
    if (!t->order)
        return clade_fail(CLADE_ENOMEM, "%d images: out of memory",
                          c->train_count);
    return CLADE_OK;
}

/* Make the metadata, and compare them with those of a checkpoint, if there is
 * one.  This is done twice: before the net is made, and after, when its
 * algorithms are known. */
static clade_status compare(struct training *t,
                            const clade_checkpoint *checkpoint)
{
    static const char elsewhere_text[] =
        "the run was on another device or driver: algorithms are chosen again";
    const struct clade_train_observer *observer = t->observer;
    struct clade_net_config net = CLADE_NET_DEFAULTS;
    clade_status st;

    json_decref(t->metadata);
    t->metadata =
        checkpoint_metadata(t->config, net.net, t->data.source, t->be, t->net);
    if (!checkpoint)
        return CLADE_OK;
    st = checkpoint_compare(checkpoint, t->metadata, &t->elsewhere);
    if (!st && t->elsewhere && t->net && observer->notice)
        observer->notice(observer->arg, elsewhere_text);
    return st;
}

static clade_status open_files(struct training *t)
{
    const char *folder = t->config->out;
    char *history = history_header(&t->shape);
    char *losses = steps_header(&t->shape);
    clade_status st;

    st = csv_open(&t->history, folder, TRAIN_HISTORY, history, t->done, 1);
    if (!st)
        st = csv_open(&t->losses, folder, TRAIN_STEPS, losses,
                      t->done * t->steps, t->steps);
    free(history);
    free(losses);
    return st;
}

static void tell_start(struct training *t)
{
    if (t->observer->start)
        t->observer->start(t->observer->arg, &(struct clade_train_start){
                                                 .config = t->config,
                                                 .net = t->net,
                                                 .source = t->data.source,
                                                 .steps = t->steps,
                                                 .done = t->done,
                                             });
}

/* Do everything that comes before the first step.  `checkpoint` is NULL for a
 * new run. */
static clade_status set_up(struct training *t, clade_checkpoint *checkpoint)
{
    clade_status st;

    if ((st = read_data(&t->data, t->config)) ||
        (st = compare(t, checkpoint)) || (st = make_net(t, checkpoint)) ||
        (st = compare(t, checkpoint)) || (st = make_staging(t)))
        return st;
    if (checkpoint) {
        if ((st = clade_checkpoint_load(checkpoint, t->net)))
            return st;
        t->done = clade_checkpoint_info(checkpoint)->epoch;
    }
    if ((st = open_files(t)))
        return st;
    tell_start(t);
    return history_replay(&t->history, &t->shape, t->observer);
}

/* Take the folder of the run; if the run goes on, open its checkpoint. */
static clade_status begin(struct training *t, clade_checkpoint **checkpoint)
{
    const struct clade_train_config *c = t->config;
    clade_status st = run_folder_take(&t->folder, c, t->observer);

    if (st)
        return st;
    t->checkpoint = file_path(c->out, TRAIN_CHECKPOINT);
    if (!t->checkpoint)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", c->out);
    return c->resume ? clade_checkpoint_open(checkpoint, t->checkpoint)
                     : CLADE_OK;
}

clade_status train_check(clade_checkpoint **checkpoint,
                         const struct clade_train_config *config)
{
    char *path;
    clade_status st;

    *checkpoint = NULL;
    if ((st = check_config(config)) || (st = run_folder_check(config)) ||
        !config->resume)
        return st;
    path = file_path(config->out, TRAIN_CHECKPOINT);
    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", config->out);
    st = clade_checkpoint_open(checkpoint, path);
    free(path);
    return st;
}

static void training_free(struct training *t)
{
    csv_close(&t->losses);
    csv_close(&t->history);
    json_decref(t->metadata);
    free(t->checkpoint);
    free(t->order);
    clade_net_free(t->net);
    clade_data_free(&t->data);
    run_folder_release(&t->folder);
}

clade_status clade_train(clade_backend *be,
                         const struct clade_train_config *config,
                         const struct clade_train_observer *observer)
{
    static const struct clade_train_observer nobody;
    struct training t = { .config = config,
                          .observer = observer ? observer : &nobody,
                          .be = be };
    clade_checkpoint *checkpoint = NULL;
    clade_status st;

    if ((st = status_given(__func__, "be, config", be && config)) ||
        (st = check_config(config)))
        return st;
    st = begin(&t, &checkpoint);
    if (!st)
        st = set_up(&t, checkpoint);
    clade_checkpoint_close(checkpoint);
    if (!st)
        st = train_epochs(&t);
    training_free(&t);
    return st;
}
