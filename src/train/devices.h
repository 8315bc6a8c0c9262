/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_DEVICES_H
#define TRAIN_DEVICES_H

#include <jansson.h>

#include "dist/dist.h"
#include "net/net.h"
#include "train/shares.h"

/* A device of a run.  Ranks whose devices have the same name and driver are
 * alike: they have the same plans, and the same choices in them. */
struct run_device {
    char name[272]; /* "platform / name" */
    char driver[128];
    int leader; /* the first rank that has it; it chooses for the others */
    char *algorithms; /* clade_net_algorithms(); NULL: not chosen yet */
};

struct run_devices {
    int count;
    struct run_device *list; /* in the order of their leaders */
    int ranks, *of_rank;     /* the device of each rank */
    bool shadowed; /* each rank also computes the shares of the next one */
};

/* Find out what devices all ranks have.  Free it whatever this returns. */
clade_status devices_find(struct run_devices *devices, const struct dist *dist,
                          clade_backend *be);
void devices_free(struct run_devices *devices);

/*
 * Make the net of this rank: `config`, with plans for the shares of all ranks
 * that have a like device, in batches of the sizes of `config`, and for those
 * that they compute for others.  The leaders
 * choose; `kept` has the choices of an earlier run, as devices_json() writes
 * them, or is NULL.  Afterwards all have all choices.  On a host, one rank
 * builds the programs before the others do.
 */
clade_status devices_net(clade_net **net, struct run_devices *devices,
                         const struct dist *dist, const struct shares *shares,
                         clade_backend *be,
                         const struct clade_net_config *config,
                         const json_t *kept);

/* The devices, their choices and the shares that each computes, for a
 * checkpoint: [{"device": ..., "driver": ..., "shares": [0, 2], "algorithms":
 * {...}}, ...]. */
json_t *devices_json(const struct run_devices *devices,
                     const struct shares *shares);

#endif
