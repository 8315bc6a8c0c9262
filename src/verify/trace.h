/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRACE_H
#define TRACE_H

#include "net/net.h"
#include "verify/noise.h"

/*
 * A training as in doc/record-format.md: parameters, images and labels come
 * from one hash, and every step takes the same batch.
 */
struct training_config {
    const char *net, *algorithm; /* algorithm NULL: as the backend chooses */
    int batch, steps;
    uint64_t seed;
    double learning_rate, momentum;
    bool (*stop)(void *arg); /* asked before each step; true ends the training
                                with CLADE_EINTERRUPTED; NULL: never */
    void *arg;
};

#define TRAINING_DEFAULTS                                                      \
    {                                                                          \
        .net = "googlenet-cifar10", .learning_rate = 0.01, .momentum = 0.9     \
    }

/* A net and its batch, which can be trained again and again, each time from the
 * initial values.  `be` must outlive it. */
struct training {
    clade_backend *be;
    clade_net *net;
    struct training_config config;
    struct clade_batch batch;
    struct noise *noise;       /* made when it is first used */
    struct verify_copy pixels; /* of the tensor that was read last */
};

clade_status training_new(struct training **training, clade_backend *be,
                          const struct training_config *config);
void training_free(struct training *training);

#define TRACE_SAMPLES 16

enum quantity_kind {
    QUANTITY_ACTIVATION, /* a tensor, in step 0 */
    QUANTITY_LOSS,       /* the total, then each head's */
    QUANTITY_NORM,       /* of a parameter's gradient */
    QUANTITY_GRADIENT,   /* a tensor, after step 0 */
    QUANTITY_PARAMETER   /* a tensor, after the last step */
};

/* A number or a tensor that a training computes. */
struct quantity {
    enum quantity_kind kind;
    int step;
    char name[96]; /* "step2/losses/aux1", "step0/gradient/conv1/kernel" */
    double value;  /* of a tensor, its L2: the root of the sum of squares */
    /* The rest is set for tensors only. */
    double sum;
    int dims, shape[4];
    int64_t elements;
    int samples;               /* 0 for a number */
    int64_t at[TRACE_SAMPLES]; /* flat and row-major */
    double sample[TRACE_SAMPLES];
};

/* A quantity without numbers; `name` is the last part of its name, "aux1". */
struct quantity quantity_of(enum quantity_kind kind, int step,
                            const char *name);

/* What one training computed, in that order. */
struct trace {
    const char *file; /* where it comes from, for messages; or NULL */
    struct quantity *list;
    int n, room;
};

struct trace_options {
    int steps;
    bool norms, tensors;      /* keep these as well as the losses */
    const struct trace *like; /* keep only the tensors that it has, sampled
                                 where it is; NULL: keep all, sampled as records
                                 are; each must be finite */
    struct noise_use noise;
};

/*
 * Train, and keep what was computed in *trace, which the caller frees; NULL
 * keeps nothing.  CLADE_EDIVERGED names a tensor that must be finite and is
 * not, CLADE_EDATA one that has another shape in `like`.  Also what
 * clade_net_train() returns.
 */
clade_status trace_make(struct trace *trace, struct training *training,
                        const struct trace_options *options);
/* The same, with a new training. */
clade_status trace_make_once(struct trace *trace, clade_backend *be,
                             const struct training_config *config,
                             const struct trace_options *options);
clade_status trace_add(struct trace *trace, const struct quantity *q);
/* The first quantity of that name, or NULL. */
const struct quantity *trace_find(const struct trace *trace, const char *name);
void trace_free(struct trace *trace);

#endif
