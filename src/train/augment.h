/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_AUGMENT_H
#define TRAIN_AUGMENT_H

#include <clade/train.h>

/*
 * How training images are varied, as in He et al., 2016 (arXiv:1512.03385,
 * section 4.2):
 *
 *     flip   the image is mirrored, left to right, with probability 1/2
 *     crop   the image gets a border of 4 black pixels, and a random window of
 *            the image's own size is taken from that
 *
 * The random numbers of an image depend on the seed, the epoch and the image's
 * number in the data set alone, so not on the batch, its shares and who
 * computes them: they are the words of Philox4x32-10 with counter (image, 0,
 * epoch, stream "augment/train").  The first word's highest bit flips; the
 * second and the third say the window's row and column, floor(word * 9 / 2^32)
 * each.
 */
struct augment {
    bool flip, crop;
};

/* "flip", "crop" or both with a comma, in any order; NULL: neither.
 * CLADE_EUSAGE: another text. */
clade_status augment_parse(struct augment *augment, const char *text);
/* The same as a text: "flip,crop"; NULL if it is neither. */
const char *augment_text(const struct augment *augment);

/* Copy image number `image` of a data set to `to`, as it is in an epoch. */
void augment_copy(uint8_t *to, const struct clade_dataset *from, uint32_t image,
                  const struct augment *augment, uint64_t seed, uint32_t epoch);

#endif
