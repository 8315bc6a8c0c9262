/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ONE_DEVICE_H
#define ONE_DEVICE_H

/*
 * The device of a reproducer, with nothing of the library: the first one of
 * the ICD loader, which OCL_ICD_VENDORS chooses.
 */
#include <CL/cl.h>
#include <stdio.h>

static cl_platform_id platform;
static cl_device_id device;

/* False, and a TAP plan that skips, where there is none. */
static inline int find_device(void)
{
    char name[256] = "", version[256] = "";

    if (clGetPlatformIDs(1, &platform, NULL) ||
        clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, 1, &device, NULL)) {
        puts("1..0 # SKIP no OpenCL device");
        return 0;
    }
    clGetPlatformInfo(platform, CL_PLATFORM_NAME, sizeof name, name, NULL);
    clGetDeviceInfo(device, CL_DRIVER_VERSION, sizeof version, version, NULL);
    printf("1..1\n# %s, driver %s\n", name, version);
    fflush(stdout);
    return 1;
}

static inline int report(int passed, const char *what)
{
    printf("%s 1 - %s\n", passed ? "ok" : "not ok", what);
    return 0;
}

#endif
