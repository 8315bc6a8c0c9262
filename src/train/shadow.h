/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_SHADOW_H
#define TRAIN_SHADOW_H

#include "train/devices.h"
#include "train/group.h"

/*
 * Ranks that check each other.  In some steps, each rank also computes the
 * gradients of the share of the next rank (the last one those of rank 0), and
 * that one compares them with its own, parameter by parameter:
 *
 *     D = ||g - g'|| / ||g'||
 *
 * Devices that are alike must have the same bits.  Of others, a D of more than
 * SHADOW_LIMIT is too much.  Nothing of this changes what is trained.
 */
#define SHADOW_LIMIT 0.05
#define SHADOW_TEXT  512

/* What a judge finds of one computation of a share. */
struct shadow_verdict {
    bool judged, faulty;
    char text[SHADOW_TEXT]; /* faulty: the op and its layer; not judged: why */
};

struct shadow_options {
    int every; /* check step 0 and every so many steps; 0: none */
    bool warn; /* report a fault, and go on */
    /* Judge this rank's device while it computes a share once more, op by op.
     * The gradients stay in the net if it was judged. */
    clade_status (*judge)(struct shadow_verdict *verdict, clade_net *net,
                          const struct clade_batch *share, uint32_t step);
};

/* What a rank found of its own share of a round. */
struct shadow_finding {
    double distance; /* the largest D, and its parameter */
    int parameter;
    bool bad;
};

/* What a rank says in a diagnosis. */
struct shadow_opinion {
    struct shadow_verdict verdict;
    bool repeats; /* the share, computed again, has the same bits */
    /* D of the two computations, the owner's own first, with the reference's in
     * place of g'; set by the owner. */
    double reference[2];
};

struct shadow {
    const struct shadow_options *options;
    const struct run_devices *devices;
    const struct clade_net_config *config; /* of the training's net */
    void (*notice)(void *arg, const char *text);
    void *arg;
    struct group *group;
    char (*hosts)[64];               /* of each rank */
    char *theirs;                    /* gradients of this rank's last share, as
                                        the rank before computed them */
    struct net_image *images;        /* not used, but written to */
    struct shadow_finding *findings; /* of each rank */
    struct shadow_opinion *opinions; /* the same */
    struct dist_part *in, *out;      /* the same */
    int checks, faults;              /* so far */
    double distance;                 /* the largest so far, */
    int parameter;                   /* where, */
    uint32_t step;                   /* and when */
};

/* CLADE_EUSAGE: there is only one rank, or a fault is to be told, but no step
 * is checked. */
clade_status shadow_check(const struct shadow_options *options,
                          const struct dist *dist);
/*
 * Let a group's ranks check each other from now on.  `notice`, which may be
 * NULL, gets what is found; it is called on rank 0 alone.  Free it whatever
 * this returns.
 *
 * Once a fault is found, and named, the group's steps return CLADE_EBOUND on
 * all ranks, unless options->warn.
 */
clade_status shadow_new(struct shadow *shadow,
                        const struct shadow_options *options,
                        struct group *group, const struct run_devices *devices,
                        const struct clade_net_config *config,
                        void (*notice)(void *arg, const char *text), void *arg);
void shadow_free(struct shadow *shadow);

/* Say what all checks together found. */
void shadow_conclude(const struct shadow *shadow);

/* ---- diagnosis.c --------------------------------------------------------- */

/* D of a parameter in two vectors of gradients; *same: they have the same
 * bits. */
double shadow_distance(bool *same, const struct shadow *shadow, int parameter,
                       const void *gradients, const void *other);

/*
 * Find out which of the two computations of a rank's share is wrong, by all
 * ranks together, and let rank 0 say so.  *fault: one is, and clade_error()
 * names its rank.
 *
 * Both ranks compute the share again, before a judge, and then the owner does
 * on the reference.  A device with an op outside of its bounds is at fault;
 * else the one whose bits are not those of its first computation; else, unless
 * the two devices are unlike and both are cleared by this, the one that is
 * farther from the reference.
 */
clade_status shadow_diagnose(bool *fault, struct shadow *shadow,
                             const struct group_round *round, int owner);

#endif
