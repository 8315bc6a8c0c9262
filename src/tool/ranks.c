/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands share that several processes can run together. */
#include "ranks.h"

#include <stdlib.h>
#include <string.h>

#include "dealt.h"
#include "status.h"

static bool is_told;

bool ranks_told(void)
{
    return is_told;
}

/* End the other ranks, which cannot know. */
static void end_all(const struct dist *dist, clade_status st)
{
    fprintf(stderr, "clade: rank %d on %s: %s\n", dist->rank, dist->host,
            clade_error());
    dist_abort(dist, clade_status_exit_code(st));
}

clade_status ranks_open(clade_backend **be, const char *list,
                        const struct tool_plans *plans, const struct dist *dist)
{
    char *device;
    clade_status st = dealt_device(&device, list, dist);

    for (int turn = 0; turn < 2 && !st; turn++) {
        if (turn == !!dist->local)
            st = tool_open_tested(be, device, plans);
        if (!st)
            st = dist_barrier(dist);
    }
    free(device);
    if (st && dist->size > 1)
        end_all(dist, st);
    return st;
}

/* Whether all ranks return a status alike, or rank 0 alone after its last
 * exchange. */
static bool is_common(clade_status st)
{
    return !st || st == CLADE_EDIVERGED || st == CLADE_EINTERRUPTED ||
           st == CLADE_ESLOWER || st == CLADE_EBOUND;
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
    if (dist.size > 1 && !is_common(st))
        end_all(&dist, st);
    is_told = dist.rank > 0;
    dist_leave(&dist);
    return st;
}
