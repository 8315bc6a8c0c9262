/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_H
#define NET_H

#include <clade/net.h>

#include "backend.h"

/*
 * A piece of memory that a plan's tensors lie in.  Until memory is allocated
 * tensors have it as their buffer, with offsets from its start.
 */
struct plan_block {
    struct clade_buffer base; /* bytes: how many it needs */
    enum clade_type type;
    const char *name; /* of the value, or the layer, that it holds */
    int first, last;  /* the first and the last op that touch it; -1: none */
    int arena;        /* where it was placed: of the plans' arenas, and */
    size_t at;        /* the byte there, a multiple of 64 */
    struct clade_buffer *real; /* the buffer it lies in, once allocated */
};

/*
 * A plan: the ops of one kind of step at one batch, in order, with every
 * tensor placed.  Phases follow one another in `ops`; an evaluating plan has
 * no backward and no update.
 */
enum plan_phase {
    PLAN_PACK,    /* filter_pack; run only after the filters changed */
    PLAN_FORWARD, /* resize is its first op */
    PLAN_BACKWARD,
    PLAN_UPDATE,
    PLAN_PHASES
};

/* A layer's output, complete once op `ready` (an index in `ops`) has run; its
 * memory may be another tensor's later. */
struct plan_activation {
    const char *name; /* as in the record format: "inception_3a/output" */
    struct clade_tensor value;
    int ready;
};

struct plan {
    int batch;
    bool training;
    struct clade_op *ops;
    clade_task **tasks; /* of each op, once it is prepared */
    int phase[PLAN_PHASES + 1]; /* ops of phase i: phase[i] .. phase[i+1]-1 */
    struct plan_activation *activations;
    int n_activations;
    struct plan_block *blocks; /* of activations and their gradients; blocks
                                  that live at the same time do not overlap */
    int n_blocks;
    struct clade_tensor bytes;  /* u8 [N,h,w,c]: the input of resize */
    struct clade_tensor pixels; /* [N,H,W,C]: its output */
    struct clade_tensor labels; /* u8 [N,1,1,1] */
    struct clade_tensor loss[CLADE_HEADS_MAX]; /* [N,1,1,1] a head */
    struct clade_tensor hit[CLADE_HEADS_MAX];  /* u8 [N,1,1,1] */
};

/* Called around each op of a run, and `run` in its place: it then computes
 * what the op would.  The backend is finished before each call.  A status
 * other than CLADE_OK ends the run.  Each may be NULL. */
struct net_observer {
    void *arg;
    clade_status (*before)(void *arg, const struct plan *plan, int op);
    clade_status (*after)(void *arg, const struct plan *plan, int op);
    clade_status (*run)(void *arg, const struct plan *plan, int op);
};

/* The plan for a batch of n images, or NULL. */
const struct plan *net_plan(const clade_net *net, int n, bool training);
clade_backend *net_backend(const clade_net *net);

/* Parameters' values as a config of this seed has them, momenta and gradients
 * 0: the net is as new. */
clade_status net_initialise(clade_net *net, uint64_t seed, bool record_init);

/* clade_net_train and clade_net_eval, watched.  observer may be NULL. */
clade_status net_train(clade_net *net, const struct clade_batch *batch,
                       uint32_t step, float learning_rate,
                       struct clade_result *result,
                       const struct net_observer *observer);
clade_status net_eval(clade_net *net, const struct clade_batch *batch,
                      struct clade_result *result,
                      const struct net_observer *observer);

#endif
