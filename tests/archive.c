/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading images from an archive: the same as from its folder, and nothing from
 * one that is damaged or would do harm.  tests/archives.py makes the archives.
 */
#include <clade/data.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/tar.h"
#include "folder.h"
#include "tap.h"

static char *dir;

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static void make_archives(void)
{
    const char *srcdir = getenv("SRCDIR");
    char command[4096];

    if (system("python3 -c 0"))
        tap_skip_all("there is no python3 to make archives");
    if (tar_available())
        tap_skip_all("%s", clade_error());
    dir = folder_new("archive-test");
    snprintf(command, sizeof(command), "python3 '%s/tests/archives.py' %s",
             srcdir ? srcdir : ".", dir);
    if (system(command))
        tap_bail("%s fails", command);
}

static bool same(const struct clade_dataset *a, const struct clade_dataset *b)
{
    const size_t bytes = (size_t)a->count * (size_t)(a->h * a->w * a->c);

    return a->count == b->count && !memcmp(a->images, b->images, bytes) &&
           !memcmp(a->labels, b->labels, (size_t)a->count);
}

/* ---- good archives ------------------------------------------------------- */

/* Each file has 8 records, so 20 images are of three files. */
static const struct {
    const char *archive;
    int train, test;
    const char *why;
} good[] = {
    { "good.tar.gz", 20, 5, "files come in order of name, not as packed" },
    { "good.tar.gz", 40, 8, "all images" },
    { "good.tar.gz", 3, 0, "training images alone" },
    { "good.tar.gz", 0, 8, "test images alone" },
    { "good.tar.gz", 0, 0, "names alone" },
    { "good.tar", 20, 5, "an archive that is not compressed" },
    { "dotted.tar.gz", 20, 5, "an archive made of ./" },
};
enum { N_GOOD = sizeof(good) / sizeof(*good) };

static void test_good(void)
{
    for (int i = 0; i < N_GOOD; i++) {
        struct clade_data from_folder = { 0 }, from_archive = { 0 };

        if (clade_data_cifar10(&from_folder, path_of("cifar-10-batches-bin"),
                               good[i].train, good[i].test))
            tap_bail("%s", clade_error());
        if (clade_data_cifar10(&from_archive, path_of(good[i].archive),
                               good[i].train, good[i].test))
            tap_fail("%s: %s", good[i].why, clade_error());
        else
            tap_ok(same(&from_folder.train, &from_archive.train) &&
                       same(&from_folder.test, &from_archive.test) &&
                       !strcmp(from_folder.source, from_archive.source) &&
                       !memcmp(from_folder.classes, from_archive.classes,
                               sizeof(from_folder.classes)) &&
                       !strcmp(from_archive.classes[9], "lorry"),
                   "the folder's images, hash and names: %s", good[i].why);
        clade_data_free(&from_folder);
        clade_data_free(&from_archive);
    }
}

/* ---- faults -------------------------------------------------------------- */

/* clang-format off */
static const struct {
    const char *path;
    int train, test;
    const char *what; /* must be in the message */
    const char *why;
} faults[] = {
    { "up.tar.gz", 8, 8, "leads out of the folder", "a path with ../ in it" },
    { "up-first.tar.gz", 8, 8, "../../escaped leads out", "a path that begins with ../" },
    { "up-folder.tar.gz", 8, 8, "leads out of the folder", "a folder that is ../" },
    { "absolute.tar.gz", 8, 8, "is an absolute path", "an absolute path" },
    { "symlink.tar.gz", 8, 8, "is a symbolic link", "a symbolic link" },
    { "through.tar.gz", 8, 8, "is a symbolic link", "the folder as a link" },
    { "hardlink.tar.gz", 8, 8, "is a hard link", "a hard link" },
    { "fifo.tar.gz", 8, 8, "neither a file nor a folder", "a FIFO" },
    { "foreign.tar.gz", 8, 8, "evil.sh is no file of CIFAR-10's", "a foreign file" },
    { "elsewhere.tar.gz", 8, 8, "test_batch.bin is no file", "a file outside the folder" },
    { "deep.tar.gz", 8, 8, "a/test_batch.bin is no file", "a file in a folder of the folder" },
    { "escape.tar.gz", 8, 8, "/?[2Jx is no file", "a name that would clear a terminal" },
    { "many.tar.gz", 8, 8, "too many members", "very many members" },
    { "twice.tar.gz", 8, 8, "data_batch_1.bin twice", "a file that is there twice" },
    { "missing.tar.gz", 8, 8, "no cifar-10-batches-bin/data_batch_3.bin", "a file that is missing" },
    { "no-test.tar.gz", 8, 0, "no cifar-10-batches-bin/test_batch.bin", "no test images, even if none are wanted" },
    { "long.tar.gz", 8, 8, "has 30733073 bytes, above CIFAR-10's 30730000", "a file that is too long" },
    { "long-text.tar.gz", 8, 8, "has 4097 bytes, above", "a text that is too long" },
    { "odd.tar.gz", 0, 8, "data_batch_1.bin: record 7 is cut short", "a record that is cut short in a file that is not needed" },
    { "empty-file.tar.gz", 0, 8, "data_batch_1.bin: record 0 is missing", "an empty file" },
    { "label.tar.gz", 8, 8, "data_batch_1.bin: record 0 (at byte 0) has label 10", "a label above 9" },
    { "names.tar.gz", 8, 8, "batches.meta.txt: line 2 is missing", "one class" },
    { "binary-names.tar.gz", 8, 8, "batches.meta.txt: is no text", "names that are no text" },
    { "promise.tar.gz", 8, 8, "the archive is damaged", "a header alone" },
    { "cut.tar.gz", 1, 0, "the archive is damaged", "an archive that was cut behind what is needed" },
    { "cut.tar", 8, 8, "the archive is damaged", "the same without gzip" },
    { "checksum.tar.gz", 8, 8, "the archive is damaged", "a header that is damaged" },
    { "empty.tar.gz", 8, 8, "the archive is damaged", "an empty file" },
    { "nothing.tar.gz", 8, 8, "the archive is damaged", "gzip of nothing" },
    { "text.tar.gz", 8, 8, "the archive is damaged", "a page of a server's error" },
    { "zip.tar.gz", 8, 8, "the archive is damaged", "a ZIP" },
    { "good.tar.gz", 41, 8, "41 images are needed, there are 40", "more training images than there are" },
    { "good.tar.gz", 8, 9, "9 images are needed, there are 8", "more test images than there are" },
    { "cifar-10-python.tar.gz", 8, 8, "Python version, and clade reads its binary version; `clade fetch cifar10`", "the archive of the Python version" },
    { "python.tar.gz", 8, 8, "Python version, and clade reads its binary version; `clade fetch cifar10`", "the same under another name" },
    { "cifar-10-matlab.tar.gz", 8, 8, "Matlab version, and clade reads its binary version; `clade fetch cifar10`", "the archive of the Matlab version" },
    { "cifar-10-batches-py/", 8, 8, "Python version, and clade reads its binary version; `clade fetch cifar10`", "the folder of the Python version" },
    { "pickled", 0, 8, "Python version, and clade reads its binary version; `clade fetch cifar10`", "the same under another name" },
    { "matlab", 8, 0, "Matlab version, and clade reads its binary version; `clade fetch cifar10`", "the folder of the Matlab version" },
};
enum { N_FAULTS = sizeof(faults) / sizeof(*faults) };
/* clang-format on */

static void test_faults(void)
{
    for (int i = 0; i < N_FAULTS; i++) {
        struct clade_data d;
        const clade_status st = clade_data_cifar10(
            &d, path_of(faults[i].path), faults[i].train, faults[i].test);

        if (st == CLADE_OK)
            clade_data_free(&d);
        if (!tap_ok(st == CLADE_EDATA &&
                        strstr(clade_error(), path_of(faults[i].path)) &&
                        strstr(clade_error(), faults[i].what),
                    "refused: %s (%s)", faults[i].why, faults[i].path))
            tap_note("got: %s", st ? clade_error() : "no failure");
    }
}

/* A file as long as the published archive, which is not that. */
static void test_published(void)
{
    FILE *file = fopen(path_of("like.tar.gz"), "wb");
    struct clade_data d;
    clade_status st;

    if (!file || fseek(file, 170052170, SEEK_SET) || putc(0, file) ||
        fclose(file))
        tap_bail("%s: cannot be written", path_of("like.tar.gz"));
    st = clade_data_cifar10(&d, path_of("like.tar.gz"), 1, 1);
    tap_ok(st == CLADE_EDATA && strstr(clade_error(), "its SHA-256 is") &&
               strstr(clade_error(), "clade fetch cifar10"),
           "refused: as long as the published archive, with another SHA-256");
}

int main(void)
{
    make_archives();
    tap_plan(N_GOOD + N_FAULTS + 1);
    test_good();
    test_faults();
    test_published();
    folder_remove(dir);
    return tap_done();
}
