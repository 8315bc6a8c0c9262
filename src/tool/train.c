/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <stdlib.h>

#include "dist/dist.h"
#include "progress.h"
#include "ranks.h"
#include "status.h"
#include "train/train.h"

struct train_options {
    struct clade_train_config config;
    struct shadow_options shadow;
    const char *device;
    bool json, quiet, no_self_test;
};

#define AT(member)     offsetof(struct train_options, member)
#define CONFIG(member) AT(config.member)

/* clang-format off */
static const struct tool_option options[] = {
    { "device", TOOL_TEXT, AT(device), "D", TOOL_DEVICE_HELP, 0, 0 },
    { "data", TOOL_TEXT, CONFIG(data), "PATH",
      "CIFAR-10, binary version: its folder or its archive (clade fetch "
      "cifar10); without it, built-in images", 0, 0 },
    { "train-count", TOOL_INT, CONFIG(train_count), "N",
      "train with the first N images", 1, 10000000 },
    { "test-count", TOOL_INT, CONFIG(test_count), "N",
      "after each epoch, test with the first N test images", 1, 10000000 },
    { "weights", TOOL_TEXT, CONFIG(weights), "FILE",
      "begin with the parameters of this checkpoint, and momenta 0; without "
      "it, with random values", 0, 0 },
    { "epochs", TOOL_INT, CONFIG(epochs), "E",
      "passes over the training images, those before --resume included", 1, 1000000 },
    { "batch", TOOL_INT, CONFIG(batch), "B", "images in a step", 1, 65536 },
    { "accumulate", TOOL_INT, CONFIG(accumulate), "S",
      "compute a step in S shares, for less memory; under mpirun, all ranks' "
      "shares together", 1, 65536 },
    { "shares", TOOL_TEXT, CONFIG(shares), "N,N...",
      "the images of each share; under mpirun they go round the ranks; auto: "
      "one for each rank, by its measured speed", 0, 0 },
    { "learning-rate", TOOL_REAL, CONFIG(learning_rate), "R",
      "the step size in epoch 0; --schedule says how it falls", 0, 1000 },
    { "schedule", TOOL_CHOICE, CONFIG(schedule), "step|constant|cosine",
      "how the rate falls: by 2 % every 8 epochs; not; or along half a cosine "
      "to 0 at the end of the last epoch", 0, 0 },
    { "rate-batch", TOOL_INT, CONFIG(rate_batch), "B",
      "the batch that --learning-rate is for: a batch k times as large gets k "
      "times the rate", 1, 65536 },
    { "warmup", TOOL_INT, CONFIG(warmup), "E",
      "with --rate-batch, the epochs in which the rate rises to k times", 1,
      1000000 },
    { "augment", TOOL_TEXT, CONFIG(augment), "flip,crop",
      "vary the training images at random: flip mirrors half of them, crop moves "
      "them by up to 4 pixels; without it, they stay as they are", 0, 0 },
    { "eval-every", TOOL_INT, CONFIG(eval_every), "N",
      "test after every N-th epoch and after the last one, not after each", 1,
      1000000 },
    { "early-stop", TOOL_INT, CONFIG(early_stop), "N",
      "end after N epochs without a better test: the main head's accuracy, "
      "then the loss", 1, 1000000 },
    { "save-best", TOOL_FLAG, CONFIG(save_best), NULL,
      "keep the best epoch's checkpoint, too, as best.safetensors", 0, 0 },
    { "seed", TOOL_SEED, CONFIG(seed), "S",
      "seed of initial values, image order, dropout, --augment and built-in "
      "images", 0, 0 },
    { "out", TOOL_TEXT, CONFIG(out), "DIR",
      "the folder for history.csv, steps.csv, checkpoint.safetensors and the "
      "checkpoint before it", 0, 0 },
    { "resume", TOOL_FLAG, CONFIG(resume), NULL,
      "continue the run in the out folder", 0, 0 },
    { "shadow", TOOL_INT, AT(shadow.every), "N",
      "under mpirun: in step 0 and every N-th after it, each process also "
      "computes its neighbour's share, and a device that is wrong is named", 1,
      1000000 },
    { "shadow-warn", TOOL_FLAG, AT(shadow.warn), NULL,
      "if --shadow finds a fault, say so and go on", 0, 0 },
    { "check-numerics", TOOL_FLAG, CONFIG(check_numerics), NULL,
      "search what each op writes for NaN and infinity, which is slow; end with "
      "exit code 5, and name the first such op and its layer", 0, 0 },
    { "algorithm", TOOL_TEXT, CONFIG(algorithm), "NAME",
      "for the matrix products that it can run (OpenCL: clblast, direct, "
      "implicit, winograd); without it, chosen per shape", 0, 0 },
    { "json", TOOL_FLAG, AT(json), NULL,
      "at the end, print the epochs as one JSON object in place of the table",
      0, 0 },
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
        if (o->json)
            st = progress_json(&progress, o->config.out);
        else
            progress_table(&progress);
        if (!o->quiet)
            fprintf(stderr,
                    "next: clade eval --checkpoint "
                    "%s/%s%s%s\n",
                    o->config.out,
                    o->config.save_best ? TRAIN_BEST : TRAIN_CHECKPOINT,
                    o->config.data ? " --data " : "",
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
    const struct clade_train_observer observer = { .arg = &progress,
                                                   .notice = progress_notice,
                                                   .stop = tool_stop };
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

/* Refuse what can be refused at once; open the device for the nets of the
 * run. */
static clade_status open_device(clade_backend **be,
                                const struct train_options *o,
                                const struct dist *dist)
{
    struct tool_plans plans = { .config[0] = train_net_config(&o->config),
                                .count = !o->no_self_test,
                                .quiet = o->quiet };
    clade_checkpoint *checkpoint = NULL;
    clade_status st =
        dist->rank ? CLADE_OK : train_check(&checkpoint, &o->config);

    if (checkpoint && plans.count)
        add_resumed(&plans, checkpoint);
    if (!st)
        st = ranks_open(be, o->device, &plans, dist);
    clade_checkpoint_close(checkpoint);
    return st;
}

static clade_status train_rank(const void *given, const struct dist *dist)
{
    const struct train_options *o = given;
    const struct clade_device *device;
    clade_backend *be = NULL;
    char who[96] = "";
    clade_status st = shadow_check(&o->shadow, dist);

    if (st || (st = open_device(&be, o, dist)))
        return st;
    device = clade_backend_device(be);
    if (dist->size > 1)
        snprintf(who, sizeof who, "rank %d on %s: ", dist->rank, dist->host);
    if (!o->quiet)
        fprintf(stderr, "%sdevice  %s / %s, driver %s (%s)\n", who,
                device->platform, device->name, device->driver,
                device->selector);
    st = dist->rank ? join_in(be, o, dist) : train(be, o, dist);
    clade_backend_close(be);
    return st;
}

static clade_status train_net(const void *given)
{
    return ranks_run(train_rank, given);
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
