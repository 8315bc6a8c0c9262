/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fetch/download.h"
#include "fetch/images.h"
#include "fetch/unpack.h"
#include "fetch/url.h"
#include "file.h"
#include "status.h"

struct fetching {
    const struct fetch_options *o;
    char sha256[DIGEST_HEX];
    char *local;          /* the path of a file: URL, else NULL */
    char *archive, *part; /* where it may be, where it is downloaded to */
    char *folder;         /* what is made */
    char *fresh, *old;    /* the folder while it is made or replaced */
};

static void notice(const struct fetching *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void notice(const struct fetching *f, const char *format, ...)
{
    char text[1024];
    va_list ap;

    if (!f->o->notice)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    f->o->notice(f->o->arg, text);
}

/* ---- the archive --------------------------------------------------------- */

/* The SHA-256 of a file. */
static clade_status digest_of(char *hex, const char *path,
                              const struct fetch_options *o)
{
    struct sha256_ctx hash;
    FILE *file;
    clade_status st = file_open(&file, path);

    if (st)
        return st;
    sha256_init(&hash);
    st = digest_file(&hash, file, path, o->stop, o->arg);
    digest_hex(hex, &hash);
    fclose(file);
    return st;
}

static clade_status another(const struct fetching *f, const char *from,
                            const char *hex)
{
    return clade_fail(CLADE_EDATA,
                      "%s: its SHA-256 is %s, not %s: it is damaged, or "
                      "another archive; get it anew",
                      from, hex, f->sha256);
}

/* Is the archive beside the folder the right one?  If it cannot be read, it is
 * not. */
static bool is_beside(const struct fetching *f)
{
    char hex[DIGEST_HEX];

    return !digest_of(hex, f->archive, f->o) && !strcmp(hex, f->sha256);
}

/* What came is not the archive: forget it. */
static clade_status refuse(const struct fetching *f, struct part *part)
{
    char hex[DIGEST_HEX];

    if (!strcmp(f->sha256, CIFAR10_SHA256) && part->bytes < CIFAR10_BYTES)
        return clade_fail(CLADE_EFAIL, "%s: the server sent %lld of %d bytes",
                          f->o->url, (long long)part->bytes, CIFAR10_BYTES);
    digest_hex(hex, &part->hash);
    part_restart(part);
    return another(f, f->o->url, hex);
}

/* Download the rest of the part.  If that does not make the archive, what was
 * there may be of another one: then download everything. */
static clade_status complete(const struct fetching *f, struct part *part)
{
    const bool resumed = part->bytes > 0;
    clade_status st = CLADE_OK;

    if (part_is(part, f->sha256))
        return CLADE_OK;
    if (resumed)
        notice(f, "fetching %s, after %.1f MB that are there", f->o->url,
               (double)part->bytes / 1e6);
    else
        notice(f, "fetching %s", f->o->url);
    if ((st = download_rest(part, f->o)) || part_is(part, f->sha256))
        return st;
    if (!resumed)
        return refuse(f, part);
    notice(f, "what was there does not belong to it; starting again");
    if ((st = part_restart(part)) || (st = download_rest(part, f->o)) ||
        part_is(part, f->sha256))
        return st;
    return refuse(f, part);
}

static clade_status download(const struct fetching *f)
{
    struct part part;
    clade_status st = download_available(), closed;
    FILE *file;

    if (st)
        return st;
    if (f->o->cacert) {
        if ((st = file_open(&file, f->o->cacert)))
            return st;
        fclose(file);
    }
    if ((st = part_open(&part, f->part, f->o)))
        return st;
    st = complete(f, &part);
    if (st && part.bytes > 0)
        clade_fail(st,
                   "%s; %.1f MB are kept in %s, and the same command goes on "
                   "from there",
                   clade_error(), (double)part.bytes / 1e6, part.path);
    closed = part_close(&part);
    return st ? st : closed;
}

/* Set *path to the archive, whose SHA-256 is right. */
static clade_status get(const char **path, const struct fetching *f)
{
    char hex[DIGEST_HEX];
    clade_status st;

    if (f->local) {
        *path = f->local;
        st = digest_of(hex, f->local, f->o);
        if (!st && strcmp(hex, f->sha256))
            st = another(f, f->local, hex);
        return st;
    }
    if (is_beside(f)) {
        *path = f->archive;
        notice(f, "%s is there, and its SHA-256 is right", f->archive);
        return CLADE_OK;
    }
    *path = f->part;
    return download(f);
}

/* ---- the folder ---------------------------------------------------------- */

static clade_status io_failed(const char *path)
{
    return clade_fail(CLADE_EIO, "%s: %s", path, strerror(errno));
}

/* Put the fresh folder in the place of what may be there. */
static clade_status put_in_place(const struct fetching *f)
{
    struct stat s;
    clade_status st;

    if (!lstat(f->folder, &s) && rename(f->folder, f->old))
        return io_failed(f->folder);
    if ((st = file_move(f->fresh, f->folder)))
        return st;
    return images_remove(f->old);
}

static clade_status make_folder(const struct fetching *f, const char *archive)
{
    clade_status st;

    notice(f, "unpacking %s", archive);
    if (mkdir(f->fresh, 0777))
        return io_failed(f->fresh);
    st = unpack(f->fresh, archive, f->sha256, f->o);
    if (!st)
        st = put_in_place(f);
    if (!st && archive == f->part)
        unlink(f->part);
    if (st)
        images_remove(f->fresh);
    return st;
}

/* Remove what a killed process left; make what is missing. */
static clade_status fetch(const struct fetching *f)
{
    enum images_state state = IMAGES_MISSING;
    const char *archive = NULL;
    clade_status st;

    if ((st = images_remove(f->fresh)) || (st = images_remove(f->old)) ||
        (st = images_look(&state, f->folder, f->sha256, f->o)))
        return st;
    if (state == IMAGES_RIGHT)
        notice(f, "%s is there and right: nothing to fetch", f->folder);
    if (state == IMAGES_UNKNOWN)
        notice(f,
               "%s is there and as long as it should be: nothing to fetch; "
               "remove it to have it checked",
               f->folder);
    if (state == IMAGES_RIGHT || state == IMAGES_UNKNOWN)
        return CLADE_OK;
    if ((state == IMAGES_WRONG && (st = images_check_removable(f->folder))) ||
        (st = get(&archive, f)))
        return st;
    return make_folder(f, archive);
}

/* ---- the door ------------------------------------------------------------ */

/* Copy 64 hexadecimal digits, in lower case. */
static clade_status take_sha256(char *hex, const char *text)
{
    size_t n = 0;

    while (n < DIGEST_HEX - 1 && isxdigit((unsigned char)text[n])) {
        hex[n] = (char)tolower((unsigned char)text[n]);
        n++;
    }
    hex[n] = '\0';
    if (n == DIGEST_HEX - 1 && !text[n])
        return CLADE_OK;
    return clade_fail(CLADE_EUSAGE,
                      "%s: is no SHA-256, which has %d hexadecimal digits",
                      text, DIGEST_HEX - 1);
}

static clade_status open_paths(struct fetching *f)
{
    const struct {
        char **path;
        const char *name;
    } paths[] = {
        { &f->archive, CIFAR10_ARCHIVE },
        { &f->part, CIFAR10_ARCHIVE ".part" },
        { &f->folder, CIFAR10_FOLDER },
        { &f->fresh, CIFAR10_FOLDER ".part" },
        { &f->old, CIFAR10_FOLDER ".old" },
    };

    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++)
        if (!(*paths[i].path = file_path(f->o->dir, paths[i].name)))
            return clade_fail(CLADE_ENOMEM, "%s: out of memory", f->o->dir);
    return CLADE_OK;
}

static void close_paths(struct fetching *f)
{
    free(f->local);
    free(f->archive);
    free(f->part);
    free(f->folder);
    free(f->fresh);
    free(f->old);
}

/* Fetch while no other process can.  Where there are no locks, the user has to
 * take care. */
static clade_status fetch_locked(const struct fetching *f)
{
    int lock = -1, made = 0;
    clade_status st = file_make_folder(f->o->dir, &made);

    if (!st)
        st = file_lock(&lock, f->o->dir);
    if (st == CLADE_EUNSUPPORTED) {
        notice(f, "%s; take care that no other process fetches into it",
               clade_error());
        st = CLADE_OK;
    }
    if (!st)
        st = fetch(f);
    if (lock >= 0)
        file_unlock(lock);
    if (st)
        file_remove_folder(f->o->dir, made);
    return st;
}

clade_status fetch_cifar10(char **folder, const struct fetch_options *o)
{
    struct fetching f = { .o = o };
    clade_status st;

    if ((st = take_sha256(f.sha256, o->sha256)) ||
        (st = url_path(&f.local, o->url)) ||
        (st = cifar10_check_version(o->url)) || (st = tar_available()) ||
        (st = open_paths(&f)) || (st = fetch_locked(&f)))
        goto out;
    *folder = f.folder;
    f.folder = NULL;
out:
    close_paths(&f);
    return st;
}
