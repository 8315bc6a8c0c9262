/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/images.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "status.h"

/* ---- SHA256SUMS ---------------------------------------------------------- */

static clade_status write_sums(void *arg, FILE *file)
{
    const struct sums *s = arg;

    fprintf(file, "# of an archive with SHA-256 %s\n", s->archive);
    for (int i = 0; i < CIFAR10_FILES; i++)
        if (s->file[i][0])
            fprintf(file, "%s  %s\n", s->file[i], cifar10_files[i].name);
    return CLADE_OK;
}

static clade_status no_memory(const char *folder)
{
    return clade_fail(CLADE_ENOMEM, "%s: out of memory", folder);
}

clade_status images_write_sums(const char *folder, const struct sums *sums)
{
    struct sums copy = *sums;
    char *path = file_path(folder, IMAGES_SUMS);
    const clade_status st =
        path ? file_replace(path, write_sums, &copy) : no_memory(folder);

    free(path);
    return st;
}

/* Does the folder's SHA256SUMS have these? */
static clade_status compare_sums(bool *same, const struct sums *sums,
                                 const char *folder)
{
    struct sums copy = *sums;
    char *path = file_path(folder, IMAGES_SUMS), *there = NULL, *text = NULL;
    size_t n_there, n = 0;
    FILE *memory = open_memstream(&text, &n);
    clade_status st = path && memory ? CLADE_OK : no_memory(folder);

    if (memory) {
        write_sums(&copy, memory);
        if (fclose(memory) && !st)
            st = no_memory(folder);
    }
    if (!st)
        *same = !file_read(&there, &n_there, path) && n_there == n &&
                !memcmp(there, text, n);
    free(there);
    free(text);
    free(path);
    return st;
}

/* ---- the state of a folder ----------------------------------------------- */

struct looking {
    const char *folder;
    const struct fetch_options *o;
    struct sums sums;
    bool full, published; /* no file is missing; all are of the right length */
};

/* Look at one file; a missing one has no sum. */
static clade_status look_at(struct looking *l, int i)
{
    const struct cifar10_file *f = &cifar10_files[i];
    char *path = file_path(l->folder, f->name);
    struct sha256_ctx hash;
    struct stat s;
    FILE *file;
    clade_status st = CLADE_OK;

    sha256_init(&hash);
    if (!path)
        return no_memory(l->folder);
    if (file_open(&file, path)) {
        l->full &= !f->required;
    } else {
        l->published &= f->kind == CIFAR10_TEXT ||
                        (!fstat(fileno(file), &s) && s.st_size == f->bytes);
        st = digest_file(&hash, file, path, l->o->stop, l->o->arg);
        digest_hex(l->sums.file[i], &hash);
        fclose(file);
    }
    free(path);
    return st;
}

static bool has_sums(const char *folder)
{
    char *path = file_path(folder, IMAGES_SUMS);
    const bool yes = path && !access(path, F_OK);

    free(path);
    return yes;
}

clade_status images_look(enum images_state *state, const char *folder,
                         const char *sha256, const struct fetch_options *o)
{
    struct looking l = {
        .folder = folder, .o = o, .full = true, .published = true
    };
    struct stat s;
    bool same = false;
    clade_status st = CLADE_OK;

    if (lstat(folder, &s)) {
        *state = IMAGES_MISSING;
        return CLADE_OK;
    }
    strcpy(l.sums.archive, sha256);
    for (int i = 0; i < CIFAR10_FILES && !st; i++)
        st = look_at(&l, i);
    if (st || (st = compare_sums(&same, &l.sums, folder)))
        return st;
    if (l.full && same)
        *state = IMAGES_RIGHT;
    else if (l.full && l.published && !has_sums(folder) &&
             !strcmp(sha256, CIFAR10_SHA256))
        *state = IMAGES_UNKNOWN;
    else
        *state = IMAGES_WRONG;
    return CLADE_OK;
}

/* ---- removing ------------------------------------------------------------ */

static bool is_ours(const char *name)
{
    for (int i = 0; i < CIFAR10_FILES; i++)
        if (!strcmp(name, cifar10_files[i].name))
            return true;
    return !strcmp(name, IMAGES_SUMS) || !strcmp(name, ".") ||
           !strcmp(name, "..");
}

clade_status images_check_removable(const char *folder)
{
    clade_status st = CLADE_OK;
    const struct dirent *entry;
    struct stat s;
    DIR *dir;

    if (lstat(folder, &s) || !S_ISDIR(s.st_mode) || !(dir = opendir(folder)))
        return clade_fail(CLADE_EUSAGE,
                          "%s: it is in the way, and no folder; move it away, "
                          "or name another place",
                          folder);
    while (!st && (entry = readdir(dir)))
        if (!is_ours(entry->d_name))
            st = clade_fail(CLADE_EUSAGE,
                            "%s: it is not what the archive holds, and it is "
                            "not replaced, because %s is in it, too; move it "
                            "away, or name another place",
                            folder, entry->d_name);
    closedir(dir);
    return st;
}

/* Remove a file and what file_replace() left of it. */
static void remove_file(const char *folder, const char *name)
{
    char *path = file_path(folder, name);

    if (path) {
        file_remove_leftovers(path);
        unlink(path);
    }
    free(path);
}

clade_status images_remove(const char *folder)
{
    struct stat s;

    if (lstat(folder, &s))
        return CLADE_OK;
    if (S_ISDIR(s.st_mode)) { /* through a link, nothing is removed */
        for (int i = 0; i < CIFAR10_FILES; i++)
            remove_file(folder, cifar10_files[i].name);
        remove_file(folder, IMAGES_SUMS);
    }
    if (rmdir(folder))
        return clade_fail(CLADE_EIO, "%s: it cannot be removed: %s", folder,
                          strerror(errno));
    return CLADE_OK;
}
