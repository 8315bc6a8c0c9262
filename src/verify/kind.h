/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_KIND_H
#define VERIFY_KIND_H

#include "cpu/cpu.h"
#include "verify/case.h"

/* What a case's op is made of. */
struct verify_parts {
    const struct op_case *c;
    const struct clade_tensor *t; /* by role */
    const struct clade_step *step;
};

/*
 * How far from the exact value an algorithm may be at one element.
 *
 * s     its bracket: what its relative errors are relative to
 * peak  what no intermediate value exceeds; infinite where an Inf or a NaN
 *       reaches the element, whether or not it is one of its operands
 * tau   what underflow may add to the error
 * unit  of which power of two all intermediate values are multiples, if the
 *       operands are integers; 0: of none
 */
struct verify_bracket {
    double s, peak, tau, unit;
};

/* An element of an output, as the oracle knows it. */
struct verify_element {
    const struct clade_op *op; /* with its algorithm's depth */
    enum clade_role role;
    const struct cpu_exact *exact;
    const struct verify_bracket *bracket; /* for the op's algorithm */
    bool denormals;                       /* the device keeps them */
};

/*
 * How Winograd's products make the output of a kind (op/winograd.h): which of
 * its operands takes the place of the input d, and which that of the filter g.
 */
struct verify_transform {
    enum clade_role d, g;
    bool turned;     /* g's rows and columns run backwards */
    bool over_tiles; /* g is an image, cut into tiles, over which the sum runs;
                        else it runs over d's channels */
    double relative; /* the most that the RMS of the error may be of the RMS of
                        y; 0: the kind is not transformed */
};

/*
 * What verify knows of a kind of op.  src/verify/<family>.c has one for each
 * kind of the family; no other file here tells kinds apart.  Members may be
 * absent (0 or NULL); letters are those of verify_extents().
 */
struct verify_kind {
    /* Make the op; absent: the kind is judged with the op that reads its
     * output. */
    clade_status (*make)(struct clade_op *op, const struct verify_parts *p);
    /* The family's geometries; the last has no kinds. */
    const struct verify_line *lines;
    unsigned data;  /* mask of the kinds of data that make sense */
    unsigned flags; /* mask of the flags that it knows */
    float scalar;

    /* The letters of a role's shape; absent: the usual one. */
    const char *shape[CLADE_ROLES];
    const char *bytes; /* letters: how many values a byte has; absent: 256 */

    /* Where operands a and b of position data have their ones; hot_b absent:
     * there is no operand b. */
    enum hot hot_a, hot_b;
    enum clade_role b;
    /* Compute element i of an input of floats, or of bytes; absent: as
     * usual. */
    double (*value)(const struct fill *f, int64_t i);
    uint8_t (*byte)(const struct fill *f, int64_t i);

    struct verify_transform transform;
    unsigned exact;   /* mask of outputs that are compared bit for bit */
    const char *over; /* letters: the extents that the longest sum runs over */
    bool average;     /* the sum is divided by the window's size */
    bool pointwise;   /* element by element over dense tensors */
    /* The hard bound; absent: that of a sum of products. */
    double (*bound)(const struct verify_element *x);
    /* Whether element i's sum may contain zeros of the padding. */
    bool (*meets_padding)(const struct clade_op *op, int64_t i);

    /* Compute the brackets of an output, flat, for noise; absent: run the op on
     * absolute values if it is a sum, else ask the oracle. */
    void (*bracket)(float *s, const struct clade_op *op, enum clade_role role);
    /* What to add to the oracle's bracket of element i; absent: nothing. */
    double (*beyond)(const struct clade_op *op, enum clade_role role,
                     int64_t i);
};

#define VERIFY_DECLARE(id, name, out, in)                                      \
    extern const struct verify_kind verify_##name;
CLADE_OP_LIST(VERIFY_DECLARE)
#undef VERIFY_DECLARE

const struct verify_kind *verify_kind(enum clade_op_kind kind);
/* Whether a kind is a sum of products. */
bool verify_is_sum(enum clade_op_kind kind);
/* Whether an output, or every output of a kind, is compared bit for bit with
 * any data. */
bool verify_is_exact(enum clade_op_kind kind, enum clade_role role);
bool verify_all_exact(enum clade_op_kind kind);
/* The hard bound of |got - y|. */
double verify_bound(const struct verify_element *x);
/* Whether a settled op's products go through transforms, so that its values are
 * rounded even where the direct sum of the same operands is exact. */
static inline bool verify_transforms(const struct clade_op *op)
{
    return op->winograd.m > 0;
}
/* The factor that a sum is multiplied by: 1, or an average's. */
double verify_scale(enum clade_op_kind kind, const struct clade_window *w);

/* Whether an op writes a role: an output may be absent. */
static inline bool verify_writes(const struct clade_op *op, int role)
{
    return clade_op_outputs(op->kind) & 1u << role && op->t[role].buffer;
}

/* Whether a role is the forward output that masks a gradient. */
static inline bool verify_masks(enum clade_op_kind kind, enum clade_role role)
{
    return role == CLADE_X && clade_op_outputs(kind) & 1u << CLADE_DX;
}

/*
 * The bounds of doc/consistency.md.  gamma_k = k u / (1 - k u), u = 2^-24, is
 * the largest relative error of k roundings.  bound_underflow() is the largest
 * error that underflow causes in the products of a sum and a few additions.
 */
double bound_gamma(double k);
double bound_underflow(const struct cpu_exact *exact, bool denormals);
/* The hard bound of a sum of products, and the statistical alarm, from its
 * algorithm's bracket. */
double bound_sum(const struct verify_element *x);
double bound_alarm(const struct verify_element *x);

#endif
