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
 * What verify knows of a kind of op: src/verify/<family>.c has one for each of
 * the family's kinds, and nothing else here knows kinds apart.  What is absent
 * is 0 or NULL.
 */
struct verify_kind {
    /* Its cases.  A kind without `make` is judged through the op that reads
     * its output. */
    clade_status (*make)(struct clade_op *op, const struct verify_parts *p);
    const struct verify_line *lines; /* the family's, up to one of no kinds */
    unsigned data;                   /* kinds of data that make sense, a mask */
    unsigned flags;                  /* enum clade_op_flags */
    float scalar;

    /* Its tensors, in the letters of verify_extents(): the shapes of roles that
     * are not as usual; how many values a byte of an input may have (absent:
     * 256). */
    const char *shape[CLADE_ROLES];
    const char *bytes;

    /* How they are filled: where position data have their ones, which operand
     * is b (with hot_b alone), values and bytes that are not the usual ones. */
    enum hot hot_a, hot_b;
    enum clade_role b;
    double (*value)(const struct fill *f, int64_t i);
    uint8_t (*byte)(const struct fill *f, int64_t i);

    /* How it is judged. */
    unsigned exact;   /* outputs that are compared bit for bit, a mask */
    const char *over; /* the letters that the longest sum runs over */
    bool average;     /* it is divided by the window's places */
    double (*bound)(const struct verify_element *x); /* absent: that of a sum of
                                                        products, if it is one */
    /* Whether an element's sum may have met zeros of the padding. */
    bool (*meets_padding)(const struct clade_op *op, int64_t i);
    /* Element by element over dense tensors: it may be cut anywhere. */
    bool pointwise;

    /* In a training with noise: the brackets of an output, flat, and what one
     * has beyond the oracle's.  Absent: the op over absolute values if it is a
     * sum, else the oracle's; nothing. */
    void (*bracket)(float *s, const struct clade_op *op, enum clade_role role);
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
