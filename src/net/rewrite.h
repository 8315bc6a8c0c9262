/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_REWRITE_H
#define NET_REWRITE_H

#include "net/net.h"

/*
 * A rewrite changes the ops of a plan, but not what they compute: each value is
 * still given by the same formula.  One that is exact changes no loss and no
 * parameter by a single bit.  One that is not may add up in another order; each
 * op says how often its values are rounded (its depth).  Each can be left out
 * by its name (clade_net_config.without).
 */
struct rewrite {
    const char *name;
    const char *what; /* it does, for messages: "removes ..." */
    bool exact;
    clade_status (*apply)(struct plan *plan);
};

/* Joins products; joint.c. */
clade_status rewrite_joint_products(struct plan *plan);

/* In the order in which they are applied.  The last one's name is NULL. */
extern const struct rewrite rewrites[];

/* Does every word of a comma-separated list name a rewrite?  CLADE_EUSAGE lists
 * those that there are.  NULL is an empty list. */
clade_status rewrite_check(const char *list);

#endif
