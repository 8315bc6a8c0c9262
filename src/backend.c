/* SPDX-License-Identifier: Apache-2.0 */
#include "backend.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "device.h"
#include "door.h"
#include "measured.h"
#include "op/check.h"
#include "op/op.h"
#include "status.h"

/* All backends.  The first is the fallback where no device is asked for. */
static const struct backend_table *const tables[] = {
    &backend_cpu,
    &backend_opencl,
};
enum { N_TABLES = sizeof(tables) / sizeof(*tables) };

/* ---- devices ------------------------------------------------------------- */

clade_status clade_devices(struct clade_device **list, int *count)
{
    struct clade_device *all = NULL;
    clade_status st = status_given(__func__, "list, count", list && count);
    int n = 0;

    for (int i = 0; i < N_TABLES && !st; i++)
        st = tables[i]->devices(&all, &n);
    if (st) {
        free(all);
        return st;
    }
    device_sort(all, n);
    *list = all;
    *count = n;
    return CLADE_OK;
}

void clade_devices_free(struct clade_device *list)
{
    free(list);
}

/* Find a device by its exact selector, without asking the backends after the
 * one that has it. */
static const struct backend_table *find_exact(struct clade_device *device,
                                              const char *selector)
{
    for (int i = 0; i < N_TABLES; i++) {
        struct clade_device *list = NULL;
        int n = 0, k;

        if (tables[i]->devices(&list, &n)) {
            free(list);
            continue; /* its failure is reported if no other has the device */
        }
        for (k = 0; k < n && strcmp(list[k].selector, selector); k++)
            ;
        if (k < n)
            *device = list[k];
        free(list);
        if (k < n)
            return tables[i];
    }
    return NULL;
}

clade_status clade_device_find(struct clade_device *device, const char *text)
{
    struct clade_device *list;
    clade_status st = status_given(__func__, "device", device);
    int count;

    if (st)
        return st;
    if (!text)
        text = device_default();
    if (text && find_exact(device, text))
        return CLADE_OK;
    if ((st = clade_devices(&list, &count)))
        return st;
    st = device_select(device, list, count, text);
    clade_devices_free(list);
    return st;
}

clade_status clade_backend_open(clade_backend **be, const char *device)
{
    const struct backend_table *table;
    struct clade_device found;
    clade_status st;

    if ((st = status_given(__func__, "be", be)) ||
        (st = clade_device_find(&found, device)))
        return st;
    if (!(table = find_exact(&found, found.selector)))
        return clade_fail(CLADE_ENODEVICE, "%s: the device is gone",
                          found.selector);
    return table->open(be, &found);
}

void clade_backend_close(clade_backend *be)
{
    if (!be)
        return;
    measured_free(be->measured);
    free(be->notices);
    free(be->told);
    be->table->close(be);
}

const struct clade_device *clade_backend_device(const clade_backend *be)
{
    return be ? &be->device : NULL;
}

enum clade_type clade_backend_real(const clade_backend *be)
{
    return be ? be->real : CLADE_F32;
}

char *backend_recall_closed(const struct clade_device *device, const char *key)
{
    char *text = NULL;

    for (int i = 0; i < N_TABLES && !text; i++)
        if (tables[i]->recall_closed)
            text = tables[i]->recall_closed(device, key);
    return text;
}

char *backend_measured_file(const struct clade_device *device,
                            uint64_t *kernels)
{
    char *path = NULL;

    for (int i = 0; i < N_TABLES && !path; i++)
        if (tables[i]->measured_file)
            path = tables[i]->measured_file(device, kernels);
    return path;
}

/* ---- memory -------------------------------------------------------------- */

clade_status clade_backend_alloc(clade_backend *be,
                                 struct clade_buffer **buffer, size_t bytes,
                                 enum clade_memory where)
{
    clade_status st;

    if ((st = status_given(__func__, "be, buffer", be && buffer)))
        return st;
    if (!bytes || (where != CLADE_MEMORY_DEVICE && where != CLADE_MEMORY_HOST))
        return clade_fail(CLADE_EUSAGE,
                          "%s: %zu bytes of memory of sort %u, on `%s`; there "
                          "are CLADE_MEMORY_DEVICE and CLADE_MEMORY_HOST, from "
                          "1 byte on",
                          __func__, bytes, (unsigned)where,
                          be->device.selector);
    if ((st = be->table->alloc(be, buffer, bytes, where)))
        return st;
    (*buffer)->be = be;
    (*buffer)->where = where;
    return CLADE_OK;
}

void clade_backend_free(clade_backend *be, struct clade_buffer *buffer)
{
    if (be && buffer && buffer->be == be)
        be->table->free(be, buffer);
}

uint64_t clade_backend_memory(const clade_backend *be)
{
    return be ? be->memory : 0;
}

clade_status clade_backend_fill(clade_backend *be, struct clade_buffer *buffer,
                                size_t at, size_t bytes, uint32_t word)
{
    clade_status st = door_buffer(__func__, be, buffer, at, bytes);

    if (st || !bytes)
        return st;
    if (at % 4 || bytes % 4)
        return clade_fail(CLADE_EUSAGE,
                          "%s: %zu bytes from byte %zu on: both must be "
                          "multiples of 4",
                          __func__, bytes, at);
    return be->table->fill(be, buffer, at, bytes, word);
}

clade_status clade_backend_copy(clade_backend *be, struct clade_buffer *to,
                                size_t to_at, struct clade_buffer *from,
                                size_t from_at, size_t bytes)
{
    clade_status st;

    if ((st = door_buffer(__func__, be, to, to_at, bytes)) ||
        (st = door_buffer(__func__, be, from, from_at, bytes)) || !bytes)
        return st;
    if (to == from)
        return clade_fail(CLADE_EUSAGE,
                          "%s: from a buffer to itself; take another one",
                          __func__);
    return be->table->copy(be, to, to_at, from, from_at, bytes);
}

clade_status clade_backend_read(clade_backend *be, void *to,
                                struct clade_buffer *from, size_t at,
                                size_t bytes)
{
    clade_status st;

    if ((st = door_buffer(__func__, be, from, at, bytes)) || !bytes ||
        (st = status_given(__func__, "to", to)))
        return st;
    return be->table->read(be, to, from, at, bytes);
}

clade_status clade_backend_write(clade_backend *be, struct clade_buffer *to,
                                 size_t at, const void *from, size_t bytes)
{
    clade_status st;

    if ((st = door_buffer(__func__, be, to, at, bytes)) || !bytes ||
        (st = status_given(__func__, "from", from)))
        return st;
    return be->table->write(be, to, at, from, bytes);
}

void *clade_backend_map(clade_backend *be, struct clade_buffer *buffer)
{
    if (door_buffer(__func__, be, buffer, 0, 0) ||
        buffer->where != CLADE_MEMORY_HOST)
        return NULL;
    return be->table->map(be, buffer);
}

/* ---- ops ----------------------------------------------------------------- */

clade_status clade_backend_fuse(clade_backend *be, bool fma)
{
    const clade_status st = status_given(__func__, "be", be);

    return st || !be->table->fuse ? st : be->table->fuse(be, fma);
}

clade_status backend_prepare(clade_backend *be, clade_task **task,
                             const struct clade_op *op)
{
    clade_status st;

    assert(op->choice.algorithm && !op_check(op));
    if (!(st = be->table->prepare(be, task, op)))
        (*task)->be = be;
    return st;
}

clade_status clade_backend_prepare(clade_backend *be, clade_task **task,
                                   const struct clade_op *op)
{
    clade_status st;

    if ((st = status_given(__func__, "be, task, op", be && task && op)) ||
        (st = door_ready(be, op)))
        return st;
    return backend_prepare(be, task, op);
}

/* Only what can have changed since the task was prepared. */
clade_status clade_backend_run(clade_backend *be, clade_task *task)
{
    const struct op_kind *kind;
    clade_status st;

    if (!be || !task || task->be != be)
        return door_task(be, task);
    kind = op_kind(task->op.kind);
    if (kind->check_step && (st = kind->check_step(&task->op)))
        return st;
    child_note("running", clade_op_name(task->op.kind), NULL);
    return be->table->run(be, task);
}

void clade_backend_release(clade_backend *be, clade_task *task)
{
    if (be && task && task->be == be)
        be->table->release(be, task);
}

clade_status backend_run_once(clade_backend *be, const struct clade_op *op)
{
    clade_task *task;
    clade_status st = backend_prepare(be, &task, op);

    if (st)
        return st;
    if (!(st = clade_backend_run(be, task)))
        st = clade_backend_finish(be);
    clade_backend_release(be, task);
    return st;
}

clade_status clade_backend_flush(clade_backend *be)
{
    const clade_status st = status_given(__func__, "be", be);

    return st ? st : be->table->flush(be);
}

clade_status clade_backend_finish(clade_backend *be)
{
    const clade_status st = status_given(__func__, "be", be);

    return st ? st : be->table->finish(be);
}

clade_status backend_peaks(clade_backend *be, struct backend_peaks *peaks)
{
    *peaks = (struct backend_peaks){ 0 };
    return be->table->peaks ? be->table->peaks(be, peaks) : CLADE_OK;
}

void clade_backend_progress(clade_backend *be,
                            void (*say)(void *arg, const char *text), void *arg)
{
    if (!be)
        return;
    be->say = say;
    be->say_arg = arg;
}

void backend_notice(clade_backend *be, const char *fmt, ...)
{
    const size_t used = be->notices ? strlen(be->notices) : 0;
    char line[1024], *longer;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    longer = realloc(be->notices, used + strlen(line) + 2);
    if (!longer)
        return; /* a lost notice is not worth a failure */
    sprintf(longer + used, "%s%s", used ? "\n" : "", line);
    be->notices = longer;
}

const char *clade_backend_notices(clade_backend *be)
{
    if (!be)
        return NULL;
    free(be->told);
    be->told = be->notices;
    be->notices = NULL;
    return be->told;
}
