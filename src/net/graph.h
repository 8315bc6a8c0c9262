/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_GRAPH_H
#define NET_GRAPH_H

#include <clade/net.h>

#include "net/table.h"

/*
 * A network table worked out: modules and heads taken apart into layers, each
 * with its shapes, in the order in which they run.  Shapes are of one image.
 */

/* What layers read and write: [h,w,c].  A module's output is one value, and
 * each of its branches writes a slice of the channels. */
struct graph_value {
    char name[48];
    int h, w, c;
    bool relu;   /* it is what a ReLU gave: never negative, and its gradient
                    is 0 where it is 0 */
    int readers; /* the layers that read it */
};

enum graph_kind {
    GRAPH_CONV,
    GRAPH_DENSE,
    GRAPH_MAXPOOL,
    GRAPH_AVGPOOL,
    GRAPH_DROPOUT,
    GRAPH_HEAD, /* softmax and loss of logits */
    GRAPH_KINDS
};

struct graph_layer {
    enum graph_kind kind;
    char name[48];
    int x, y;      /* the values read and written */
    int first, k;  /* the channels of y that it writes */
    bool named;    /* it gives an activation of its own name */
    bool whole;    /* y, a module's output, is complete after it */
    bool relu;
    struct clade_window window;
    float rate;
    int head;
    int kernel;    /* of graph.parameters; the bias follows.  -1: none */
};

struct graph_parameter {
    char name[64];
    int dims, shape[4]; /* HWIO, (in, out), or one of a bias */
    char layer[48];
    bool bias;
    float initial;  /* of a bias */
    double limit;   /* of a kernel: uniform in -limit ... limit */
    int64_t offset; /* elements, in the buffer of all parameters */
    int64_t count;
};

struct graph {
    const struct net_table *table;
    struct graph_value *values; /* 0 is the input */
    struct graph_layer *layers;
    struct graph_parameter *parameters;
    int n_values, n_layers, n_parameters;
    int64_t count;    /* elements of all parameters */
    int64_t elements; /* and with the gaps that align each one */
    const struct net_row *head[CLADE_HEADS_MAX];
    int n_heads;
};

/* CLADE_EUSAGE (no such net) or CLADE_ENOMEM. */
clade_status graph_new(struct graph *graph, const char *net);
void graph_free(struct graph *graph);

#endif
