/* SPDX-License-Identifier: Apache-2.0 */
/* Folders: the lock on one, and removing what was made for nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "file.h"

void file_remove_folder(const char *path, int made)
{
    char *copy = made > 0 ? strdup(path) : NULL, *slash;

    while (copy && made > 0) {
        if (!rmdir(copy))
            made--;
        if (!(slash = strrchr(copy, '/')))
            break;
        *slash = '\0';
    }
    free(copy);
}

clade_status file_lock(int *lock, const char *folder)
{
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    clade_status st;

    if (fd < 0)
        return clade_fail(CLADE_EIO, "%s: %s", folder, strerror(errno));
    if (!flock(fd, LOCK_EX | LOCK_NB)) {
        *lock = fd;
        return CLADE_OK;
    }
    if (errno == EWOULDBLOCK)
        st = clade_fail(CLADE_EINUSE,
                        "%s: another run is using this folder; wait until it "
                        "ends, or take another folder",
                        folder);
    else
        st = clade_fail(CLADE_EUNSUPPORTED, "%s: it cannot be locked: %s",
                        folder, strerror(errno));
    close(fd);
    return st;
}

void file_unlock(int lock)
{
    /* A child process may have a copy, which close() would leave locked. */
    flock(lock, LOCK_UN);
    close(lock);
}
