/* SPDX-License-Identifier: Apache-2.0 */
#include "dist/dist.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dist/engine.h"
#include "status.h"

/* What launchers tell the processes that they start: Open MPI's, those that
 * speak PMI (MPICH's, Slurm's), and those that speak PMIx.  The last does not
 * say how many there are. */
static const char *const launchers[] = { "OMPI_COMM_WORLD_SIZE", "PMI_SIZE",
                                         "PMIX_RANK" };
enum { SIZED = 2, LAUNCHERS = sizeof launchers / sizeof *launchers };

static const char *launched_by(void)
{
    for (int i = 0; i < LAUNCHERS; i++)
        if (getenv(launchers[i]))
            return launchers[i];
    return NULL;
}

int dist_launched(void)
{
    for (int i = 0; i < SIZED; i++) {
        const char *size = getenv(launchers[i]);

        if (size && atoi(size) > 0)
            return atoi(size);
    }
    return 1;
}

void dist_alone(struct dist *d)
{
    *d = (struct dist){ .engine = &dist_single, .size = 1, .near = 1 };
    gethostname(d->host, sizeof d->host - 1);
}

clade_status dist_join(struct dist *d)
{
    const int launched = dist_launched();
    clade_status st;

    if (!launched_by()) {
        dist_alone(d);
        return CLADE_OK;
    }
    if ((st = mpi_join(d)))
        return st;
    if (d->size == 1 && launched > 1) {
        dist_leave(d);
        return clade_fail(CLADE_EUSAGE,
                          "the launcher started %d processes, but they do not "
                          "find each other: it belongs to another MPI than "
                          "%s, with which clade was built",
                          launched, d->engine->name);
    }
    return CLADE_OK;
}

void dist_leave(const struct dist *d)
{
    d->engine->leave();
}

void dist_abort(const struct dist *d, int code)
{
    d->engine->abort(code);
}

clade_status dist_exchange(const struct dist *d, void *to,
                           const struct dist_part *to_parts, const void *from,
                           const struct dist_part *from_parts)
{
    return d->engine->exchange(d, to, to_parts, from, from_parts);
}

clade_status dist_gather(const struct dist *d, void *all,
                         const struct dist_part *parts, int root)
{
    return d->engine->gather(d, all, parts, root);
}

clade_status dist_gather_items(const struct dist *d, void *all, size_t size)
{
    struct dist_part *parts = calloc((size_t)d->size, sizeof *parts);
    clade_status st;

    if (!parts)
        return clade_fail(CLADE_ENOMEM, "%d ranks: out of memory", d->size);
    for (int r = 0; r < d->size; r++)
        parts[r] = (struct dist_part){ (size_t)r * size, size };
    st = dist_gather(d, all, parts, -1);
    free(parts);
    return st;
}

clade_status dist_broadcast(const struct dist *d, void *data, size_t bytes,
                            int root)
{
    return d->engine->broadcast(d, data, bytes, root);
}

clade_status dist_broadcast_text(const struct dist *d, char **text, int root)
{
    int64_t size = *text ? (int64_t)strlen(*text) + 1 : 0;
    clade_status st = dist_broadcast(d, &size, sizeof size, root);

    if (st || !size)
        return st;
    if (d->rank != root && !(*text = malloc((size_t)size)))
        return clade_fail(CLADE_ENOMEM, "a text of %lld bytes: out of memory",
                          (long long)size);
    return dist_broadcast(d, *text, (size_t)size, root);
}

clade_status dist_barrier(const struct dist *d)
{
    return d->engine->barrier(d);
}
