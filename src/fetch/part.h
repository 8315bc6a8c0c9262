/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PART_H
#define PART_H

#include "digest.h"
#include "fetch/fetch.h"

/* The file with the first bytes of what is downloaded. */
struct part {
    FILE *file; /* stands behind these bytes */
    const char *path;
    int64_t bytes;
    struct sha256_ctx hash; /* of these bytes */
};

/* Open the file, or make it, and hash the bytes that it has.  CLADE_EIO,
 * CLADE_EINTERRUPTED, CLADE_EDATA: it is no regular file. */
clade_status part_open(struct part *part, const char *path,
                       const struct fetch_options *o);

/* Whether the SHA-256 of its bytes is this one. */
bool part_is(const struct part *part, const char *sha256);

/* Forget the bytes. */
clade_status part_restart(struct part *part);

/* Close it; remove it if it has no bytes.  CLADE_EIO: they cannot be
 * written. */
clade_status part_close(struct part *part);

#endif
