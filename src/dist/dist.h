/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIST_H
#define DIST_H

#include <stdbool.h>
#include <stddef.h>

#include <clade/status.h>

/*
 * The processes that train together, each of them a rank.  All of them call the
 * functions below that exchange data, in the same order.  No call spins: a rank
 * that waits leaves its processor to others.
 *
 * What cannot be sent or received is CLADE_EIO; the message has the engine's
 * own words.  A rank that fails calls dist_abort(), or the others would wait
 * for ever.
 */
struct dist {
    const struct dist_engine *engine;
    int rank, size;  /* its number, from 0, and how many there are */
    int local, near; /* the same, among the ranks on its host */
    char host[64];
};

/* A part of memory: `bytes` bytes from byte `at` on. */
struct dist_part {
    size_t at, bytes;
};

/* What an engine has for the functions below; `single` for one process needs no
 * library, `mpi` is MPI. */
struct dist_engine {
    const char *name;
    clade_status (*exchange)(const struct dist *d, void *to,
                             const struct dist_part *to_parts, const void *from,
                             const struct dist_part *from_parts);
    clade_status (*gather)(const struct dist *d, void *all,
                           const struct dist_part *parts, int root);
    clade_status (*broadcast)(const struct dist *d, void *data, size_t bytes,
                              int root);
    clade_status (*barrier)(const struct dist *d);
    void (*abort)(int code);
    void (*leave)(void);
};

/*
 * Join the processes that a launcher has started beside this one; without a
 * launcher, there is one.  CLADE_EUSAGE: the launcher is that of another MPI,
 * or clade was built without any.
 */
clade_status dist_join(struct dist *d);
/* One process, whoever started it. */
void dist_alone(struct dist *d);
/* Nothing may be exchanged afterwards. */
void dist_leave(const struct dist *d);
/* How many processes a launcher says that there are; 1 without one.  Nothing is
 * started for this. */
int dist_launched(void);
/* End all processes with an exit code, at once. */
void dist_abort(const struct dist *d, int code);

/* Each rank gives every rank a part of `from`, rank r from_parts[r], and gets a
 * part of `to` from it, to_parts[r]. */
clade_status dist_exchange(const struct dist *d, void *to,
                           const struct dist_part *to_parts, const void *from,
                           const struct dist_part *from_parts);
/* Each rank has its part of `all`, rank r parts[r].  Afterwards rank `root` has
 * all parts; -1: every rank has. */
clade_status dist_gather(const struct dist *d, void *all,
                         const struct dist_part *parts, int root);
/* Each rank has an item of `size` bytes, rank r the r-th of `all`.  Afterwards
 * every rank has all items. */
clade_status dist_gather_items(const struct dist *d, void *all, size_t size);
clade_status dist_broadcast(const struct dist *d, void *data, size_t bytes,
                            int root);
/* Give all ranks the text of rank `root`, which may be NULL.  The others' *text
 * is NULL before, and theirs to free afterwards. */
clade_status dist_broadcast_text(const struct dist *d, char **text, int root);
/* Returns when all ranks have called it. */
clade_status dist_barrier(const struct dist *d);

#endif
