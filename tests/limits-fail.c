/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <stdatomic.h>
#include <string.h>

/* What NVIDIA's events say after a kernel has read or written where it may not;
 * OpenCL has no such code. */
#define DEVICE_LOST (-9999)

static cl_icd_dispatch below;
static atomic_int launches;
static atomic_bool lost, to_fail; /* the next launch that has an event */
static _Atomic(cl_event) failed;  /* never released, so no other is like it */

/* ---- commands ------------------------------------------------------------ */

/* What a command returns before it is queued. */
static cl_int refused(void)
{
    return lost ? CL_INVALID_COMMAND_QUEUE : CL_SUCCESS;
}

static CL_API_ENTRY cl_int CL_API_CALL
launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
       const size_t *offset, const size_t *global, const size_t *local,
       cl_uint n, const cl_event *wait, cl_event *event)
{
    const int number = ++launches;
    cl_int err = refused();

    if (number == limits.refuse)
        err = CL_OUT_OF_RESOURCES;
    if (!err)
        err = below.clEnqueueNDRangeKernel(queue, kernel, dims, offset, global,
                                           local, n, wait, event);
    to_fail |= number == limits.fail;
    if (!err && event && to_fail) {
        to_fail = false;
        below.clRetainEvent(*event);
        failed = *event;
    }
    lost |= number == limits.lost;
    return err;
}

static CL_API_ENTRY cl_int CL_API_CALL read(cl_command_queue queue, cl_mem mem,
                                            cl_bool blocking, size_t at,
                                            size_t bytes, void *to, cl_uint n,
                                            const cl_event *wait,
                                            cl_event *event)
{
    const cl_int err = refused();

    return err ? err
               : below.clEnqueueReadBuffer(queue, mem, blocking, at, bytes, to,
                                           n, wait, event);
}

static CL_API_ENTRY cl_int CL_API_CALL write(cl_command_queue queue, cl_mem mem,
                                             cl_bool blocking, size_t at,
                                             size_t bytes, const void *from,
                                             cl_uint n, const cl_event *wait,
                                             cl_event *event)
{
    const cl_int err = refused();

    return err ? err
               : below.clEnqueueWriteBuffer(queue, mem, blocking, at, bytes,
                                            from, n, wait, event);
}

static CL_API_ENTRY cl_int CL_API_CALL copy(cl_command_queue queue, cl_mem from,
                                            cl_mem to, size_t from_at,
                                            size_t to_at, size_t bytes,
                                            cl_uint n, const cl_event *wait,
                                            cl_event *event)
{
    const cl_int err = refused();

    return err ? err
               : below.clEnqueueCopyBuffer(queue, from, to, from_at, to_at,
                                           bytes, n, wait, event);
}

static CL_API_ENTRY cl_int CL_API_CALL fill(cl_command_queue queue, cl_mem mem,
                                            const void *pattern, size_t size,
                                            size_t at, size_t bytes, cl_uint n,
                                            const cl_event *wait,
                                            cl_event *event)
{
    const cl_int err = refused();

    return err ? err
               : below.clEnqueueFillBuffer(queue, mem, pattern, size, at, bytes,
                                           n, wait, event);
}

static CL_API_ENTRY void *CL_API_CALL map(cl_command_queue queue, cl_mem mem,
                                          cl_bool blocking, cl_map_flags flags,
                                          size_t at, size_t bytes, cl_uint n,
                                          const cl_event *wait, cl_event *event,
                                          cl_int *err)
{
    if (!refused())
        return below.clEnqueueMapBuffer(queue, mem, blocking, flags, at, bytes,
                                        n, wait, event, err);
    if (err)
        *err = refused();
    return NULL;
}

static CL_API_ENTRY cl_int CL_API_CALL flush(cl_command_queue queue)
{
    const cl_int err = refused();

    return err ? err : below.clFlush(queue);
}

static CL_API_ENTRY cl_int CL_API_CALL finish(cl_command_queue queue)
{
    const cl_int err = refused();

    return err ? err : below.clFinish(queue);
}

/* ---- events -------------------------------------------------------------- */

static cl_int status_of(cl_event event)
{
    if (lost)
        return DEVICE_LOST;
    return failed && event == failed ? CL_OUT_OF_RESOURCES : CL_COMPLETE;
}

/* A command that fails is first on its way, as any other. */
static CL_API_ENTRY cl_int CL_API_CALL event_info(cl_event event,
                                                  cl_event_info what,
                                                  size_t size, void *value,
                                                  size_t *needed)
{
    const cl_int err = below.clGetEventInfo(event, what, size, value, needed);
    const cl_int status = status_of(event);
    cl_int now = 0;

    if (err || !value || what != CL_EVENT_COMMAND_EXECUTION_STATUS)
        return err;
    memcpy(&now, value, sizeof now);
    if (status < 0 && (lost || now == CL_COMPLETE))
        memcpy(value, &status, sizeof status);
    return CL_SUCCESS;
}

static CL_API_ENTRY cl_int CL_API_CALL wait_for(cl_uint n, const cl_event *list)
{
    const cl_int err = below.clWaitForEvents(n, list);

    for (cl_uint i = 0; i < n; i++)
        if (status_of(list[i]) < 0)
            return CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST;
    return err;
}

void fail_install(cl_icd_dispatch *table)
{
    below = *table;
    table->clEnqueueCopyBuffer = copy;
    table->clEnqueueFillBuffer = fill;
    table->clEnqueueMapBuffer = map;
    table->clEnqueueNDRangeKernel = launch;
    table->clEnqueueReadBuffer = read;
    table->clEnqueueWriteBuffer = write;
    table->clFinish = finish;
    table->clFlush = flush;
    table->clGetEventInfo = event_info;
    table->clWaitForEvents = wait_for;
}
