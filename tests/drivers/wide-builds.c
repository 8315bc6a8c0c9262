/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiler must not end the process.  Two do on a processor that has AVX-512
 * and a name that their LLVM does not know (AMD's Zen 4); wide-calls.c says
 * what else that does to Intel's.
 *
 *   floor  Intel's runtime 2022.14: "Do not know how to split the result of
 *          this operator!", also for convert_int() of a float
 *   fma    PoCL 3.0: "Cannot select: i64 = fma", in _cl_fma of float16
 *
 * PoCL compiles when it must run the kernel, so each is run, in a child.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "one-device.h"

static const char *floor_of =
    "kernel void floor_of(global float *a)"
    "{ int i = get_global_id(0); a[i] = floor(a[i]); }";
static const char *fma_of = "kernel void fma_of(global float16 *a)"
                            "{ a[0] = fma(a[0], a[1], a[2]); }";

static void run(const char *text)
{
    cl_float zeros[48] = { 0 };
    const size_t items = 16;
    cl_context context = clCreateContext(NULL, 1, &device, NULL, NULL, NULL);
    cl_command_queue queue = clCreateCommandQueue(context, device, 0, NULL);
    cl_program program =
        clCreateProgramWithSource(context, 1, &text, NULL, NULL);
    cl_mem a = clCreateBuffer(context, CL_MEM_COPY_HOST_PTR, sizeof zeros,
                              zeros, NULL);
    cl_kernel kernel;

    clBuildProgram(program, 1, &device, "", NULL, NULL);
    clCreateKernelsInProgram(program, 1, &kernel, NULL);
    clSetKernelArg(kernel, 0, sizeof a, &a);
    clEnqueueNDRangeKernel(queue, kernel, 1, NULL, &items, &items, 0, NULL,
                           NULL);
    clFinish(queue);
}

/* The wait status of a child that runs the kernel.  It also opens the driver,
 * because a fork would not copy the driver's threads. */
static int run_in_child(const char *text)
{
    int status = 0;

    if (fork() == 0) {
        if (freopen("/dev/null", "w", stdout) && find_device())
            run(text);
        _exit(0);
    }
    wait(&status);
    fputs("\n", stderr); /* the driver's last words may not end their line */
    return status;
}

int main(void)
{
    const int floor_status = run_in_child(floor_of);
    const int fma_status = run_in_child(fma_of);

    if (!find_device())
        return 0;
    printf("# floor() of a float ends with status %d, fma() of a float16 with "
           "%d\n",
           floor_status, fma_status);
    return report(floor_status == 0 && fma_status == 0,
                  "building a kernel does not end the process");
}
