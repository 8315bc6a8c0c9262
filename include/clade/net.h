/* SPDX-License-Identifier: Apache-2.0 */
/* A network on a device: make it, train it, evaluate it. */
#ifndef CLADE_NET_H
#define CLADE_NET_H

#include <clade/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLADE_HEADS_MAX 4

typedef struct clade_net clade_net;

struct clade_net_config {
    const char *net;        /* the name of a network table */
    const char *algorithm;  /* for all matrix products that it can run; the
                               others are chosen, and a notice counts them.
                               NULL: choose for each */
    const char *algorithms; /* an earlier net's clade_net_algorithms(), or NULL.
                               Take its algorithms where `algorithm` is NULL,
                               and its fma, which the backend then keeps. */
    const char *without;    /* rewrites to leave out: names, separated by
                               commas; NULL: none */
    int train_batch;        /* images a training step; 0: no training */
    int train_last;         /* the smaller batch that ends an epoch; 0: none */
    int eval_batch;         /* images at a time in clade_net_eval; 0: none */
    int eval_last;          /* the smaller batch that comes last; 0: none */
    const int *train_shares; /* further batches to train with, and to evaluate: */
    const int *eval_shares;  /* lists that end with 0; NULL: none */
    int rank, ranks;        /* update only piece `rank` of the parameters, of
                               `ranks` pieces, and keep only its momenta;
                               ranks 0: all.  See clade_train(). */
    uint64_t seed;          /* of initial values and dropout */
    bool dropout;
    bool record_init;       /* initial values as the record format defines */
    float momentum;
};
#define CLADE_NET_DEFAULTS                                                    \
    { .net = "googlenet-cifar10", .seed = 1, .dropout = true, .momentum = 0.9f }

/*
 * Make a net: settle shapes, buffers, algorithms, programs and workspace, and
 * write the initial values.  A step then allocates nothing and builds nothing.
 * `be` must outlive the net.
 *
 * A rewrite replaces ops by fewer or faster ones that compute the same.  No loss
 * and no parameter changes by a bit when a rewrite is left out, except for
 * `bias-gradient`: it changes the order in which a bias' gradient is added up.
 *
 * CLADE_EUSAGE: the config names an unknown net, algorithm or rewrite, and the
 * message lists those that there are; or a batch is negative.
 * CLADE_ETOOSMALL: the device lacks memory; the message names the largest batch
 * that fits, if one does.  CLADE_EUNSUPPORTED: the device cannot run an op, or
 * config->algorithm can run none.  CLADE_EBUILD carries the compiler's log.
 * CLADE_ENOMEM and CLADE_EDEVICE come from the backend.
 */
CLADE_API clade_status clade_net_new(clade_net **net, clade_backend *be,
                                     const struct clade_net_config *config);
/* Accepts NULL.  Free a net once, before its backend closes. */
CLADE_API void clade_net_free(clade_net *net);

/* For a net that is NULL the functions below that return no status give zeros
 * and NULL. */

/* The memory that a net takes on the device, in bytes. */
struct clade_net_memory {
    uint64_t parameters;  /* with gradients and momenta */
    uint64_t packed;      /* filters in their algorithms' layouts */
    uint64_t activations; /* with their gradients */
    uint64_t workspace;
    uint64_t unshared;    /* what activations would take without sharing */
    uint64_t total;
};
CLADE_API struct clade_net_memory clade_net_memory(const clade_net *net);

/* The input's size and the heads. */
struct clade_net_shape {
    int source_h, source_w;     /* of the byte images that are resized */
    int h, w, c, classes, heads;
    const char *head[CLADE_HEADS_MAX];  /* "classifier", "aux1", "aux2" */
    float weight[CLADE_HEADS_MAX];      /* of the head's loss in the sum */
    int64_t parameters;
};
CLADE_API struct clade_net_shape clade_net_shape(const clade_net *net);

/* The images of one step.  Either bytes [n,source_h,source_w,c], which the
 * device resizes, or pixels [n,h,w,c], used as they are; the other is NULL. */
struct clade_batch {
    int n;
    const uint8_t *bytes;
    const float *pixels;
    const uint8_t *labels; /* [n], below classes */
    int first;             /* global number of image 0 in the whole batch */
    int batch;             /* images of the whole batch; 0: n */
};

/*
 * Where a step copies a batch to before it is sent to the device: room for the
 * bytes and the labels of the largest batch of the config, in pinned memory.  A
 * caller may write the next batch there, and give these very addresses as
 * clade_batch.bytes and labels: nothing is copied then.  They are valid as long
 * as the net, and free to write to between two steps.  Both are NULL for a net
 * without a batch.
 */
CLADE_API void clade_net_staging(clade_net *net, uint8_t **bytes,
                                 uint8_t **labels);

/* Means over the images of the batch; hits are counts. */
struct clade_result {
    int images;
    double loss;                        /* sum of weight * loss */
    double head_loss[CLADE_HEADS_MAX];
    int hits[CLADE_HEADS_MAX];
};

/*
 * One step of SGD, and a forward pass without dropout.  n must be one of the
 * batches of the config.  The result is there on return; the update of the
 * parameters is queued.
 *
 * CLADE_EDIVERGED: a loss is not finite; the message names the head, and
 * nothing is updated.  CLADE_EUSAGE: the net has no plan for n images, a batch
 * lacks labels or images or has both sorts of images, or images first ...
 * first+n-1 are not in the whole batch.  CLADE_EDATA: a label is not below
 * classes.
 */
CLADE_API clade_status clade_net_train(clade_net *net,
                                       const struct clade_batch *batch,
                                       uint32_t step, float learning_rate,
                                       struct clade_result *result);
CLADE_API clade_status clade_net_eval(clade_net *net,
                                      const struct clade_batch *batch,
                                      struct clade_result *result);

/*
 * The logits [n,classes] of the main head, head 0: a forward pass without
 * dropout.  Their softmax is the probability of each class.  batch->labels may be
 * NULL.  The errors are those of clade_net_eval(), but logits that are not finite
 * are returned as they are.
 */
CLADE_API clade_status clade_net_predict(clade_net *net,
                                         const struct clade_batch *batch,
                                         float *logits);

/* A named parameter.  Kernels are HWIO, or (in, out) in dense layers.  Tensors
 * have the float type of the backend.  Some are slices: kernels that lie side
 * by side. */
struct clade_parameter {
    const char *name; /* "inception_3a/3x3/kernel" */
    int dims, shape[4];
    struct clade_tensor value;
    struct clade_tensor gradient, momentum; /* absent without training; a
                               momentum also if the net keeps only a piece */
};
CLADE_API int clade_net_parameters(const clade_net *net,
                                   const struct clade_parameter **list);

/* Copy a tensor of that list to, or from, float32 on the host.  CLADE_EUSAGE if
 * it is absent or not of that list. */
CLADE_API clade_status clade_net_read(clade_net *net, float *to,
                                      struct clade_tensor tensor);
CLADE_API clade_status clade_net_write(clade_net *net,
                                       struct clade_tensor tensor,
                                       const float *from);

/* The chosen algorithms and fma, for checkpoints: a JSON object with an
 * algorithm's name for each product ("conv1/conv_fwd/32").  The net owns the
 * text. */
CLADE_API const char *clade_net_algorithms(const clade_net *net);

#ifdef __cplusplus
}
#endif

#endif
