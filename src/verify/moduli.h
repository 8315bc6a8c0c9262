/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MODULI_H
#define MODULI_H

#include "op/winograd.h"

/* The matrices of Winograd's products without signs, and what follows from
 * them. */
enum { SIDE = WINOGRAD_TILE };

struct moduli {
    struct winograd_matrices abs;
    int outputs; /* of one dimension */
    /* What underflow adds in a tile's transform by a matrix, in units of what
     * it adds to one value (doc/consistency.md). */
    double lost_b, lost_g, lost_a;
    double weight[SIDE]; /* of a row of At: its sum */
    /* Of which power of two the intermediate values of output i are multiples,
     * in one dimension, if d is integers and g is multiples of 3; 0: of none,
     * as the points are not 0, +-1, +-2. */
    double unit[SIDE];
};

struct moduli moduli_of(const struct clade_winograd *w);

/* |T| |x| |T|t, where x has n rows and columns of a tile; T is one of the
 * matrices without signs. */
void moduli_transform(double to[SIDE * SIDE], const double t[SIDE][SIDE],
                      const double x[SIDE * SIDE], int n);

/* The largest bracket of one term of a sum, if d and g are 1 everywhere; and,
 * in units of its output, if d is 1 and g is 9. */
double moduli_ones(const struct moduli *m);
double moduli_units(const struct moduli *m);

#endif
