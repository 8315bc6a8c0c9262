/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_STATE_H
#define NET_STATE_H

#include "net/graph.h"
#include "net/net.h"

/* Full and remainder, training and evaluation. */
#define NET_PLANS  4
#define NET_ARENAS 64

/* A filter in an algorithm's own layout; plans share it where all of the key
 * is equal. */
struct packed_filter {
    enum clade_op_kind kind; /* of the product that reads it */
    int64_t parameter;       /* the filter's offset among the parameters */
    struct clade_choice choice;
    struct plan_block block;
    uint64_t version; /* net.version when it was made; 0: never */
};

/* Memory that the plans' blocks share. */
struct arena {
    size_t bytes;
    struct clade_buffer *buffer;
};

/* The buffers that are not an arena. */
enum net_buffer {
    NET_VALUES,    /* the parameters, */
    NET_GRADIENTS, /* their gradients */
    NET_MOMENTA,   /* and momenta */
    NET_TABLE,     /* 256 floats: byte/255 */
    NET_RESULTS,   /* losses of all heads, then hits */
    NET_PACKED,    /* all packed filters */
    NET_WORKSPACE,
    NET_BUFFERS
};

struct clade_net {
    clade_backend *be;
    struct graph graph;
    enum clade_type real;
    float momentum;
    bool dropout, training;
    int largest; /* batch */

    struct plan plans[NET_PLANS];
    int n_plans;
    struct plan_block fixed[NET_BUFFERS];
    struct packed_filter *packed;
    int n_packed;
    struct arena arenas[NET_ARENAS];
    int n_arenas;
    struct clade_net_memory memory;

    struct clade_parameter *parameters;
    uint64_t version; /* of the parameters, from 1 */
    struct clade_step step;
    struct clade_buffer *staging; /* pinned: bytes, then labels */
    void *results;                /* what NET_RESULTS holds, on the host */
    struct json_t *kept; /* an earlier net's choices, or NULL */
    char *algorithms;
};

/*
 * Append the plan for a batch: its ops, their algorithms, and its blocks, not
 * placed.  Nothing is allocated on the device.  CLADE_ETOOSMALL where a
 * tensor would be too long to index.
 */
clade_status plan_new(clade_net *net, int batch, bool training,
                      const char *algorithm);
void plan_free(struct plan *plan);

/* The key of an op's choice: "inception_3a/3x3/conv_fwd/32".  The same op at
 * the same batch has the same choice in every plan. */
void plan_key(char *key, size_t size, const struct plan *plan,
              const struct clade_op *op);

/* Parameter i of the graph, its gradient or its momentum; not bound. */
struct clade_tensor net_parameter(const clade_net *net, int i,
                                  enum net_buffer which);

/* Every tensor of a plan: from block to buffer. */
void plan_bind(struct plan *plan);
void plan_bind_tensor(struct clade_tensor *t);

/*
 * Place blocks in arenas: first/last are lifetimes, blocks whose lifetimes
 * meet do not overlap, no arena passes `limit` bytes (0: none) or 2^31
 * elements of a block's type.  Arenas grow as needed; other plans' blocks may
 * be in them already and are overlapped.  CLADE_ETOOSMALL where one block
 * alone is too large.
 */
clade_status memory_place(struct plan_block *blocks, int n,
                          struct arena *arenas, int *n_arenas, uint64_t limit);

/* 64-byte multiples. */
size_t memory_align(size_t bytes);

/* Make net.parameters; its buffers are there. */
clade_status net_list_parameters(clade_net *net);

/* n float32 from the host to a buffer of the net's real type; done on
 * return. */
clade_status net_write_reals(clade_net *net, struct clade_buffer *to,
                             int64_t at, const float *from, int64_t n);

#endif
