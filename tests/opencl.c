/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenCL backend's core: memory, failures, peaks, programs and their cache,
 * and backends in two threads.  The device is CLADE_TEST_DEVICE's, else the best
 * one.
 */
#include "clock.h"
#include "folder.h"
#include "opencl/core.h"
#include "rng.h"
#include "tap.h"
#include "tested.h"

#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static clade_backend *dev;
static const char *device_text;

/* Fill, copy, write, read and map, in host and device memory alike. */
static clade_status move_words(uint32_t got[8], enum clade_memory from,
                               enum clade_memory to)
{
    static const uint32_t words[] = { 1, 2, 3, 4 };
    struct clade_buffer *a = NULL, *b = NULL;
    clade_status st;

    if ((st = clade_backend_alloc(dev, &a, 32, from)) ||
        (st = clade_backend_alloc(dev, &b, 32, to)))
        goto out;
    if ((st = clade_backend_fill(dev, a, 0, 32, 0xabcdef01)) ||
        (st = clade_backend_fill(dev, b, 0, 32, 0x10203040)) ||
        (st = clade_backend_write(dev, a, 8, words, sizeof words)) ||
        (st = clade_backend_copy(dev, b, 4, a, 4, 20)) ||
        (st = clade_backend_read(dev, got, b, 0, 32)))
        goto out;
    if (to == CLADE_MEMORY_HOST && memcmp(clade_backend_map(dev, b), got, 32))
        st = clade_fail(CLADE_EFAIL, "the mapped memory is another");
out:
    clade_backend_free(dev, b);
    clade_backend_free(dev, a);
    return st;
}

static void check_memory(void)
{
    static const uint32_t want[8] = { 0x10203040, 0xabcdef01, 1,         2, 3,
                                      4,          0x10203040, 0x10203040 };
    static const char *const names[] = { "device", "host" };
    const uint64_t before = clade_backend_memory(dev);

    for (int i = 0; i < 4; i++) {
        uint32_t got[8] = { 0 };

        if (move_words(got, i / 2, i % 2))
            tap_fail("%s to %s: %s", names[i / 2], names[i % 2], clade_error());
        else
            tap_ok(!memcmp(got, want, sizeof want), "words from %s to %s",
                   names[i / 2], names[i % 2]);
    }
    tap_ok(clade_backend_memory(dev) == before, "freed memory is not counted");
}
enum { MEMORY_CHECKS = 5 };

static bool message_has(clade_status st, clade_status want, const char *text)
{
    if (st == want && strstr(clade_error(), text))
        return true;
    tap_note("status %d (%s), wanted %d and `%s`", st, clade_error(), want,
             text);
    return false;
}

/* A command that ends with `err`, as if the device had failed under an op. */
static clade_status fail_under(const struct clade_op *op, cl_int err)
{
    struct ocl *o = (struct ocl *)dev;
    cl_int status;
    cl_event event = clCreateUserEvent(o->ctx, &status);

    if (!event)
        return clade_fail(CLADE_EFAIL, "no user events");
    clSetUserEventStatus(event, err);
    ocl_pending_add(o, op_describe(op), event);
    return clade_backend_finish(dev);
}

/* A command that waits for one that fails, and so is not run.  Some drivers say
 * that it has ended well. */
static clade_status fail_before(const struct clade_op *op)
{
    struct ocl *o = (struct ocl *)dev;
    struct clade_buffer *buffer;
    const uint32_t word = 1;
    cl_int status;
    cl_event first = clCreateUserEvent(o->ctx, &status), event = NULL;
    clade_status st;

    if (!first || clade_backend_alloc(dev, &buffer, 4, CLADE_MEMORY_DEVICE))
        return clade_fail(CLADE_EFAIL, "no user events, or no memory");
    clEnqueueFillBuffer(o->queue, ((struct ocl_buffer *)buffer)->mem, &word, 4,
                        0, 4, 1, &first, &event);
    ocl_pending_add(o, op_describe(op), event);
    clFlush(o->queue);
    clSetUserEventStatus(first, CL_OUT_OF_RESOURCES);
    st = clade_backend_finish(dev);
    clade_backend_free(dev, buffer);
    clReleaseEvent(first);
    return st;
}

/* A launch of a probe's kernel for an op, which takes no arguments. */
static clade_status launch(const struct clade_op *op, const char *kernel,
                           const char *options)
{
    struct ocl_task *task;
    clade_status st = ocl_task_new(&task, (struct ocl *)dev, op);

    if (st)
        return st;
    st = ocl_launch(task, &ocl_probe_text, kernel, options, OCL_GRID(1, 1),
                    NULL, 0);
    ocl_task_free(dev, (clade_task *)task);
    return st;
}

static void check_errors(void)
{
    struct clade_op op = { .kind = CLADE_MAXPOOL_FWD, .label = "pool9" };
    struct clade_buffer *buffer;

    tap_ok(message_has(clade_backend_alloc(dev, &buffer, (size_t)1 << 60,
                                           CLADE_MEMORY_DEVICE),
                       CLADE_ENOMEM, "MiB"),
           "too large a buffer is refused with sizes");
    tap_ok(message_has(launch(&op, "probe_fma", "-D VEC=17"), CLADE_EBUILD,
                       "pool9"),
           "what does not build names the op");
    tap_ok(message_has(launch(&op, "no_such", "-D VEC=1"), CLADE_EBUILD,
                       "no_such"),
           "a kernel that is none is named");
    tap_ok(message_has(launch(&op, "probe_fma", "-no-such-option"),
                       CLADE_EBUILD, "-no-such-option"),
           "options that the compiler refuses are named");
    tap_ok(message_has(fail_under(&op, CL_OUT_OF_RESOURCES), CLADE_EDEVICE,
                       "pool9"),
           "a failure that comes later names the op");
    tap_ok(!clade_backend_finish(dev), "and is told once");
    if (strstr(clade_backend_device(dev)->platform, "Oclgrind"))
        tap_skip("Oclgrind waits for ever behind an event that failed");
    else
        tap_ok(message_has(fail_before(&op), CLADE_EDEVICE, "pool9"),
               "a command behind one that failed has failed, too");
}
enum { ERROR_CHECKS = 7 };

/* More commands than the ring of events holds. */
static void check_many(void)
{
    struct clade_buffer *buffer = NULL;
    clade_status st;
    uint32_t word = 0;

    st = clade_backend_alloc(dev, &buffer, 4, CLADE_MEMORY_DEVICE);
    for (uint32_t i = 0; i < 10000 && !st; i++)
        st = clade_backend_fill(dev, buffer, 0, 4, i);
    if (!st)
        st = clade_backend_read(dev, &word, buffer, 0, 4);
    tap_ok(!st && word == 9999, "10,000 commands in a row: %s",
           st ? clade_error() : "the last one counts");
    clade_backend_free(dev, buffer);
}
enum { QUEUE_CHECKS = 1 };

/* A device is slow where it is emulated, or others use it; but its peaks are
 * there, and what they are measured with is freed. */
static void check_peaks(void)
{
    const uint64_t before = clade_backend_memory(dev);
    struct backend_peaks peaks = { 0 };
    const double start = clock_now();
    const clade_status st = backend_peaks(dev, &peaks);

    tap_ok(!st && peaks.flops > 0 && isfinite(peaks.flops) && peaks.bytes > 0 &&
               isfinite(peaks.bytes),
           "peaks are measured: %.3g FLOP/s, %.3g bytes/s: %s", peaks.flops,
           peaks.bytes, st ? clade_error() : "both are there");
    tap_note("that took %.1f s", clock_now() - start);
    tap_ok(clade_backend_memory(dev) == before && !clade_backend_finish(dev),
           "and nothing is left of the measurement");
}
enum { PEAK_CHECKS = 2 };

/* A cache folder of this test's own. */
static const char *cache;
static char files[64][1024];

static int list_files(void)
{
    char dir[1024];
    struct dirent *entry;
    int n = 0;
    DIR *d;

    snprintf(dir, sizeof dir, "%s/clade", cache);
    d = opendir(dir);
    while (d && n < 64 && (entry = readdir(d)))
        if (entry->d_name[0] != '.')
            snprintf(files[n++], sizeof *files, "%s/clade/%s", cache,
                     entry->d_name);
    if (d)
        closedir(d);
    return n;
}

/* Open the device anew and run one op; its gradient is exact. */
static clade_status fresh_run(void)
{
    static const uint32_t two = 0x40000000, six = 0x40c00000;
    struct clade_buffer *buffer = NULL;
    clade_backend *be = NULL;
    struct clade_op op = { 0 };
    uint32_t got = 0;
    clade_status st;

    if ((st = clade_backend_open(&be, device_text)) ||
        (st = clade_backend_alloc(be, &buffer, 64, CLADE_MEMORY_DEVICE)) ||
        (st = clade_backend_fill(be, buffer, 0, 64, two)) ||
        (st = clade_op_bias_bwd(
             &op, clade_tensor_at(buffer, 9, 1, 1, 1, 1, CLADE_F32),
             clade_tensor_at(buffer, 0, 3, 1, 1, 1, CLADE_F32))) ||
        (st = clade_backend_choose(be, &op, NULL)))
        goto out;
    op.t[CLADE_WORKSPACE] = clade_tensor_at(buffer, 0, 1, 1, 1, 1, CLADE_F32);
    op.t[CLADE_WORKSPACE].buffer = NULL;
    if ((st = clade_backend_alloc(be, &op.t[CLADE_WORKSPACE].buffer,
                                  op.workspace, CLADE_MEMORY_DEVICE)) ||
        (st = backend_run_once(be, &op)) ||
        (st = clade_backend_read(be, &got, buffer, 36, 4)))
        goto out;
    if (got != six)
        st = clade_fail(CLADE_EFAIL, "2 + 2 + 2 is %08x", got);
out:
    if (be) {
        clade_backend_free(be, op.t[CLADE_WORKSPACE].buffer);
        clade_backend_free(be, buffer);
    }
    clade_backend_close(be);
    if (st)
        tap_note("%s", clade_error());
    return st;
}

static char *file_bytes(const char *path, long *n)
{
    FILE *f = fopen(path, "rb");
    char *bytes = NULL;

    if (f && !fseek(f, 0, SEEK_END) && (*n = ftell(f)) > 0) {
        rewind(f);
        bytes = malloc(*n);
        if (bytes && fread(bytes, 1, *n, f) != (size_t)*n)
            *n = 0;
    }
    if (f)
        fclose(f);
    return bytes;
}

/* Change the last byte of each file, or cut each to `keep` bytes. */
static void damage_files(int n, long keep)
{
    for (int i = 0; i < n; i++) {
        FILE *f = keep ? NULL : fopen(files[i], "r+b");
        int last;

        if (keep && truncate(files[i], keep))
            tap_note("%s: not cut", files[i]);
        if (f) {
            fseek(f, -1, SEEK_END);
            last = fgetc(f);
            fseek(f, -1, SEEK_END);
            fputc(last ^ 0x55, f);
            fclose(f);
        }
    }
}

/* Files that a checksum finds whole, but whose data no driver takes. */
static void forge_files(int n)
{
    for (int i = 0; i < n; i++) {
        long size = 0;
        char *bytes = file_bytes(files[i], &size);
        uint64_t key, sum;
        FILE *f;

        if (bytes && size > 40) {
            memcpy(&key, bytes + 16, 8);
            memset(bytes + 40 + key, 'x', size - 40 - key);
            sum = rng_fnv64(bytes + 40, size - 40);
            memcpy(bytes + 32, &sum, 8);
            f = fopen(files[i], "wb");
            fwrite(bytes, 1, size, f);
            fclose(f);
        }
        free(bytes);
    }
}

/* Whether every file is whole: a header of 40 bytes ends with the checksum of
 * the rest. */
static bool all_whole(void)
{
    const int n = list_files();
    bool whole = n > 0;

    for (int i = 0; i < n && whole; i++) {
        long size = 0;
        char *bytes = file_bytes(files[i], &size);
        uint64_t sum = 0;

        if (bytes && size > 40)
            memcpy(&sum, bytes + 32, 8);
        whole = sum && sum == rng_fnv64(bytes + 40, (size_t)size - 40);
        free(bytes);
    }
    return whole;
}

/* Rusticl of Mesa 22 ends the process over such a binary, which only this test
 * makes: a driver's version is in the key. */
static void check_forged(int n)
{
    if (strstr(clade_backend_device(dev)->platform, "rusticl")) {
        tap_skip("a forged binary ends rusticl");
        return;
    }
    forge_files(n);
    tap_ok(!fresh_run(), "what the driver refuses is built again");
}

static void check_cache(void)
{
    int n;

    cache = cache_begin();
    setenv("POCL_KERNEL_CACHE", "0", 1); /* so that PoCL's is not trusted */
    tap_ok(!fresh_run() && list_files() > 0, "an empty cache is filled");
    n = list_files();
    tap_ok(!fresh_run() && list_files() == n, "and used again");
    damage_files(n, 0);
    tap_ok(!fresh_run() && list_files() == n && all_whole(),
           "damaged files are made anew");
    damage_files(n, 20);
    tap_ok(!fresh_run() && all_whole(), "so are files cut short");
    check_forged(n);
    for (int i = list_files() - 1; i >= 0; i--)
        unlink(files[i]);
    tap_ok(!fresh_run() && list_files() == n, "an emptied cache is filled");
    setenv("XDG_CACHE_HOME", files[0], 1);
    tap_ok(!fresh_run(), "no folder can be made, and nothing fails");
    cache_end();
}
enum { CACHE_CHECKS = 7 };

static bool is_kept(const char *want)
{
    size_t bytes;
    char *data = ocl_cache_load("a key", &bytes);
    const bool kept = data && !strcmp(data, want);

    free(data);
    return kept;
}

/* Put something else in a kept file's place, which a link then leads to. */
static void replace_by(mode_t type)
{
    char moved[1100];

    snprintf(moved, sizeof moved, "%s/moved", cache);
    rename(files[0], moved);
    if (type == S_IFLNK ? symlink(moved, files[0])
                        : mknod(files[0], type | 0600, 0))
        tap_note("%s: not made", files[0]);
}

/* What others may have written is not read, but written anew. */
static void check_owner(void)
{
    cache = cache_begin();
    ocl_cache_store("a key", "mine", 4);
    list_files();
    tap_ok(is_kept("mine"), "a file of this user's is read");
    chmod(files[0], 0620);
    tap_ok(!is_kept("mine"), "not one that a group may write");
    chmod(files[0], 0602);
    tap_ok(!is_kept("mine"), "nor one that anyone may write");
    chmod(files[0], 0600);
    replace_by(S_IFLNK);
    tap_ok(!is_kept("mine"), "nor through a link");
    ocl_cache_store("a key", "new", 3);
    tap_ok(is_kept("new"), "a link is replaced");
    replace_by(S_IFIFO);
    tap_ok(!is_kept("new"), "nor a FIFO, which is not waited for");
    ocl_cache_store("a key", "mine", 4);
    if (chown(files[0], 12345, (gid_t)-1))
        tap_skip("another user's file: only root can make one");
    else
        tap_ok(!is_kept("mine"), "nor another user's file");
    cache_end();
}
enum { OWNER_CHECKS = 7 };

static void *run_often(void *failures)
{
    for (int i = 0; i < 3; i++)
        *(int *)failures += fresh_run() != CLADE_OK;
    return NULL;
}

/* Backends of one device share its context and nothing else. */
static void check_threads(void)
{
    int failures[2] = { 0, 0 };
    pthread_t thread;

    if (strstr(clade_backend_device(dev)->platform, "Oclgrind")) {
        tap_skip("Oclgrind's context asserts that one kernel runs at a time");
        return;
    }
    if (pthread_create(&thread, NULL, run_often, &failures[0]))
        tap_bail("no second thread");
    run_often(&failures[1]);
    pthread_join(thread, NULL);
    tap_ok(failures[0] + failures[1] == 0, "backends in two threads at once");
}
enum { THREAD_CHECKS = 1 };

int main(void)
{
    device_text = tested_name();
    dev = tested_need();
    if (strncmp(clade_backend_device(dev)->selector, "opencl", 6))
        tap_skip_all("%s is no OpenCL device", device_text);
    tap_note("%s", clade_backend_device(dev)->name);
    tap_plan(MEMORY_CHECKS + ERROR_CHECKS + QUEUE_CHECKS + PEAK_CHECKS +
             CACHE_CHECKS + OWNER_CHECKS + THREAD_CHECKS);
    check_memory();
    check_errors();
    check_many();
    check_peaks();
    check_cache();
    check_owner();
    check_threads();
    clade_backend_close(dev);
    return tap_done();
}
