/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_H
#define RECORD_H

#include <clade/verify.h>

#include "net/net.h"

#define RECORD_FORMAT  "clade-record/1"
#define RECORD_SAMPLES 16
#define RECORD_LOSSES  (1 + CLADE_HEADS_MAX) /* the total, then the heads' */

/* The training that a record is of. */
struct record_spec {
    const char *net, *algorithm;
    int batch, steps;
    uint64_t seed;
    double learning_rate, momentum;
    bool (*stop)(void *arg); /* asked before each step, as clade_record's */
    void *arg;
};

/* Of those that are made here; the rest is as asked for. */
#define RECORD_SPEC_DEFAULTS                                                   \
    {                                                                          \
        .net = "googlenet-cifar10", .learning_rate = 0.01, .momentum = 0.9     \
    }

/* One of its tensors, "step0/activation/conv1", in full. */
struct record_tensor {
    const char *name;
    int dims, shape[4];
    int64_t n;
    const double *values; /* row-major */
};

/* What a training computes, as it comes; any status but CLADE_OK ends it.
 * Each may be NULL. */
struct record_sink {
    void *arg;
    clade_status (*losses)(void *arg, int step, const double *row, int n);
    /* Activations and gradients of step 0, parameters after the last. */
    clade_status (*tensor)(void *arg, const struct record_tensor *tensor);
    /* The L2 of each parameter's gradient, after a step. */
    clade_status (*norm)(void *arg, int step, const char *name, double l2);
};

/*
 * A training as doc/record-format.md has it, all from one hash: it can be run
 * again and again, each time from the initial values on, for `steps` steps.
 * `noise` (NULL: none) is asked to run each op.
 */
struct noise;
struct training;

clade_status training_new(struct training **training, clade_backend *be,
                          const struct record_spec *spec);
void training_free(struct training *training);
clade_status training_run(struct training *training, int steps,
                          struct noise *noise, const struct record_sink *sink);
clade_net *training_net(const struct training *training);

/* One run of a new training. */
clade_status record_run(clade_backend *be, const struct record_spec *spec,
                        const struct record_sink *sink);

/* The object that a text of n bytes is, named in messages, for the caller to
 * free.  Its `seed` may be any of 64 bits: json_integer_value() has them, read
 * as signed.  CLADE_EDATA names the line at fault. */
struct json_t;
clade_status record_parse(struct json_t **object, const char *text, size_t n,
                          const char *name);
/* The training that a record's file is of; its texts are the object's.
 * CLADE_EDATA if the file is no record. */
clade_status record_read_spec(struct record_spec *spec,
                              const struct json_t *record, const char *file);
/* Its keys alone; false if one is missing or out of range. */
bool record_get_spec(struct record_spec *spec, const struct json_t *object);
clade_status record_bad(const char *file, const char *what);

/* Of a tensor: the sum, the root of the sum of squares. */
double record_sum(const struct record_tensor *t);
double record_l2(const struct record_tensor *t);

#endif
