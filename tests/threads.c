/* SPDX-License-Identifier: Apache-2.0 */
#include "threads.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"

/* What the threads show each other. */
static struct {
    pthread_barrier_t barrier;
    int size;
    const void *data[RANKS_MAX];
    const struct dist_part *parts[RANKS_MAX];
} common;

static void show(const struct dist *d, const void *data,
                 const struct dist_part *parts)
{
    common.data[d->rank] = data;
    common.parts[d->rank] = parts;
    pthread_barrier_wait(&common.barrier);
}

static clade_status barrier(const struct dist *d)
{
    (void)d;
    pthread_barrier_wait(&common.barrier);
    return CLADE_OK;
}

static clade_status exchange(const struct dist *d, void *to,
                             const struct dist_part *to_parts, const void *from,
                             const struct dist_part *from_parts)
{
    bool fit = true;

    show(d, from, from_parts);
    for (int r = 0; r < d->size; r++) {
        const struct dist_part *part = &common.parts[r][d->rank];

        fit &= part->bytes == to_parts[r].bytes;
        memcpy((char *)to + to_parts[r].at,
               (const char *)common.data[r] + part->at, part->bytes);
    }
    if (!fit)
        tap_bail("a rank sends more or less than another one receives");
    return barrier(d);
}

static clade_status gather(const struct dist *d, void *all,
                           const struct dist_part *parts, int root)
{
    show(d, all, parts);
    for (int r = 0; r < d->size; r++)
        if (r != d->rank && (root < 0 || root == d->rank))
            memcpy((char *)all + parts[r].at,
                   (const char *)common.data[r] + parts[r].at, parts[r].bytes);
    return barrier(d);
}

static clade_status broadcast(const struct dist *d, void *data, size_t bytes,
                              int root)
{
    show(d, data, NULL);
    if (d->rank != root)
        memcpy(data, common.data[root], bytes);
    return barrier(d);
}

static const struct dist_engine threads = { .name = "threads",
                                            .exchange = exchange,
                                            .gather = gather,
                                            .broadcast = broadcast,
                                            .barrier = barrier };

void threads_begin(int size)
{
    common.size = size;
    pthread_barrier_init(&common.barrier, NULL, size);
}

void threads_end(void)
{
    pthread_barrier_destroy(&common.barrier);
}

struct dist threads_rank(int rank)
{
    return (struct dist){ .engine = &threads,
                          .rank = rank,
                          .size = common.size,
                          .local = rank,
                          .near = common.size,
                          .host = "here" };
}
