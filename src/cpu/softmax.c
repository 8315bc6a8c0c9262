/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"

/* The largest of K logits, and the sum over j of exp(x[j] - max), which is NaN
 * if a logit is NaN.  exp and log are computed in double in both precisions. */
struct softmax {
    double max, sum;
};

static struct softmax softmax(const real *x, int K)
{
    struct softmax s = { .max = x[0] };

    for (int k = 1; k < K; k++)
        if (x[k] > s.max)
            s.max = x[k];
    for (int k = 0; k < K; k++)
        s.sum += exp(x[k] - s.max);
    return s;
}

/* The sum over j of p[j] * |x[j] - max|.  It says how much the rounding of
 * x[j] - max changes a probability. */
static double spread(const real *x, int K, struct softmax s)
{
    double sum = 0;

    for (int k = 0; k < K; k++) {
        const double p = exp(x[k] - s.max) / s.sum;

        if (p > 0)
            sum += p * (s.max - x[k]);
    }
    return sum;
}

static const real *row(const struct clade_tensor *t, int n)
{
    return reals(t) + (int64_t)n * t->ld;
}

static void softmax_fwd(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];

    (void)scratch;
    for (int n = 0; n < y->n; n++) {
        const real *x = row(&op->t[CLADE_X], n);
        const struct softmax s = softmax(x, y->c);
        real *to = reals(y) + (int64_t)n * y->ld;

        for (int k = 0; k < y->c; k++)
            to[k] = (real)(exp(x[k] - s.max) / s.sum);
    }
}

/* s is y * (|x-m| + sum of y|x-m| + K + 17), where m is the largest logit. */
static struct cpu_exact softmax_fwd_at(const struct clade_op *op,
                                       struct cpu_query ask)
{
    const int K = op->t[CLADE_Y].c;
    const real *x = row(&op->t[CLADE_X], (int)(ask.i / K));
    const struct softmax s = softmax(x, K);
    const double below = s.max - x[ask.i % K];
    struct cpu_exact e = { .y = exp(-below) / s.sum, .n = K };

    if (e.y > 0)
        e.s = e.y * (below + spread(x, K, s) + K + 17);
    return e;
}

/* The index of the largest logit, the first of equals; or of the first NaN. */
static int argmax(const real *x, int K, bool flush)
{
    double most = taken(x[0], flush);
    int best = 0;

    for (int k = 1; k < K; k++) {
        const double v = taken(x[k], flush);

        if (v > most || (isnan(v) && !isnan(most))) {
            most = v;
            best = k;
        }
    }
    return best;
}

static double cross_entropy(const real *x, int K, int label)
{
    const struct softmax s = softmax(x, K);

    if (label >= K)
        return NAN;
    return log(s.sum) - (x[label] - s.max);
}

static void loss_fwd(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *loss = &op->t[CLADE_LOSS];
    const struct clade_tensor *hit = &op->t[CLADE_HIT];
    const struct clade_tensor *label = &op->t[CLADE_LABEL];

    (void)scratch;
    for (int64_t n = 0; n < x->n; n++) {
        const real *logits = row(x, (int)n);
        const int right = bytes(label)[n * label->ld];

        reals(loss)[n * loss->ld] = (real)cross_entropy(logits, x->c, right);
        bytes(hit)[n * hit->ld] = argmax(logits, x->c, false) == right;
    }
}

/* For the loss, where p are the probabilities and m is the largest logit, s is
 * sum of p|x-m| + K + 6 + 7 log(sum of exp(x-m)) + 2|x[label]-m|. */
static struct cpu_exact loss_fwd_at(const struct clade_op *op,
                                    struct cpu_query ask)
{
    const int K = op->t[CLADE_X].c;
    const real *x = row(&op->t[CLADE_X], (int)ask.i);
    const int label = bytes(&op->t[CLADE_LABEL])[ask.i * op->t[CLADE_LABEL].ld];
    const struct softmax s = softmax(x, K);
    struct cpu_exact e = { .y = cross_entropy(x, K, label), .n = K };

    if (ask.role == CLADE_HIT)
        return exact_choice(argmax(x, K, false) == label,
                            argmax(x, K, true) == label);
    if (label < K)
        e.s = spread(x, K, s) + K + 6 + 7 * log(s.sum) + 2 * (s.max - x[label]);
    return e;
}

/* Element i of dx[n,k] = (y[n,k] - (k == label[n])) * float32(weight/batch). */
static double logit_gradient(const struct clade_op *op, int64_t i)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *label = &op->t[CLADE_LABEL];
    const int k = (int)(i % y->c);
    const int64_t n = i / y->c;
    const double right = bytes(label)[n * label->ld] == k;
    const float scale = op->scalar / (float)op->step->batch;

    return (row(y, (int)n)[k] - right) * scale;
}

static void loss_bwd(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];

    (void)scratch;
    for (int64_t i = 0; i < clade_tensor_elements(dx); i++)
        reals(dx)[i / dx->c * dx->ld + i % dx->c] = (real)logit_gradient(op, i);
}

static struct cpu_exact loss_bwd_at(const struct clade_op *op,
                                    struct cpu_query ask)
{
    return exact_value(logit_gradient(op, ask.i));
}

const struct cpu_kind REAL_NAME(softmax_fwd) = { .run = softmax_fwd,
                                                 .at = softmax_fwd_at };
const struct cpu_kind REAL_NAME(loss_fwd) = { .run = loss_fwd,
                                              .at = loss_fwd_at };
const struct cpu_kind REAL_NAME(loss_bwd) = { .run = loss_bwd,
                                              .at = loss_bwd_at,
                                              .roundings = 2 };
