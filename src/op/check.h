/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OP_CHECK_H
#define OP_CHECK_H

#include <clade/ops.h>

/*
 * What the doors of op families check an op by.  Each returns CLADE_OK or
 * CLADE_ESHAPE with a message that names the op and the shapes.
 */

/* Extents that a tensor must have. */
struct shape {
    int n, h, w, c;
};

struct shape shape_of(const struct clade_tensor *t);

/* The op's tensors, by its kind: present where they must be, well-formed,
 * within their buffers and the limit of 2^31 elements, of one float type or
 * bytes, outputs apart from all others.  Comes first. */
clade_status check_tensors(const struct clade_op *op);
clade_status check_shape(const struct clade_op *op, enum clade_role role,
                         struct shape must);
/* No slice: ld = C. */
clade_status check_dense(const struct clade_op *op, enum clade_role role);

/* Flags within `allowed`; with CLADE_RELU there must be the tensor named. */
clade_status check_flags(const struct clade_op *op, unsigned allowed,
                         enum clade_role needed_by_relu);
/* The epilogue of a gradient: its flags, and x, if given, as large as dx. */
clade_status check_gradient(const struct clade_op *op, unsigned allowed);
/* step is there. */
clade_status check_step(const struct clade_op *op);

/* CLADE_ESHAPE with the op, its window over x, and why that can't be. */
clade_status bad_window(const struct clade_op *op, const struct clade_tensor *x,
                        const char *why);
/* Set *y to what the op's window makes of x, with c channels. */
clade_status window_output(struct shape *y, const struct clade_op *op,
                           const struct clade_tensor *x, int c);

#endif
