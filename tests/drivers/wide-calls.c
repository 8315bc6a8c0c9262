/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sixteen work-items that run as one vector must each get their own result.
 *
 * Intel's runtime 2022.14 fails on a processor that has AVX-512 and a name that
 * its LLVM does not know (AMD's Zen 4).  It combines 16 work-items, as AVX-512
 * allows, and compiles them for a processor without AVX-512: the caller passes
 * 16 floats in two registers, and its library's exp() takes them from one.  So
 * lanes 8 to 15 get a constant of the library, and a softmax of three classes
 * is 1/3 in each.  A division of integers takes its divisors from the wrong
 * register, too: indices become wild, and the process dies.  Both are right
 * with -cl-opt-disable, or with CL_CONFIG_CPU_TARGET_ARCH=core-avx2.
 */
#include <math.h>

#include "one-device.h"

enum { ITEMS = 64, GROUP = 16 };

static const char *text =
    "kernel void calls(global float *y, global int *quotient,\n"
    "                  global const float *x, global const int *divisor)\n"
    "{\n"
    "    int i = get_global_id(0);\n"
    "    y[i] = exp(x[i]);\n"
    "    quotient[i] = (1000 + i) / divisor[i];\n"
    "}\n";

static cl_float x[ITEMS], y[ITEMS];
static cl_int divisor[ITEMS], quotient[ITEMS];

static void run(void)
{
    const size_t bytes = sizeof x, items = ITEMS, group = GROUP;
    const cl_mem_flags copy = CL_MEM_COPY_HOST_PTR;
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, NULL);
    cl_program program =
        clCreateProgramWithSource(context, 1, &text, NULL, NULL);
    cl_mem m[] = { clCreateBuffer(context, copy, bytes, y, NULL),
                   clCreateBuffer(context, copy, bytes, quotient, NULL),
                   clCreateBuffer(context, copy, bytes, x, NULL),
                   clCreateBuffer(context, copy, bytes, divisor, NULL) };
    cl_kernel kernel;

    clBuildProgram(program, 1, &device, "", NULL, NULL);
    kernel = clCreateKernel(program, "calls", NULL);
    for (cl_uint i = 0; i < 4; i++)
        clSetKernelArg(kernel, i, sizeof m[i], &m[i]);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &group, 0, NULL,
                           NULL);
    clEnqueueReadBuffer(queue, m[0], CL_TRUE, 0, bytes, y, 0, NULL, NULL);
    clEnqueueReadBuffer(queue, m[1], CL_TRUE, 0, bytes, quotient, 0, NULL,
                        NULL);
}

int main(void)
{
    int exps = 0, divisions = 0;

    if (!find_device())
        return 0;
    for (int i = 0; i < ITEMS; i++) {
        x[i] = i / 16.0f;
        divisor[i] = 1 + i % 7;
    }
    run();
    for (int i = 0; i < ITEMS; i++) {
        const float want = expf(x[i]);

        exps += !(fabsf(y[i] - want) <= 1e-5f * want);
        divisions += quotient[i] != (1000 + i) / divisor[i];
    }
    printf("# of %d work-items, exp() is wrong in %d, a division in %d\n",
           ITEMS, exps, divisions);
    return report(exps == 0 && divisions == 0,
                  "work-items that run as a vector get their own results");
}
