/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SOFT_H
#define SOFT_H

#include "faulty.h"

/*
 * Winograd's products in plain float32, straight from the matrices of
 * op/winograd.h: a second algorithm of the reference, named `winograd`, for
 * convolutions of 3x3 and 5x5 with stride 1.  It can be told to go wrong.
 */
enum soft_fault {
    SOFT_RIGHT,
    SOFT_SIGN,       /* one place of V has the wrong sign, in one of 8 terms */
    SOFT_SWAPPED,    /* V is by other points than U */
    SOFT_OVERHANG,   /* tiles are written beyond the end of a row */
    SOFT_TERM_LOST,  /* one tile of a sum over tiles, or one channel, is not
                        added */
    SOFT_PLACE_HALF, /* one place of the products is rounded to 11 bits */
    SOFT_U_HALF,     /* the transformed filters are */
    SOFT_V_HALF,     /* the transformed inputs are */
    SOFT_ONE_UNIT,   /* one element is off by a unit of exact data */
    SOFT_FINITE,     /* 0 in place of what is no number */
    SOFT_FRACTIONS   /* points that are no integers where these are wanted */
};
extern enum soft_fault soft_fault;

/* Give the table of faulty_open() this algorithm. */
void soft_install(void);

/* One element by the formula of op/winograd.h, in double: a settled op's value
 * without its epilogue, or, with `moduli`, the bracket S_W without an addend.
 */
double soft_element(const struct clade_op *op, enum clade_role role, int64_t at,
                    bool moduli);

/* The case of a name, which may be of no list; a case's op as this algorithm
 * computes it, over its values. */
struct op_case soft_case(const char *text);
struct verify_host *soft_host(clade_backend *be, const struct op_case *c);

#endif
