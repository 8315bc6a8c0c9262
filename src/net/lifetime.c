/* SPDX-License-Identifier: Apache-2.0 */
/* From which op to which op a block holds something. */
#include "net/passes.h"

#include <limits.h>

#include "net/plan.h"

static void touch(struct plan *p, const struct clade_tensor *t, int op)
{
    const int i = plan_block_of(p, t);

    if (i < 0)
        return;
    if (p->blocks[i].first > op)
        p->blocks[i].first = op;
    if (p->blocks[i].last < op)
        p->blocks[i].last = op;
}

/* The images and the labels are there before the first forward op.  A caller
 * reads the logits after the last one. */
static void find_lifetimes(struct plan *p)
{
    for (int i = 0; i < p->n_blocks; i++) {
        p->blocks[i].first = INT_MAX;
        p->blocks[i].last = -1;
    }
    touch(p, &p->bytes, p->phase[PLAN_FORWARD]);
    touch(p, &p->labels, p->phase[PLAN_FORWARD]);
    for (int i = 0; i < p->phase[PLAN_PHASES]; i++)
        for (int r = 0; r < CLADE_ROLES; r++)
            touch(p, &p->ops[i].t[r], i);
    if (!p->training)
        touch(p, &p->logits, p->phase[PLAN_PHASES] - 1);
}

/* Do two tensors share a channel of one block?  A slice starts, counted from
 * the start of its block, at its first channel. */
static bool share_channels(const struct clade_tensor *a,
                           const struct clade_tensor *b)
{
    return a->buffer == b->buffer &&
           (a->ld != b->ld ||
            (a->offset < b->offset + b->c && b->offset < a->offset + a->c));
}

static bool writes(const struct clade_op *op, const struct clade_tensor *t)
{
    const unsigned outputs = clade_op_outputs(op->kind);

    for (int r = 0; r < CLADE_ROLES; r++)
        if ((outputs >> r & 1) && share_channels(&op->t[r], t))
            return true;
    return false;
}

/* An activation is ready after the last forward op that writes to it. */
static void find_ready(struct plan *p)
{
    for (int k = 0; k < p->n_activations; k++) {
        struct plan_activation *a = &p->activations[k];

        for (int i = p->phase[PLAN_FORWARD]; i < p->phase[PLAN_BACKWARD]; i++)
            if (writes(&p->ops[i], &a->value))
                a->ready = i;
    }
}

clade_status pass_lifetimes(clade_net *net,
                            const struct clade_net_config *config)
{
    (void)config;
    for (int i = 0; i < net->n_plans; i++) {
        find_lifetimes(&net->plans[i]);
        find_ready(&net->plans[i]);
    }
    return CLADE_OK;
}
