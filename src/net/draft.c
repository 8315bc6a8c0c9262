/* SPDX-License-Identifier: Apache-2.0 */
/* A net that is made only up to its choices. */
#include <string.h>

#include "net/net.h"
#include "status.h"

struct draft {
    net_visitor *visit;
    void *arg;
    bool done;
};

/* The ops have their choices; later passes want memory. */
static clade_status passed(void *arg, const char *pass, const struct plan *plan)
{
    struct draft *d = arg;
    clade_status st = CLADE_OK;

    if (!strcmp(pass, "pack")) {
        d->done = true;
        return clade_fail(CLADE_EINTERRUPTED, "the plans are known");
    }
    if (strcmp(pass, "choose"))
        return CLADE_OK;
    for (int i = 0; i < plan->phase[PLAN_PHASES] && !st; i++)
        st = d->visit(d->arg, plan, &plan->ops[i]);
    return st;
}

clade_status net_visit_draft(clade_backend *be,
                             const struct clade_net_config *config,
                             net_visitor *visit, void *arg)
{
    struct draft d = { .visit = visit, .arg = arg };
    const struct net_watcher watcher = { .arg = &d, .passed = passed };
    clade_net *net = NULL;
    const clade_status st = net_new_watched(&net, be, config, &watcher);

    clade_net_free(net);
    return d.done ? CLADE_OK : st;
}
