/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdlib.h>
#include <string.h>

/* The most commands under way.  A step of the default batch queues fewer, so it
 * does not wait. */
#define PENDING_MAX 4096

/* A ring of commands, in the order of the queue, oldest first. */
struct ocl_pending {
    struct {
        cl_event event;
        const char *what;
    } ring[PENDING_MAX];
    size_t first, count;
    cl_int err;       /* the first failure that was not returned yet */
    char failed[192]; /* what that command was */
};

clade_status ocl_pending_new(struct ocl_pending **pending)
{
    struct ocl_pending *p = calloc(1, sizeof *p);

    if (!p)
        return clade_fail(CLADE_ENOMEM, "the list of commands: out of memory");
    *pending = p;
    return CLADE_OK;
}

void ocl_pending_free(struct ocl_pending *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        clReleaseEvent(p->ring[(p->first + i) % PENDING_MAX].event);
    free(p);
}

/* Whether the oldest command has ended; `status` is negative if it failed.
 * Intel's runtime says CL_COMPLETE of a command that it skipped, because it had
 * to wait for one that failed; waiting for such a command fails. */
static bool has_ended(struct ocl_pending *p, cl_int *status)
{
    const cl_event *event = &p->ring[p->first].event;
    cl_int err;

    *status = CL_COMPLETE;
    err = clGetEventInfo(*event, CL_EVENT_COMMAND_EXECUTION_STATUS,
                         sizeof *status, status, NULL);
    if (err == CL_SUCCESS && *status == CL_COMPLETE)
        err = clWaitForEvents(1, event);
    if (err != CL_SUCCESS)
        *status = err;
    return *status <= CL_COMPLETE;
}

static void drop_oldest(struct ocl_pending *p, cl_int status)
{
    if (status < 0 && p->err == CL_SUCCESS) {
        p->err = status;
        strncpy(p->failed, p->ring[p->first].what, sizeof p->failed - 1);
    }
    clReleaseEvent(p->ring[p->first].event);
    p->first = (p->first + 1) % PENDING_MAX;
    p->count--;
}

static void wait_for_oldest(struct ocl_pending *p)
{
    cl_int status;

    child_note("waiting for", p->ring[p->first].what, NULL);
    clWaitForEvents(1, &p->ring[p->first].event);
    has_ended(p, &status);
    drop_oldest(p, status);
}

static void drop_ended(struct ocl_pending *p)
{
    cl_int status;

    while (p->count && has_ended(p, &status))
        drop_oldest(p, status);
}

clade_status ocl_pending_check(struct ocl *o, bool all)
{
    struct ocl_pending *p = o->pending;
    const char *said;
    cl_int err;

    drop_ended(p);
    while (all && p->count) /* rusticl's clFinish may not have waited */
        wait_for_oldest(p);
    if (p->err == CL_SUCCESS)
        return CLADE_OK;
    err = p->err;
    p->err = CL_SUCCESS;
    said = ocl_driver_said();
    return clade_fail(err == CL_MEM_OBJECT_ALLOCATION_FAILURE ? CLADE_ENOMEM
                                                              : CLADE_EDEVICE,
                      "%s: failed on %s: %s%s", p->failed, o->base.device.name,
                      ocl_strerror(err), said);
}

void ocl_pending_add(struct ocl *o, const char *what, cl_event event)
{
    struct ocl_pending *p = o->pending;
    size_t last;

    if (!event)
        return;
    if (p->count == PENDING_MAX)
        drop_ended(p);
    if (p->count == PENDING_MAX)
        wait_for_oldest(p);
    last = (p->first + p->count++) % PENDING_MAX;
    p->ring[last].event = event;
    p->ring[last].what = what;
}

static bool has_pending(const struct ocl_pending *p, const char *what)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->ring[(p->first + i) % PENDING_MAX].what == what)
            return true;
    return false;
}

void ocl_pending_forget(struct ocl *o, const char *what)
{
    while (has_pending(o->pending, what))
        wait_for_oldest(o->pending);
}

void ocl_pending_note(const struct ocl *o, const char *doing)
{
    const struct ocl_pending *p = o->pending;
    const size_t last = (p->first + p->count + PENDING_MAX - 1) % PENDING_MAX;
    const char *from, *to;

    if (!p->count) {
        child_note(doing, "the device", NULL);
        return;
    }
    from = p->ring[p->first].what;
    to = p->ring[last].what;
    child_note(doing, from, from == to ? NULL : to);
}

clade_status ocl_flush(clade_backend *be)
{
    struct ocl *o = (struct ocl *)be;

    ocl_pending_note(o, "starting");
    return ocl_check(clFlush(o->queue), "clFlush", NULL);
}

/* The op that failed explains more than what clFinish returns after it. */
clade_status ocl_finish(clade_backend *be)
{
    struct ocl *o = (struct ocl *)be;
    clade_status st;
    cl_int err;

    ocl_pending_note(o, "waiting for");
    err = clFinish(o->queue);
    st = ocl_pending_check(o, true);
    return st ? st : ocl_check(err, "clFinish", NULL);
}
