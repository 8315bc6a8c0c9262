/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds of doc/consistency.md, from the oracle's brackets.  u = 2^-24;
 * gamma_k = k u / (1 - k u) bounds the relative error of k roundings (Higham,
 * Accuracy and Stability of Numerical Algorithms, 2nd ed., lemma 3.1).
 */
#include "op/op.h"
#include "verify/verify.h"

#include <float.h>
#include <math.h>

#define U      0x1p-24
#define LAMBDA 9 /* of the alarm: 10^11 roundings at 10^-6 */

static double gamma_of(double k)
{
    return k * U / (1 - k * U);
}

/* What underflow may cost n products and a few additions. */
static double underflow(const struct cpu_exact *e, bool denormals)
{
    const double n = (double)e->n + 2;

    if (denormals)
        return n * 0x1p-150;
    return 2 * n * 0x1p-126 + 0x1p-126 * e->flush;
}

static double sum_bound(const struct clade_op *op, enum clade_role role,
                        const struct cpu_exact *e, bool denormals)
{
    (void)role;
    return gamma_of(op->depth + 2) * e->s + underflow(e, denormals);
}

/* The oracle's bracket is p (|x-m| + sum p|x-m| + K + 17): exp 3 ULP, divide
 * 2.5 ULP (OpenCL 1.2, 7.4). */
static double softmax_bound(const struct clade_op *op, enum clade_role role,
                            const struct cpu_exact *e, bool denormals)
{
    (void)op;
    (void)role;
    (void)denormals;
    return e->s * U + 0x1p-126;
}

static double loss_bound(const struct clade_op *op, enum clade_role role,
                         const struct cpu_exact *e, bool denormals)
{
    (void)op;
    (void)role;
    (void)denormals;
    return e->s * U;
}

/* A difference, then a product. */
static double loss_bwd_bound(const struct clade_op *op, enum clade_role role,
                             const struct cpu_exact *e, bool denormals)
{
    (void)op;
    (void)role;
    return gamma_of(2) * e->s + underflow(e, denormals);
}

/* v' = 0.9v - lr g: two products, their difference; w' = w + v' rounds once
 * more. */
static double sgd_bound(const struct clade_op *op, enum clade_role role,
                        const struct cpu_exact *e, bool denormals)
{
    const double v = gamma_of(3) * e->s + underflow(e, denormals);

    (void)op;
    return role == CLADE_V ? v : v + U * (fabs(e->y) + v);
}

/* Kinds that are not here are sums of products. */
static double (*const bounds[CLADE_OP_KINDS])(const struct clade_op *,
                                              enum clade_role,
                                              const struct cpu_exact *,
                                              bool) = {
    [CLADE_SOFTMAX_FWD] = softmax_bound,
    [CLADE_LOSS_FWD] = loss_bound,
    [CLADE_LOSS_BWD] = loss_bwd_bound,
    [CLADE_SGD] = sgd_bound,
};

double verify_bound(const struct clade_op *op, enum clade_role role,
                    const struct cpu_exact *e, bool denormals)
{
    return (bounds[op->kind] ? bounds[op->kind] : sum_bound)(op, role, e,
                                                             denormals);
}

/* Higham & Mary, SIAM J. Sci. Comput. 41 (2019); Ipsen & Zhou, SIAM J. Matrix
 * Anal. Appl. 41 (2020). */
double verify_alarm(const struct clade_op *op, const struct cpu_exact *e,
                    bool denormals)
{
    return LAMBDA * sqrt(op->depth) * U * e->s + underflow(e, denormals);
}

bool verify_is_sum(enum clade_op_kind kind)
{
    return op_is_product(kind) || kind == CLADE_BIAS_BWD ||
           kind == CLADE_AVGPOOL_FWD || kind == CLADE_AVGPOOL_BWD ||
           kind == CLADE_MAXPOOL_BWD;
}

bool verify_is_exact(enum clade_op_kind kind, enum clade_role role)
{
    return kind == CLADE_MAXPOOL_FWD || kind == CLADE_DROPOUT_FWD ||
           kind == CLADE_DROPOUT_BWD || kind == CLADE_RESIZE ||
           role == CLADE_HIT;
}

/* An average is scaled after the sum has overflowed. */
double verify_overflow(const struct clade_op *op)
{
    const double scale =
        op->kind == CLADE_AVGPOOL_FWD || op->kind == CLADE_AVGPOOL_BWD
            ? 1.0 / (op->window.r * op->window.s)
            : 1;

    return FLT_MAX * scale * (1 - gamma_of(op->depth + 2));
}
