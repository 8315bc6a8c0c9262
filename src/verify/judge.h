/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_JUDGE_H
#define VERIFY_JUDGE_H

#include <clade/verify.h>

#include "cpu/cpu.h"
#include "verify/host.h"
#include "verify/kind.h"

/*
 * The exact values of `count` elements of one output: of those in `index`, or,
 * if that is NULL, of those from `first` on.
 */
struct verify_oracle {
    enum clade_role role;
    int64_t first, count, *index;
    struct cpu_exact *exact;
};

/* Check the host: CLADE_EMISTRUSTED if its CPU flushes subnormals in a
 * thread. */
clade_status verify_trust_host(void);
/* Check the host and a backend: also CLADE_EUNSUPPORTED if the backend stores
 * float64, or its device is of the embedded profile. */
clade_status verify_can_judge(const clade_backend *be);
/* CLADE_EINTERRUPTED if `stop` (NULL: never) says so. */
clade_status verify_interrupted(bool (*stop)(void *arg), void *arg);

/* Ask the oracle for all elements if that takes at most about `products`
 * products; else for corners, edges, corners of tiles and 4,096 others. */
clade_status verify_oracle_new(struct verify_oracle *oracle,
                               const struct clade_op *op, enum clade_role role,
                               double products);
/* Ask for the elements of a few pixels. */
clade_status verify_oracle_rows(struct verify_oracle *oracle,
                                const struct clade_op *op, enum clade_role role,
                                int64_t first, int64_t pixels);
/* Ask for the elements in `index`, a malloc'ed array, which the oracle takes
 * over. */
clade_status verify_oracle_at(struct verify_oracle *oracle,
                              const struct clade_op *op, enum clade_role role,
                              int64_t *index, int64_t count);
/* Get the flat index of the oracle's element i. */
static inline int64_t verify_oracle_element(const struct verify_oracle *oracle,
                                            int64_t i)
{
    return oracle->index ? oracle->index[i] : oracle->first + i;
}
void verify_oracle_free(struct verify_oracle *oracle);

/* Compute the brackets of the oracle's elements for a settled op's algorithm;
 * the caller frees them. */
clade_status verify_brackets_new(struct verify_bracket **brackets,
                                 const struct clade_op *op,
                                 const struct verify_oracle *oracle,
                                 bool denormals);
/* What an output of random data must keep to as a whole. */
struct verify_limits {
    double rms;      /* of error over bracket, in units of u */
    double relative; /* RMS of the error over RMS of y */
};
/* Get them for a settled op. */
struct verify_limits verify_limits(const struct clade_op *op);
/* The largest bracket of `products` products and an addend that are at most
 * 1. */
struct verify_bracket verify_largest_bracket(const struct clade_op *op,
                                             int64_t products, bool denormals);

/* How an output is judged. */
struct verify_judge {
    const struct clade_op *op; /* settled, over host tensors */
    enum verify_gate gate;     /* if the op is a sum of products */
    bool denormals;            /* the device keeps them */
    bool nan_at_padding;       /* the padding's zeros may meet Inf or NaN */
    double unit;               /* of exact data's products; 0: other data */
    bool beside; /* data were made for another output: sums of exact data that
                    are more than 2^24 units are judged by the bound */
};

/* Judge an output and add the result to `v`; `got` is element 0 of its buffer
 * after the op ran. */
clade_status verify_output(struct clade_verdict *v,
                           const struct verify_judge *judge,
                           const struct verify_oracle *oracle, const void *got);
/* Judge every element; ask the oracle for the exact values piece by piece. */
clade_status verify_output_whole(struct clade_verdict *v,
                                 const struct verify_judge *judge,
                                 enum clade_role role, const void *got);
/* Judge all outputs of a case, which is on the host as it was before it ran:
 * those of a product by what the oracle was asked for, others whole. */
clade_status verify_outputs(struct clade_verdict *v, const struct op_case *c,
                            const struct verify_host *host,
                            const struct verify_oracle oracle[CLADE_ROLES],
                            void *const after[CLADE_ROLES], bool denormals);
/* Start a verdict: nothing has been judged yet. */
void verify_begin(struct clade_verdict *v, const struct clade_op *op);
/* Set outcome and message, unless the outcome is already as bad or worse. */
void verify_blame(struct clade_verdict *v, enum clade_outcome outcome,
                  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Count a verdict; turn the counts into a status with its message. */
void verify_count(struct clade_verify_summary *summary,
                  const struct clade_verdict *v);
clade_status verify_conclude(const struct clade_verify_summary *summary);

#endif
