/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPMAKER_H
#define OPMAKER_H

#include <clade/backend.h>

/*
 * Small ops with random tensors on the reference, for tests that read and write
 * its memory directly.
 */

/* The shape of an op.  Kinds without a window or filter ignore those members.
 */
struct shape {
    const char *why;
    int n, h, w, c, k;
    int r, s, stride;
    bool same; /* padding: `same`, or none */
    int gap;   /* unused elements after each pixel's channels */
};

extern const struct shape shapes[];
extern const int n_shapes;

/* The step of every op that is made here.  Its values are unusual, so that a
 * mistake shows. */
extern struct clade_step step;

/* Can this kind have this shape?  Average pools take no padding. */
bool fits(enum clade_op_kind kind, const struct shape *shape);

/*
 * Make, choose and prepare an op.  It shares the tensors that the op `like`
 * has, if that is not NULL.  Other tensors are new, with random values in [-1,
 * 1) or random bytes; forget_ops() frees them.  Bails out if a call fails.
 */
struct clade_op make_op(clade_backend *be, enum clade_op_kind kind,
                        const struct shape *shape, unsigned flags,
                        const struct clade_op *like);
void forget_ops(clade_backend *be);

/* Read or write element `e` of a tensor's buffer, whatever its type. */
double get(const struct clade_tensor *t, int64_t e);
void put(const struct clade_tensor *t, int64_t e, double v);

#endif
