/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_PLAN_H
#define NET_PLAN_H

#include "net/net.h"

/*
 * What the passes do with a plan.  Until the plan is bound, the buffer of each
 * of its tensors is the `base` of a block, and the tensor's offset counts from
 * the start of that block.
 */

/* Give an empty plan room for so many blocks and activations.  Blocks do not
 * move, since tensors point at them.  CLADE_ENOMEM. */
clade_status plan_new(struct plan *plan, int batch, bool training, int blocks,
                      int activations);
void plan_free(struct plan *plan);

/* Insert an op in front of op `at`, as an op of `phase`; or append it to the
 * phase.  Later ops move up by one.  CLADE_ENOMEM. */
clade_status plan_insert(struct plan *plan, enum plan_phase phase, int at,
                         const struct clade_op *op);
clade_status plan_append(struct plan *plan, enum plan_phase phase,
                         const struct clade_op *op);
/* Remove op `at`.  Later ops move down by one. */
void plan_remove(struct plan *plan, int at);

/* Call `visit` with each tensor of the plan: those of its ops, its activations,
 * its inputs and its results. */
void plan_visit(struct plan *plan,
                void (*visit)(struct clade_tensor *t, void *arg), void *arg);

/* Make a tensor [batch,h,w,c] in a block of its own; the name is for messages.
 * CLADE_ETOOSMALL if it is too long to index. */
clade_status plan_block_new(struct clade_tensor *t, struct plan *plan,
                            const char *name, int h, int w, int c,
                            enum clade_type type);

/* The number of the plan's block that a tensor lies in, before the plan is
 * bound.  -1: it lies in a buffer of the net, or is absent. */
int plan_block_of(const struct plan *plan, const struct clade_tensor *t);

/* Add an activation of this name. */
void plan_activation_add(struct plan *plan, const char *name,
                         struct clade_tensor value);

#endif
