/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROFILE_H
#define PROFILE_H

#include <jansson.h>

#include "net/net.h"

/* Where the time of steps goes: for each kind of op, and for each layer and
 * kind in it. */
struct profile_row {
    const char *layer; /* NULL in the rows by kind */
    enum clade_op_kind kind;
    const char *algorithm; /* of the last op counted; NULL by kind */
    int calls;
    double seconds, flops;
};

struct profile {
    double began;
    struct profile_row kinds[CLADE_OP_KINDS];
    struct profile_row *layers; /* in the order of their first op */
    int n_layers;
};

/* An observer that makes net_train() or net_eval() fill a profile, which must
 * be all 0 at first. */
struct net_observer profile_observer(struct profile *p);
void profile_free(struct profile *p);

/* Means over `steps` steps: tables to stdout, or an object of two arrays. */
void profile_print(struct profile *p, int steps);
json_t *profile_json(struct profile *p, int steps);

#endif
