/* SPDX-License-Identifier: Apache-2.0 */
#include "data/tar.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <archive.h>
#include <archive_entry.h>

#include "file.h"
#include "status.h"

/* A few bytes of gzip can hold any number of members. */
#define MEMBERS_MAX 100

struct tar {
    struct archive *archive;
    FILE *file;
    char *path, *name; /* of the archive, of the member */
    int members;
};

clade_status tar_available(void)
{
    return CLADE_OK;
}

/* Fail with the library's message. */
static clade_status damaged(const struct tar *tar)
{
    const char *text = archive_error_string(tar->archive);

    return clade_fail(CLADE_EDATA, "%s%s%s: the archive is damaged: %s",
                      tar->path, tar->name ? "/" : "",
                      tar->name ? tar->name : "", text ? text : "unreadable");
}

/* ARCHIVE_WARN: the text of a name or the like is odd, but all was read. */
static bool failed(int code)
{
    return code != ARCHIVE_OK && code != ARCHIVE_WARN;
}

clade_status tar_open(struct tar **tar, const char *path)
{
    struct tar *t = calloc(1, sizeof(*t));
    clade_status st = CLADE_OK;

    if (!t || !(t->path = strdup(path)) || !(t->archive = archive_read_new()))
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    if (st || (st = file_open(&t->file, path)))
        goto out;
    archive_read_support_format_tar(t->archive);
    archive_read_support_filter_gzip(t->archive);
    if (failed(archive_read_open_FILE(t->archive, t->file))) {
        st = damaged(t);
        goto out;
    }
    *tar = t;
    return CLADE_OK;
out:
    tar_close(t);
    return st;
}

void tar_close(struct tar *tar)
{
    if (!tar)
        return;
    if (tar->archive)
        archive_read_free(tar->archive);
    if (tar->file)
        fclose(tar->file);
    free(tar->path);
    free(tar->name);
    free(tar);
}

static bool leads_up(const char *path)
{
    for (const char *at = path; *at; at += strspn(at, "/")) {
        const size_t n = strcspn(at, "/");

        if (n == 2 && !strncmp(at, "..", 2))
            return true;
        at += n;
    }
    return false;
}

/* What is wrong with a member; NULL: nothing. */
static const char *fault_of(struct archive_entry *entry, const char *name)
{
    const mode_t type = archive_entry_filetype(entry);

    if (archive_entry_hardlink(entry))
        return "is a hard link";
    if (type == S_IFLNK)
        return "is a symbolic link";
    if (type != S_IFREG && type != S_IFDIR)
        return "is neither a file nor a folder";
    if (name[0] == '/')
        return "is an absolute path";
    return leads_up(name) ? "leads out of the folder" : NULL;
}

/* Copy a name, with ? for what could move a terminal's cursor. */
static char *printable(const char *name)
{
    char *copy = strdup(name);

    for (char *c = copy; c && *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return copy;
}

/* Keep the name of the member, which must have no fault. */
static clade_status check_member(struct tar *tar, struct archive_entry *entry)
{
    const char *name = archive_entry_pathname(entry), *fault;

    if (!name || ++tar->members > MEMBERS_MAX)
        return clade_fail(
            CLADE_EDATA, "%s: it has %s: this is no archive of images",
            tar->path, name ? "too many members" : "a member without name");
    if (!(tar->name = printable(name)))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", tar->path);
    if ((fault = fault_of(entry, name)))
        return clade_fail(CLADE_EDATA,
                          "%s: its member %s %s: this archive cannot be "
                          "trusted",
                          tar->path, tar->name, fault);
    return CLADE_OK;
}

clade_status tar_next(struct tar *tar, struct tar_member *member)
{
    struct archive_entry *entry;
    clade_status st;
    int code;

    do {
        free(tar->name);
        tar->name = NULL;
        code = archive_read_next_header(tar->archive, &entry);
        if (code == ARCHIVE_EOF) {
            *member = (struct tar_member){ 0 };
            return CLADE_OK;
        }
        if (failed(code))
            return damaged(tar);
        if ((st = check_member(tar, entry)))
            return st;
    } while (archive_entry_filetype(entry) == S_IFDIR);
    *member = (struct tar_member){ tar->name, archive_entry_size(entry) };
    return CLADE_OK;
}

clade_status tar_read(struct tar *tar, void *to, size_t n)
{
    la_ssize_t got;

    for (char *at = to; n > 0; at += got, n -= (size_t)got) {
        got = archive_read_data(tar->archive, at, n);
        if (got < 0)
            return damaged(tar);
        if (got == 0)
            return clade_fail(CLADE_EDATA, "%s/%s: it is cut short", tar->path,
                              tar->name);
    }
    return CLADE_OK;
}
