/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMITS_H
#define LIMITS_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl_layer.h>
#include <stdbool.h>

/*
 * An OpenCL layer that holds any device to the limits of a GPU.  The ICD loader
 * loads it into a program, and passes it all calls, those of CLBlast as well:
 *
 *     OPENCL_LAYERS=tests/.libs/limits.so CLADE_LIMITS='nvidia null' clade ...
 *
 * CLADE_LIMITS has these words, in any order:
 *
 *     NAME      answer queries as the GPU of this profile would, and refuse
 *               what its driver refuses; limits-profiles.c has the names
 *     roomy     the GPU has 1 TiB of memory, all of which fits one buffer
 *     null      run nothing: reads give zeros, buffers take no memory
 *     late      begin nothing before a flush, a wait, a blocking command or
 *               clFinish()
 *     refuse=N  the N-th launch returns CL_OUT_OF_RESOURCES
 *     fail=N    the N-th launch is queued and fails when it runs: only its
 *               event shows it
 *     lost=N    the device is lost in the N-th launch: that and all that was
 *               queued fails, and the queue is no longer valid
 */

/* What a GPU answers.  The types are those of clGetDeviceInfo(). */
struct profile {
    const char *name;
    size_t group;     /* work-items in a group */
    size_t items[3];  /* the same in each dimension */
    size_t groups[3]; /* groups in each dimension; 0: no limit */
    cl_ulong local;   /* bytes of local memory, for a group */
    cl_ulong buffer;  /* bytes, for one buffer */
    cl_ulong memory;  /* bytes, for all */
    cl_uint align;    /* of a sub-buffer, in bits */
    cl_uint vector;   /* floats in a native vector */
    size_t wave;      /* work-items that a group is best a multiple of */
    cl_uint units;
    cl_bool unified; /* host and device have the same memory */
};

/* ---- limits-profiles.c --------------------------------------------------- */

extern const struct profile profiles[]; /* the last has no name */

/* ---- limits.c ------------------------------------------------------------ */

/* What CLADE_LIMITS says. */
struct limits {
    struct profile profile; /* no name: the driver's own limits */
    bool roomy, null, late;
    int refuse, fail, lost; /* 0: never */
};
extern struct limits limits;

/* The driver's functions. */
extern cl_icd_dispatch driver;

/* ---- limits-rules.c: the profile's answers and refusals ------------------ */

CL_API_ENTRY cl_int CL_API_CALL rules_device(cl_device_id dev,
                                             cl_device_info what, size_t size,
                                             void *value, size_t *needed);
CL_API_ENTRY cl_int CL_API_CALL rules_kernel(cl_kernel kernel, cl_device_id dev,
                                             cl_kernel_work_group_info what,
                                             size_t size, void *value,
                                             size_t *needed);
CL_API_ENTRY cl_mem CL_API_CALL rules_part(cl_mem mem, cl_mem_flags flags,
                                           cl_buffer_create_type type,
                                           const void *info, cl_int *err);
/* The code with which the GPU's driver refuses a buffer or a launch, or
 * CL_SUCCESS. */
cl_int rules_buffer(size_t bytes);
cl_int rules_launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
                    const size_t *global, const size_t *local);

/* ---- limits-null.c: null execution --------------------------------------- */

/* Replace in `table` what must not reach the driver. */
void null_install(cl_icd_dispatch *table);
/* Answer a command that was queued; `failed`: its event will say so. */
cl_int null_answer(cl_event *event, bool failed);

/* ---- limits-late.c: commands that begin late ----------------------------- */

void late_install(cl_icd_dispatch *table);
/* Hold back what is queued from here on, until late_begin(). */
cl_int late_hold(cl_command_queue queue);
void late_begin(cl_command_queue queue);

/* ---- limits-fail.c: launches that fail ----------------------------------- */

void fail_install(cl_icd_dispatch *table);
/* Count a launch.  Returns the code with which it is refused, or CL_SUCCESS.
 * *failed: it will fail. */
cl_int fail_launch(bool *failed);
/* Remember that the command of this event fails. */
void fail_event(cl_event event);

#endif
