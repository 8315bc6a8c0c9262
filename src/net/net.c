/* SPDX-License-Identifier: Apache-2.0 */
#include "net/passes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/plan.h"
#include "net/rewrite.h"
#include "status.h"

/* The passes that settle a net before anything is allocated on the device, and
 * those that follow. */
struct named_pass {
    const char *name;
    net_pass *apply;
};
/* clang-format off */
static const struct named_pass settling[] = {
    { "layers",    pass_layers },
    { "rewrite",   pass_rewrite },
    { "choose",    pass_choose },
    { "pack",      pass_pack },
    { "lifetimes", pass_lifetimes },
    { "place",     pass_place },
    { NULL,        NULL },
};
static const struct named_pass finishing[] = {
    { "bind",      pass_bind },
    { "prepare",   pass_prepare },
    { NULL,        NULL },
};
/* clang-format on */

static clade_status watch(const struct net_watcher *watcher,
                          const clade_net *net, const char *pass)
{
    clade_status st = CLADE_OK;

    for (int i = 0; watcher && i < net->n_plans && !st; i++)
        st = watcher->passed(watcher->arg, pass, &net->plans[i]);
    return st;
}

static clade_status make_passes(clade_net *net,
                                const struct clade_net_config *config,
                                const struct named_pass *passes,
                                const struct net_watcher *watcher)
{
    clade_status st = CLADE_OK;

    for (const struct named_pass *p = passes; p->name && !st; p++)
        if (!(st = p->apply(net, config)))
            st = watch(watcher, net, p->name);
    return st;
}

static int most(int a, int b)
{
    return a > b ? a : b;
}

/* A plan that the config asks for. */
struct wanted {
    int batch;
    bool training;
};

static int share_count(const int *shares)
{
    int n = 0;

    while (shares && shares[n])
        n++;
    return n;
}

/* The i-th plan that the config asks for, perhaps of 0 images; false: there are
 * not so many. */
static bool wanted(struct wanted *w, const struct clade_net_config *c, int i)
{
    const struct wanted fixed[] = { { c->train_batch, true },
                                    { c->train_last, true },
                                    { c->eval_batch, false },
                                    { c->eval_last, false } };
    const int n_fixed = sizeof fixed / sizeof *fixed;
    const int n_train = share_count(c->train_shares);
    const int n_eval = share_count(c->eval_shares);

    if (i < n_fixed)
        *w = fixed[i];
    else if ((i -= n_fixed) < n_train)
        *w = (struct wanted){ c->train_shares[i], true };
    else if ((i -= n_train) < n_eval)
        *w = (struct wanted){ c->eval_shares[i], false };
    else
        return false;
    return true;
}

static int largest_batch(const struct clade_net_config *c)
{
    struct wanted w;
    int largest = 0;

    for (int i = 0; wanted(&w, c, i); i++)
        largest = most(largest, w.batch);
    return largest;
}

/* The bytes of the buffers whose sizes follow from the config. */
static void size_fixed(clade_net *net)
{
    const struct graph *g = &net->graph;
    const size_t size = clade_type_size(net->real);
    const size_t parameters = g->elements * size;
    const struct net_table *t = g->table;

    for (int i = 0; i < NET_BUFFERS; i++)
        net->fixed[i] = (struct plan_block){ .type = net->real,
                                             .first = INT_MAX,
                                             .last = -1 };
    net->fixed[NET_VALUES].base.bytes = parameters;
    net->fixed[NET_TABLE].base.bytes = 256 * size;
    net->fixed[NET_RESULTS].base.bytes =
        (size_t)g->n_heads * net->largest * (size + 1);
    net->staging_bytes =
        ((size_t)t->source_h * t->source_w * t->c + 1) * net->largest;
    if (!net->training)
        return;
    net->fixed[NET_GRADIENTS].base.bytes = parameters;
    net->fixed[NET_MOMENTA].base.bytes = net->piece.count * size;
}

/* Make the plans that the config asks for, still empty, each of at most `limit`
 * images. */
static clade_status list_plans(clade_net *net, const struct clade_net_config *c,
                               int limit)
{
    struct wanted w;
    int n = 0;

    while (wanted(&w, c, n))
        n++;
    if (!(net->plans = calloc(n, sizeof *net->plans)))
        return clade_fail(CLADE_ENOMEM, "%d plans: out of memory", n);
    for (int i = 0; wanted(&w, c, i); i++) {
        const int batch = w.batch < limit ? w.batch : limit;

        if (batch < 1)
            continue;
        net->largest = most(net->largest, batch);
        net->training |= w.training;
        if (!net_plan(net, batch, w.training))
            net->plans[net->n_plans++] =
                (struct plan){ .batch = batch, .training = w.training };
    }
    return CLADE_OK;
}

static clade_status check_config(const struct clade_net_config *c)
{
    const clade_status st =
        status_given("clade_net_new", "config->net", c->net);

    if (st)
        return st;
    if (c->train_batch < 0 || c->train_last < 0 || c->eval_batch < 0 ||
        c->eval_last < 0)
        return clade_fail(CLADE_EUSAGE,
                          "a net for batches of %d and %d images to train, %d "
                          "and %d to evaluate: 0 is the least",
                          c->train_batch, c->train_last, c->eval_batch,
                          c->eval_last);
    if (c->ranks < 0 || c->rank < 0 || c->rank > most(c->ranks - 1, 0))
        return clade_fail(CLADE_EUSAGE,
                          "a net that updates piece %d of %d of the parameters",
                          c->rank, c->ranks);
    return rewrite_check(c->without);
}

/* A net with its graph and its list of plans, each of at most `limit` images. */
static clade_status begin(clade_net **out, clade_backend *be,
                          const struct clade_net_config *c, int limit)
{
    clade_net *net;
    clade_status st;

    if ((st = check_config(c)))
        return st;
    if (!(net = calloc(1, sizeof *net)))
        return clade_fail(CLADE_ENOMEM, "a net: out of memory");
    net->be = be;
    net->real = clade_backend_real(be);
    net->momentum = c->momentum;
    net->dropout = c->dropout;
    net->step.seed = c->seed;
    if ((st = graph_new(&net->graph, c->net))) {
        free(net);
        return st;
    }
    *out = net;
    net->piece = net_piece(net, c->rank, most(c->ranks, 1));
    if ((st = list_plans(net, c, limit)))
        return st;
    size_fixed(net);
    return CLADE_OK;
}

/* A device may refuse memory that it has, since others use it, too. */
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
    net->images = calloc(net->largest, sizeof *net->images);
    if (!net->results || !net->images)
        return clade_fail(CLADE_ENOMEM, "a net's results: out of memory");
    /*
     * Even where host and device share memory, ops do not read this buffer but
     * a copy.  A kernel may not read a buffer that is mapped, so each step
     * would have to unmap it before its first op and map it again after the
     * last op that reads a label, but before the update, for which the next
     * step must not wait; and these tensors would have two places.  A copy of
     * 98 kB takes 1 to 10 us.
     */
    return device_alloc(net, &net->staging, net->staging_bytes,
                        CLADE_MEMORY_HOST);
}

/* Make a net and its memory, all but what the finishing passes do.  No plan has
 * more than `limit` images.  After a failure *out is NULL. */
static clade_status draft(clade_net **out, clade_backend *be,
                          const struct clade_net_config *c, int limit,
                          const struct net_watcher *watcher)
{
    clade_net *net = NULL;
    clade_status st;

    *out = NULL;
    if ((st = begin(&net, be, c, limit)) ||
        (st = make_passes(net, c, settling, watcher)) || (st = allocate(net)))
        clade_net_free(net);
    else
        *out = net;
    return st;
}

static bool fits(clade_backend *be, const struct clade_net_config *c, int batch)
{
    clade_net *net;
    const bool ok = !draft(&net, be, c, batch, NULL);

    clade_net_free(net);
    return ok;
}

/* Find the largest batch whose plans fit, by trying, and add it to the message
 * of the failure. */
static clade_status suggest(clade_backend *be, const struct clade_net_config *c)
{
    int good = 0, bad = largest_batch(c);
    char why[512];

    snprintf(why, sizeof why, "%s", clade_error());
    while (bad - good > 1) {
        const int try = good + (bad - good) / 2;

        if (fits(be, c, try))
            good = try;
        else
            bad = try;
    }
    if (good)
        return clade_fail(CLADE_ETOOSMALL, "%s; a batch of %d fits", why, good);
    return clade_fail(CLADE_ETOOSMALL,
                      "%s; not even a batch of 1 fits: take another device",
                      why);
}

clade_status net_new_watched(clade_net **out, clade_backend *be,
                             const struct clade_net_config *config,
                             const struct net_watcher *watcher)
{
    clade_net *net;
    clade_status st = draft(&net, be, config, INT_MAX, watcher);

    if (st == CLADE_ETOOSMALL)
        return suggest(be, config);
    if (st)
        return st;
    if ((st = make_passes(net, config, finishing, watcher)) ||
        (st = net_list_parameters(net)) || (st = net_list_choices(net)) ||
        (st = net_initialise(net, config->seed, config->record_init)))
        clade_net_free(net);
    else
        *out = net;
    if (!st)
        net_tell_unable(net, config);
    return st;
}

clade_status clade_net_new(clade_net **net, clade_backend *be,
                           const struct clade_net_config *config)
{
    const clade_status st =
        status_given(__func__, "net, be, config", net && be && config);

    return st ? st : net_new_watched(net, be, config, NULL);
}

static void free_plan(clade_net *net, struct plan *plan)
{
    for (int i = 0; plan->tasks && i < plan->phase[PLAN_PHASES]; i++)
        clade_backend_release(net->be, plan->tasks[i]);
    plan_free(plan);
}

void clade_net_free(clade_net *net)
{
    if (!net)
        return;
    for (int i = 0; i < net->n_plans; i++)
        free_plan(net, &net->plans[i]);
    clade_backend_free(net->be, net->staging);
    for (int i = 0; i < net->n_arenas; i++)
        clade_backend_free(net->be, net->arenas[i].buffer);
    for (int i = 0; i < NET_BUFFERS; i++)
        clade_backend_free(net->be, net->fixed[i].real);
    graph_free(&net->graph);
    free(net->packed);
    free(net->parameters);
    free(net->plans);
    free(net->results);
    free(net->images);
    free(net->algorithms);
    free(net);
}

struct clade_net_memory clade_net_memory(const clade_net *net)
{
    return net ? net->memory : (struct clade_net_memory){ 0 };
}

struct clade_net_shape clade_net_shape(const clade_net *net)
{
    struct clade_net_shape s = { 0 };
    const struct net_table *t;
    const struct graph *g;

    if (!net)
        return s;
    g = &net->graph;
    t = g->table;
    s = (struct clade_net_shape){ .source_h = t->source_h,
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
    return net ? net->algorithms : NULL;
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

const struct graph *net_graph(const clade_net *net)
{
    return &net->graph;
}
