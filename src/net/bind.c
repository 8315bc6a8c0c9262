/* SPDX-License-Identifier: Apache-2.0 */
/* The last passes, once memory is allocated. */
#include "net/passes.h"

#include <assert.h>
#include <stdlib.h>

#include "net/plan.h"
#include "status.h"

void net_bind_tensor(struct clade_tensor *t)
{
    const struct plan_block *block = (struct plan_block *)t->buffer;

    if (!block)
        return;
    assert(block->real && block->at % clade_type_size(t->type) == 0);
    t->offset += block->at / clade_type_size(t->type);
    t->buffer = block->real;
}

static void visit(struct clade_tensor *t, void *arg)
{
    (void)arg;
    net_bind_tensor(t);
}

clade_status pass_bind(clade_net *net, const struct clade_net_config *config)
{
    (void)config;
    for (int i = 0; i < net->n_packed; i++)
        net->packed[i].block.real = net->fixed[NET_PACKED].real;
    for (int i = 0; i < net->n_plans; i++) {
        struct plan *p = &net->plans[i];

        for (int k = 0; k < p->n_blocks; k++)
            if (p->blocks[k].arena >= 0)
                p->blocks[k].real = net->arenas[p->blocks[k].arena].buffer;
        plan_visit(p, visit, NULL);
    }
    return CLADE_OK;
}

static clade_status prepare_plan(clade_net *net, struct plan *p)
{
    const int n = p->phase[PLAN_PHASES];
    clade_status st = CLADE_OK;

    p->tasks = calloc(n, sizeof *p->tasks);
    if (!p->tasks)
        return clade_fail(CLADE_ENOMEM, "%d tasks: out of memory", n);
    for (int i = 0; i < n && !st; i++)
        st = clade_backend_prepare(net->be, &p->tasks[i], &p->ops[i]);
    return st;
}

clade_status pass_prepare(clade_net *net, const struct clade_net_config *config)
{
    clade_status st = CLADE_OK;

    (void)config;
    for (int i = 0; i < net->n_plans && !st; i++)
        st = prepare_plan(net, &net->plans[i]);
    return st;
}
