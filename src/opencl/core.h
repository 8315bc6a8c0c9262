/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPENCL_CORE_H
#define OPENCL_CORE_H

#include "opencl.h"

/* What the core's files share; the op families need opencl.h alone. */

/* devices.c: the devices of all platforms, and the one that a selector
 * (opencl:P:D) names. */
clade_status ocl_devices(struct clade_device **list, int *count);
clade_status ocl_device_find(cl_platform_id *platform, cl_device_id *dev,
                             const char *selector);

/* opencl.c: what the driver last told a context's callback, appended to a
 * message ("" if nothing); a text of this thread's, cleared by the call. */
const char *ocl_driver_said(void);

/* memory.c: the table's functions of these names. */
clade_status ocl_alloc(clade_backend *be, struct clade_buffer **buffer,
                       size_t bytes, enum clade_memory where);
void ocl_free(clade_backend *be, struct clade_buffer *buffer);
clade_status ocl_fill(clade_backend *be, struct clade_buffer *buffer, size_t at,
                      size_t bytes, uint32_t word);
clade_status ocl_copy(clade_backend *be, struct clade_buffer *to, size_t to_at,
                      struct clade_buffer *from, size_t from_at, size_t bytes);
clade_status ocl_read(clade_backend *be, void *to, struct clade_buffer *from,
                      size_t at, size_t bytes);
clade_status ocl_write(clade_backend *be, struct clade_buffer *to, size_t at,
                       const void *from, size_t bytes);
void *ocl_map(clade_backend *be, struct clade_buffer *buffer);

/* A kernel object of this backend's, with the driver's limit for it. */
struct ocl_kernel {
    cl_kernel kernel;
    size_t limit; /* work-items of a group, CL_KERNEL_WORK_GROUP_SIZE */
};

/* program.c: the programs and kernels of a backend. */
clade_status ocl_programs_new(struct ocl_programs **programs);
void ocl_programs_free(struct ocl_programs *programs);
/* The kernel of a text built with options, from memory, the cache folder or
 * the source; *kernel stays the backend's.  CLADE_EBUILD carries the log. */
clade_status ocl_kernel_get(const struct ocl_kernel **kernel, struct ocl *o,
                            const struct clade_op *op, enum ocl_text text,
                            const char *name, const char *options);

/* The name of a text's file, and all the options it is built with, malloc'd. */
const char *ocl_text_name(enum ocl_text text);
char *ocl_all_options(const struct ocl *o, const char *options);

/* probe.c: decide the device's fma, or read what was decided before. */
clade_status ocl_decide_fma(struct ocl *o);

/* cache.c: a file of the cache folder under a key.  Get returns malloc'd
 * bytes with a 0 after them, or NULL if absent, damaged or of another key. */
void *ocl_cache_load(const char *key, size_t *bytes);
void ocl_cache_store(const char *key, const void *data, size_t bytes);
/* "platform, device, driver": the start of every key, malloc'd. */
char *ocl_cache_device(const struct ocl *o);

/* launch.c: the commands that are queued.  Note: as ocl_pending_add(), for
 * what is no op: a text. */
void ocl_pending_note(struct ocl *o, const char *what, cl_event event);
clade_status ocl_pending_new(struct ocl_pending **pending);
void ocl_pending_free(struct ocl_pending *pending);
/* Release the events of commands that ended; a failed one's status, naming
 * its op.  `all` says that the queue is known to be empty. */
clade_status ocl_pending_check(struct ocl *o, bool all);

/*
 * The shape of kernels: a CPU's are groups of one work-item that walks a row
 * with wide vectors, a GPU's one work-item an element.  Kernels take either
 * grid, by loops that stride over it, and compute the same.
 */
static inline bool ocl_is_wide(const struct ocl *o)
{
    return o->base.device.type == CLADE_DEVICE_CPU &&
           o->base.device.vector_width >= 4;
}

/* VEC for tensors of c channels: it divides c, so no vector has a tail. */
static inline int ocl_vector(const struct ocl *o, int c)
{
    if (ocl_is_wide(o))
        for (int vec = 16; vec >= 4; vec /= 2)
            if (vec <= o->base.device.vector_width && c % vec == 0)
                return vec;
    return 1;
}

/* The grid over `rows` rows of `columns` pixels of `vectors` vectors. */
static inline struct ocl_grid ocl_rows(const struct ocl *o, int vectors,
                                       int columns, int rows)
{
    return ocl_is_wide(o) ? OCL_GROUPS(1, 1, rows)
                          : OCL_GRID(vectors, columns, rows);
}

/* The depth and workspace of the ops that have one algorithm. */
int ocl_bias_depth(const struct clade_op *op);
size_t ocl_bias_workspace(const struct clade_op *op);
int ocl_pool_depth(const struct clade_op *op);
int ocl_dropout_depth(const struct clade_op *op);
int ocl_softmax_depth(const struct clade_op *op);
int ocl_sgd_depth(const struct clade_op *op);
size_t ocl_resize_workspace(const struct clade_op *op);

#endif
