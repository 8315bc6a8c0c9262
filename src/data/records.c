/* SPDX-License-Identifier: Apache-2.0 */
#include "data/cifar10.h"

#include <errno.h>
#include <string.h>

#include "status.h"

/* Add a record to the set, its planes as pixels. */
static void take_record(struct filling *f, const uint8_t record[CIFAR10_RECORD])
{
    uint8_t *image = f->set->images + (size_t)f->set->count * CIFAR10_IMAGE;

    for (int i = 0; i < CIFAR10_PLANE; i++)
        for (int c = 0; c < CIFAR10_CHANNELS; c++)
            image[i * CIFAR10_CHANNELS + c] = record[1 + c * CIFAR10_PLANE + i];
    f->set->labels[f->set->count++] = record[0];
    sha256_update(f->hash, CIFAR10_RECORD, record);
}

/* A good file is a whole number of records; otherwise it was cut. */
clade_status cifar10_check_size(int64_t bytes, const char *path)
{
    if (bytes == 0)
        return clade_fail(CLADE_EDATA,
                          "%s: record 0 is missing: the file is "
                          "empty; " CIFAR10_REMEDY,
                          path);
    if (bytes % CIFAR10_RECORD)
        return clade_fail(CLADE_EDATA,
                          "%s: record %lld is cut short, %lld of %d bytes: "
                          "the file is damaged; " CIFAR10_REMEDY,
                          path, (long long)(bytes / CIFAR10_RECORD),
                          (long long)(bytes % CIFAR10_RECORD), CIFAR10_RECORD);
    return CLADE_OK;
}

clade_status cifar10_read(struct filling *f, FILE *file, const char *path)
{
    uint8_t record[CIFAR10_RECORD];
    long number = 0;

    for (; f->set->count < f->wanted; number++) {
        if (fread(record, CIFAR10_RECORD, 1, file) != 1)
            break;
        if (record[0] >= CLADE_DATA_CLASSES)
            return clade_fail(CLADE_EDATA,
                              "%s: record %ld (at byte %ld) has label %d, "
                              "above %d: the file is damaged or not CIFAR-10's "
                              "binary format; " CIFAR10_REMEDY,
                              path, number, number * CIFAR10_RECORD, record[0],
                              CLADE_DATA_CLASSES - 1);
        take_record(f, record);
    }
    if (ferror(file))
        return clade_fail(CLADE_EDATA, "%s: record %ld cannot be read: %s",
                          path, number, strerror(errno));
    return CLADE_OK;
}
