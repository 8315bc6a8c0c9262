/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RANKS_H
#define RANKS_H

#include "dist/dist.h"
#include "tool.h"

/*
 * Run a command as one of the processes that a launcher has started, with the
 * signals caught.  A failure of one rank ends all of them, but for a status
 * that all return, or rank 0 alone after its last exchange.
 */
clade_status ranks_run(clade_status (*run)(const void *options,
                                           const struct dist *dist),
                       const void *options);

/* Whether rank 0 tells the failure that ranks_run() returned here. */
bool ranks_told(void);

/* tool_open_tested(), with the device that a list has for this rank: the list
 * goes round the ranks of a host.  The first of them opens its device before
 * the others, which find what it has compiled.  A failure, which may be that of
 * one rank's self-test, ends all if there are several. */
clade_status ranks_open(clade_backend **be, const char *list,
                        const struct tool_plans *plans,
                        const struct dist *dist);

#endif
