/* SPDX-License-Identifier: Apache-2.0 */
/* The exact values that outputs are compared with. */
#include "verify/judge.h"

#include <math.h>
#include <stdlib.h>

#include "op/op.h"
#include "rng.h"
#include "status.h"
#include "verify/host.h"
#include "verify/winograd.h"

#define SAMPLES      4096 /* anywhere */
#define EDGES        512  /* elements with two coordinates at an end */
#define TILES        512  /* elements at corners of tiles */
#define TILE         7    /* a tile's side; it divides GoogLeNet's sides */
#define SHUFFLE      2654435761u /* a prime: multiples give every remainder */
#define CORNERS      16
#define SAMPLED      (CORNERS + EDGES + TILES + SAMPLES)
#define ELEMENTS_MAX (1 << 22) /* exact values kept at once */
#define ORACLE_SEED  20160706u /* arbitrary, fixed */

/* The most that error over bracket may be, in units of u.  Correct direct sums
 * have 0.3 to 0.5, correct F(4x4,3x3) of many terms 0.01 to 0.03. */
#define RMS_DIRECT      2
#define RMS_TRANSFORMED 0.1
#define RMS_MANY        16

static int64_t index_of(const struct clade_tensor *t, const int64_t at[4])
{
    return ((at[0] * t->h + at[1]) * t->w + at[2]) * t->c + at[3];
}

/* The k-th tile end along an axis: first and last place of each tile, in
 * order. */
static int64_t tile_end(int64_t extent, int64_t k)
{
    const int64_t end = (k / 2 + 1) * TILE;

    return k % 2 ? (end < extent ? end : extent) - 1 : k / 2 * TILE;
}

/* Move an element to a corner of a tile of its image, the `s`-th in a shuffled
 * order. */
static void to_tile(int64_t at[4], const struct clade_tensor *t, uint32_t s)
{
    const int64_t down = 2 * ((t->h + TILE - 1) / TILE);
    const int64_t across = 2 * ((t->w + TILE - 1) / TILE);
    const int64_t corner = (int64_t)s * SHUFFLE % (down * across);

    at[1] = tile_end(t->h, corner / across);
    at[2] = tile_end(t->w, corner % across);
}

/* Choose sample `s`: first the corners, then elements of edges, then corners of
 * tiles, then any elements. */
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
    if (s >= CORNERS + EDGES && s < CORNERS + EDGES + TILES)
        to_tile(at, t, s);
    return index_of(t, at);
}

/* Get the old values of an output that is added to; *old is NULL if it is
 * overwritten. */
static clade_status old_values(double **old, const struct clade_op *op,
                               const struct verify_oracle *o)
{
    const struct clade_tensor *t = &op->t[o->role];

    *old = NULL;
    if (!(op->flags & CLADE_ACCUMULATE) || o->role != CLADE_DX)
        return CLADE_OK;
    *old = malloc(o->count * sizeof(**old));
    if (!*old)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for old values");
    for (int64_t i = 0; i < o->count; i++)
        (*old)[i] = verify_get(verify_image(t), t, verify_oracle_element(o, i));
    return CLADE_OK;
}

/* Ask the oracle for the elements that `o` names. */
static clade_status ask(struct verify_oracle *o, const struct clade_op *op)
{
    const int c = op->t[o->role].c;
    double *old = NULL;
    clade_status st = CLADE_OK;

    o->exact = malloc(o->count * sizeof(*o->exact));
    if (!o->exact)
        st = clade_fail(CLADE_ENOMEM, "verify: no memory for %lld values",
                        (long long)o->count);
    if (!st)
        st = old_values(&old, op, o);
    if (!st && o->index)
        cpu_at_many(o->exact, op, o->role, o->index, o->count, old);
    else if (!st)
        cpu_exact_rows(o->exact, op, o->role, o->first / c, o->count / c, old);
    free(old);
    if (st)
        verify_oracle_free(o);
    return st;
}

clade_status verify_oracle_new(struct verify_oracle *oracle,
                               const struct clade_op *op, enum clade_role role,
                               double products)
{
    const struct clade_tensor *t = &op->t[role];
    const int64_t all = clade_tensor_elements(t);
    int64_t *index;

    if (all <= SAMPLED ||
        (all <= ELEMENTS_MAX && clade_op_flops(op) <= 2 * products))
        return verify_oracle_rows(oracle, op, role, 0, clade_tensor_pixels(t));
    index = malloc(SAMPLED * sizeof(*index));
    if (!index)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for indices");
    for (uint32_t i = 0; i < SAMPLED; i++)
        index[i] = sample(t, i);
    return verify_oracle_at(oracle, op, role, index, SAMPLED);
}

clade_status verify_oracle_rows(struct verify_oracle *oracle,
                                const struct clade_op *op, enum clade_role role,
                                int64_t first, int64_t pixels)
{
    const int c = op->t[role].c;

    *oracle = (struct verify_oracle){ .role = role,
                                      .first = first * c,
                                      .count = pixels * c };
    return ask(oracle, op);
}

clade_status verify_oracle_at(struct verify_oracle *oracle,
                              const struct clade_op *op, enum clade_role role,
                              int64_t *index, int64_t count)
{
    *oracle =
        (struct verify_oracle){ .role = role, .count = count, .index = index };
    return ask(oracle, op);
}

/* ---- brackets ------------------------------------------------------------ */

/* A direct sum's bracket is the sum itself, without signs. */
static struct verify_bracket direct_bracket(const struct cpu_exact *exact,
                                            bool denormals)
{
    return (struct verify_bracket){ .s = exact->s,
                                    .peak = exact->s,
                                    .tau = bound_underflow(exact, denormals),
                                    .unit = 1 };
}

/* Where an Inf or a NaN reaches an element that has none among its operands,
 * the device need not let it: then the direct sum is what it may be. */
static void set_spread(struct verify_bracket *b, const struct cpu_exact *exact,
                       bool denormals)
{
    *b = direct_bracket(exact, denormals);
    b->peak = INFINITY;
}

clade_status verify_brackets_new(struct verify_bracket **brackets,
                                 const struct clade_op *op,
                                 const struct verify_oracle *oracle,
                                 bool denormals)
{
    const struct clade_op alone = op_alone(op, oracle->role);
    const bool transforms = verify_transforms(&alone);
    struct verify_bracket *list = calloc(oracle->count + 1, sizeof(*list));
    clade_status st = CLADE_OK;

    if (!list)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for brackets");
    if (transforms)
        st = winograd_brackets(list, op, oracle, denormals);
    for (int64_t i = 0; i < oracle->count && !st; i++) {
        if (!transforms)
            list[i] = direct_bracket(&oracle->exact[i], denormals);
        else if (!isfinite(list[i].s))
            set_spread(&list[i], &oracle->exact[i], denormals);
    }
    if (st)
        free(list);
    else
        *brackets = list;
    return st;
}

/* Roundings average out in long sums.  In a transformed sum of few terms they
 * do less than in others. */
struct verify_limits verify_limits(const struct clade_op *op)
{
    const struct verify_transform *how = &verify_kind(op->kind)->transform;
    double few;

    if (!verify_transforms(op))
        return (struct verify_limits){ RMS_DIRECT, INFINITY };
    few = RMS_MANY / (double)winograd_terms(op);
    return (struct verify_limits){ RMS_TRANSFORMED * sqrt(fmax(few, 1)),
                                   how->relative };
}

struct verify_bracket verify_largest_bracket(const struct clade_op *op,
                                             int64_t products, bool denormals)
{
    const struct cpu_exact exact = { .s = (double)products + 1, .n = products };

    return verify_transforms(op) ? winograd_largest(op)
                                 : direct_bracket(&exact, denormals);
}

/* ---- trust --------------------------------------------------------------- */

/* Whether this thread turns a subnormal into 0: the result of a product, or one
 * in memory. */
static bool flushes(void)
{
    const volatile float smallest = 0x1p-126f, subnormal = 0x1p-149f;
    const volatile float half = smallest * 0.5f;
    const volatile double read = subnormal;

    return half == 0 || read == 0;
}

clade_status verify_trust_host(void)
{
    int flushing = 0;

#pragma omp parallel reduction(+ : flushing)
    flushing += flushes();
    if (flushing)
        return clade_fail(CLADE_EMISTRUSTED,
                          "verify: this host's CPU takes subnormal floats for "
                          "0, so it cannot compute exact values: is a library "
                          "loaded that was built with -ffast-math?");
    return CLADE_OK;
}

clade_status verify_can_judge(const clade_backend *be)
{
    const struct clade_device *d = clade_backend_device(be);

    if (clade_backend_real(be) != CLADE_F32)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "verify: %s stores double, as the judge does: only "
                          "single precision is judged",
                          d->selector);
    if (d->embedded)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "verify: %s is of the embedded profile, whose "
                          "arithmetic may be coarser than the bounds: only the "
                          "full profile is judged",
                          d->selector);
    return verify_trust_host();
}

clade_status verify_interrupted(bool (*stop)(void *arg), void *arg)
{
    return stop && stop(arg) ? clade_fail(CLADE_EINTERRUPTED, "interrupted")
                             : CLADE_OK;
}

void verify_oracle_free(struct verify_oracle *oracle)
{
    free(oracle->index);
    free(oracle->exact);
    *oracle = (struct verify_oracle){ .index = NULL };
}
