/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/moduli.h"

#include <math.h>

/* How many values count that are lost in a tile's transform, times the square
 * of the matrix' norm. */
#define LOST_TRANSFORM 25

static void drop_signs(double t[SIDE][SIDE])
{
    for (int p = 0; p < SIDE; p++)
        for (int i = 0; i < SIDE; i++)
            t[p][i] = fabs(t[p][i]);
}

/* Values lost in a tile's transform by a matrix without signs: its norm is the
 * largest sum of a row, at least 1. */
static double lost_in(const double t[SIDE][SIDE])
{
    double norm = 1;

    for (int p = 0; p < SIDE; p++) {
        double sum = 0;

        for (int i = 0; i < SIDE; i++)
            sum += t[p][i];
        norm = fmax(norm, sum);
    }
    return LOST_TRANSFORM * norm * norm;
}

/* The largest power of two that divides a number other than 0. */
static double power_of_two(double x)
{
    int exponent;
    double power;

    frexp(x, &exponent);
    for (power = ldexp(1, exponent); fmod(x, power) != 0; power /= 2)
        ;
    return power;
}

/* Row p of G has a denominator of 1, 4, 6 or 24, if points are integers.  Of a
 * multiple of 3 it leaves a multiple of a power of two. */
static void set_units(struct moduli *m, const struct clade_winograd *w)
{
    const bool integers = w->a == 1 && w->b == 2;

    for (int i = 0; i < w->m; i++) {
        m->unit[i] = INFINITY;
        for (int p = 0; p < SIDE; p++) {
            const double g = m->abs.g[p][p == SIDE - 1 ? w->r - 1 : 0];

            if (m->abs.at[i][p] != 0)
                m->unit[i] = fmin(m->unit[i], power_of_two(m->abs.at[i][p]) /
                                                  power_of_two(round(1 / g)));
        }
        m->unit[i] = integers ? m->unit[i] : 0;
    }
}

struct moduli moduli_of(const struct clade_winograd *w)
{
    struct moduli m = { .outputs = w->m };

    winograd_matrices(&m.abs, w);
    drop_signs(m.abs.bt);
    drop_signs(m.abs.g);
    drop_signs(m.abs.at);
    m.lost_b = lost_in(m.abs.bt);
    m.lost_g = lost_in(m.abs.g);
    m.lost_a = lost_in(m.abs.at);
    for (int f = 0; f < SIDE * SIDE; f++)
        m.weight[f / SIDE] += m.abs.at[f / SIDE][f % SIDE];
    set_units(&m, w);
    return m;
}

/* The bracket of row i of one dimension, if operands are 1 everywhere. */
static double ones(const struct moduli *m, int i)
{
    double sum = 0;

    for (int p = 0; p < SIDE; p++) {
        double g = 0, b = 0;

        for (int k = 0; k < SIDE; k++) {
            g += m->abs.g[p][k];
            b += m->abs.bt[p][k];
        }
        sum += m->abs.at[i][p] * g * b;
    }
    return sum;
}

/* Zeros of T are no factors: an Inf does not reach what it is not added to. */
void moduli_transform(double to[SIDE * SIDE], const double t[SIDE][SIDE],
                      const double x[SIDE * SIDE], int n)
{
    double half[SIDE][SIDE] = { { 0 } };

    for (int p = 0; p < SIDE; p++)
        for (int r = 0; r < n; r++)
            for (int s = 0; s < n && t[p][r] != 0; s++)
                half[p][s] += t[p][r] * x[r * SIDE + s];
    for (int f = 0; f < SIDE * SIDE; f++) {
        const double *line = half[f / SIDE], *by = t[f % SIDE];

        to[f] = 0;
        for (int s = 0; s < n; s++)
            to[f] += by[s] != 0 ? by[s] * line[s] : 0;
    }
}

double moduli_ones(const struct moduli *m)
{
    double most = 0;

    for (int i = 0; i < m->outputs; i++)
        most = fmax(most, ones(m, i));
    return most * most;
}

double moduli_units(const struct moduli *m)
{
    double most = 0;

    for (int i = 0; i < m->outputs; i++)
        most = fmax(most, 3 * ones(m, i) / m->unit[i]);
    return most * most;
}
