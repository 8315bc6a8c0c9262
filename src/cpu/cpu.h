/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CPU_H
#define CPU_H

#include "backend.h"

/*
 * The reference.  Its sources are compiled twice, with CPU_REAL 32 and 64:
 * `real` is the type of storage, sums are double in both.
 */

/* A buffer of the reference's: plain host memory. */
struct cpu_buffer {
    struct clade_buffer base;
    void *host;
};

/* The reference's buffer around host memory that stays the caller's; not to be
 * freed through the backend.  For the oracle, whose tensors are copies. */
struct cpu_buffer cpu_wrap(void *host, size_t bytes);

/*
 * The oracle: one output element of an op in exact terms (doc/consistency.md).
 * y: the value for the op's inputs as they are, in double, the epilogue
 *    included; s: the same sum over absolute values of inputs and
 *    coefficients, bias and the old value of an accumulated output included,
 *    before any ReLU or mask.
 * n: the products in the sum.  flush: sum of |b| over subnormal a plus sum of
 *    |a| over subnormal b, for devices without denormals.
 */
struct cpu_exact {
    double y, s, flush;
    int64_t n;
};

/*
 * Element i (flat, row-major) of output `role` of `op`, whose tensors are
 * float32 (or uint8) in cpu buffers.  `old` is the output's value before the
 * op ran, for CLADE_ACCUMULATE and in-place ops (sgd reads its w and v from
 * the tensors, so give it tensors from before).  For conv ops t[CLADE_PACKED] is not
 * read.  Exact outputs (maxpool, arg, hit, resize, dropout) come as y with
 * s = |y|.
 */
struct cpu_exact cpu_at(const struct clade_op *op, enum clade_role role,
                        int64_t i, double old);

#endif
