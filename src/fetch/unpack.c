/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "data/cifar10.h"
#include "fetch/images.h"
#include "file.h"
#include "status.h"

/* A file of the archive that is being written. */
struct unpacking {
    const struct fetch_options *o;
    struct tar *tar;
    const char *path;
    int64_t bytes;
    struct sha256_ctx hash;
};

static clade_status write_file(void *arg, FILE *file)
{
    struct unpacking *u = arg;
    uint8_t part[1 << 16];
    clade_status st;

    for (int64_t left = u->bytes; left > 0;) {
        const size_t n =
            left < (int64_t)sizeof(part) ? (size_t)left : sizeof(part);

        if (u->o->stop && u->o->stop(u->o->arg))
            return clade_fail(CLADE_EINTERRUPTED, "interrupted");
        if ((st = tar_read(u->tar, part, n)))
            return st;
        sha256_update(&u->hash, n, part);
        if (fwrite(part, 1, n, file) != n)
            return clade_fail(CLADE_EIO, "%s: %s", u->path, strerror(errno));
        left -= (int64_t)n;
    }
    return CLADE_OK;
}

/* Write one file, and set its sum. */
static clade_status unpack_file(char *sum, const char *folder, const char *name,
                                struct unpacking *u)
{
    char *path = file_path(folder, name);
    clade_status st;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", folder);
    u->path = path;
    sha256_init(&u->hash);
    st = file_replace(path, write_file, u);
    digest_hex(sum, &u->hash);
    free(path);
    return st;
}

clade_status unpack(const char *folder, const char *path, const char *sha256,
                    const struct fetch_options *o)
{
    struct unpacking u = { .o = o };
    struct sums sums = { 0 };
    unsigned seen = 0;
    clade_status st = tar_open(&u.tar, path);
    int i;

    if (st)
        return st;
    strcpy(sums.archive, sha256);
    while (!(st = cifar10_next(u.tar, path, &i, &u.bytes, &seen)) && i >= 0)
        if ((st = unpack_file(sums.file[i], folder, cifar10_files[i].name, &u)))
            break;
    if (!st)
        st = images_write_sums(folder, &sums);
    tar_close(u.tar);
    return st;
}
