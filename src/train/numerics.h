/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_NUMERICS_H
#define TRAIN_NUMERICS_H

#include "train/group.h"

/*
 * The search for the first op whose output has a NaN or an infinity, while
 * steps are computed.  After each op, all floats that it has written are read
 * back from the device.
 */

/* The first such op that a rank has found. */
struct numerics_finding {
    bool found;
    int share;      /* that was computed; INT_MAX: the parameters' update */
    char text[320]; /* what is wrong with which tensor */
};

struct numerics {
    const struct group *group;
    struct net_observer observer;
    struct numerics_finding *findings; /* one for each rank */
    void *values;                      /* the output that is looked at */
    size_t bytes;                      /* room there */
};

/* Search in all steps of a group.  Free it, before the group, whatever this
 * returns. */
clade_status numerics_new(struct numerics *numerics, struct group *group);
void numerics_free(struct numerics *numerics);

/*
 * Let all ranks know what was found, after group_train() or group_eval()
 * returned `st`: CLADE_OK or CLADE_EDIVERGED.  CLADE_EDIVERGED: something was
 * found; the message has the first finding, in the order of the shares.  Else
 * returns st.
 */
clade_status numerics_conclude(struct numerics *numerics, clade_status st);

#endif
