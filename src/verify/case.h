/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_CASE_H
#define VERIFY_CASE_H

#include "verify/data.h"

/* One op, its geometry and its data: what is judged, and timed by bench. */
struct op_case {
    enum clade_op_kind kind;
    int n, h, w, c; /* the input side */
    int p, q, k;    /* the output side */
    struct clade_window window;
    unsigned flags;
    float scalar;         /* dropout's rate, sgd's momentum, loss' weight */
    int gap[CLADE_ROLES]; /* elements between a pixel's and the next's */
    enum verify_data data;
    const char *why;
    const char *file; /* that its values are from; or NULL */
    char name[128];
};

struct op_cases {
    struct op_case *list;
    int count;
};

/* The reduced set, and the shapes of a network at batches 2 and 32.  The
 * caller frees cases->list. */
clade_status verify_cases_quick(struct op_cases *cases);
clade_status verify_cases_network(struct op_cases *cases);
/* The network's at one batch, with each kind of data in a mask (1 << data)
 * that makes sense. */
clade_status verify_cases_batch(struct op_cases *cases, int batch,
                                unsigned data);

/* Append the case `c`, named, for each kind of data in a mask. */
clade_status verify_cases_add(struct op_cases *cases, const struct op_case *c,
                              unsigned data);
/* The geometry of an op as a case without data or name. */
struct op_case verify_case_of(const struct clade_op *op, const char *why);

/*
 * Name a case by its kind, geometry, flags and data:
 *
 *     conv_fwd:NxHxWxC:RxS/stride+top.bottom.left.right:PxQxK:bias:relu:exact
 *
 * Padding is left out where there is none.  ":slice" says that there are gaps.
 */
void verify_case_name(struct op_case *c);
/* Set what a name says.  c->gap is set already and must agree with it; the
 * rest is left alone.  Returns NULL, or what is wrong with the name; *c is
 * then of no use. */
const char *verify_case_parse(struct op_case *c, const char *name);

/*
 * An extent of a case by its letter, and the product of several (NULL: 1):
 * n h w c, p q k, r s; R and S, the windows that cover a pixel along an axis,
 * at most; 1; and t, the entries of a table for bytes.
 */
int verify_extent(const struct op_case *c, char letter);
int64_t verify_extents(const struct op_case *c, const char *letters);

#endif
