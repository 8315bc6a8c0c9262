/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the layer of tests/limits.h does, seen with OpenCL alone: every answer
 * and every refusal of a profile, with the launch beside it that is just
 * allowed.  tests/limits.sh runs this under each profile and each mode;
 * CLADE_LIMITS says which.
 */
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* It declares STATIC bytes of local memory, and has more as an argument.  The
 * first work-item of all sets y[0]. */
#define STATIC 64
static const char *text =
    "kernel void set(global float *y, local float *a)"
    "{ local float b[16];"
    "  const int i = get_local_id(0) % 16;"
    "  b[i] = y[i + 1] + 7;"
    "  a[0] = 0;"
    "  barrier(CLK_LOCAL_MEM_FENCE);"
    "  if (get_global_id(0) + get_global_id(1) + get_global_id(2) == 0)"
    "      y[0] = a[0] + b[0]; }"
    "kernel void spin(global volatile float *y)"
    "{ while (y[1] == 0) y[2] += 1; }";

static cl_device_id dev;
static cl_context ctx;
static cl_command_queue queue;
static cl_kernel kernel, endless;
static cl_mem mem;

static void need(bool good, const char *what)
{
    if (!good)
        tap_bail("%s", what);
}

static void open_device(void)
{
    static const float zeros[17];
    cl_platform_id platform = NULL;
    cl_program program;

    clGetPlatformIDs(1, &platform, NULL);
    need(!clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &dev, NULL),
         "no OpenCL device");
    ctx = clCreateContext(NULL, 1, &dev, NULL, NULL, NULL);
    queue = clCreateCommandQueue(ctx, dev, 0, NULL);
    program = clCreateProgramWithSource(ctx, 1, &text, NULL, NULL);
    need(!clBuildProgram(program, 1, &dev, "", NULL, NULL), "no program");
    kernel = clCreateKernel(program, "set", NULL);
    endless = clCreateKernel(program, "spin", NULL);
    mem = clCreateBuffer(ctx, CL_MEM_READ_WRITE, 16384, NULL, NULL);
    need(kernel && endless && mem, "no kernel, or no buffer");
    clSetKernelArg(kernel, 0, sizeof mem, &mem);
    clSetKernelArg(endless, 0, sizeof mem, &mem);
    clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, sizeof zeros, zeros, 0, NULL,
                         NULL);
}

/* Launch with so many bytes of local memory for the argument. */
static cl_int launch_with(size_t local_bytes, const size_t *global,
                          const size_t *local, cl_event *event)
{
    clSetKernelArg(kernel, 1, local_bytes, NULL);
    return clEnqueueNDRangeKernel(queue, kernel, 3, NULL, global, local, 0,
                                  NULL, event);
}

static cl_int launch_one(cl_event *event)
{
    static const size_t one[3] = { 1, 1, 1 };

    return launch_with(4, one, one, event);
}

static float read_back(cl_bool blocking, float *to)
{
    clEnqueueReadBuffer(queue, mem, blocking, 0, sizeof *to, to, 0, NULL, NULL);
    return *to;
}

static void write_three(void)
{
    const float three = 3;

    clEnqueueWriteBuffer(queue, mem, CL_TRUE, 0, sizeof three, &three, 0, NULL,
                         NULL);
}

static cl_int status_of(cl_event event)
{
    cl_int status = 1;

    clGetEventInfo(event, CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof status,
                   &status, NULL);
    return status;
}

/* ---- a profile ----------------------------------------------------------- */

static void expect(cl_int wanted, cl_int got, const char *what)
{
    clFinish(queue);
    tap_ok(got == wanted, "%s: %d", what, wanted);
    if (got != wanted)
        tap_note("got %d", got);
}

static void test_answers(const struct profile *p)
{
    size_t items[3] = { 0 }, group = 0;
    cl_device_type type = 0;
    cl_ulong local = 0;
    cl_uint vector = 0;
    cl_bool unified = 2;
    char name[512] = "", wanted[64];

    clGetDeviceInfo(dev, CL_DEVICE_TYPE, sizeof type, &type, NULL);
    clGetDeviceInfo(dev, CL_DEVICE_NAME, sizeof name, name, NULL);
    clGetDeviceInfo(dev, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof items, items,
                    NULL);
    clGetDeviceInfo(dev, CL_DEVICE_LOCAL_MEM_SIZE, sizeof local, &local, NULL);
    clGetDeviceInfo(dev, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, sizeof vector,
                    &vector, NULL);
    clGetDeviceInfo(dev, CL_DEVICE_HOST_UNIFIED_MEMORY, sizeof unified,
                    &unified, NULL);
    clGetKernelWorkGroupInfo(kernel, dev, CL_KERNEL_WORK_GROUP_SIZE,
                             sizeof group, &group, NULL);
    snprintf(wanted, sizeof wanted, " as %s", p->name);
    tap_ok(type == CL_DEVICE_TYPE_GPU && strstr(name, wanted), "%s is a GPU",
           name);
    tap_ok(!memcmp(items, p->items, sizeof items) && local == p->local &&
               vector == p->vector && unified == p->unified,
           "the device's limits are the profile's");
    tap_ok(group == p->group, "the kernel's groups have %zu items", p->group);
}

static void test_groups(const struct profile *p)
{
    const size_t x = p->items[0] < p->group ? p->items[0] : p->group;
    const size_t full[3] = { x, p->group / x, 1 };
    const size_t over[3] = { x, p->group / x + 1, 1 };
    const size_t two[3] = { 2, 1, 1 }, three[3] = { 3, 1, 1 };

    expect(CL_SUCCESS, launch_with(4, full, full, NULL),
           "a group as large as allowed");
    expect(over[1] > p->items[1] ? CL_INVALID_WORK_ITEM_SIZE
                                 : CL_INVALID_WORK_GROUP_SIZE,
           launch_with(4, over, over, NULL), "a group that is too large");
    expect(CL_INVALID_WORK_GROUP_SIZE, launch_with(4, three, two, NULL),
           "a global size that is no multiple");
}

static void test_dimension(const struct profile *p, int i)
{
    size_t items[3] = { 1, 1, 1 }, many[3] = { 1, 1, 1 };
    const size_t one[3] = { 1, 1, 1 };
    char what[64];

    items[i] = p->items[i] + 1;
    snprintf(what, sizeof what, "%zu items in dimension %d", items[i], i);
    expect(CL_INVALID_WORK_ITEM_SIZE, launch_with(4, items, items, NULL), what);
    many[i] = 65535;
    snprintf(what, sizeof what, "65535 groups in dimension %d", i);
    expect(CL_SUCCESS, launch_with(4, many, one, NULL), what);
    many[i] = 65536;
    snprintf(what, sizeof what, "65536 groups in dimension %d", i);
    expect(p->groups[i] == 65535 ? CL_INVALID_GLOBAL_WORK_SIZE : CL_SUCCESS,
           launch_with(4, many, one, NULL), what);
}

static void test_local_memory(const struct profile *p)
{
    const size_t one[3] = { 1, 1, 1 };
    const size_t left = p->local - STATIC;

    expect(CL_SUCCESS, launch_with(left, one, one, NULL),
           "all the local memory");
    expect(CL_OUT_OF_RESOURCES, launch_with(left + 4, one, one, NULL),
           "too much local memory, declared and as an argument");
    expect(CL_OUT_OF_RESOURCES, launch_with(p->local + 4, one, one, NULL),
           "too much local memory as an argument");
}

static void test_buffers(const struct profile *p)
{
    const size_t align = p->align / 8;
    const cl_buffer_region good = { align, 4 }, bad = { align / 2, 4 };
    cl_int err = CL_SUCCESS;

    clCreateBuffer(ctx, CL_MEM_READ_WRITE, p->buffer + 1, NULL, &err);
    expect(CL_INVALID_BUFFER_SIZE, err, "a buffer that is too large");
    clCreateSubBuffer(mem, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                      &good, &err);
    expect(CL_SUCCESS, err, "a part of a buffer, aligned");
    clCreateSubBuffer(mem, CL_MEM_READ_WRITE, CL_BUFFER_CREATE_TYPE_REGION,
                      &bad, &err);
    expect(CL_MISALIGNED_SUB_BUFFER_OFFSET, err, "one that is not aligned");
}

/* `words` begin with the profile's name. */
static void test_profile(const char *words)
{
    const struct profile *p = profiles;
    const size_t length = strcspn(words, " ");

    while (p->name &&
           (strlen(p->name) != length || strncmp(p->name, words, length)))
        p++;
    need(p->name, "CLADE_LIMITS is no profile and no mode");
    tap_plan(21);
    test_answers(p);
    test_groups(p);
    for (int i = 0; i < 3; i++)
        test_dimension(p, i);
    test_local_memory(p);
    test_buffers(p);
}

/* ---- the modes ----------------------------------------------------------- */

/* The driver has memory for far less than this. */
static void test_null(void)
{
    const size_t huge = (size_t)1 << 40;
    cl_event event = NULL;
    size_t bytes = 0;
    float got = 1;
    cl_int err;
    cl_mem big = clCreateBuffer(ctx, CL_MEM_READ_WRITE, huge, NULL, &err);
    const size_t one = 1;

    tap_plan(5);
    clGetMemObjectInfo(big, CL_MEM_SIZE, sizeof bytes, &bytes, NULL);
    tap_ok(!err && bytes == huge, "a buffer of 1 TiB is made");
    write_three();
    tap_ok(!launch_one(&event) && !clWaitForEvents(1, &event),
           "a launch succeeds");
    tap_ok(status_of(event) == CL_COMPLETE, "it has ended");
    tap_ok(read_back(CL_TRUE, &got) == 0, "a read gives zeros");
    clEnqueueNDRangeKernel(queue, endless, 1, NULL, &one, NULL, 0, NULL, NULL);
    tap_ok(!clFinish(queue), "a kernel without an end does not run");
}

static cl_uint held(void)
{
    cl_uint n = 0;

    clGetCommandQueueInfo(queue, LIMITS_HELD, sizeof n, &n, NULL);
    return n;
}

/* Nothing begins before a flush; then all does. */
static void test_late(void)
{
    static volatile float got;
    cl_event event = NULL;
    float last = 0;

    tap_plan(7);
    write_three();
    launch_one(&event);
    for (int i = 0; i < 1000; i++)
        if (status_of(event) <= CL_RUNNING)
            break;
    tap_ok(status_of(event) > CL_RUNNING, "a launch waits for a flush");
    tap_ok(read_back(CL_FALSE, (float *)&got) == 0, "so does a read");
    tap_ok(held() == 2, "two commands are held back");
    clFlush(queue);
    tap_ok(held() == 0, "after a flush, none is");
    while (status_of(event) > CL_COMPLETE)
        ;
    tap_ok(status_of(event) == CL_COMPLETE, "the launch ends");
    tap_ok(read_back(CL_TRUE, &last) == 7 && got == 7,
           "a blocking read waits for what was queued");
    clReleaseEvent(event);
    launch_one(&event);
    clWaitForEvents(1, &event);
    tap_ok(status_of(event) == CL_COMPLETE, "waiting begins a launch");
}

static void test_refuse(void)
{
    tap_plan(3);
    tap_ok(launch_one(NULL) == CL_SUCCESS, "the first launch is queued");
    tap_ok(launch_one(NULL) == CL_OUT_OF_RESOURCES, "the second is refused");
    tap_ok(launch_one(NULL) == CL_SUCCESS, "the third is queued");
}

static void test_fail(void)
{
    cl_event event[3];

    tap_plan(5);
    for (int i = 0; i < 3; i++)
        need(!launch_one(&event[i]), "a launch is not queued");
    tap_ok(clWaitForEvents(3, event) ==
               CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST,
           "waiting tells of a failure");
    tap_ok(status_of(event[0]) == CL_COMPLETE, "the first launch has ended");
    tap_ok(status_of(event[1]) == CL_OUT_OF_RESOURCES, "the second has failed");
    tap_ok(status_of(event[2]) == CL_COMPLETE, "the third has ended");
    tap_ok(clFinish(queue) == CL_SUCCESS, "clFinish() tells nothing");
}

static void test_lost(void)
{
    float got = 0;
    cl_event event[2];

    tap_plan(5);
    tap_ok(!launch_one(&event[0]) && !launch_one(&event[1]),
           "the launch that loses the device is queued");
    tap_ok(status_of(event[1]) < 0, "it has failed");
    tap_ok(launch_one(NULL) == CL_INVALID_COMMAND_QUEUE, "the next is refused");
    tap_ok(clEnqueueReadBuffer(queue, mem, CL_TRUE, 0, sizeof got, &got, 0,
                               NULL, NULL) == CL_INVALID_COMMAND_QUEUE,
           "so is a read");
    tap_ok(clFinish(queue) == CL_INVALID_COMMAND_QUEUE, "and clFinish()");
}

static const struct {
    const char *mode;
    void (*test)(void);
} modes[] = {
    { "null", test_null },       { "late", test_late },
    { "refuse=2", test_refuse }, { "fail=2", test_fail },
    { "lost=2", test_lost },
};

int main(void)
{
    const char *words = getenv("CLADE_LIMITS");

    need(words != NULL, "CLADE_LIMITS is not set");
    open_device();
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (!strcmp(words, modes[i].mode)) {
            modes[i].test();
            return tap_done();
        }
    test_profile(words);
    return tap_done();
}
