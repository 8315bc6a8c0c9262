/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static cl_icd_dispatch below;

/* A command's event is the address of one of these; far more commands than can
 * be under way pass before it is used again. */
static char events[1 << 16];
static atomic_uint n_events;

#define TINY 8192 /* the bytes that a buffer really has, at most */

/* The sizes of the buffers, and where those that are mapped lie. */
struct buffer {
    struct buffer *next;
    cl_mem mem;
    size_t bytes;
    void *mapped;
};
static struct buffer *buffers;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static cl_int answer(cl_event *event)
{
    if (event)
        *event = (cl_event)&events[n_events++ % sizeof events];
    return CL_SUCCESS;
}

static bool is_ours(cl_event event)
{
    return (char *)event >= events && (char *)event < events + sizeof events;
}

static CL_API_ENTRY cl_int CL_API_CALL device_info(cl_device_id dev,
                                                   cl_device_info what,
                                                   size_t size, void *value,
                                                   size_t *needed)
{
    return what == CL_DEVICE_NAME
               ? limits_name(&below, " without execution", dev, size, value,
                             needed)
               : below.clGetDeviceInfo(dev, what, size, value, needed);
}

/* ---- buffers ------------------------------------------------------------- */

/* Returns where the buffer is linked; its end if it is not there. */
static struct buffer **find(cl_mem mem)
{
    struct buffer **at = &buffers;

    while (*at && (*at)->mem != mem)
        at = &(*at)->next;
    return at;
}

static void add(cl_mem mem, size_t bytes)
{
    struct buffer *b = calloc(1, sizeof *b);

    if (!b)
        abort();
    b->mem = mem;
    b->bytes = bytes;
    pthread_mutex_lock(&lock);
    b->next = buffers;
    buffers = b;
    pthread_mutex_unlock(&lock);
}

static CL_API_ENTRY cl_mem CL_API_CALL create(cl_context ctx,
                                              cl_mem_flags flags, size_t bytes,
                                              void *host, cl_int *err)
{
    cl_mem mem;

    (void)host;
    flags &= CL_MEM_READ_WRITE | CL_MEM_READ_ONLY | CL_MEM_WRITE_ONLY;
    mem = below.clCreateBuffer(ctx, flags, bytes < TINY ? bytes : TINY, NULL,
                               err);
    if (mem)
        add(mem, bytes);
    return mem;
}

static CL_API_ENTRY cl_int CL_API_CALL release(cl_mem mem)
{
    struct buffer **at, *b;
    cl_uint count = 0;

    below.clGetMemObjectInfo(mem, CL_MEM_REFERENCE_COUNT, sizeof count, &count,
                             NULL);
    pthread_mutex_lock(&lock);
    at = find(mem);
    if ((b = *at) && count <= 1) {
        *at = b->next;
        if (b->mapped)
            munmap(b->mapped, b->bytes);
        free(b);
    }
    pthread_mutex_unlock(&lock);
    return below.clReleaseMemObject(mem);
}

static size_t bytes_of(cl_mem mem)
{
    struct buffer *b;
    size_t bytes;

    pthread_mutex_lock(&lock);
    b = *find(mem);
    bytes = b ? b->bytes : 0;
    pthread_mutex_unlock(&lock);
    return bytes;
}

static CL_API_ENTRY cl_int CL_API_CALL mem_info(cl_mem mem, cl_mem_info what,
                                                size_t size, void *value,
                                                size_t *needed)
{
    const cl_int err = below.clGetMemObjectInfo(mem, what, size, value, needed);

    if (!err && value && what == CL_MEM_SIZE)
        *(size_t *)value = bytes_of(mem);
    return err;
}

/* Reserve the addresses of the whole buffer; its pages are zeros, and take
 * memory only where they are touched. */
static CL_API_ENTRY void *CL_API_CALL map(cl_command_queue queue, cl_mem mem,
                                          cl_bool blocking, cl_map_flags flags,
                                          size_t at, size_t bytes, cl_uint n,
                                          const cl_event *wait, cl_event *event,
                                          cl_int *err)
{
    struct buffer *b;

    (void)queue, (void)blocking, (void)flags, (void)bytes, (void)n, (void)wait;
    pthread_mutex_lock(&lock);
    b = *find(mem);
    if (!b->mapped)
        b->mapped = mmap(NULL, b->bytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    pthread_mutex_unlock(&lock);
    if (err)
        *err = answer(event);
    return (char *)b->mapped + at;
}

/* ---- commands ------------------------------------------------------------ */

static CL_API_ENTRY cl_int CL_API_CALL
launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
       const size_t *offset, const size_t *global, const size_t *local,
       cl_uint n, const cl_event *wait, cl_event *event)
{
    (void)queue, (void)kernel, (void)dims, (void)offset, (void)global;
    (void)local, (void)n, (void)wait;
    return answer(event);
}

static CL_API_ENTRY cl_int CL_API_CALL read(cl_command_queue queue, cl_mem mem,
                                            cl_bool blocking, size_t at,
                                            size_t bytes, void *to, cl_uint n,
                                            const cl_event *wait,
                                            cl_event *event)
{
    (void)queue, (void)mem, (void)blocking, (void)at, (void)n, (void)wait;
    memset(to, 0, bytes);
    return answer(event);
}

static CL_API_ENTRY cl_int CL_API_CALL write(cl_command_queue queue, cl_mem mem,
                                             cl_bool blocking, size_t at,
                                             size_t bytes, const void *from,
                                             cl_uint n, const cl_event *wait,
                                             cl_event *event)
{
    (void)queue, (void)mem, (void)blocking, (void)at, (void)bytes, (void)from;
    (void)n, (void)wait;
    return answer(event);
}

static CL_API_ENTRY cl_int CL_API_CALL copy(cl_command_queue queue, cl_mem from,
                                            cl_mem to, size_t from_at,
                                            size_t to_at, size_t bytes,
                                            cl_uint n, const cl_event *wait,
                                            cl_event *event)
{
    (void)queue, (void)from, (void)to, (void)from_at, (void)to_at, (void)bytes;
    (void)n, (void)wait;
    return answer(event);
}

static CL_API_ENTRY cl_int CL_API_CALL fill(cl_command_queue queue, cl_mem mem,
                                            const void *pattern, size_t size,
                                            size_t at, size_t bytes, cl_uint n,
                                            const cl_event *wait,
                                            cl_event *event)
{
    (void)queue, (void)mem, (void)pattern, (void)size, (void)at, (void)bytes;
    (void)n, (void)wait;
    return answer(event);
}

static CL_API_ENTRY cl_int CL_API_CALL unmap(cl_command_queue queue, cl_mem mem,
                                             void *mapped, cl_uint n,
                                             const cl_event *wait,
                                             cl_event *event)
{
    (void)queue, (void)mem, (void)mapped, (void)n, (void)wait;
    return answer(event);
}

static CL_API_ENTRY cl_int CL_API_CALL marker(cl_command_queue queue, cl_uint n,
                                              const cl_event *wait,
                                              cl_event *event)
{
    (void)queue, (void)n, (void)wait;
    return answer(event);
}

/* ---- events -------------------------------------------------------------- */

static CL_API_ENTRY cl_int CL_API_CALL event_info(cl_event event,
                                                  cl_event_info what,
                                                  size_t size, void *value,
                                                  size_t *needed)
{
    static const cl_int ended = CL_COMPLETE;

    if (!is_ours(event))
        return below.clGetEventInfo(event, what, size, value, needed);
    return what == CL_EVENT_COMMAND_EXECUTION_STATUS
               ? limits_answer(&ended, sizeof ended, size, value, needed)
               : CL_INVALID_VALUE;
}

static CL_API_ENTRY cl_int CL_API_CALL wait_for(cl_uint n, const cl_event *list)
{
    return is_ours(*list) ? CL_SUCCESS : below.clWaitForEvents(n, list);
}

static CL_API_ENTRY cl_int CL_API_CALL retain_event(cl_event event)
{
    return is_ours(event) ? CL_SUCCESS : below.clRetainEvent(event);
}

static CL_API_ENTRY cl_int CL_API_CALL release_event(cl_event event)
{
    return is_ours(event) ? CL_SUCCESS : below.clReleaseEvent(event);
}

void null_install(cl_icd_dispatch *table)
{
    below = *table;
    table->clCreateBuffer = create;
    table->clEnqueueBarrierWithWaitList = marker;
    table->clEnqueueCopyBuffer = copy;
    table->clEnqueueFillBuffer = fill;
    table->clEnqueueMapBuffer = map;
    table->clEnqueueMarkerWithWaitList = marker;
    table->clEnqueueNDRangeKernel = launch;
    table->clEnqueueReadBuffer = read;
    table->clEnqueueUnmapMemObject = unmap;
    table->clEnqueueWriteBuffer = write;
    table->clGetDeviceInfo = device_info;
    table->clGetEventInfo = event_info;
    table->clGetMemObjectInfo = mem_info;
    table->clReleaseEvent = release_event;
    table->clReleaseMemObject = release;
    table->clRetainEvent = retain_event;
    table->clWaitForEvents = wait_for;
}
