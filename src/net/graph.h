/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_GRAPH_H
#define NET_GRAPH_H

#include <clade/net.h>

#include "net/table.h"

/*
 * The graph of a network table: its modules and heads as single layers, in the
 * order in which they run.  All shapes are those of one image.
 */

/*
 * A tensor [h,w,c] that layers read and write.  The output of a module is one
 * value; each branch writes a slice of its channels.  A value can itself be a
 * slice: a module's output and its two reductions lie side by side in a value
 * that no layer reads as a whole.
 */
struct graph_value {
    char name[48];
    int h, w, c;
    int whole, first; /* it is channels first ... first+c-1 of value `whole`,
                         most often all of itself */
    bool relu;   /* its gradient must be made 0 where it is 0: a ReLU made it,
                    or a max pool that passes a ReLU's mask on */
    int readers; /* how many layers read it */
};

enum graph_kind {
    GRAPH_CONV,
    GRAPH_DENSE,
    GRAPH_MAXPOOL,
    GRAPH_AVGPOOL,
    GRAPH_DROPOUT,
    GRAPH_HEAD, /* softmax and loss, of logits */
    GRAPH_KINDS
};

struct graph_layer {
    enum graph_kind kind;
    char name[48];
    int x, y;     /* the values that it reads and writes */
    int first, k; /* it writes channels first ... first+k-1 of y */
    bool named;   /* its output is an activation, with the layer's name */
    bool whole;   /* it completes y, the output of a module */
    bool relu;
    struct clade_window window;
    float rate;
    int head;
    int kernel; /* its index in graph.parameters; the bias comes next.
                   -1: none */
    int joint;  /* its index in graph.joints; -1: none */
};

/*
 * Layers that read the same value with the same window, and write neighbouring
 * channels.  Their kernels are side by side, a matrix [c,k] for a 1x1 window,
 * in the order of those channels; and so are their biases.
 */
struct graph_joint {
    char name[48];        /* "inception_3a/1x1s" */
    int k;                /* output channels of all layers together */
    int64_t kernel, bias; /* the first element of all kernels and of all biases
                             in the buffer of all parameters */
};

struct graph_parameter {
    char name[64];
    int dims, shape[4]; /* a kernel's HWIO or (in, out); a bias has one */
    char layer[48];
    bool bias;
    float initial;  /* the value of all elements of a bias */
    double limit;   /* a kernel's are uniform in -limit ... limit */
    int64_t offset; /* of its first element in the buffer of all parameters */
    int ld;         /* a kernel's elements from one row of k to the next */
    int64_t count;  /* of its elements */
};

struct graph {
    const struct net_table *table;
    struct graph_value *values; /* 0 is the input */
    struct graph_layer *layers;
    struct graph_parameter *parameters;
    struct graph_joint *joints;
    int n_values, n_layers, n_parameters, n_joints;
    int64_t count;    /* elements of all parameters, */
    int64_t elements; /* and with the gaps that align them */
    const struct net_row *head[CLADE_HEADS_MAX];
    int n_heads;
};

/* Make the graph of the table of this name.  CLADE_EUSAGE: there is no such
 * table.  CLADE_ENOMEM. */
clade_status graph_new(struct graph *graph, const char *net);
void graph_free(struct graph *graph);

#endif
