/* SPDX-License-Identifier: Apache-2.0 */
#ifndef IMAGES_H
#define IMAGES_H

#include "data/cifar10.h"
#include "fetch/fetch.h"

/*
 * The folder that is made of an archive.  Beside the archive's files it has
 * SHA256SUMS, which names the archive by its SHA-256 in a comment, then has a
 * line for each file, as sha256sum(1) checks it.
 */
#define IMAGES_SUMS "SHA256SUMS"

/* SHA-256 of the archive and of its files; "" where there is none. */
struct sums {
    char archive[DIGEST_HEX];
    char file[CIFAR10_FILES][DIGEST_HEX];
};

/* Write the file SHA256SUMS of a folder. */
clade_status images_write_sums(const char *folder, const struct sums *sums);

enum images_state {
    IMAGES_MISSING,
    IMAGES_RIGHT,   /* its files are those of the archive */
    IMAGES_UNKNOWN, /* they are as long as the published ones, and unchecked */
    IMAGES_WRONG    /* a file is missing or damaged, or of another archive */
};

/* Find out the state of a folder.  CLADE_EIO, CLADE_EINTERRUPTED. */
clade_status images_look(enum images_state *state, const char *folder,
                         const char *sha256, const struct fetch_options *o);

/* CLADE_EUSAGE if the folder is no folder, or has what images_remove() does not
 * remove. */
clade_status images_check_removable(const char *folder);

/* Remove a folder, which may be missing, and the files that clade puts in it.
 * CLADE_EIO: there is something else in it. */
clade_status images_remove(const char *folder);

#endif
