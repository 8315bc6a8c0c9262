/* SPDX-License-Identifier: Apache-2.0 */
#include "limits.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

static cl_icd_dispatch below;

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

static CL_API_ENTRY cl_int CL_API_CALL device_info(cl_device_id dev,
                                                   cl_device_info what,
                                                   size_t size, void *value,
                                                   size_t *needed)
{
    if (what == CL_DEVICE_NAME) {
        char as[64];

        snprintf(as, sizeof as, " as %s", limits.profile.name);
        return limits_name(&below, as, dev, size, value, needed);
    }
    if (what == CL_DEVICE_TYPE)
        return limits_answer(&gpu, sizeof gpu, size, value, needed);
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (answers[i].what == what)
            return limits_answer((const char *)&limits.profile + answers[i].at,
                                 answers[i].bytes, size, value, needed);
    return below.clGetDeviceInfo(dev, what, size, value, needed);
}

static CL_API_ENTRY cl_int CL_API_CALL
kernel_info(cl_kernel kernel, cl_device_id dev, cl_kernel_work_group_info what,
            size_t size, void *value, size_t *needed)
{
    if (what == CL_KERNEL_WORK_GROUP_SIZE)
        return limits_answer(&limits.profile.group, sizeof limits.profile.group,
                             size, value, needed);
    if (what == CL_KERNEL_PREFERRED_WORK_GROUP_SIZE_MULTIPLE)
        return limits_answer(&limits.profile.wave, sizeof limits.profile.wave,
                             size, value, needed);
    return below.clGetKernelWorkGroupInfo(kernel, dev, what, size, value,
                                          needed);
}

/* ---- refusals, with the codes of OpenCL 1.2's specification -------------- */

static CL_API_ENTRY cl_mem CL_API_CALL create_buffer(cl_context ctx,
                                                     cl_mem_flags flags,
                                                     size_t bytes, void *host,
                                                     cl_int *err)
{
    if (bytes <= limits.profile.buffer)
        return below.clCreateBuffer(ctx, flags, bytes, host, err);
    if (err)
        *err = CL_INVALID_BUFFER_SIZE;
    return NULL;
}

static CL_API_ENTRY cl_mem CL_API_CALL create_part(cl_mem mem,
                                                   cl_mem_flags flags,
                                                   cl_buffer_create_type type,
                                                   const void *info,
                                                   cl_int *err)
{
    const cl_buffer_region *region = info;

    if (type != CL_BUFFER_CREATE_TYPE_REGION || !info ||
        region->origin % (limits.profile.align / 8) == 0)
        return below.clCreateSubBuffer(mem, flags, type, info, err);
    if (err)
        *err = CL_MISALIGNED_SUB_BUFFER_OFFSET;
    return NULL;
}

/* The local memory that the kernel declares and that its arguments have. */
static cl_ulong local_of(cl_command_queue queue, cl_kernel kernel)
{
    cl_device_id dev = NULL;
    cl_ulong bytes = 0;

    below.clGetCommandQueueInfo(queue, CL_QUEUE_DEVICE, sizeof dev, &dev, NULL);
    below.clGetKernelWorkGroupInfo(kernel, dev, CL_KERNEL_LOCAL_MEM_SIZE,
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

static cl_int check_grid(cl_uint dims, const size_t *global,
                         const size_t *local)
{
    size_t items = 1;
    cl_int err;

    for (cl_uint i = 0; local && i < dims; i++) {
        if ((err = check_dimension(i, global[i], local[i])))
            return err;
        items *= local[i];
    }
    return items > limits.profile.group ? CL_INVALID_WORK_GROUP_SIZE
                                        : CL_SUCCESS;
}

static CL_API_ENTRY cl_int CL_API_CALL
launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
       const size_t *offset, const size_t *global, const size_t *local,
       cl_uint n, const cl_event *wait, cl_event *event)
{
    const cl_int err = check_grid(dims, global, local);

    if (err)
        return err;
    if (local_of(queue, kernel) > limits.profile.local)
        return CL_OUT_OF_RESOURCES;
    return below.clEnqueueNDRangeKernel(queue, kernel, dims, offset, global,
                                        local, n, wait, event);
}

void rules_install(cl_icd_dispatch *table)
{
    below = *table;
    table->clCreateBuffer = create_buffer;
    table->clCreateSubBuffer = create_part;
    table->clEnqueueNDRangeKernel = launch;
    table->clGetDeviceInfo = device_info;
    table->clGetKernelWorkGroupInfo = kernel_info;
}
