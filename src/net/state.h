/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_STATE_H
#define NET_STATE_H

#include "net/graph.h"
#include "net/memory.h"
#include "net/net.h"

/* A filter in an algorithm's own layout.  Ops share it if they are of its kind,
 * and have its parameter, its choice and its size. */
struct packed_filter {
    enum clade_op_kind kind; /* of the product that reads it */
    int64_t parameter;       /* the filter's offset among the parameters */
    struct clade_choice choice;
    struct plan_block block;
    uint64_t version; /* net.version when it was packed; 0: never */
};

struct clade_net {
    clade_backend *be;
    struct graph graph;
    enum clade_type real;
    float momentum;
    bool dropout, training;
    int largest; /* batch */
    struct net_piece piece; /* the parameters that it updates */

    struct plan *plans;
    int n_plans;
    const struct plan *trained; /* that of the last gradients */
    struct plan_block fixed[NET_BUFFERS];
    struct packed_filter *packed;
    int n_packed;
    struct arena arenas[NET_ARENAS];
    int n_arenas;
    size_t staging_bytes;
    struct clade_net_memory memory;

    struct clade_parameter *parameters;
    uint64_t version; /* of the parameters, from 1; it grows as they change */
    struct clade_step step;
    struct clade_buffer *staging; /* pinned: images, then labels */
    void *results;                /* a copy of NET_RESULTS on the host */
    struct net_image *images;     /* what they say of each image */
    char *algorithms;             /* clade_net_algorithms() */
    int products; /* ops that have a choice of algorithms, in all plans */
    int unable;   /* those that config.algorithm cannot run */
};

/* A vector of elements in one of the net's buffers, not bound yet. */
struct clade_tensor net_tensor_at(const clade_net *net, enum net_buffer which,
                                  int64_t offset, int64_t elements,
                                  enum clade_type type);

/* Parameter i of the graph, its gradient or its momentum, not bound yet. */
struct clade_tensor net_parameter(const clade_net *net, int i,
                                  enum net_buffer which);

/* Copy a bound tensor to float32 on the host. */
clade_status net_tensor_read(clade_net *net, float *to,
                             const struct clade_tensor *t);

/* Bind a tensor: it goes from its block to the buffer of the block. */
void net_bind_tensor(struct clade_tensor *t);

/* Make net.parameters, once its buffers are allocated. */
clade_status net_list_parameters(clade_net *net);

/* Make net.algorithms, once all ops are prepared. */
clade_status net_list_choices(clade_net *net);

/* Add a notice of the ops that config.algorithm cannot run, if there are any.
 * A backend's nets get one between them. */
void net_tell_unable(clade_net *net, const struct clade_net_config *config);

/* Write n float32 from the host to a buffer of the net's real type.  Done on
 * return. */
clade_status net_write_reals(clade_net *net, struct clade_buffer *to,
                             int64_t at, const float *from, int64_t n);

#endif
