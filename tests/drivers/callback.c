/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A context's callback gets the argument that it was registered with (OpenCL
 * 1.2, 4.4, clCreateContext).  Oclgrind 21.10 passes NULL.
 */
#include "one-device.h"

static void *const argument = &device;
static int calls, wrong;

static void CL_CALLBACK hear(const char *words, const void *info, size_t bytes,
                             void *arg)
{
    (void)words;
    (void)info;
    (void)bytes;
    calls++;
    wrong += arg != argument;
}

int main(void)
{
    cl_context context;

    if (!find_device())
        return 0;
    context = clCreateContext(NULL, 1, &device, hear, argument, NULL);
    clCreateBuffer(context, 0, 0, NULL, NULL); /* an error, to be reported */
    if (!calls)
        puts("# the driver did not call it");
    return report(!wrong, "a context's callback gets its argument");
}
