/* SPDX-License-Identifier: Apache-2.0 */
/* What an op's rounding errors are measured in: its brackets, and how large
 * the errors are in terms of them. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "op/op.h"
#include "status.h"
#include "verify/noise.h"

#define SAMPLES 512       /* of an output, in the mean */
#define SEED    20160707u /* arbitrary, fixed */

static float *values_of(const struct clade_tensor *t)
{
    return ((struct cpu_buffer *)t->buffer)->host;
}

/* The absolute values of a tensor that is an operand of products or sums;
 * what a mask or a choice is made by stays as it is. */
static clade_status absolute(struct verify_mirror *to,
                             const struct verify_mirror *m, int role)
{
    struct clade_tensor *t = &to->op.t[role];
    const size_t bytes = verify_span(t);
    clade_status st = verify_room(&to->copy[role], bytes);
    const float *from = st ? NULL : values_of(&m->op.t[role]);
    float *v = to->copy[role].host;

    if (st)
        return st;
    t->buffer = &to->copy[role].wrap.base;
#pragma omp parallel for
    for (size_t i = 0; i < bytes / sizeof(*v); i++)
        v[i] = fabsf(from[i]);
    return CLADE_OK;
}

/* What an op multiplies and adds; of a DX, what it is added to. */
static bool adds(const struct clade_op *op, int role)
{
    const bool mask = clade_op_outputs(op->kind) & 1u << CLADE_DX;

    switch (role) {
    case CLADE_X:
        return !mask;
    case CLADE_W:
    case CLADE_B:
    case CLADE_DY:
    case CLADE_DX:
    case CLADE_Y:
    case CLADE_DW:
    case CLADE_DB:
        return true;
    default:
        return false;
    }
}

/* Flat, row-major, from the pixels that an output lies in. */
static void gather(float *to, const struct clade_tensor *t)
{
    const float *from = values_of(t);
    const int64_t n = clade_tensor_pixels(t);

    for (int64_t p = 0; p < n; p++)
        memcpy(to + p * t->c, from + p * t->ld, t->c * sizeof(*to));
}

/* A sum of products: the op itself on absolute values. */
static clade_status of_sum(float *bracket, clade_backend *cpu,
                           const struct verify_mirror *m,
                           struct verify_mirror *scratch, enum clade_role role)
{
    struct clade_op *op = &scratch->op;
    clade_status st = CLADE_OK;

    *op = m->op;
    if (op->kind == CLADE_CONV_FWD)
        op->flags &= ~(unsigned)CLADE_RELU;
    for (int r = 0; r < CLADE_ROLES && !st; r++)
        if (op->t[r].buffer && adds(op, r))
            st = absolute(scratch, m, r);
    if (!st)
        st = clade_backend_choose(cpu, op, NULL);
    if (!st)
        st = backend_run_once(cpu, op);
    if (!st)
        gather(bracket, &op->t[role]);
    return st;
}

/* |m v| + |rate dw|, and |w| more for w. */
static void of_sgd(float *bracket, const struct verify_mirror *m,
                   enum clade_role role)
{
    const float *w = values_of(&m->op.t[CLADE_W]);
    const float *v = values_of(&m->op.t[CLADE_V]);
    const float *dw = values_of(&m->op.t[CLADE_DW]);
    const int64_t n = clade_tensor_elements(&m->op.t[CLADE_W]);
    const float rate = m->op.step->learning_rate;

#pragma omp parallel for
    for (int64_t i = 0; i < n; i++)
        bracket[i] = fabsf(m->op.scalar * v[i]) + fabsf(rate * dw[i]) +
                     (role == CLADE_W ? fabsf(w[i]) : 0);
}

/* Small ones: the oracle's. */
static clade_status of_oracle(float *bracket, const struct verify_mirror *m,
                              enum clade_role role)
{
    const struct clade_tensor *t = &m->op.t[role];
    struct verify_oracle o;
    clade_status st =
        verify_oracle_rows(&o, &m->op, role, 0, clade_tensor_pixels(t));

    if (st)
        return st;
    for (int64_t i = 0; i < o.count; i++)
        bracket[i] = o.exact[i].s;
    verify_oracle_free(&o);
    return CLADE_OK;
}

clade_status noise_bracket(float **bracket, clade_backend *cpu,
                           const struct verify_mirror *m,
                           struct verify_mirror *scratch, enum clade_role role)
{
    const int64_t n = clade_tensor_elements(&m->op.t[role]);
    float *s = malloc(n * sizeof(*s));
    clade_status st = CLADE_OK;

    if (!s)
        return clade_fail(CLADE_ENOMEM, "noise: no memory for %lld brackets",
                          (long long)n);
    if (verify_is_sum(m->op.kind))
        st = of_sum(s, cpu, m, scratch, role);
    else if (m->op.kind == CLADE_SGD)
        of_sgd(s, m, role);
    else
        st = of_oracle(s, m, role);
    if (st)
        free(s);
    else
        *bracket = s;
    return st;
}

/* The elements that are looked at: all, or some anywhere. */
static int64_t pick(int64_t index[SAMPLES], int64_t n)
{
    for (uint32_t i = 0; i < SAMPLES; i++) {
        const uint32_t ctr[4] = { i, 0, 0, (uint32_t)n };
        uint32_t word[4];

        rng_philox(word, ctr, SEED);
        index[i] = n <= SAMPLES
                       ? i
                       : (int64_t)(((uint64_t)word[1] << 32 | word[0]) % n);
    }
    return n < SAMPLES ? n : SAMPLES;
}

/* Before an op ran, what it adds to. */
static void old_values(double old[SAMPLES], const struct clade_op *op,
                       enum clade_role role, const int64_t *index, int64_t n)
{
    const struct clade_tensor *t = &op->t[role];
    const bool added = role == CLADE_DX && op->flags & CLADE_ACCUMULATE;

    for (int64_t i = 0; i < n; i++)
        old[i] = added ? values_of(t)[clade_tensor_element(t, index[i])] : 0;
}

clade_status noise_rms(double *rms, const struct verify_mirror *m,
                       enum clade_role role, const float *got)
{
    const struct clade_tensor *t = &m->op.t[role];
    const bool masked = m->op.flags & CLADE_RELU && role == CLADE_DX;
    int64_t index[SAMPLES], n, counted = 0;
    struct cpu_exact exact[SAMPLES];
    double old[SAMPLES], squares = 0;

    n = pick(index, clade_tensor_elements(t));
    old_values(old, &m->op, role, index, n);
    cpu_at_many(exact, &m->op, role, index, n, old);
    for (int64_t i = 0; i < n; i++) {
        const int64_t at = clade_tensor_element(t, index[i]);
        double s = exact[i].s;

        if (m->op.kind == CLADE_SGD && role == CLADE_W)
            s += fabs(values_of(t)[at]);
        if (s == 0 || (masked && exact[i].y == 0))
            continue;
        squares += pow((got[at] - exact[i].y) / s, 2);
        counted++;
    }
    *rms = counted ? sqrt(squares / counted) : 0;
    if (!isfinite(*rms))
        return clade_fail(CLADE_EDIVERGED,
                          "%s: its error can't be measured: values that are "
                          "no numbers",
                          op_describe(&m->op));
    return CLADE_OK;
}
