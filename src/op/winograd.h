/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WINOGRAD_H
#define WINOGRAD_H

#include <clade/ops.h>

/*
 * Winograd's products F(m x m, r x r) of tiles of 6 x 6 elements, m + r - 1 = 6
 * (Lavin & Gray, Fast Algorithms for Convolutional Neural Networks, CVPR 2016):
 *
 *     y = At [ sum over c of (G g Gt) * (Bt d B) ] A
 *
 * where * is element by element, d is a tile of the input, g a filter and y the
 * m x m outputs.  The matrices are Toom and Cook's for the points 0, a, -a, b,
 * -b and infinity, in this order (Blahut, Fast Algorithms for Signal
 * Processing, 2010, chapter 5).
 */
enum { WINOGRAD_TILE = 6 };

struct winograd_matrices {
    double at[WINOGRAD_TILE][WINOGRAD_TILE]; /* m x 6 */
    double g[WINOGRAD_TILE][WINOGRAD_TILE];  /* 6 x r */
    double bt[WINOGRAD_TILE][WINOGRAD_TILE]; /* 6 x 6 */
};

/* Compute the matrices; what is beyond m or r is 0. */
void winograd_matrices(struct winograd_matrices *to,
                       const struct clade_winograd *w);

#endif
