/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <pthread.h>
#include <stdlib.h>

static cl_icd_dispatch below;

/* What the commands of an in-order queue wait for: a barrier, which waits for a
 * user's event. */
struct gate {
    struct gate *next;
    cl_command_queue queue;
    cl_event event;
    cl_uint held; /* commands */
};
static struct gate *gates;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct gate *gate_new(cl_command_queue queue)
{
    struct gate *g = malloc(sizeof *g);
    cl_context ctx = NULL;

    if (!g)
        abort();
    below.clGetCommandQueueInfo(queue, CL_QUEUE_CONTEXT, sizeof ctx, &ctx,
                                NULL);
    g->queue = queue;
    g->held = 0;
    g->event = below.clCreateUserEvent(ctx, NULL);
    if (!g->event ||
        below.clEnqueueBarrierWithWaitList(queue, 1, &g->event, NULL))
        abort();
    return g;
}

/* Hold back what is queued from here on. */
static void hold(cl_command_queue queue)
{
    struct gate *g;

    pthread_mutex_lock(&lock);
    for (g = gates; g && g->queue != queue; g = g->next)
        ;
    if (!g) {
        g = gate_new(queue);
        g->next = gates;
        gates = g;
    }
    g->held++;
    pthread_mutex_unlock(&lock);
}

/* Begin what was held back. */
static void begin(cl_command_queue queue)
{
    struct gate **at, *g;

    pthread_mutex_lock(&lock);
    for (at = &gates; *at && (*at)->queue != queue; at = &(*at)->next)
        ;
    if ((g = *at))
        *at = g->next;
    pthread_mutex_unlock(&lock);
    if (!g)
        return;
    below.clSetUserEventStatus(g->event, CL_COMPLETE);
    below.clReleaseEvent(g->event);
    free(g);
}

static void hold_or_begin(cl_command_queue queue, cl_bool blocking)
{
    if (blocking)
        begin(queue);
    else
        hold(queue);
}

/* ---- commands ------------------------------------------------------------ */

static CL_API_ENTRY cl_int CL_API_CALL
launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
       const size_t *offset, const size_t *global, const size_t *local,
       cl_uint n, const cl_event *wait, cl_event *event)
{
    hold(queue);
    return below.clEnqueueNDRangeKernel(queue, kernel, dims, offset, global,
                                        local, n, wait, event);
}

static CL_API_ENTRY cl_int CL_API_CALL read(cl_command_queue queue, cl_mem mem,
                                            cl_bool blocking, size_t at,
                                            size_t bytes, void *to, cl_uint n,
                                            const cl_event *wait,
                                            cl_event *event)
{
    hold_or_begin(queue, blocking);
    return below.clEnqueueReadBuffer(queue, mem, blocking, at, bytes, to, n,
                                     wait, event);
}

static CL_API_ENTRY cl_int CL_API_CALL write(cl_command_queue queue, cl_mem mem,
                                             cl_bool blocking, size_t at,
                                             size_t bytes, const void *from,
                                             cl_uint n, const cl_event *wait,
                                             cl_event *event)
{
    hold_or_begin(queue, blocking);
    return below.clEnqueueWriteBuffer(queue, mem, blocking, at, bytes, from, n,
                                      wait, event);
}

static CL_API_ENTRY cl_int CL_API_CALL copy(cl_command_queue queue, cl_mem from,
                                            cl_mem to, size_t from_at,
                                            size_t to_at, size_t bytes,
                                            cl_uint n, const cl_event *wait,
                                            cl_event *event)
{
    hold(queue);
    return below.clEnqueueCopyBuffer(queue, from, to, from_at, to_at, bytes, n,
                                     wait, event);
}

static CL_API_ENTRY cl_int CL_API_CALL fill(cl_command_queue queue, cl_mem mem,
                                            const void *pattern, size_t size,
                                            size_t at, size_t bytes, cl_uint n,
                                            const cl_event *wait,
                                            cl_event *event)
{
    hold(queue);
    return below.clEnqueueFillBuffer(queue, mem, pattern, size, at, bytes, n,
                                     wait, event);
}

static CL_API_ENTRY void *CL_API_CALL map(cl_command_queue queue, cl_mem mem,
                                          cl_bool blocking, cl_map_flags flags,
                                          size_t at, size_t bytes, cl_uint n,
                                          const cl_event *wait, cl_event *event,
                                          cl_int *err)
{
    hold_or_begin(queue, blocking);
    return below.clEnqueueMapBuffer(queue, mem, blocking, flags, at, bytes, n,
                                    wait, event, err);
}

static CL_API_ENTRY cl_int CL_API_CALL flush(cl_command_queue queue)
{
    begin(queue);
    return below.clFlush(queue);
}

static CL_API_ENTRY cl_int CL_API_CALL finish(cl_command_queue queue)
{
    begin(queue);
    return below.clFinish(queue);
}

static CL_API_ENTRY cl_int CL_API_CALL queue_info(cl_command_queue queue,
                                                  cl_command_queue_info what,
                                                  size_t size, void *value,
                                                  size_t *needed)
{
    struct gate *g;
    cl_uint held;

    if (what != LIMITS_HELD)
        return below.clGetCommandQueueInfo(queue, what, size, value, needed);
    pthread_mutex_lock(&lock);
    for (g = gates; g && g->queue != queue; g = g->next)
        ;
    held = g ? g->held : 0;
    pthread_mutex_unlock(&lock);
    return limits_answer(&held, sizeof held, size, value, needed);
}

/* A queue is flushed before it goes. */
static CL_API_ENTRY cl_int CL_API_CALL release_queue(cl_command_queue queue)
{
    begin(queue);
    return below.clReleaseCommandQueue(queue);
}

/* Waiting flushes the queues of the events; asking for their status does not.
 */
static CL_API_ENTRY cl_int CL_API_CALL wait_for(cl_uint n, const cl_event *list)
{
    for (cl_uint i = 0; i < n; i++) {
        cl_command_queue queue = NULL;

        below.clGetEventInfo(list[i], CL_EVENT_COMMAND_QUEUE, sizeof queue,
                             &queue, NULL);
        begin(queue);
    }
    return below.clWaitForEvents(n, list);
}

void late_install(cl_icd_dispatch *table)
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
    table->clGetCommandQueueInfo = queue_info;
    table->clReleaseCommandQueue = release_queue;
    table->clWaitForEvents = wait_for;
}
