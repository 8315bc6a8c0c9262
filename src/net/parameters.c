/* SPDX-License-Identifier: Apache-2.0 */
#include "net/state.h"

#include <stdlib.h>
#include <string.h>

#include "op/check.h"
#include "rng.h"
#include "status.h"

struct clade_tensor net_tensor_at(const clade_net *net, enum net_buffer which,
                                  int64_t offset, int64_t elements,
                                  enum clade_type type)
{
    return clade_tensor_at((struct clade_buffer *)&net->fixed[which].base,
                           offset, 1, 1, 1, elements, type);
}

struct clade_tensor net_parameter(const clade_net *net, int i,
                                  enum net_buffer which)
{
    const struct graph_parameter *p = &net->graph.parameters[i];
    struct clade_tensor t =
        net_tensor_at(net, which, p->offset, p->count, net->real);

    t.c = p->shape[p->dims - 1];
    t.ld = p->ld;
    if (p->dims >= 2)
        t.w = p->shape[p->dims - 2];
    if (p->dims == 4) {
        t.n = p->shape[0];
        t.h = p->shape[1];
    }
    return t;
}

/* The same, bound; absent if the net has no such buffer. */
static struct clade_tensor bound_parameter(const clade_net *net, int i,
                                           enum net_buffer which)
{
    struct clade_tensor t = { 0 };

    if (net->fixed[which].real &&
        net->fixed[which].base.bytes == net->fixed[NET_VALUES].base.bytes) {
        t = net_parameter(net, i, which);
        net_bind_tensor(&t);
    }
    return t;
}

clade_status net_list_parameters(clade_net *net)
{
    const struct graph *g = &net->graph;

    net->parameters = calloc(g->n_parameters, sizeof *net->parameters);
    if (!net->parameters)
        return clade_fail(CLADE_ENOMEM, "a net's parameters: out of memory");
    for (int i = 0; i < g->n_parameters; i++) {
        const struct graph_parameter *p = &g->parameters[i];
        struct clade_parameter *q = &net->parameters[i];

        q->name = p->name;
        q->dims = p->dims;
        memcpy(q->shape, p->shape, sizeof q->shape);
        q->value = bound_parameter(net, i, NET_VALUES);
        q->gradient = bound_parameter(net, i, NET_GRADIENTS);
        q->momentum = bound_parameter(net, i, NET_MOMENTA);
    }
    return CLADE_OK;
}

int clade_net_parameters(const clade_net *net,
                         const struct clade_parameter **list)
{
    if (list)
        *list = net ? net->parameters : NULL;
    return net ? net->graph.n_parameters : 0;
}

/* Element i of a parameter, from the seed and the layer's name. */
static float initial_value(const struct graph_parameter *p, uint64_t seed,
                           bool record, uint32_t stream, int64_t i)
{
    double u;

    if (p->bias)
        return p->initial;
    u = record ? rng_record(p->name, seed, i) : rng_uniform(seed, 0, stream, i);
    return (2 * u - 1) * p->limit;
}

/* Parameter k's initial values, each in its place among all. */
static void fill_initial(float *all, const clade_net *net, int k, uint64_t seed,
                         bool record)
{
    const struct graph_parameter *p = &net->graph.parameters[k];
    const int width = p->shape[p->dims - 1];
    const uint32_t stream = rng_stream("kernel", p->layer);

    for (int64_t i = 0; i < p->count; i++)
        all[p->offset + i / width * p->ld + i % width] =
            initial_value(p, seed, record, stream, i);
}

static clade_status write_initial(clade_net *net, uint64_t seed, bool record)
{
    const struct graph *g = &net->graph;
    float *all = calloc(g->elements, sizeof *all);
    clade_status st;

    if (!all)
        return clade_fail(CLADE_ENOMEM, "initial values: out of memory");
    for (int k = 0; k < g->n_parameters; k++)
        fill_initial(all, net, k, seed, record);
    st = net_write_reals(net, net->fixed[NET_VALUES].real, 0, all, g->elements);
    free(all);
    net->version++;
    return st;
}

clade_status net_initialise(clade_net *net, uint64_t seed, bool record_init)
{
    struct plan_block *f = net->fixed;
    float table[256];
    clade_status st;

    for (int i = 0; i < 256; i++)
        table[i] = (float)i / 255;
    if ((st = net_write_reals(net, f[NET_TABLE].real, 0, table, 256)) ||
        (st = write_initial(net, seed, record_init)) || !net->training)
        return st;
    if ((st = clade_backend_fill(net->be, f[NET_GRADIENTS].real, 0,
                                 f[NET_GRADIENTS].base.bytes, 0)))
        return st;
    return clade_backend_fill(net->be, f[NET_MOMENTA].real, 0,
                              f[NET_MOMENTA].base.bytes, 0);
}

clade_status net_write_reals(clade_net *net, struct clade_buffer *to,
                             int64_t at, const float *from, int64_t n)
{
    const size_t size = clade_type_size(net->real);
    const void *bytes = from;
    double *wide = NULL;
    clade_status st;

    if (net->real == CLADE_F64) {
        if (!(wide = malloc(n * sizeof *wide)))
            return clade_fail(CLADE_ENOMEM, "%lld numbers: out of memory",
                              (long long)n);
        for (int64_t i = 0; i < n; i++)
            wide[i] = from[i];
        bytes = wide;
    }
    st = clade_backend_write(net->be, to, at * size, bytes, n * size);
    if (!st)
        st = clade_backend_finish(net->be);
    free(wide);
    return st;
}

/* Does it lie in the parameters, their gradients or momenta? */
static bool is_parameter(const clade_net *net, const struct clade_tensor *t)
{
    static const enum net_buffer buffers[] = { NET_VALUES, NET_GRADIENTS,
                                               NET_MOMENTA };
    bool found = false;

    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        found |= t->buffer && t->buffer == net->fixed[buffers[i]].real;
    return found && t->type == net->real && clade_tensor_elements(t) >= 1 &&
           t->ld >= t->c && t->offset >= 0 &&
           clade_tensor_pixels(t) <= net->graph.elements &&
           span_of(t) <= net->graph.elements - t->offset;
}

static clade_status check_parameter(const char *function, const clade_net *net,
                                    const void *numbers,
                                    const struct clade_tensor *t)
{
    const clade_status st =
        status_given(function, "net and the numbers", net && numbers);

    if (st || is_parameter(net, t))
        return st;
    return clade_fail(CLADE_EUSAGE,
                      "%s: not a tensor of clade_net_parameters()%s", function,
                      t->buffer ? ""
                                : ": it is absent, as gradients and "
                                  "momenta are without training");
}

/* Read all from a tensor's first element to its last, in a copy that the caller
 * frees. */
static clade_status read_span(void **copy, clade_net *net,
                              const struct clade_tensor *t)
{
    const size_t size = clade_type_size(t->type);
    const size_t bytes = (size_t)span_of(t) * size;
    clade_status st;

    if (!(*copy = malloc(bytes)))
        return clade_fail(CLADE_ENOMEM, "%zu bytes of a tensor: no memory",
                          bytes);
    st = clade_backend_read(net->be, *copy, t->buffer, t->offset * size, bytes);
    if (st)
        free(*copy);
    return st;
}

/* Copy a tensor to float32, or from it, where element `at` of a host's memory is
 * the tensor's first. */
static void get_tensor(float *to, const struct clade_tensor *t,
                       const void *memory, int64_t at)
{
    for (int64_t i = 0; i < clade_tensor_pixels(t); i++, at += t->ld)
        for (int64_t c = 0; c < t->c; c++)
            *to++ = t->type == CLADE_F32
                        ? ((const float *)memory)[at + c]
                        : (float)((const double *)memory)[at + c];
}

static void put_tensor(void *memory, int64_t at, const struct clade_tensor *t,
                       const float *from)
{
    for (int64_t i = 0; i < clade_tensor_pixels(t); i++, at += t->ld)
        for (int64_t c = 0; c < t->c; c++) {
            if (t->type == CLADE_F32)
                ((float *)memory)[at + c] = *from++;
            else
                ((double *)memory)[at + c] = *from++;
        }
}

void net_parameter_get(const clade_net *net, int i, float *to,
                       const void *vector)
{
    const struct clade_tensor *t = &net->parameters[i].value;

    get_tensor(to, t, vector, t->offset);
}

void net_parameter_put(const clade_net *net, int i, void *vector,
                       const float *from)
{
    const struct clade_tensor *t = &net->parameters[i].value;

    put_tensor(vector, t->offset, t, from);
}

/* What lies between the tensor's elements is written as it was. */
clade_status clade_net_write(clade_net *net, struct clade_tensor t,
                             const float *from)
{
    const size_t size = clade_type_size(t.type);
    void *copy;
    clade_status st = check_parameter(__func__, net, from, &t);

    if (st || (st = read_span(&copy, net, &t)))
        return st;
    put_tensor(copy, 0, &t, from);
    net->version++;
    st = clade_backend_write(net->be, t.buffer, t.offset * size, copy,
                             (size_t)span_of(&t) * size);
    if (!st)
        st = clade_backend_finish(net->be);
    free(copy);
    return st;
}

clade_status net_tensor_read(clade_net *net, float *to,
                             const struct clade_tensor *t)
{
    void *copy;
    const clade_status st = read_span(&copy, net, t);

    if (st)
        return st;
    get_tensor(to, t, copy, 0);
    free(copy);
    return CLADE_OK;
}

clade_status clade_net_read(clade_net *net, float *to, struct clade_tensor t)
{
    const clade_status st = check_parameter(__func__, net, to, &t);

    return st ? st : net_tensor_read(net, to, &t);
}
