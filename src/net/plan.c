/* SPDX-License-Identifier: Apache-2.0 */
#include "net/builder.h"

#include <assert.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "status.h"

/* The ops that a layer makes at most: two packed filters, three forward, three
 * backward; and resize and sgd beside them. */
#define LAYER_OPS 8

clade_status plan_block_new(struct clade_tensor *t, struct builder *b,
                            const char *name, int h, int w, int c,
                            enum clade_type type)
{
    const int n = b->plan->batch;
    const int64_t elements = (int64_t)n * h * w * c;
    struct plan_block *block;

    if (elements > INT_MAX)
        return clade_fail(CLADE_ETOOSMALL,
                          "%s: %d images of %dx%dx%d are more than 2^31 "
                          "elements",
                          name, n, h, w, c);
    block = &b->plan->blocks[b->plan->n_blocks++];
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

static struct plan_block *block_of(const struct clade_tensor *t)
{
    return (struct plan_block *)t->buffer;
}

static void touch(const struct clade_op *op, int i)
{
    for (int r = 0; r < CLADE_ROLES; r++) {
        struct plan_block *block = block_of(&op->t[r]);

        if (!block)
            continue;
        if (block->first > i)
            block->first = i;
        if (block->last < i)
            block->last = i;
    }
}

static struct clade_tensor buffer_at(const clade_net *net, enum net_buffer i,
                                     int64_t offset, int64_t elements,
                                     enum clade_type type)
{
    return clade_tensor_at((struct clade_buffer *)&net->fixed[i].base, offset,
                           1, 1, 1, elements, type);
}

static struct packed_filter *packed_find(clade_net *net,
                                         const struct clade_op *op)
{
    struct packed_filter *f = net->packed;

    for (; f < net->packed + net->n_packed; f++)
        if (f->kind == op->kind && f->parameter == op->t[CLADE_W].offset &&
            choice_equal(&f->choice, &op->choice))
            return f;
    *f = (struct packed_filter){ .kind = op->kind,
                                 .parameter = op->t[CLADE_W].offset,
                                 .choice = op->choice };
    f->block.type = net->real;
    f->block.base.bytes = op->packed * clade_type_size(net->real);
    net->n_packed++;
    return f;
}

/* The product's filter in its algorithm's layout, and the op that makes it. */
static clade_status pack(struct builder *b, struct clade_op *op)
{
    struct packed_filter *f = packed_find(b->net, op);
    struct clade_op *made = &b->packs[b->n_packs];
    clade_status st;

    op->t[CLADE_PACKED] =
        clade_tensor_at(&f->block.base, 0, 1, 1, 1, op->packed, b->net->real);
    if ((st = clade_op_filter_pack(made, op)))
        return st;
    made->label = op->label;
    b->n_packs++;
    return CLADE_OK;
}

void plan_key(char *key, size_t size, const struct plan *plan,
              const struct clade_op *op)
{
    snprintf(key, size, "%s/%s/%d", op->label, clade_op_name(op->kind),
             plan->batch);
}

/* What an earlier net chose for a product, or NULL. */
static const char *kept_choice(const struct builder *b,
                               const struct clade_op *op)
{
    char key[128];

    plan_key(key, sizeof key, b->plan, op);
    return json_string_value(json_object_get(b->net->kept, key));
}

/* By the algorithm asked for; else as an earlier net chose, where that is
 * still offered; else anew. */
static clade_status choose(struct builder *b, struct clade_op *op)
{
    const char *kept;

    if (!op_is_product(op->kind))
        return clade_backend_choose(b->net->be, op, NULL);
    if (b->algorithm)
        return clade_backend_choose(b->net->be, op, b->algorithm);
    kept = kept_choice(b, op);
    if (kept && !clade_backend_choose(b->net->be, op, kept))
        return CLADE_OK;
    return clade_backend_choose(b->net->be, op, NULL);
}

clade_status plan_add(struct builder *b, const struct clade_op *made,
                      const char *label)
{
    struct clade_op *op = &b->plan->ops[b->n_ops];
    struct plan_block *scratch = &b->net->fixed[NET_WORKSPACE];
    clade_status st;

    *op = *made;
    op->label = label;
    if ((st = choose(b, op)))
        return st;
    if (op->workspace) {
        op->t[CLADE_WORKSPACE] = buffer_at(b->net, NET_WORKSPACE, 0,
                                           (op->workspace + 3) / 4, CLADE_F32);
        if (scratch->base.bytes < memory_align(op->workspace))
            scratch->base.bytes = memory_align(op->workspace);
    }
    if (op->packed && (st = pack(b, op)))
        return st;
    touch(op, b->n_ops++);
    return CLADE_OK;
}

struct clade_tensor net_parameter(const clade_net *net, int i,
                                  enum net_buffer which)
{
    const struct graph_parameter *p = &net->graph.parameters[i];
    struct clade_tensor t =
        buffer_at(net, which, p->offset, p->count, net->real);

    t.ld = t.c = p->shape[p->dims - 1];
    if (p->dims >= 2)
        t.w = p->shape[p->dims - 2];
    if (p->dims == 4) {
        t.n = p->shape[0];
        t.h = p->shape[1];
    }
    return t;
}

static void activation(struct builder *b, const char *name,
                       struct clade_tensor value)
{
    b->plan->activations[b->plan->n_activations++] = (struct plan_activation){
        .name = name, .value = value, .ready = b->n_ops - 1
    };
}

/* The slice of its output value that a layer writes. */
static struct clade_tensor output_of(const struct graph_layer *l,
                                     struct clade_tensor whole)
{
    return clade_tensor_slice(whole, l->first, l->k);
}

/* A value's tensor, before the first layer that writes to it. */
static clade_status value_new(struct builder *b, int value)
{
    const struct graph_value *v = &b->net->graph.values[value];

    if (b->y[value].buffer)
        return CLADE_OK;
    return plan_block_new(&b->y[value], b, v->name, v->h, v->w, v->c,
                          b->net->real);
}

static clade_status forward(struct builder *b)
{
    const struct graph *g = &b->net->graph;
    clade_status st;

    for (int i = 0; i < g->n_layers; i++) {
        const struct graph_layer *l = &g->layers[i];
        struct clade_tensor y;

        if ((st = value_new(b, l->y)))
            return st;
        y = output_of(l, b->y[l->y]);
        if ((st = layer_kinds[l->kind].forward(b, l, b->y[l->x], y)))
            return st;
        if (l->named)
            activation(b, l->name, y);
        if (l->whole)
            activation(b, g->values[l->y].name, b->y[l->y]);
    }
    return CLADE_OK;
}

static clade_status backward(struct builder *b)
{
    const struct graph *g = &b->net->graph;
    clade_status st;

    for (int i = g->n_layers; i-- > 0;) {
        const struct graph_layer *l = &g->layers[i];
        const bool head = l->kind == GRAPH_HEAD;

        st = layer_kinds[l->kind].backward(
            b, l, b->y[l->x], output_of(l, (head ? b->y : b->dx)[l->y]));
        if (st)
            return st;
    }
    return CLADE_OK;
}

/* All parameters in one op, gaps included: theirs stay 0. */
static clade_status update(struct builder *b)
{
    const int64_t n = b->net->graph.elements;
    const enum clade_type real = b->net->real;
    struct clade_op op;
    clade_status st;

    st = clade_op_sgd(&op, buffer_at(b->net, NET_VALUES, 0, n, real),
                      buffer_at(b->net, NET_MOMENTA, 0, n, real),
                      buffer_at(b->net, NET_GRADIENTS, 0, n, real),
                      b->net->momentum, &b->net->step);
    return st ? st : plan_add(b, &op, "parameters");
}

/* What goes in (images and labels, queued before the first op, so they live
 * from there) and where losses come out. */
static clade_status ends(struct builder *b)
{
    const struct graph *g = &b->net->graph;
    const struct net_table *t = g->table;
    const size_t size = clade_type_size(b->net->real);
    const int largest = b->net->largest;
    struct plan *p = b->plan;
    struct clade_op op;
    clade_status st;

    if ((st = plan_block_new(&p->bytes, b, "images", t->source_h, t->source_w,
                             t->c, CLADE_U8)) ||
        (st = plan_block_new(&p->labels, b, "labels", 1, 1, 1, CLADE_U8)) ||
        (st = value_new(b, 0)))
        return st;
    block_of(&p->labels)->first = 0;
    p->pixels = b->y[0];
    for (int i = 0; i < g->n_heads; i++) {
        p->loss[i] = buffer_at(b->net, NET_RESULTS, (int64_t)i * largest, 1,
                               b->net->real);
        p->hit[i] = buffer_at(b->net, NET_RESULTS,
                              (int64_t)g->n_heads * largest * size +
                                  (int64_t)i * largest,
                              1, CLADE_U8);
        p->loss[i].n = p->hit[i].n = p->batch;
    }
    st = clade_op_resize(&op, p->pixels, p->bytes,
                         buffer_at(b->net, NET_TABLE, 0, 256, b->net->real));
    return st ? st : plan_add(b, &op, "input");
}

/* The packing ops go to the front, so indices move. */
static void finish(struct builder *b)
{
    struct plan *p = b->plan;
    const int shift = b->n_packs;

    memmove(p->ops + shift, p->ops, b->n_ops * sizeof *p->ops);
    memcpy(p->ops, b->packs, shift * sizeof *p->ops);
    for (int i = PLAN_FORWARD; i <= PLAN_PHASES; i++)
        p->phase[i] += shift;
    for (int i = 0; i < p->n_activations; i++)
        p->activations[i].ready += shift;
    for (int i = 0; i < p->n_blocks; i++) {
        if (p->blocks[i].last < 0)
            continue;
        p->blocks[i].first += shift;
        p->blocks[i].last += shift;
    }
}

static clade_status build(struct builder *b)
{
    struct plan *p = b->plan;
    clade_status st;

    if ((st = ends(b)) || (st = forward(b)))
        return st;
    p->phase[PLAN_BACKWARD] = b->n_ops;
    if (p->training && (st = backward(b)))
        return st;
    p->phase[PLAN_UPDATE] = b->n_ops;
    if (p->training && (st = update(b)))
        return st;
    p->phase[PLAN_PHASES] = b->n_ops;
    finish(b);
    return CLADE_OK;
}

clade_status plan_new(clade_net *net, int batch, bool training,
                      const char *algorithm)
{
    const struct graph *g = &net->graph;
    struct plan *p = &net->plans[net->n_plans++];
    struct builder b = { .net = net, .plan = p, .algorithm = algorithm };
    clade_status st;

    *p = (struct plan){ .batch = batch, .training = training };
    p->ops = calloc(LAYER_OPS * g->n_layers + 2, sizeof *p->ops);
    p->tasks = calloc(LAYER_OPS * g->n_layers + 2, sizeof *p->tasks);
    p->activations = calloc(2 * g->n_layers, sizeof *p->activations);
    p->blocks = calloc(2 * g->n_values + g->n_layers + 2, sizeof *p->blocks);
    b.packs = calloc(2 * g->n_layers, sizeof *b.packs);
    b.y = calloc(g->n_values, sizeof *b.y);
    b.dx = calloc(g->n_values, sizeof *b.dx);
    b.given = calloc(g->n_values, sizeof *b.given);
    b.arg = calloc(g->n_layers, sizeof *b.arg);
    if (p->ops && p->activations && p->blocks && b.packs && b.y && b.dx &&
        b.given && b.arg)
        st = build(&b);
    else
        st = clade_fail(CLADE_ENOMEM, "a plan for %d images: out of memory",
                        batch);
    free(b.packs);
    free(b.y);
    free(b.dx);
    free(b.given);
    free(b.arg);
    return st;
}

void plan_free(struct plan *p)
{
    free(p->ops);
    free(p->tasks);
    free(p->activations);
    free(p->blocks);
    *p = (struct plan){ 0 };
}

void plan_bind_tensor(struct clade_tensor *t)
{
    const struct plan_block *block = block_of(t);

    if (!block)
        return;
    assert(block->real && block->at % clade_type_size(t->type) == 0);
    t->offset += block->at / clade_type_size(t->type);
    t->buffer = block->real;
}

void plan_bind(struct plan *p)
{
    for (int i = 0; i < p->phase[PLAN_PHASES]; i++)
        for (int r = 0; r < CLADE_ROLES; r++)
            plan_bind_tensor(&p->ops[i].t[r]);
    for (int i = 0; i < p->n_activations; i++)
        plan_bind_tensor(&p->activations[i].value);
    plan_bind_tensor(&p->bytes);
    plan_bind_tensor(&p->pixels);
    plan_bind_tensor(&p->labels);
    for (int i = 0; i < CLADE_HEADS_MAX; i++) {
        plan_bind_tensor(&p->loss[i]);
        plan_bind_tensor(&p->hit[i]);
    }
}
