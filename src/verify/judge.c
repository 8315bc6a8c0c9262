/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge compares outputs with the oracle's values.  Every test for a
 * failure is !(error <= bound), so that a NaN anywhere fails.
 */
#include "verify/judge.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "op/op.h"
#include "status.h"

#define U         0x1p-24
#define RMS_LEAST 64 /* an RMS of fewer elements is not judged */

/* When every element is judged, how many exact values are kept at a time. */
#define PIECE (1 << 20)

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

/* ---- one element --------------------------------------------------------- */

/* An element, and what the device computed. */
struct element {
    const struct verify_judge *j;
    struct verify_element x;
    int64_t at; /* its flat index */
    float got;
};

/* What a rule decides.  OPEN: nothing, so that the next rule is asked. */
enum rule { OPEN, RIGHT, WRONG };

static enum rule rule_of(bool right)
{
    return right ? RIGHT : WRONG;
}

static bool has_relu(const struct verify_element *x)
{
    return x->role == CLADE_Y && x->op->flags & CLADE_RELU;
}

/* However large the bound is, a value below 0 is wrong after a ReLU, and any
 * value but 0 is wrong where the mask is 0. */
static enum rule by_relu(const struct element *e)
{
    const struct clade_tensor *mask = &e->x.op->t[CLADE_X];

    if (has_relu(&e->x))
        return e->got < 0 ? WRONG : OPEN;
    if (e->x.role != CLADE_DX || !(e->x.op->flags & CLADE_RELU) ||
        verify_get(verify_image(mask), mask, e->at) > 0)
        return OPEN;
    return rule_of(e->got == 0);
}

/* A device that flushes may turn a subnormal into 0, when it reads or writes
 * it, and choose accordingly. */
static enum rule by_bits(const struct element *e)
{
    const struct cpu_exact *exact = e->x.exact;
    const float want = (float)exact->y;
    const bool choice = e->x.op->t[e->x.role].type == CLADE_U8;

    if (isnan(want) || e->got == want || e->x.denormals)
        return rule_of(e->got == want || (isnan(want) && isnan(e->got)));
    if (choice)
        return rule_of(e->got == exact->s);
    return rule_of(e->got == 0 &&
                   (fabsf(want) < 0x1p-126f || exact->flush > 0));
}

/*
 * Whether the value may come from a sum that overflowed, though y itself is a
 * float.  If an intermediate value reaches FLT_MAX, some order of adding gives
 * +Inf or -Inf, or NaN if parts of both signs overflow.  A ReLU, t < 0 ? 0 : t,
 * keeps +Inf and NaN and turns -Inf into 0, so after a ReLU 0 is right, too. An
 * average is scaled after its sum has overflowed.
 */
static bool overflowed(const struct element *e)
{
    const struct clade_op *op = e->x.op;
    const double scale = verify_scale(op->kind, &op->window);

    if (e->x.bracket->peak < FLT_MAX * scale * (1 - bound_gamma(op->depth + 2)))
        return false;
    return !isfinite(e->got) || (has_relu(&e->x) && e->got == 0);
}

static bool meets_padding(const struct clade_op *op, int64_t at)
{
    return verify_kind(op->kind)->meets_padding &&
           verify_kind(op->kind)->meets_padding(op, at);
}

/* Judge Inf and NaN by class.  The padding's zeros may have met an Inf.  If a
 * ReLU turns an infinite sum into 0, y is finite.  In a transform, an Inf
 * becomes several ones of either sign. */
static enum rule by_class(const struct element *e)
{
    const struct cpu_exact *exact = e->x.exact;

    if (isnan(e->got) && e->j->nan_at_padding && meets_padding(e->x.op, e->at))
        return RIGHT;
    if (isfinite(exact->y) && isfinite(exact->s))
        return overflowed(e) ? RIGHT : OPEN;
    if (!isfinite(e->got) && verify_transforms(e->x.op))
        return RIGHT;
    return rule_of(isnan(exact->y) ? isnan(e->got) : e->got == exact->y);
}

static double bound_of(const struct element *e)
{
    const double bound = verify_bound(&e->x);

    if (e->x.bracket->s == 0)
        return 0; /* nothing was added: no rounding, no underflow */
    if (e->j->gate == GATE_RANDOM && verify_is_sum(e->x.op->kind))
        return fmin(bound, bound_alarm(&e->x));
    return bound;
}

/* ---- one output ---------------------------------------------------------- */

/* The results of one output's elements, together. */
struct tally {
    double error; /* the largest */
    double score; /* the worst element's, which has these values */
    double got, want;
    int64_t worst; /* its flat index; -1: none yet */
    int64_t count, wrong;
    double squares;     /* of error over bracket */
    double errors, all; /* squares of the error, of y */
    int64_t scaled;     /* elements with a bracket */
    int64_t nonzero_got, nonzero_want;
    bool no_bound, not_exact;
};
static const struct tally nothing = { .worst = -1 };

/* The error over its bound; if the bound is 0, 0 or infinite. */
static double score_of(struct tally *t, const struct element *e, bool exact)
{
    const double y = e->x.exact->y, error = fabs(e->got - y);
    const double s = e->x.bracket->s;
    enum rule rule = by_relu(e);
    double bound;

    if (rule == OPEN)
        rule = exact ? by_bits(e) : by_class(e);
    if (rule != OPEN)
        return rule == RIGHT ? 0 : INFINITY;
    bound = bound_of(e);
    if (isnan(bound))
        t->no_bound = true;
    /* If a ReLU made y 0, it shows nothing of the roundings before. */
    if (s > 0 && !(has_relu(&e->x) && y == 0)) {
        t->squares += (error / s) * (error / s);
        t->errors += error * error;
        t->all += y * y;
        t->scaled++;
    }
    if (error == 0)
        return 0;
    return bound > 0 && !isnan(error) ? error / bound : INFINITY;
}

static void tally_up(struct tally *t, const struct verify_judge *j,
                     const struct verify_oracle *o,
                     const struct verify_bracket *brackets, const void *got)
{
    const struct clade_tensor *tensor = &j->op->t[o->role];
    const double most = j->unit * 0x1p24 * (1 + 0x1p-40);
    const enum clade_op_kind kind = j->op->kind;
    const bool bits = verify_is_exact(kind, o->role) ||
                      (verify_is_sum(kind) && j->gate == GATE_BITS);

    t->count += o->count;
    for (int64_t i = 0; i < o->count; i++) {
        const int64_t at = verify_oracle_element(o, i);
        const struct cpu_exact *want = &o->exact[i];
        const struct verify_bracket *b = &brackets[i];
        const bool fits = b->s <= most * b->unit;
        const bool exact = bits && (fits || !j->beside);
        const struct element e = { j,
                                   { j->op, o->role, want, b, j->denormals },
                                   at,
                                   verify_get(got, tensor, at) };
        const double score = score_of(t, &e, exact);
        const double error = score > 0 ? fabs(e.got - want->y) : 0;

        t->wrong += !(score <= 1);
        t->nonzero_got += e.got != 0;
        t->nonzero_want += (float)want->y != 0;
        t->not_exact |= exact && j->unit > 0 && !fits;
        if (error > t->error || isnan(error))
            t->error = error;
        if (t->worst >= 0 && !(score > t->score))
            continue;
        t->score = score;
        t->worst = at;
        t->got = e.got;
        t->want = want->y;
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

/* Doubts about the judgement itself come first. */
static void blame(struct clade_verdict *v, const struct verify_judge *j,
                  enum clade_role output, const struct tally *t, double rms)
{
    const char *role = clade_role_name(output);
    const double relative = t->all > 0 ? sqrt(t->errors / t->all) : 0;
    const struct verify_limits limits = verify_limits(j->op);
    const bool whole = j->gate == GATE_RANDOM && verify_is_sum(j->op->kind) &&
                       t->scaled >= RMS_LEAST;

    if (!t->count)
        verify_blame(v, CLADE_MISTRUSTED, "%s: no elements", role);
    if (t->no_bound)
        verify_blame(v, CLADE_MISTRUSTED, "%s: a bound is NaN", role);
    if (t->not_exact)
        verify_blame(v, CLADE_MISTRUSTED,
                     "%s: a sum of the exact data passes 2^24 units", role);
    if (j->unit > 0 && !t->nonzero_got && t->nonzero_want)
        verify_blame(v, CLADE_MISTRUSTED,
                     "%s: all is 0, where the oracle has %lld elements that "
                     "aren't",
                     role, (long long)t->nonzero_want);
    if (t->wrong)
        verify_blame(v, CLADE_FAILED,
                     "%s: %lld of %lld elements judged are wrong", role,
                     (long long)t->wrong, (long long)t->count);
    if (whole && !(rms <= limits.rms))
        verify_blame(v, CLADE_FAILED,
                     "%s: the RMS of error over bracket is %.3g u, past %.3g u",
                     role, rms, limits.rms);
    if (whole && !(relative <= limits.relative))
        verify_blame(v, CLADE_FAILED,
                     "%s: the RMS of the error is %.3g of the RMS of the "
                     "exact values, past %g",
                     role, relative, limits.relative);
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

/* Tally up the oracle's elements, with the brackets of the op's algorithm. */
static clade_status tally_oracle(struct tally *t, const struct verify_judge *j,
                                 const struct verify_oracle *o, const void *got)
{
    struct verify_bracket *brackets;
    clade_status st = verify_brackets_new(&brackets, j->op, o, j->denormals);

    if (st)
        return st;
    tally_up(t, j, o, brackets, got);
    free(brackets);
    return CLADE_OK;
}

clade_status verify_output(struct clade_verdict *v,
                           const struct verify_judge *judge,
                           const struct verify_oracle *oracle, const void *got)
{
    const struct clade_op op = op_alone(judge->op, oracle->role);
    struct verify_judge how = *judge;
    struct tally t = nothing;
    clade_status st;

    how.op = &op;
    st = tally_oracle(&t, &how, oracle, got);
    if (!st)
        conclude(v, &how, oracle->role, &t);
    return st;
}

/* Make each element of the dense tensors a pixel, so that they can be cut into
 * pieces of pixels. */
static void split_pixels(struct clade_op *op)
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        struct clade_tensor *t = &op->t[role];

        if (!t->buffer)
            continue;
        t->w = (int)clade_tensor_elements(t);
        t->n = t->h = t->c = t->ld = 1;
    }
}

/* How many pixels of an output are judged at a time.  Where one operand enters
 * a whole tile, no tile is cut: these are images, or all. */
static int64_t piece_of(const struct clade_op *op, const struct clade_tensor *t)
{
    const int64_t image = (int64_t)t->h * t->w;
    const int64_t piece = t->c < PIECE ? PIECE / t->c : 1;

    if (!verify_transforms(op))
        return piece;
    if (verify_kind(op->kind)->transform.over_tiles)
        return t->n * image;
    return piece < image ? image : piece / image * image;
}

clade_status verify_output_whole(struct clade_verdict *v,
                                 const struct verify_judge *judge,
                                 enum clade_role role, const void *got)
{
    struct clade_op op = op_alone(judge->op, role);
    struct verify_judge how = *judge;
    struct verify_oracle o;
    struct tally t = nothing;
    int64_t pixels, piece;

    how.op = &op;
    if (verify_kind(op.kind)->pointwise)
        split_pixels(&op);
    pixels = clade_tensor_pixels(&op.t[role]);
    piece = piece_of(&op, &op.t[role]);
    for (int64_t first = 0; first < pixels; first += piece) {
        const int64_t left = pixels - first;
        clade_status st = verify_oracle_rows(&o, &op, role, first,
                                             left < piece ? left : piece);

        if (st)
            return st;
        st = tally_oracle(&t, &how, &o, got);
        verify_oracle_free(&o);
        if (st)
            return st;
    }
    conclude(v, &how, role, &t);
    return CLADE_OK;
}

clade_status verify_outputs(struct clade_verdict *v, const struct op_case *c,
                            const struct verify_host *host,
                            const struct verify_oracle oracle[CLADE_ROLES],
                            void *const after[CLADE_ROLES], bool denormals)
{
    struct verify_judge how = {
        .op = &host->op,
        .gate = verify_data_gate(c->data),
        .denormals = denormals,
        .nan_at_padding = c->data == DATA_SPECIAL_B,
    };
    clade_status st = CLADE_OK;

    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        if (!verify_writes(&host->op, role))
            continue;
        how.beside = op_alone(&host->op, role).kind != c->kind;
        if (how.gate == GATE_BITS)
            how.unit = how.beside ? verify_unit_b(c) : verify_unit(c);
        if (op_is_product(c->kind))
            st = verify_output(v, &how, &oracle[role], after[role]);
        else
            st = verify_output_whole(v, &how, role, after[role]);
    }
    return st;
}

/* ---- verdicts ------------------------------------------------------------ */

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

    if (s->failed)
        return clade_fail(CLADE_EBOUND,
                          "verify: %d of %d verdicts are failures", s->failed,
                          all);
    if (s->mistrusted || !all)
        return clade_fail(CLADE_EMISTRUSTED,
                          "verify: %d of %d verdicts cannot be trusted",
                          s->mistrusted, all);
    return CLADE_OK;
}
