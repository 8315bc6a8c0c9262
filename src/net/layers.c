/* SPDX-License-Identifier: Apache-2.0 */
#include "net/layers.h"

#include "net/plan.h"

clade_status layers_value(struct builder *b, struct clade_tensor *list,
                          int value)
{
    const struct graph_value *v = &b->net->graph.values[value];
    const struct graph_value *whole = &b->net->graph.values[v->whole];
    struct clade_tensor *t = &list[v->whole];
    clade_status st;

    if (!t->buffer && (st = plan_block_new(t, b->plan, whole->name, whole->h,
                                           whole->w, whole->c, b->net->real)))
        return st;
    list[value] = clade_tensor_slice(*t, v->first, v->c);
    return CLADE_OK;
}

static clade_status append(struct builder *b, enum plan_phase phase,
                           const struct graph_layer *l, struct clade_op *op)
{
    op->label = l->name;
    return plan_append(b->plan, phase, op);
}

static clade_status forward(struct builder *b, const struct graph_layer *l,
                            struct clade_op *op)
{
    return append(b, PLAN_FORWARD, l, op);
}

static clade_status backward(struct builder *b, const struct graph_layer *l,
                             struct clade_op *op)
{
    return append(b, PLAN_BACKWARD, l, op);
}

/* ---- forward ------------------------------------------------------------- */

static clade_status conv_forward(struct builder *b, const struct graph_layer *l,
                                 struct clade_tensor x, struct clade_tensor y)
{
    struct clade_op op;
    clade_status st;

    st = clade_op_conv_fwd(&op, y, x,
                           net_parameter(b->net, l->kernel, NET_VALUES),
                           net_parameter(b->net, l->kernel + 1, NET_VALUES),
                           l->window, CLADE_BIAS | (l->relu ? CLADE_RELU : 0));
    return st ? st : forward(b, l, &op);
}

static clade_status dense_forward(struct builder *b,
                                  const struct graph_layer *l,
                                  struct clade_tensor x, struct clade_tensor y)
{
    struct clade_op op;
    clade_status st;

    st = clade_op_dense_fwd(&op, y, x,
                            net_parameter(b->net, l->kernel, NET_VALUES),
                            net_parameter(b->net, l->kernel + 1, NET_VALUES),
                            CLADE_BIAS | (l->relu ? CLADE_RELU : 0));
    return st ? st : forward(b, l, &op);
}

static clade_status maxpool_forward(struct builder *b,
                                    const struct graph_layer *l,
                                    struct clade_tensor x,
                                    struct clade_tensor y)
{
    struct clade_tensor *arg = &b->arg[l - b->net->graph.layers];
    struct clade_op op;
    clade_status st;

    if ((st = plan_block_new(arg, b->plan, l->name, y.h, y.w, y.c, CLADE_U8)) ||
        (st = clade_op_maxpool_fwd(&op, y, *arg, x, l->window)))
        return st;
    return forward(b, l, &op);
}

static clade_status avgpool_forward(struct builder *b,
                                    const struct graph_layer *l,
                                    struct clade_tensor x,
                                    struct clade_tensor y)
{
    struct clade_op op;
    clade_status st = clade_op_avgpool_fwd(&op, y, x, l->window);

    return st ? st : forward(b, l, &op);
}

static clade_status dropout_forward(struct builder *b,
                                    const struct graph_layer *l,
                                    struct clade_tensor x,
                                    struct clade_tensor y)
{
    struct clade_op op;
    clade_status st;

    st = clade_op_dropout_fwd(&op, y, x, l->rate, l->name, &b->net->step);
    return st ? st : forward(b, l, &op);
}

static clade_status head_forward(struct builder *b, const struct graph_layer *l,
                                 struct clade_tensor x, struct clade_tensor y)
{
    struct plan *p = b->plan;
    struct clade_op op;
    clade_status st;

    if (l->head == 0)
        p->logits = x;
    if ((st = clade_op_softmax_fwd(&op, y, x)) || (st = forward(b, l, &op)))
        return st;
    st =
        clade_op_loss_fwd(&op, p->loss[l->head], p->hit[l->head], x, p->labels);
    return st ? st : forward(b, l, &op);
}

/* ---- backward ------------------------------------------------------------ */

/*
 * The gradient of a value is the sum of what each of its readers gives.  The
 * first reader in the backward order overwrites the gradient dx, and later ones
 * add to it.  Where a ReLU made the value x, the last reader also sets the
 * gradient to 0 where x is 0.
 */
static clade_status contribute(struct clade_tensor *dx, struct clade_tensor *x,
                               unsigned *flags, struct builder *b, int value)
{
    const struct graph_value *v = &b->net->graph.values[value];
    clade_status st;

    *flags = b->given[value] ? CLADE_ACCUMULATE : 0;
    if ((st = layers_value(b, b->dx, value)))
        return st;
    *x = (struct clade_tensor){ 0 };
    if (++b->given[value] == v->readers && v->relu) {
        *flags |= CLADE_RELU;
        *x = b->y[value];
    }
    *dx = b->dx[value];
    return CLADE_OK;
}

static clade_status bias_backward(struct builder *b,
                                  const struct graph_layer *l,
                                  struct clade_tensor dy)
{
    struct clade_op op;
    clade_status st;

    st = clade_op_bias_bwd(
        &op, net_parameter(b->net, l->kernel + 1, NET_GRADIENTS), dy);
    return st ? st : backward(b, l, &op);
}

static clade_status conv_backward(struct builder *b,
                                  const struct graph_layer *l,
                                  struct clade_tensor x, struct clade_tensor dy)
{
    struct clade_tensor dx, mask;
    struct clade_op op;
    clade_status st;
    unsigned flags;

    if ((st = bias_backward(b, l, dy)) ||
        (st = clade_op_conv_bwd_filter(
             &op, net_parameter(b->net, l->kernel, NET_GRADIENTS),
             (struct clade_tensor){ 0 }, x, dy, l->window)) ||
        (st = backward(b, l, &op)))
        return st;
    if ((st = contribute(&dx, &mask, &flags, b, l->x)) ||
        (st = clade_op_conv_bwd_data(
             &op, dx, dy, net_parameter(b->net, l->kernel, NET_VALUES), mask,
             l->window, flags)))
        return st;
    return backward(b, l, &op);
}

static clade_status dense_backward(struct builder *b,
                                   const struct graph_layer *l,
                                   struct clade_tensor x,
                                   struct clade_tensor dy)
{
    struct clade_tensor dx, mask;
    struct clade_op op;
    clade_status st;
    unsigned flags;

    if ((st = bias_backward(b, l, dy)) ||
        (st = clade_op_dense_bwd_filter(
             &op, net_parameter(b->net, l->kernel, NET_GRADIENTS), x, dy)) ||
        (st = backward(b, l, &op)) ||
        (st = contribute(&dx, &mask, &flags, b, l->x)) ||
        (st = clade_op_dense_bwd_data(
             &op, dx, dy, net_parameter(b->net, l->kernel, NET_VALUES), mask,
             flags)))
        return st;
    return backward(b, l, &op);
}

static clade_status maxpool_backward(struct builder *b,
                                     const struct graph_layer *l,
                                     struct clade_tensor x,
                                     struct clade_tensor dy)
{
    const struct clade_tensor arg = b->arg[l - b->net->graph.layers];
    struct clade_tensor dx;
    struct clade_op op;
    clade_status st;
    unsigned flags;

    if ((st = contribute(&dx, &x, &flags, b, l->x)) ||
        (st = clade_op_maxpool_bwd(&op, dx, dy, arg, x, l->window, flags)))
        return st;
    return backward(b, l, &op);
}

static clade_status avgpool_backward(struct builder *b,
                                     const struct graph_layer *l,
                                     struct clade_tensor x,
                                     struct clade_tensor dy)
{
    struct clade_tensor dx;
    struct clade_op op;
    clade_status st;
    unsigned flags;

    if ((st = contribute(&dx, &x, &flags, b, l->x)) ||
        (st = clade_op_avgpool_bwd(&op, dx, dy, x, l->window, flags)))
        return st;
    return backward(b, l, &op);
}

static clade_status dropout_backward(struct builder *b,
                                     const struct graph_layer *l,
                                     struct clade_tensor x,
                                     struct clade_tensor dy)
{
    struct clade_tensor dx;
    struct clade_op op;
    clade_status st;
    unsigned flags;

    if ((st = contribute(&dx, &x, &flags, b, l->x)) ||
        (st = clade_op_dropout_bwd(&op, dx, dy, x, l->rate, l->name,
                                   &b->net->step, flags)))
        return st;
    return backward(b, l, &op);
}

/* Here y is the softmax, from which the gradient of the loss is made. */
static clade_status head_backward(struct builder *b,
                                  const struct graph_layer *l,
                                  struct clade_tensor x, struct clade_tensor y)
{
    const double weight = b->net->graph.head[l->head]->weight;
    struct clade_tensor dx;
    struct clade_op op;
    clade_status st;
    unsigned flags;

    if ((st = contribute(&dx, &x, &flags, b, l->x)) ||
        (st = clade_op_loss_bwd(&op, dx, y, b->plan->labels, weight,
                                &b->net->step)))
        return st;
    return backward(b, l, &op);
}

const struct layer_kind layer_kinds[GRAPH_KINDS] = {
    [GRAPH_CONV] = { conv_forward, conv_backward },
    [GRAPH_DENSE] = { dense_forward, dense_backward },
    [GRAPH_MAXPOOL] = { maxpool_forward, maxpool_backward },
    [GRAPH_AVGPOOL] = { avgpool_forward, avgpool_backward },
    [GRAPH_DROPOUT] = { dropout_forward, dropout_backward },
    [GRAPH_HEAD] = { head_forward, head_backward },
};
