/* SPDX-License-Identifier: Apache-2.0 */
/* Train a network, evaluate it, and read checkpoints. */
#ifndef CLADE_TRAIN_H
#define CLADE_TRAIN_H

#include <clade/data.h>
#include <clade/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A training run: SGD over shuffled epochs, with a validation after each epoch.
 * It writes these files to a folder:
 *
 *     history.csv             one row for each epoch, with Keras' columns
 *     steps.csv               one row for each step: epoch, step (counted from
 *                             0 over all epochs), learning rate, losses before
 *                             the update
 *     checkpoint.safetensors  parameters and momenta after the last epoch
 *     checkpoint.previous.safetensors
 *                             the same after the epoch before it; a run is
 *                             resumed from there if the newest is missing or
 *                             damaged, with a notice, to the same end
 *     best.safetensors        with save_best: the checkpoint after the epoch
 *                             that has the best validation
 *
 * In history.csv, an epoch without a validation has NA in the columns from
 * val_loss on, as Keras' CSVLogger writes it.  After every epoch each file is
 * replaced as a whole.  The same config on the same device and driver gives the
 * same bytes.  Until the run ends, no other run can use the folder: it is
 * locked with flock().  A folder whose run was killed before its first
 * checkpoint is used again, with a notice.
 */
struct clade_train_config {
    const char *data; /* CIFAR-10, its folder or archive; NULL: built-in
                         images */
    int train_count, test_count;
    const char *weights;  /* a checkpoint whose parameters the run begins with,
                             and momenta 0; NULL: initial values by the seed.
                             A run that is resumed has its own: NULL then. */
    int epochs;           /* in all, including those before a resume */
    int batch;            /* images in a step; an epoch's last may have fewer */
    int accumulate;       /* compute a batch in so many equal shares, one after
                             the other: less memory.  0: in one */
    const char *shares;   /* or in shares of these sizes: "20,12"; "auto": one
                             for each process, by its speed */
    double learning_rate; /* in epoch 0; see clade_train_step_rate() */
    const char *schedule; /* "step", "constant" or "cosine": how the rate falls;
                             NULL: "step" */
    int rate_batch;       /* the batch that this rate is for; 0: the run's own */
    int warmup;           /* epochs in which the rate rises; 0: none */
    const char *augment;  /* vary the training images: "flip", "crop" or
                             "flip,crop"; NULL: not */
    int eval_every;       /* validate after every so many epochs, and after the
                             last one; 0: after each */
    int early_stop;       /* end after so many epochs without a better
                             validation; 0: never */
    bool save_best;       /* keep the best epoch's checkpoint as well */
    bool check_numerics;  /* search all that ops write for NaN and infinity */
    uint64_t seed;        /* for everything random */
    const char *out;      /* the folder; it is created if it does not exist */
    bool resume;          /* continue the run in `out` */
    const char *algorithm; /* for the convolutions and dense layers that it can
                              run; NULL: the backend chooses for each op */
};
/* The values of the Keras notebook. */
#define CLADE_TRAIN_DEFAULTS                                                   \
    {                                                                          \
        .train_count = 2500, .test_count = 500, .epochs = 25, .batch = 32,     \
        .learning_rate = 0.01, .schedule = "step", .eval_every = 1,            \
        .seed = 1, .out = "clade-run"                                          \
    }

/*
 * A batch that is computed in shares has the gradients of all of them summed in
 * their order.  Random numbers depend on an image's place in the whole batch, so
 * only the order of sums differs from a batch in one.  A batch of n images, such
 * as the last of an epoch, is cut in proportion: share s ends before image
 * floor(n * (sizes up to s) / batch).  Validation batches are cut likewise.
 *
 * Shares "auto" are cut such that the slowest process has the least to do.  The
 * seconds that each takes for an image are measured while all are at work, and
 * kept in a file of the cache folder for these devices and drivers, their hosts
 * and the batch; later runs read it, and so are cut alike.  A run that is resumed
 * keeps its shares.
 */

/*
 * Images are augmented as by He et al., 2016 (arXiv:1512.03385, section 4.2),
 * anew in each epoch: "flip" mirrors an image, left to right, with probability
 * 1/2; "crop" surrounds it by 4 black pixels and takes a random window of its
 * own size from that.  The random numbers depend on the seed, the epoch and the
 * image, and not on batch and shares.  Test images stay as they are.
 */

/*
 * Of two validations the better one has the higher accuracy of the main head
 * (head 0) or, at the same accuracy, the lower loss, with the digits that
 * history.csv has; of equals it is the earlier.  So a run that is resumed
 * decides as one that was not disturbed.  early_stop counts all epochs, but
 * only after one that is validated does it end a run, with a notice and
 * CLADE_OK.  If save_best is set for a run that is resumed, and
 * best.safetensors is not that of its best epoch, a notice says so, and the
 * best of the epochs from there on is kept.
 */

/* The learning rate of an epoch by the schedule "step", where epochs count from
 * 0: base * 0.98^floor((1 + epoch)/8). */
CLADE_API double clade_train_rate(double base, int epoch);

/*
 * The learning rate of a step, where steps count from 0 over all epochs:
 *
 *     rate * scale
 *     rate  = clade_train_rate(learning_rate, epoch)    schedule step
 *             learning_rate                             constant
 *             learning_rate * (1 + cos(pi * step / all steps)) / 2    cosine
 *     scale = 1 + (k - 1) * min(1, step / (warmup * steps of an epoch))
 *     k     = batch / rate_batch
 *
 * Without a warm-up, scale is k in every step; without rate_batch, it is 1.
 * This is the linear scaling rule with a gradual warm-up of Goyal et al., 2017
 * (arXiv:1706.02677, sections 2.1 and 2.2): a batch k times as large wants k
 * times the rate, but not at once.  The cosine is that of Loshchilov & Hutter,
 * 2017 (arXiv:1608.03983, equation 5), without restarts: it falls over all
 * steps of the config's epochs, so a run with it can be resumed only with as
 * many epochs.  The result is NaN if no schedule has that name.
 */
CLADE_API double clade_train_step_rate(const struct clade_train_config *config,
                                       int step);

/* Means over images. */
struct clade_figures {
    int images;
    double loss; /* sum over heads of weight * head_loss */
    double head_loss[CLADE_HEADS_MAX];
    double accuracy[CLADE_HEADS_MAX];
};

/* What is known when a run starts. */
struct clade_train_start {
    const struct clade_train_config *config;
    const clade_net *net;
    const char *source; /* where the images came from: struct clade_data's */
    int steps;          /* in an epoch */
    int done;           /* epochs that were complete before a resume */
};

/* What is known after a step. */
struct clade_train_step {
    int epoch;
    int step;   /* from 0 in each epoch */
    int images; /* of this epoch so far */
    double learning_rate;
    struct clade_figures figures; /* of this epoch so far */
};

/* What is known after an epoch. */
struct clade_train_epoch {
    int epoch;    /* from 0 */
    bool resumed; /* read back from history.csv, whose figures are rounded */
    bool validated; /* `test` has figures */
    struct clade_figures train, test;
};

/* The library prints nothing; it calls these functions instead.  Each may be
 * NULL.  The pointers that they get are valid during the call only. */
struct clade_train_observer {
    void *arg;
    void (*start)(void *arg, const struct clade_train_start *start);
    void (*step)(void *arg, const struct clade_train_step *step);
    void (*epoch)(void *arg, const struct clade_train_epoch *epoch);
    void (*notice)(void *arg, const char *text); /* one line or more */
    /* Called between steps; if it returns true, the run ends with
     * CLADE_EINTERRUPTED. */
    bool (*stop)(void *arg);
};

/*
 * Train.  However a run ends, the files of the last complete epoch stay.
 * observer may be NULL.
 *
 * CLADE_EUSAGE     `out` is NULL, a number of the config is out of range, a
 *                  text is not one of those that it can be, it has a warm-up
 *                  without rate_batch, or weights for a run that is resumed
 * CLADE_EINUSE     `out` holds another run, and resume is not set; or another
 *                  run is using it now
 * CLADE_EDATA      the data, the weights or the checkpoint are bad, or the
 *                  checkpoint is another run's; the message names both values
 *                  that differ
 * CLADE_EIO        a file cannot be read or written; the message names it
 * CLADE_EDIVERGED  the message names epoch and step.  With check_numerics it
 *                  also names the first op of the step that wrote a value that
 *                  is not finite, forward, backward or in the update, with its
 *                  layer and tensor, how many there are and where the first is.
 *                  Such a run is slow, and writes the same files.
 */
CLADE_API clade_status clade_train(clade_backend *be,
                                   const struct clade_train_config *config,
                                   const struct clade_train_observer *observer);

/* Evaluate a net on labelled images, `batch` at a time.  The net must have been
 * built with that eval_batch, and with eval_last for the rest.  Only the
 * observer's `stop` is called; observer may be NULL.  CLADE_ESHAPE: the images
 * are of another size than the net's source.  CLADE_EUSAGE: there are none. */
CLADE_API clade_status
clade_train_evaluate(struct clade_figures *figures, clade_net *net,
                     const struct clade_dataset *data, int batch,
                     const struct clade_train_observer *observer);

/* A checkpoint that is open for reading. */
typedef struct clade_checkpoint clade_checkpoint;

/* What a checkpoint says about the run that wrote it.  The checkpoint owns the
 * texts. */
struct clade_checkpoint_info {
    bool weights; /* it holds weights alone: see clade_checkpoint_open() */
    const char *net;
    int epoch; /* complete epochs */
    uint64_t seed;
    int batch, train_count, test_count;
    double learning_rate;
    int rate_batch, warmup; /* 0: none */
    const char *schedule;
    const char *augment; /* NULL: not */
    int eval_every;
    const char *data; /* struct clade_data's source */
    const char *classes;  /* struct clade_data's names of the classes: a JSON
                             array of strings.  Older checkpoints lack it; then
                             the names that such a source has by default */
    int image_w, image_h; /* of the images before the net resizes them, in
                             pixels */
    const char *device, *driver;
    const char *algorithms; /* clade_net_algorithms() */
    const char *shares;     /* the sizes of a batch's shares, "20,12"; NULL: one */
    const char *devices;    /* with shares: a JSON array with an object for each
                               device: "device", "driver", "algorithms", and the
                               numbers of its "shares" */
};

/*
 * Open a checkpoint, and check its metadata, layout and tensors.  A file of
 * weights alone is taken, too: a safetensors file from any program, with the
 * values of all parameters of a net, and neither momenta nor clade's metadata.
 * The tensors' names and shapes say which net it is.  The other members of its
 * info are the values of CLADE_TRAIN_DEFAULTS and "unknown", unless the file has
 * metadata with the names of a checkpoint's.
 *
 * CLADE_EDATA: there is no such file, or it is no checkpoint, a folder or a
 * FIFO; a tensor is missing, has another shape or type, or the net has none of
 * its name.  CLADE_EIO: it cannot be read.  The message names the file, the
 * tensor and what is wrong with it.
 */
CLADE_API clade_status clade_checkpoint_open(clade_checkpoint **checkpoint,
                                             const char *path);
/* Accepts NULL. */
CLADE_API void clade_checkpoint_close(clade_checkpoint *checkpoint);
/* What it says; valid until it is closed. */
CLADE_API const struct clade_checkpoint_info *
clade_checkpoint_info(const clade_checkpoint *checkpoint);
/* Copy the parameters into a net, and the momenta if the net trains; those of
 * weights alone are 0.  CLADE_EDATA: the checkpoint is of another net, and the
 * net is unchanged. */
CLADE_API clade_status clade_checkpoint_load(clade_checkpoint *checkpoint,
                                             clade_net *net);

#ifdef __cplusplus
}
#endif

#endif
