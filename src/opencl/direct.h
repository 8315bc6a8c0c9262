/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIRECT_H
#define DIRECT_H

#include "conv.h"

/* The algorithm `direct`: direct.c, and direct_filter.c for conv_bwd_filter. */

/* ---- tiles.c ----------------------------------------------------------- */

/* The share of the device's peak that it reaches. */
double ocl_direct_share(const struct ocl *o);

/* The floats of a vector: as many as the device's own vectors have. */
int ocl_direct_lanes(const struct ocl *o);

/* A tile of sums in registers: rows x columns x vectors. */
struct ocl_tile {
    int p, q, vecs;
};
#define OCL_TILES 6

/* List the tiles for P x Q images of K channels and vectors of l floats, the
 * cheapest first; returns how many there are. */
int ocl_tiles(struct ocl_tile tiles[OCL_TILES], int p, int q, int k, int l);

/* ---- direct_filter.c --------------------------------------------------- */

/* The most choices for an op. */
#define OCL_DIRECT_MOST 6

extern const struct ocl_text ocl_direct_filter_text;

/* Make choice i for a conv_bwd_filter, the usual one first; false: there is
 * none. */
bool ocl_direct_filter_choose(int *tune, const struct ocl *o,
                              const struct clade_op *op, int i);
void ocl_direct_filter_settle(struct clade_op *op);
clade_status ocl_direct_filter_prepare(struct ocl_task *task,
                                       const struct clade_op *op);

/* How often all loops of one work-item turn, at most. */
double ocl_direct_filter_turns(const struct clade_op *op);

#endif
