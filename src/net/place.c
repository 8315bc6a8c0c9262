/* SPDX-License-Identifier: Apache-2.0 */
/* Where everything lies in memory, and how much that takes. */
#include "net/passes.h"

#include "net/memory.h"
#include "status.h"

/* Packed filters outlive a step, so each has a place of its own. */
static void place_packed(clade_net *net)
{
    struct plan_block *all = &net->fixed[NET_PACKED];

    for (int i = 0; i < net->n_packed; i++) {
        net->packed[i].block.at = all->base.bytes;
        all->base.bytes += memory_align(net->packed[i].block.base.bytes);
    }
}

/* All ops share one workspace, as large as the largest that is wanted. */
static void place_workspaces(clade_net *net, struct plan *p)
{
    struct plan_block *all = &net->fixed[NET_WORKSPACE];

    for (int i = 0; i < p->phase[PLAN_PHASES]; i++) {
        struct clade_op *op = &p->ops[i];

        if (!op->workspace)
            continue;
        op->t[CLADE_WORKSPACE] = net_tensor_at(
            net, NET_WORKSPACE, 0, (op->workspace + 3) / 4, CLADE_F32);
        if (all->base.bytes < memory_align(op->workspace))
            all->base.bytes = memory_align(op->workspace);
    }
}

/* The bytes that a plan's blocks would take side by side. */
static uint64_t unshared_bytes(const struct plan *p)
{
    uint64_t sum = 0;

    for (int i = 0; i < p->n_blocks; i++)
        if (p->blocks[i].last >= 0)
            sum += memory_align(p->blocks[i].base.bytes);
    return sum;
}

static clade_status place_blocks(clade_net *net, struct plan *p)
{
    const uint64_t limit = clade_backend_device(net->be)->max_alloc;
    const uint64_t unshared = unshared_bytes(p);

    if (net->memory.unshared < unshared)
        net->memory.unshared = unshared;
    return memory_place(p->blocks, p->n_blocks, net->arenas, &net->n_arenas,
                        limit);
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
               net->staging_bytes;
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
                              "the net needs %.1f MB in one buffer, and %s "
                              "allows %.1f MB",
                              net->fixed[i].base.bytes / 1e6, d->name,
                              d->max_alloc / 1e6);
    return CLADE_OK;
}

clade_status pass_place(clade_net *net, const struct clade_net_config *config)
{
    clade_status st;

    (void)config;
    place_packed(net);
    for (int i = 0; i < net->n_plans; i++) {
        place_workspaces(net, &net->plans[i]);
        if ((st = place_blocks(net, &net->plans[i])))
            return st;
    }
    measure(net);
    return check_size(net);
}
