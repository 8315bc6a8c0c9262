/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OP_H
#define OP_H

#include <clade/ops.h>

/*
 * What is true of a kind of op on every backend.  Each family's file in src/op/
 * defines its kinds, beside the functions that make its ops.
 */
struct op_kind {
    enum clade_role subject; /* the tensor that describes the op's size best */
    enum clade_role other;   /* the other operand of a product; CLADE_Y: none */
    bool product;  /* a convolution in some direction, which may have several
                      algorithms */
    bool inherits; /* it is made with another op's choice */
    unsigned with_bias; /* mask of roles (1 << role) that an op has with
                           CLADE_BIAS only */
    unsigned bytes;  /* mask of roles (1 << role) that hold bytes in this kind
                        only */
    int per_element; /* products and sums for each element of the subject, if
                        flops is NULL */
    double (*flops)(const struct clade_op *op); /* counts them */
    /* Check shapes, flags and the rest; the tensors are well-formed.
     * CLADE_ESHAPE, or CLADE_EUSAGE where no shape is at fault. */
    clade_status (*check)(const struct clade_op *op);
    /* Check the values of op->step, before each run.  NULL: any will do. */
    clade_status (*check_step)(const struct clade_op *op);
};

#define OP_DECLARE(id, name, out, in) extern const struct op_kind op_##name;
CLADE_OP_LIST(OP_DECLARE)
#undef OP_DECLARE

const struct op_kind *op_kind(enum clade_op_kind kind);

/* Is it a kind of op at all? */
bool op_is_kind(enum clade_op_kind kind);

/* Describe an op for a message: "conv_fwd 2x56x56x64 * 3x3x64x192
 * (inception_3a/3x3)".  Each thread has one such text, which its next call
 * overwrites. */
const char *op_describe(const struct clade_op *op);

/* The op that computes one output of `op` alone, with that output's depth: for
 * a db beside dw it is a bias_bwd, for any other output `op` itself. */
struct clade_op op_alone(const struct clade_op *op, enum clade_role output);

/* Write a text of at most `size` bytes from an op's shapes, window and flags;
 * it is the same for ops that do the same work. */
void op_key(char *text, size_t size, const struct clade_op *op);

/* Is it conv_fwd, conv_bwd_data or conv_bwd_filter?  Only these may have
 * several algorithms. */
bool op_is_product(enum clade_op_kind kind);

bool choice_equal(const struct clade_choice *a, const struct clade_choice *b);
/* Whether a text names the choice, as a whole or by its algorithm alone. */
bool choice_is(const struct clade_choice *choice, const char *text);

#endif
