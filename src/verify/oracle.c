/* SPDX-License-Identifier: Apache-2.0 */
/* The exact values that outputs are held against. */
#include "verify/verify.h"

#include <stdlib.h>

#include "rng.h"
#include "status.h"

#define SAMPLES      4096 /* anywhere */
#define EDGES        512  /* with two coordinates at an end */
#define CORNERS      16
#define ELEMENTS_MAX (1 << 22) /* whose exact values are kept at once */
#define ORACLE_SEED  20160706u /* arbitrary, fixed */

static int64_t index_of(const struct clade_tensor *t, const int64_t at[4])
{
    return ((at[0] * t->h + at[1]) * t->w + at[2]) * t->c + at[3];
}

/* Sample `s`: a corner, then elements of edges, then any. */
static int64_t sample(const struct clade_tensor *t, uint32_t s)
{
    const int64_t extent[4] = { t->n, t->h, t->w, t->c };
    const uint32_t ctr[2][4] = { { s, 0 }, { s, 1 } };
    uint32_t word[4], axis[4];
    int64_t at[4];

    rng_philox(word, ctr[0], ORACLE_SEED);
    rng_philox(axis, ctr[1], ORACLE_SEED);
    for (int i = 0; i < 4; i++) {
        const bool end = s < CORNERS ||
                         (s < CORNERS + EDGES && (axis[0] % 4 == (uint32_t)i ||
                                                  axis[1] % 4 == (uint32_t)i));
        const bool last = s < CORNERS ? s >> i & 1 : axis[2] >> i & 1;

        at[i] = end ? (last ? extent[i] - 1 : 0)
                    : (int64_t)(word[i] % (uint64_t)extent[i]);
    }
    return index_of(t, at);
}

/* The old values of an output that is added to; NULL in *old where it isn't. */
static clade_status old_values(double **old, const struct clade_op *op,
                               const struct verify_oracle *o)
{
    const struct clade_tensor *t = &op->t[o->role];
    const float *host = ((struct cpu_buffer *)t->buffer)->host;

    *old = NULL;
    if (!(op->flags & CLADE_ACCUMULATE) || o->role != CLADE_DX)
        return CLADE_OK;
    *old = malloc(o->count * sizeof(**old));
    if (!*old)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for old values");
    for (int64_t i = 0; i < o->count; i++)
        (*old)[i] = host[clade_tensor_element(t, verify_oracle_element(o, i))];
    return CLADE_OK;
}

/* The oracle's values for the elements that `o` names. */
static clade_status ask(struct verify_oracle *o, const struct clade_op *op)
{
    const int c = op->t[o->role].c;
    double *old = NULL;
    clade_status st;

    o->exact = malloc(o->count * sizeof(*o->exact));
    if (!o->exact)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %lld values",
                          (long long)o->count);
    st = old_values(&old, op, o);
    if (st)
        return st;
    if (o->index)
        cpu_at_many(o->exact, op, o->role, o->index, o->count, old);
    else
        cpu_exact_rows(o->exact, op, o->role, o->first / c, o->count / c, old);
    free(old);
    return CLADE_OK;
}

/* Which elements: all of them, or samples. */
static clade_status pick(struct verify_oracle *o, const struct clade_op *op,
                         double products)
{
    const struct clade_tensor *t = &op->t[o->role];

    o->count = clade_tensor_elements(t);
    if (o->count <= CORNERS + EDGES + SAMPLES ||
        (o->count <= ELEMENTS_MAX && clade_op_flops(op) <= 2 * products))
        return CLADE_OK;
    o->count = CORNERS + EDGES + SAMPLES;
    o->index = malloc(o->count * sizeof(*o->index));
    if (!o->index)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for indices");
    for (int64_t i = 0; i < o->count; i++)
        o->index[i] = sample(t, (uint32_t)i);
    return CLADE_OK;
}

clade_status verify_oracle_new(struct verify_oracle *oracle,
                               const struct clade_op *op, enum clade_role role,
                               double products)
{
    clade_status st;

    *oracle = (struct verify_oracle){ .role = role };
    st = pick(oracle, op, products);
    if (!st)
        st = ask(oracle, op);
    if (st)
        verify_oracle_free(oracle);
    return st;
}

clade_status verify_oracle_rows(struct verify_oracle *oracle,
                                const struct clade_op *op, enum clade_role role,
                                int64_t first, int64_t pixels)
{
    const int c = op->t[role].c;
    clade_status st;

    *oracle = (struct verify_oracle){ .role = role,
                                      .first = first * c,
                                      .count = pixels * c };
    st = ask(oracle, op);
    if (st)
        verify_oracle_free(oracle);
    return st;
}

int64_t verify_oracle_element(const struct verify_oracle *oracle, int64_t i)
{
    return oracle->index ? oracle->index[i] : oracle->first + i;
}

void verify_oracle_free(struct verify_oracle *oracle)
{
    free(oracle->index);
    free(oracle->exact);
    *oracle = (struct verify_oracle){ .index = NULL };
}
