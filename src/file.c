/* SPDX-License-Identifier: Apache-2.0 */
#include "file.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* How many links a path may have in a row: Linux' limit. */
#define LINKS_MAX 40
/* How many names are tried for a new file.  Killed processes that had this
 * one's number may have left some. */
#define NAMES_MAX 1000

/* ---- paths --------------------------------------------------------------- */

char *file_path(const char *folder, const char *name)
{
    size_t n = strlen(folder) + strlen(name) + 2;
    char *path = malloc(n);

    if (path)
        snprintf(path, n, "%s/%s", folder, name);
    return path;
}

/* The XDG specification says to ignore relative paths. */
char *file_cache(const char *name)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    const bool is_xdg = xdg && xdg[0] == '/';
    const char *base = is_xdg ? xdg : home, *below = is_xdg ? "" : ".cache/";
    char *in = NULL, *path = NULL;

    if (!base || base[0] != '/' || !(in = malloc(strlen(name) + 20)))
        return NULL;
    sprintf(in, "%sclade/%s", below, name);
    path = file_path(base, in);
    free(in);
    return path;
}

static clade_status io_failed(const char *path)
{
    return clade_fail(CLADE_EIO, "%s: %s", path, strerror(errno));
}

static clade_status no_memory(const char *path)
{
    return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
}

/* The folder of a file; NULL if there is no memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
}

/* The path of a file in the folder of another. */
static char *path_beside(const char *path, const char *name)
{
    char *folder = folder_of(path);
    char *beside = folder ? file_path(folder, name) : NULL;

    free(folder);
    return beside;
}

/* Set *to to the path that symbolic links lead to from `path`.  There may be
 * nothing there yet. */
static clade_status follow(char **to, const char *path)
{
    char *at = strdup(path), *next, link[PATH_MAX];
    ssize_t n;

    for (int i = 0; at && (n = readlink(at, link, sizeof link - 1)) >= 0; i++) {
        link[n] = '\0';
        next = link[0] == '/' ? strdup(link) : path_beside(at, link);
        free(at);
        at = next;
        if (i == LINKS_MAX) {
            free(at);
            errno = ELOOP;
            return io_failed(path);
        }
    }
    *to = at;
    return at ? CLADE_OK : no_memory(path);
}

/* ---- writing ------------------------------------------------------------- */

/* Flush a folder to the disk. */
static clade_status flush_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    clade_status st = CLADE_OK;

    /* A folder may be writable, but not readable; it cannot be flushed. */
    if (fd < 0)
        return errno == EACCES ? CLADE_OK : io_failed(path);
    /* EINVAL: this file system cannot flush a folder. */
    if (fsync(fd) && errno != EINVAL)
        st = io_failed(path);
    close(fd);
    return st;
}

/* Flush a file's new name to the disk: it is in the file's folder. */
static clade_status flush_folder_of(const char *path)
{
    char *folder = folder_of(path);
    clade_status st = folder ? flush_folder(folder) : no_memory(path);

    free(folder);
    return st;
}

/* What is to be written, and the path to name if that fails. */
struct writing {
    const char *path;
    clade_status (*write)(void *arg, FILE *file);
    void *arg;
};

/* Write to an open file, and close it. */
static clade_status write_to(int fd, const struct writing *w)
{
    FILE *file = fdopen(fd, "wb");
    clade_status st;

    if (!file) {
        st = io_failed(w->path);
        close(fd);
        return st;
    }
    st = w->write(w->arg, file);
    if (!st && (fflush(file) || ferror(file)))
        st = io_failed(w->path);
    /* EINVAL: a device or a FIFO is not on a disk. */
    if (!st && fsync(fd) && errno != EINVAL)
        st = io_failed(w->path);
    if (fclose(file) && !st)
        st = io_failed(w->path);
    return st;
}

static clade_status write_into(const struct writing *w)
{
    int fd = open(w->path, O_WRONLY | O_CLOEXEC | O_NOCTTY);

    return fd < 0 ? io_failed(w->path) : write_to(fd, w);
}

/* Room for the name of a new file beside `path`, and its name number i:
 * "PATH.PID-i.tmp". */
static char *new_name(const char *path)
{
    return malloc(strlen(path) + sizeof ".-9223372036854775808-999.tmp");
}

static void set_name(char *name, const char *path, int i)
{
    sprintf(name, "%s.%ld-%d.tmp", path, (long)getpid(), i);
}

/* Make a new file with the first of these names that is free.  Returns its
 * name, or NULL if there is no memory; *fd is below 0 if it cannot be made. */
static char *open_new(int *fd, const char *path)
{
    char *name = new_name(path);

    for (int i = 0; name && i < NAMES_MAX; i++) {
        set_name(name, path, i);
        *fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                   0666);
        if (*fd >= 0 || errno != EEXIST)
            break;
    }
    return name;
}

/* Replace the regular file `to`.  `old` is its state, or NULL if there is
 * none. */
static clade_status replace(const char *to, const struct stat *old,
                            const struct writing *w)
{
    int fd;
    char *name = open_new(&fd, to);
    clade_status st;

    if (!name)
        return no_memory(w->path);
    if (fd < 0) {
        st = io_failed(w->path);
        goto out;
    }
    if (old) /* a file system without permissions refuses, which is no harm */
        fchmod(fd, old->st_mode & 0777);
    st = write_to(fd, w);
    if (!st && rename(name, to))
        st = io_failed(w->path);
    if (st)
        unlink(name);
    else
        st = flush_folder_of(to);
out:
    free(name);
    return st;
}

clade_status file_replace(const char *path,
                          clade_status (*write)(void *arg, FILE *file),
                          void *arg)
{
    const struct writing w = { path, write, arg };
    struct stat s;
    const bool old = !stat(path, &s);
    clade_status st;
    char *to;

    if (old && S_ISDIR(s.st_mode))
        return clade_fail(CLADE_EIO, "%s: is a folder", path);
    if (old && !S_ISREG(s.st_mode))
        return write_into(&w);
    if ((st = follow(&to, path)))
        return st;
    st = replace(to, old ? &s : NULL, &w);
    free(to);
    return st;
}

/* Link a file to the first of the new names beside `as` that is free. */
static bool link_new(char *name, const char *as, const char *path)
{
    for (int i = 0; i < NAMES_MAX; i++) {
        set_name(name, as, i);
        if (!linkat(AT_FDCWD, path, AT_FDCWD, name, AT_SYMLINK_FOLLOW))
            return true;
        if (errno != EEXIST)
            return false;
    }
    return false;
}

static clade_status write_copy(void *arg, FILE *file)
{
    char *text;
    size_t n;
    const clade_status st = file_read(&text, &n, arg);

    if (st)
        return st;
    fwrite(text, 1, n, file);
    free(text);
    return CLADE_OK;
}

clade_status file_keep(const char *path, const char *as)
{
    char *name = new_name(as);
    clade_status st;

    if (!name)
        return no_memory(as);
    if (link_new(name, as, path)) {
        st = file_move(name, as);
        unlink(name); /* rename() leaves it if both are one file already */
    } else {
        st = file_replace(as, write_copy, (void *)path);
    }
    free(name);
    return st;
}

clade_status file_probe(const char *path)
{
    clade_status st;
    struct stat s;
    char *to, *name;
    int fd;

    if (!stat(path, &s) && !S_ISREG(s.st_mode)) {
        errno = EISDIR;
        return S_ISDIR(s.st_mode) ? io_failed(path)
                                  : CLADE_OK; /* it will be written into */
    }
    if ((st = follow(&to, path)))
        return st;
    if (!(name = open_new(&fd, to)) || fd < 0)
        st = name ? io_failed(path) : no_memory(path);
    if (!st) {
        close(fd);
        unlink(name);
    }
    free(name);
    free(to);
    return st;
}

/* Is `name` one that open_new() gives to new files for `base`? */
static bool is_leftover(const char *name, const char *base)
{
    const size_t n = strlen(base);
    int end = 0;

    if (strncmp(name, base, n) || name[n] != '.' ||
        !isdigit((unsigned char)name[n + 1]))
        return false;
    sscanf(name + n, ".%*d-%*d.tmp%n", &end);
    return end && !name[n + (size_t)end];
}

void file_remove_leftovers(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = folder_of(path);
    DIR *dir = folder ? opendir(folder) : NULL;
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)))
        if (is_leftover(entry->d_name, slash ? slash + 1 : path))
            unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    free(folder);
}

/* ---- reading ------------------------------------------------------------- */

/* Open a file for reading.  If `wait` is set, it may be a FIFO, and then wait
 * for its writer. */
static clade_status open_to_read(int *file, const char *path, bool wait)
{
    struct stat s;
    const bool fifo = wait && !stat(path, &s) && S_ISFIFO(s.st_mode);
    /* With O_NONBLOCK, open() does not wait for a FIFO's writer or a device. */
    const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (fifo ? 0 : O_NONBLOCK);
    int fd;

    do
        fd = open(path, flags);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return clade_fail(errno == ENOENT || errno == ENOTDIR ? CLADE_EDATA
                                                              : CLADE_EIO,
                          "%s: %s", path, strerror(errno));
    if (!fstat(fd, &s) &&
        (S_ISREG(s.st_mode) || (fifo && S_ISFIFO(s.st_mode)))) {
        *file = fd;
        return CLADE_OK;
    }
    close(fd);
    return clade_fail(CLADE_EDATA, "%s: %s", path,
                      S_ISDIR(s.st_mode) ? "is a folder"
                                         : "is no regular file");
}

clade_status file_open(FILE **file, const char *path)
{
    int fd;
    clade_status st = open_to_read(&fd, path, false);

    if (!st && !(*file = fdopen(fd, "rb"))) {
        st = io_failed(path);
        close(fd);
    }
    return st;
}

/* Read at most n bytes.  A signal may come meanwhile. */
static ssize_t read_some(int fd, char *to, size_t n)
{
    ssize_t got;

    do
        got = read(fd, to, n);
    while (got < 0 && errno == EINTR);
    return got;
}

clade_status file_read_open(char **text, size_t *n, int fd, const char *path)
{
    char *bytes = NULL, *more;
    size_t room = 0, have = 0;
    ssize_t got;
    clade_status st;

    do {
        if (have == room) {
            room += room / 2 + 4096;
            if (!(more = realloc(bytes, room + 1))) {
                st = no_memory(path);
                goto out;
            }
            bytes = more;
        }
        if ((got = read_some(fd, bytes + have, room - have)) < 0) {
            st = io_failed(path);
            goto out;
        }
        have += (size_t)got;
    } while (got > 0);
    bytes[have] = 0;
    *text = bytes;
    *n = have;
    return CLADE_OK;
out:
    free(bytes);
    return st;
}

static clade_status open_and_read(char **text, size_t *n, const char *path,
                                  bool wait)
{
    int fd;
    clade_status st = open_to_read(&fd, path, wait);

    if (st)
        return st;
    st = file_read_open(text, n, fd, path);
    close(fd);
    return st;
}

clade_status file_read(char **text, size_t *n, const char *path)
{
    return open_and_read(text, n, path, false);
}

clade_status file_read_pipe(char **text, size_t *n, const char *path)
{
    return open_and_read(text, n, path, true);
}

/* ---- folders ------------------------------------------------------------- */

/* Make one folder, and flush its name to the disk.  It may exist already. */
static clade_status make_one(const char *path, int *made)
{
    if (mkdir(path, 0777))
        return errno == EEXIST ? CLADE_OK : io_failed(path);
    ++*made;
    return flush_folder_of(path);
}

clade_status file_make_folder(const char *path, int *made)
{
    char *copy = strdup(path);
    clade_status st = CLADE_OK;
    int count = 0;

    if (!copy)
        return no_memory(path);
    for (char *at = copy; !st; at++) {
        char here = *at;

        if (here && (here != '/' || at == copy))
            continue;
        *at = 0;
        st = make_one(copy, &count);
        *at = here;
        if (!here)
            break;
    }
    if (!st && made)
        *made = count;
    free(copy);
    return st;
}

clade_status file_make_folder_of(const char *path)
{
    char *folder = folder_of(path);
    const clade_status st =
        folder ? file_make_folder(folder, NULL) : no_memory(path);

    free(folder);
    return st;
}

clade_status file_move(const char *from, const char *to)
{
    return rename(from, to) ? io_failed(to) : flush_folder_of(to);
}
