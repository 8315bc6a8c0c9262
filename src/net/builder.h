/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_BUILDER_H
#define NET_BUILDER_H

#include "net/state.h"

/* A plan in the making; tensors lie in blocks. */
struct builder {
    clade_net *net;
    struct plan *plan;
    const char *algorithm;
    struct clade_op *packs;
    int n_packs, n_ops;
    struct clade_tensor *y;   /* of each value */
    struct clade_tensor *dx;  /* and its gradient */
    int *given;               /* contributions to that so far */
    struct clade_tensor *arg; /* a layer's choices: maxpool */
};

/* A tensor [batch,h,w,c] in a block of its own, named for messages.
 * CLADE_ETOOSMALL where it is too long to index. */
clade_status plan_block_new(struct clade_tensor *t, struct builder *b,
                            const char *name, int h, int w, int c,
                            enum clade_type type);

/* Append an op: its algorithm, workspace and packed filter are settled, and
 * its tensors live. */
clade_status plan_add(struct builder *b, const struct clade_op *made,
                      const char *label);

/*
 * A kind of layer's part of the two passes: x is the value that it reads, y
 * the slice that it writes; backward, y is that slice's gradient (a head's is
 * its softmax).
 */
typedef clade_status layer_fn(struct builder *b, const struct graph_layer *l,
                              struct clade_tensor x, struct clade_tensor y);

struct layer_kind {
    layer_fn *forward, *backward;
};
extern const struct layer_kind layer_kinds[GRAPH_KINDS];

#endif
