/* SPDX-License-Identifier: Apache-2.0 */
#include "train/tensors.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

#define MOMENTUM "momentum/"

static char *momentum_name(const char *name)
{
    size_t n = sizeof MOMENTUM + strlen(name);
    char *text = malloc(n);

    if (text)
        snprintf(text, n, MOMENTUM "%s", name);
    return text;
}

/* Add a tensor with the shape of a parameter. */
static void add(struct tensors *t, const struct graph_parameter *p,
                const char *name)
{
    struct safetensor *to = &t->list[t->count++];

    *to = (struct safetensor){ .name = name, .dims = p->dims };
    for (int d = 0; d < p->dims; d++)
        to->shape[d] = p->shape[d];
}

clade_status tensors_new(struct tensors *t, const struct graph *graph,
                         bool momenta)
{
    bool room;

    *t = (struct tensors){ .momenta = momenta };
    t->list = calloc((size_t)graph->n_parameters * 2, sizeof *t->list);
    room = t->list;
    for (int i = 0; room && i < graph->n_parameters; i++) {
        const struct graph_parameter *p = &graph->parameters[i];

        add(t, p, p->name);
        if (momenta)
            add(t, p, momentum_name(p->name));
        room = t->list[t->count - 1].name;
    }
    return room ? CLADE_OK
                : clade_fail(CLADE_ENOMEM, "a list of tensors: out of memory");
}

void tensors_free(struct tensors *t)
{
    for (int i = 1; t->momenta && i < t->count; i += 2)
        free((char *)t->list[i].name);
    free(t->list);
    *t = (struct tensors){ 0 };
}

static bool same_shape(const struct safetensor *a, const struct safetensor *b)
{
    bool same = a->dims == b->dims;

    for (int d = 0; same && d < a->dims; d++)
        same = a->shape[d] == b->shape[d];
    return same;
}

/* A shape as a text, "[3,3,64,64]". */
static const char *shape_text(char text[96], const struct safetensor *t)
{
    size_t at = 1;

    text[0] = '[';
    for (int d = 0; d < t->dims; d++)
        at += (size_t)snprintf(text + at, 96 - at, "%s%lld", d ? "," : "",
                               (long long)t->shape[d]);
    snprintf(text + at, 96 - at, "]");
    return text;
}

static clade_status check_tensor(const struct safetensors *file,
                                 const struct safetensor *wanted)
{
    const struct safetensor *t = safetensors_find(file, wanted->name);
    char has[96], wants[96];

    if (!t)
        return clade_fail(CLADE_EDATA, "%s: tensor %s is missing",
                          safetensors_path(file), wanted->name);
    if (same_shape(t, wanted))
        return CLADE_OK;
    return clade_fail(CLADE_EDATA,
                      "%s: tensor %s: its shape is %s, the net's %s",
                      safetensors_path(file), wanted->name, shape_text(has, t),
                      shape_text(wants, wanted));
}

static bool has_name(const struct tensors *t, const char *name)
{
    for (int i = 0; i < t->count; i++)
        if (!strcmp(t->list[i].name, name))
            return true;
    return false;
}

clade_status tensors_check(const struct tensors *t,
                           const struct safetensors *file)
{
    const struct safetensor *list;
    clade_status st = CLADE_OK;
    int held;

    list = safetensors_list(file, &held);
    for (int i = 0; i < t->count && !st; i++)
        st = check_tensor(file, &t->list[i]);
    for (int i = 0; held > t->count && i < held && !st; i++)
        if (!has_name(t, list[i].name))
            st = clade_fail(
                CLADE_EDATA, "%s: tensor %s: %s", safetensors_path(file),
                list[i].name,
                strncmp(list[i].name, MOMENTUM, strlen(MOMENTUM))
                    ? "the net has no such parameter"
                    : "a file with momenta needs a checkpoint's metadata; "
                      "leave the momenta out to use the weights alone");
    return st;
}

/* Set the number of a net's parameters that a file has, with their shapes. */
static clade_status count_fits(int *fits, const char *net,
                               const struct safetensors *file)
{
    struct tensors t = { 0 };
    struct graph graph;
    clade_status st = graph_new(&graph, net);

    if (!st)
        st = tensors_new(&t, &graph, false);
    *fits = 0;
    for (int i = 0; i < t.count && !st; i++) {
        const struct safetensor *found = safetensors_find(file, t.list[i].name);

        *fits += found && same_shape(found, &t.list[i]);
    }
    tensors_free(&t);
    graph_free(&graph);
    return st;
}

clade_status tensors_net(const char **net, const struct safetensors *file)
{
    const struct net_table *t;
    int best = 0;

    for (int i = 0; (t = net_table_at(i)); i++) {
        int fits;
        const clade_status st = count_fits(&fits, t->name, file);

        if (st)
            return st;
        if (fits > best) {
            best = fits;
            *net = t->name;
        }
    }
    if (best)
        return CLADE_OK;
    return clade_fail(CLADE_EDATA,
                      "%s: has no tensor of a net that is known (%s): not one "
                      "has a parameter's name and shape, as conv1/kernel",
                      safetensors_path(file), net_table_names);
}
