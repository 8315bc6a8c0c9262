/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPENCL_H
#define OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include "backend.h"
#include "op/op.h"
#include "status.h"

/* The kernel files of cl/, one a family; the prelude goes before each. */
enum ocl_text {
    OCL_BIAS,
    OCL_DIRECT,
    OCL_DROPOUT,
    OCL_IM2COL,
    OCL_POOL,
    OCL_PROBE,
    OCL_RESIZE,
    OCL_SGD,
    OCL_SOFTMAX,
    OCL_TEXTS
};

struct ocl_programs; /* programs and kernels by (text, options, name) */
struct ocl_pending;  /* events of launches not yet known to have ended */

/* What would be launched. */
struct ocl_listed {
    const char *file, *options, *kernel;
    size_t items; /* of a group, at most */
    size_t local; /* bytes of local memory that are its arguments' */
};

/* The backend at work on one device. */
struct ocl {
    struct clade_backend base;
    cl_platform_id platform;
    cl_device_id dev;
    cl_context ctx; /* one a device, shared and counted */
    cl_command_queue queue;
    struct ocl_programs *programs;
    struct ocl_pending *pending;
    uint64_t launches; /* kernels and CLBlast's products queued so far */
    bool preparing; /* ocl_launch builds and checks, but queues nothing */
    bool clblast_built; /* CLBlast has built its kernels for this context */
    /* If set, told of launches instead of their being built: what a device
     * that is not here would be given (tests/programs.c). */
    void (*list)(const struct ocl_listed *launch);
    char *notices;
    char *told; /* the notices last returned */
};

struct ocl_buffer {
    struct clade_buffer base;
    cl_mem mem;
    void *mapped; /* CLADE_MEMORY_HOST */
};

/* The memory object behind a tensor. */
static inline cl_mem ocl_mem(const struct clade_tensor *t)
{
    return t->buffer ? ((struct ocl_buffer *)t->buffer)->mem : NULL;
}

/*
 * Turn an OpenCL code into ours, naming the call that returned it and, where
 * given, the op.
 */
clade_status ocl_check(cl_int err, const char *call, const struct clade_op *op);
const char *ocl_strerror(cl_int err);

/* Remember a line for clade_backend_notices(). */
void ocl_notice(struct ocl *o, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A grid of work-items, `local` at a time (all 0: chosen for the device and
 * the kernel's own limit); global sizes are rounded up, so kernels guard.
 */
struct ocl_grid {
    size_t global[3], local[3];
};
#define OCL_GRID(x, y, z)                                                     \
    ((struct ocl_grid){ { (x), (y), (z) }, { 0, 0, 0 } })
/* Groups of one work-item, for kernels that are a CPU's. */
#define OCL_GROUPS(x, y, z)                                                   \
    ((struct ocl_grid){ { (x), (y), (z) }, { 1, 1, 1 } })

/* An argument of a kernel: a tensor makes two, buffer and offset. */
struct ocl_arg {
    enum { OCL_ARG_TENSOR, OCL_ARG_INT, OCL_ARG_UINT, OCL_ARG_FLOAT,
           OCL_ARG_LOCAL } kind;
    union {
        const struct clade_tensor *tensor;
        cl_int i;
        cl_uint u;
        cl_float f;
        size_t local; /* bytes of local memory */
    };
};
#define OCL_MEM(t)   { OCL_ARG_TENSOR, { .tensor = (t) } }
#define OCL_INT(v)   { OCL_ARG_INT, { .i = (v) } }
#define OCL_UINT(v)  { OCL_ARG_UINT, { .u = (v) } }
#define OCL_FLOAT(v) { OCL_ARG_FLOAT, { .f = (v) } }
#define OCL_LOCAL(n) { OCL_ARG_LOCAL, { .local = (n) } }
#define OCL_ARGS(...)                                                         \
    (const struct ocl_arg[]){ __VA_ARGS__ },                                  \
        sizeof((const struct ocl_arg[]){ __VA_ARGS__ }) /                     \
            sizeof(struct ocl_arg)

/*
 * Queue a kernel of `text`, built with `options` ("-D WIN_R=3 ...", fixed
 * before the first run, part of the cache's key; the prelude's own are
 * added).  While o->preparing only the program and kernel are made.  A tensor
 * that is absent passes a null buffer.  Failures name `op`.
 */
clade_status ocl_launch(struct ocl *o, const struct clade_op *op,
                        enum ocl_text text, const char *kernel,
                        const char *options, struct ocl_grid grid,
                        const struct ocl_arg *args, size_t n_args);

/* Count a launch, and add its program, kernel and groups to base.launched. */
void ocl_launched(struct ocl *o, const char *program, const char *options,
                  const char *kernel, const struct ocl_grid *grid);

/* Keep an event (or NULL) of something queued for `op`; takes it over. */
void ocl_pending_add(struct ocl *o, const struct clade_op *op, cl_event event);

/*
 * A small text kept in the cache folder beside the programs, under a key that
 * the device and driver are added to (verdicts of checks).  Reads return a
 * malloc'd text or NULL; writes are best effort.
 */
char *ocl_cache_get(struct ocl *o, const char *key);
void ocl_cache_put(struct ocl *o, const char *key, const char *text);

/*
 * One file a family.  *_run queues (or, preparing, builds) an op; for the
 * products, conv_algorithms and conv_choose are the backend's entries.
 */
typedef clade_status ocl_run_fn(struct ocl *o, const struct clade_op *op);
ocl_run_fn ocl_conv_fwd, ocl_conv_bwd_data, ocl_conv_bwd_filter,
    ocl_filter_pack, ocl_bias_bwd, ocl_maxpool_fwd, ocl_maxpool_bwd,
    ocl_avgpool_fwd, ocl_avgpool_bwd, ocl_dropout_fwd, ocl_dropout_bwd,
    ocl_softmax_fwd, ocl_loss_fwd, ocl_loss_bwd, ocl_sgd, ocl_resize;

/* For conv_fwd, conv_bwd_data and conv_bwd_filter (see <clade/backend.h>). */
int ocl_conv_algorithms(struct ocl *o, const struct clade_op *op,
                        const char *names[], int max);
clade_status ocl_conv_choose(struct ocl *o, struct clade_op *op,
                             const char *name);

#endif
