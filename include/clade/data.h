/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLADE_DATA_H
#define CLADE_DATA_H

#include <stdint.h>

#include <clade/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Labelled byte images of one size, in memory. */
struct clade_dataset {
    int count, h, w, c;
    uint8_t *images; /* [count,h,w,c] */
    uint8_t *labels; /* [count] */
};

#define CLADE_DATA_CLASSES 10

struct clade_data {
    struct clade_dataset train, test;
    char source[80]; /* where they came from: "builtin", or "sha256:<hex>" of
                        the records read (training, then test) */
};

/*
 * CIFAR-10's binary format: records of 3,073 bytes, a label and 3 x 32 x 32
 * bytes (red, green, blue planes), in `dir`/data_batch_1.bin ... (in order of
 * name) and `dir`/test_batch.bin; the first train_count and test_count of
 * them.  CLADE_EDATA names file, record and remedy.
 */
CLADE_API clade_status clade_data_cifar10(struct clade_data *data,
                                          const char *dir, int train_count,
                                          int test_count);

/* Built-in images: ten classes made by formula, 32 x 32 x 3, hue and pattern
 * together; labels in turn.  Test images are other draws. */
CLADE_API clade_status clade_data_builtin(struct clade_data *data,
                                          int train_count, int test_count,
                                          uint64_t seed);

CLADE_API void clade_data_free(struct clade_data *data);

#ifdef __cplusplus
}
#endif

#endif
