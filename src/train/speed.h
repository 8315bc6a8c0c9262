/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_SPEED_H
#define TRAIN_SPEED_H

#include "train/training.h"

/*
 * Cut the shares anew, one for each rank, so that the slowest rank has the
 * least to do (shares_cut_by_speed()).  All ranks call this, and cut alike.
 *
 * A rank's speed is measured while all others are at work as well: each makes
 * gradients of its share as it is now, once to warm up, then three times, of
 * which the shortest counts; no rank begins before all are ready.
 *
 * Rank 0 keeps the times in the cache folder, for these devices and drivers, in
 * this order, on hosts that have them so, and this batch.  Later runs read
 * them, and cut alike without a measurement.  A notice of rank 0 names the
 * shares and the file.  A file that is damaged is replaced, with a notice; one
 * that cannot be written is a notice, too.
 */
clade_status speed_cut(struct training *training);

#endif
