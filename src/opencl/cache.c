/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"
#include "file.h"
#include "rng.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The cache folder is $XDG_CACHE_HOME/clade, else ~/.cache/clade.  It has one
 * file a key, named by the key's hash: a header, the whole key (hashes can
 * collide), then the data.  Failures here are not errors: a file that cannot be
 * read, or that another user could have written, is made again now; one that
 * cannot be written is made again next time.
 */
struct header {
    char magic[16];
    uint64_t key_bytes, data_bytes;
    uint64_t checksum; /* FNV-1a-64 of key and data */
};

static const char magic[16] = "clade-cache/1\n";

/* The file of a key in the cache folder: before and after the key's hash its
 * name has these texts. */
static bool name_with(char *out, size_t size, const char *before,
                      const char *key, const char *after)
{
    char name[64], *path;
    int n;

    snprintf(name, sizeof name, "%s%016llx%s", before,
             (unsigned long long)rng_fnv64(key, strlen(key)), after);
    path = file_cache(name);
    n = path ? snprintf(out, size, "%s", path) : 0;
    free(path);
    return n > 0 && (size_t)n < size;
}

static bool file_name(char *out, size_t size, const char *key)
{
    return name_with(out, size, "", key, "");
}

/* Make the folder of a file, and the folders above it. */
static void make_folders(const char *file)
{
    char path[4096];

    snprintf(path, sizeof path, "%s", file);
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(path, 0700);
        *at = '/';
    }
}

static bool intact(const char *file, size_t bytes, const char *key)
{
    struct header h;
    uint64_t body;

    if (bytes < sizeof h)
        return false;
    memcpy(&h, file, sizeof h);
    body = bytes - sizeof h;
    return !memcmp(h.magic, magic, sizeof magic) &&
           h.key_bytes == strlen(key) && h.key_bytes <= body &&
           h.data_bytes == body - h.key_bytes &&
           !memcmp(file + sizeof h, key, h.key_bytes) &&
           h.checksum == rng_fnv64(file + sizeof h, body);
}

/* Whether nobody else can have written an open file: its program will run. */
static bool is_own(int fd)
{
    struct stat s;

    return !fstat(fd, &s) && S_ISREG(s.st_mode) && s.st_uid == geteuid() &&
           !(s.st_mode & (S_IWGRP | S_IWOTH));
}

/* Read a file of our own: malloc'd bytes with a 0 after them, or NULL.  Never
 * wait for a FIFO's writer. */
static char *read_own(const char *path, size_t *bytes)
{
    const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char *text = NULL;

    if (fd < 0)
        return NULL;
    if (!is_own(fd) || file_read_open(&text, bytes, fd, path))
        text = NULL;
    close(fd);
    return text;
}

void *ocl_cache_load(const char *key, size_t *bytes)
{
    const size_t before = sizeof(struct header) + strlen(key);
    char path[4096], *file;
    size_t n;

    if (!file_name(path, sizeof path, key) || !(file = read_own(path, &n)))
        return NULL;
    if (!intact(file, n, key)) {
        free(file);
        return NULL;
    }
    *bytes = n - before;
    memmove(file, file + before, *bytes + 1);
    return file;
}

static bool write_file(int fd, const char *key, const void *data, size_t bytes)
{
    const size_t key_bytes = strlen(key), body = key_bytes + bytes;
    char *all = malloc(body);
    struct header h = { .key_bytes = key_bytes, .data_bytes = bytes };
    bool written = false;
    FILE *f = fdopen(fd, "wb");

    if (all && f) {
        memcpy(all, key, key_bytes);
        memcpy(all + key_bytes, data, bytes);
        memcpy(h.magic, magic, sizeof magic);
        h.checksum = rng_fnv64(all, body);
        written =
            fwrite(&h, sizeof h, 1, f) == 1 && fwrite(all, 1, body, f) == body;
    }
    if (f)
        written &= !fclose(f);
    else
        close(fd);
    free(all);
    return written;
}

void ocl_cache_store(const char *key, const void *data, size_t bytes)
{
    char path[4096], temporary[4112];
    int fd;

    if (!file_name(path, sizeof path, key))
        return;
    make_folders(path);
    snprintf(temporary, sizeof temporary, "%s.XXXXXX", path);
    fd = mkstemp(temporary);
    if (fd < 0)
        return;
    if (!write_file(fd, key, data, bytes) || rename(temporary, path))
        unlink(temporary);
}

/* Environment variables that change what a driver's compiler makes; they are
 * part of every key. */
static const char *const switches[] = {
    "AMD_OCL_BUILD_OPTIONS",         "AMD_OCL_BUILD_OPTIONS_APPEND",
    "CLBLAST_BUILD_OPTIONS",         "CL_CONFIG_CPU_TARGET_ARCH",
    "CL_CONFIG_CPU_VECTORIZER_MODE", "CL_CONFIG_USE_FAST_RELAXED_MATH",
    "CL_CONFIG_USE_VECTORIZER",      "LP_NATIVE_VECTOR_WIDTH",
    "OCLGRIND_BUILD_OPTIONS",        "POCL_EXTRA_BUILD_FLAGS",
};

char *ocl_cache_device(const struct ocl *o)
{
    const struct clade_device *d = &o->base.device;
    char version[256] = "", *text = NULL;
    size_t bytes;
    FILE *f = open_memstream(&text, &bytes);

    if (!f)
        return NULL;
    clGetPlatformInfo(o->platform, CL_PLATFORM_VERSION, sizeof version - 1,
                      version, NULL);
    fprintf(f, "platform %s, %s\ndevice %s, %s, %s\ndriver %s\n", d->platform,
            version, d->vendor, d->name, d->version, d->driver);
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        if (getenv(switches[i]))
            fprintf(f, "%s=%s\n", switches[i], getenv(switches[i]));
    if (fclose(f)) {
        free(text);
        return NULL;
    }
    return text;
}

/* The key of a small text: the device, then "verdict <key>"; malloc'd. */
static char *verdict_key(const struct ocl *o, const char *key)
{
    char *device = ocl_cache_device(o), *full;
    const size_t size = device ? strlen(device) + strlen(key) + 16 : 0;

    full = device ? malloc(size) : NULL;
    if (full)
        snprintf(full, size, "%sverdict %s", device, key);
    free(device);
    return full;
}

char *ocl_recall(clade_backend *be, const char *key)
{
    char *full = verdict_key((struct ocl *)be, key), *text;
    size_t bytes;

    text = full ? ocl_cache_load(full, &bytes) : NULL;
    free(full);
    return text;
}

char *ocl_recall_closed(const struct clade_device *device, const char *key)
{
    struct ocl o = { .base.device = *device };

    if (ocl_device_find(&o.platform, &o.dev, device->selector))
        return NULL;
    return ocl_recall(&o.base, key);
}

void ocl_remember(clade_backend *be, const char *key, const char *text)
{
    char *full = verdict_key((struct ocl *)be, key);

    if (full)
        ocl_cache_store(full, text, strlen(text));
    free(full);
}

char *ocl_measured_file(const struct clade_device *device)
{
    struct ocl o = { .base.device = *device };
    char path[4096], *key, *copy = NULL;

    if (ocl_device_find(&o.platform, &o.dev, device->selector) ||
        !(key = ocl_cache_device(&o)))
        return NULL;
    if (name_with(path, sizeof path, "measured-", key, ".json"))
        copy = strdup(path);
    free(key);
    return copy;
}
