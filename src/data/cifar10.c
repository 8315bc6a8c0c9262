/* SPDX-License-Identifier: Apache-2.0 */
#include <clade/data.h>

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data.h"
#include "data/cifar10.h"
#include "file.h"
#include "status.h"

#define TEST_FILE "test_batch.bin"

/* Check a file, and take as many of its records as the set still needs. */
static clade_status read_file(struct filling *f, const char *dir,
                              const char *name)
{
    char *path = file_path(dir, name);
    clade_status st;
    struct stat s;
    FILE *file;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s/%s: out of memory", dir, name);
    if (file_open(&file, path)) {
        st = clade_fail(CLADE_EDATA, "%s; " CIFAR10_REMEDY, clade_error());
    } else {
        if (fstat(fileno(file), &s))
            st = clade_fail(CLADE_EDATA, "%s: %s", path, strerror(errno));
        else
            st = cifar10_check_size(s.st_size, path);
        if (!st)
            st = cifar10_read(f, file, path);
        fclose(file);
    }
    free(path);
    return st;
}

static int is_training_file(const struct dirent *entry)
{
    return !fnmatch(CIFAR10_TRAINING, entry->d_name, 0);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Check all training files, and take the records that are needed.  Files that
 * are not needed are checked, too, so that a damaged one is found early. */
static clade_status read_training(struct filling *f, const char *dir)
{
    struct dirent **list;
    const int n = scandir(dir, &list, is_training_file, by_name);
    clade_status st = CLADE_OK;

    if (n < 0)
        return clade_fail(CLADE_EDATA, "%s: %s; " CIFAR10_REMEDY, dir,
                          strerror(errno));
    if (n == 0)
        st = clade_fail(CLADE_EDATA,
                        "%s: no " CIFAR10_TRAINING " in it; " CIFAR10_REMEDY,
                        dir);
    for (int i = 0; i < n; i++) {
        if (!st)
            st = read_file(f, dir, list[i]->d_name);
        free(list[i]);
    }
    free(list);
    return st;
}

static clade_status reserve(struct filling *f)
{
    const size_t n = f->wanted > 0 ? (size_t)f->wanted : 1;

    *f->set = (struct clade_dataset){ .h = CIFAR10_SIDE,
                                      .w = CIFAR10_SIDE,
                                      .c = CIFAR10_CHANNELS };
    f->set->images = malloc(n * CIFAR10_IMAGE);
    f->set->labels = malloc(n);
    if (f->set->images && f->set->labels)
        return CLADE_OK;
    return clade_fail(CLADE_ENOMEM, "no memory for %d images of %d bytes",
                      f->wanted, CIFAR10_IMAGE);
}

static clade_status check_count(const struct filling *f, const char *dir,
                                const char *files, const char *count)
{
    if (f->set->count == f->wanted)
        return CLADE_OK;
    return clade_fail(CLADE_EDATA,
                      "%s/%s: record %d is missing: %d images are needed, "
                      "there are %d; a %s of %d takes what there is",
                      dir, files, f->set->count, f->wanted, f->set->count,
                      count, f->set->count);
}

/* Take names and records of the files in a folder. */
static clade_status read_folder(struct clade_data *data, struct filling *train,
                                struct filling *test, const char *dir)
{
    clade_status st = data_read_classes(data, dir);

    if (!st && train->wanted > 0)
        st = read_training(train, dir);
    if (!st && test->wanted > 0)
        st = read_file(test, dir, TEST_FILE);
    return st;
}

/* Take names and records of a folder or an archive. */
static clade_status read_any(struct clade_data *data, struct filling *train,
                             struct filling *test, const char *path)
{
    struct stat s;
    clade_status st = cifar10_check_version(path);

    if (st)
        return st;
    if (!stat(path, &s) && !S_ISDIR(s.st_mode))
        st = cifar10_read_archive(data, train, test, path);
    else
        st = read_folder(data, train, test, path);
    if (st || (st = check_count(train, path, CIFAR10_TRAINING, "train_count")))
        return st;
    return check_count(test, path, TEST_FILE, "test_count");
}

clade_status clade_data_cifar10(struct clade_data *data, const char *dir,
                                int train_count, int test_count)
{
    static const char prefix[] = "sha256:";
    struct clade_data got = { 0 };
    struct sha256_ctx hash;
    struct filling train = { &got.train, train_count, &hash };
    struct filling test = { &got.test, test_count, &hash };
    clade_status st;

    sha256_init(&hash);
    if ((st = status_given(__func__, "data, dir", data && dir)) ||
        (st = data_check_counts(train_count, test_count)))
        return st;
    if ((st = reserve(&train)) || (st = reserve(&test)) ||
        (st = read_any(&got, &train, &test, dir)))
        goto out;
    memcpy(got.source, prefix, sizeof(prefix));
    digest_hex(got.source + sizeof(prefix) - 1, &hash);
    *data = got;
    return CLADE_OK;
out:
    clade_data_free(&got);
    return st;
}
