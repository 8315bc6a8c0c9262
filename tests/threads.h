/* SPDX-License-Identifier: Apache-2.0 */
#ifndef THREADS_H
#define THREADS_H

#include "dist/dist.h"

/* Threads that stand for the processes of a training. */
enum { RANKS_MAX = 4 };

/* Before the threads begin, and after they have ended. */
void threads_begin(int size);
void threads_end(void);
/* What one of them gets. */
struct dist threads_rank(int rank);

#endif
