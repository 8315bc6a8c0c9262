/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"
#include "rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Commands under way at most: a step queues fewer, so no step waits. */
#define PENDING_MAX 4096

/* The work-items of a group where the caller leaves the choice. */
#define GROUP_ITEMS 64

/* In the order of the queue, oldest first: a ring. */
struct ocl_pending {
    struct {
        cl_event event;
        char what[160]; /* the op's text: ops may be gone when it fails */
    } ring[PENDING_MAX];
    size_t first, count;
    cl_int err; /* the first failure not yet told, and of what */
    char failed[160];
};

clade_status ocl_pending_new(struct ocl_pending **pending)
{
    struct ocl_pending *p = calloc(1, sizeof *p);

    if (!p)
        return clade_fail(CLADE_ENOMEM, "the list of commands: out of memory");
    *pending = p;
    return CLADE_OK;
}

void ocl_pending_free(struct ocl_pending *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        clReleaseEvent(p->ring[(p->first + i) % PENDING_MAX].event);
    free(p);
}

/* Whether the oldest command has ended; `status` is negative if it failed. */
static bool ended(struct ocl_pending *p, cl_int *status)
{
    cl_int err;

    *status = CL_COMPLETE;
    err = clGetEventInfo(p->ring[p->first].event,
                         CL_EVENT_COMMAND_EXECUTION_STATUS, sizeof *status,
                         status, NULL);
    if (err != CL_SUCCESS)
        *status = err;
    return *status <= CL_COMPLETE;
}

static void drop_oldest(struct ocl_pending *p, cl_int status)
{
    if (status < 0 && p->err == CL_SUCCESS) {
        p->err = status;
        memcpy(p->failed, p->ring[p->first].what, sizeof p->failed);
    }
    clReleaseEvent(p->ring[p->first].event);
    p->first = (p->first + 1) % PENDING_MAX;
    p->count--;
}

static void drop_ended(struct ocl_pending *p, bool all)
{
    cl_int status;

    while (p->count && (ended(p, &status) || all))
        drop_oldest(p, status);
}

clade_status ocl_pending_check(struct ocl *o, bool all)
{
    struct ocl_pending *p = o->pending;
    const char *said;
    cl_int err;

    drop_ended(p, all);
    if (p->err == CL_SUCCESS)
        return CLADE_OK;
    err = p->err;
    p->err = CL_SUCCESS;
    said = ocl_driver_said();
    return clade_fail(err == CL_MEM_OBJECT_ALLOCATION_FAILURE ? CLADE_ENOMEM
                                                              : CLADE_EDEVICE,
                      "%s: failed on %s: %s%s", p->failed, o->base.device.name,
                      ocl_strerror(err), said);
}

void ocl_pending_note(struct ocl *o, const char *what, cl_event event)
{
    struct ocl_pending *p = o->pending;
    cl_int status;
    size_t last;

    if (!event)
        return;
    drop_ended(p, false);
    if (p->count == PENDING_MAX) {
        clWaitForEvents(1, &p->ring[p->first].event);
        ended(p, &status);
        drop_oldest(p, status);
    }
    last = (p->first + p->count++) % PENDING_MAX;
    p->ring[last].event = event;
    snprintf(p->ring[last].what, sizeof p->ring[last].what, "%s", what);
}

void ocl_pending_add(struct ocl *o, const struct clade_op *op, cl_event event)
{
    if (event)
        ocl_pending_note(o, op_describe(op), event);
}

/* A tensor makes two arguments: its buffer and its offset in elements. */
static cl_int set_argument(cl_kernel kernel, cl_uint *at,
                           const struct ocl_arg *arg)
{
    cl_mem mem;
    cl_int offset, err;

    switch (arg->kind) {
    case OCL_ARG_TENSOR:
        mem = ocl_mem(arg->tensor);
        offset = (cl_int)arg->tensor->offset;
        err = clSetKernelArg(kernel, (*at)++, sizeof mem, mem ? &mem : NULL);
        return err ? err
                   : clSetKernelArg(kernel, (*at)++, sizeof offset, &offset);
    case OCL_ARG_LOCAL:
        return clSetKernelArg(kernel, (*at)++, arg->local, NULL);
    default: /* int, uint, float: four bytes each, in one union */
        return clSetKernelArg(kernel, (*at)++, sizeof arg->u, &arg->u);
    }
}

static clade_status set_arguments(cl_kernel kernel, const struct clade_op *op,
                                  const char *name, const struct ocl_arg *args,
                                  size_t n_args)
{
    cl_uint at = 0;

    for (size_t i = 0; i < n_args; i++) {
        const cl_int err = set_argument(kernel, &at, &args[i]);

        if (err)
            return clade_fail(CLADE_EDEVICE,
                              "%s: clSetKernelArg: argument %u of %s: %s",
                              op_describe(op), at - 1, name, ocl_strerror(err));
    }
    return CLADE_OK;
}

/* Powers of two, the first dimension first: neighbours read neighbours. */
static void choose_local(struct ocl_grid *grid, size_t limit)
{
    size_t left = limit < GROUP_ITEMS ? limit : GROUP_ITEMS;

    for (int i = 0; i < 3; i++) {
        size_t n = 1;

        while (n < grid->global[i] && n * 2 <= left)
            n *= 2;
        grid->local[i] = n;
        left /= n;
    }
}

/* Groups of the size that a triage asks for, where it is smaller. */
static void regroup(struct ocl_grid *grid, struct ocl *o, size_t limit)
{
    const size_t most = (size_t)o->base.group_items;
    const struct ocl_grid chosen = *grid;

    choose_local(grid, limit < most ? limit : most);
    o->base.regrouped += memcmp(grid, &chosen, sizeof chosen) != 0;
}

static clade_status settle_grid(struct ocl_grid *grid, struct ocl *o,
                                const struct clade_op *op, const char *name,
                                size_t limit)
{
    const bool free_choice = !grid->local[0];
    size_t items;

    if (free_choice)
        choose_local(grid, limit);
    if (free_choice && o->base.group_items)
        regroup(grid, o, limit);
    items = grid->local[0] * grid->local[1] * grid->local[2];
    if (items > limit)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "%s: %s wants groups of %zu work-items, the device "
                          "allows %zu for it",
                          op_describe(op), name, items, limit);
    for (int i = 0; i < 3; i++) {
        const size_t local = grid->local[i];

        grid->global[i] = (grid->global[i] + local - 1) / local * local;
    }
    return CLADE_OK;
}

static clade_status list(struct ocl *o, const struct clade_op *op,
                         enum ocl_text text, const char *kernel,
                         const char *options, struct ocl_grid grid,
                         const struct ocl_arg *args, size_t n_args)
{
    struct ocl_listed launch = { .file = ocl_text_name(text),
                                 .kernel = kernel };
    clade_status st = settle_grid(&grid, o, op, kernel, GROUP_ITEMS);
    char *all;

    if (st)
        return st;
    if (!(all = ocl_all_options(o, options)))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", kernel);
    launch.options = all;
    launch.items = grid.local[0] * grid.local[1] * grid.local[2];
    for (size_t i = 0; i < n_args; i++)
        if (args[i].kind == OCL_ARG_LOCAL)
            launch.local += args[i].local;
    o->list(&launch);
    free(all);
    return CLADE_OK;
}

/* A chain: each hash is in the text of the next one. */
void ocl_launched(struct ocl *o, const char *program, const char *options,
                  const char *kernel, const struct ocl_grid *grid)
{
    char line[1024];
    const int n = snprintf(line, sizeof line, "%016llx %s %s %s",
                           (unsigned long long)o->base.launched, program,
                           kernel, options);
    const size_t used = n < (int)sizeof line ? (size_t)n : sizeof line - 1;

    o->base.launched = rng_fnv64(line, used) ^ rng_fnv64(grid, sizeof *grid);
    o->launches++;
}

clade_status ocl_launch(struct ocl *o, const struct clade_op *op,
                        enum ocl_text text, const char *kernel,
                        const char *options, struct ocl_grid grid,
                        const struct ocl_arg *args, size_t n_args)
{
    const struct ocl_kernel *k;
    cl_event event = NULL;
    clade_status st;
    cl_int err;

    if (o->list)
        return list(o, op, text, kernel, options, grid, args, n_args);
    if ((st = ocl_kernel_get(&k, o, op, text, kernel, options)) ||
        (st = settle_grid(&grid, o, op, kernel, k->limit)))
        return st;
    if (o->preparing)
        return CLADE_OK;
    if ((st = set_arguments(k->kernel, op, kernel, args, n_args)))
        return st;
    err = clEnqueueNDRangeKernel(o->queue, k->kernel, 3, NULL, grid.global,
                                 grid.local, 0, NULL, &event);
    ocl_pending_add(o, op, event);
    ocl_launched(o, ocl_text_name(text), options, kernel, &grid);
    return ocl_check(err, kernel, op);
}
