/* SPDX-License-Identifier: Apache-2.0 */
#include "net/state.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "op/op.h"
#include "status.h"

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* The bytes of the buffers whose size the config alone decides. */
static void size_fixed(clade_net *net)
{
    const struct graph *g = &net->graph;
    const size_t size = clade_type_size(net->real);
    const size_t parameters = g->elements * size;

    for (int i = 0; i < NET_BUFFERS; i++)
        net->fixed[i] = (struct plan_block){ .type = net->real,
                                             .first = INT_MAX,
                                             .last = -1 };
    net->fixed[NET_VALUES].base.bytes = parameters;
    net->fixed[NET_TABLE].base.bytes = 256 * size;
    net->fixed[NET_RESULTS].base.bytes =
        (size_t)g->n_heads * net->largest * (size + 1);
    if (!net->training)
        return;
    net->fixed[NET_GRADIENTS].base.bytes = parameters;
    net->fixed[NET_MOMENTA].base.bytes = parameters;
}

static clade_status make_plans(clade_net *net, const struct clade_net_config *c)
{
    const struct {
        int batch;
        bool training;
    } wanted[NET_PLANS] = { { c->train_batch, true },
                            { c->train_last, true },
                            { c->eval_batch, false },
                            { c->eval_last, false } };
    clade_status st;

    for (int i = 0; i < NET_PLANS; i++) {
        if (wanted[i].batch <= 0 ||
            net_plan(net, wanted[i].batch, wanted[i].training))
            continue;
        if ((st = plan_new(net, wanted[i].batch, wanted[i].training,
                           c->algorithm)))
            return st;
    }
    return CLADE_OK;
}

/* Packed filters stay, so each has a place of its own. */
static void place_packed(clade_net *net)
{
    struct plan_block *all = &net->fixed[NET_PACKED];

    for (int i = 0; i < net->n_packed; i++) {
        net->packed[i].block.at = all->base.bytes;
        all->base.bytes += memory_align(net->packed[i].block.base.bytes);
    }
}

static clade_status place(clade_net *net)
{
    const uint64_t limit = clade_backend_device(net->be)->max_alloc;
    clade_status st;

    place_packed(net);
    for (int i = 0; i < net->n_plans; i++) {
        struct plan *p = &net->plans[i];
        uint64_t sum = 0;

        if ((st = memory_place(p->blocks, p->n_blocks, net->arenas,
                               &net->n_arenas, limit)))
            return st;
        for (int k = 0; k < p->n_blocks; k++)
            if (p->blocks[k].last >= 0)
                sum += memory_align(p->blocks[k].base.bytes);
        if (net->memory.unshared < sum)
            net->memory.unshared = sum;
    }
    return CLADE_OK;
}

/* The bytes that a step's images and labels wait in. */
static size_t staging_bytes(const clade_net *net)
{
    const struct net_table *t = net->graph.table;

    return ((size_t)t->source_h * t->source_w * t->c + 1) * net->largest;
}

static void measure(clade_net *net)
{
    struct clade_net_memory *m = &net->memory;
    const struct plan_block *f = net->fixed;

    m->parameters = f[NET_VALUES].base.bytes + f[NET_GRADIENTS].base.bytes +
                    f[NET_MOMENTA].base.bytes;
    m->packed = f[NET_PACKED].base.bytes;
    m->workspace = f[NET_WORKSPACE].base.bytes;
    for (int i = 0; i < net->n_arenas; i++)
        m->activations += net->arenas[i].bytes;
    m->total = m->parameters + m->packed + m->activations + m->workspace +
               f[NET_TABLE].base.bytes + f[NET_RESULTS].base.bytes +
               staging_bytes(net);
}

static clade_status check_size(const clade_net *net)
{
    const struct clade_device *d = clade_backend_device(net->be);
    const uint64_t others = clade_backend_memory(net->be);
    const uint64_t left = d->memory > others ? d->memory - others : 0;

    if (d->memory && net->memory.total > left)
        return clade_fail(CLADE_ETOOSMALL,
                          "the net takes %.1f MB, and %s has %.1f MB left",
                          net->memory.total / 1e6, d->name, left / 1e6);
    for (int i = 0; i < NET_BUFFERS; i++)
        if (d->max_alloc && net->fixed[i].base.bytes > d->max_alloc)
            return clade_fail(CLADE_ETOOSMALL,
                              "the net wants %.1f MB in one buffer, and %s "
                              "allows %.1f MB",
                              net->fixed[i].base.bytes / 1e6, d->name,
                              d->max_alloc / 1e6);
    return CLADE_OK;
}

/* Take an earlier net's choices: fma now, algorithms as ops are planned. */
static clade_status keep(clade_net *net, const char *algorithms)
{
    const json_t *fma;

    net->kept = json_loads(algorithms, 0, NULL);
    fma = json_object_get(net->kept, "fma");
    return fma ? clade_backend_fuse(net->be, json_is_true(fma)) : CLADE_OK;
}

/* All that can be settled before anything is allocated on the device. */
static clade_status draft(clade_net **out, clade_backend *be,
                          const struct clade_net_config *c)
{
    clade_net *net = calloc(1, sizeof *net);
    clade_status st;

    if (!net)
        return clade_fail(CLADE_ENOMEM, "a net: out of memory");
    net->be = be;
    net->real = clade_backend_real(be);
    net->momentum = c->momentum;
    net->dropout = c->dropout;
    net->training = c->train_batch > 0 || c->train_last > 0;
    net->largest = most(most(c->train_batch, c->train_last),
                        most(c->eval_batch, c->eval_last));
    net->step.seed = c->seed;
    if (c->algorithms && (st = keep(net, c->algorithms)))
        goto out;
    if ((st = graph_new(&net->graph, c->net)))
        goto out;
    net->packed =
        calloc(2 * NET_PLANS * net->graph.n_layers + 1, sizeof *net->packed);
    if (!net->packed) {
        st = clade_fail(CLADE_ENOMEM, "a net: out of memory");
        goto out;
    }
    size_fixed(net);
    if ((st = make_plans(net, c)) || (st = place(net)))
        goto out;
    measure(net);
    if ((st = check_size(net)))
        goto out;
    *out = net;
    net = NULL;
out:
    clade_net_free(net);
    return st;
}

/* A device may refuse what it said it has: others use it, too. */
static clade_status device_alloc(const clade_net *net,
                                 struct clade_buffer **buffer, size_t bytes,
                                 enum clade_memory where)
{
    const clade_status st = clade_backend_alloc(net->be, buffer, bytes, where);

    return st == CLADE_ENOMEM ? CLADE_ETOOSMALL : st;
}

static clade_status allocate(clade_net *net)
{
    clade_status st;

    for (int i = 0; i < NET_BUFFERS; i++)
        if (net->fixed[i].base.bytes &&
            (st = device_alloc(net, &net->fixed[i].real,
                               net->fixed[i].base.bytes, CLADE_MEMORY_DEVICE)))
            return st;
    for (int i = 0; i < net->n_arenas; i++)
        if ((st = device_alloc(net, &net->arenas[i].buffer,
                               net->arenas[i].bytes, CLADE_MEMORY_DEVICE)))
            return st;
    if (!net->largest)
        return CLADE_OK;
    net->results = malloc(net->fixed[NET_RESULTS].base.bytes);
    if (!net->results)
        return clade_fail(CLADE_ENOMEM, "a net's results: out of memory");
    /*
     * Copied from even where host and device share memory: a kernel may not
     * read a buffer that is mapped, so each step would have to give it to the
     * device and take it back, between the last op that reads a label and the
     * update, which the next step must not wait for; and every tensor of these
     * bytes would have two homes.  98 kB take 1 to 10 us to copy.
     */
    return device_alloc(net, &net->staging, staging_bytes(net),
                        CLADE_MEMORY_HOST);
}

static bool fits(clade_backend *be, struct clade_net_config c, int batch)
{
    clade_net *net = NULL;
    int *batches[] = { &c.train_batch, &c.train_last, &c.eval_batch,
                       &c.eval_last };
    bool ok;

    for (int i = 0; i < NET_PLANS; i++)
        if (*batches[i] > batch)
            *batches[i] = batch;
    ok = !draft(&net, be, &c) && !allocate(net);
    clade_net_free(net);
    return ok;
}

/* The largest batch whose plans fit, by trying; adds it to the message. */
static clade_status suggest(clade_backend *be, const struct clade_net_config *c)
{
    int good = 0, bad = most(most(c->train_batch, c->train_last),
                             most(c->eval_batch, c->eval_last));
    char why[512];

    snprintf(why, sizeof why, "%s", clade_error());
    while (bad - good > 1) {
        const int try = good + (bad - good) / 2;

        if (fits(be, *c, try))
            good = try;
        else
            bad = try;
    }
    if (good)
        return clade_fail(CLADE_ETOOSMALL,
                          "%s; a batch of %d fits (--batch %d)", why, good,
                          good);
    return clade_fail(CLADE_ETOOSMALL,
                      "%s; not even a batch of 1 fits: take another device",
                      why);
}

static void bind(clade_net *net)
{
    for (int i = 0; i < net->n_packed; i++)
        net->packed[i].block.real = net->fixed[NET_PACKED].real;
    for (int i = 0; i < net->n_plans; i++) {
        struct plan *p = &net->plans[i];

        for (int k = 0; k < p->n_blocks; k++)
            if (p->blocks[k].arena >= 0)
                p->blocks[k].real = net->arenas[p->blocks[k].arena].buffer;
        plan_bind(p);
    }
}

static clade_status prepare(clade_net *net)
{
    clade_status st;

    for (int i = 0; i < net->n_plans; i++) {
        struct plan *p = &net->plans[i];

        for (int k = 0; k < p->phase[PLAN_PHASES]; k++)
            if ((st = clade_backend_prepare(net->be, &p->tasks[k], &p->ops[k])))
                return st;
    }
    return CLADE_OK;
}

static clade_status list_algorithms(clade_net *net)
{
    json_t *all = json_object();
    char key[128], text[CLADE_CHOICE_TEXT];

    json_object_set_new(all, "fma",
                        json_boolean(clade_backend_device(net->be)->fma));
    for (int i = 0; i < net->n_plans; i++) {
        const struct plan *p = &net->plans[i];

        for (int k = 0; k < p->phase[PLAN_PHASES]; k++) {
            const struct clade_op *op = &p->ops[k];

            if (!op_is_product(op->kind))
                continue;
            plan_key(key, sizeof key, p, op);
            json_object_set_new(
                all, key, json_string(clade_choice_text(text, &op->choice)));
        }
    }
    net->algorithms = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return net->algorithms
               ? CLADE_OK
               : clade_fail(CLADE_ENOMEM, "a net's algorithms: out of memory");
}

clade_status clade_net_new(clade_net **out, clade_backend *be,
                           const struct clade_net_config *config)
{
    clade_net *net = NULL;
    clade_status st = draft(&net, be, config);

    if (!st)
        st = allocate(net);
    if (st == CLADE_ETOOSMALL) {
        clade_net_free(net);
        return suggest(be, config);
    }
    if (st)
        goto out;
    bind(net);
    if ((st = prepare(net)) || (st = net_list_parameters(net)) ||
        (st = list_algorithms(net)) ||
        (st = net_initialise(net, config->seed, config->record_init)))
        goto out;
    *out = net;
    net = NULL;
out:
    clade_net_free(net);
    return st;
}

void clade_net_free(clade_net *net)
{
    if (!net)
        return;
    for (int i = 0; i < net->n_plans; i++) {
        for (int k = 0; k < net->plans[i].phase[PLAN_PHASES]; k++)
            clade_backend_release(net->be, net->plans[i].tasks[k]);
        plan_free(&net->plans[i]);
    }
    clade_backend_free(net->be, net->staging);
    for (int i = 0; i < net->n_arenas; i++)
        clade_backend_free(net->be, net->arenas[i].buffer);
    for (int i = 0; i < NET_BUFFERS; i++)
        clade_backend_free(net->be, net->fixed[i].real);
    graph_free(&net->graph);
    free(net->packed);
    free(net->parameters);
    free(net->results);
    free(net->algorithms);
    json_decref(net->kept);
    free(net);
}

struct clade_net_memory clade_net_memory(const clade_net *net)
{
    return net->memory;
}

struct clade_net_shape clade_net_shape(const clade_net *net)
{
    const struct graph *g = &net->graph;
    const struct net_table *t = g->table;
    struct clade_net_shape s = { .source_h = t->source_h,
                                 .source_w = t->source_w,
                                 .h = t->h,
                                 .w = t->w,
                                 .c = t->c,
                                 .classes = t->classes,
                                 .heads = g->n_heads,
                                 .parameters = g->count };

    for (int i = 0; i < g->n_heads; i++) {
        s.head[i] = g->head[i]->title;
        s.weight[i] = g->head[i]->weight;
    }
    return s;
}

const char *clade_net_algorithms(const clade_net *net)
{
    return net->algorithms;
}

const struct plan *net_plan(const clade_net *net, int n, bool training)
{
    for (int i = 0; i < net->n_plans; i++)
        if (net->plans[i].batch == n && net->plans[i].training == training)
            return &net->plans[i];
    return NULL;
}

clade_backend *net_backend(const clade_net *net)
{
    return net->be;
}
