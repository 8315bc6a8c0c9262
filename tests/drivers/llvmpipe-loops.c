/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llvmpipe (Mesa 22.3.6) leaves the loops of a work-item after 65,535
 * iterations in all, and continues after them without an error.  The limit is
 * gallivm's LP_MAX_TGSI_LOOP_ITERATIONS.
 */
#include "one-device.h"

static const char *source =
    "kernel void count(global int *out, int n, global const int *step)\n"
    "{\n"
    "    int sum = 0;\n"
    "    for (int i = 0; i < n; i++)\n"
    "        sum += step[i & 1];\n"
    "    out[0] = sum;\n"
    "}\n";

int main(void)
{
    cl_int turns = 70000, counted = 0, ones[2] = { 1, 1 };
    size_t one = 1;
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel kernel;
    cl_mem out, step;

    if (!find_device())
        return 0;
    context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    queue = clCreateCommandQueue(context, device, 0, NULL);
    program = clCreateProgramWithSource(context, 1, &source, NULL, NULL);
    clBuildProgram(program, 1, &device, "", NULL, NULL);
    kernel = clCreateKernel(program, "count", NULL);
    out =
        clCreateBuffer(context, CL_MEM_READ_WRITE, sizeof counted, NULL, NULL);
    step =
        clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof ones, ones, NULL);
    clSetKernelArg(kernel, 0, sizeof out, &out);
    clSetKernelArg(kernel, 1, sizeof turns, &turns);
    clSetKernelArg(kernel, 2, sizeof step, &step);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &one, &one, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, out, CL_TRUE, 0, sizeof counted, &counted, 0,
                        NULL, NULL);
    clReleaseMemObject(step);
    clReleaseMemObject(out);
    clReleaseKernel(kernel);
    clReleaseProgram(program);
    clReleaseCommandQueue(queue);
    clReleaseContext(context);
    printf("# %d iterations counted as %d\n", turns, counted);
    return report(counted == turns, "a loop runs all its iterations");
}
