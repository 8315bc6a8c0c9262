/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_WINOGRAD_H
#define VERIFY_WINOGRAD_H

#include "verify/judge.h"

/*
 * The brackets of an op whose products go through Winograd's transforms
 * (op/winograd.h).  An element is as uncertain as its whole tile:
 *
 *     S_W = |At| [ sum of (|G||g||Gt|) * (|Bt||d||B|) ] |A|
 *
 * plus |bias| or |old value|.  Here * is element by element, and the sum runs
 * over channels, or, for the gradient of a filter, over images and tiles.
 */

/* Compute the brackets of the elements that `which` names; its exact values are
 * not read.  CLADE_ENOMEM. */
clade_status winograd_brackets(struct verify_bracket *to,
                               const struct clade_op *op,
                               const struct verify_oracle *which,
                               bool denormals);
/* The largest bracket that operands of at most 1 and an addend of at most 1 can
 * have; underflow is nothing beside it. */
struct verify_bracket winograd_largest(const struct clade_op *op,
                                       enum clade_role role);

/* The terms of a case's longest sum of transformed products; and the most units
 * of S_W that a term has if d is 1 and g is 9 everywhere (`nines` data), for
 * the points 0, +-1, +-2. */
int64_t winograd_terms(const struct op_case *c);
double winograd_units(const struct op_case *c);

#endif
