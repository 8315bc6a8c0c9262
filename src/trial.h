/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRIAL_H
#define TRIAL_H

#include "backend.h"

/* What a trial of an op found. */
struct trial {
    bool right;     /* all elements that were checked, bit for bit */
    double seconds; /* of its fastest run */
};

/* Write a text of at most `size` bytes from all of an op that its trial depends
 * on, but for the choice. */
void trial_key(char *text, size_t size, const struct clade_op *op);

/* Choose `most` elements, or fewer if there are fewer, that are spread over a
 * tensor, with its last one.  Returns how many. */
int64_t trial_spread(int64_t index[], int64_t most,
                     const struct clade_tensor *t);

/*
 * Run an op, for which a choice has been made and settled, on operands of
 * small integers, and hold elements of every part of its outputs against the
 * reference's, to the bit: a right sum of such integers has no rounding.  The
 * op's tensors give shapes and slices; they need no memory.  `runs` runs are
 * timed, at least one.
 *
 * Returns the status of what failed, with its message.  The device may still
 * work.
 */
clade_status trial_make(struct trial *trial, clade_backend *be,
                        const struct clade_op *op, int runs);

#endif
