/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OPENCL_H
#define OPENCL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>

#include "backend.h"
#include "op/op.h"
#include "status.h"

/* What op families need of the backend.  core.h has what the backend's own
 * files share. */

struct ocl_programs; /* built programs by (text, options) */
struct ocl_pending;  /* commands that may not have ended yet */

/* A kernel file of cl/; the prelude goes before it.  Each family has its own,
 * embedded at build time. */
struct ocl_text {
    const char *name; /* "pool.cl" */
    const char *source;
};

/* A launch, as it is listed. */
struct ocl_listed {
    const struct ocl_text *text;
    const char *kernel;  /* NULL: another library's, which `text` names */
    const char *options; /* or which build of the other library it is */
    size_t items;        /* most in a group */
    size_t local;        /* bytes of local memory in its arguments */
};

/* The backend at work on one device. */
struct ocl {
    struct clade_backend base;
    cl_platform_id platform;
    cl_device_id dev;
    size_t items[3]; /* most in a group, along each dimension */
    cl_context ctx;  /* one a device, shared and counted */
    cl_command_queue queue;
    struct ocl_programs *programs;
    struct ocl_pending *pending;
    bool clblast_built; /* CLBlast has built its kernels for this context */
    /* If this is set, preparing an op builds nothing, but calls it with each
     * launch. */
    void (*list)(void *arg, const struct ocl_listed *launch);
    void *list_arg;
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

/* error.c: turn an OpenCL code into a status, whose message names the call and,
 * if given, the op. */
clade_status ocl_check(cl_int err, const char *call, const struct clade_op *op);

/* ---- an op made ready to run ------------------------------------------- */

struct ocl_task; /* task.c: an op's launches, arguments set */

/*
 * A grid of work-items in groups of `local` (all 0: chosen for the device and
 * the kernel's own limit).  Its columns are dimension 0: along it, neighbours
 * read neighbours.  Its rows are dimension 1, and go on in dimension 2 where
 * that has more groups than a GPU takes; a kernel asks for its ROW
 * (cl/prelude.cl).  Global sizes are rounded up, so kernels guard.
 */
struct ocl_grid {
    size_t global[3], local[3];
};
/* The groups that any GPU takes in dimensions 1 and 2, for which OpenCL has no
 * query: CUDA's limit. */
#define OCL_GROUPS_MAX 65535
#define OCL_GRID(columns, rows)                                                \
    ((struct ocl_grid){ { (columns), (rows), 1 }, { 0, 0, 0 } })
/* Groups of one work-item, for a CPU's kernels. */
#define OCL_GROUPS(columns, rows)                                              \
    ((struct ocl_grid){ { (columns), (rows), 1 }, { 1, 1, 1 } })

/* Values of op->step.  Before a run, arguments whose value has changed are set
 * again. */
enum ocl_step {
    OCL_SEED_LOW,
    OCL_SEED_HIGH,
    OCL_NUMBER,
    OCL_FIRST_IMAGE,
    OCL_DROPOUT,
    OCL_RATE,
    OCL_SCALE /* of a loss' gradient: op->scalar / batch */
};

/* An argument of a kernel: a tensor makes two, buffer and offset. */
struct ocl_arg {
    enum {
        OCL_ARG_TENSOR,
        OCL_ARG_INT,
        OCL_ARG_UINT,
        OCL_ARG_FLOAT,
        OCL_ARG_LOCAL,
        OCL_ARG_STEP
    } kind;
    union {
        const struct clade_tensor *tensor;
        cl_int i;
        cl_uint u;
        cl_float f;
        size_t local; /* bytes of local memory */
        enum ocl_step step;
    };
};
#define OCL_MEM(t)                                                             \
    {                                                                          \
        OCL_ARG_TENSOR,                                                        \
        {                                                                      \
            .tensor = (t)                                                      \
        }                                                                      \
    }
#define OCL_INT(v)                                                             \
    {                                                                          \
        OCL_ARG_INT,                                                           \
        {                                                                      \
            .i = (v)                                                           \
        }                                                                      \
    }
#define OCL_UINT(v)                                                            \
    {                                                                          \
        OCL_ARG_UINT,                                                          \
        {                                                                      \
            .u = (v)                                                           \
        }                                                                      \
    }
#define OCL_FLOAT(v)                                                           \
    {                                                                          \
        OCL_ARG_FLOAT,                                                         \
        {                                                                      \
            .f = (v)                                                           \
        }                                                                      \
    }
#define OCL_LOCAL(n)                                                           \
    {                                                                          \
        OCL_ARG_LOCAL,                                                         \
        {                                                                      \
            .local = (n)                                                       \
        }                                                                      \
    }
#define OCL_STEP(v)                                                            \
    {                                                                          \
        OCL_ARG_STEP,                                                          \
        {                                                                      \
            .step = (v)                                                        \
        }                                                                      \
    }
#define OCL_ARGS(...)                                                          \
    (const struct ocl_arg[]){ __VA_ARGS__ },                                   \
        sizeof((const struct ocl_arg[]){ __VA_ARGS__ }) /                      \
            sizeof(struct ocl_arg)

/*
 * Append a launch of a kernel of `text`, built with `options` ("-D WIN_R=3
 * ..."; the prelude's own are added).  A tensor that is absent passes a null
 * buffer.  Failures name the task's op.
 */
clade_status ocl_launch(struct ocl_task *task, const struct ocl_text *text,
                        const char *kernel, const char *options,
                        struct ocl_grid grid, const struct ocl_arg *args,
                        size_t n_args);

/* Queues a library's launch; sets *event, or leaves it NULL. */
typedef clade_status ocl_queue_fn(struct ocl *o, const void *call,
                                  const struct clade_op *op, cl_event *event);

/*
 * Append a launch that a library queues: queue(o, call, ...) with a copy of
 * the `bytes` bytes at `call`.  The name and the grid tell launches apart.
 */
clade_status ocl_foreign(struct ocl_task *task, const char *name,
                         struct ocl_grid grid, ocl_queue_fn *queue,
                         const void *call, size_t bytes);

/* The backend that a task is made for. */
struct ocl *ocl_of(const struct ocl_task *task);

/* ---- families ---------------------------------------------------------- */

/* Append the launches of `op`: the task's op, or the same on some of its
 * images. */
typedef clade_status ocl_prepare_fn(struct ocl_task *task,
                                    const struct clade_op *op);

/* A kind of op on this backend; each family's file defines its kinds. */
struct ocl_kind {
    ocl_prepare_fn *prepare;
    /* List the choices, as the table's function of this name; NULL: one kernel
     * without parameters. */
    int (*candidates)(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max);
    /* Set what a choice needs, as the table's function; NULL: the rest is
     * used. */
    clade_status (*settle)(struct ocl *o, struct clade_op *op);
    int (*depth)(const struct clade_op *op);        /* NULL: 0 */
    size_t (*workspace)(const struct clade_op *op); /* bytes; NULL: 0 */
    size_t unit; /* bytes that its kernels count a workspace in; 0: a float's */
};

#define OCL_DECLARE(id, name, out, in) extern const struct ocl_kind ocl_##name;
CLADE_OP_LIST(OCL_DECLARE)
#undef OCL_DECLARE

/*
 * The epilogue of an op as its kernels take it (FLAG_* of cl/prelude.cl): the
 * op's flags, with MASK in place of a backward op's ReLU.
 */
static inline int ocl_epilogue(const struct clade_op *op)
{
    enum { MASK = 16 };
    const bool backward = clade_op_outputs(op->kind) & 1u << CLADE_DX;
    const unsigned flags = op->flags;

    return (int)(backward && flags & CLADE_RELU ? (flags & ~CLADE_RELU) | MASK
                                                : flags);
}

/*
 * Whether a kernel's grid is a CPU's: groups of one work-item, which walks a
 * row with wide vectors.  A GPU's grid has one work-item an element.  Kernels
 * stride over the grid in loops, so they take either and compute the same.
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

/* How many work-items share a row of pixels: on a CPU one takes all. */
static inline int ocl_share(const struct ocl *o, int pixels)
{
    return ocl_is_wide(o) ? 1 : pixels;
}

/* The grid over `rows` rows of `pixels` pixels of `vectors` vectors. */
static inline struct ocl_grid ocl_rows(const struct ocl *o, int vectors,
                                       int pixels, int rows)
{
    return ocl_is_wide(o) ? OCL_GROUPS(1, rows)
                          : OCL_GRID(vectors, (size_t)pixels * rows);
}

#endif
