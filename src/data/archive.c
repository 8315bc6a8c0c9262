/* SPDX-License-Identifier: Apache-2.0 */
#include "data/cifar10.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/data.h"
#include "file.h"
#include "status.h"

#define BATCH (10000 * CIFAR10_RECORD)

const struct cifar10_file cifar10_files[CIFAR10_FILES] = {
    { "batches.meta.txt", CIFAR10_TEXT, 4096, true },
    { "data_batch_1.bin", CIFAR10_TRAIN, BATCH, true },
    { "data_batch_2.bin", CIFAR10_TRAIN, BATCH, true },
    { "data_batch_3.bin", CIFAR10_TRAIN, BATCH, true },
    { "data_batch_4.bin", CIFAR10_TRAIN, BATCH, true },
    { "data_batch_5.bin", CIFAR10_TRAIN, BATCH, true },
    { "readme.html", CIFAR10_TEXT, 4096, false },
    { "test_batch.bin", CIFAR10_TEST, BATCH, true },
};

/* ---- other versions ------------------------------------------------------ */

static const struct {
    const char *name, *archive, *folder;
    const char *file; /* is in its folder only */
} versions[] = {
    { "Python", "cifar-10-python.tar.gz", "cifar-10-batches-py",
      "data_batch_1" },
    { "Matlab", "cifar-10-matlab.tar.gz", "cifar-10-batches-mat",
      "data_batch_1.mat" },
};

static clade_status other_version(const char *path, const char *version)
{
    return clade_fail(CLADE_EDATA,
                      "%s: this is CIFAR-10's %s version, and clade reads its "
                      "binary version; " CIFAR10_REMEDY,
                      path, version);
}

/* Is `name` the first (or the last) part of the path? */
static bool has_part(const char *path, const char *name, bool last)
{
    size_t all = strlen(path), n = strlen(name);

    while (all > 0 && path[all - 1] == '/')
        all--;
    if (!last)
        return !strncmp(path, name, n) && (path[n] == '/' || !path[n]);
    return all >= n && !strncmp(path + all - n, name, n) &&
           (all == n || path[all - n - 1] == '/');
}

static bool has_file(const char *folder, const char *name)
{
    char *path = file_path(folder, name);
    struct stat s;
    const bool yes = path && !stat(path, &s);

    free(path);
    return yes;
}

clade_status cifar10_check_version(const char *path)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
        if (has_part(path, versions[i].archive, true) ||
            has_part(path, versions[i].folder, true) ||
            (has_file(path, versions[i].file) &&
             !has_file(path, "test_batch.bin")))
            return other_version(path, versions[i].name);
    return CLADE_OK;
}

/* ---- files of an archive ------------------------------------------------- */

/* The row of a member; below 0 if it is none of CIFAR-10's files. */
static int row_of(const char *name)
{
    const size_t n = sizeof(CIFAR10_FOLDER) - 1;

    if (!strncmp(name, "./", 2))
        name += 2;
    if (!has_part(name, CIFAR10_FOLDER, false))
        return -1;
    for (int i = 0; i < CIFAR10_FILES; i++)
        if (!strcmp(name + n + 1, cifar10_files[i].name))
            return i;
    return -1;
}

static clade_status foreign_member(const char *path, const char *name)
{
    for (size_t i = 0; i < sizeof(versions) / sizeof(*versions); i++)
        if (has_part(name, versions[i].folder, false))
            return other_version(path, versions[i].name);
    return clade_fail(CLADE_EDATA,
                      "%s: its member %s is no file of CIFAR-10's binary "
                      "version; " CIFAR10_REMEDY,
                      path, name);
}

static clade_status check_bytes(const struct cifar10_file *file,
                                const struct tar_member *member,
                                const char *path)
{
    char name[1024];

    if (member->bytes > file->bytes)
        return clade_fail(CLADE_EDATA,
                          "%s: its member %s has %lld bytes, above CIFAR-10's "
                          "%lld; " CIFAR10_REMEDY,
                          path, member->name, (long long)member->bytes,
                          (long long)file->bytes);
    if (file->kind == CIFAR10_TEXT)
        return CLADE_OK;
    snprintf(name, sizeof(name), "%s/%s", path, file->name);
    return cifar10_check_size(member->bytes, name);
}

static clade_status check_complete(unsigned seen, const char *path)
{
    for (int i = 0; i < CIFAR10_FILES; i++)
        if (cifar10_files[i].required && !(seen & 1U << i))
            return clade_fail(CLADE_EDATA,
                              "%s: it has no " CIFAR10_FOLDER
                              "/%s; " CIFAR10_REMEDY,
                              path, cifar10_files[i].name);
    return CLADE_OK;
}

clade_status cifar10_next(struct tar *tar, const char *path, int *i,
                          int64_t *bytes, unsigned *seen)
{
    struct tar_member member;
    clade_status st = tar_next(tar, &member);
    int row = -1;

    if (!st && member.name) {
        if ((row = row_of(member.name)) < 0)
            return foreign_member(path, member.name);
        if (*seen & 1U << row)
            return clade_fail(CLADE_EDATA, "%s: it has its member %s twice",
                              path, member.name);
        st = check_bytes(&cifar10_files[row], &member, path);
        *seen |= 1U << row;
        *bytes = member.bytes;
    } else if (!st) {
        st = check_complete(*seen, path);
    }
    if (!st)
        *i = row;
    return st;
}

/* ---- images of an archive ------------------------------------------------ */

/* The first bytes of each file, as many as can be wanted, and a 0 byte.  The
 * files of an archive come in any order, and are taken in that of their names.
 */
struct kept {
    char *bytes[CIFAR10_FILES];
    size_t n[CIFAR10_FILES];
};

static void kept_free(struct kept *kept)
{
    for (int i = 0; i < CIFAR10_FILES; i++)
        free(kept->bytes[i]);
}

/* Keep so many bytes of a file. */
static clade_status keep(struct kept *kept, int i, struct tar *tar,
                         const char *path, int64_t bytes)
{
    const size_t n = (size_t)bytes;

    if (!(kept->bytes[i] = calloc(n + 1, 1)))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    kept->n[i] = n;
    return tar_read(tar, kept->bytes[i], n);
}

/* Take the records of a file. */
static clade_status take(struct filling *f, const struct kept *kept, int i,
                         const char *path)
{
    char name[1024];
    FILE *file;
    clade_status st;

    if (!kept->n[i])
        return CLADE_OK;
    snprintf(name, sizeof(name), "%s/%s", path, cifar10_files[i].name);
    if (!(file = fmemopen(kept->bytes[i], kept->n[i], "rb")))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    st = cifar10_read(f, file, name);
    fclose(file);
    return st;
}

/* An archive as long as the published one must be that: gzip's own check of
 * what it unpacks is not enough, nor always made. */
static clade_status check_published(const char *path)
{
    struct sha256_ctx hash;
    char hex[DIGEST_HEX] = CIFAR10_SHA256;
    struct stat s;
    FILE *file;
    clade_status st = file_open(&file, path);

    if (st)
        return st;
    sha256_init(&hash);
    if (!fstat(fileno(file), &s) && s.st_size == CIFAR10_BYTES &&
        !(st = digest_file(&hash, file, path, NULL, NULL)))
        digest_hex(hex, &hash);
    fclose(file);
    if (!st && strcmp(hex, CIFAR10_SHA256))
        st = clade_fail(CLADE_EDATA,
                        "%s: its SHA-256 is %s, not " CIFAR10_SHA256
                        ": the archive is damaged; " CIFAR10_REMEDY,
                        path, hex);
    return st;
}

/* Keep what is wanted of the files: of each kind, at most so many bytes. */
static clade_status read_members(struct kept *kept, struct tar *tar,
                                 const char *path, const int64_t most[])
{
    unsigned seen = 0;
    int64_t bytes = 0;
    clade_status st;
    int i;

    while (!(st = cifar10_next(tar, path, &i, &bytes, &seen)) && i >= 0) {
        const int64_t wanted = most[cifar10_files[i].kind];

        if ((st = keep(kept, i, tar, path, bytes < wanted ? bytes : wanted)))
            break;
    }
    return st;
}

static clade_status take_names(struct clade_data *data, const struct kept *kept,
                               const char *path)
{
    char name[1024];

    snprintf(name, sizeof(name), "%s/%s", path,
             cifar10_files[CIFAR10_NAMES].name);
    return data_take_classes(data, kept->bytes[CIFAR10_NAMES],
                             kept->n[CIFAR10_NAMES], name);
}

clade_status cifar10_read_archive(struct clade_data *data,
                                  struct filling *train, struct filling *test,
                                  const char *path)
{
    const int64_t most[] = {
        [CIFAR10_TRAIN] = (int64_t)train->wanted * CIFAR10_RECORD,
        [CIFAR10_TEST] = (int64_t)test->wanted * CIFAR10_RECORD,
        [CIFAR10_TEXT] = INT64_MAX,
    };
    struct filling *const sets[] = {
        [CIFAR10_TRAIN] = train, [CIFAR10_TEST] = test
    };
    struct kept kept = { 0 };
    struct tar *tar = NULL;
    clade_status st;

    if ((st = check_published(path)) || (st = tar_open(&tar, path)) ||
        (st = read_members(&kept, tar, path, most)) ||
        (st = take_names(data, &kept, path)))
        goto out;
    for (int i = 0; i < CIFAR10_FILES && !st; i++)
        if (cifar10_files[i].kind != CIFAR10_TEXT)
            st = take(sets[cifar10_files[i].kind], &kept, i, path);
out:
    tar_close(tar);
    kept_free(&kept);
    return st;
}
