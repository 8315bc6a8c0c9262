/* SPDX-License-Identifier: Apache-2.0 */
#include "net/memory.h"

#include <stdlib.h>

#include "status.h"

/* Offsets are multiples of this: a cache line, and 16 floats. */
#define LINE 64

size_t memory_align(size_t bytes)
{
    return (bytes + LINE - 1) / LINE * LINE;
}

/* The largest first; among equals the one that lives longest; then in the given
 * order. */
static int larger_first(const void *a, const void *b)
{
    const struct plan_block *x = *(struct plan_block *const *)a;
    const struct plan_block *y = *(struct plan_block *const *)b;

    if (x->base.bytes != y->base.bytes)
        return x->base.bytes > y->base.bytes ? -1 : 1;
    if (x->last - x->first != y->last - y->first)
        return x->last - x->first > y->last - y->first ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* The byte that a block may end at, at most. */
static uint64_t end_limit(const struct plan_block *b, uint64_t limit)
{
    const uint64_t index = (UINT64_C(1) << 31) * clade_type_size(b->type);

    return limit && limit < index ? limit : index - 1;
}

static bool meet(const struct plan_block *a, const struct plan_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/*
 * The lowest place for b in an arena where it overlaps none of the n placed
 * blocks that live at the same time.  A placed block in the way moves the
 * candidate behind itself, and the search starts again: blocks are few.
 */
static size_t lowest(struct plan_block *const *placed, int n, int arena,
                     const struct plan_block *b)
{
    size_t at = 0;

    for (int i = 0; i < n; i++) {
        const struct plan_block *o = placed[i];

        if (o->arena == arena && meet(o, b) && at < o->at + o->base.bytes &&
            o->at < at + b->base.bytes) {
            at = memory_align(o->at + o->base.bytes);
            i = -1;
        }
    }
    return at;
}

static clade_status place(struct plan_block *const *placed, int n,
                          struct plan_block *b, struct arena *arenas,
                          int *n_arenas, uint64_t limit)
{
    const uint64_t end = end_limit(b, limit);

    if (b->base.bytes > end)
        return clade_fail(CLADE_ETOOSMALL,
                          "%s takes %.1f MB, and one buffer of the device "
                          "holds %.1f MB",
                          b->name, b->base.bytes / 1e6, end / 1e6);
    for (int k = 0; k < NET_ARENAS; k++) {
        const size_t at = lowest(placed, n, k, b);

        if (at + b->base.bytes > end)
            continue;
        b->arena = k;
        b->at = at;
        if (k >= *n_arenas)
            arenas[(*n_arenas)++].bytes = 0;
        if (arenas[k].bytes < at + b->base.bytes)
            arenas[k].bytes = at + b->base.bytes;
        return CLADE_OK;
    }
    return clade_fail(CLADE_ETOOSMALL,
                      "%s does not fit in %d buffers of %.1f MB", b->name,
                      NET_ARENAS, end / 1e6);
}

/* "Greedy by size" (Pisarchyk & Lee, "Efficient memory management for deep
 * neural net inference", 2020): close to the lower bound for such nets. */
clade_status memory_place(struct plan_block *blocks, int n,
                          struct arena *arenas, int *n_arenas, uint64_t limit)
{
    struct plan_block **order = malloc((n + 1) * sizeof *order);
    clade_status st = CLADE_OK;

    if (!order)
        return clade_fail(CLADE_ENOMEM, "placing %d tensors: out of memory", n);
    for (int i = 0; i < n; i++)
        order[i] = &blocks[i];
    qsort(order, n, sizeof *order, larger_first);
    for (int i = 0; i < n && !st; i++)
        if (order[i]->last >= 0)
            st = place(order, i, order[i], arenas, n_arenas, limit);
    free(order);
    return st;
}
