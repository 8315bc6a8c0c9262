/* SPDX-License-Identifier: Apache-2.0 */
/* What comes before the first step of a run. */
#include "train/training.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "rng.h"
#include "status.h"
#include "train/speed.h"

void run_tell_notices(struct training *t)
{
    const char *text = clade_backend_notices(t->be);

    if (text && t->observer->notice)
        t->observer->notice(t->observer->arg, text);
}

static clade_status read_data(struct clade_data *data,
                              const struct clade_train_config *c)
{
    if (c->data)
        return clade_data_cifar10(data, c->data, c->train_count, c->test_count);
    return clade_data_builtin(data, c->train_count, c->test_count, c->seed);
}

/* What all ranks must know of the checkpoint that rank 0 has opened. */
struct known {
    int epoch;
    char *shares, *devices; /* NULL: there is none */
};

static void known_free(struct known *known)
{
    free(known->shares);
    free(known->devices);
}

static clade_status tell_checkpoint(struct known *known, const struct dist *d,
                                    const clade_checkpoint *checkpoint)
{
    clade_status st;

    *known = (struct known){ 0 };
    if (checkpoint) {
        const struct clade_checkpoint_info *info =
            clade_checkpoint_info(checkpoint);
        json_t *devices = checkpoint_devices(checkpoint);

        known->epoch = info->epoch;
        known->shares = info->shares ? strdup(info->shares) : NULL;
        known->devices = json_dumps(devices, JSON_COMPACT);
        json_decref(devices);
    }
    if ((st = dist_broadcast(d, &known->epoch, sizeof known->epoch, 0)) ||
        (st = dist_broadcast_text(d, &known->shares, 0)))
        return st;
    return dist_broadcast_text(d, &known->devices, 0);
}

/* A run that goes on keeps its shares, unless the config has others. */
static clade_status cut(struct training *t, const struct known *known)
{
    struct clade_train_config config = *t->config;

    if (config.resume && shares_are_auto(&config) && !config.accumulate)
        config.shares = NULL;
    if (!config.shares && !config.accumulate)
        config.shares = known->shares;
    return shares_new(&t->shares, &config, t->dist->size);
}

/* If a run begins, cut its shares by speed, or tell that this could be done. */
static clade_status weigh(struct training *t)
{
    static const char unlike_text[] =
        "the processes have unlike devices, but equal shares: shares \"auto\" "
        "cuts each batch by their measured speed";
    const struct clade_train_config *c = t->config;

    if (c->resume || t->dist->size == 1)
        return CLADE_OK;
    if (shares_are_auto(c))
        return speed_cut(t);
    if (t->first && t->devices.count > 1 && !c->shares && !c->accumulate &&
        t->observer->notice)
        t->observer->notice(t->observer->arg, unlike_text);
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
    json_t *devices;
    clade_status st;

    json_decref(t->metadata);
    t->metadata = checkpoint_metadata(t->config, net.net, &t->data, &t->shares,
                                      &t->devices);
    if (!checkpoint)
        return CLADE_OK;
    devices = devices_json(&t->devices, &t->shares);
    st = checkpoint_compare(checkpoint, t->metadata, devices, &t->elsewhere);
    json_decref(devices);
    if (!st && t->elsewhere && t->net && observer->notice)
        observer->notice(observer->arg, elsewhere_text);
    return st;
}

static clade_status make_net(struct training *t, const struct known *known)
{
    const struct clade_net_config net = train_net_config(t->config);
    json_t *kept = known->devices ? json_loads(known->devices, 0, NULL) : NULL;
    clade_status st;

    t->devices.shadowed = t->shadowing->every;
    st = devices_net(&t->net, &t->devices, t->dist, &t->shares, t->be, &net,
                     kept);
    json_decref(kept);
    run_tell_notices(t);
    if (st)
        return st;
    t->shape = clade_net_shape(t->net);
    if ((st = run_check_images(t->shape, &t->data.train)))
        return st;
    return group_new(&t->group, t->dist, &t->shares, t->net,
                     net.train_batch > net.eval_batch ? net.train_batch
                                                      : net.eval_batch);
}

/* Let what looks at the steps do so. */
static clade_status watch(struct training *t)
{
    const struct clade_train_observer *observer = t->observer;
    clade_status st = CLADE_OK;

    t->net_config = train_net_config(t->config);
    if (t->shadowing->every)
        st = shadow_new(&t->shadow, t->shadowing, &t->group, &t->devices,
                        &t->net_config, observer->notice, observer->arg);
    if (st || !t->config->check_numerics)
        return st;
    if (t->first)
        run_notice(observer,
                   "every op's output is searched for NaN and infinity, in all "
                   "steps: the training is slow");
    return numerics_new(&t->numerics, &t->group);
}

static clade_status make_staging(struct training *t)
{
    const struct clade_train_config *c = t->config;

    t->steps = (c->train_count - 1) / c->batch + 1;
    augment_parse(&t->augment, c->augment);
    t->shuffle = rng_stream("shuffle", "train");
    t->order = malloc((size_t)c->train_count * sizeof *t->order);
    clade_net_staging(t->net, &t->images, &t->labels);
    if (!t->order)
        return clade_fail(CLADE_ENOMEM, "%d images: out of memory",
                          c->train_count);
    return CLADE_OK;
}

static size_t vector_bytes(const struct training *t)
{
    return (size_t)net_whole(t->net).count *
           clade_type_size(clade_backend_real(t->be));
}

/* Read the parameters that the run begins with.  The checkpoints have their
 * hash. */
static clade_status read_weights(struct training *t, struct net_vectors *v)
{
    clade_checkpoint *checkpoint;
    char hash[32];
    clade_status st = clade_checkpoint_open(&checkpoint, t->config->weights);

    if (st)
        return st;
    st = checkpoint_read(checkpoint, t->net, v);
    clade_checkpoint_close(checkpoint);
    memset(v->momenta, 0, vector_bytes(t));
    snprintf(hash, sizeof hash, "fnv64:%016" PRIx64,
             rng_fnv64(v->values, vector_bytes(t)));
    json_object_set_new(t->metadata, "weights", json_string(hash));
    return st;
}

/* Read what a run goes on with. */
static clade_status read_checkpoint(struct training *t, struct net_vectors *v,
                                    clade_checkpoint *checkpoint)
{
    const char *weights = checkpoint_text(checkpoint, "weights");

    if (weights)
        json_object_set_new(t->metadata, "weights", json_string(weights));
    return checkpoint_read(checkpoint, t->net, v);
}

/* Give the net the parameters and momenta of a file, which rank 0 reads for
 * all. */
static clade_status load(struct training *t, clade_checkpoint *checkpoint)
{
    struct net_vectors v;
    clade_status st = net_vectors_new(&v, t->net);

    if (!st && t->first)
        st = checkpoint ? read_checkpoint(t, &v, checkpoint)
                        : read_weights(t, &v);
    if (!st)
        st = dist_broadcast(t->dist, v.values, vector_bytes(t), 0);
    if (!st)
        st = dist_broadcast(t->dist, v.momenta, vector_bytes(t), 0);
    if (!st)
        st = net_vectors_write(t->net, &v);
    net_vectors_free(&v);
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

/* Take the folder of the run; if the run goes on, open its checkpoint. */
static clade_status take_folder(struct training *t,
                                clade_checkpoint **checkpoint)
{
    const struct clade_train_config *c = t->config;
    clade_status st;
    bool previous;

    if (!t->first)
        return CLADE_OK;
    if ((st = run_folder_take(&t->folder, c, t->observer)))
        return st;
    t->checkpoint = file_path(c->out, TRAIN_CHECKPOINT);
    t->previous = file_path(c->out, TRAIN_PREVIOUS);
    t->kept = file_path(c->out, TRAIN_BEST);
    if (!t->checkpoint || !t->previous || !t->kept)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", c->out);
    if (!c->resume)
        return CLADE_OK;
    st = run_folder_checkpoint(checkpoint, &previous, c->out, t->observer);
    t->saved = !st && !previous;
    return st;
}

/* Is `kept` the checkpoint of the best epoch so far? */
static bool is_best_kept(const struct training *t)
{
    clade_checkpoint *checkpoint;
    bool is;

    if (clade_checkpoint_open(&checkpoint, t->kept))
        return false;
    is = clade_checkpoint_info(checkpoint)->epoch == t->best.epoch + 1;
    clade_checkpoint_close(checkpoint);
    return is;
}

/* Find out what best.safetensors has.  If the best epoch is the last one, the
 * checkpoint can be taken that the run goes on from. */
static clade_status find_kept(struct training *t)
{
    if (!t->config->save_best || !t->best.any)
        return CLADE_OK;
    t->best_kept = t->best;
    if (is_best_kept(t))
        return CLADE_OK;
    if (t->best.epoch + 1 == t->done)
        return file_keep(t->saved ? t->checkpoint : t->previous, t->kept);
    run_notice(t->observer,
               "%s: is not there, or not that of epoch %d, which was the best: "
               "the best from here on is kept",
               t->kept, t->best.epoch + 1);
    t->best_kept.any = false;
    return CLADE_OK;
}

/* Read the history, and let all ranks know the best of it. */
static clade_status find_best(struct training *t)
{
    clade_status st = CLADE_OK;

    if (t->first)
        st = history_replay(&t->history, &t->shape, t->observer, &t->best);
    if (!st && t->first)
        st = find_kept(t);
    return st ? st : dist_broadcast(t->dist, &t->best, sizeof t->best, 0);
}

static clade_status set_up(struct training *t, struct known *known,
                           clade_checkpoint *checkpoint)
{
    clade_status st;

    if ((st = tell_checkpoint(known, t->dist, checkpoint)) ||
        (st = cut(t, known)) || (st = read_data(&t->data, t->config)) ||
        (st = devices_find(&t->devices, t->dist, t->be)) || (st = weigh(t)) ||
        (st = compare(t, checkpoint)) || (st = make_net(t, known)) ||
        (st = compare(t, checkpoint)) || (st = watch(t)) ||
        (st = make_staging(t)))
        return st;
    t->done = known->epoch;
    if ((t->config->resume || t->config->weights) && (st = load(t, checkpoint)))
        return st;
    if (t->first && (st = open_files(t)))
        return st;
    tell_start(t);
    return find_best(t);
}

clade_status run_set_up(struct training *t)
{
    clade_checkpoint *checkpoint = NULL;
    struct known known = { 0 };
    clade_status st = take_folder(t, &checkpoint);

    if (!st)
        st = set_up(t, &known, checkpoint);
    known_free(&known);
    clade_checkpoint_close(checkpoint);
    return st;
}

void run_free(struct training *t)
{
    csv_close(&t->losses);
    csv_close(&t->history);
    json_decref(t->metadata);
    free(t->checkpoint);
    free(t->previous);
    free(t->kept);
    free(t->order);
    shadow_free(&t->shadow);
    numerics_free(&t->numerics);
    group_free(&t->group);
    clade_net_free(t->net);
    devices_free(&t->devices);
    shares_free(&t->shares);
    clade_data_free(&t->data);
    if (t->first)
        run_folder_release(&t->folder);
}
