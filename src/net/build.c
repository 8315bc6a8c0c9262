/* SPDX-License-Identifier: Apache-2.0 */
/* The first pass: walk the layers of the graph, forward and then backward. */
#include "net/passes.h"

#include <stdlib.h>

#include "net/layers.h"
#include "net/plan.h"
#include "status.h"

/* Where the images and the labels go. */
static clade_status add_inputs(struct builder *b)
{
    const struct net_table *t = b->net->graph.table;
    struct plan *p = b->plan;
    clade_status st;

    if ((st = plan_block_new(&p->bytes, p, "images", t->source_h, t->source_w,
                             t->c, CLADE_U8)) ||
        (st = plan_block_new(&p->labels, p, "labels", 1, 1, 1, CLADE_U8)) ||
        (st = layers_value(b, b->y, 0)))
        return st;
    p->pixels = b->y[0];
    return CLADE_OK;
}

/* Where the losses and the hits of each head come out. */
static void add_results(struct builder *b)
{
    const clade_net *net = b->net;
    const int largest = net->largest, heads = net->graph.n_heads;
    const int64_t losses =
        (int64_t)heads * largest * clade_type_size(net->real);
    struct plan *p = b->plan;

    for (int i = 0; i < heads; i++) {
        p->loss[i] =
            net_tensor_at(net, NET_RESULTS, (int64_t)i * largest, 1, net->real);
        p->hit[i] = net_tensor_at(net, NET_RESULTS,
                                  losses + (int64_t)i * largest, 1, CLADE_U8);
        p->loss[i].n = p->hit[i].n = p->batch;
    }
}

static clade_status resize(struct builder *b)
{
    struct clade_op op;
    clade_status st;

    st =
        clade_op_resize(&op, b->plan->pixels, b->plan->bytes,
                        net_tensor_at(b->net, NET_TABLE, 0, 256, b->net->real));
    op.label = "input";
    return st ? st : plan_append(b->plan, PLAN_FORWARD, &op);
}

/* The slice of a layer's output value that the layer itself writes. */
static struct clade_tensor output_of(const struct graph_layer *l,
                                     struct clade_tensor whole)
{
    return clade_tensor_slice(whole, l->first, l->k);
}

static clade_status forward(struct builder *b)
{
    const struct graph *g = &b->net->graph;
    clade_status st;

    for (int i = 0; i < g->n_layers; i++) {
        const struct graph_layer *l = &g->layers[i];
        struct clade_tensor y;

        if ((st = layers_value(b, b->y, l->y)))
            return st;
        y = output_of(l, b->y[l->y]);
        if ((st = layer_kinds[l->kind].forward(b, l, b->y[l->x], y)))
            return st;
        if (l->named)
            plan_activation_add(b->plan, l->name, y);
        if (l->whole)
            plan_activation_add(b->plan, g->values[l->y].name, b->y[l->y]);
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

/* One op updates the net's piece of the parameters.  The gaps between them stay
 * 0. */
static clade_status update(struct builder *b)
{
    const int64_t first = b->net->piece.first, n = b->net->piece.count;
    const enum clade_type real = b->net->real;
    struct clade_op op;
    clade_status st;

    st = clade_op_sgd(&op, net_tensor_at(b->net, NET_VALUES, first, n, real),
                      net_tensor_at(b->net, NET_MOMENTA, 0, n, real),
                      net_tensor_at(b->net, NET_GRADIENTS, first, n, real),
                      b->net->momentum, &b->net->step);
    op.label = "parameters";
    return st ? st : plan_append(b->plan, PLAN_UPDATE, &op);
}

static clade_status append_all(struct builder *b)
{
    clade_status st;

    if ((st = add_inputs(b)))
        return st;
    add_results(b);
    if ((st = resize(b)) || (st = forward(b)) || !b->plan->training)
        return st;
    if ((st = backward(b)))
        return st;
    return update(b);
}

static clade_status build(clade_net *net, struct plan *p)
{
    const struct graph *g = &net->graph;
    struct builder b = { .net = net, .plan = p };
    clade_status st;

    /* each value and its gradient, a maxpool's choices, images and labels */
    st = plan_new(p, p->batch, p->training, 2 * g->n_values + g->n_layers + 2,
                  2 * g->n_layers);
    if (st)
        return st;
    p->graph = g;
    b.y = calloc(g->n_values, sizeof *b.y);
    b.dx = calloc(g->n_values, sizeof *b.dx);
    b.given = calloc(g->n_values, sizeof *b.given);
    b.arg = calloc(g->n_layers, sizeof *b.arg);
    if (b.y && b.dx && b.given && b.arg)
        st = append_all(&b);
    else
        st = clade_fail(CLADE_ENOMEM, "a plan for %d images: out of memory",
                        p->batch);
    free(b.y);
    free(b.dx);
    free(b.given);
    free(b.arg);
    return st;
}

clade_status pass_layers(clade_net *net, const struct clade_net_config *config)
{
    clade_status st = CLADE_OK;

    (void)config;
    for (int i = 0; i < net->n_plans && !st; i++)
        st = build(net, &net->plans[i]);
    return st;
}
