/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge: outputs against the oracle's values.  Every verdict has the form
 * !(error <= bound), so that a NaN anywhere fails.
 */
#include "verify/verify.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "status.h"

#define U         0x1p-24
#define RMS_LIMIT 2  /* in units of u */
#define RMS_LEAST 64 /* elements that make an RMS */

/* Elements whose exact values are kept at a time, where there may be more. */
#define PIECE (1 << 20)

/* What the elements of one output come to. */
struct tally {
    double error; /* the largest */
    double score; /* the worst element's, which has these values */
    double got, want;
    int64_t worst; /* its flat index; -1: none yet */
    int64_t count, wrong;
    double squares; /* of error over bracket */
    int64_t scaled; /* elements with a bracket */
    int64_t nonzero_got, nonzero_want;
    bool no_bound, not_exact;
};
static const struct tally nothing = { .worst = -1 };

void verify_begin(struct clade_verdict *v, const struct clade_op *op)
{
    *v = (struct clade_verdict){ .op = clade_op_name(op->kind),
                                 .algorithm = op->choice.algorithm,
                                 .depth = op->depth };
}

void verify_blame(struct clade_verdict *v, enum clade_outcome outcome,
                  const char *fmt, ...)
{
    va_list args;

    if (v->outcome == CLADE_MISTRUSTED ||
        (v->outcome == CLADE_FAILED && outcome != CLADE_MISTRUSTED))
        return;
    v->outcome = outcome;
    va_start(args, fmt);
    vsnprintf(v->message, sizeof(v->message), fmt, args);
    va_end(args);
}

/* A device that flushes may have made 0 of a subnormal, whether it read or
 * wrote it, and chosen accordingly. */
static bool same_bits(const struct verify_judge *j, const struct cpu_exact *e,
                      enum clade_role role, float got)
{
    const float want = (float)e->y;

    if (isnan(want))
        return isnan(got);
    if (got == want)
        return true;
    if (j->denormals)
        return false;
    if (role == CLADE_ARG || role == CLADE_HIT)
        return got == e->s;
    return got == 0 && (fabsf(want) < 0x1p-126f || e->flush > 0);
}

/* An element's value, whatever its type. */
static float value_of(const struct clade_tensor *t, const void *image,
                      int64_t i)
{
    const int64_t at = clade_tensor_element(t, i);

    return t->type == CLADE_U8 ? ((const uint8_t *)image)[at]
                               : ((const float *)image)[at];
}

static bool has_relu(const struct clade_op *op, enum clade_role role)
{
    return role == CLADE_Y && op->flags & CLADE_RELU;
}

/*
 * What a ReLU or its mask leaves no room for, however large the bound is: a
 * value below 0, and any but 0 where the mask is 0.  Returns whether this
 * settles the element.
 */
static bool judge_relu(bool *passed, const struct clade_op *op,
                       enum clade_role role, int64_t at, float got)
{
    const struct clade_tensor *x = &op->t[CLADE_X];

    *passed = false;
    if (has_relu(op, role))
        return got < 0;
    if (role != CLADE_DX || !(op->flags & CLADE_RELU) ||
        value_of(x, ((struct cpu_buffer *)x->buffer)->host, at) > 0)
        return false;
    *passed = got == 0;
    return true;
}

/*
 * What may become of a sum whose bracket reaches FLT_MAX, though y itself is a
 * float: some order of adding passes it, hence +Inf or -Inf, and NaN where
 * parts of both signs did.  A ReLU, t < 0 ? 0 : t, keeps +Inf and NaN and
 * makes 0 of -Inf, so that behind one 0 passes.
 */
static bool overflowed(const struct verify_judge *j, const struct cpu_exact *e,
                       enum clade_role role, float got)
{
    if (e->s < verify_overflow(j->op))
        return false;
    return !isfinite(got) || (has_relu(j->op, role) && got == 0);
}

/* Whether a window of `extent` places, the first of which is at `first`, ends
 * outside of an image. */
static bool sticks_out(int first, int extent, int image)
{
    return first < 0 || first + extent > image;
}

/* Whether some window reads place (r,s) of a filter's gradient from outside of
 * the image: the first one, or the last. */
static bool place_meets_padding(const struct clade_op *op, int64_t i)
{
    const struct clade_window *win = &op->window;
    const struct clade_tensor *dw = &op->t[CLADE_DW], *x = &op->t[CLADE_X];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const int s = i / dw->c / dw->w % dw->h, r = i / dw->c / dw->w / dw->h;

    return sticks_out(r - win->top, (dy->h - 1) * win->stride + 1, x->h) ||
           sticks_out(s - win->left, (dy->w - 1) * win->stride + 1, x->w);
}

/* Whether the window of an element of y or dx reaches past the image that it
 * is read from; with a stride dx has zeros between its rows, too. */
static bool window_meets_padding(const struct clade_op *op,
                                 enum clade_role role, int64_t i)
{
    const struct clade_window *win = &op->window;
    const struct clade_tensor *to = &op->t[role];
    const bool forward = op->kind == CLADE_CONV_FWD;
    const struct clade_tensor *from = &op->t[forward ? CLADE_X : CLADE_DY];
    const int w = i / to->c % to->w, h = i / to->c / to->w % to->h;
    const int top =
        forward ? h * win->stride - win->top : h + win->top - win->r + 1;
    const int left =
        forward ? w * win->stride - win->left : w + win->left - win->s + 1;

    return (!forward && win->stride > 1) || sticks_out(top, win->r, from->h) ||
           sticks_out(left, win->s, from->w);
}

static bool meets_padding(const struct clade_op *op, enum clade_role role,
                          int64_t i)
{
    return role == CLADE_DW ? place_meets_padding(op, i)
                            : window_meets_padding(op, role, i);
}

/*
 * Values that are no numbers, by class.  Zeros that pad may have met an Inf.
 * Returns whether this settles the element.
 */
static bool judge_class(bool *passed, const struct verify_judge *j,
                        const struct cpu_exact *e, enum clade_role role,
                        int64_t at, float got)
{
    if (isnan(got) && j->nan_at_padding && meets_padding(j->op, role, at)) {
        *passed = true;
        return true;
    }
    if (isfinite(e->y) && isfinite(e->s)) {
        *passed = overflowed(j, e, role, got);
        return *passed;
    }
    /* An Inf in the sum that a ReLU made 0 leaves y finite. */
    *passed = isnan(e->y) ? isnan(got) : got == e->y;
    return true;
}

/* The error over its bound: 0 or infinite where there is no room. */
static double score_of(struct tally *t, const struct verify_judge *j,
                       const struct cpu_exact *e, enum clade_role role,
                       int64_t at, float got, bool exact)
{
    const double error = fabs(got - e->y);
    double bound;
    bool passed;

    if (judge_relu(&passed, j->op, role, at, got))
        return passed ? 0 : INFINITY;
    if (!exact && judge_class(&passed, j, e, role, at, got))
        return passed ? 0 : INFINITY;
    if (exact)
        return same_bits(j, e, role, got) ? 0 : INFINITY;
    bound = verify_bound(j->op, role, e, j->denormals);
    if (j->gate == GATE_RANDOM && verify_is_sum(j->op->kind))
        bound = fmin(bound, verify_alarm(j->op, e, j->denormals));
    if (e->s == 0)
        bound = 0; /* nothing was added: no rounding, no underflow */
    if (isnan(bound))
        t->no_bound = true;
    /* What a ReLU made 0 says nothing about the roundings before. */
    if (e->s > 0 && !(has_relu(j->op, role) && e->y == 0)) {
        t->squares += (error / e->s) * (error / e->s);
        t->scaled++;
    }
    if (error == 0)
        return 0;
    return bound > 0 && !isnan(error) ? error / bound : INFINITY;
}

/* Whether an output is compared bit for bit. */
static bool is_exact(const struct verify_judge *j, enum clade_role role)
{
    return verify_is_exact(j->op->kind, role) ||
           (verify_is_sum(j->op->kind) && j->gate == GATE_BITS);
}

static void tally_up(struct tally *t, const struct verify_judge *j,
                     const struct verify_oracle *o, const void *got)
{
    const struct clade_tensor *tensor = &j->op->t[o->role];
    const double most = j->unit * 0x1p24 * (1 + 0x1p-40);
    const bool exact = is_exact(j, o->role);

    t->count += o->count;
    for (int64_t i = 0; i < o->count; i++) {
        const int64_t at = verify_oracle_element(o, i);
        const struct cpu_exact *e = &o->exact[i];
        const float value = value_of(tensor, got, at);
        const double score = score_of(t, j, e, o->role, at, value, exact);
        const double error = score > 0 ? fabs(value - e->y) : 0;

        t->wrong += !(score <= 1);
        t->nonzero_got += value != 0;
        t->nonzero_want += (float)e->y != 0;
        t->not_exact |= exact && j->unit > 0 && !(e->s <= most);
        if (error > t->error || isnan(error))
            t->error = error;
        if (t->worst >= 0 && !(score > t->score))
            continue;
        t->score = score;
        t->worst = at;
        t->got = value;
        t->want = e->y;
    }
}

static void name_element(char *to, size_t size, const struct clade_tensor *t,
                         enum clade_role role, int64_t i)
{
    const int64_t pixel = i / t->c;

    snprintf(to, size, "%s[%d,%d,%d,%d]", clade_role_name(role),
             (int)(pixel / t->w / t->h), (int)(pixel / t->w % t->h),
             (int)(pixel % t->w), (int)(i % t->c));
}

/* Doubts about the judging itself come first. */
static void blame(struct clade_verdict *v, const struct verify_judge *j,
                  enum clade_role output, const struct tally *t, double rms)
{
    const char *role = clade_role_name(output);

    if (!t->count)
        verify_blame(v, CLADE_MISTRUSTED, "%s: no elements", role);
    if (t->no_bound)
        verify_blame(v, CLADE_MISTRUSTED, "%s: a bound is NaN", role);
    if (t->not_exact)
        verify_blame(v, CLADE_MISTRUSTED,
                     "%s: a sum of the exact data passes 2^24", role);
    if (j->unit > 0 && !t->nonzero_got && t->nonzero_want)
        verify_blame(v, CLADE_MISTRUSTED,
                     "%s: all is 0, where the oracle has %lld elements that "
                     "aren't",
                     role, (long long)t->nonzero_want);
    if (t->wrong)
        verify_blame(v, CLADE_FAILED,
                     "%s: %lld of %lld elements judged are wrong", role,
                     (long long)t->wrong, (long long)t->count);
    if (j->gate == GATE_RANDOM && verify_is_sum(j->op->kind) &&
        t->scaled >= RMS_LEAST && !(rms <= RMS_LIMIT))
        verify_blame(v, CLADE_FAILED,
                     "%s: the RMS of error over bracket is %.3g u, past %d u",
                     role, rms, RMS_LIMIT);
}

static void conclude(struct clade_verdict *v, const struct verify_judge *j,
                     enum clade_role role, const struct tally *t)
{
    const struct clade_tensor *tensor = &j->op->t[role];
    const double rms = t->scaled ? sqrt(t->squares / t->scaled) / U : 0;

    v->judged += t->count;
    v->elements += clade_tensor_elements(tensor);
    v->rms = fmax(v->rms, rms);
    if (t->error > v->max_error || isnan(t->error))
        v->max_error = t->error;
    if (t->worst >= 0 && (!v->where[0] || !(t->score <= v->score))) {
        v->score = t->score;
        v->got = t->got;
        v->want = t->want;
        name_element(v->where, sizeof(v->where), tensor, role, t->worst);
    }
    blame(v, j, role, t, rms);
}

void verify_output(struct clade_verdict *v, const struct verify_judge *judge,
                   const struct verify_oracle *oracle, const void *got)
{
    struct tally t = nothing;

    tally_up(&t, judge, oracle, got);
    conclude(v, judge, oracle->role, &t);
}

/* Make a pixel of each of the update's parameters, so that pieces are pixels
 * of theirs, too. */
static void split_pixels(struct clade_op *op)
{
    static const enum clade_role roles[] = { CLADE_W, CLADE_V, CLADE_DW };

    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++) {
        struct clade_tensor *t = &op->t[roles[i]];

        t->w = (int)clade_tensor_elements(t);
        t->n = t->h = t->c = t->ld = 1;
    }
}

clade_status verify_output_whole(struct clade_verdict *v,
                                 const struct verify_judge *judge,
                                 enum clade_role role, const void *got)
{
    struct clade_op op = *judge->op;
    struct verify_judge how = *judge;
    struct verify_oracle o;
    struct tally t = nothing;
    int64_t pixels, piece;

    how.op = &op;
    if (op.kind == CLADE_SGD)
        split_pixels(&op);
    pixels = clade_tensor_pixels(&op.t[role]);
    piece = op.t[role].c < PIECE ? PIECE / op.t[role].c : 1;
    for (int64_t first = 0; first < pixels; first += piece) {
        const int64_t left = pixels - first;
        const clade_status st = verify_oracle_rows(&o, &op, role, first,
                                                   left < piece ? left : piece);

        if (st)
            return st;
        tally_up(&t, &how, &o, got);
        verify_oracle_free(&o);
    }
    conclude(v, &how, role, &t);
    return CLADE_OK;
}

void verify_count(struct clade_verify_summary *summary,
                  const struct clade_verdict *v)
{
    summary->passed += v->outcome == CLADE_PASSED;
    summary->failed += v->outcome == CLADE_FAILED;
    summary->mistrusted += v->outcome == CLADE_MISTRUSTED;
    summary->worst = fmax(summary->worst, v->score);
}

clade_status verify_conclude(const struct clade_verify_summary *s)
{
    const int all = s->passed + s->failed + s->mistrusted;

    if (s->mistrusted || !all)
        return clade_fail(CLADE_EMISTRUSTED,
                          "verify: %d of %d verdicts cannot be trusted",
                          s->mistrusted, all);
    if (s->failed)
        return clade_fail(CLADE_EBOUND,
                          "verify: %d of %d verdicts are failures", s->failed,
                          all);
    return CLADE_OK;
}
