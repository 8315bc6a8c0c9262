/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ONE_DEVICE_H
#define ONE_DEVICE_H

/*
 * The device of a reproducer: the first one that the ICD loader has, which
 * OCL_ICD_VENDORS selects.  Nothing of the library is used.
 */
#include <CL/cl.h>
#include <stdio.h>

static cl_platform_id platform;
static cl_device_id device;

/* Find the device and print the TAP plan.  If there is no device, print a plan
 * that skips and return 0. */
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
