/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CPU_H
#define CPU_H

#include "backend.h"

/*
 * CPU_WIDE stands before a function with an innermost loop.  gcc then compiles
 * it for wider vectors, too, and the loader chooses.  All versions add in the
 * same order and fuse nothing, so they give the same bits.
 */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#define CPU_WIDE                                                               \
    __attribute__((optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define CPU_WIDE
#endif

/*
 * The reference backend.  Each op family is compiled twice (see real.h): for
 * `cpu`, which stores float32, and for `cpu64`, which stores float64.  Both add
 * up in double.  When run() returns, the op is done.
 */
struct cpu {
    struct clade_backend base;
    void *scratch; /* large enough for every op prepared so far */
    size_t scratch_bytes;
};

/* A buffer of the reference: plain host memory. */
struct cpu_buffer {
    struct clade_buffer base;
    void *host;
};

/* A buffer around host memory that the caller owns.  The oracle's tensors use
 * it.  Never free it through the backend. */
struct cpu_buffer cpu_wrap(void *host, size_t bytes);

/*
 * What the oracle says about one output element of an op (doc/consistency.md).
 *
 * y      the exact value for the op's inputs, in double, after the epilogue
 * s      the bracket: the same sum over absolute values, with the bias and the
 *        old value of an accumulated output, before any ReLU or mask
 * n      the number of products in the sum
 * flush  what a device that flushes subnormals may lose: over all products
 *        a*b, the sum of |b| where a is subnormal plus the sum of |a| where b
 *        is
 *
 * For an op that is not a plain sum of products, s is what its bound needs; the
 * comment of its oracle says what that is.  For an output of bytes, s is the
 * choice of a device that takes subnormals for 0.
 */
struct cpu_exact {
    double y, s, flush;
    int64_t n;
};

/*
 * Ask the oracle about element i (in row-major order) of output `role`.  The
 * tensors of `op` are in cpu buffers, float32 and uint8 or float64 and uint8.
 * With CLADE_ACCUMULATE, `old` is the element's value before the op ran.  sgd
 * reads w and v from the tensors, so these must hold the values from before.
 * Convolutions do not read t[CLADE_PACKED].  filter_pack has no oracle.
 */
struct cpu_exact cpu_at(const struct clade_op *op, enum clade_role role,
                        int64_t i, double old);

/* cpu_at() of elements indices[0..n-1], with old[0..n-1] (NULL: all 0), by
 * several threads. */
void cpu_at_many(struct cpu_exact *out, const struct clade_op *op,
                 enum clade_role role, const int64_t *indices, int64_t n,
                 const double *old);

/*
 * cpu_at() of all channels of pixels first ... first+n-1 of output `role`.  out
 * and old (NULL: all 0) hold n*C elements.  For convolutions this is five times
 * as fast as cpu_at(), because it computes the sums of a pixel together.  A
 * pixel of a filter is one (r,s,c), and its channels run over K.
 */
void cpu_exact_rows(struct cpu_exact *out, const struct clade_op *op,
                    enum clade_role role, int64_t first, int64_t n,
                    const double *old);

/* Run an op; `scratch` is as large as its kind asks for. */
typedef void cpu_run_fn(const struct clade_op *op, void *scratch);

/* A question to the oracle: the arguments of cpu_at(). */
struct cpu_query {
    enum clade_role role;
    int64_t i;
    double old;
    bool subnormals; /* false: no operand is subnormal, so flush is 0 */
};
typedef struct cpu_exact cpu_at_fn(const struct clade_op *op,
                                   struct cpu_query query);

/* All C channels at pixel query.i of a convolution's output.  old: C values, or
 * NULL. */
typedef void cpu_row_fn(struct cpu_exact *out, const struct clade_op *op,
                        struct cpu_query query, const double *old);

/* A kind of op on the reference: each family's file has its kinds, in both
 * precisions. */
struct cpu_kind {
    cpu_run_fn *run; /* NULL: the reference cannot run it */
    cpu_at_fn *at;
    cpu_row_fn *row; /* NULL: there is only `at` */
    int roundings;   /* of an output to float32; 0: one */
    int64_t (*chain)(const struct clade_op *op); /* the products in its longest
                                                    sum; NULL: one */
    int64_t (*scratch)(const struct clade_op *op); /* elements of scratch that
                                                      `run` needs; NULL: none */
};

#define CPU_DECLARE(id, name, out, in)                                         \
    extern const struct cpu_kind cpu32_##name, cpu64_##name;
CLADE_OP_LIST(CPU_DECLARE)
#undef CPU_DECLARE

/* exact.c: a kind, whose tensors' floats are of this type. */
const struct cpu_kind *cpu_kind(enum clade_op_kind kind, enum clade_type real);

/* Does a tensor of floats hold a value that is subnormal in float32? */
bool cpu32_has_subnormals(const struct clade_tensor *t);
bool cpu64_has_subnormals(const struct clade_tensor *t);

#endif
