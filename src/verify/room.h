/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_ROOM_H
#define VERIFY_ROOM_H

#include "verify/kind.h"

/* How the families' files write their reduced cases. */

/* How an image is padded.  UNEVEN: four different pads.  OUTPUT: there is no
 * window; r and s are P and Q. */
enum pad { SAME, VALID, UNEVEN, OUTPUT };

/*
 * One geometry: a case for each kind in `kinds` and each kind of data that the
 * line and the kind have in common.  If c or k is 0, it equals the other one.
 * A kind takes those flags that it knows.  With a gap, every tensor but a bias
 * is a slice of more channels.
 */
struct verify_line {
    unsigned kinds;
    int n, h, w, c, k, r, s, stride;
    enum pad pad;
    unsigned flags;
    int gap;
    unsigned data;
    const char *why;
};

#define T(role) (p->t[CLADE_##role]) /* of struct verify_parts *p */
#define K(id)   (1u << CLADE_##id)   /* a kind or a role in a mask */
#define D(id)   (1u << DATA_##id)

#define ALL   (~0u)
#define CORE  (D(EXACT) | D(RANDOM) | D(CONSTANT) | D(TIES))
#define EXACT D(EXACT)

#define BIAS CLADE_BIAS
#define RELU CLADE_RELU
#define ACC  CLADE_ACCUMULATE

/* Data for sums of one operand, and further data for sums of two. */
#define SUM_DATA                                                               \
    (D(EXACT) | D(WIDE_A) | D(POSITION_A) | D(POSITIVE) | D(CONSTANT) |        \
     D(HUGE) | D(TINY) | D(DENORMAL) | D(CANCEL) | D(SPECIAL) | D(GAUSS) |     \
     D(RANDOM))
#define PAIR_DATA                                                              \
    (D(NINES) | D(WIDE_B) | D(POSITION_B) | D(DENORMAL_B) | D(SPECIAL_B))

#endif
