/* SPDX-License-Identifier: Apache-2.0 */
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
    const char *algorithm;  /* for convolutions and dense layers; NULL: the
                               backend chooses for each op */
    const char *algorithms; /* what an earlier net's clade_net_algorithms()
                               returned: use its algorithms (unless `algorithm`
                               is set), and set the backend's fma to its fma;
                               NULL: start from nothing */
    int train_batch;        /* images in a training step; 0: no training */
    int train_last; /* images in an epoch's last step, if fewer; else 0 */
    int eval_batch; /* images in a clade_net_eval(); 0: no evaluation */
    int eval_last;  /* images in the last one, if fewer; else 0 */
    uint64_t seed;  /* for initial values and dropout */
    bool dropout;
    bool record_init; /* initial values by the rule of the record format */
    float momentum;
};
#define CLADE_NET_DEFAULTS                                                     \
    {                                                                          \
        .net = "googlenet-cifar10", .seed = 1, .dropout = true,                \
        .momentum = 0.9f                                                       \
    }

/*
 * Build a net: settle shapes, buffers, algorithms, programs and workspace, and
 * write the initial values.  A step then allocates and compiles nothing.
 * `be` must outlive the net.
 *
 * CLADE_EUSAGE        no such network or algorithm; the message lists them
 * CLADE_ETOOSMALL     the net does not fit the device; the message names a
 *                     batch that fits, if there is one
 * CLADE_EUNSUPPORTED  the device, or config->algorithm, cannot run an op; the
 *                     message names it
 * CLADE_EBUILD        a kernel does not build; the message has the log
 * CLADE_ENOMEM, CLADE_EDEVICE  as the backend reports them
 */
CLADE_API clade_status clade_net_new(clade_net **net, clade_backend *be,
                                     const struct clade_net_config *config);
CLADE_API void clade_net_free(clade_net *net);

/* The device memory that a net uses, in bytes. */
struct clade_net_memory {
    uint64_t parameters; /* with gradients and momenta */
    uint64_t packed;     /* copies of filters in their algorithms' layouts */
    uint64_t activations;
    uint64_t workspace;
    uint64_t unshared; /* what activations would use if each had memory of
                          its own */
    uint64_t total;
};
CLADE_API struct clade_net_memory clade_net_memory(const clade_net *net);

/* The sizes of a net's input and outputs. */
struct clade_net_shape {
    int source_h, source_w; /* byte images, before they are resized to h x w */
    int h, w, c, classes, heads;
    const char *head[CLADE_HEADS_MAX]; /* "classifier", "aux1", "aux2" */
    float weight[CLADE_HEADS_MAX];
    int64_t parameters;
};
CLADE_API struct clade_net_shape clade_net_shape(const clade_net *net);

/* Images for one step, as bytes or as pixels; the other pointer is NULL. */
struct clade_batch {
    int n;
    const uint8_t *bytes; /* [n,source_h,source_w,c]; the device resizes them */
    const float *pixels;  /* [n,h,w,c]; taken as they are */
    const uint8_t *labels; /* [n], each below `classes` */
    int first; /* where these images begin in a larger batch that is computed
                  in parts; 0 if this is all of it */
    int batch; /* images in that larger batch; 0: n */
};

/* What a step computed. */
struct clade_result {
    int images;
    double loss; /* sum over heads of weight * head_loss */
    double head_loss[CLADE_HEADS_MAX]; /* mean over the images */
    int hits[CLADE_HEADS_MAX];         /* images that were classified right */
};

/*
 * clade_net_train() makes one step of SGD; clade_net_eval() makes a forward
 * pass without dropout.  batch->n must be one of the config's batch sizes.  On
 * return all work is done, except the update of the parameters, which is
 * queued.
 *
 * CLADE_EDIVERGED  a loss is not finite; the message names the head, and
 *                  nothing was updated
 * CLADE_EUSAGE     the config has no batch of this size
 * CLADE_EDATA      a label is not below `classes`
 */
CLADE_API clade_status clade_net_train(clade_net *net,
                                       const struct clade_batch *batch,
                                       uint32_t step, float learning_rate,
                                       struct clade_result *result);
CLADE_API clade_status clade_net_eval(clade_net *net,
                                      const struct clade_batch *batch,
                                      struct clade_result *result);

/* A parameter.  Convolutions have kernels [R,S,C,K], dense layers [in,out].
 * The tensors have the backend's float type. */
struct clade_parameter {
    const char *name; /* "inception_3a/3x3/kernel" */
    int dims, shape[4];
    struct clade_tensor value;
    struct clade_tensor gradient, momentum; /* absent if the net cannot train */
};
/* Set *list to the net's parameters, and return how many there are. */
CLADE_API int clade_net_parameters(const clade_net *net,
                                   const struct clade_parameter **list);
/* Copy a value or a momentum from that list to float32 on the host, or back. */
CLADE_API clade_status clade_net_read(clade_net *net, float *to,
                                      struct clade_tensor tensor);
CLADE_API clade_status clade_net_write(clade_net *net,
                                       struct clade_tensor tensor,
                                       const float *from);

/* The algorithms that were chosen, for checkpoints: a JSON object that maps an
 * op's label to a name, and "fma" to true or false.  The net owns the text. */
CLADE_API const char *clade_net_algorithms(const clade_net *net);

#ifdef __cplusplus
}
#endif

#endif
