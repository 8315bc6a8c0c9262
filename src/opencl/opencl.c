/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A device's context, shared by the backends at work on it. */
struct context {
    struct context *next;
    cl_device_id dev;
    cl_context ctx;
    int users;
    char name[128]; /* the device's, for what the driver says */
};

/* Guards the list of contexts and the driver's words. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct context *contexts;
static char said[1024];

/* The driver calls this from any thread, at any time; its words matter only
 * once a call or an event has failed.  (Oclgrind forgets to pass `arg`.) */
static void CL_CALLBACK hear(const char *words, const void *info, size_t bytes,
                             void *arg)
{
    const struct context *c = arg;

    (void)info;
    (void)bytes;
    pthread_mutex_lock(&lock);
    snprintf(said, sizeof said, "\nthe driver of %s says: %s",
             c ? c->name : "the device", words);
    pthread_mutex_unlock(&lock);
}

const char *ocl_driver_said(void)
{
    static _Thread_local char text[sizeof said];

    pthread_mutex_lock(&lock);
    memcpy(text, said, sizeof text);
    said[0] = '\0';
    pthread_mutex_unlock(&lock);
    return text;
}

/* clang-format off */
static const struct {
    cl_int err;
    const char *name;
} errors[] = {
#define ROW(name) { name, #name }
    ROW(CL_SUCCESS),
    ROW(CL_DEVICE_NOT_FOUND),
    ROW(CL_DEVICE_NOT_AVAILABLE),
    ROW(CL_COMPILER_NOT_AVAILABLE),
    ROW(CL_MEM_OBJECT_ALLOCATION_FAILURE),
    ROW(CL_OUT_OF_RESOURCES),
    ROW(CL_OUT_OF_HOST_MEMORY),
    ROW(CL_PROFILING_INFO_NOT_AVAILABLE),
    ROW(CL_MEM_COPY_OVERLAP),
    ROW(CL_BUILD_PROGRAM_FAILURE),
    ROW(CL_MAP_FAILURE),
    ROW(CL_MISALIGNED_SUB_BUFFER_OFFSET),
    ROW(CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST),
    ROW(CL_COMPILE_PROGRAM_FAILURE),
    ROW(CL_LINKER_NOT_AVAILABLE),
    ROW(CL_LINK_PROGRAM_FAILURE),
    ROW(CL_KERNEL_ARG_INFO_NOT_AVAILABLE),
    ROW(CL_INVALID_VALUE),
    ROW(CL_INVALID_DEVICE_TYPE),
    ROW(CL_INVALID_PLATFORM),
    ROW(CL_INVALID_DEVICE),
    ROW(CL_INVALID_CONTEXT),
    ROW(CL_INVALID_QUEUE_PROPERTIES),
    ROW(CL_INVALID_COMMAND_QUEUE),
    ROW(CL_INVALID_HOST_PTR),
    ROW(CL_INVALID_MEM_OBJECT),
    ROW(CL_INVALID_BINARY),
    ROW(CL_INVALID_BUILD_OPTIONS),
    ROW(CL_INVALID_PROGRAM),
    ROW(CL_INVALID_PROGRAM_EXECUTABLE),
    ROW(CL_INVALID_KERNEL_NAME),
    ROW(CL_INVALID_KERNEL_DEFINITION),
    ROW(CL_INVALID_KERNEL),
    ROW(CL_INVALID_ARG_INDEX),
    ROW(CL_INVALID_ARG_VALUE),
    ROW(CL_INVALID_ARG_SIZE),
    ROW(CL_INVALID_KERNEL_ARGS),
    ROW(CL_INVALID_WORK_DIMENSION),
    ROW(CL_INVALID_WORK_GROUP_SIZE),
    ROW(CL_INVALID_WORK_ITEM_SIZE),
    ROW(CL_INVALID_GLOBAL_OFFSET),
    ROW(CL_INVALID_EVENT_WAIT_LIST),
    ROW(CL_INVALID_EVENT),
    ROW(CL_INVALID_OPERATION),
    ROW(CL_INVALID_BUFFER_SIZE),
    ROW(CL_INVALID_GLOBAL_WORK_SIZE),
    ROW(CL_INVALID_PROPERTY),
    ROW(CL_INVALID_COMPILER_OPTIONS),
    ROW(CL_INVALID_LINKER_OPTIONS),
#undef ROW
};
/* clang-format on */

const char *ocl_strerror(cl_int err)
{
    static _Thread_local char text[32];

    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].err == err)
            return errors[i].name;
    snprintf(text, sizeof text, "OpenCL error %d", (int)err);
    return text;
}

static clade_status status_of(cl_int err)
{
    switch (err) {
    case CL_SUCCESS:
        return CLADE_OK;
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
    case CL_OUT_OF_HOST_MEMORY:
        return CLADE_ENOMEM;
    case CL_BUILD_PROGRAM_FAILURE:
    case CL_COMPILE_PROGRAM_FAILURE:
    case CL_LINK_PROGRAM_FAILURE:
    case CL_COMPILER_NOT_AVAILABLE:
    case CL_LINKER_NOT_AVAILABLE:
    case CL_INVALID_BUILD_OPTIONS:
    case CL_INVALID_COMPILER_OPTIONS:
    case CL_INVALID_LINKER_OPTIONS:
    case CL_INVALID_PROGRAM:
    case CL_INVALID_PROGRAM_EXECUTABLE:
    case CL_INVALID_KERNEL_NAME:
    case CL_INVALID_KERNEL_DEFINITION:
        return CLADE_EBUILD;
    default:
        return CLADE_EDEVICE;
    }
}

clade_status ocl_check(cl_int err, const char *call, const struct clade_op *op)
{
    if (err == CL_SUCCESS)
        return CLADE_OK;
    return clade_fail(status_of(err), "%s%s%s: %s%s", op ? op_describe(op) : "",
                      op ? ": " : "", call, ocl_strerror(err),
                      ocl_driver_said());
}

void ocl_notice(struct ocl *o, const char *fmt, ...)
{
    const size_t used = o->notices ? strlen(o->notices) : 0;
    char line[1024], *longer;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    longer = realloc(o->notices, used + strlen(line) + 2);
    if (!longer)
        return; /* a notice is worth no failure */
    sprintf(longer + used, "%s%s", used ? "\n" : "", line);
    o->notices = longer;
}

static const char *notices(clade_backend *be)
{
    struct ocl *o = (struct ocl *)be;

    free(o->told);
    o->told = o->notices;
    o->notices = NULL;
    return o->told;
}

/* Called with the lock held. */
static clade_status context_new(struct context **out, struct ocl *o)
{
    const cl_context_properties properties[] = {
        CL_CONTEXT_PLATFORM, (cl_context_properties)o->platform, 0
    };
    struct context *c = calloc(1, sizeof *c);
    cl_int err;

    if (!c)
        return clade_fail(CLADE_ENOMEM, "a context: out of memory");
    c->dev = o->dev;
    snprintf(c->name, sizeof c->name, "%s", o->base.device.name);
    c->ctx = clCreateContext(properties, 1, &o->dev, hear, c, &err);
    if (err != CL_SUCCESS) {
        free(c);
        return clade_fail(CLADE_EDEVICE, "%s: clCreateContext: %s",
                          o->base.device.selector, ocl_strerror(err));
    }
    c->next = contexts;
    contexts = c;
    *out = c;
    return CLADE_OK;
}

static clade_status context_open(struct ocl *o)
{
    clade_status st = CLADE_OK;
    struct context *c;

    pthread_mutex_lock(&lock);
    for (c = contexts; c && c->dev != o->dev; c = c->next)
        ;
    if (!c)
        st = context_new(&c, o);
    if (!st) {
        c->users++;
        o->ctx = c->ctx;
    }
    pthread_mutex_unlock(&lock);
    return st;
}

/* The last user's context is released outside the lock: a driver may call
 * back while it does so. */
static void context_close(struct ocl *o)
{
    struct context **at = &contexts, *last = NULL;

    if (!o->ctx)
        return;
    pthread_mutex_lock(&lock);
    while ((*at)->dev != o->dev)
        at = &(*at)->next;
    if (--(*at)->users == 0) {
        last = *at;
        *at = last->next;
    }
    pthread_mutex_unlock(&lock);
    if (last) {
        clReleaseContext(last->ctx);
        free(last);
    }
}

static void close_backend(clade_backend *be)
{
    struct ocl *o = (struct ocl *)be;

    if (!o)
        return;
    if (o->queue)
        clFinish(o->queue);
    ocl_pending_free(o->pending);
    ocl_programs_free(o->programs);
    if (o->queue)
        clReleaseCommandQueue(o->queue);
    context_close(o);
    free(o->notices);
    free(o->told);
    free(o);
}

static clade_status open_queue(struct ocl *o)
{
    cl_int err;

    o->queue = clCreateCommandQueue(o->ctx, o->dev, 0, &err);
    return ocl_check(err, "clCreateCommandQueue", NULL);
}

/* For reports. */
static clade_status keep_build_options(struct ocl *o)
{
    char *all = ocl_all_options(o, "");

    if (!all)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory",
                          o->base.device.selector);
    snprintf(o->base.build_options, sizeof o->base.build_options, "%s", all);
    free(all);
    return CLADE_OK;
}

static clade_status fuse(clade_backend *be, bool fma)
{
    be->device.fma = fma;
    return keep_build_options((struct ocl *)be);
}

static clade_status open_backend(clade_backend **be,
                                 const struct clade_device *device)
{
    struct ocl *o = calloc(1, sizeof *o);
    clade_status st;

    if (!o)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", device->selector);
    o->base.table = &backend_opencl;
    o->base.device = *device;
    o->base.real = CLADE_F32;
    if ((st = ocl_device_find(&o->platform, &o->dev, device->selector)))
        goto out;
    if ((st = context_open(o)) || (st = open_queue(o)))
        goto out;
    if ((st = ocl_pending_new(&o->pending)) ||
        (st = ocl_programs_new(&o->programs)))
        goto out;
    if ((st = ocl_decide_fma(o)) || (st = keep_build_options(o)))
        goto out;
    *be = &o->base;
    o = NULL;
out:
    if (o)
        close_backend(&o->base);
    return st;
}

/*
 * What each kind of op runs, and, but for the products (whose algorithms are
 * conv.c's), its depth and workspace; see the comments of the functions.
 */
static const struct {
    ocl_run_fn *run;
    int (*depth)(const struct clade_op *op);
    size_t (*workspace)(const struct clade_op *op);
} families[CLADE_OP_KINDS] = {
    /* clang-format off */
    [CLADE_CONV_FWD]        = { ocl_conv_fwd, NULL, NULL },
    [CLADE_CONV_BWD_DATA]   = { ocl_conv_bwd_data, NULL, NULL },
    [CLADE_CONV_BWD_FILTER] = { ocl_conv_bwd_filter, NULL, NULL },
    [CLADE_BIAS_BWD]        = { ocl_bias_bwd, ocl_bias_depth,
                                ocl_bias_workspace },
    [CLADE_FILTER_PACK]     = { ocl_filter_pack, NULL, NULL },
    [CLADE_MAXPOOL_FWD]     = { ocl_maxpool_fwd, NULL, NULL },
    [CLADE_MAXPOOL_BWD]     = { ocl_maxpool_bwd, ocl_pool_depth, NULL },
    [CLADE_AVGPOOL_FWD]     = { ocl_avgpool_fwd, ocl_pool_depth, NULL },
    [CLADE_AVGPOOL_BWD]     = { ocl_avgpool_bwd, ocl_pool_depth, NULL },
    [CLADE_DROPOUT_FWD]     = { ocl_dropout_fwd, ocl_dropout_depth, NULL },
    [CLADE_DROPOUT_BWD]     = { ocl_dropout_bwd, ocl_dropout_depth, NULL },
    [CLADE_SOFTMAX_FWD]     = { ocl_softmax_fwd, ocl_softmax_depth, NULL },
    [CLADE_LOSS_FWD]        = { ocl_loss_fwd, ocl_softmax_depth, NULL },
    [CLADE_LOSS_BWD]        = { ocl_loss_bwd, ocl_softmax_depth, NULL },
    [CLADE_SGD]             = { ocl_sgd, ocl_sgd_depth, NULL },
    [CLADE_RESIZE]          = { ocl_resize, NULL, ocl_resize_workspace },
    /* clang-format on */
};

/* All but the products have one algorithm. */
static const char only[] = "kernel";

static int algorithms(clade_backend *be, const struct clade_op *op,
                      const char *names[], int max)
{
    if (op_is_product(op->kind))
        return ocl_conv_algorithms((struct ocl *)be, op, names, max);
    if (max > 0)
        names[0] = only;
    return 1;
}

/* Kernels count elements in ints, those of scratch, too. */
static clade_status check_indices(const struct clade_op *op)
{
    const bool shorts = op->kind == CLADE_RESIZE;
    const size_t size = shorts ? sizeof(cl_short) : sizeof(cl_float);

    if (op->workspace / size <= INT_MAX && op->packed <= INT_MAX)
        return CLADE_OK;
    return clade_fail(CLADE_EUNSUPPORTED,
                      "%s: `%s` wants a workspace of %.1f MB and a packed "
                      "filter of %.1f MB; there are no kernels for 2^31 "
                      "elements",
                      op_describe(op), op->algorithm, op->workspace / 1e6,
                      op->packed * sizeof(cl_float) / 1e6);
}

static clade_status choose_kernel(struct clade_op *op, const char *name)
{
    if (op->kind == CLADE_FILTER_PACK && op->algorithm)
        return CLADE_OK; /* its product has chosen */
    if (name && strcmp(name, only))
        return clade_fail(CLADE_EUNSUPPORTED,
                          "%s: no algorithm %s: there is %s alone",
                          op_describe(op), name, only);
    op->algorithm = only;
    op->depth = families[op->kind].depth ? families[op->kind].depth(op) : 0;
    op->workspace =
        families[op->kind].workspace ? families[op->kind].workspace(op) : 0;
    op->packed = 0;
    return CLADE_OK;
}

static clade_status choose(clade_backend *be, struct clade_op *op,
                           const char *name)
{
    const clade_status st = op_is_product(op->kind)
                                ? ocl_conv_choose((struct ocl *)be, op, name)
                                : choose_kernel(op, name);

    return st ? st : check_indices(op);
}

static clade_status run(clade_backend *be, const struct clade_op *op)
{
    return families[op->kind].run((struct ocl *)be, op);
}

/* The same path as run's, so that all it launches is built. */
static clade_status prepare(clade_backend *be, struct clade_op *op)
{
    struct ocl *o = (struct ocl *)be;
    clade_status st;

    o->preparing = true;
    st = run(be, op);
    o->preparing = false;
    return st;
}

static clade_status flush(clade_backend *be)
{
    struct ocl *o = (struct ocl *)be;

    return ocl_check(clFlush(o->queue), "clFlush", NULL);
}

/* The op that failed explains more than what clFinish returns after it. */
static clade_status finish(clade_backend *be)
{
    struct ocl *o = (struct ocl *)be;
    const cl_int err = clFinish(o->queue);
    const clade_status st = ocl_pending_check(o, true);

    return st ? st : ocl_check(err, "clFinish", NULL);
}

const struct backend_table backend_opencl = {
    .name = "opencl",
    .devices = ocl_devices,
    .open = open_backend,
    .close = close_backend,
    .alloc = ocl_alloc,
    .free = ocl_free,
    .fill = ocl_fill,
    .copy = ocl_copy,
    .read = ocl_read,
    .write = ocl_write,
    .map = ocl_map,
    .algorithms = algorithms,
    .choose = choose,
    .fuse = fuse,
    .prepare = prepare,
    .run = run,
    .flush = flush,
    .finish = finish,
    .notices = notices,
};
