/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CPU's large buffers have huge pages, where the system gives them.  The
 * device is CLADE_TEST_DEVICE's, else the best one.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <clade/backend.h>

#include "file.h"
#include "tap.h"
#include "tested.h"

enum { MIB = 1 << 20, BYTES = 64 * MIB };

/* The number after a word in a file of the system, or -1: it has no such. */
static long number_after(const char *path, const char *word)
{
    char *text = NULL;
    size_t n;
    const clade_status st = file_read_pipe(&text, &n, path);
    const char *at = st ? NULL : strstr(text, word);
    const long number = at ? atol(at + strlen(word)) : -1;

    free(text);
    return number;
}

static long huge_kib(void)
{
    return number_after("/proc/self/smaps_rollup", "AnonHugePages:");
}

/* Does the system give huge pages now to memory that asks for them?  It may
 * have none left. */
static bool gives_pages(void)
{
    const long before = huge_kib();
    bool yes = false;
    void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (at == MAP_FAILED)
        return false;
    if (!madvise(at, BYTES, MADV_HUGEPAGE)) {
        memset(at, 1, BYTES);
        yes = before >= 0 && huge_kib() - before > BYTES / 2 / 1024;
    }
    munmap(at, BYTES);
    return yes;
}

/* Why this device has no huge pages here, or NULL. */
static const char *without(const struct clade_device *d)
{
    if (strncmp(d->selector, "opencl", 6) || d->emulated ||
        d->type != CLADE_DEVICE_CPU)
        return "the device is no CPU of OpenCL";
    if (!gives_pages())
        return "the system gives none";
    return NULL;
}

static void check_pages(clade_backend *dev)
{
    const long before = huge_kib();
    struct clade_buffer *buffer = NULL;
    clade_status st;

    st = clade_backend_alloc(dev, &buffer, BYTES, CLADE_MEMORY_DEVICE);
    if (!st)
        st = clade_backend_fill(dev, buffer, 0, BYTES, 1);
    if (!st)
        st = clade_backend_finish(dev);
    tap_ok(!st && huge_kib() - before > BYTES / 2 / 1024,
           "most of a buffer of %d KiB: %ld KiB: %s", BYTES / 1024,
           huge_kib() - before, st ? clade_error() : "in huge pages");
    clade_backend_free(dev, buffer);
}

int main(void)
{
    clade_backend *dev = tested_need();
    const char *why = without(clade_backend_device(dev));

    tap_plan(1);
    if (why)
        tap_skip("huge pages: %s", why);
    else
        check_pages(dev);
    clade_backend_close(dev);
    return tap_done();
}
