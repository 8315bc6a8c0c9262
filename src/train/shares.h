/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_SHARES_H
#define TRAIN_SHARES_H

#include <clade/train.h>

/*
 * A batch is cut into shares: each is a range of its images, in their order.
 * Of n images, share s ends before image floor(n * end[s] / batch), whatever
 * process computes it; in a smaller batch a share may be empty.
 */
struct shares {
    int count, batch;
    int *end; /* of each share, in a batch of `batch` images */
};

/*
 * Cut as a config asks for: `shares` lists the sizes; `accumulate` is the
 * number of equal shares; if it has neither, or the shares are "auto", there is
 * one for each of `ranks` processes.  CLADE_EUSAGE: the sizes are not numbers
 * from 1 on or not `batch` together, both are given, or there are more
 * processes than shares or more shares than images.
 */
clade_status shares_new(struct shares *shares,
                        const struct clade_train_config *config, int ranks);
void shares_free(struct shares *shares);

/* Are the shares to be cut by speed? */
bool shares_are_auto(const struct clade_train_config *config);
/* Cut anew into as many shares, of one image at least, of which share s takes
 * seconds[s] for each image, such that the slowest share takes the least. */
void shares_cut_by_speed(struct shares *shares, const double *seconds);

/* The first image of a share in a batch of n images, and how many it has. */
int shares_first(const struct shares *shares, int share, int n);
int shares_size(const struct shares *shares, int share, int n);

/* The sizes in a whole batch, "20,12"; the caller frees it.  NULL: no memory.
 */
char *shares_text(const struct shares *shares);

#endif
