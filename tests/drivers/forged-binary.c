/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver must refuse bytes that are not a binary: with CL_INVALID_BINARY, or
 * a failed build.  Rusticl of Mesa 22.3.6 ends the process instead, so this
 * runs in a child.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "one-device.h"

static const char *text = "kernel void k(global int *a) { a[0] = 1; }";

static void load(cl_context context)
{
    cl_program program =
        clCreateProgramWithSource(context, 1, &text, NULL, NULL);
    unsigned char *binary;
    size_t bytes = 0;

    clBuildProgram(program, 1, &device, "", NULL, NULL);
    clGetProgramInfo(program, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes,
                     NULL);
    binary = malloc(bytes);
    memset(binary, 'x', bytes);
    program =
        clCreateProgramWithBinary(context, 1, &device, &bytes,
                                  (const unsigned char **)&binary, NULL, NULL);
    if (program)
        clBuildProgram(program, 1, &device, "", NULL, NULL);
}

int main(void)
{
    int status = 0;

    if (!find_device())
        return 0;
    if (fork() == 0) { /* a driver's threads must all be in the child */
        load(clCreateContext(NULL, 1, &device, NULL, NULL, NULL));
        _exit(0);
    }
    wait(&status);
    return report(WIFEXITED(status),
                  "a forged binary does not end the process");
}
