/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- answers ------------------------------------------------------------- */

static const cl_device_type gpu = CL_DEVICE_TYPE_GPU;

/* The queries that a profile answers, and its member. */
#define ROW(what, member)                                                      \
    {                                                                          \
        what, offsetof(struct profile, member),                                \
            sizeof((struct profile *)0)->member                                \
    }
static const struct {
    cl_device_info what;
    size_t at, bytes;
} answers[] = {
    ROW(CL_DEVICE_GLOBAL_MEM_SIZE, memory),
    ROW(CL_DEVICE_HOST_UNIFIED_MEMORY, unified),
    ROW(CL_DEVICE_LOCAL_MEM_SIZE, local),
    ROW(CL_DEVICE_MAX_COMPUTE_UNITS, units),
    ROW(CL_DEVICE_MAX_MEM_ALLOC_SIZE, buffer),
    ROW(CL_DEVICE_MAX_WORK_GROUP_SIZE, group),
    ROW(CL_DEVICE_MAX_WORK_ITEM_SIZES, items),
    ROW(CL_DEVICE_MEM_BASE_ADDR_ALIGN, align),
    ROW(CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, vector),
    ROW(CL_DEVICE_PREFERRED_VECTOR_WIDTH_FLOAT, vector),
};

static cl_int answer(const void *from, size_t bytes, size_t size, void *value,
                     size_t *needed)
{
    if (needed)
        *needed = bytes;
    if (value && size < bytes)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, from, bytes);
    return CL_SUCCESS;
}

/* The driver's name for the device, and the profile's. */
static cl_int answer_name(cl_device_id dev, size_t size, void *value,
                          size_t *needed)
{
    char name[256] = "", both[320];

    driver.clGetDeviceInfo(dev, CL_DEVICE_NAME, sizeof name - 1, name, NULL);
    snprintf(both, sizeof both, "%s as %s", name, limits.profile.name);
    return answer(both, strlen(both) + 1, size, value, needed);
}

CL_API_ENTRY cl_int CL_API_CALL rules_device(cl_device_id dev,
                                             cl_device_info what, size_t size,
                                             void *value, size_t *needed)
{
    if (what == CL_DEVICE_NAME)
        return answer_name(dev, size, value, needed);
    if (what == CL_DEVICE_TYPE)
        return answer(&gpu, sizeof gpu, size, value, needed);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (answers[i].what == what)
            return answer((const char *)&limits.profile + answers[i].at,
                          answers[i].bytes, size, value, needed);
    return driver.clGetDeviceInfo(dev, what, size, value, needed);
}

CL_API_ENTRY cl_int CL_API_CALL rules_kernel(cl_kernel kernel, cl_device_id dev,
                                             cl_kernel_work_group_info what,
                                             size_t size, void *value,
                                             size_t *needed)
{
    if (what == CL_KERNEL_WORK_GROUP_SIZE)
        return answer(&limits.profile.group, sizeof limits.profile.group, size,
                      value, needed);
    if (what == CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE)
        return answer(&limits.profile.wave, sizeof limits.profile.wave, size,
                      value, needed);
    return driver.clGetKernelWorkGroupInfo(kernel, dev, what, size, value,
                                           needed);
}

/* ---- refusals, with the codes of OpenCL 1.2's specification -------------- */

cl_int rules_buffer(size_t bytes)
{
    return limits.profile.name && bytes > limits.profile.buffer
               ? CL_INVALID_BUFFER_SIZE
               : CL_SUCCESS;
}

CL_API_ENTRY cl_mem CL_API_CALL rules_part(cl_mem mem, cl_mem_flags flags,
                                           cl_buffer_create_type type,
                                           const void *info, cl_int *err)
{
    const cl_buffer_region *region = info;

    if (type != CL_BUFFER_CREATE_TYPE_REGION || !info ||
        region->origin % (limits.profile.align / 8) == 0)
        return driver.clCreateSubBuffer(mem, flags, type, info, err);
    if (err)
        *err = CL_MISALIGNED_SUB_BUFFER_OFFSET;
    return NULL;
}

/* The local memory that the kernel declares and that its arguments have. */
static cl_ulong local_of(cl_command_queue queue, cl_kernel kernel)
{
    cl_device_id dev = NULL;
    cl_ulong bytes = 0;

    driver.clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof dev, &dev,
                                 NULL);
    driver.clGetKernelWorkGroupInfo(kernel, dev, CL_KERNEL_LOCAL_MEM_SIZE,
                                    sizeof bytes, &bytes, NULL);
    return bytes;
}

/* One dimension of a grid.  OpenCL has no code for too many groups: it knows no
 * such limit. */
static cl_int check_dimension(int i, size_t global, size_t local)
{
    const struct profile *p = &limits.profile;

    if (!local || global % local)
        return CL_INVALID_WORK_GROUP_SIZE;
    if (local > p->items[i])
        return CL_INVALID_WORK_ITEM_SIZE;
    return p->groups[i] && global / local > p->groups[i]
               ? CL_INVALID_GLOBAL_WORK_SIZE
               : CL_SUCCESS;
}

cl_int rules_launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                    const size_t *global, const size_t *local)
{
    size_t items = 1;
    cl_int err;

    if (!limits.profile.name)
        return CL_SUCCESS;
    for (cl_uint i = 0; local && i < dims; i++) {
        if ((err = check_dimension(i, global[i], local[i])))
            return err;
        items *= local[i];
    }
    if (items > limits.profile.group)
        return CL_INVALID_WORK_GROUP_SIZE;
    return local_of(queue, kernel) > limits.profile.local ? CL_OUT_OF_RESOURCES
                                                          : CL_SUCCESS;
}
