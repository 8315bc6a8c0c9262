/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DIGEST_H
#define DIGEST_H

#include <stdbool.h>
#include <stdio.h>
#include <nettle/sha2.h>

#include <clade/status.h>

/* Bytes of a SHA-256 in hexadecimal digits, with the 0 byte. */
#define DIGEST_HEX (2 * SHA256_DIGEST_SIZE + 1)

/* Write the digest of what was hashed so far to hex[DIGEST_HEX].  More can be
 * hashed after that. */
void digest_hex(char *hex, const struct sha256_ctx *hash);

/*
 * Hash the rest of a file, which `path` names.  CLADE_EIO: it cannot be read.
 * CLADE_EINTERRUPTED: `stop` (NULL: never) said so.
 */
clade_status digest_file(struct sha256_ctx *hash, FILE *file, const char *path,
                         bool (*stop)(void *arg), void *arg);

#endif
