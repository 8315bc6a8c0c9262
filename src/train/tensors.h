/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_TENSORS_H
#define TRAIN_TENSORS_H

#include "net/graph.h"
#include "safetensors.h"

/*
 * The tensors of a net in a file: the value of each parameter, in the order of
 * the graph; in a checkpoint each is followed by its momentum.
 */
struct tensors {
    struct safetensor *list;
    int count;
    bool momenta; /* the list owns their names */
};

/* List a net's.  Free it whatever this returns. */
clade_status tensors_new(struct tensors *tensors, const struct graph *graph,
                         bool momenta);
void tensors_free(struct tensors *tensors);
/* A file must hold exactly these, each with its shape.  CLADE_EDATA: the
 * message names file and tensor. */
clade_status tensors_check(const struct tensors *tensors,
                           const struct safetensors *file);
/* The name of the net whose tensors a file has: the one of which it has most.
 * CLADE_EDATA: it has none of any net. */
clade_status tensors_net(const char **net, const struct safetensors *file);

#endif
