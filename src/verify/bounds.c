/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bounds of doc/consistency.md, from the oracle's brackets.  gamma_k
 * bounds the relative error of k roundings (Higham, Accuracy and Stability of
 * Numerical Algorithms, 2nd ed., lemma 3.1).
 */
#include "verify/kind.h"

#include <math.h>

#define U      0x1p-24
#define LAMBDA 9 /* of the alarm: probability 10^-6 in 10^11 roundings */

double bound_gamma(double k)
{
    return k * U / (1 - k * U);
}

double bound_underflow(const struct cpu_exact *exact, bool denormals)
{
    const double n = (double)exact->n + 2;

    if (denormals)
        return n * 0x1p-150;
    return 2 * n * 0x1p-126 + 0x1p-126 * exact->flush;
}

double bound_sum(const struct verify_element *x)
{
    return bound_gamma(x->op->depth + 2) * x->bracket->s + x->bracket->tau;
}

/* Higham & Mary, SIAM J. Sci. Comput. 41 (2019); Ipsen & Zhou, SIAM J. Matrix
 * Anal. Appl. 41 (2020). */
double bound_alarm(const struct verify_element *x)
{
    return LAMBDA * sqrt(x->op->depth) * U * x->bracket->s + x->bracket->tau;
}
