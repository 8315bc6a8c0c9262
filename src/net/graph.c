/* SPDX-License-Identifier: Apache-2.0 */
#include "net/graph.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/* A row makes at most so many layers and parameters. */
#define ROW_LAYERS     7
#define ROW_PARAMETERS 12

/* A parameter starts at a multiple of so many elements: 64 bytes of float. */
#define ALIGN 16

static int value_add(struct graph *g, const char *name, int h, int w, int c,
                     bool relu)
{
    struct graph_value *v = &g->values[g->n_values];

    *v = (struct graph_value){
        .h = h, .w = w, .c = c, .whole = g->n_values, .relu = relu
    };
    snprintf(v->name, sizeof v->name, "%s", name);
    return g->n_values++;
}

static struct graph_layer *layer_add(struct graph *g, enum graph_kind kind,
                                     const char *module, const char *name,
                                     int x)
{
    struct graph_layer *l = &g->layers[g->n_layers++];

    *l = (struct graph_layer){
        .kind = kind, .x = x, .named = true, .kernel = -1, .joint = -1
    };
    snprintf(l->name, sizeof l->name, "%s%s%s", module, *module ? "/" : "",
             name);
    g->values[x].readers++;
    return l;
}

/* Give the layer a value of its own, all of which it writes. */
static int layer_value(struct graph *g, struct graph_layer *l, int h, int w,
                       int c)
{
    l->k = c;
    l->y = value_add(g, l->name, h, w, c, l->relu);
    return l->y;
}

static struct graph_parameter *
parameter_add(struct graph *g, const struct graph_layer *l, const char *which)
{
    struct graph_parameter *p = &g->parameters[g->n_parameters++];

    *p = (struct graph_parameter){ .count = 1 };
    snprintf(p->name, sizeof p->name, "%s/%s", l->name, which);
    snprintf(p->layer, sizeof p->layer, "%s", l->name);
    return p;
}

/* Room for so many elements of parameters; returns the first one's place. */
static int64_t room_add(struct graph *g, int64_t elements)
{
    const int64_t at = g->elements;

    g->elements += (elements + ALIGN - 1) / ALIGN * ALIGN;
    return at;
}

static void parameter_count(struct graph *g, struct graph_parameter *p)
{
    for (int i = 0; i < p->dims; i++)
        p->count *= p->shape[i];
    p->ld = p->shape[p->dims - 1];
    g->count += p->count;
}

/*
 * Add the kernel [r,s,c,k] and the bias of a layer.  Initial kernels are Glorot
 * uniform (Glorot & Bengio, "Understanding the difficulty of training deep
 * feedforward neural networks", 2010): limit = sqrt(6 / (fan_in + fan_out)),
 * where a fan is the channels times the positions of the window.
 */
static void parameters_add(struct graph *g, struct graph_layer *l, int r, int s,
                           int c, int k, float bias)
{
    struct graph_parameter *p;

    l->kernel = g->n_parameters;
    p = parameter_add(g, l, "kernel");
    if (l->kind == GRAPH_DENSE) {
        p->dims = 2;
        p->shape[0] = c;
        p->shape[1] = k;
    } else {
        p->dims = 4;
        memcpy(p->shape, (int[]){ r, s, c, k }, sizeof p->shape);
    }
    p->limit = sqrt(6.0 / ((double)r * s * ((double)c + k)));
    parameter_count(g, p);

    p = parameter_add(g, l, "bias");
    p->bias = true;
    p->dims = 1;
    p->shape[0] = k;
    p->initial = bias;
    parameter_count(g, p);
}

/* Give the kernel and the bias of a layer their places. */
static void parameters_place(struct graph *g, const struct graph_layer *l)
{
    struct graph_parameter *kernel = &g->parameters[l->kernel];
    struct graph_parameter *bias = kernel + 1;

    if (l->joint < 0) {
        kernel->offset = room_add(g, kernel->count);
        bias->offset = room_add(g, bias->count);
    } else {
        const struct graph_joint *joint = &g->joints[l->joint];
        const int first = g->values[l->y].first + l->first;

        kernel->offset = joint->kernel + first;
        kernel->ld = joint->k;
        bias->offset = joint->bias + first;
    }
}

static struct clade_window window_of(const struct net_window *w,
                                     const struct graph_value *x)
{
    if (!w->size)
        return (struct clade_window){ .r = x->h, .s = x->w, .stride = 1 };
    if (w->same)
        return clade_window_same(w->size, w->size, w->stride, x->h, x->w);
    return (struct clade_window){ .r = w->size,
                                  .s = w->size,
                                  .stride = w->stride,
                                  .top = w->top,
                                  .bottom = w->bottom,
                                  .left = w->left,
                                  .right = w->right };
}

static int rows_of(const struct clade_window *w, int h)
{
    return (h + w->top + w->bottom - w->r) / w->stride + 1;
}

static int columns_of(const struct clade_window *w, int width)
{
    return (width + w->left + w->right - w->s) / w->stride + 1;
}

/* Give the layer its window, and a value of k channels. */
static int window_layer(struct graph *g, struct graph_layer *l,
                        const struct net_window *w, int k)
{
    const struct graph_value *x = &g->values[l->x];

    l->window = window_of(w, x);
    return layer_value(g, l, rows_of(&l->window, x->h),
                       columns_of(&l->window, x->w), k);
}

static int conv_add(struct graph *g, const char *module, const char *name,
                    int x, const struct net_window *w, int k,
                    const struct net_row *row)
{
    struct graph_layer *l = layer_add(g, GRAPH_CONV, module, name, x);

    l->relu = row->relu;
    window_layer(g, l, w, k);
    parameters_add(g, l, l->window.r, l->window.s, g->values[x].c, k,
                   row->bias);
    return l->y;
}

static int pool_add(struct graph *g, enum graph_kind kind, const char *module,
                    const char *name, int x, const struct net_window *w)
{
    return window_layer(g, layer_add(g, kind, module, name, x), w,
                        g->values[x].c);
}

static int dense_add(struct graph *g, const struct net_row *row, int x, int k)
{
    struct graph_layer *l = layer_add(g, GRAPH_DENSE, "", row->name, x);
    const struct graph_value *v = &g->values[x];

    l->relu = row->relu;
    parameters_add(g, l, 1, 1, v->h * v->w * v->c, k, row->bias);
    return layer_value(g, l, 1, 1, k);
}

static int dropout_add(struct graph *g, const struct net_row *row, int x)
{
    struct graph_layer *l = layer_add(g, GRAPH_DROPOUT, "", row->name, x);
    const struct graph_value *v = &g->values[x];

    l->named = false;
    l->rate = row->rate;
    return layer_value(g, l, v->h, v->w, v->c);
}

/* A head is a dense layer and a softmax, both of its name.  The name of the
 * parameters is the dense layer's; the activation is the softmax. */
static int head_add(struct graph *g, const struct net_row *row, int x)
{
    const int logits = dense_add(g, row, x, g->table->classes);
    struct graph_layer *l;

    g->layers[g->n_layers - 1].named = false;
    l = layer_add(g, GRAPH_HEAD, "", row->name, logits);
    l->head = row->head;
    g->head[row->head] = row;
    if (g->n_heads <= row->head)
        g->n_heads = row->head + 1;
    return layer_value(g, l, 1, 1, g->table->classes);
}

/* The value of the layer that was added last becomes a slice, from channel
 * `first` on, of `whole`. */
static void lay(struct graph *g, int whole, int first)
{
    struct graph_value *v = &g->values[g->layers[g->n_layers - 1].y];

    v->whole = whole;
    v->first = first;
}

/* The layer that was added last is one of a joint. */
static void join(struct graph *g, int joint)
{
    g->layers[g->n_layers - 1].joint = joint;
}

/* Begin a joint of layers that make k channels of c. */
static int joint_add(struct graph *g, const char *module, int c, int k)
{
    struct graph_joint *joint = &g->joints[g->n_joints];

    snprintf(joint->name, sizeof joint->name, "%s/1x1s", module);
    joint->k = k;
    joint->kernel = room_add(g, (int64_t)c * k);
    joint->bias = room_add(g, k);
    return g->n_joints++;
}

/* Make the layer that was added last a branch: it writes channels first ... of
 * `output`.  The value that was added for it goes.  Returns the next branch's
 * first channel. */
static int branch(struct graph *g, int output, int first)
{
    struct graph_layer *l = &g->layers[g->n_layers - 1];

    assert(l->y == g->n_values - 1);
    g->n_values--;
    l->y = output;
    l->first = first;
    return first + l->k;
}

/*
 * A module's values lie side by side: [3x3 reduce | 5x5 reduce | 1x1 | 3x3 |
 * 5x5 | pool projection].  The last four are its output.  The first three are
 * made from the module's input by 1x1 windows, the joint.
 */
static int inception_add(struct graph *g, const struct net_row *row, int x)
{
    static const struct net_window
        one = { .size = 1, .stride = 1, .same = true },
        three = { .size = 3, .stride = 1, .same = true },
        five = { .size = 5, .stride = 1, .same = true };
    const int *k = row->k, h = g->values[x].h, w = g->values[x].w;
    const char *m = row->name;
    const int reduced = k[1] + k[3], made = k[0] + k[2] + k[4] + k[5];
    const int whole = value_add(g, m, h, w, reduced + made, row->relu);
    const int joint = joint_add(g, m, g->values[x].c, reduced + k[0]);
    int first = 0, t, y;
    char name[48];

    snprintf(name, sizeof name, "%s/output", m);
    y = value_add(g, name, h, w, made, row->relu);
    g->values[y].whole = whole;
    g->values[y].first = reduced;

    conv_add(g, m, "1x1", x, &one, k[0], row);
    join(g, joint);
    first = branch(g, y, first);
    t = conv_add(g, m, "3x3_reduce", x, &one, k[1], row);
    join(g, joint);
    lay(g, whole, 0);
    conv_add(g, m, "3x3", t, &three, k[2], row);
    first = branch(g, y, first);
    t = conv_add(g, m, "5x5_reduce", x, &one, k[3], row);
    join(g, joint);
    lay(g, whole, k[1]);
    conv_add(g, m, "5x5", t, &five, k[4], row);
    first = branch(g, y, first);
    t = pool_add(g, GRAPH_MAXPOOL, m, "pool", x, &three);
    conv_add(g, m, "pool_proj", t, &one, k[5], row);
    first = branch(g, y, first);
    assert(first == g->values[y].c);
    g->layers[g->n_layers - 1].whole = true;
    return y;
}

static int row_add(struct graph *g, const struct net_row *row, int x)
{
    switch (row->kind) {
    case NET_CONV:
        return conv_add(g, "", row->name, x, &row->window, row->k[0], row);
    case NET_MAXPOOL:
        return pool_add(g, GRAPH_MAXPOOL, "", row->name, x, &row->window);
    case NET_AVGPOOL:
        return pool_add(g, GRAPH_AVGPOOL, "", row->name, x, &row->window);
    case NET_DENSE:
        return dense_add(g, row, x, row->k[0]);
    case NET_DROPOUT:
        return dropout_add(g, row, x);
    case NET_INCEPTION:
        return inception_add(g, row, x);
    case NET_HEAD:
        return head_add(g, row, x);
    }
    return x;
}

/* The value that a row reads. */
static int input_of(const struct graph *g, const struct net_row *row, int above)
{
    if (!row->from)
        return above;
    for (int i = 0; i < g->n_values; i++)
        if (!strcmp(g->values[i].name, row->from))
            return i;
    assert(!"a row names a layer that is not above it");
    return above;
}

/*
 * A max pool that alone reads what a ReLU made passes the mask on to its own
 * output.  The winner of a window is 0 where the output is 0, so a gradient
 * that is 0 there gives the winner 0, too.  Then training need not keep the
 * pool's input, the largest values of the net.
 */
static void pass_mask_on(struct graph *g, const struct graph_layer *l)
{
    struct graph_value *x = &g->values[l->x];

    if (l->kind != GRAPH_MAXPOOL || x->readers != 1 || !x->relu)
        return;
    x->relu = false;
    g->values[l->y].relu = true;
}

clade_status graph_new(struct graph *g, const char *net)
{
    const struct net_table *t = net_table_find(net);
    int y;

    *g = (struct graph){ .table = t };
    if (!t)
        return clade_fail(CLADE_EUSAGE, "no net '%s'; there is: %s", net,
                          net_table_names);
    g->values = calloc(t->n_rows * (ROW_LAYERS + 2) + 1, sizeof *g->values);
    g->layers = calloc(t->n_rows * ROW_LAYERS, sizeof *g->layers);
    g->parameters = calloc(t->n_rows * ROW_PARAMETERS, sizeof *g->parameters);
    g->joints = calloc(t->n_rows, sizeof *g->joints);
    if (!g->values || !g->layers || !g->parameters || !g->joints) {
        graph_free(g);
        return clade_fail(CLADE_ENOMEM, "net '%s': out of memory", net);
    }
    y = value_add(g, "input", t->h, t->w, t->c, false);
    for (int i = 0; i < t->n_rows; i++)
        y = row_add(g, &t->rows[i], input_of(g, &t->rows[i], y));
    for (int i = 0; i < g->n_layers; i++) {
        if (g->layers[i].kernel >= 0)
            parameters_place(g, &g->layers[i]);
        pass_mask_on(g, &g->layers[i]);
    }
    return CLADE_OK;
}

void graph_free(struct graph *g)
{
    free(g->values);
    free(g->layers);
    free(g->parameters);
    free(g->joints);
    *g = (struct graph){ 0 };
}
