/* SPDX-License-Identifier: Apache-2.0 */
#include "op/winograd.h"

#include <math.h>

enum { FINITE = WINOGRAD_TILE - 1 }; /* points, without infinity */

/* Multiply a polynomial, whose coefficient i is p[i], by (x - q). */
static void times_root(double p[WINOGRAD_TILE], double q)
{
    for (int i = FINITE; i >= 0; i--)
        p[i] = (i ? p[i - 1] : 0) - q * p[i];
}

/* A row of Bt: the product of (x - q) over all finite points but one. */
static void row_of_bt(double row[WINOGRAD_TILE], const double points[FINITE],
                      int without)
{
    for (int i = 0; i < WINOGRAD_TILE; i++)
        row[i] = i == 0;
    for (int q = 0; q < FINITE; q++)
        if (q != without)
            times_root(row, points[q]);
}

void winograd_matrices(struct winograd_matrices *to,
                       const struct clade_winograd *w)
{
    const double points[FINITE] = { 0, w->a, -w->a, w->b, -w->b };

    *to = (struct winograd_matrices){ .at = { { 0 } } };
    for (int p = 0; p < WINOGRAD_TILE; p++) {
        row_of_bt(to->bt[p], points, p);
        for (int i = 0; i < w->m; i++)
            to->at[i][p] = p < FINITE ? pow(points[p], i) : i == w->m - 1;
        for (int j = 0; j < w->r; j++)
            to->g[p][j] = p < FINITE ? pow(points[p], j) : j == w->r - 1;
    }
    for (int p = 0; p < FINITE; p++) {
        double n = 1;

        for (int q = 0; q < FINITE; q++)
            n *= q == p ? 1 : points[p] - points[q];
        for (int j = 0; j < w->r; j++)
            to->g[p][j] /= n;
    }
}
