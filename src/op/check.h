/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OP_CHECK_H
#define OP_CHECK_H

#include <clade/ops.h>

/*
 * The checks that the doors share: the public functions that make ops.  Each
 * check returns CLADE_OK, or CLADE_ESHAPE with a message that names the op and
 * the shapes.
 */

/* The extents of a tensor. */
struct shape {
    int n, h, w, c;
};

struct shape shape_of(const struct clade_tensor *t);

/*
 * Check the tensors that the op's kind has.  Call it before the other checks.
 * The tensors must be there, be well-formed, lie within their buffers and below
 * element 2^31, and be of one float type, or bytes.  No output may overlap
 * another tensor.
 */
clade_status check_tensors(const struct clade_op *op);
/* The tensor must have this shape. */
clade_status check_shape(const struct clade_op *op, enum clade_role role,
                         struct shape must);
/* The tensor must not be a slice: ld = C. */
clade_status check_dense(const struct clade_op *op, enum clade_role role);

/* The flags must be among `allowed`.  With CLADE_RELU, the tensor
 * `needed_by_relu` must be there. */
clade_status check_flags(const struct clade_op *op, unsigned allowed,
                         enum clade_role needed_by_relu);
/* The flags of a gradient must be among `allowed`, and x, if it is there, must
 * have the shape of dx. */
clade_status check_gradient(const struct clade_op *op, unsigned allowed);
/* The op must have a step. */
clade_status check_step(const struct clade_op *op);

/* Fail: the message has the op, its window over x, and why it is refused. */
clade_status bad_window(const struct clade_op *op, const struct clade_tensor *x,
                        const char *why);
/* Set *y to the shape of the output, with c channels, if the op's window goes
 * over x. */
clade_status window_output(struct shape *y, const struct clade_op *op,
                           const struct clade_tensor *x, int c);

#endif
