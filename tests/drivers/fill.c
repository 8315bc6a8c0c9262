/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that was filled is initialised.  Oclgrind 21.10 with --uninitialized
 * wrongly reports that this kernel reads uninitialised memory.
 */
#include "one-device.h"

static const char *text =
    "kernel void copy(global int *a, global const int *b)"
    "{ int i = get_global_id(0); if (b[i]) a[i] = b[i]; }";

int main(void)
{
    const cl_int one = 1;
    const size_t items = 16;
    cl_int got = 0;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel kernel;
    cl_mem a, b;

    if (!find_device())
        return 0;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    queue = clCreateCommandQueue(context, device, 0, NULL);
    program = clCreateProgramWithSource(context, 1, &text, NULL, NULL);
    clBuildProgram(program, 1, &device, "", NULL, NULL);
    kernel = clCreateKernel(program, "copy", NULL);
    a = clCreateBuffer(context, 0, items * sizeof one, NULL, NULL);
    b = clCreateBuffer(context, 0, items * sizeof one, NULL, NULL);
    clEnqueueFillBuffer(queue, b, &one, sizeof one, 0, items * sizeof one, 0,
                        NULL, NULL);
    clSetKernelArg(kernel, 0, sizeof a, &a);
    clSetKernelArg(kernel, 1, sizeof b, &b);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, a, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL);
    return report(got == 1, "a kernel reads what a fill wrote");
}
