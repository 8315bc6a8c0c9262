/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CPU_H
#define CPU_H

#include "backend.h"

/*
 * The reference.  Its op families are compiled twice (see real.h): in the
 * storage of `cpu` (float32) and of `cpu64` (float64).  Sums are double in
 * both.  An op is done when run returns.
 */
struct cpu {
    struct clade_backend base;
    void *scratch; /* as large as the largest op prepared so far wants */
    size_t scratch_bytes;
};

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
 *    |a| over subnormal b, for devices without denormals; of dropout, |y| for
 *    a subnormal x or dy.
 *
 * Where an op is no plain sum of products, s is what its bound is made of:
 *
 *     sgd                  |momentum*v| + |rate*dw|, for w' as for v'
 *     softmax_fwd          y * (|x-m| + sum of y|x-m| + K + 17)
 *     loss_fwd             sum of p|x-m| + K + 6 + 7 log(sum of exp(x-m)) +
 *                          2|x[label]-m|
 *     loss_bwd             |y|
 *     maxpool_fwd, dropout, resize   |y|; rounding y once to float32 gives
 *                          the output to the bit
 *     arg, hit             y as a device chooses that takes subnormals for 0
 */
struct cpu_exact {
    double y, s, flush;
    int64_t n;
};

/*
 * Element i (flat, row-major) of output `role` of `op`, whose tensors are in
 * cpu buffers: float32 and uint8, or float64 and uint8.  `old` is the output's
 * value before the op ran, for CLADE_ACCUMULATE (sgd reads its w and v from
 * the tensors, so give it tensors from before).  For conv ops
 * t[CLADE_PACKED] is not read.  filter_pack has no oracle.
 */
struct cpu_exact cpu_at(const struct clade_op *op, enum clade_role role,
                        int64_t i, double old);

/* cpu_at of elements indices[0..n-1], with old[0..n-1] (NULL: all 0), shared
 * out among threads. */
void cpu_at_many(struct cpu_exact *out, const struct clade_op *op,
                 enum clade_role role, const int64_t *indices, int64_t n,
                 const double *old);

/*
 * cpu_at of all channels of pixels first ... first+n-1 of output `role`: out
 * and old (NULL: all 0) hold n*C elements.  Five times as fast as cpu_at for
 * the convolutions, which go a row of sums at a time; a filter's pixel is one
 * (r,s,c), so its row runs over K.
 */
void cpu_exact_rows(struct cpu_exact *out, const struct clade_op *op,
                    enum clade_role role, int64_t first, int64_t n,
                    const double *old);

/* The families' functions in both precisions, by kind: id, name. */
/* clang-format off */
#define CPU_OP_LIST(X)                                                        \
    X(CONV_FWD,        conv_fwd)                                              \
    X(CONV_BWD_DATA,   conv_bwd_data)                                         \
    X(CONV_BWD_FILTER, conv_bwd_filter)                                       \
    X(BIAS_BWD,        bias_bwd)                                              \
    X(MAXPOOL_FWD,     maxpool_fwd)                                           \
    X(MAXPOOL_BWD,     maxpool_bwd)                                           \
    X(AVGPOOL_FWD,     avgpool_fwd)                                           \
    X(AVGPOOL_BWD,     avgpool_bwd)                                           \
    X(DROPOUT_FWD,     dropout_fwd)                                           \
    X(DROPOUT_BWD,     dropout_bwd)                                           \
    X(SOFTMAX_FWD,     softmax_fwd)                                           \
    X(LOSS_FWD,        loss_fwd)                                              \
    X(LOSS_BWD,        loss_bwd)                                              \
    X(SGD,             sgd)                                                   \
    X(RESIZE,          resize)
/* clang-format on */

/* Run an op; `scratch` is conv_bwd_data's, R*S*C*K elements. */
typedef void cpu_run_fn(const struct clade_op *op, void *scratch);

/* What the oracle is asked for: cpu_at's arguments.  `subnormals` false: no
 * operand is subnormal, so flush is 0. */
struct cpu_query {
    enum clade_role role;
    int64_t i;
    double old;
    bool subnormals;
};
typedef struct cpu_exact cpu_at_fn(const struct clade_op *op,
                                   struct cpu_query query);

#define CPU_DECLARE(id, name)                                                  \
    cpu_run_fn cpu32_##name, cpu64_##name;                                     \
    cpu_at_fn cpu32_##name##_at, cpu64_##name##_at;
CPU_OP_LIST(CPU_DECLARE)
#undef CPU_DECLARE

/* The row at pixel query.i of a convolution's output; old[0..C-1] or NULL. */
typedef void cpu_row_fn(struct cpu_exact *out, const struct clade_op *op,
                        struct cpu_query query, const double *old);
cpu_row_fn cpu32_conv_fwd_row, cpu64_conv_fwd_row, cpu32_conv_bwd_data_row,
    cpu64_conv_bwd_data_row, cpu32_conv_bwd_filter_row,
    cpu64_conv_bwd_filter_row;

/* Whether a tensor of floats holds a value that is subnormal as a float32. */
bool cpu32_has_subnormals(const struct clade_tensor *t);
bool cpu64_has_subnormals(const struct clade_tensor *t);

#endif
