/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing a part of a buffer leaves the rest initialised.  Oclgrind 21.10 with
 * --uninitialized takes the rest for uninitialised after the second write.
 */
#include "one-device.h"

static const char *text =
    "kernel void copy(global int *a, global const int *b)"
    "{ int i = get_global_id(0); if (b[i]) a[i] = b[i]; }";

int main(void)
{
    const size_t items = 64, last = items - 4;
    cl_int ones[64], got = 0;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel kernel;
    cl_mem a, b;

    if (!find_device())
        return 0;
    for (size_t i = 0; i < items; i++)
        ones[i] = 1;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    queue = clCreateCommandQueue(context, device, 0, NULL);
    program = clCreateProgramWithSource(context, 1, &text, NULL, NULL);
    clBuildProgram(program, 1, &device, "", NULL, NULL);
    kernel = clCreateKernel(program, "copy", NULL);
    a = clCreateBuffer(context, 0, sizeof ones, NULL, NULL);
    b = clCreateBuffer(context, 0, sizeof ones, NULL, NULL);
    clEnqueueWriteBuffer(queue, b, CL_TRUE, 0, sizeof ones, ones, 0, NULL,
                         NULL);
    clEnqueueWriteBuffer(queue, b, CL_TRUE, last * sizeof *ones,
                         4 * sizeof *ones, ones, 0, NULL, NULL);
    clSetKernelArg(kernel, 0, sizeof a, &a);
    clSetKernelArg(kernel, 1, sizeof b, &b);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, NULL, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, a, CL_TRUE, 0, sizeof got, &got, 0, NULL, NULL);
    return report(got == 1, "a kernel reads what two writes wrote");
}
