/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share that several processes can run together. */
#include "ranks.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

/* The device of this rank: those of a list go round the ranks of a host. */
static char *own_device(const char *list, const struct dist *dist)
{
    char *copy = list ? strdup(list) : NULL, *at = copy, *next;
    int count = 1;

    for (const char *c = list; c && *c; c++)
        count += *c == ',';
    for (int skip = dist->local % count; at && skip--;)
        at = strchr(at, ',') + 1;
    if (at && (next = strchr(at, ',')))
        *next = 0;
    if (at)
        memmove(copy, at, strlen(at) + 1);
    return copy;
}

clade_status ranks_open(clade_backend **be, const char *list,
                        const struct tool_plans *plans, const struct dist *dist)
{
    char *device = own_device(list, dist);
    clade_status st = CLADE_OK;

    for (int turn = 0; turn < 2 && !st; turn++) {
        if (turn == !!dist->local)
            st = tool_open_tested(be, device, plans);
        if (!st)
            st = dist_barrier(dist);
    }
    free(device);
    return st;
}

static bool is_common(clade_status st)
{
    return !st || st == CLADE_EDIVERGED || st == CLADE_EINTERRUPTED ||
           st == CLADE_ESLOWER;
}

clade_status ranks_run(clade_status (*run)(const void *options,
                                           const struct dist *dist),
                       const void *options)
{
    struct dist dist;
    clade_status st = dist_join(&dist);

    if (st)
        return st;
    tool_catch_signals();
    st = run(options, &dist);
    if (dist.size > 1 && !is_common(st)) {
        fprintf(stderr, "clade: rank %d on %s: %s\n", dist.rank, dist.host,
                clade_error());
        dist_abort(&dist, clade_status_exit_code(st));
    }
    dist_leave(&dist);
    return st;
}
