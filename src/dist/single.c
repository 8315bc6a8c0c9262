/* SPDX-License-Identifier: Apache-2.0 */
/* One process alone. */
#include "dist/engine.h"

#include <stdlib.h>
#include <string.h>

static clade_status exchange(const struct dist *d, void *to,
                             const struct dist_part *to_parts, const void *from,
                             const struct dist_part *from_parts)
{
    (void)d;
    memcpy((char *)to + to_parts[0].at, (const char *)from + from_parts[0].at,
           to_parts[0].bytes);
    return CLADE_OK;
}

static clade_status gather(const struct dist *d, void *all,
                           const struct dist_part *parts, int root)
{
    (void)d, (void)all, (void)parts, (void)root;
    return CLADE_OK;
}

static clade_status broadcast(const struct dist *d, void *data, size_t bytes,
                              int root)
{
    (void)d, (void)data, (void)bytes, (void)root;
    return CLADE_OK;
}

static clade_status barrier(const struct dist *d)
{
    (void)d;
    return CLADE_OK;
}

static void leave(void)
{
}

const struct dist_engine dist_single = { .name = "one process",
                                         .exchange = exchange,
                                         .gather = gather,
                                         .broadcast = broadcast,
                                         .barrier = barrier,
                                         .abort = exit,
                                         .leave = leave };
