/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_TABLE_H
#define NET_TABLE_H

#include <stdbool.h>

/* What a row of a network table is. */
enum net_kind {
    NET_CONV,      /* convolution, and bias */
    NET_MAXPOOL,
    NET_AVGPOOL,   /* without padding */
    NET_DENSE,     /* of all pixels and channels of its input */
    NET_DROPOUT,
    NET_INCEPTION, /* a module: six convolutions and a pool, concatenated */
    NET_HEAD       /* dense to the classes, softmax, and cross-entropy */
};

/* A square window.  Its padding is `same`, as TensorFlow pads, or the four
 * numbers.  Size 0 is the whole image. */
struct net_window {
    int size, stride;
    bool same;
    int top, bottom, left, right;
};

/*
 * A row.  It reads the output of the row above, or of the layer that `from`
 * names.  Initial kernels are Glorot uniform; initial biases are `bias`.
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
    int head;         /* the number of a head */
    const char *title; /* the name of a head in results */
    double weight;    /* of a head's loss in the sum */
};

struct net_table {
    const char *name;
    int source_h, source_w; /* of the byte images, which become h x w */
    int h, w, c, classes;
    const struct net_row *rows;
    int n_rows;
};

/* The table of this name, or NULL. */
const struct net_table *net_table_find(const char *name);
/* Table i, counted from 0; NULL after the last. */
const struct net_table *net_table_at(int i);
/* The names of all tables, for messages. */
extern const char net_table_names[];

#endif
