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

/* An element of an output, as the oracle knows it. */
struct verify_element {
    const struct clade_op *op; /* with its algorithm's depth */
    enum clade_role role;
    const struct cpu_exact *exact;
    bool denormals; /* the device keeps them */
};

/*
 * What verify knows of a kind of op.  src/verify/<family>.c has one for each
 * kind of the family; nothing else here tells kinds apart.  Members may be
 * absent (0 or NULL); letters are those of verify_extents().
 */
struct verify_kind {
    /* Its cases.  The op through its door; absent: the kind is judged through
     * the op that reads its output. */
    clade_status (*make)(struct clade_op *op, const struct verify_parts *p);
    const struct verify_line *lines; /* the family's; the last has no kinds */
    unsigned data;                   /* kinds of data that make sense, a mask */
    unsigned flags;                  /* those that it knows */
    float scalar;

    /* Its tensors.  The letters of shapes that are not as usual. */
    const char *shape[CLADE_ROLES];
    const char *bytes; /* letters: how many values a byte has; absent: 256 */

    /* What fills them.  Where position data have their ones in operands a and
     * b; without hot_b there is no b. */
    enum hot hot_a, hot_b;
    enum clade_role b;
    /* Element i of an input, where it isn't as usual. */
    double (*value)(const struct fill *f, int64_t i);
    uint8_t (*byte)(const struct fill *f, int64_t i);

    /* How it is judged. */
    unsigned exact;   /* outputs that are compared bit for bit, a mask */
    const char *over; /* letters: what the longest sum runs over */
    bool average;     /* the sum is divided by the window's places */
    bool pointwise;   /* element by element over dense tensors */
    /* The hard bound; absent: that of a sum of products. */
    double (*bound)(const struct verify_element *x);
    /* Whether element i's sum may have met zeros of the padding. */
    bool (*meets_padding)(const struct clade_op *op, int64_t i);

    /* A training with noise.  The brackets of an output, flat; absent: by the
     * op over absolute values if it is a sum, else the oracle's. */
    void (*bracket)(float *s, const struct clade_op *op, enum clade_role role);
    /* What element i's bracket has beyond the oracle's; absent: nothing. */
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
/* Whether an output is compared bit for bit whatever the data; whether all of
 * a kind's are. */
bool verify_is_exact(enum clade_op_kind kind, enum clade_role role);
bool verify_all_exact(enum clade_op_kind kind);
/* The hard bound of |got - y|. */
double verify_bound(const struct verify_element *x);
/* What a sum is multiplied by. */
double verify_scale(enum clade_op_kind kind, const struct clade_window *w);

/* Whether a role is the forward output that masks a gradient. */
static inline bool verify_masks(enum clade_op_kind kind, enum clade_role role)
{
    return role == CLADE_X && clade_op_outputs(kind) & 1u << CLADE_DX;
}

/*
 * The bounds of doc/consistency.md.  gamma_k = k u / (1 - k u), u = 2^-24, is
 * the relative error of k roundings at most; underflow is what it may cost the
 * products of a sum and a few additions.
 */
double bound_gamma(double k);
double bound_underflow(const struct verify_element *x);
/* The hard bound of a sum of products, and the statistical one. */
double bound_sum(const struct verify_element *x);
double bound_alarm(const struct verify_element *x);

#endif
