/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_GROUP_H
#define TRAIN_GROUP_H

#include "dist/dist.h"
#include "net/net.h"
#include "train/shares.h"

/* What the time of group_train() and group_any() goes to. */
enum group_phase {
    GROUP_COMPUTE,  /* the gradients of this rank's shares */
    GROUP_WAIT,     /* until the slowest rank has them */
    GROUP_COPY,     /* between the device and the host */
    GROUP_EXCHANGE, /* gradients between ranks; rounds wait here as well */
    GROUP_SUM,
    GROUP_UPDATE,
    GROUP_VALUES, /* new parameters between ranks, until the slowest has them */
    GROUP_PHASES
};

/*
 * What one process does of steps that several make together.  Shares are dealt
 * out in rounds: rank r computes shares r, r + ranks, and so on.  The gradients
 * of all shares are summed in the order of the shares, element by element, from
 * the first one on, each rank summing its piece of the parameters on the host;
 * it updates that piece, and every rank gets the new parameters from the
 * others. So a step gives the same bits whatever process computes a share, if
 * like devices compute it.
 */
struct group_round;
struct group {
    const struct dist *dist;
    const struct shares *shares;
    clade_net *net;
    size_t element;           /* bytes of one */
    struct net_image *images; /* of a whole batch */
    char *gradients;          /* those of this rank's last share */
    char *received;           /* this rank's piece of a round's shares */
    char *sum;                /* and of the sum */
    char *values;             /* all parameters */
    struct dist_part *out, *in, *pieces; /* one for each rank */
    double seconds[GROUP_PHASES];        /* the sums since the group was made */
    double since;                        /* when the phase at work began */
    /* Called by all ranks in each round of a step, once its gradients are
     * exchanged; NULL, as at first: nothing is.  It may change the gradients on
     * the device, and `values`. */
    clade_status (*watch)(void *arg, const struct group_round *round);
    void *watch_arg;
    /* Sees the ops of the steps; NULL, as at first: nobody does. */
    const struct net_observer *observer;
    int share; /* that this rank computes or has computed last */
};

/* Batches have at most `largest` images.  Free it whatever it returns. */
clade_status group_new(struct group *group, const struct dist *dist,
                       const struct shares *shares, clade_net *net,
                       int largest);
void group_free(struct group *group);

/* A batch of n images of which a process needs only its shares. */
struct group_batch {
    int n;
    /* The images first ... first+count-1, valid until the next call. */
    struct clade_batch (*images)(void *arg, int first, int count);
    void *arg;
};

/* A round of a step. */
struct group_round {
    struct group *group;
    const struct group_batch *batch;
    uint32_t step;
    int number; /* from 0 in each step */
};
/* The number of the share that a rank has in a round, how many images it has
 * (0: there is no such share, or it is empty), and the images, valid until the
 * next call. */
int group_share_of(const struct group_round *round, int rank);
int group_share_size(const struct group_round *round, int rank);
struct clade_batch group_share(const struct group_round *round, int rank);

/* clade_net_train() and clade_net_eval(), by all ranks together.  All get the
 * same result, and CLADE_EDIVERGED alike. */
clade_status group_train(struct group *group, const struct group_batch *batch,
                         uint32_t step, float learning_rate,
                         struct clade_result *result);
clade_status group_eval(struct group *group, const struct group_batch *batch,
                        struct clade_result *result);

/* A step of this rank's shares without the others: their gradients, and an
 * update from the last one's.  The ranks' parameters then differ until the next
 * step together.  No phase gets its time. */
clade_status group_alone(struct group *group, const struct group_batch *batch,
                         uint32_t step, float learning_rate);

/* Does any rank say so? */
clade_status group_any(bool *any, struct group *group, bool mine);

/* Copy all momenta to rank 0's `momenta`, which has room for all; elsewhere it
 * is not used, but must be there. */
clade_status group_momenta(struct group *group, void *momenta);

#endif
