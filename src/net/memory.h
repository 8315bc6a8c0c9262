/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NET_MEMORY_H
#define NET_MEMORY_H

#include "net/net.h"

#define NET_ARENAS 64

/* A buffer that the blocks of all plans share. */
struct arena {
    size_t bytes;
    struct clade_buffer *buffer; /* NULL until it is allocated */
};

/*
 * Place the n blocks of one plan in arenas, from their lifetimes.  No arena
 * grows past `limit` bytes (0: no limit) or 2^31 elements of a block's type.
 * Arenas grow and are added as needed.  Blocks of other plans may overlap these
 * ones, since only one plan runs at a time.  CLADE_ETOOSMALL if a block is too
 * large for one arena, or all arenas are full.
 */
clade_status memory_place(struct plan_block *blocks, int n,
                          struct arena *arenas, int *n_arenas, uint64_t limit);

/* The next multiple of 64 bytes. */
size_t memory_align(size_t bytes);

#endif
