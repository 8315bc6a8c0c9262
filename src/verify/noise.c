/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/noise.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "rng.h"
#include "status.h"

#define NORMALS      (1 << 20) /* independent normal numbers, in a table */
#define BLOCK        (1 << 16) /* elements that take neighbours in the table */
#define U            0x1p-24
#define MEMORY       (1u << 29) /* bytes for brackets, about */
#define SEED         0x6e6f697365u
#define TABLE_STREAM 0xffffffffu
#define PI           3.14159265358979323846

/* One output of an op. */
struct site {
    enum clade_role role;
    struct clade_tensor t;
    double most;              /* that sigma may be */
    struct noise_sigma sigma; /* before it is capped */
    uint8_t *code; /* its elements' brackets, for each slot in turn */
};

#define SITES 2

struct noise_op {
    struct clade_op bare; /* as in the plan, but without a forward ReLU */
    clade_task *task;     /* of `bare`, if it is not the plan's op */
    bool relu;            /* `bare` lacks it */
    int n_sites;
    struct site site[SITES];
};

/* Brackets are kept for as many steps as memory allows, evenly spread: the
 * slots.  Steps in between use those of the slot before. */
struct noise {
    clade_backend *be, *cpu;
    const struct plan *plan;
    struct noise_op *ops;
    int steps, slots;
    struct verify_mirror mirror, scratch;
    struct verify_copy out;
    float *normals;       /* NORMALS, and BLOCK of the first ones again */
    struct noise_use use; /* of the run and the step that are under way */
    int step;
};

static clade_status no_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "noise: out of memory");
}

/*
 * A bracket as one byte, which is exact enough for noise: a float's exponent
 * and two bits of its mantissa.  The codes 1 to 255 are quarters of octaves
 * from 2^-44 to 2^20, and 0 is 0.  Brackets outside this range get the nearest
 * code.
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

/* The middle of the brackets that have this code. */
static float decode(int code)
{
    const uint32_t bits = (uint32_t)(code + CODE_FIRST) << 21 | 1u << 20;
    float s;

    memcpy(&s, &bits, sizeof(s));
    return code ? s : 0;
}

/* ---- ops ----------------------------------------------------------------- */

static clade_status prepare_bare(struct noise *n, struct noise_op *o)
{
    return clade_backend_prepare(n->be, &o->task, &o->bare);
}

static clade_status run_bare(struct noise *n, int op)
{
    clade_task *task = n->ops[op].task;

    return clade_backend_run(n->be, task ? task : n->plan->tasks[op]);
}

static bool has_noise(const struct clade_op *op, enum clade_role role)
{
    return verify_writes(op, role) && !verify_is_exact(op->kind, role);
}

/* Take an op of the plan.  If it has a ReLU, `bare` is a different op, which
 * has to be prepared. */
static clade_status add_op(struct noise *n, struct noise_op *o,
                           const struct clade_op *op)
{
    o->bare = *op;
    o->relu =
        clade_op_outputs(op->kind) & 1u << CLADE_Y && op->flags & CLADE_RELU;
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct clade_op alone = op_alone(op, role);

        if (!has_noise(op, role))
            continue;
        assert(o->n_sites < SITES);
        o->site[o->n_sites++] =
            (struct site){ .role = role,
                           .t = op->t[role],
                           .most = verify_limits(&alone).rms * U };
    }
    if (!o->relu)
        return CLADE_OK;
    o->bare.flags &= ~(unsigned)CLADE_RELU;
    return prepare_bare(n, o);
}

static int ops_of(const struct noise *n)
{
    return n->plan->phase[PLAN_PHASES];
}

static clade_status add_ops(struct noise *n)
{
    int64_t bytes = 0; /* of the brackets of one slot */
    clade_status st = CLADE_OK;

    n->ops = calloc(ops_of(n), sizeof(*n->ops));
    if (!n->ops)
        return no_memory();
    for (int i = 0; i < ops_of(n) && !st; i++) {
        st = add_op(n, &n->ops[i], &n->plan->ops[i]);
        for (int k = 0; k < n->ops[i].n_sites; k++)
            bytes += clade_tensor_elements(&n->ops[i].site[k].t);
    }
    if (st)
        return st;
    n->slots = (int)(MEMORY / bytes);
    if (n->slots > n->steps)
        n->slots = n->steps;
    if (n->slots < 1)
        n->slots = 1;
    return CLADE_OK;
}

/* Independent numbers of a normal distribution (Box & Muller 1958). */
static clade_status make_normals(struct noise *n)
{
    float *t = malloc((NORMALS + BLOCK) * sizeof(*t));

    if (!t)
        return no_memory();
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
        return no_memory();
    n->be = net_backend(net);
    n->plan = net_plan(net, batch, true);
    n->steps = steps;
    st = clade_backend_open(&n->cpu, "cpu");
    if (!st)
        st = make_normals(n);
    if (!st)
        st = add_ops(n);
    if (st)
        noise_free(n);
    else
        *out = n;
    return st;
}

void noise_free(struct noise *n)
{
    if (!n)
        return;
    for (int i = 0; n->ops && i < ops_of(n); i++) {
        for (int k = 0; k < n->ops[i].n_sites; k++)
            free(n->ops[i].site[k].code);
        clade_backend_release(n->be, n->ops[i].task);
    }
    free(n->ops);
    verify_mirror_free(&n->mirror);
    verify_mirror_free(&n->scratch);
    free(n->out.host);
    free(n->normals);
    clade_backend_close(n->cpu);
    free(n);
}

/* ---- runs ---------------------------------------------------------------- */

static int slot_of(const struct noise *n, int step)
{
    return (int)((int64_t)step * n->slots / n->steps);
}

static bool measures(const struct noise *n)
{
    return n->use.mode != NOISE_ADD && n->step == 0;
}

/* Whether this step is the first of a slot, whose brackets are learnt in it. */
static bool learns(const struct noise *n)
{
    return n->use.mode == NOISE_LEARN &&
           (n->step == 0 || slot_of(n, n->step) != slot_of(n, n->step - 1));
}

/* The brackets of a site, in this step. */
static uint8_t *codes_of(const struct noise *n, const struct site *s)
{
    return s->code + slot_of(n, n->step) * clade_tensor_elements(&s->t);
}

static clade_status learn_site(struct noise *n, struct site *s)
{
    const int64_t elements = clade_tensor_elements(&s->t);
    uint8_t *code;
    float *bracket;
    clade_status st =
        noise_bracket(&bracket, n->cpu, &n->mirror, &n->scratch, s->role);

    if (st)
        return st;
    if (!s->code)
        s->code = malloc(n->slots * elements);
    code = s->code ? codes_of(n, s) : NULL;
    for (int64_t i = 0; i < elements && code; i++)
        code[i] = code_of(bracket[i]);
    free(bracket);
    return code ? CLADE_OK : no_memory();
}

/* The normal numbers of a block: a random place in the table. */
static const float *normals_of(const struct noise *n, uint32_t stream,
                               int64_t block)
{
    const uint32_t ctr[4] = { (uint32_t)block, n->use.run, (uint32_t)n->step,
                              stream };
    uint32_t word[4];

    rng_philox(word, ctr, SEED);
    return n->normals + word[0] % NORMALS;
}

/* Add noise to an output, whose pixels are at `v`. */
static void perturb(float *v, const struct noise *n, const struct site *s,
                    uint32_t stream)
{
    const int64_t elements = clade_tensor_elements(&s->t), C = s->t.c;
    const uint8_t *code = codes_of(n, s);
    const double sigma = fmin(s->sigma.own, s->most);
    float scale[256];

    for (int i = 0; i < 256; i++)
        scale[i] = n->use.scale * sigma * decode(i);
    for (int64_t i = 0, many; i < elements; i += many) {
        const int64_t in_block = i % BLOCK, c = i % C;
        const float *normal = normals_of(n, stream, i / BLOCK) + in_block;
        float *pixel = v + i / C * s->t.ld + c;

        many = C - c < BLOCK - in_block ? C - c : BLOCK - in_block;
        for (int64_t k = 0; k < many; k++)
            pixel[k] += scale[code[i + k]] * normal[k];
    }
}

/* The ReLU that `bare` lacks.  A NaN stays. */
static void relu(float *v, const struct clade_tensor *t)
{
    const int64_t pixels = clade_tensor_pixels(t);

    for (int64_t p = 0; p < pixels; p++)
        for (int c = 0; c < t->c; c++)
            if (v[p * t->ld + c] < 0)
                v[p * t->ld + c] = 0;
}

/* Measure an output after its op ran; or add noise to it, and the ReLU. */
static clade_status finish_site(struct noise *n, const struct noise_op *o,
                                struct site *s, uint32_t stream)
{
    const bool adds = n->use.mode == NOISE_ADD && s->sigma.own > 0;
    clade_status st;

    if (!adds && !o->relu && !measures(n))
        return CLADE_OK;
    st = verify_fetch(&n->out, n->be, &s->t);
    if (!st && measures(n))
        st = noise_rms(&s->sigma, &n->mirror, s->role, n->out.host);
    if (st || !(adds || o->relu))
        return st;
    if (adds)
        perturb(n->out.host, n, s, stream);
    if (o->relu)
        relu(n->out.host, &s->t);
    st = clade_backend_write(n->be, s->t.buffer, s->t.offset * sizeof(float),
                             n->out.host, verify_span(&s->t));
    return st ? st : clade_backend_finish(n->be);
}

clade_status noise_run_op(struct noise *n, const struct noise_use *use,
                          int step, int op)
{
    struct noise_op *o = &n->ops[op];
    clade_status st = CLADE_OK;

    n->use = *use;
    n->step = step;
    if (o->n_sites && (measures(n) || learns(n)))
        st = verify_mirror(&n->mirror, n->be, &o->bare);
    for (int i = 0; i < o->n_sites && !st && learns(n); i++)
        st = learn_site(n, &o->site[i]);
    if (!st)
        st = run_bare(n, op);
    for (int i = 0; i < o->n_sites && !st; i++)
        st = finish_site(n, o, &o->site[i], (uint32_t)(op * SITES + i));
    return st;
}

double noise_of_kind(const struct noise *n, enum clade_op_kind kind)
{
    double squares = 0;
    int count = 0;

    for (int i = 0; i < ops_of(n); i++) {
        const struct noise_op *o = &n->ops[i];

        for (int k = 0; k < o->n_sites && o->bare.kind == kind; k++) {
            squares += pow(o->site[k].sigma.direct, 2);
            count++;
        }
    }
    return count ? sqrt(squares / count) * 0x1p24 : 0;
}
