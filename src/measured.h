/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MEASURED_H
#define MEASURED_H

#include <stdbool.h>

#include <clade/backend.h>

/*
 * What was measured on a device: for each product the fastest choice.  It is
 * kept in a JSON file that a person can read, one for each device and driver.
 */
struct measured;

/* A choice and the fastest of its runs, in seconds. */
struct measured_time {
    char choice[CLADE_CHOICE_TEXT]; /* as clade_choice_text() writes it; "":
                                       there is none */
    double seconds;
};

/* The result for one product. */
struct measured_row {
    char key[768];  /* op_key()'s */
    char label[64]; /* of a layer that has it: "inception_3a/3x3" */
    struct measured_time best, usual, next; /* `usual` is chosen without a
                                               measurement, `next` is the
                                               fastest but `best` */
    char date[16];                          /* "2026-10-03" */
};

/* What the file is about. */
struct measured_source {
    const char *path;
    const char *device, *driver; /* for its reader */
    uint64_t kernels;            /* a hash of the kernels that are measured */
};

/*
 * Read the file, or start without a row if there is none.  *m is always set,
 * unless CLADE_ENOMEM; without a row on failure.  CLADE_EDATA: the file is
 * damaged, or of other kernels; CLADE_EIO: it cannot be read.
 */
clade_status measured_read(struct measured **m,
                           const struct measured_source *source);
void measured_free(struct measured *m);
const char *measured_path(const struct measured *m);

/* The choice for the product of a key, or NULL. */
const char *measured_choice(const struct measured *m, const char *key);
int measured_count(const struct measured *m);
/* Get row i, or that of a key.  false: there is none, or it is damaged. */
bool measured_at(struct measured_row *row, const struct measured *m, int i);
bool measured_find(struct measured_row *row, const struct measured *m,
                   const char *key);

/* Set the row of its key, and write the file.  CLADE_ENOMEM or CLADE_EIO; the
 * row holds for this process all the same. */
clade_status measured_set(struct measured *m, const struct measured_row *row);

/*
 * Note in the file that a product without a row is about to be measured, or
 * that it is no longer.  A note that is found there is that of a process that
 * did not survive it.
 */
clade_status measured_begin(struct measured *m, const char *key);
clade_status measured_end(struct measured *m, const char *key);
bool measured_is_noted(const struct measured *m, const char *key);

#endif
