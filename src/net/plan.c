/* SPDX-License-Identifier: Apache-2.0 */
#include "net/plan.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* ---- a plan -------------------------------------------------------------- */

static clade_status out_of_memory(const struct plan *p)
{
    return clade_fail(CLADE_ENOMEM, "a plan for %d images: out of memory",
                      p->batch);
}

clade_status plan_new(struct plan *p, int batch, bool training, int blocks,
                      int activations)
{
    *p = (struct plan){ .batch = batch,
                        .training = training,
                        .block_room = blocks,
                        .activation_room = activations };
    p->blocks = calloc(blocks, sizeof *p->blocks);
    p->activations = calloc(activations, sizeof *p->activations);
    return p->blocks && p->activations ? CLADE_OK : out_of_memory(p);
}

void plan_free(struct plan *p)
{
    free(p->ops);
    free(p->tasks);
    free(p->filters);
    free(p->activations);
    free(p->blocks);
    *p = (struct plan){ 0 };
}

/* ---- its ops ------------------------------------------------------------- */

/* Room for one more op, and as many again: doubling is cheap. */
static clade_status grow(struct plan *p)
{
    const int room = 2 * p->op_room + 64;
    struct clade_op *more = realloc(p->ops, room * sizeof *more);

    if (!more)
        return out_of_memory(p);
    p->ops = more;
    p->op_room = room;
    return CLADE_OK;
}

clade_status plan_insert(struct plan *p, enum plan_phase phase, int at,
                         const struct clade_op *op)
{
    const int n = p->phase[PLAN_PHASES];
    const struct clade_op added = *op; /* it may be one of those that move */
    clade_status st;

    assert(p->phase[phase] <= at && at <= p->phase[phase + 1]);
    if (n == p->op_room && (st = grow(p)))
        return st;
    memmove(p->ops + at + 1, p->ops + at, (n - at) * sizeof *p->ops);
    p->ops[at] = added;
    for (int i = phase + 1; i <= PLAN_PHASES; i++)
        p->phase[i]++;
    return CLADE_OK;
}

clade_status plan_append(struct plan *p, enum plan_phase phase,
                         const struct clade_op *op)
{
    return plan_insert(p, phase, p->phase[phase + 1], op);
}

void plan_remove(struct plan *p, int at)
{
    const int n = p->phase[PLAN_PHASES];

    assert(0 <= at && at < n);
    memmove(p->ops + at, p->ops + at + 1, (n - at - 1) * sizeof *p->ops);
    for (int i = 0; i <= PLAN_PHASES; i++)
        p->phase[i] -= p->phase[i] > at;
}

enum plan_phase plan_phase_of(const struct plan *p, int op)
{
    int phase = 0;

    while (op >= p->phase[phase + 1])
        phase++;
    return phase;
}

const char *plan_phase_name(enum plan_phase phase)
{
    static const char *const names[PLAN_PHASES] = {
        [PLAN_PACK] = "pack",
        [PLAN_FORWARD] = "forward",
        [PLAN_BACKWARD] = "backward",
        [PLAN_UPDATE] = "update",
    };

    return names[phase];
}

void plan_visit(struct plan *p,
                void (*visit)(struct clade_tensor *t, void *arg), void *arg)
{
    for (int i = 0; i < p->phase[PLAN_PHASES]; i++)
        for (int r = 0; r < CLADE_ROLES; r++)
            visit(&p->ops[i].t[r], arg);
    for (int i = 0; i < p->n_activations; i++)
        visit(&p->activations[i].value, arg);
    visit(&p->bytes, arg);
    visit(&p->pixels, arg);
    visit(&p->labels, arg);
    visit(&p->logits, arg);
    for (int i = 0; i < CLADE_HEADS_MAX; i++) {
        visit(&p->loss[i], arg);
        visit(&p->hit[i], arg);
    }
}

/* ---- its blocks and activations ------------------------------------------ */

clade_status plan_block_new(struct clade_tensor *t, struct plan *p,
                            const char *name, int h, int w, int c,
                            enum clade_type type)
{
    const int n = p->batch;
    const int64_t elements = (int64_t)n * h * w * c;
    struct plan_block *block;

    if (elements > INT_MAX)
        return clade_fail(CLADE_ETOOSMALL,
                          "%s: %d images of %dx%dx%d are more than 2^31 "
                          "elements",
                          name, n, h, w, c);
    assert(p->n_blocks < p->block_room);
    block = &p->blocks[p->n_blocks++];
    *block = (struct plan_block){
        .base.bytes = elements * clade_type_size(type),
        .type = type,
        .name = name,
        .first = INT_MAX,
        .last = -1,
        .arena = -1,
    };
    *t = clade_tensor_at(&block->base, 0, n, h, w, c, type);
    return CLADE_OK;
}

int plan_block_of(const struct plan *p, const struct clade_tensor *t)
{
    for (int i = 0; i < p->n_blocks; i++)
        if (t->buffer == &p->blocks[i].base)
            return i;
    return -1;
}

/* Does a tensor that is bound lie in a block? */
static bool lies_in(const struct clade_tensor *t, const struct plan_block *b)
{
    const size_t at = t->offset * clade_type_size(t->type);

    return b->real == t->buffer && b->at <= at && at < b->at + b->base.bytes;
}

const struct plan_block *plan_block_at(const struct plan *p,
                                       const struct clade_tensor *t, int op)
{
    const int unbound = plan_block_of(p, t);

    if (unbound >= 0)
        return &p->blocks[unbound];
    for (const struct plan_block *b = p->blocks; b < p->blocks + p->n_blocks;
         b++)
        if (t->buffer && b->first <= op && op <= b->last && lies_in(t, b))
            return b;
    return NULL;
}

void plan_activation_add(struct plan *p, const char *name,
                         struct clade_tensor value)
{
    assert(p->n_activations < p->activation_room);
    p->activations[p->n_activations++] =
        (struct plan_activation){ .name = name, .value = value, .ready = -1 };
}
