/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_TABLE_H
#define NET_TABLE_H

#include <stdbool.h>

/* What a row of a network table stands for. */
enum net_kind {
    NET_CONV,      /* convolution and bias */
    NET_MAXPOOL,
    NET_AVGPOOL,   /* without padding */
    NET_DENSE,     /* over all pixels and channels of its input */
    NET_DROPOUT,
    NET_INCEPTION, /* a module: six convolutions and a pool, concatenated */
    NET_HEAD       /* dense to the classes, softmax and cross-entropy */
};

/* A square window; `same` (as TensorFlow pads) or four explicit pads.  Size 0
 * is the whole image. */
struct net_window {
    int size, stride;
    bool same;
    int top, bottom, left, right;
};

/*
 * A row.  Its input is the output of the row above, or of the layer that
 * `from` names.  Kernels start Glorot uniform, biases at `bias`.
 */
struct net_row {
    enum net_kind kind;
    const char *name;
    const char *from;
    struct net_window window;
    int k[6]; /* output channels; a module's a, b, c, d, e, f */
    bool relu;
    float bias;
    float rate;       /* of dropout: the share that becomes 0 */
    int head;         /* a head's number */
    const char *title; /* a head's name in results */
    double weight;    /* of its loss in the sum */
};

struct net_table {
    const char *name;
    int source_h, source_w; /* of the byte images that are resized to h x w */
    int h, w, c, classes;
    const struct net_row *rows;
    int n_rows;
};

/* The table of that name, or NULL; and the names there are, for messages. */
const struct net_table *net_table_find(const char *name);
extern const char net_table_names[];

#endif
