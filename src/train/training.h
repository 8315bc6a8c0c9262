/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_TRAINING_H
#define TRAIN_TRAINING_H

#include "train/augment.h"
#include "train/group.h"
#include "train/numerics.h"
#include "train/train.h"

/* A training run, from its set-up to its last step, as one of its ranks has it.
 * Only rank 0 has the folder and its files. */
struct training {
    const struct clade_train_config *config;
    const struct clade_train_observer *observer;
    const struct dist *dist;
    const struct shadow_options *shadowing;
    bool first; /* this is rank 0 */
    clade_backend *be;
    clade_net *net;
    struct clade_net_shape shape;
    struct clade_data data;
    struct shares shares;
    struct run_devices devices;
    struct group group;
    struct clade_net_config net_config; /* without shares */
    struct shadow shadow;
    struct numerics numerics;
    int steps;                /* in an epoch */
    int done;                 /* complete epochs */
    uint32_t shuffle;         /* the stream of random numbers for shuffling */
    struct augment augment;
    uint32_t *order;          /* the order of the images in this epoch */
    uint8_t *images, *labels; /* of one share, in the net's staging memory */
    struct run_folder folder;
    struct csv history, losses;
    char *checkpoint;      /* the path of the checkpoint, */
    char *previous;        /* of the one before it, */
    char *kept;            /* and of the best one's */
    bool saved;            /* `checkpoint` is there, and good */
    struct best best;      /* of all epochs */
    struct best best_kept; /* the best of those from which `kept` comes */
    bool elsewhere;   /* another device or driver wrote the checkpoint */
    json_t *metadata; /* for the checkpoint */
};

/* Refuse a config with a number out of range, or with a name that is none. */
clade_status run_check_config(const struct clade_train_config *config);

/* Do everything that comes before the first step.  Free it whatever this
 * returns. */
clade_status run_set_up(struct training *training);
void run_free(struct training *training);

/* Pass the backend's notices on. */
void run_tell_notices(struct training *training);

/* The images must be there, and of the size that the net resizes. */
clade_status run_check_images(struct clade_net_shape net,
                                   const struct clade_dataset *data);

#endif
