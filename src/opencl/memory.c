/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_HUGEPAGE
#define MADV_HUGEPAGE MADV_NORMAL
#endif

/* Smaller buffers have no whole huge page, or few. */
#define LARGE ((size_t)8 << 20)

static struct ocl_buffer *own(struct clade_buffer *buffer)
{
    return (struct ocl_buffer *)buffer;
}

/* Check before the driver does.  Many drivers allocate at the first use, which
 * is too late for a message that says what to do. */
static clade_status check_size(const struct clade_backend *be, size_t bytes)
{
    const double mib = 1024.0 * 1024.0;
    const struct clade_device *d = &be->device;

    if (d->max_alloc && bytes > d->max_alloc)
        return clade_fail(CLADE_ENOMEM,
                          "%s: a buffer of %.1f MiB: the device allows %.1f "
                          "MiB at most in one; a smaller batch needs less",
                          d->name, bytes / mib, d->max_alloc / mib);
    if (d->memory && be->memory + bytes > d->memory)
        return clade_fail(CLADE_ENOMEM,
                          "%s: a buffer of %.1f MiB beside %.1f MiB in use: "
                          "the device has %.1f MiB; a smaller batch needs less",
                          d->name, bytes / mib, be->memory / mib,
                          d->memory / mib);
    return CLADE_OK;
}

/* A host buffer stays mapped until it is freed.  No command uses its memory
 * object, since a kernel may not use a mapped buffer; copies read and write the
 * host's address. */
static clade_status map_host(struct ocl *o, struct ocl_buffer *b)
{
    cl_int err;

    b->mapped = clEnqueueMapBuffer(o->queue, b->mem, CL_TRUE,
                                   CL_MAP_READ | CL_MAP_WRITE, 0, b->base.bytes,
                                   0, NULL, NULL, &err);
    return ocl_check(err, "clEnqueueMapBuffer", NULL);
}

/* Ask the system for huge pages where a CPU has a large buffer, which nobody
 * has touched yet: its memory is where the driver maps it.  With small pages,
 * ops that read and write much wait for addresses.  It is only a hint, so
 * failures do not matter. */
static void want_huge_pages(struct ocl *o, const struct ocl_buffer *b)
{
    const struct clade_device *d = &o->base.device;
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from, to;
    cl_int err;
    void *at;

    if (d->type != CLADE_DEVICE_CPU || d->emulated || b->base.bytes < LARGE)
        return;
    at = clEnqueueMapBuffer(o->queue, b->mem, CL_TRUE,
                            CL_MAP_WRITE_INVALIDATE_REGION, 0, b->base.bytes, 0,
                            NULL, NULL, &err);
    if (err != CL_SUCCESS)
        return;
    from = ((uintptr_t)at + page - 1) / page * page;
    to = ((uintptr_t)at + b->base.bytes) / page * page;
    madvise((void *)from, to - from, MADV_HUGEPAGE);
    clEnqueueUnmapMemObject(o->queue, b->mem, at, 0, NULL, NULL);
}

clade_status ocl_alloc(clade_backend *be, struct clade_buffer **buffer,
                       size_t bytes, enum clade_memory where)
{
    const bool host = where == CLADE_MEMORY_HOST;
    struct ocl *o = (struct ocl *)be;
    struct ocl_buffer *b;
    clade_status st;
    cl_int err;

    assert(bytes > 0);
    if ((st = check_size(be, bytes)))
        return st;
    b = calloc(1, sizeof *b);
    if (!b)
        return clade_fail(CLADE_ENOMEM, "a buffer's record: out of memory");
    b->base.bytes = bytes;
    child_note("allocating", "a buffer", NULL);
    b->mem = clCreateBuffer(
        o->ctx, CL_MEM_READ_WRITE | (host ? CL_MEM_ALLOC_HOST_PTR : 0), bytes,
        NULL, &err);
    if (err != CL_SUCCESS) {
        st = clade_fail(CLADE_ENOMEM,
                        "%s: a buffer of %zu bytes beside %llu in use: "
                        "clCreateBuffer: %s",
                        be->device.name, bytes, (unsigned long long)be->memory,
                        ocl_strerror(err));
        goto out;
    }
    if (host && (st = map_host(o, b)))
        goto out;
    if (!host)
        want_huge_pages(o, b);
    be->memory += bytes;
    *buffer = &b->base;
    b = NULL;
out:
    if (b && b->mem)
        clReleaseMemObject(b->mem);
    free(b);
    return st;
}

/* The driver keeps a released object until the commands that use it end. */
void ocl_free(clade_backend *be, struct clade_buffer *buffer)
{
    struct ocl *o = (struct ocl *)be;
    struct ocl_buffer *b = own(buffer);

    if (!b)
        return;
    if (b->mapped)
        clEnqueueUnmapMemObject(o->queue, b->mem, b->mapped, 0, NULL, NULL);
    clReleaseMemObject(b->mem);
    be->memory -= b->base.bytes;
    free(b);
}

void *ocl_map(clade_backend *be, struct clade_buffer *buffer)
{
    (void)be;
    return own(buffer)->mapped;
}

/* Oclgrind 21.10 reports bytes that clEnqueueFillBuffer wrote as
 * uninitialised.  After a write to a part of a buffer, it does so for the rest
 * of the buffer. */
static bool fill_is_untracked(const struct ocl *o)
{
    return strstr(o->base.device.platform, "Oclgrind") != NULL;
}

/* Fill by reading the whole buffer and writing it back. */
static clade_status fill_by_write(struct ocl *o, struct ocl_buffer *b,
                                  size_t at, size_t bytes, uint32_t word)
{
    const size_t all = b->base.bytes;
    char *host = malloc(all);
    cl_int err;

    if (!host)
        return clade_fail(CLADE_ENOMEM, "a fill of %zu bytes: out of memory",
                          all);
    err = clEnqueueReadBuffer(o->queue, b->mem, CL_TRUE, 0, all, host, 0, NULL,
                              NULL);
    for (size_t i = 0; i < bytes; i += sizeof word)
        memcpy(host + at + i, &word, sizeof word);
    if (!err)
        err = clEnqueueWriteBuffer(o->queue, b->mem, CL_TRUE, 0, all, host, 0,
                                   NULL, NULL);
    free(host);
    return ocl_check(err, "a fill by clEnqueueWriteBuffer", NULL);
}

clade_status ocl_fill(clade_backend *be, struct clade_buffer *buffer, size_t at,
                      size_t bytes, uint32_t word)
{
    struct ocl *o = (struct ocl *)be;
    struct ocl_buffer *b = own(buffer);
    cl_event event = NULL;
    clade_status st;
    cl_int err;

    assert(at % 4 == 0 && bytes % 4 == 0 && at + bytes <= b->base.bytes);
    if (b->mapped) {
        if ((st = ocl_finish(be)))
            return st;
        for (size_t i = 0; i < bytes; i += 4)
            memcpy((char *)b->mapped + at + i, &word, 4);
        return CLADE_OK;
    }
    if (fill_is_untracked(o))
        return fill_by_write(o, b, at, bytes, word);
    child_note("filling", "a buffer", NULL);
    err = clEnqueueFillBuffer(o->queue, b->mem, &word, sizeof word, at, bytes,
                              0, NULL, &event);
    ocl_pending_add(o, "fill", event);
    return ocl_check(err, "clEnqueueFillBuffer", NULL);
}

/* Queue a copy; one of the two may be a host buffer. */
static clade_status move(struct ocl *o, struct ocl_buffer *to, size_t to_at,
                         struct ocl_buffer *from, size_t from_at, size_t bytes)
{
    cl_event event = NULL;
    const char *call;
    cl_int err;

    if (from->mapped) {
        call = "clEnqueueWriteBuffer";
        err = clEnqueueWriteBuffer(o->queue, to->mem, CL_FALSE, to_at, bytes,
                                   (char *)from->mapped + from_at, 0, NULL,
                                   &event);
    } else if (to->mapped) {
        call = "clEnqueueReadBuffer";
        err = clEnqueueReadBuffer(o->queue, from->mem, CL_FALSE, from_at, bytes,
                                  (char *)to->mapped + to_at, 0, NULL, &event);
    } else {
        call = "clEnqueueCopyBuffer";
        err = clEnqueueCopyBuffer(o->queue, from->mem, to->mem, from_at, to_at,
                                  bytes, 0, NULL, &event);
    }
    ocl_pending_add(o, "copy", event);
    return ocl_check(err, call, NULL);
}

clade_status ocl_copy(clade_backend *be, struct clade_buffer *to, size_t to_at,
                      struct clade_buffer *from, size_t from_at, size_t bytes)
{
    clade_status st;

    assert(to_at + bytes <= to->bytes && from_at + bytes <= from->bytes);
    if (!own(to)->mapped || !own(from)->mapped)
        return move((struct ocl *)be, own(to), to_at, own(from), from_at,
                    bytes);
    if ((st = ocl_finish(be)))
        return st;
    memcpy((char *)own(to)->mapped + to_at, (char *)own(from)->mapped + from_at,
           bytes);
    return CLADE_OK;
}

/* The read blocks, so everything queued before it has ended.  If an op failed,
 * its message says more than that of the read, which then failed too. */
clade_status ocl_read(clade_backend *be, void *to, struct clade_buffer *from,
                      size_t at, size_t bytes)
{
    struct ocl *o = (struct ocl *)be;
    struct ocl_buffer *b = own(from);
    clade_status st;
    cl_int err;

    assert(at + bytes <= b->base.bytes);
    if (b->mapped) {
        if (!(st = ocl_finish(be)))
            memcpy(to, (char *)b->mapped + at, bytes);
        return st;
    }
    ocl_pending_note(o, "reading from");
    err = clEnqueueReadBuffer(o->queue, b->mem, CL_TRUE, at, bytes, to, 0, NULL,
                              NULL);
    st = ocl_pending_check(o, true);
    return st ? st : ocl_check(err, "clEnqueueReadBuffer", NULL);
}

clade_status ocl_write(clade_backend *be, struct clade_buffer *to, size_t at,
                       const void *from, size_t bytes)
{
    struct ocl *o = (struct ocl *)be;
    struct ocl_buffer *b = own(to);
    cl_event event = NULL;
    clade_status st;
    cl_int err;

    assert(at + bytes <= b->base.bytes);
    if (b->mapped) {
        if (!(st = ocl_finish(be)))
            memcpy((char *)b->mapped + at, from, bytes);
        return st;
    }
    child_note("writing", "a buffer", NULL);
    err = clEnqueueWriteBuffer(o->queue, b->mem, CL_FALSE, at, bytes, from, 0,
                               NULL, &event);
    ocl_pending_add(o, "write", event);
    return ocl_check(err, "clEnqueueWriteBuffer", NULL);
}
