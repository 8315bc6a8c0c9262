/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_LAYERS_H
#define NET_LAYERS_H

#include "net/state.h"

/* A plan while its layers append their ops. */
struct builder {
    clade_net *net;
    struct plan *plan;
    struct clade_tensor *y;   /* the tensor of each value */
    struct clade_tensor *dx;  /* the gradient of each value */
    int *given;               /* how many layers have given to that gradient */
    struct clade_tensor *arg; /* of each maxpool layer: which input won */
};

/* Make the tensor of a value in a list of them, b->y or b->dx, if it is not
 * there yet.  Values that are slices of one value are slices of one tensor. */
clade_status layers_value(struct builder *b, struct clade_tensor *list,
                          int value);

/*
 * Append the ops of a layer, forward or backward.  x is the value that the
 * layer reads.  y is the slice that it writes; backward it is the gradient of
 * that slice, and for a head the softmax.
 */
typedef clade_status layer_fn(struct builder *b, const struct graph_layer *l,
                              struct clade_tensor x, struct clade_tensor y);

struct layer_kind {
    layer_fn *forward, *backward;
};
extern const struct layer_kind layer_kinds[GRAPH_KINDS];

#endif
