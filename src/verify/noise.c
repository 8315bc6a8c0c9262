/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/noise.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "status.h"

#define NORMALS      (1 << 20)  /* independent ones, taken from anywhere on */
#define SIGMA_MOST   0x1p-23    /* what is correct, by the RMS bound of an op */
#define BLOCK        (1 << 16)  /* elements that take neighbours of them */
#define MEMORY       (1u << 29) /* of codes, in bytes; about */
#define SEED         0x6e6f697365u
#define TABLE_STREAM 0xffffffffu
#define PI           3.14159265358979323846

enum mode { MEASURE, LEARN, PERTURB };

struct noise {
    clade_backend *be, *cpu;
    const struct plan *plan;
    struct noise_op *ops;
    int steps, slots;
    struct verify_mirror mirror, scratch;
    struct verify_copy out;
    float *normals; /* NORMALS, and BLOCK of the first ones again */
    enum mode mode;
    uint32_t run;
    double scale;
    int step;
};

/*
 * A bracket as one byte: a float's exponent and two bits of its mantissa, so
 * quarters of octaves, of the 64 octaves from 2^-44 to 2^20 (smaller ones are
 * the smallest); 0 is 0.  Noise does not want more.
 */
#define CODE_FIRST ((127 - 44) << 2)

static uint8_t code_of(float s)
{
    uint32_t bits;
    int code;

    if (!(s > 0))
        return 0;
    memcpy(&bits, &s, sizeof(bits));
    code = (int)(bits >> 21) - CODE_FIRST;
    return code < 1 ? 1 : code > 255 ? 255 : code;
}

/* The middle of what has this code. */
static float decode(int code)
{
    const uint32_t bits = (uint32_t)(code + CODE_FIRST) << 21 | 1u << 20;
    float s;

    memcpy(&s, &bits, sizeof(s));
    return code ? s : 0;
}

/* ---- sites --------------------------------------------------------------- */

/* Without gaps a tensor is one row, and can be cut anywhere. */
static struct clade_tensor longest(struct clade_tensor t)
{
    if (t.ld == t.c || clade_tensor_pixels(&t) == 1) {
        t.c = t.ld = (int)clade_tensor_elements(&t);
        t.n = t.h = t.w = 1;
    }
    return t;
}

static clade_status add_sites(struct noise_op *o, const struct noise *n)
{
    const unsigned outputs = clade_op_outputs(o->bare.kind);

    for (int role = 0; role < CLADE_ROLES; role++) {
        struct noise_site *s = &o->site[o->n_sites];

        if (!(outputs & 1u << role) || !o->bare.t[role].buffer ||
            verify_is_exact(o->bare.kind, role))
            continue;
        assert(o->n_sites < NOISE_SITES);
        s->role = role;
        s->t = longest(o->bare.t[role]);
        s->code = calloc(n->slots, sizeof(*s->code));
        if (!s->code)
            return clade_fail(CLADE_ENOMEM, "noise: out of memory");
        o->n_sites++;
    }
    return CLADE_OK;
}

/* The plan's op; without its ReLU, it is one more to be prepared. */
static clade_status add_op(struct noise_op *o, const struct noise *n,
                           const struct clade_op *op)
{
    clade_status st;

    o->bare = *op;
    if (clade_op_outputs(op->kind) & 1u << CLADE_Y && op->flags & CLADE_RELU) {
        o->bare.flags &= ~(unsigned)CLADE_RELU;
        st = clade_backend_prepare(n->be, &o->task, &o->bare);
        if (st)
            return st;
        o->relu = true;
    }
    return add_sites(o, n);
}

/* The bytes that one step's brackets take. */
static int64_t bytes_of(const struct plan *plan)
{
    int64_t bytes = 0;

    for (int i = 0; i < plan->phase[PLAN_PHASES]; i++) {
        const struct clade_op *op = &plan->ops[i];
        const unsigned outputs = clade_op_outputs(op->kind);

        for (int role = 0; role < CLADE_ROLES; role++)
            if (outputs & 1u << role && op->t[role].buffer &&
                !verify_is_exact(op->kind, role))
                bytes += clade_tensor_elements(&op->t[role]);
    }
    return bytes;
}

/* Independent numbers of a normal distribution (Box & Muller 1958). */
static clade_status make_normals(struct noise *n)
{
    float *t = malloc((NORMALS + BLOCK) * sizeof(*t));

    if (!t)
        return clade_fail(CLADE_ENOMEM, "noise: out of memory");
    for (uint32_t i = 0; i < NORMALS; i += 2) {
        const uint32_t ctr[4] = { i, 0, 0, TABLE_STREAM };
        uint32_t word[4];
        double radius, angle;

        rng_philox(word, ctr, SEED);
        radius = sqrt(-2 * log((word[0] + 0.5) * 0x1p-32));
        angle = 2 * PI * (word[1] * 0x1p-32);
        t[i] = radius * cos(angle);
        t[i + 1] = radius * sin(angle);
    }
    memcpy(t + NORMALS, t, BLOCK * sizeof(*t));
    n->normals = t;
    return CLADE_OK;
}

clade_status noise_new(struct noise **out, clade_net *net, int batch, int steps)
{
    struct noise *n = calloc(1, sizeof(*n));
    clade_status st;

    if (!n)
        return clade_fail(CLADE_ENOMEM, "noise: out of memory");
    n->be = net_backend(net);
    n->plan = net_plan(net, batch, true);
    n->steps = steps;
    n->slots = (int)(MEMORY / bytes_of(n->plan));
    if (n->slots > steps || n->slots < 1)
        n->slots = n->slots < 1 ? 1 : steps;
    n->ops = calloc(n->plan->phase[PLAN_PHASES], sizeof(*n->ops));
    if (!n->ops) {
        st = clade_fail(CLADE_ENOMEM, "noise: out of memory");
        goto out;
    }
    st = clade_backend_open(&n->cpu, "cpu");
    if (!st)
        st = make_normals(n);
    for (int i = 0; i < n->plan->phase[PLAN_PHASES] && !st; i++)
        st = add_op(&n->ops[i], n, &n->plan->ops[i]);
    if (st)
        goto out;
    *out = n;
    n = NULL;
out:
    noise_free(n);
    return st;
}

static void free_op(struct noise_op *o, const struct noise *n)
{
    for (int i = 0; i < o->n_sites; i++) {
        for (int slot = 0; slot < n->slots; slot++)
            free(o->site[i].code[slot]);
        free(o->site[i].code);
    }
    clade_backend_release(n->be, o->task);
}

void noise_free(struct noise *n)
{
    if (!n)
        return;
    for (int i = 0; n->ops && i < n->plan->phase[PLAN_PHASES]; i++)
        free_op(&n->ops[i], n);
    free(n->ops);
    verify_mirror_free(&n->mirror);
    verify_mirror_free(&n->scratch);
    free(n->out.host);
    free(n->normals);
    clade_backend_close(n->cpu);
    free(n);
}

/* ---- runs ---------------------------------------------------------------- */

void noise_measure(struct noise *n)
{
    n->mode = MEASURE;
}

void noise_learn(struct noise *n)
{
    n->mode = LEARN;
}

void noise_begin(struct noise *n, uint32_t run, double scale)
{
    n->mode = PERTURB;
    n->run = run;
    n->scale = scale;
}

void noise_step(struct noise *n, int step)
{
    n->step = step;
}

static int slot_of(const struct noise *n, int step)
{
    return (int)((int64_t)step * n->slots / n->steps);
}

/* Whether this step is the one that a slot's brackets are learnt in. */
static bool learns(const struct noise *n)
{
    return n->mode == LEARN &&
           (n->step == 0 || slot_of(n, n->step) != slot_of(n, n->step - 1));
}

static clade_status learn_site(struct noise *n, struct noise_site *s)
{
    const int64_t elements = clade_tensor_elements(&s->t);
    uint8_t **code = &s->code[slot_of(n, n->step)];
    float *bracket;
    clade_status st =
        noise_bracket(&bracket, n->cpu, &n->mirror, &n->scratch, s->role);

    if (st)
        return st;
    if (!*code)
        *code = malloc(elements);
    for (int64_t i = 0; i < elements && *code; i++)
        (*code)[i] = code_of(bracket[i]);
    free(bracket);
    return *code ? CLADE_OK : clade_fail(CLADE_ENOMEM, "noise: out of memory");
}

/* From where on a block takes its numbers: anywhere. */
static const float *normals_of(const struct noise *n, uint32_t stream,
                               int64_t block)
{
    const uint32_t ctr[4] = { (uint32_t)block, n->run, (uint32_t)n->step,
                              stream };
    uint32_t word[4];

    rng_philox(word, ctr, SEED);
    return n->normals + word[0] % NORMALS;
}

static void perturb_run(float *v, const uint8_t *code, const float *normal,
                        int64_t n, const float scale[256])
{
    for (int64_t i = 0; i < n; i++)
        v[i] += scale[code[i]] * normal[i];
}

/* Elements from ... to-1 of an output, whose pixels are at `v`. */
static void perturb_block(float *v, const struct noise_site *s,
                          const uint8_t *code, const float *normal,
                          int64_t from, int64_t to, const float scale[256])
{
    for (int64_t i = from; i < to;) {
        const int64_t pixel = i / s->t.c, at = i % s->t.c;
        const int64_t n = s->t.c - at < to - i ? s->t.c - at : to - i;

        perturb_run(v + pixel * s->t.ld + at, code + i, normal + (i - from), n,
                    scale);
        i += n;
    }
}

static void perturb(float *v, const struct noise *n, const struct noise_site *s,
                    uint32_t stream)
{
    const int64_t elements = clade_tensor_elements(&s->t);
    const int64_t blocks = (elements + BLOCK - 1) / BLOCK;
    const uint8_t *code = s->code[slot_of(n, n->step)];
    const double sigma = fmin(s->measured, SIGMA_MOST);
    float scale[256];

    for (int i = 0; i < 256; i++)
        scale[i] = n->scale * sigma * decode(i);
    for (int64_t b = 0; b < blocks; b++) {
        const int64_t from = b * BLOCK;
        const int64_t to = from + BLOCK < elements ? from + BLOCK : elements;

        perturb_block(v, s, code, normals_of(n, stream, b), from, to, scale);
    }
}

/* The ReLU that `bare` lacks; a NaN passes. */
static void relu(float *v, const struct clade_tensor *t)
{
    const int64_t pixels = clade_tensor_pixels(t);

    for (int64_t p = 0; p < pixels; p++)
        for (int c = 0; c < t->c; c++)
            if (v[p * t->ld + c] < 0)
                v[p * t->ld + c] = 0;
}

/* An output after its op ran: measured, perturbed, written back. */
static clade_status after(struct noise *n, struct noise_op *o, int i, int op)
{
    struct noise_site *s = &o->site[i];
    const uint32_t stream = (uint32_t)(op * NOISE_SITES + i);
    const bool writes = n->mode == PERTURB && s->measured > 0;
    clade_status st;

    if (!writes && !o->relu && (n->mode == PERTURB || n->step > 0))
        return CLADE_OK;
    st = verify_fetch(&n->out, n->be, &s->t);
    if (!st && n->mode != PERTURB && n->step == 0)
        st = noise_rms(&s->measured, &n->mirror, s->role, n->out.host);
    if (st || !(writes || o->relu))
        return st;
    if (writes)
        perturb(n->out.host, n, s, stream);
    if (o->relu)
        relu(n->out.host, &s->t);
    st = clade_backend_write(n->be, s->t.buffer, s->t.offset * sizeof(float),
                             n->out.host, verify_span(&s->t));
    return st ? st : clade_backend_finish(n->be);
}

clade_status noise_run(struct noise *n, const struct plan *plan, int op)
{
    struct noise_op *o = &n->ops[op];
    const bool measures = n->mode != PERTURB && n->step == 0;
    clade_status st = CLADE_OK;

    assert(plan == n->plan);
    if (o->n_sites && (measures || learns(n)))
        st = verify_mirror(&n->mirror, n->be, &o->bare);
    for (int i = 0; i < o->n_sites && !st && learns(n); i++)
        st = learn_site(n, &o->site[i]);
    if (!st)
        st = clade_backend_run(n->be, o->task ? o->task : plan->tasks[op]);
    for (int i = 0; i < o->n_sites && !st; i++)
        st = after(n, o, i, op);
    return st;
}

double noise_of_kind(const struct noise *n, enum clade_op_kind kind)
{
    double squares = 0;
    int count = 0;

    for (int i = 0; i < n->plan->phase[PLAN_PHASES]; i++) {
        const struct noise_op *o = &n->ops[i];

        for (int k = 0; k < o->n_sites && o->bare.kind == kind; k++) {
            squares += o->site[k].measured * o->site[k].measured;
            count++;
        }
    }
    return count ? sqrt(squares / count) * 0x1p24 : 0;
}
