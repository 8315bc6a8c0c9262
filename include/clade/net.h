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
    const char *net;       /* a network table's name */
    const char *algorithm; /* of the products; NULL: chosen per op */
    const char *algorithms; /* an earlier net's clade_net_algorithms(): its
                               algorithms, where `algorithm` is NULL, and its
                               fma, which is the backend's from then on; NULL:
                               none */
    int train_batch;       /* images a step; 0: no training */
    int train_last;        /* of an epoch's last, smaller batch; 0: none */
    int eval_batch;        /* images at a time in clade_net_eval; 0: none */
    int eval_last;         /* 0: none */
    uint64_t seed;         /* of initial values and dropout */
    bool dropout;
    bool record_init;      /* initial values as the record format has them */
    float momentum;
};
#define CLADE_NET_DEFAULTS                                                    \
    { .net = "googlenet-cifar10", .seed = 1, .dropout = true, .momentum = 0.9f }

/*
 * Settle everything: shapes, buffers, algorithms, programs, workspace, and
 * write the initial values.  A step then allocates and builds nothing.
 * `be` must outlive the net.
 *
 * CLADE_EUSAGE names the networks or algorithms that there are, if config's is
 * none of them; CLADE_ETOOSMALL a batch that fits, if one does;
 * CLADE_EUNSUPPORTED an op that the device, or config->algorithm, cannot run.
 * CLADE_EBUILD carries the compiler's log; CLADE_ENOMEM and CLADE_EDEVICE are
 * the backend's.
 */
CLADE_API clade_status clade_net_new(clade_net **net, clade_backend *be,
                                     const struct clade_net_config *config);
CLADE_API void clade_net_free(clade_net *net);

/* What a net takes of the device, in bytes. */
struct clade_net_memory {
    uint64_t parameters; /* with gradients and momenta */
    uint64_t packed;     /* filters in their algorithms' layouts */
    uint64_t activations;
    uint64_t workspace;
    uint64_t unshared;   /* activations, had they not shared memory */
    uint64_t total;
};
CLADE_API struct clade_net_memory clade_net_memory(const clade_net *net);

/* The input's size and the heads. */
struct clade_net_shape {
    int source_h, source_w;     /* of the byte images that are resized */
    int h, w, c, classes, heads;
    const char *head[CLADE_HEADS_MAX]; /* "classifier", "aux1", "aux2" */
    float weight[CLADE_HEADS_MAX];
    int64_t parameters;
};
CLADE_API struct clade_net_shape clade_net_shape(const clade_net *net);

/* Images for one step: bytes [n,source_h,source_w,c], resized on the device,
 * or pixels [n,h,w,c] as they are; the other one is NULL. */
struct clade_batch {
    int n;
    const uint8_t *bytes;
    const float *pixels;
    const uint8_t *labels; /* [n], below classes */
    int first;             /* global number of image 0 in the whole batch */
    int batch;             /* images of the whole batch; 0: n */
};

/* Means over the batch's images; hits are counts. */
struct clade_result {
    int images;
    double loss;                        /* sum of weight * loss */
    double head_loss[CLADE_HEADS_MAX];
    int hits[CLADE_HEADS_MAX];
};

/*
 * One step of SGD, and a forward pass without dropout.  n must be one of the
 * batches of the config.  Done on return, but for the update, which is
 * queued.  CLADE_EDIVERGED where a loss is not finite (the message names the
 * head; nothing is updated then), CLADE_EUSAGE or CLADE_EDATA for an n or a
 * label that the net does not know.
 */
CLADE_API clade_status clade_net_train(clade_net *net,
                                       const struct clade_batch *batch,
                                       uint32_t step, float learning_rate,
                                       struct clade_result *result);
CLADE_API clade_status clade_net_eval(clade_net *net,
                                      const struct clade_batch *batch,
                                      struct clade_result *result);

/* A named parameter: "inception_3a/3x3/kernel".  HWIO kernels, (in, out) for
 * dense layers; tensors of the type of the backend. */
struct clade_parameter {
    const char *name;
    int dims, shape[4];
    struct clade_tensor value, gradient, momentum; /* the last two are absent
                                                      without training */
};
CLADE_API int clade_net_parameters(const clade_net *net,
                                   const struct clade_parameter **list);
/* Parameters and momenta from and to float32 on the host (tensor: a value or
 * momentum of the list). */
CLADE_API clade_status clade_net_read(clade_net *net, float *to,
                                      struct clade_tensor tensor);
CLADE_API clade_status clade_net_write(clade_net *net,
                                       struct clade_tensor tensor,
                                       const float *from);

/* The algorithms chosen, as a JSON object op label -> name (fma included), for
 * checkpoints; the text is the net's. */
CLADE_API const char *clade_net_algorithms(const clade_net *net);

#ifdef __cplusplus
}
#endif

#endif
