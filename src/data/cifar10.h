/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CIFAR10_H
#define CIFAR10_H

#include <stdio.h>

#include <clade/data.h>

#include "data/tar.h"
#include "digest.h"

/* A record is the label, then the red, the green and the blue plane. */
#define CIFAR10_SIDE     32
#define CIFAR10_CHANNELS 3
#define CIFAR10_PLANE    (CIFAR10_SIDE * CIFAR10_SIDE)
#define CIFAR10_IMAGE    (CIFAR10_CHANNELS * CIFAR10_PLANE)
#define CIFAR10_RECORD   (1 + CIFAR10_IMAGE)

/* The archive that its authors publish, and the folder that it unpacks to. */
#define CIFAR10_URL     "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
#define CIFAR10_ARCHIVE "cifar-10-binary.tar.gz"
#define CIFAR10_BYTES   170052171
#define CIFAR10_SHA256                                                         \
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
#define CIFAR10_FOLDER   "cifar-10-batches-bin"
#define CIFAR10_TRAINING "data_batch_*.bin"

/* What helps if files are missing or damaged. */
#define CIFAR10_REMEDY                                                         \
    "`clade fetch cifar10` gets CIFAR-10; name its folder, " CIFAR10_FOLDER    \
    ", or the archive, " CIFAR10_ARCHIVE

/* A file of the folder. */
struct cifar10_file {
    const char *name;
    enum { CIFAR10_TRAIN, CIFAR10_TEST, CIFAR10_TEXT } kind;
    int64_t bytes; /* at most; images as published have them all */
    bool required;
};

/* All files, in order of name; the first has the classes' names. */
enum { CIFAR10_NAMES = 0, CIFAR10_FILES = 8 };
extern const struct cifar10_file cifar10_files[CIFAR10_FILES];

/* Fail with CLADE_EDATA if this path is that of the Python or the Matlab
 * version of CIFAR-10, as an archive or as a folder. */
clade_status cifar10_check_version(const char *path);

/* Check that a file is a whole number of records, and has any. */
clade_status cifar10_check_size(int64_t bytes, const char *path);

/*
 * Go on to the archive's next file, and set *i to its row of cifar10_files, or
 * to -1 at the end.  `seen` has a bit for each row, 0 before the first call.
 * CLADE_EDATA: the archive has something else, the same file twice, a file that
 * is longer than CIFAR-10's or no whole number of records; or, at the end, it
 * lacks a file.
 */
clade_status cifar10_next(struct tar *tar, const char *path, int *i,
                          int64_t *bytes, unsigned *seen);

/* A set of images while it is read. */
struct filling {
    struct clade_dataset *set;
    int wanted;
    struct sha256_ctx *hash; /* of all records taken */
};

/* Take records of a file until there are as many as wanted, or no more. */
clade_status cifar10_read(struct filling *f, FILE *file, const char *path);

/* Take the classes' names from an archive, and records: for each of the sets,
 * as many of its files' as it wants and there are. */
clade_status cifar10_read_archive(struct clade_data *data,
                                  struct filling *train, struct filling *test,
                                  const char *path);

#endif
