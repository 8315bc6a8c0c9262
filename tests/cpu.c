/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference must agree with its oracle, which has loops of its own: for
 * every output of every kind of op, in both precisions, with every flag.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "opmaker.h"
#include "tap.h"
#include "verify/verify.h"

static clade_backend *backends[2]; /* cpu, cpu64 */

static void run(clade_backend *be, const struct clade_op *op)
{
    if (backend_run_once(be, op))
        tap_bail("%s: %s", clade_op_name(op->kind), clade_error());
}

static void *copied(const void *from, size_t size)
{
    void *to = malloc(size);

    if (!to)
        tap_bail("out of memory");
    return memcpy(to, from, size);
}

/* The error allowed: one rounding to float32, and a little for a sum of n
 * products in double. */
static double bound(const struct clade_op *op, enum clade_role role,
                    struct cpu_exact e)
{
    const bool once = op->t[role].type == CLADE_F32;
    const double u = 0x1.00001p-24;

    if (op->t[role].type == CLADE_U8)
        return 0;
    return (once ? u * fabs(e.y) + 0x1p-150 : 0) +
           (double)(e.n + 4) * 0x1p-52 * e.s +
           (once && op->kind == CLADE_SGD && role == CLADE_W ? u * e.s : 0);
}

/* Do two answers of the oracle agree? */
static bool same_exact(struct cpu_exact a, struct cpu_exact b)
{
    const double eps = 1e-12 * (a.s + 1e-300);

    return a.n == b.n && fabs(a.y - b.y) <= eps && fabs(a.s - b.s) <= eps &&
           fabs(a.flush - b.flush) <= eps;
}

/* What the oracle expects of an output; made before the op runs. */
struct expected {
    int64_t count;
    double *old;
    struct cpu_exact *exact;
    char *memory; /* a copy of the whole buffer */
};

static struct expected expect(const struct clade_op *op, enum clade_role role)
{
    const struct clade_tensor *t = &op->t[role];
    const int64_t count = clade_tensor_elements(t);
    const struct cpu_buffer *b = (const struct cpu_buffer *)t->buffer;
    struct expected e = { .count = count,
                          .old = malloc((size_t)count * sizeof(*e.old)),
                          .exact = malloc((size_t)count * sizeof(*e.exact)),
                          .memory = copied(b->host, b->base.bytes) };

    if (!e.old || !e.exact)
        tap_bail("out of memory");
    for (int64_t i = 0; i < count; i++)
        e.old[i] = get(t, clade_tensor_element(t, i));
    cpu_exact_rows(e.exact, op, role, 0, clade_tensor_pixels(t), e.old);
    return e;
}

static void forget(struct expected *e)
{
    free(e->old);
    free(e->exact);
    free(e->memory);
}

/* Does the oracle say the same by element, by list and by row? */
static bool oracles_agree(const struct clade_op *op, enum clade_role role,
                          const struct expected *e)
{
    int64_t *indices = malloc((size_t)e->count * sizeof(*indices));
    struct cpu_exact *many = malloc((size_t)e->count * sizeof(*many));
    bool good = true;

    if (!indices || !many)
        tap_bail("out of memory");
    for (int64_t i = 0; i < e->count; i++)
        indices[i] = i;
    cpu_at_many(many, op, role, indices, e->count, e->old);
    for (int64_t i = 0; i < e->count && good; i++) {
        const struct cpu_exact one = cpu_at(op, role, i, e->old[i]);

        good = same_exact(one, e->exact[i]) && same_exact(one, many[i]);
        if (!good)
            tap_note("oracles of %s[%lld]: %.17g of %.17g, by row %.17g of "
                     "%.17g",
                     clade_role_name(role), (long long)i, one.y, one.s,
                     e->exact[i].y, e->exact[i].s);
    }
    free(indices);
    free(many);
    return good;
}

/* Did the elements before the tensor and between its pixels keep their values?
 */
static bool gaps_kept(const struct clade_tensor *t, const struct expected *e)
{
    const struct cpu_buffer *b = (const struct cpu_buffer *)t->buffer;
    const size_t size = clade_type_size(t->type);

    for (int64_t i = 0; i < (int64_t)(b->base.bytes / size); i++) {
        const bool gap = i < t->offset || (i - t->offset) % t->ld >= t->c;

        if (gap && memcmp((char *)b->host + i * (int64_t)size,
                          e->memory + i * (int64_t)size, size)) {
            tap_note("element %lld, outside the tensor, was written",
                     (long long)i);
            return false;
        }
    }
    return true;
}

static bool within_bounds(const struct clade_op *op, enum clade_role role,
                          const struct expected *e)
{
    const struct clade_tensor *t = &op->t[role];

    for (int64_t i = 0; i < e->count; i++) {
        const double got = get(t, clade_tensor_element(t, i));
        const double error = fabs(got - e->exact[i].y);

        if (!(error <= bound(op, role, e->exact[i]))) {
            tap_note("%s[%lld] of type %d, flags %u: got %.17g, want %.17g",
                     clade_role_name(role), (long long)i, (int)t->type,
                     op->flags, got, e->exact[i].y);
            return false;
        }
    }
    return true;
}

static bool agrees(clade_backend *be, enum clade_op_kind kind,
                   const struct shape *s, unsigned flags)
{
    const struct clade_op op = make_op(be, kind, s, flags, NULL);
    struct expected e[CLADE_ROLES] = { 0 };
    bool good = true;

    for (enum clade_role r = 0; r < CLADE_ROLES; r++) {
        if (verify_writes(&op, r)) {
            e[r] = expect(&op, r);
            good = oracles_agree(&op, r, &e[r]) && good;
        }
    }
    run(be, &op);
    for (enum clade_role r = 0; r < CLADE_ROLES; r++) {
        if (verify_writes(&op, r))
            good = within_bounds(&op, r, &e[r]) && gaps_kept(&op.t[r], &e[r]) &&
                   good;
        forget(&e[r]);
    }
    forget_ops(be);
    return good;
}

static void test_oracle(enum clade_op_kind kind, const struct shape *s)
{
    const unsigned possible = verify_kind(kind)->flags;
    bool good = true;

    for (unsigned flags = 0; flags <= possible; flags++)
        for (int i = 0; i < 2; i++)
            if (!(flags & ~possible))
                good = agrees(backends[i], kind, s, flags) && good;
    tap_ok(good, "%s: %s: both precisions match the oracle",
           clade_op_name(kind), s->why);
}

int main(void)
{
    const int all = CLADE_OP_KINDS * n_shapes;
    int tests = 0;

    if (clade_backend_open(&backends[0], "cpu") ||
        clade_backend_open(&backends[1], "cpu64"))
        tap_bail("%s", clade_error());
    for (int i = 0; i < all; i++)
        tests += fits(i / n_shapes, &shapes[i % n_shapes]);
    tap_plan(tests);
    for (int i = 0; i < all; i++)
        if (fits(i / n_shapes, &shapes[i % n_shapes]))
            test_oracle(i / n_shapes, &shapes[i % n_shapes]);
    clade_backend_close(backends[0]);
    clade_backend_close(backends[1]);
    return tap_done();
}
