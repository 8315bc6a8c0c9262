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
 *     fail=N    the N-th launch, or the next that has an event, is queued and
 *               fails later: only its event shows it
 *     lost=N    the device is lost in the N-th launch: that and all that was
 *               queued fails, and the queue is no longer valid
 */

/* Ask clGetCommandQueueInfo() for this to learn how many commands `late` holds
 * back: a cl_uint. */
#define LIMITS_HELD 0x4C480000

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

/* Answer a query of clGetDeviceInfo() or its like. */
cl_int limits_answer(const void *from, size_t bytes, size_t size, void *value,
                     size_t *needed);
/* Answer a query of a device's name, with `more` after what `below` says.  The
 * name is a part of the keys of clade's cache, where what was seen without the
 * layer must stay as it is. */
cl_int limits_name(const cl_icd_dispatch *below, const char *more,
                   cl_device_id dev, size_t size, void *value, size_t *needed);

/*
 * Each of the following replaces some functions in `table`, and calls those
 * that were there before.  So they lie on each other: the driver below, then
 * those of the words in CLADE_LIMITS, the rules on top.
 */

void null_install(cl_icd_dispatch *table);  /* limits-null.c */
void late_install(cl_icd_dispatch *table);  /* limits-late.c */
void fail_install(cl_icd_dispatch *table);  /* limits-fail.c */
void rules_install(cl_icd_dispatch *table); /* limits-rules.c */

#endif
