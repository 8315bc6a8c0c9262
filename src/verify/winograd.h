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
struct verify_bracket winograd_largest(const struct clade_op *op);

/* How many terms the sum has for each place of a transformed tile. */
int64_t winograd_terms(const struct clade_op *op);
/* The most units that S_W has in a case if d is 1 and g is 9 everywhere
 * (`nines` data), for the points 0, +-1, +-2. */
double winograd_units(const struct op_case *c);

#endif
