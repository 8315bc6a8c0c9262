/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPMAKER_H
#define OPMAKER_H

#include <clade/backend.h>

/*
 * Small ops with random tensors on the reference, for the tests that look
 * into its memory.
 */

/* The geometry of an op; kinds without a window or filter use what they need.
 * gap: elements between a pixel's channels and the next pixel. */
struct shape {
    const char *why;
    int n, h, w, c, k;
    int r, s, stride;
    bool same;
    int gap;
};

extern const struct shape shapes[];
extern const int n_shapes;

/* Of every op made; seed, step number, learning rate and so on are odd. */
extern struct clade_step step;

/* Whether the door accepts the kind at this shape: average pools have no
 * padding. */
bool fits(enum clade_op_kind kind, const struct shape *shape);

/*
 * Make, choose and prepare an op.  Tensors that `like` (or NULL) has are
 * shared with it; others are new, with values in [-1, 1) or bytes, in memory
 * that lasts until forget_ops().  Bails out when a call fails.
 */
struct clade_op make_op(clade_backend *be, enum clade_op_kind kind,
                        const struct shape *shape, unsigned flags,
                        const struct clade_op *like);
void forget_ops(clade_backend *be);

/* Element number `e` of a tensor's buffer, whatever its type. */
double get(const struct clade_tensor *t, int64_t e);
void put(const struct clade_tensor *t, int64_t e, double v);

#endif
