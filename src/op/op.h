/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OP_H
#define OP_H

#include <clade/ops.h>

/*
 * What is known of a kind of op wherever it is computed.  Each family's file
 * of src/op/ has its kinds', beside the functions that make its ops.
 */
struct op_kind {
    enum clade_role subject; /* the tensor whose shape tells what it is about */
    enum clade_role other;   /* a product's other operand; CLADE_Y: none */
    bool product;            /* its algorithm is a choice */
    bool inherits;           /* its choice comes from another op, with it */
    unsigned bytes;          /* roles (1 << role) that are uint8 in this kind
                                alone */
    int per_element;         /* products and sums an element of the subject, */
    double (*flops)(const struct clade_op *op); /* unless this counts them */
};

#define OP_DECLARE(id, name, out, in) extern const struct op_kind op_##name;
CLADE_OP_LIST(OP_DECLARE)
#undef OP_DECLARE

const struct op_kind *op_kind(enum clade_op_kind kind);

/* "conv_fwd 2x56x56x64 * 3x3x64x192 (inception_3a/3x3)": an op for messages,
 * in a text of this thread's that the next call overwrites. */
const char *op_describe(const struct clade_op *op);

/* An op's shapes, window and flags as a text of `size` bytes: the same for ops
 * that do the same work. */
void op_key(char *text, size_t size, const struct clade_op *op);

/* conv_fwd, conv_bwd_data or conv_bwd_filter: what has a choice of
 * algorithms. */
bool op_is_product(enum clade_op_kind kind);

bool choice_equal(const struct clade_choice *a, const struct clade_choice *b);
/* Whether a text names the choice, as a whole or by its algorithm alone. */
bool choice_is(const struct clade_choice *choice, const char *text);

#endif
