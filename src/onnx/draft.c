/* SPDX-License-Identifier: Apache-2.0 */
#include "onnx/draft.h"

#include <stdio.h>
#include <stdlib.h>

#include "status.h"
#include "train/train.h"

/* A layer makes at most three nodes, and one more completes a module. */
#define LAYER_NODES 4

/* ---- nodes --------------------------------------------------------------- */

/* Add a node with one input and an output.  `name` is both the node's and the
 * output's. */
static struct onnx_node *node_add(struct onnx_draft *d, const char *type,
                                  const char *input, const char *name)
{
    struct onnx_node *n = &d->nodes[d->n_nodes++];

    onnx__node_proto__init(&n->message);
    n->message.op_type = (char *)type;
    n->message.input = n->input;
    n->message.output = n->output;
    n->message.attribute = n->attributes;
    n->message.name = n->output[0] = (char *)name;
    n->message.n_output = 1;
    n->input[n->message.n_input++] = (char *)input;
    return n;
}

/* The same; it gets a name of its own, "conv1/sum", for what comes between the
 * layers' values. */
static struct onnx_node *node_between(struct onnx_draft *d, const char *type,
                                      const char *input, const char *layer,
                                      const char *what)
{
    struct onnx_node *n = node_add(d, type, input, NULL);

    snprintf(n->name, sizeof n->name, "%s/%s", layer, what);
    n->message.name = n->output[0] = n->name;
    return n;
}

static void input_add(struct onnx_node *n, const char *name)
{
    n->input[n->message.n_input++] = (char *)name;
}

static Onnx__AttributeProto *
attribute_add(struct onnx_node *n, const char *name,
              Onnx__AttributeProto__AttributeType t)
{
    const size_t i = n->message.n_attribute++;
    Onnx__AttributeProto *a = n->attributes[i] = &n->attribute[i];

    onnx__attribute_proto__init(a);
    a->name = (char *)name;
    a->has_type = true;
    a->type = t;
    a->ints = n->ints[i];
    return a;
}

static void set_int(struct onnx_node *n, const char *name, int64_t value)
{
    Onnx__AttributeProto *a =
        attribute_add(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);

    a->has_i = true;
    a->i = value;
}

static void set_ints(struct onnx_node *n, const char *name, size_t count,
                     const int values[4])
{
    Onnx__AttributeProto *a =
        attribute_add(n, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);

    a->n_ints = count;
    for (size_t i = 0; i < count; i++)
        a->ints[i] = values[i];
}

static void set_window(struct onnx_node *n, const struct clade_window *w)
{
    set_ints(n, "kernel_shape", 2, (int[4]){ w->r, w->s });
    set_ints(n, "strides", 2, (int[4]){ w->stride, w->stride });
    set_ints(n, "pads", 4, (int[4]){ w->top, w->left, w->bottom, w->right });
}

/* ---- parameters ---------------------------------------------------------- */

/*
 * A kernel's [pixels][c][k] becomes [k][c][pixels]: HWIO becomes OIHW.  The
 * kernel of a dense layer, whose inputs are the pixels of an image with all
 * their channels, becomes [k][inputs], with inputs in the order of ONNX' NCHW.
 */
static void permute(float *to, const float *from, int pixels, int c, int k)
{
    for (int i = 0; i < pixels; i++)
        for (int j = 0; j < c; j++)
            for (int l = 0; l < k; l++)
                to[((int64_t)l * c + j) * pixels + i] = *from++;
}

static clade_status read_values(struct onnx_parameter *to,
                                clade_checkpoint *checkpoint,
                                const struct graph_parameter *p, int pixels)
{
    const int k = p->shape[p->dims - 1];
    float *v = malloc((size_t)p->count * sizeof *v);
    clade_status st;

    to->values = malloc((size_t)p->count * sizeof *to->values);
    if (!v || !to->values)
        st = clade_fail(CLADE_ENOMEM, "%s: %s: out of memory",
                        checkpoint_path(checkpoint), p->name);
    else
        st = checkpoint_tensor(checkpoint, v, p->name);
    if (!st)
        permute(to->values, v, pixels, (int)(p->count / pixels / k), k);
    free(v);
    return st;
}

static clade_status parameter_add(struct onnx_draft *d,
                                  clade_checkpoint *checkpoint,
                                  const struct graph_parameter *p, int pixels)
{
    /* Where the extents of a kernel's or a bias' shape go to. */
    static const int order[5][4] = {
        [1] = { 0 }, [2] = { 1, 0 }, [4] = { 3, 2, 0, 1 }
    };
    struct onnx_parameter *to = &d->parameters[d->n_parameters++];
    Onnx__TensorProto *m = &to->message;
    clade_status st = read_values(to, checkpoint, p, pixels);

    onnx__tensor_proto__init(m);
    m->name = (char *)p->name;
    m->has_data_type = true;
    m->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
    m->n_dims = (size_t)p->dims;
    m->dims = to->dims;
    for (int i = 0; i < p->dims; i++)
        to->dims[i] = p->shape[order[p->dims][i]];
    m->n_float_data = (size_t)p->count;
    m->float_data = to->values;
    return st;
}

/* Add the kernel and the bias of a layer; they are inputs of `node`. */
static clade_status parameters_add(struct onnx_draft *d,
                                   clade_checkpoint *checkpoint,
                                   struct onnx_node *node,
                                   const struct graph_layer *l, int pixels)
{
    const struct graph_parameter *p =
        &checkpoint_graph(checkpoint)->parameters[l->kernel];
    const clade_status st = parameter_add(d, checkpoint, p, pixels);

    input_add(node, p[0].name);
    input_add(node, p[1].name);
    return st ? st : parameter_add(d, checkpoint, p + 1, 1);
}

/* ---- layers -------------------------------------------------------------- */

/* Add what computes a product of x; `name` is its output's, after the ReLU. */
static clade_status product_add(struct onnx_draft *d,
                                clade_checkpoint *checkpoint,
                                const struct graph_layer *l, const char *x,
                                const char *name)
{
    const struct graph_value *v = &checkpoint_graph(checkpoint)->values[l->x];
    const bool conv = l->kind == GRAPH_CONV;
    struct onnx_node *n;

    if (!conv) {
        n = node_between(d, "Flatten", x, l->name, "flat");
        set_int(n, "axis", 1);
        x = n->name;
    }
    n = l->relu ? node_between(d, conv ? "Conv" : "Gemm", x, l->name, "sum")
                : node_add(d, conv ? "Conv" : "Gemm", x, name);
    if (conv)
        set_window(n, &l->window);
    else
        set_int(n, "transB", 1);
    if (l->relu)
        node_add(d, "Relu", n->name, name);
    return parameters_add(d, checkpoint, n, l,
                          conv ? l->window.r * l->window.s : v->h * v->w);
}

static void pool_add(struct onnx_draft *d, const struct graph_layer *l,
                     const char *x)
{
    const char *type = l->kind == GRAPH_MAXPOOL ? "MaxPool" : "AveragePool";

    set_window(node_add(d, type, x, l->name), &l->window);
}

/* Put the branches of a module side by side, once the last one is there.  The
 * graph has them in the order of their channels. */
static void concatenate(struct onnx_draft *d, const struct graph *g, int value)
{
    struct onnx_node *n = NULL;

    for (int i = 0; i < g->n_layers; i++) {
        const struct graph_layer *l = &g->layers[i];

        if (l->y != value)
            continue;
        if (n)
            input_add(n, l->name);
        else
            n = node_add(d, "Concat", l->name, g->values[value].name);
    }
    set_int(n, "axis", 1);
}

static clade_status layer_add(struct onnx_draft *d,
                              clade_checkpoint *checkpoint,
                              const struct graph_layer *l)
{
    const struct graph *g = checkpoint_graph(checkpoint);
    const bool branch = l->k != g->values[l->y].c;
    const char *x = d->names[l->x];
    clade_status st = CLADE_OK;

    switch (l->kind) {
    case GRAPH_CONV:
    case GRAPH_DENSE:
        st =
            product_add(d, checkpoint, l, x, branch ? l->name : d->names[l->y]);
        break;
    case GRAPH_MAXPOOL:
    case GRAPH_AVGPOOL:
        pool_add(d, l, x);
        break;
    case GRAPH_DROPOUT: /* only training has it */
        d->names[l->y] = x;
        break;
    case GRAPH_HEAD: /* the model ends with its logits */
    case GRAPH_KINDS:
        break;
    }
    if (l->whole)
        concatenate(d, g, l->y);
    return st;
}

/* Find what the main head needs, from its logits back to the input. */
static void find_needed(struct onnx_draft *d, const struct graph *g)
{
    for (int i = g->n_layers - 1; i >= 0; i--) {
        const struct graph_layer *l = &g->layers[i];
        const bool end = l->kind == GRAPH_HEAD && l->head == 0;

        if (end)
            d->names[l->x] = ONNX_OUTPUT;
        d->needed[l->x] |= end || d->needed[l->y];
    }
}

clade_status onnx_draft_new(struct onnx_draft *d, clade_checkpoint *checkpoint)
{
    const struct graph *g = checkpoint_graph(checkpoint);
    const size_t layers = (size_t)g->n_layers, values = (size_t)g->n_values;
    clade_status st = CLADE_OK;

    *d = (struct onnx_draft){ 0 };
    d->nodes = calloc(layers * LAYER_NODES, sizeof *d->nodes);
    d->parameters = calloc((size_t)g->n_parameters, sizeof *d->parameters);
    d->needed = calloc(values, sizeof *d->needed);
    d->names = calloc(values, sizeof *d->names);
    if (!d->nodes || !d->parameters || !d->needed || !d->names)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory",
                          checkpoint_path(checkpoint));
    for (size_t i = 0; i < values; i++)
        d->names[i] = i ? g->values[i].name : ONNX_INPUT;
    find_needed(d, g);
    for (size_t i = 0; i < layers && !st; i++)
        if (d->needed[g->layers[i].y])
            st = layer_add(d, checkpoint, &g->layers[i]);
    return st;
}

void onnx_draft_free(struct onnx_draft *d)
{
    for (int i = 0; i < d->n_parameters; i++)
        free(d->parameters[i].values);
    free(d->nodes);
    free(d->parameters);
    free(d->needed);
    free(d->names);
    *d = (struct onnx_draft){ 0 };
}
