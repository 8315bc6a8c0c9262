/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading CIFAR-10's files and making the built-in images.  The files are made
 * here, good ones and one with each fault; the real ones are read if
 * CLADE_CIFAR10_DIR names their folder.
 */
#include <clade/data.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"
#include "rng.h"
#include "tap.h"

enum { RECORD = 3073, IMAGE = 3072 };

static char *dir;

static const char *path_of(const char *name)
{
    static char path[64];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

/* Write a file of records with labels first, first+1, ...  Byte i of each image
 * is i mod 251.  The last `cut` bytes are left out. */
static void write_file(const char *name, int records, int first, int cut)
{
    static uint8_t all[8 * RECORD];
    FILE *file = fopen(path_of(name), "wb");

    for (int i = 0; i < records; i++) {
        all[i * RECORD] = (uint8_t)(first + i);
        for (int k = 0; k < IMAGE; k++)
            all[i * RECORD + 1 + k] = (uint8_t)(k % 251);
    }
    if (!file ||
        fwrite(all, 1, (size_t)(records * RECORD - cut), file) !=
            (size_t)(records * RECORD - cut) ||
        fclose(file))
        tap_bail("%s: cannot be written", path_of(name));
}

static void remove_files(void)
{
    unlink(path_of("data_batch_1.bin"));
    unlink(path_of("data_batch_2.bin"));
    unlink(path_of("batches.meta.txt"));
    remove(path_of("test_batch.bin")); /* it may be a folder */
}

/* Write good files: 3 + 4 training records, 2 test records. */
static void write_files(void)
{
    remove_files();
    write_file("data_batch_2.bin", 4, 3, 0);
    write_file("data_batch_1.bin", 3, 0, 0);
    write_file("test_batch.bin", 2, 8, 0);
}

static void test_good(void)
{
    struct clade_data d;
    const struct clade_dataset *train = &d.train;

    write_files();
    if (clade_data_cifar10(&d, dir, 5, 2))
        tap_bail("%s", clade_error());
    tap_ok(train->count == 5 && train->h == 32 && train->w == 32 &&
               train->c == 3 && d.test.count == 2,
           "cifar10: as many images as asked for");
    tap_ok(!memcmp(train->labels, "\0\1\2\3\4", 5) &&
               !memcmp(d.test.labels, "\x8\x9", 2),
           "cifar10: files are read in order of name, records in order");
    /* green and blue of pixel 1000 are bytes 1024 + 1000 and 2048 + 1000 */
    tap_ok(train->images[IMAGE + 3001] == 2024 % 251 &&
               train->images[IMAGE + 3002] == 3048 % 251,
           "cifar10: planes become pixels");
    tap_ok(!strcmp(d.source, "sha256:0f2252930f35e54537592660178c5303"
                             "742b6cf982342612980841031f096a2b"),
           "cifar10: the source is the SHA-256 of the records: %s", d.source);
    clade_data_free(&d);
    tap_ok(!clade_data_cifar10(&d, dir, 0, 2) && d.train.count == 0 &&
               d.test.count == 2,
           "cifar10: test images only");
    clade_data_free(&d);
}

/* Write the file with the classes' names, and read the folder. */
static clade_status read_named(struct clade_data *d, const char *names)
{
    FILE *file = fopen(path_of("batches.meta.txt"), "wb");

    if (!file || fputs(names, file) < 0 || fclose(file))
        tap_bail("%s: cannot be written", path_of("batches.meta.txt"));
    return clade_data_cifar10(d, dir, 0, 2);
}

static void test_names(void)
{
    struct clade_data d;

    write_files();
    if (clade_data_cifar10(&d, dir, 0, 2))
        tap_bail("%s", clade_error());
    tap_ok(!strcmp(d.classes[0], "airplane") && !strcmp(d.classes[9], "truck"),
           "cifar10: without a file of names the classes have CIFAR-10's");
    clade_data_free(&d);
    if (read_named(&d, "a b\r\n1\n2\n3\n4\n5\n6\n7\n8\nü\n\n"))
        tap_bail("%s", clade_error());
    tap_ok(!strcmp(d.classes[0], "a b") && !strcmp(d.classes[8], "8") &&
               !strcmp(d.classes[9], "ü"),
           "cifar10: the names are read, without what ends a line");
    clade_data_free(&d);
}

/* Names that must be refused. */
static const struct {
    const char *why, *names, *says;
} bad_names[] = {
    { "nine names", "0\n1\n2\n3\n4\n5\n6\n7\n8\n", "line 10 is missing" },
    { "eleven names", "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n",
      "line 11 is too many" },
    { "a name that is empty", "0\n\n2\n3\n4\n5\n6\n7\n8\n9\n",
      "line 2 is empty" },
    { "a name that is not UTF-8", "0\n1\n\xff\n3\n4\n5\n6\n7\n8\n9\n",
      "line 3 is not UTF-8" },
    { "a name that would colour a terminal",
      "0\n1\n2\n\033[1m\n4\n5\n6\n7\n8\n9\n",
      "line 4 has a control character" },
    { "a name of 64 bytes",
      "0123456789012345678901234567890123456789012345678901234567890123\n",
      "line 1 is too long" },
};
enum { N_BAD_NAMES = sizeof(bad_names) / sizeof(*bad_names) };

static void test_bad_names(void)
{
    for (int i = 0; i < N_BAD_NAMES; i++) {
        struct clade_data d;
        clade_status st = read_named(&d, bad_names[i].names);

        if (!st)
            clade_data_free(&d);
        tap_ok(st == CLADE_EDATA && strstr(clade_error(), "batches.meta.txt") &&
                   strstr(clade_error(), bad_names[i].says),
               "cifar10: %s: refused: %s", bad_names[i].why,
               st ? clade_error() : "no failure");
    }
}

/* ---- faults -------------------------------------------------------------- */

static void cut_file(void)
{
    write_file("data_batch_2.bin", 4, 3, 73);
}

static void empty_file(void)
{
    write_file("data_batch_1.bin", 0, 0, 0);
}

static void high_label(void)
{
    write_file("data_batch_1.bin", 3, 8, 0);
}

static void no_training_files(void)
{
    unlink(path_of("data_batch_1.bin"));
    unlink(path_of("data_batch_2.bin"));
}

static void no_test_file(void)
{
    unlink(path_of("test_batch.bin"));
}

static void fifo(void)
{
    unlink(path_of("data_batch_2.bin"));
    mkfifo(path_of("data_batch_2.bin"), 0666);
}

static void folder(void)
{
    unlink(path_of("test_batch.bin"));
    mkdir(path_of("test_batch.bin"), 0777);
}

static void nothing(void)
{
}

/* clang-format off */
static const struct {
    void (*damage)(void);
    int train, test;
    const char *file, *what, *remedy; /* must be in the message */
    const char *why;
} faults[] = {
    { cut_file, 2, 2, "data_batch_2.bin", "record 3 is cut short, 3000 of 3073", "clade fetch cifar10", "a file that was cut, although its records are not needed" },
    { empty_file, 5, 2, "data_batch_1.bin", "record 0 is missing", "clade fetch cifar10", "an empty file" },
    { high_label, 5, 2, "data_batch_1.bin", "record 2 (at byte 6146) has label 10", "clade fetch cifar10", "a label above 9" },
    { no_training_files, 5, 2, "data_batch_*.bin", "no ", "clade fetch cifar10", "no training files" },
    { no_test_file, 5, 2, "test_batch.bin", "No such file", "clade fetch cifar10", "no test file" },
    { fifo, 5, 2, "data_batch_2.bin", "is no regular file", "clade fetch cifar10", "a FIFO, which is not waited for" },
    { folder, 5, 2, "test_batch.bin", "is a folder", "clade fetch cifar10", "a folder" },
    { nothing, 8, 2, "data_batch_*.bin", "8 images are needed, there are 7", "train_count of 7", "more training images than there are" },
    { nothing, 5, 3, "test_batch.bin", "3 images are needed, there are 2", "test_count of 2", "more test images than there are" },
};
enum { N_FAULTS = sizeof(faults) / sizeof(*faults) };
/* clang-format on */

static void test_faults(void)
{
    alarm(60); /* rather than to wait for a FIFO's writer */
    for (int i = 0; i < N_FAULTS; i++) {
        struct clade_data d;
        clade_status st;

        write_files();
        faults[i].damage();
        st = clade_data_cifar10(&d, dir, faults[i].train, faults[i].test);
        if (st == CLADE_OK)
            clade_data_free(&d);
        if (!tap_ok(st == CLADE_EDATA && strstr(clade_error(), dir) &&
                        strstr(clade_error(), faults[i].file) &&
                        strstr(clade_error(), faults[i].what) &&
                        strstr(clade_error(), faults[i].remedy),
                    "cifar10: %s", faults[i].why))
            tap_note("got: %s", st ? clade_error() : "no failure");
    }
    alarm(0);
}

/* ---- the real files ------------------------------------------------------ */

/* Is this CIFAR-10?  Its channels have the means 125.3, 123.0 and 113.9, and a
 * tenth of its images belongs to each class; 2,500 images come close to that.
 */
static bool plausible(const struct clade_dataset *set)
{
    static const double means[3] = { 125.3, 123.0, 113.9 };
    double sum[3] = { 0 };
    int seen[CLADE_DATA_CLASSES] = { 0 };
    bool yes = true;

    for (int64_t i = 0; i < (int64_t)set->count * IMAGE; i++)
        sum[i % 3] += set->images[i];
    for (int i = 0; i < set->count; i++)
        seen[set->labels[i]]++;
    for (int c = 0; c < 3; c++) {
        const double mean = sum[c] / ((double)set->count * IMAGE / 3);

        yes &= mean > means[c] - 3 && mean < means[c] + 3;
    }
    for (int k = 0; k < CLADE_DATA_CLASSES; k++)
        yes &= seen[k] > set->count / 13 && seen[k] < set->count / 8;
    return yes;
}

static void test_real(void)
{
    const char *real = getenv("CLADE_CIFAR10_DIR");
    struct clade_data d;

    if (!real) {
        tap_skip("cifar10: real images: CLADE_CIFAR10_DIR is not set");
        return;
    }
    if (clade_data_cifar10(&d, real, 2500, 500)) {
        tap_fail("cifar10: real images: %s", clade_error());
        return;
    }
    tap_ok(plausible(&d.train),
           "cifar10: real images have the data set's colours and classes");
    clade_data_free(&d);
}

/* ---- built-in images ----------------------------------------------------- */

static bool labels_in_turn(const struct clade_dataset *set)
{
    for (int i = 0; i < set->count; i++)
        if (set->labels[i] != i % CLADE_DATA_CLASSES)
            return false;
    return true;
}

/* The class whose hue is nearest to the hue of an image's mean colour.  The hue
 * of a class is class/10 of the colour circle. */
static int hue_class(const uint8_t image[IMAGE])
{
    double sum[3] = { 0 }, min, max, hue;

    for (int i = 0; i < IMAGE; i++)
        sum[i % 3] += image[i];
    min = sum[0] < sum[1] ? sum[0] : sum[1];
    min = min < sum[2] ? min : sum[2];
    max = sum[0] > sum[1] ? sum[0] : sum[1];
    max = max > sum[2] ? max : sum[2];
    if (max == sum[0])
        hue = (sum[1] - sum[2]) / (max - min);
    else if (max == sum[1])
        hue = 2 + (sum[2] - sum[0]) / (max - min);
    else
        hue = 4 + (sum[0] - sum[1]) / (max - min);
    return (int)(hue * 10 / 6 + 10.5) % 10;
}

static int hues_right(const struct clade_dataset *set)
{
    int right = 0;

    for (int i = 0; i < set->count; i++)
        right += hue_class(set->images + (size_t)i * IMAGE) == set->labels[i];
    return right;
}

static void test_builtin(void)
{
    struct clade_data d, more;
    uint64_t fnv;

    if (clade_data_builtin(&d, 40, 20, 1) ||
        clade_data_builtin(&more, 50, 20, 2))
        tap_bail("%s", clade_error());
    fnv = rng_fnv64(d.train.images, 40 * IMAGE);
    tap_ok(fnv == 0x135ae03fbd92d57a,
           "builtin: the same bytes everywhere: FNV-1a-64 %016llx",
           (unsigned long long)fnv);
    tap_ok(!strcmp(d.source, "builtin"), "builtin: source %s", d.source);
    tap_ok(!strcmp(d.classes[0], "red rows") &&
               !strcmp(d.classes[9], "pink circle"),
           "builtin: the classes are named by hue and pattern");
    tap_ok(labels_in_turn(&d.train) && labels_in_turn(&d.test),
           "builtin: the labels count up from 0 to 9, again and again");
    tap_ok(hues_right(&d.train) == 40 && hues_right(&d.test) == 20,
           "builtin: the hue is the class: %d of 40, %d of 20",
           hues_right(&d.train), hues_right(&d.test));
    tap_ok(memcmp(d.train.images, d.test.images, IMAGE) &&
               memcmp(d.train.images, more.train.images, IMAGE),
           "builtin: test images differ, and so do those of another seed");
    clade_data_free(&more);
    clade_data_builtin(&more, 50, 20, 1);
    tap_ok(!memcmp(d.train.images, more.train.images, 40 * IMAGE),
           "builtin: a larger set begins with the same images");
    clade_data_free(&more);
    clade_data_free(&d);
}

int main(void)
{
    dir = folder_new("data-test");
    tap_plan(5 + 2 + N_BAD_NAMES + N_FAULTS + 1 + 7);
    test_good();
    test_names();
    test_bad_names();
    test_faults();
    folder_remove(dir);
    test_real();
    test_builtin();
    return tap_done();
}
