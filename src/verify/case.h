/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_CASE_H
#define VERIFY_CASE_H

#include "verify/data.h"

/* One op, its geometry and its data: verify judges it, bench times it. */
struct op_case {
    enum clade_op_kind kind;
    int n, h, w, c; /* the input side */
    int p, q, k;    /* the output side */
    struct clade_window window;
    unsigned flags;
    float scalar;         /* dropout's rate, sgd's momentum, loss' weight */
    int gap[CLADE_ROLES]; /* elements unused after each pixel's */
    enum verify_data data;
    const char *why;
    const char *file; /* where its values come from; or NULL */
    char name[128];
};

struct op_cases {
    struct op_case *list;
    int count;
};

/* Make the reduced cases, or those of a network at batches 2 and 32.  The
 * caller frees cases->list. */
clade_status verify_cases_quick(struct op_cases *cases);
clade_status verify_cases_network(struct op_cases *cases);
/* Make the network's cases at one batch, with those kinds of data in the mask
 * (1 << data) that make sense for the op. */
clade_status verify_cases_batch(struct op_cases *cases, int batch,
                                unsigned data);

/* Name the case `c` and append it, once for each kind of data in a mask. */
clade_status verify_cases_add(struct op_cases *cases, const struct op_case *c,
                              unsigned data);
/* Make a case of an op's geometry, without data or name. */
struct op_case verify_case_of(const struct clade_op *op, const char *why);

/*
 * Name a case by its kind, geometry, flags and data:
 *
 *     conv_fwd:NxHxWxC:RxS/stride+top.bottom.left.right:PxQxK:bias:relu:exact
 *
 * Padding is left out where there is none.  ":slice" says that there are gaps.
 */
void verify_case_name(struct op_case *c);
/* Set the members that a name gives and leave the others alone.  The caller has
 * set c->gap, which must agree with the name.  Returns NULL, or what is wrong
 * with the name; do not use *c then. */
const char *verify_case_parse(struct op_case *c, const char *name);

/*
 * Get an extent of a case by its letter, or the product of several (NULL: 1).
 * The letters are n h w c, p q k, r s; R and S, how many windows cover a pixel
 * at most, along each axis; 1; and t, the entries of a table for bytes.
 */
int verify_extent(const struct op_case *c, char letter);
int64_t verify_extents(const struct op_case *c, const char *letters);

#endif
