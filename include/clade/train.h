/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLADE_TRAIN_H
#define CLADE_TRAIN_H

#include <clade/data.h>
#include <clade/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Training runs: SGD over shuffled epochs, a validation after each, and a
 * folder that holds what came of it:
 *
 *     history.csv             a row an epoch, Keras' columns
 *     steps.csv               a row a step: epoch, step (from 0, over all
 *                             epochs), learning rate, losses before the update
 *     checkpoint.safetensors  parameters and momenta after the last epoch
 *
 * Each is replaced as a whole, after every epoch.  The same config on the
 * same device and driver gives the same bytes.
 */
struct clade_train_config {
    const char *data; /* a CIFAR-10 folder; NULL: built-in images */
    int train_count, test_count;
    int epochs;            /* in all, resumed ones included */
    int batch;             /* images a step; an epoch's last may be less */
    double learning_rate;  /* of epoch 0 */
    uint64_t seed;         /* of everything random */
    const char *out;       /* the folder; made if it is not there */
    bool resume;           /* go on with the run in `out` */
    const char *algorithm; /* of the products; NULL: chosen per op */
};
/* The notebook's. */
#define CLADE_TRAIN_DEFAULTS                                                   \
    {                                                                          \
        .train_count = 2500, .test_count = 500, .epochs = 25, .batch = 32,     \
        .learning_rate = 0.01, .seed = 1, .out = "clade-run"                   \
    }

/* The rate of an epoch (from 0): base * 0.98^floor((1 + epoch)/8). */
CLADE_API double clade_train_rate(double base, int epoch);

/* Means over images: total and heads' losses, heads' accuracies. */
struct clade_figures {
    int images;
    double loss;
    double head_loss[CLADE_HEADS_MAX];
    double accuracy[CLADE_HEADS_MAX];
};

/* What is settled once a run is about to start. */
struct clade_train_start {
    const struct clade_train_config *config;
    const clade_net *net;
    const char *source; /* of the images: struct clade_data's */
    int steps;          /* of an epoch */
    int done;           /* epochs completed before (resumed) */
};

/* After a step. */
struct clade_train_step {
    int epoch, step; /* from 0; the step within the epoch */
    int images;      /* of the epoch, up to now */
    double learning_rate;
    struct clade_figures figures; /* of the epoch, up to now */
};

struct clade_train_epoch {
    int epoch;    /* from 0 */
    bool resumed; /* read from history.csv, which rounds */
    struct clade_figures train, test;
};

/* The library prints nothing: whoever wants to know gets called.  Each may be
 * NULL; the pointers hold during the call. */
struct clade_train_observer {
    void *arg;
    void (*start)(void *arg, const struct clade_train_start *start);
    void (*step)(void *arg, const struct clade_train_step *step);
    void (*epoch)(void *arg, const struct clade_train_epoch *epoch);
    void (*notice)(void *arg, const char *text); /* a line or more */
    /* Asked between steps: true ends the run with CLADE_EINTERRUPTED. */
    bool (*stop)(void *arg);
};

/*
 * Train.  CLADE_EINUSE where `out` holds another run and resume is not set;
 * CLADE_EDATA where data or checkpoint are bad or are not this run's (both
 * values are named); CLADE_EIO names a file; CLADE_EDIVERGED epoch and step.
 * Whatever ends a run, what the last completed epoch left stays.
 */
CLADE_API clade_status clade_train(clade_backend *be,
                                   const struct clade_train_config *config,
                                   const struct clade_train_observer *observer);

/* The figures of a net on labelled images, `batch` at a time (the net's
 * eval_batch, and eval_last for the rest).  observer (its stop) may be NULL. */
CLADE_API clade_status
clade_train_evaluate(struct clade_figures *figures, clade_net *net,
                     const struct clade_dataset *data, int batch,
                     const struct clade_train_observer *observer);

/* A checkpoint opened for reading, its metadata and layout checked. */
typedef struct clade_checkpoint clade_checkpoint;

/* What a checkpoint says of the run that left it; the texts are its own. */
struct clade_checkpoint_info {
    const char *net;
    int epoch; /* completed */
    uint64_t seed;
    int batch, train_count, test_count;
    double learning_rate;
    const char *data; /* struct clade_data's source */
    const char *device, *driver;
    const char *algorithms; /* clade_net_algorithms() */
};

/* CLADE_EDATA names file and fault. */
CLADE_API clade_status clade_checkpoint_open(clade_checkpoint **checkpoint,
                                             const char *path);
CLADE_API void clade_checkpoint_close(clade_checkpoint *checkpoint);
CLADE_API const struct clade_checkpoint_info *
clade_checkpoint_info(const clade_checkpoint *checkpoint);
/* Write parameters, and momenta where the net trains, into a net.  CLADE_EDATA
 * names file and tensor, and leaves the net as it was. */
CLADE_API clade_status clade_checkpoint_load(clade_checkpoint *checkpoint,
                                             clade_net *net);

#ifdef __cplusplus
}
#endif

#endif
