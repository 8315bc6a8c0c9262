/* SPDX-License-Identifier: Apache-2.0 */
/* Images to train and to test with. */
#ifndef CLADE_DATA_H
#define CLADE_DATA_H

#include <stdint.h>

#include <clade/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Images of one size, as bytes in memory, with their labels. */
struct clade_dataset {
    int count, h, w, c;
    uint8_t *images; /* [count,h,w,c] */
    uint8_t *labels; /* [count] */
};

#define CLADE_DATA_CLASSES 10
#define CLADE_DATA_NAME    64 /* bytes of a class's name, with a 0 byte */

struct clade_data {
    struct clade_dataset train, test;
    char source[80]; /* where the images came from: "builtin", or
                        "sha256:<hex>", the hash of all records read, those
                        for training first */
    char classes[CLADE_DATA_CLASSES][CLADE_DATA_NAME]; /* their names: UTF-8
                        without control characters, not empty */
};

/*
 * Read CIFAR-10's binary format.  A record has 3,073 bytes: the label, then
 * 32 x 32 bytes each of red, green and blue.  Training images are the first
 * train_count records of `dir`/data_batch_*.bin, in order of name; test images
 * are the first test_count of `dir`/test_batch.bin.  The classes' names are the
 * lines of `dir`/batches.meta.txt, or CIFAR-10's if there is no such file.
 *
 * `dir` may also be the archive of the folder, cifar-10-binary.tar.gz: it is
 * read, not unpacked, and gives the same.
 *
 * Returns CLADE_EDATA if a file is missing, damaged or too short; the message
 * names the file, the record or line, and what to do.  CLADE_EUSAGE: a count is
 * negative, or `dir` is an archive and clade was built without libarchive.  Of 0
 * images no records are read.
 */
CLADE_API clade_status clade_data_cifar10(struct clade_data *data,
                                          const char *dir, int train_count,
                                          int test_count);

/*
 * Make images of 32 x 32 x 3 by formula.  Each of ten classes has a hue and a
 * pattern of its own, which its name says ("red rows").  Labels count up from 0
 * and start again after 9.  Test images come from other random draws than
 * training images.  CLADE_EUSAGE: a count is negative.
 */
CLADE_API clade_status clade_data_builtin(struct clade_data *data,
                                          int train_count, int test_count,
                                          uint64_t seed);

/* Accepts NULL, and leaves no images, so freeing twice is harmless. */
CLADE_API void clade_data_free(struct clade_data *data);

#ifdef __cplusplus
}
#endif

#endif
