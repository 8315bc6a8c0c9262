/* SPDX-License-Identifier: Apache-2.0 */
/* Run the newest checkpoints of runs on a device: what they make of the
 * validation images, and how long the ops of a training step take. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"
#include "profile.h"
#include "report.h"
#include "status.h"
#include "tool.h"

#define PROFILED_STEPS 2 /* after one that warms up */
#define PROFILED_RATE  0.01f

/* ---- images ---------------------------------------------------------------
 */

static clade_status no_memory(const struct runlog *r)
{
    return clade_fail(CLADE_ENOMEM, "%s: out of memory", r->folder);
}

static bool is_builtin(const struct clade_checkpoint_info *info)
{
    return !strcmp(info->data, "builtin");
}

/* Read the images of a training; those that it trained with are needed only to
 * see that they are the same. */
static clade_status read_images(struct evaluation *e,
                                const struct clade_checkpoint_info *info,
                                const char *folder)
{
    clade_status st;

    if (is_builtin(info))
        st = clade_data_builtin(&e->data, 0, info->test_count, info->seed);
    else
        st = clade_data_cifar10(&e->data, folder, info->train_count,
                                info->test_count);
    e->same = !st && !strcmp(e->data.source, info->data);
    return st;
}

/* ---- judging --------------------------------------------------------------
 */

/* The class with the largest logit, and its probability by the softmax; NaN if
 * a logit is not finite. */
static int most_probable(double *probability, const float *logits, int classes)
{
    double sum = 0;
    int most = 0;

    for (int i = 1; i < classes; i++)
        if (logits[i] > logits[most])
            most = i;
    for (int i = 0; i < classes; i++)
        sum += isfinite(logits[i]) ? exp((double)logits[i] - logits[most])
                                   : (double)NAN;
    *probability = 1 / sum;
    return most;
}

/* Insert an image by its probability; the list keeps the largest. */
static void add_sure(struct sure_images *s, const struct sure_image *image)
{
    int i = s->count < SURE_IMAGES ? s->count++ : SURE_IMAGES - 1;

    if (i == SURE_IMAGES - 1 && s->list[i].probability > image->probability)
        return;
    for (; i > 0 && s->list[i - 1].probability < image->probability; i--)
        s->list[i] = s->list[i - 1];
    s->list[i] = *image;
}

static void judge_image(struct evaluation *e, int image, const float *logits)
{
    struct sure_image found = { .image = image,
                                .label = e->data.test.labels[image] };

    found.found = most_probable(&found.probability, logits, e->classes);
    if (isnan(found.probability)) {
        e->broken++;
        return;
    }
    e->confusion[found.label * e->classes + found.found]++;
    e->hits += found.label == found.found;
    add_sure(found.label == found.found ? &e->right : &e->wrong, &found);
}

static clade_status judge_images(struct evaluation *e, clade_net *net,
                                 int batch)
{
    const struct clade_dataset *d = &e->data.test;
    const size_t bytes = (size_t)d->h * (size_t)d->w * (size_t)d->c;
    float *logits;
    clade_status st = CLADE_OK;

    logits = malloc((size_t)batch * (size_t)e->classes * sizeof *logits);
    if (!logits)
        return clade_fail(CLADE_ENOMEM, "report: out of memory");
    for (int first = 0; first < d->count && !st; first += batch) {
        const int n = first + batch < d->count ? batch : d->count - first;
        const struct clade_batch images = {
            .n = n, .bytes = d->images + (size_t)first * bytes
        };

        if (tool_stop(NULL))
            st = clade_fail(CLADE_EINTERRUPTED, "interrupted");
        else
            st = clade_net_predict(net, &images, logits);
        for (int i = 0; i < n && !st; i++)
            judge_image(e, first + i, logits + (size_t)i * (size_t)e->classes);
    }
    free(logits);
    return st;
}

/* Labels index the matrix, so all must be classes of the net. */
static clade_status check_labels(const struct evaluation *e,
                                 const struct runlog *r)
{
    for (int i = 0; i < e->data.test.count; i++)
        if (e->data.test.labels[i] >= e->classes)
            return clade_fail(CLADE_EDATA,
                              "%s: image %d has label %d, but the net has %d "
                              "classes",
                              r->folder, i, e->data.test.labels[i], e->classes);
    return CLADE_OK;
}

static clade_status evaluate(struct runlog *r, clade_net *net, int batch)
{
    const struct clade_net_shape shape = clade_net_shape(net);
    struct evaluation *e = r->evaluation;
    clade_status st;

    e->classes = shape.classes;
    e->confusion =
        calloc((size_t)e->classes * (size_t)e->classes, sizeof *e->confusion);
    if (!e->confusion)
        return no_memory(r);
    st = check_labels(e, r);
    return st ? st : judge_images(e, net, batch);
}

/* ---- time by kind of op -----------------------------------------------------
 */

/* Train on images by formula: the time does not depend on what they show. */
static clade_status profile_steps(struct profile *p, clade_net *net, int batch)
{
    const struct net_observer observer = profile_observer(p);
    struct clade_data data;
    struct clade_batch images = { .n = batch };
    struct clade_result result;
    clade_status st = clade_data_builtin(&data, batch, 0, 1);

    if (st)
        return st;
    images.bytes = data.train.images;
    images.labels = data.train.labels;
    for (int i = 0; i <= PROFILED_STEPS && !st; i++)
        if (tool_stop(NULL))
            st = clade_fail(CLADE_EINTERRUPTED, "interrupted");
        else
            st = net_train(net, &images, (uint32_t)i, PROFILED_RATE, &result,
                           i ? &observer : NULL);
    clade_data_free(&data);
    return st;
}

/* Parameters that diverge end no profile: new ones take the same time. */
static clade_status profile(struct runlog *r, clade_net *net, int batch)
{
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(r->checkpoint);
    struct profile p = { 0 };
    clade_status st = net_initialise(net, info->seed, false);

    if (!st)
        st = profile_steps(&p, net, batch);
    if (!st) {
        r->profile = profile_json(&p, PROFILED_STEPS);
        r->profiled_batch = batch;
    }
    profile_free(&p);
    return st;
}

/* ---- the nets ------------------------------------------------------------ */

/* The images that a device of the run computed at a time: the batch, or the
 * largest of its shares. */
static int own_batch(const struct clade_checkpoint_info *info)
{
    const char *at = info->shares;
    int most = 0;

    for (char *end; at && *at; at = *end ? end + 1 : end) {
        const long size = strtol(at, &end, 10);

        if (end == at || size < 1 || size > info->batch)
            break;
        most = size > most ? (int)size : most;
    }
    return most ? most : info->batch;
}

static struct clade_net_config net_config(const struct runlog *r,
                                          const struct evaluate_options *o)
{
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(r->checkpoint);
    const int batch = o->batch ? o->batch : own_batch(info);
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.net = info->net;
    if (!o->no_profile)
        config.train_batch = batch;
    if (r->evaluation) {
        config.eval_batch = batch < info->test_count ? batch : info->test_count;
        config.eval_last = info->test_count % config.eval_batch;
    }
    return config;
}

static clade_status use_net(struct runlog *r, clade_backend *be,
                            const struct clade_net_config *config)
{
    clade_net *net;
    clade_status st = tool_load(&net, be, config, r->checkpoint);

    if (st)
        return st;
    if (r->evaluation)
        st = evaluate(r, net, config->eval_batch);
    if (!st && config->train_batch)
        st = profile(r, net, config->train_batch);
    clade_net_free(net);
    return st;
}

/* ---- the runs ------------------------------------------------------------ */

/* Note in the run, and unless that was asked for, on stderr. */
static clade_status note(struct runlog *r, bool asked, const char *why)
{
    char text[512];

    snprintf(text, sizeof text, "%s: no confusion matrix and no images: %s",
             r->folder, why);
    if (!asked)
        tool_notice(text);
    r->unevaluated = strdup(why);
    return r->unevaluated ? CLADE_OK : no_memory(r);
}

/* Read the images of a run, or note why that cannot be. */
static clade_status prepare(struct runlog *r, const struct evaluate_options *o)
{
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(r->checkpoint);

    if (o->no_eval)
        return note(r, true,
                    "The network was not evaluated (--no-eval). Without "
                    "that option, the report has these.");
    if (!info)
        return note(r, false,
                    "There is no checkpoint yet. The run writes one after "
                    "its first epoch.");
    if (!o->data && !is_builtin(info))
        return note(r, false,
                    "The run was trained on images from a folder. Name it "
                    "with --data DIR.");
    r->evaluation = calloc(1, sizeof *r->evaluation);
    if (!r->evaluation)
        return no_memory(r);
    return read_images(r->evaluation, info, o->data);
}

/* Why the time of steps is not measured; NULL if it is. */
static const char *why_unprofiled(const struct runlog *r,
                                  const struct evaluate_options *o)
{
    return o->no_eval       ? "No steps were measured (--no-eval)."
           : o->no_profile  ? "No steps were measured (--no-profile)."
           : !r->checkpoint ? "There is no checkpoint yet."
                            : NULL;
}

static bool wants_net(const struct runlog *r, const struct evaluate_options *o)
{
    return !o->no_eval && r->checkpoint && (r->evaluation || !o->no_profile);
}

/* Open the device for the nets of all runs. */
static clade_status open_device(clade_backend **be, const struct runlog *runs,
                                int count, const struct evaluate_options *o)
{
    struct tool_plans plans = { 0 };

    for (int i = 0; i < count && !o->no_self_test; i++)
        if (wants_net(&runs[i], o))
            plans.config[plans.count++] = net_config(&runs[i], o);
    return tool_open_tested(be, o->device, &plans);
}

static clade_status run_net(struct runlog *r, clade_backend *be,
                            const struct evaluate_options *o)
{
    const struct clade_net_config config = net_config(r, o);
    const struct clade_device *d = clade_backend_device(be);
    char text[512];

    snprintf(text, sizeof text, "%s / %s, driver %s", d->platform, d->name,
             d->driver);
    r->device = strdup(text);
    if (!r->device)
        return no_memory(r);
    snprintf(text, sizeof text, "%s: running the checkpoint on %s", r->folder,
             d->selector);
    tool_notice(text);
    return use_net(r, be, &config);
}

clade_status runlog_evaluate(struct runlog *runs, int count,
                             const struct evaluate_options *o)
{
    clade_backend *be = NULL;
    clade_status st = CLADE_OK;
    int nets = 0;

    for (int i = 0; i < count && !st; i++) {
        st = prepare(&runs[i], o);
        runs[i].unprofiled = why_unprofiled(&runs[i], o);
        nets += wants_net(&runs[i], o);
    }
    if (!st && nets)
        st = open_device(&be, runs, count, o);
    for (int i = 0; i < count && !st; i++)
        if (wants_net(&runs[i], o))
            st = run_net(&runs[i], be, o);
    clade_backend_close(be);
    return st;
}
