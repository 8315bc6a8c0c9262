/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every backward op of the reference must agree with central differences of its
 * forward op, in double.  The function that is differentiated is
 *
 *     L = sum of dy * forward(relu(t)) + sum of old * relu(t)
 *
 * The sum with `old` is there only if the op accumulates, and relu only if the
 * op has a mask.  So the gradient of L at t is what the op must write.
 */
#include <math.h>

#include "opmaker.h"
#include "tap.h"
#include "verify/verify.h"

struct pair {
    enum clade_op_kind forward, backward;
    enum clade_role input;    /* of the forward op */
    enum clade_role gradient; /* of the backward op */
};

static const struct pair pairs[] = {
    { CLADE_CONV_FWD, CLADE_CONV_BWD_DATA, CLADE_X, CLADE_DX },
    { CLADE_CONV_FWD, CLADE_CONV_BWD_FILTER, CLADE_W, CLADE_DW },
    { CLADE_CONV_FWD, CLADE_CONV_BWD_FILTER, CLADE_B, CLADE_DB },
    { CLADE_CONV_FWD, CLADE_BIAS_BWD, CLADE_B, CLADE_DB },
    { CLADE_MAXPOOL_FWD, CLADE_MAXPOOL_BWD, CLADE_X, CLADE_DX },
    { CLADE_AVGPOOL_FWD, CLADE_AVGPOOL_BWD, CLADE_X, CLADE_DX },
    { CLADE_DROPOUT_FWD, CLADE_DROPOUT_BWD, CLADE_X, CLADE_DX },
    { CLADE_LOSS_FWD, CLADE_LOSS_BWD, CLADE_X, CLADE_DX },
};
enum { N_PAIRS = sizeof(pairs) / sizeof(pairs[0]) };

/* The step of the differences.  With a smaller one, rounding errors dominate; a
 * larger one changes which element is the maximum. */
static const double eps = 0x1p-20;
static const double tolerance = 1e-6;
enum { SAMPLES = 60 };

struct trial {
    clade_backend *be;
    struct clade_op forward, backward;
    struct clade_tensor old; /* dx before; absent if the op does not accumulate
                              */
    enum clade_role input;
};

static void run(clade_backend *be, const struct clade_op *op)
{
    if (backend_run_once(be, op))
        tap_bail("%s: %s", clade_op_name(op->kind), clade_error());
}

/* The sum of a * b; if b is absent, of a times the scale of the loss. */
static double dot(const struct clade_tensor *a, const struct clade_tensor *b)
{
    double sum = 0;

    for (int64_t i = 0; i < clade_tensor_elements(a); i++)
        sum += get(a, clade_tensor_element(a, i)) *
               (b->buffer ? get(b, clade_tensor_element(b, i))
                          : 0.3f / (float)step.batch);
    return sum;
}

static double objective(const struct trial *t)
{
    const struct clade_op *f = &t->forward;
    double sum;

    run(t->be, f);
    sum = dot(&f->t[f->kind == CLADE_LOSS_FWD ? CLADE_LOSS : CLADE_Y],
              &t->backward.t[CLADE_DY]);
    if (t->old.buffer)
        sum += dot(&f->t[t->input], &t->old);
    return sum;
}

/* The larger of two numbers; NaN counts as the largest. */
static double worse(double a, double b)
{
    return isnan(a) || a >= b ? a : b;
}

/* dL/dt at element e of the input, where t has the value `at`. */
static double difference(const struct trial *t, int64_t e, double at)
{
    const struct clade_tensor *x = &t->forward.t[t->input];
    const bool mask = t->backward.flags & CLADE_RELU;
    const double up = at + eps, down = at - eps;
    double rise;

    put(x, e, mask ? fmax(up, 0) : up);
    rise = objective(t);
    put(x, e, mask ? fmax(down, 0) : down);
    rise -= objective(t);
    put(x, e, mask ? fmax(at, 0) : at);
    return rise / (up - down);
}

/* Make both ops.  Where they share a role, they share the tensor; the mask of
 * the backward op is the forward op's x. */
static struct trial set_up(clade_backend *be, const struct pair *p,
                           const struct shape *s, unsigned flags)
{
    const bool conv = p->forward == CLADE_CONV_FWD;
    struct trial t = { .be = be, .input = p->input };
    struct clade_op softmax;

    t.forward = make_op(be, p->forward, s, conv ? CLADE_BIAS : 0, NULL);
    if (p->forward == CLADE_LOSS_FWD) {
        softmax = make_op(be, CLADE_SOFTMAX_FWD, s, 0, &t.forward);
        softmax.t[CLADE_LABEL] = t.forward.t[CLADE_LABEL];
        t.backward = make_op(be, p->backward, s, flags, &softmax);
        run(be, &softmax);
    } else {
        t.backward = make_op(be, p->backward, s, flags, &t.forward);
    }
    if (flags & CLADE_ACCUMULATE)
        t.old = make_op(be, p->backward, s, flags, &t.forward).t[CLADE_DX];
    return t;
}

/* The largest error over at most SAMPLES elements, relative to the tolerance.
 */
static double worst_error(const struct trial *t, enum clade_role role)
{
    const struct clade_tensor *x = &t->forward.t[t->input];
    const struct clade_tensor *dx = &t->backward.t[role];
    const int64_t count = clade_tensor_elements(x);
    const int64_t stride = (count + SAMPLES - 1) / SAMPLES;
    double at[SAMPLES], worst = 0;

    for (int64_t i = 0; i < count; i++) {
        const int64_t e = clade_tensor_element(x, i);

        if (i % stride == 0)
            at[i / stride] = get(x, e);
        if (t->backward.flags & CLADE_RELU)
            put(x, e, fmax(get(x, e), 0));
        if (t->old.buffer)
            put(dx, clade_tensor_element(dx, i),
                get(&t->old, clade_tensor_element(&t->old, i)));
    }
    run(t->be, &t->forward);
    run(t->be, &t->backward);
    for (int64_t i = 0; i < count; i += stride) {
        const double got = get(dx, clade_tensor_element(dx, i));
        const double want =
            difference(t, clade_tensor_element(x, i), at[i / stride]);
        const double error = fabs(got - want) / (tolerance * (1 + fabs(want)));

        if (!(error <= 1))
            tap_note("element %lld: got %.9g, want %.9g by differences",
                     (long long)i, got, want);
        worst = worse(error, worst);
    }
    return worst;
}

static void test_pair(clade_backend *be, const struct pair *p,
                      const struct shape *s)
{
    const unsigned possible = verify_kind(p->backward)->flags;
    double worst = 0;
    int judged = 0;

    for (unsigned flags = 0; flags <= possible; flags++) {
        struct trial t;

        if (flags & ~possible)
            continue;
        t = set_up(be, p, s, flags);
        if (t.backward.t[p->gradient].buffer) {
            const double error = worst_error(&t, p->gradient);

            worst = worse(error, worst);
            judged++;
        }
        forget_ops(be);
    }
    tap_ok(worst <= 1 && judged, "%s: %s: %s: worst %.2g of its tolerance",
           clade_op_name(p->backward), clade_role_name(p->gradient), s->why,
           worst);
}

int main(void)
{
    clade_backend *be;
    int tests = 0;

    if (clade_backend_open(&be, "cpu64"))
        tap_bail("cpu64: %s", clade_error());
    for (int i = 0; i < N_PAIRS * n_shapes; i++)
        tests += fits(pairs[i / n_shapes].forward, &shapes[i % n_shapes]);
    tap_plan(tests);
    for (int i = 0; i < N_PAIRS * n_shapes; i++)
        if (fits(pairs[i / n_shapes].forward, &shapes[i % n_shapes]))
            test_pair(be, &pairs[i / n_shapes], &shapes[i % n_shapes]);
    clade_backend_close(be);
    return tap_done();
}
