/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIST_ENGINE_H
#define DIST_ENGINE_H

#include "dist/dist.h"

/* The engines.  mpi_join() sets *d; without MPI it says how to get it. */
extern const struct dist_engine dist_single;
clade_status mpi_join(struct dist *d);

#endif
