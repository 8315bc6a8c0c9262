/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/part.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "status.h"

static clade_status io_failed(const struct part *part)
{
    return clade_fail(CLADE_EIO, "%s: %s", part->path, strerror(errno));
}

/* Open a regular file, which may be new, but follow no link. */
static clade_status open_regular(struct part *part)
{
    const int fd =
        open(part->path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
             0666);
    clade_status st = CLADE_OK;
    struct stat s;

    if (fd < 0)
        return io_failed(part);
    if (fstat(fd, &s) || !S_ISREG(s.st_mode))
        st = clade_fail(CLADE_EDATA, "%s: is no regular file; remove it",
                        part->path);
    else if (!(part->file = fdopen(fd, "r+b")))
        st = io_failed(part);
    if (st)
        close(fd);
    return st;
}

clade_status part_open(struct part *part, const char *path,
                       const struct fetch_options *o)
{
    clade_status st;

    *part = (struct part){ .path = path };
    sha256_init(&part->hash);
    if ((st = open_regular(part)))
        return st;
    st = digest_file(&part->hash, part->file, path, o->stop, o->arg);
    if (!st && (fseeko(part->file, 0, SEEK_END) ||
                (part->bytes = ftello(part->file)) < 0))
        st = io_failed(part);
    if (st)
        fclose(part->file);
    return st;
}

bool part_is(const struct part *part, const char *sha256)
{
    char hex[DIGEST_HEX];

    digest_hex(hex, &part->hash);
    return !strcmp(hex, sha256);
}

clade_status part_restart(struct part *part)
{
    if (fflush(part->file) || ftruncate(fileno(part->file), 0))
        return io_failed(part);
    rewind(part->file);
    part->bytes = 0;
    sha256_init(&part->hash);
    return CLADE_OK;
}

clade_status part_close(struct part *part)
{
    clade_status st = CLADE_OK;

    if (fclose(part->file))
        st = io_failed(part);
    if (part->bytes == 0)
        unlink(part->path);
    return st;
}
