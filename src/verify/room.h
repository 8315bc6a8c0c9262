/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_ROOM_H
#define VERIFY_ROOM_H

#include "verify/kind.h"

/* What the files of families are written with. */

/* UNEVEN is four different pads; OUTPUT, for resize: r and s are P and Q. */
enum pad { SAME, VALID, UNEVEN, OUTPUT };

/* A line stands for each kind of op in a mask, and each kind of data that both
 * it and the kind have.  c or k of 0 is the other.  Flags stand for each kind
 * that knows them; a gap makes every tensor but filters a slice of more
 * channels. */
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
#define D(id) (1u << DATA_##id)

#define ALL   (~0u)
#define CORE  (D(EXACT) | D(RANDOM) | D(CONSTANT) | D(TIES))
#define EXACT D(EXACT)

#define BIAS CLADE_BIAS
#define RELU CLADE_RELU
#define ACC  CLADE_ACCUMULATE

/* The data of sums of one operand, and more of those of two. */
#define SUM_DATA                                                               \
    (D(EXACT) | D(WIDE_A) | D(POSITION_A) | D(POSITIVE) | D(CONSTANT) |        \
     D(HUGE) | D(TINY) | D(DENORMAL) | D(CANCEL) | D(SPECIAL) | D(GAUSS) |     \
     D(RANDOM))
#define PAIR_DATA (D(WIDE_B) | D(POSITION_B) | D(DENORMAL_B) | D(SPECIAL_B))

#endif
