/* SPDX-License-Identifier: Apache-2.0 */
#include <clade/data.h>

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <nettle/sha2.h>

#include "data.h"
#include "file.h"
#include "status.h"

/* A record is the label, then the red, the green and the blue plane. */
#define SIDE     32
#define CHANNELS 3
#define PLANE    (SIDE * SIDE)
#define IMAGE    (CHANNELS * PLANE)
#define RECORD   (1 + IMAGE)

#define TRAINING_FILES "data_batch_*.bin"
#define TEST_FILE      "test_batch.bin"
#define FETCH                                                                  \
    "unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz and name " \
    "its folder cifar-10-batches-bin"

/* A set of images while it is read. */
struct filling {
    struct clade_dataset *set;
    int wanted;
    struct sha256_ctx *hash; /* of all records taken */
};

/* Add a record to the set, its planes as pixels. */
static void take_record(struct filling *f, const uint8_t record[RECORD])
{
    uint8_t *image = f->set->images + (size_t)f->set->count * IMAGE;

    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < CHANNELS; c++)
            image[i * CHANNELS + c] = record[1 + c * PLANE + i];
    f->set->labels[f->set->count++] = record[0];
    sha256_update(f->hash, RECORD, record);
}

/* A good file is a whole number of records; otherwise it was cut. */
static clade_status check_size(FILE *file, const char *path)
{
    struct stat s;

    if (fstat(fileno(file), &s))
        return clade_fail(CLADE_EDATA, "%s: %s", path, strerror(errno));
    if (s.st_size == 0)
        return clade_fail(CLADE_EDATA,
                          "%s: record 0 is missing: the file is "
                          "empty; " FETCH,
                          path);
    if (s.st_size % RECORD)
        return clade_fail(CLADE_EDATA,
                          "%s: record %lld is cut short, %lld of %d bytes: "
                          "the file is damaged; " FETCH,
                          path, (long long)(s.st_size / RECORD),
                          (long long)(s.st_size % RECORD), RECORD);
    return CLADE_OK;
}

static clade_status read_records(struct filling *f, FILE *file,
                                 const char *path)
{
    uint8_t record[RECORD];
    long number = 0;

    for (; f->set->count < f->wanted; number++) {
        if (fread(record, RECORD, 1, file) != 1)
            break;
        if (record[0] >= CLADE_DATA_CLASSES)
            return clade_fail(CLADE_EDATA,
                              "%s: record %ld (at byte %ld) has label %d, "
                              "above %d: the file is damaged or not CIFAR-10's "
                              "binary format; " FETCH,
                              path, number, number * RECORD, record[0],
                              CLADE_DATA_CLASSES - 1);
        take_record(f, record);
    }
    if (ferror(file))
        return clade_fail(CLADE_EDATA, "%s: record %ld cannot be read: %s",
                          path, number, strerror(errno));
    return CLADE_OK;
}

/* Check a file, and take as many of its records as the set still needs. */
static clade_status read_file(struct filling *f, const char *dir,
                              const char *name)
{
    char *path = file_path(dir, name);
    clade_status st;
    FILE *file;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s/%s: out of memory", dir, name);
    if (file_open(&file, path)) {
        st = clade_fail(CLADE_EDATA, "%s; " FETCH, clade_error());
    } else {
        st = check_size(file, path);
        if (!st)
            st = read_records(f, file, path);
        fclose(file);
    }
    free(path);
    return st;
}

static int is_training_file(const struct dirent *entry)
{
    return !fnmatch(TRAINING_FILES, entry->d_name, 0);
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
        return clade_fail(CLADE_EDATA, "%s: %s; " FETCH, dir, strerror(errno));
    if (n == 0)
        st = clade_fail(CLADE_EDATA, "%s: no " TRAINING_FILES " in it; " FETCH,
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

    *f->set = (struct clade_dataset){ .h = SIDE, .w = SIDE, .c = CHANNELS };
    f->set->images = malloc(n * IMAGE);
    f->set->labels = malloc(n);
    if (f->set->images && f->set->labels)
        return CLADE_OK;
    return clade_fail(CLADE_ENOMEM, "no memory for %d images of %d bytes",
                      f->wanted, IMAGE);
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

/* Write "sha256:" and the hash in hexadecimal digits. */
static void write_source(char *out, size_t size, struct sha256_ctx *hash)
{
    uint8_t digest[SHA256_DIGEST_SIZE];
    int used = snprintf(out, size, "sha256:");

    sha256_digest(hash, sizeof(digest), digest);
    for (size_t i = 0; i < sizeof(digest); i++)
        used += snprintf(out + used, size - (size_t)used, "%02x", digest[i]);
}

clade_status clade_data_cifar10(struct clade_data *data, const char *dir,
                                int train_count, int test_count)
{
    struct clade_data got = { 0 };
    struct sha256_ctx hash;
    struct filling train = { &got.train, train_count, &hash };
    struct filling test = { &got.test, test_count, &hash };
    clade_status st;

    sha256_init(&hash);
    if ((st = status_given(__func__, "data, dir", data && dir)) ||
        (st = data_check_counts(train_count, test_count)))
        return st;
    if ((st = data_read_classes(&got, dir)) || (st = reserve(&train)) ||
        (st = reserve(&test)))
        goto out;
    if (train_count > 0 &&
        ((st = read_training(&train, dir)) ||
         (st = check_count(&train, dir, TRAINING_FILES, "train_count"))))
        goto out;
    if (test_count > 0 &&
        ((st = read_file(&test, dir, TEST_FILE)) ||
         (st = check_count(&test, dir, TEST_FILE, "test_count"))))
        goto out;
    write_source(got.source, sizeof(got.source), &hash);
    *data = got;
    return CLADE_OK;
out:
    clade_data_free(&got);
    return st;
}
