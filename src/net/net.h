/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_H
#define NET_H

#include <clade/net.h>

#include "backend.h"

/*
 * A piece of memory that tensors of a plan lie in.  Blocks that live at the
 * same time do not overlap; others may.
 */
struct plan_block {
    struct clade_buffer base; /* its size in bytes; the buffer of its tensors
                                 until the plan is bound */
    enum clade_type type;
    const char *name;          /* of the value or the layer that it is for */
    int first;                 /* the first op that touches it, */
    int last;                  /* and the last one; -1: no op does */
    int arena;                 /* the arena that it lies in; -1: not placed */
    size_t at;                 /* its first byte there, a multiple of 64 */
    struct clade_buffer *real; /* the arena's buffer, once that is allocated */
};

struct graph;

/* The phases of a step, in the order in which they run.  An evaluating plan
 * has ops only in the first two. */
enum plan_phase {
    PLAN_PACK,    /* filter_pack; they run only after the filters changed */
    PLAN_FORWARD, /* its first op is resize */
    PLAN_BACKWARD,
    PLAN_UPDATE,
    PLAN_PHASES
};

/* The output of a layer.  It is complete once op `ready` has run; after its
 * block's last op, other tensors may overwrite it. */
struct plan_activation {
    const char *name; /* as in the record format: "inception_3a/output" */
    struct clade_tensor value;
    int ready; /* the index of the op in `ops` */
};

/*
 * A plan: the ops of one kind of step at one batch, in the order in which they
 * run.
 */
struct plan {
    int batch;
    bool training;
    const struct graph *graph; /* of the layers that the ops are labelled with;
                                  NULL: none */
    struct clade_op *ops;
    clade_task **tasks; /* of each op, once it is prepared */
    int *filters; /* of each op of phase pack: the number of the filter that it
                     makes among those of the net */
    int phase[PLAN_PHASES + 1]; /* ops of phase i: phase[i] .. phase[i+1]-1 */
    struct plan_activation *activations;
    int n_activations;
    struct plan_block *blocks; /* of activations and their gradients */
    int n_blocks;
    int op_room, activation_room, block_room; /* how many fit */
    struct clade_tensor bytes;  /* u8 [N,h,w,c]: the input of resize */
    struct clade_tensor pixels; /* [N,H,W,C]: its output */
    struct clade_tensor labels; /* u8 [N,1,1,1] */
    struct clade_tensor loss[CLADE_HEADS_MAX]; /* [N,1,1,1] for each head */
    struct clade_tensor hit[CLADE_HEADS_MAX];  /* u8 [N,1,1,1] */
    struct clade_tensor logits; /* [N,1,1,classes] of head 0; an evaluating plan
                                   keeps them to its end */
};

/* The phase of an op, and a phase's name: "forward". */
enum plan_phase plan_phase_of(const struct plan *plan, int op);
const char *plan_phase_name(enum plan_phase phase);

/* The block that a tensor of op `op` lies in, at any time.  NULL: the tensor is
 * absent, or lies in one of the net's own buffers. */
const struct plan_block *plan_block_at(const struct plan *plan,
                                       const struct clade_tensor *t, int op);

/* Called for each plan after each pass, with the name of the pass.  A status
 * other than CLADE_OK ends the making of the net, which returns it. */
struct net_watcher {
    void *arg;
    clade_status (*passed)(void *arg, const char *pass,
                           const struct plan *plan);
};

/* clade_net_new, watched.  watcher may be NULL. */
clade_status net_new_watched(clade_net **net, clade_backend *be,
                             const struct clade_net_config *config,
                             const struct net_watcher *watcher);

/* Called with an op of a plan. */
typedef clade_status net_visitor(void *arg, const struct plan *plan,
                                 const struct clade_op *op);

/* Visit the ops of the plans that a config asks for, with their choices.  No
 * net is made, and nothing is allocated on the device.  Returns what
 * clade_net_new() does, or the first failure of `visit`. */
clade_status net_visit_draft(clade_backend *be,
                             const struct clade_net_config *config,
                             net_visitor *visit, void *arg);

/*
 * Called around each op of a step.  Each of the three may be NULL.  The backend
 * has finished all earlier work before each call.  A status other than CLADE_OK
 * ends the step, which returns it.
 */
struct net_observer {
    void *arg;
    clade_status (*before)(void *arg, const struct plan *plan, int op);
    clade_status (*after)(void *arg, const struct plan *plan, int op);
    /* Called instead of running the op; it computes what the op would. */
    clade_status (*run)(void *arg, const struct plan *plan, int op);
};

/* The plan for a batch of n images, or NULL. */
const struct plan *net_plan(const clade_net *net, int n, bool training);
clade_backend *net_backend(const clade_net *net);
const struct graph *net_graph(const clade_net *net);

/* Make the net as new: parameters as a config with this seed has them, momenta
 * and gradients 0. */
clade_status net_initialise(clade_net *net, uint64_t seed, bool record_init);

/* What a step found for one image. */
struct net_image {
    double loss[CLADE_HEADS_MAX];
    uint8_t hit[CLADE_HEADS_MAX];
};

/*
 * The parts of clade_net_train() and clade_net_eval(), for a batch that is
 * computed in shares.  `images` has room for batch->n.
 *
 * net_gradients() runs forward and backward, net_forward() forward alone.
 * net_means() makes means over n images, in their order.  CLADE_EDIVERGED: a
 * loss is not finite.  net_update() updates the net's piece of the parameters
 * from what the gradients then hold.
 */
clade_status net_gradients(clade_net *net, const struct clade_batch *batch,
                           uint32_t step, struct net_image *images,
                           const struct net_observer *observer);
clade_status net_forward(clade_net *net, const struct clade_batch *batch,
                         struct net_image *images,
                         const struct net_observer *observer);
clade_status net_means(const clade_net *net, struct clade_result *result,
                       const struct net_image *images, int n);
clade_status net_update(clade_net *net, float learning_rate,
                        const struct net_observer *observer);

/*
 * The buffers beside those of activations.  The first three are vectors of all
 * parameters, of their gradients and momenta: in the net's float type, each
 * parameter from a multiple of 64 bytes on, with zeros between them.  All nets of
 * a table have the same.
 */
enum net_buffer {
    NET_VALUES,
    NET_GRADIENTS,
    NET_MOMENTA,
    NET_TABLE,   /* 256 floats: byte/255 */
    NET_RESULTS, /* losses of all heads, then hits */
    NET_PACKED,  /* all packed filters */
    NET_WORKSPACE,
    NET_BUFFERS
};
/* Elements first ... first+count-1 of a vector. */
struct net_piece {
    int64_t first, count;
};
struct net_piece net_whole(const clade_net *net);
/* Piece `rank` of `ranks` pieces, which lie in their order.  They differ by at
 * most 16 elements. */
struct net_piece net_piece(const clade_net *net, int rank, int ranks);
/* Copy elements of a vector to the host, or from it; done on return.  Momenta
 * must lie in the net's own piece. */
clade_status net_vector_read(clade_net *net, void *to, enum net_buffer which,
                             struct net_piece piece);
clade_status net_vector_write(clade_net *net, enum net_buffer which,
                              struct net_piece piece, const void *from);
/* The parameters and momenta of a net on the host, whole vectors. */
struct net_vectors {
    void *values, *momenta;
};
/* Room for a net's, filled with zeros.  Free it whatever this returns. */
clade_status net_vectors_new(struct net_vectors *vectors, const clade_net *net);
void net_vectors_free(struct net_vectors *vectors);
/* Copy them to the net; of the momenta what it keeps. */
clade_status net_vectors_write(clade_net *net,
                               const struct net_vectors *vectors);
/* Copy parameter i between float32 and a whole vector on the host. */
void net_parameter_get(const clade_net *net, int i, float *to,
                       const void *vector);
void net_parameter_put(const clade_net *net, int i, void *vector,
                       const float *from);

/* clade_net_train and clade_net_eval, observed.  observer may be NULL. */
clade_status net_train(clade_net *net, const struct clade_batch *batch,
                       uint32_t step, float learning_rate,
                       struct clade_result *result,
                       const struct net_observer *observer);
clade_status net_eval(clade_net *net, const struct clade_batch *batch,
                      struct clade_result *result,
                      const struct net_observer *observer);

#endif
