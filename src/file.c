/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *file_path(const char *folder, const char *name)
{
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = malloc(n);

    if (path)
        snprintf(path, n, "%s/%s", folder, name);
    return path;
}

static clade_status io_failed(const char *path)
{
    return clade_fail(CLADE_EIO, "%s: %s", path, strerror(errno));
}

/* Flush a file or folder to the disk. */
static clade_status sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    clade_status st = CLADE_OK;

    /* EINVAL: this file system cannot sync a folder. */
    if (fd < 0 || (fsync(fd) && errno != EINVAL))
        st = io_failed(path);
    if (fd >= 0)
        close(fd);
    return st;
}

/* Flush a file's new name to the disk: it is in the file's folder. */
static clade_status sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
    clade_status st;

    if (!folder)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    st = sync_path(folder);
    free(folder);
    return st;
}

static clade_status write_new(const char *path, const char *temporary,
                              clade_status (*write)(void *arg, FILE *file),
                              void *arg)
{
    FILE *file = fopen(temporary, "wbe");
    clade_status st;

    if (!file)
        return io_failed(path);
    st = write(arg, file);
    if (!st && (fflush(file) || ferror(file) || fsync(fileno(file))))
        st = io_failed(path);
    if (fclose(file) && !st)
        st = io_failed(path);
    return st;
}

clade_status file_replace(const char *path,
                          clade_status (*write)(void *arg, FILE *file),
                          void *arg)
{
    size_t n = strlen(path) + sizeof ".tmp";
    char *temporary = malloc(n);
    clade_status st;

    if (!temporary)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    snprintf(temporary, n, "%s.tmp", path);
    st = write_new(path, temporary, write, arg);
    if (!st && rename(temporary, path))
        st = io_failed(path);
    if (st)
        unlink(temporary);
    else
        st = sync_folder_of(path);
    free(temporary);
    return st;
}

clade_status file_read(char **text, size_t *n, const char *path)
{
    FILE *file = fopen(path, "rbe");
    char *bytes = NULL, *more;
    size_t room = 0, have = 0;
    clade_status st = CLADE_OK;

    if (!file)
        return io_failed(path);
    do {
        room += room / 2 + 4096;
        if (!(more = realloc(bytes, room + 1))) {
            st = clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
            goto out;
        }
        bytes = more;
        have += fread(bytes + have, 1, room - have, file);
    } while (have == room);
    if (ferror(file)) {
        st = io_failed(path);
        goto out;
    }
    bytes[have] = 0;
    *text = bytes;
    *n = have;
    bytes = NULL;
out:
    free(bytes);
    fclose(file);
    return st;
}

clade_status file_make_folder(const char *path)
{
    char *copy = strdup(path);
    clade_status st = CLADE_OK;

    if (!copy)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    for (char *at = copy + 1; !st; at++) {
        char here = *at;

        if (here && here != '/')
            continue;
        *at = 0;
        if (mkdir(copy, 0777) && errno != EEXIST)
            st = io_failed(copy);
        *at = here;
        if (!here)
            break;
    }
    free(copy);
    return st;
}
