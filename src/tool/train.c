/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

#include "dist/dist.h"
#include "progress.h"
#include "status.h"
#include "train/train.h"

struct train_options {
    struct clade_train_config config;
    struct shadow_options shadow;
    const char *device;
    bool quiet, no_self_test;
};

#define AT(member)     offsetof(struct train_options, member)
#define CONFIG(member) AT(config.member)

/* clang-format off */
static const struct tool_option options[] = {
    { "device", TOOL_TEXT, AT(device), "D", TOOL_DEVICE_HELP, 0, 0 },
    { "data", TOOL_TEXT, CONFIG(data), "DIR",
      "the folder with CIFAR-10's binary files; without it, built-in images", 0, 0 },
    { "train-count", TOOL_INT, CONFIG(train_count), "N",
      "train with the first N images", 1, 10000000 },
    { "test-count", TOOL_INT, CONFIG(test_count), "N",
      "after each epoch, test with the first N test images", 1, 10000000 },
    { "epochs", TOOL_INT, CONFIG(epochs), "E",
      "passes over the training images, those before --resume included", 1, 1000000 },
    { "batch", TOOL_INT, CONFIG(batch), "B", "images in a step", 1, 65536 },
    { "accumulate", TOOL_INT, CONFIG(accumulate), "S",
      "compute a step in S shares, for less memory; under mpirun, all ranks' "
      "shares together", 1, 65536 },
    { "shares", TOOL_TEXT, CONFIG(shares), "N,N...",
      "the images of each share; under mpirun they go round the ranks", 0, 0 },
    { "learning-rate", TOOL_REAL, CONFIG(learning_rate), "R",
      "the step size in epoch 0; it falls by 2 % every 8 epochs", 0, 1000 },
    { "seed", TOOL_SEED, CONFIG(seed), "S",
      "seed of initial values, image order, dropout and built-in images", 0, 0 },
    { "out", TOOL_TEXT, CONFIG(out), "DIR",
      "the folder for history.csv, steps.csv and checkpoint.safetensors", 0, 0 },
    { "resume", TOOL_FLAG, CONFIG(resume), NULL,
      "continue the run in the out folder", 0, 0 },
    { "shadow", TOOL_INT, AT(shadow.every), "N",
      "under mpirun: in step 0 and every N-th after it, each process also "
      "computes its neighbour's share, and a device that is wrong is named", 1,
      1000000 },
    { "shadow-warn", TOOL_FLAG, AT(shadow.warn), NULL,
      "if --shadow finds a fault, say so and go on", 0, 0 },
    { "algorithm", TOOL_TEXT, CONFIG(algorithm), "NAME",
      "for the matrix products that it can run (OpenCL: clblast, direct, "
      "implicit, winograd); without it, chosen per shape", 0, 0 },
    { "quiet", TOOL_FLAG, AT(quiet), NULL,
      "print no progress, only the table of epochs", 0, 0 },
    TOOL_NO_SELF_TEST(AT(no_self_test)),
};
/* clang-format on */

static const struct train_options defaults = {
    .config = CLADE_TRAIN_DEFAULTS, .shadow.judge = tool_judge_share
};

static clade_status train(clade_backend *be, const struct train_options *o,
                          const struct dist *dist)
{
    struct progress progress;
    const struct clade_train_observer observer = {
        .arg = &progress,
        .start = progress_start,
        .step = progress_step,
        .epoch = progress_epoch,
        .notice = progress_notice,
        .stop = tool_stop,
    };
    clade_status st;

    progress_open(&progress, o->quiet, o->config.epochs);
    st = train_shadowed(be, &o->config, &observer, dist, &o->shadow);
    if (!st) {
        progress_table(&progress);
        if (!o->quiet)
            fprintf(stderr,
                    "next: clade eval --checkpoint "
                    "%s/checkpoint.safetensors%s%s\n",
                    o->config.out, o->config.data ? " --data " : "",
                    o->config.data ? o->config.data : "");
    }
    if (st == CLADE_EINTERRUPTED && progress.n_rows && !o->quiet)
        fprintf(stderr,
                "next: clade train --resume --out %s, and the other "
                "options as before\n",
                o->config.out);
    progress_close(&progress);
    return st;
}

/* As one of several that are not the first: say nothing but notices. */
static clade_status join_in(clade_backend *be, const struct train_options *o,
                            const struct dist *dist)
{
    struct progress progress;
    const struct clade_train_observer observer = {
        .arg = &progress, .notice = progress_notice, .stop = tool_stop
    };
    clade_status st;

    progress_open(&progress, true, o->config.epochs);
    st = train_shadowed(be, &o->config, &observer, dist, &o->shadow);
    progress_close(&progress);
    return st;
}

/* Add the net of a run that is resumed: it has the algorithms of its
 * checkpoint, if the device and the driver are the same. */
static void add_resumed(struct tool_plans *plans, clade_checkpoint *checkpoint)
{
    struct clade_net_config *config = &plans->config[plans->count++];

    *config = plans->config[0];
    config->algorithms = clade_checkpoint_info(checkpoint)->algorithms;
}

/* The device of this rank: those of a list go round the ranks of a host. */
static char *own_device(const char *list, const struct dist *dist)
{
    char *copy = list ? strdup(list) : NULL, *at = copy, *next;
    int count = 1;

    for (const char *c = list; c && *c; c++)
        count += *c == ',';
    for (int skip = dist->local % count; at && skip--;)
        at = strchr(at, ',') + 1;
    if (at && (next = strchr(at, ',')))
        *next = 0;
    if (at)
        memmove(copy, at, strlen(at) + 1);
    return copy;
}

/* Refuse what can be refused at once; open the device for the nets of the
 * run. */
static clade_status open_device(clade_backend **be,
                                const struct train_options *o,
                                const struct dist *dist)
{
    char *device = own_device(o->device, dist);
    struct tool_plans plans = { .config[0] = train_net_config(&o->config),
                                .count = !o->no_self_test,
                                .quiet = o->quiet };
    clade_checkpoint *checkpoint = NULL;
    clade_status st =
        dist->rank ? CLADE_OK : train_check(&checkpoint, &o->config);

    if (checkpoint && plans.count)
        add_resumed(&plans, checkpoint);
    for (int turn = 0; turn < 2 && !st; turn++) {
        if (turn == !!dist->local)
            st = tool_open_tested(be, device, &plans);
        if (!st)
            st = dist_barrier(dist);
    }
    clade_checkpoint_close(checkpoint);
    free(device);
    return st;
}

/* Whether all ranks return a status alike.  A bound that is broken in a training
 * is known to all; before, in a self-test, to one. */
static bool is_common(clade_status st, bool trained)
{
    return !st || st == CLADE_EDIVERGED || st == CLADE_EINTERRUPTED ||
           (st == CLADE_EBOUND && trained);
}

/* *trained: the training began. */
static clade_status train_rank(bool *trained, const struct train_options *o,
                               const struct dist *dist)
{
    const struct clade_device *device;
    clade_backend *be = NULL;
    clade_status st = shadow_check(&o->shadow, dist);

    if (st || (st = open_device(&be, o, dist)))
        return st;
    device = clade_backend_device(be);
    if (!o->quiet && dist->size > 1)
        fprintf(stderr, "rank %d on %s: ", dist->rank, dist->host);
    if (!o->quiet)
        fprintf(stderr, "device  %s / %s, driver %s (%s)\n", device->platform,
                device->name, device->driver, device->selector);
    *trained = true;
    st = dist->rank ? join_in(be, o, dist) : train(be, o, dist);
    clade_backend_close(be);
    return st;
}

/* A failure of one rank ends all; what all see is said by the first. */
static clade_status train_net(const void *given)
{
    struct dist dist;
    bool trained = false;
    clade_status st = dist_join(&dist);

    if (st)
        return st;
    tool_catch_signals();
    st = train_rank(&trained, given, &dist);
    if (dist.size > 1 && !is_common(st, trained)) {
        fprintf(stderr, "clade: rank %d on %s: %s\n", dist.rank, dist.host,
                clade_error());
        dist_abort(&dist, clade_status_exit_code(st));
    }
    dist_leave(&dist);
    return st;
}

const struct tool_command cmd_train = {
    .name = "train",
    .summary = "Train GoogLeNet, and write a checkpoint and its history",
    .text =
        "Trains as the published Keras notebook does: SGD with momentum 0.9 "
        "over three\nheads, with a validation after each epoch. The out folder "
        "is written after\nevery epoch. If a run is interrupted (SIGINT, "
        "SIGTERM), --resume continues it.\nThe same seed on the same device "
        "gives the same files, byte for byte.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .ranks = true,
    .run = train_net,
};
