/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OP_CHECK_H
#define OP_CHECK_H

#include <clade/ops.h>

/*
 * The checks that the doors share: the public functions that make ops.  Each
 * check returns CLADE_OK, or CLADE_ESHAPE with a message that names the op and
 * the shapes; or CLADE_EUSAGE where no shape is at fault.
 */

/* The end of each door: check what it made, and set *op. */
clade_status op_make(struct clade_op *op, const struct clade_op *made);
/* Check an op as the door of its kind does. */
clade_status op_check(const struct clade_op *op);

/* The extents of a tensor. */
struct shape {
    int n, h, w, c;
};

struct shape shape_of(const struct clade_tensor *t);

/* The elements from a tensor's first one to its last, gaps included. */
int64_t span_of(const struct clade_tensor *t);

/* Check a tensor alone: it must be there, be well-formed, lie within its buffer
 * and below element 2^31, and be of this type. */
clade_status check_tensor(const struct clade_op *op, enum clade_role role,
                          enum clade_type type);
/* The roles that the op's kind writes and reads, as a mask. */
unsigned check_roles(const struct clade_op *op);
/* The type of an op's floats: that of its tensors that are not bytes. */
enum clade_type check_real(const struct clade_op *op);
/* Do two tensors, each well-formed or absent, have an element in common? */
bool check_overlap(const struct clade_tensor *a, const struct clade_tensor *b);
/* The name of a type, for a message. */
const char *check_type_name(enum clade_type type);
/* The tensor must have this shape. */
clade_status check_shape(const struct clade_op *op, enum clade_role role,
                         struct shape must);
/* The tensor must not be a slice: ld = C. */
clade_status check_dense(const struct clade_op *op, enum clade_role role);

/* The packed filter must be dense and have op->packed elements. */
clade_status check_packed(const struct clade_op *op);

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
