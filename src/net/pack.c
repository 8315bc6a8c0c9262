/* SPDX-License-Identifier: Apache-2.0 */
/* Filters in their algorithms' own layouts, and the ops that make them. */
#include "net/passes.h"

#include <stdlib.h>

#include "net/plan.h"
#include "op/op.h"
#include "status.h"

static bool is_for(const clade_net *net, const struct packed_filter *f,
                   const struct clade_op *op)
{
    return f->kind == op->kind && f->parameter == op->t[CLADE_W].offset &&
           f->block.base.bytes == op->packed * clade_type_size(net->real) &&
           choice_equal(&f->choice, &op->choice);
}

/* The packed filter that an op reads.  Ops share it where they can. */
static struct packed_filter *packed_filter_for(clade_net *net,
                                               const struct clade_op *op)
{
    struct packed_filter *f = net->packed;

    while (f < net->packed + net->n_packed && !is_for(net, f, op))
        f++;
    if (f < net->packed + net->n_packed)
        return f;
    net->n_packed++;
    *f = (struct packed_filter){ .kind = op->kind,
                                 .parameter = op->t[CLADE_W].offset,
                                 .choice = op->choice };
    f->block.type = net->real;
    f->block.base.bytes = op->packed * clade_type_size(net->real);
    return f;
}

/* Give op i of a plan its packed filter, and the plan the op that makes it. */
static clade_status pack_op(clade_net *net, struct plan *plan, int i)
{
    struct clade_op *op = &plan->ops[i];
    struct packed_filter *f = packed_filter_for(net, op);
    struct clade_op pack;
    clade_status st;

    op->t[CLADE_PACKED] =
        clade_tensor_at(&f->block.base, 0, 1, 1, 1, op->packed, net->real);
    if ((st = clade_op_filter_pack(&pack, op)))
        return st;
    pack.label = op->label;
    plan->filters[plan->phase[PLAN_FORWARD]] = (int)(f - net->packed);
    return plan_append(plan, PLAN_PACK, &pack);
}

/* The ops of a plan that read a packed filter. */
static int count_packed(const struct plan *plan)
{
    int n = 0;

    for (int i = 0; i < plan->phase[PLAN_PHASES]; i++)
        n += plan->ops[i].packed > 0;
    return n;
}

static clade_status out_of_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "packed filters: out of memory");
}

static clade_status pack_plan(clade_net *net, struct plan *plan)
{
    clade_status st;

    plan->filters = calloc(count_packed(plan) + 1, sizeof *plan->filters);
    if (!plan->filters)
        return out_of_memory();
    for (int i = plan->phase[PLAN_FORWARD]; i < plan->phase[PLAN_PHASES]; i++) {
        if (!plan->ops[i].packed)
            continue;
        if ((st = pack_op(net, plan, i)))
            return st;
        i++; /* the op in front moved this one up */
    }
    return CLADE_OK;
}

clade_status pass_pack(clade_net *net, const struct clade_net_config *config)
{
    clade_status st = CLADE_OK;
    int most = 0;

    (void)config;
    for (int i = 0; i < net->n_plans; i++)
        most += count_packed(&net->plans[i]);
    net->packed = calloc(most + 1, sizeof *net->packed);
    if (!net->packed)
        return out_of_memory();
    for (int i = 0; i < net->n_plans && !st; i++)
        st = pack_plan(net, &net->plans[i]);
    return st;
}
