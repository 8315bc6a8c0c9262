/* SPDX-License-Identifier: Apache-2.0 */
/* The brackets in which an op's rounding errors are measured, and how large the
 * errors are in them. */
#include <math.h>
#include <stdlib.h>

#include "rng.h"
#include "op/op.h"
#include "status.h"
#include "verify/host.h"
#include "verify/kind.h"
#include "verify/noise.h"
#include "verify/winograd.h"

#define SAMPLES 512       /* of an output, in the mean */
#define SEED    20160707u /* arbitrary, fixed */

/* Take the absolute values of a tensor that is multiplied or added.  One that
 * decides a mask or a choice stays as it is. */
static clade_status absolute(struct verify_mirror *to,
                             const struct verify_mirror *m, int role)
{
    struct clade_tensor *t = &to->op.t[role];
    const size_t bytes = verify_span(t);
    clade_status st = verify_room(&to->copy[role], bytes);
    const float *from = st ? NULL : verify_image(&m->op.t[role]);
    float *v = to->copy[role].host;

    if (st)
        return st;
    t->buffer = &to->copy[role].wrap.base;
#pragma omp parallel for
    for (size_t i = 0; i < bytes / sizeof(*v); i++)
        v[i] = fabsf(from[i]);
    return CLADE_OK;
}

/* A sum of products: the op itself on absolute values. */
static clade_status of_sum(float *bracket, clade_backend *cpu,
                           const struct verify_mirror *m,
                           struct verify_mirror *scratch, enum clade_role role)
{
    struct clade_op *op = &scratch->op;
    const struct clade_tensor *t = &op->t[role];
    const int64_t n = clade_tensor_elements(&m->op.t[role]);
    clade_status st = CLADE_OK;

    *op = op_alone(&m->op, role);
    if (role == CLADE_Y)
        op->flags &= ~(unsigned)CLADE_RELU;
    for (int r = 0; r < CLADE_ROLES && !st; r++)
        if (op->t[r].buffer && op->t[r].type == CLADE_F32 &&
            !verify_masks(op->kind, r))
            st = absolute(scratch, m, r);
    if (!st)
        st = clade_backend_choose(cpu, op, NULL);
    if (!st)
        st = backend_run_once(cpu, op);
    if (st)
        return st;
#pragma omp parallel for
    for (int64_t i = 0; i < n; i++)
        bracket[i] = verify_get(verify_image(t), t, i);
    return CLADE_OK;
}

/* Small outputs: ask the oracle. */
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

/* The brackets of transformed products. */
static clade_status of_transform(float *bracket, const struct verify_mirror *m,
                                 enum clade_role role)
{
    const struct verify_oracle all = {
        .role = role, .count = clade_tensor_elements(&m->op.t[role])
    };
    struct verify_bracket *list = malloc(all.count * sizeof(*list));
    clade_status st;

    if (!list)
        return clade_fail(CLADE_ENOMEM, "noise: no memory for brackets");
    st = winograd_brackets(list, &m->op, &all, true);
    for (int64_t i = 0; i < all.count && !st; i++)
        bracket[i] = list[i].s;
    free(list);
    return st;
}

clade_status noise_bracket(float **bracket, clade_backend *cpu,
                           const struct verify_mirror *m,
                           struct verify_mirror *scratch, enum clade_role role)
{
    const struct clade_op alone = op_alone(&m->op, role);
    const struct verify_kind *kind = verify_kind(alone.kind);
    const int64_t n = clade_tensor_elements(&alone.t[role]);
    float *s = malloc(n * sizeof(*s));
    clade_status st = CLADE_OK;

    if (!s)
        return clade_fail(CLADE_ENOMEM, "noise: no memory for %lld brackets",
                          (long long)n);
    if (verify_transforms(&alone))
        st = of_transform(s, m, role);
    else if (kind->bracket)
        kind->bracket(s, &alone, role);
    else if (verify_is_sum(alone.kind))
        st = of_sum(s, cpu, m, scratch, role);
    else
        st = of_oracle(s, m, role);
    if (st)
        free(s);
    else
        *bracket = s;
    return st;
}

/* Ask for all elements of a small output, or for random samples. */
static clade_status sample(struct verify_oracle *o, const struct clade_op *op,
                           enum clade_role role)
{
    const int64_t n = clade_tensor_elements(&op->t[role]);
    const int64_t count = n < SAMPLES ? n : SAMPLES;
    int64_t *index = malloc(count * sizeof(*index));

    if (!index)
        return clade_fail(CLADE_ENOMEM, "noise: no memory for indices");
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t ctr[4] = { i, 0, 0, (uint32_t)n };
        uint32_t word[4];

        rng_philox(word, ctr, SEED);
        index[i] = n <= SAMPLES
                       ? i
                       : (int64_t)(((uint64_t)word[1] << 32 | word[0]) % n);
    }
    return verify_oracle_at(o, op, role, index, count);
}

/* Add up what the samples show, with each kind of bracket. */
static struct noise_sigma sigma_of(const struct verify_oracle *o,
                                   const struct verify_bracket *brackets,
                                   const struct verify_mirror *m,
                                   const float *got)
{
    const struct verify_kind *kind = verify_kind(m->op.kind);
    const struct clade_tensor *t = &m->op.t[o->role];
    const bool masked = m->op.flags & CLADE_RELU && o->role == CLADE_DX;
    struct noise_sigma squares = { 0, 0 };
    int64_t counted = 0;

    for (int64_t i = 0; i < o->count; i++) {
        const struct cpu_exact *e = &o->exact[i];
        const double error = verify_get(got, t, o->index[i]) - e->y;
        const double more =
            kind->beyond ? kind->beyond(&m->op, o->role, o->index[i]) : 0;

        if (e->s + more == 0 || (masked && e->y == 0))
            continue;
        squares.own += pow(error / (brackets[i].s + more), 2);
        squares.direct += pow(error / (e->s + more), 2);
        counted++;
    }
    counted += !counted;
    return (struct noise_sigma){ sqrt(squares.own / counted),
                                 sqrt(squares.direct / counted) };
}

clade_status noise_rms(struct noise_sigma *sigma, const struct verify_mirror *m,
                       enum clade_role role, const float *got)
{
    struct verify_bracket *brackets;
    struct verify_oracle o;
    clade_status st = sample(&o, &m->op, role);

    if (st)
        return st;
    st = verify_brackets_new(&brackets, &m->op, &o, true);
    if (!st) {
        *sigma = sigma_of(&o, brackets, m, got);
        free(brackets);
    }
    verify_oracle_free(&o);
    if (st || (isfinite(sigma->own) && isfinite(sigma->direct)))
        return st;
    return clade_fail(CLADE_EDIVERGED,
                      "%s: its error can't be measured: values that are "
                      "no numbers",
                      op_describe(&m->op));
}
