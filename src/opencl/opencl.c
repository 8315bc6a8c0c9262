/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conv.h"

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
    ocl_context_close(o);
    free(o);
}

static clade_status find_device(struct ocl *o, const char *selector)
{
    clade_status st = ocl_device_find(&o->platform, &o->dev, selector);
    const char *lacks = st ? NULL : ocl_device_lacks(o->dev);

    return lacks ? clade_fail(CLADE_EDEVICE,
                              "%s, %s, cannot run programs: %s; use another "
                              "device",
                              selector, o->base.device.name, lacks)
                 : st;
}

static clade_status open_queue(struct ocl *o)
{
    cl_int err;

    o->queue = clCreateCommandQueue(o->ctx, o->dev, 0, &err);
    return ocl_check(err, "clCreateCommandQueue", NULL);
}

/* Keep the options that every program is built with, for reports. */
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
    child_note("opening", device->selector, device->name);
    if ((st = find_device(o, device->selector)))
        goto out;
    ocl_group_items(o->items, o->dev);
    if ((st = ocl_context_open(o)) || (st = open_queue(o)))
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

/* ---- ops --------------------------------------------------------------- */

#define KIND_OF(id, name, out, in) [CLADE_##id] = &ocl_##name,
static const struct ocl_kind *const kinds[CLADE_OP_KINDS] = { CLADE_OP_LIST(
    KIND_OF) };

static int candidates(clade_backend *be, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const struct ocl_kind *kind = kinds[op->kind];

    if (kind->candidates)
        return kind->candidates((struct ocl *)be, op, list, max);
    if (max > 0)
        list[0] = (struct backend_candidate){
            .choice = { .algorithm = "kernel" },
        };
    return 1;
}

/* Kernels count elements in ints, those of scratch memory too. */
static clade_status check_indices(const struct clade_op *op)
{
    const size_t unit = kinds[op->kind]->unit;
    const size_t size = unit ? unit : sizeof(cl_float);

    if (op->workspace / size <= INT_MAX && op->packed <= INT_MAX)
        return CLADE_OK;
    return clade_fail(CLADE_EUNSUPPORTED,
                      "%s: `%s` wants a workspace of %.1f MB and a packed "
                      "filter of %.1f MB; there are no kernels for 2^31 "
                      "elements",
                      op_describe(op), op->choice.algorithm,
                      op->workspace / 1e6, op->packed * sizeof(cl_float) / 1e6);
}

static clade_status settle(clade_backend *be, struct clade_op *op)
{
    const struct ocl_kind *kind = kinds[op->kind];
    clade_status st = CLADE_OK;

    if (kind->settle)
        st = kind->settle((struct ocl *)be, op);
    if (kind->depth)
        op->depth = kind->depth(op);
    if (kind->workspace)
        op->workspace = kind->workspace(op);
    return st ? st : check_indices(op);
}

static clade_status prepare(clade_backend *be, clade_task **out,
                            const struct clade_op *op)
{
    struct ocl_task *task;
    clade_status st = ocl_task_new(&task, (struct ocl *)be, op);

    if (st)
        return st;
    if ((st = kinds[op->kind]->prepare(task, op)))
        ocl_task_free(be, (clade_task *)task);
    else
        *out = (clade_task *)task;
    return st;
}

/* Add the line of a launch to a text, unless it has it. */
static void add_use(void *arg, const struct ocl_listed *launch)
{
    char **text = arg, *longer, line[1024];
    const size_t used = *text ? strlen(*text) : 0;

    if (launch->kernel)
        snprintf(line, sizeof line, "%s %016llx, %s: %s\n", launch->text->name,
                 (unsigned long long)ocl_text_hash(launch->text),
                 launch->kernel, launch->options);
    else
        snprintf(line, sizeof line, "%s (%s)\n", launch->text->name,
                 launch->options);
    if (used && strstr(*text, line))
        return;
    longer = realloc(*text, used + strlen(line) + 1);
    if (!longer)
        return;
    strcpy(longer + used, line);
    *text = longer;
}

static clade_status uses(clade_backend *be, char **text,
                         const struct clade_op *op)
{
    struct ocl *o = (struct ocl *)be;
    clade_task *task;
    clade_status st;

    *text = NULL;
    o->list = add_use;
    o->list_arg = text;
    st = prepare(be, &task, op);
    o->list = NULL;
    if (!st)
        ocl_task_free(be, task);
    if (!st && !*text)
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", op_describe(op));
    if (st)
        free(*text);
    return st;
}

static char *measured_file(const struct clade_device *device, uint64_t *kernels)
{
    *kernels = ocl_conv_hash();
    return ocl_measured_file(device);
}

const struct backend_table backend_opencl = {
    .name = "opencl",
    .algorithms = ocl_conv_names,
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
    .candidates = candidates,
    .settle = settle,
    .fuse = fuse,
    .prepare = prepare,
    .run = ocl_task_run,
    .release = ocl_task_free,
    .uses = uses,
    .flush = ocl_flush,
    .finish = ocl_finish,
    .peaks = ocl_peaks,
    .recall = ocl_recall,
    .remember = ocl_remember,
    .recall_closed = ocl_recall_closed,
    .measured_file = measured_file,
};
