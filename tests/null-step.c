/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a training step costs the host: calls to the device are answered here
 * and do nothing, so only our own time is left.  The device is
 * CLADE_TEST_DEVICE's, else the best one.
 */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <clade/data.h>
#include <clade/net.h>

#include "clock.h"
#include "tap.h"
#include "tested.h"

enum { BATCH = 32, STEPS = 200 };

/* The most time of our own in a launch, and the most arguments set in a
 * step. */
#define LAUNCH_SECONDS 0.2e-6
#define ARGUMENTS      100

static bool answering; /* calls are answered here */
static int launches, arguments, allocations;
static char no_event; /* what every event points at */

#define EVENT ((cl_event)&no_event)
/* The driver's function that one of this file replaces. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static cl_int answer(cl_event *event)
{
    if (event)
        *event = EVENT;
    return CL_SUCCESS;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel,
                              cl_uint dims, const size_t *offset,
                              const size_t *global, const size_t *local,
                              cl_uint n, const cl_event *wait, cl_event *event)
{
    launches++;
    return answering
               ? answer(event)
               : NEXT(clEnqueueNDRangeKernel)(queue, kernel, dims, offset,
                                              global, local, n, wait, event);
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint index, size_t size,
                      const void *value)
{
    arguments++;
    return answering ? CL_SUCCESS
                     : NEXT(clSetKernelArg)(kernel, index, size, value);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking,
                           size_t at, size_t bytes, void *to, cl_uint n,
                           const cl_event *wait, cl_event *event)
{
    if (!answering)
        return NEXT(clEnqueueReadBuffer)(queue, mem, blocking, at, bytes, to, n,
                                         wait, event);
    memset(to, 0, bytes);
    return answer(event);
}

cl_int clEnqueueWriteBuffer(cl_command_queue queue, cl_mem mem,
                            cl_bool blocking, size_t at, size_t bytes,
                            const void *from, cl_uint n, const cl_event *wait,
                            cl_event *event)
{
    return answering ? answer(event)
                     : NEXT(clEnqueueWriteBuffer)(queue, mem, blocking, at,
                                                  bytes, from, n, wait, event);
}

cl_int clGetEventInfo(cl_event event, cl_event_info what, size_t size,
                      void *value, size_t *wrote)
{
    if (event != EVENT)
        return NEXT(clGetEventInfo)(event, what, size, value, wrote);
    *(cl_int *)value = CL_COMPLETE;
    return CL_SUCCESS;
}

cl_int clWaitForEvents(cl_uint n, const cl_event *events)
{
    return *events == EVENT ? CL_SUCCESS : NEXT(clWaitForEvents)(n, events);
}

cl_int clReleaseEvent(cl_event event)
{
    return event == EVENT ? CL_SUCCESS : NEXT(clReleaseEvent)(event);
}

cl_int clFlush(cl_command_queue queue)
{
    return answering ? CL_SUCCESS : NEXT(clFlush)(queue);
}

/* A sanitizer has its own malloc().  GCC and clang say so in their own ways. */
#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t n, size_t bytes);
void *__libc_realloc(void *old, size_t bytes);

void *malloc(size_t bytes)
{
    allocations += answering;
    return __libc_malloc(bytes);
}

void *calloc(size_t n, size_t bytes)
{
    allocations += answering;
    return __libc_calloc(n, bytes);
}

void *realloc(void *old, size_t bytes)
{
    allocations += answering;
    return __libc_realloc(old, bytes);
}
#endif

static void need(clade_status st)
{
    if (st)
        tap_bail("%s", clade_error());
}

/* The seconds of the fastest of many steps.  Count its calls. */
static double fastest_step(clade_net *net, const struct clade_batch *batch)
{
    double fastest = 1;

    answering = true;
    for (int step = 0; step < STEPS; step++) {
        const double began = clock_now();
        struct clade_result result;
        double taken;

        launches = arguments = allocations = 0;
        need(clade_net_train(net, batch, step, 0.01f / (step + 1), &result));
        taken = clock_now() - began;
        fastest = taken < fastest ? taken : fastest;
    }
    answering = false;
    return fastest;
}

static void test_step(clade_net *net, const struct clade_batch *batch)
{
    const double seconds = fastest_step(net, batch);
    const double each = launches ? seconds / launches : 1;

    tap_ok(launches > 300, "a step is %d launches", launches);
    tap_ok(arguments < ARGUMENTS, "it sets %d arguments", arguments);
#ifdef SANITIZED
    tap_skip("it allocates nothing: a sanitizer does");
    tap_skip("a launch takes %.3f us: a sanitizer's", 1e6 * each);
#else
    tap_ok(!allocations, "it allocates nothing: %d times", allocations);
    tap_ok(each <= LAUNCH_SECONDS, "a launch takes %.3f us of ours",
           1e6 * each);
#endif
}

int main(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    struct clade_batch batch;
    struct clade_data data;
    clade_backend *be = tested_need();
    clade_net *net;

    if (strncmp(clade_backend_device(be)->selector, "opencl", 6))
        tap_skip_all("the reference queues nothing");
    if (clade_backend_device(be)->emulated)
        tap_skip_all("too slow to plan a net");
    tap_plan(4);
    need(clade_data_builtin(&data, BATCH, 1, 1));
    batch = (struct clade_batch){ .n = BATCH,
                                  .bytes = data.train.images,
                                  .labels = data.train.labels };
    config.train_batch = BATCH;
    config.algorithm = getenv("CLADE_TEST_ALGORITHM");
    need(clade_net_new(&net, be, &config));
    test_step(net, &batch);
    clade_net_free(net);
    clade_data_free(&data);
    clade_backend_close(be);
    return tap_done();
}
