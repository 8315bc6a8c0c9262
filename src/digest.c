/* SPDX-License-Identifier: Apache-2.0 */
#include "digest.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "status.h"

void digest_hex(char *hex, const struct sha256_ctx *hash)
{
    struct sha256_ctx copy = *hash;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_digest(&copy, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

clade_status digest_file(struct sha256_ctx *hash, FILE *file, const char *path,
                         bool (*stop)(void *arg), void *arg)
{
    uint8_t part[1 << 16];
    size_t n;

    while ((n = fread(part, 1, sizeof(part), file)) > 0) {
        sha256_update(hash, n, part);
        if (stop && stop(arg))
            return clade_fail(CLADE_EINTERRUPTED, "interrupted");
    }
    return ferror(file) ? clade_fail(CLADE_EIO, "%s: %s", path, strerror(errno))
                        : CLADE_OK;
}
