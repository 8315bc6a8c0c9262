/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"
#include "rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The most work-items in a group whose size the caller leaves open. */
#define GROUP_ITEMS 64

/* An argument that follows op->step: set again when its value has changed. */
struct follower {
    cl_uint index;
    enum ocl_step step;
    cl_uint word; /* as it was set last */
};

/* One launch: a kernel of ours with its arguments set, or a library's call. */
struct launch {
    cl_kernel kernel; /* NULL: a library's */
    const char *name;
    size_t global[3], local[3];
    struct follower *followers;
    int n_followers;
    ocl_queue_fn *queue;
    void *call;
    uint64_t mark; /* a hash of program, kernel and grid */
};

struct ocl_task {
    struct clade_task base;
    struct ocl *o;
    char what[192]; /* the op's text, for failures */
    struct launch *launches;
    int n;
};

struct ocl *ocl_of(const struct ocl_task *task)
{
    return task->o;
}

/* ---- grids ------------------------------------------------------------- */

/* Choose powers of two, and make the first dimension largest: along it,
 * neighbours read neighbours. */
static void choose_local(struct ocl_grid *grid, const struct ocl *o,
                         size_t limit)
{
    size_t left = limit < GROUP_ITEMS ? limit : GROUP_ITEMS;

    for (int i = 0; i < 3; i++) {
        const size_t most = left < o->items[i] ? left : o->items[i];
        size_t n = 1;

        while (n < grid->global[i] && n * 2 <= most)
            n *= 2;
        grid->local[i] = n;
        left /= n;
    }
}

/* Reduce groups to the size that a judge asks for. */
static void regroup(struct ocl_grid *grid, const struct ocl *o, size_t limit)
{
    struct backend_debug *debug = o->base.debug;
    const size_t most = (size_t)debug->group_items;
    const struct ocl_grid chosen = *grid;

    choose_local(grid, o, limit < most ? limit : most);
    debug->regrouped += memcmp(grid, &chosen, sizeof chosen) != 0;
}

/* Round up to whole groups, and lay the rows over dimensions 1 and 2. */
static void whole_groups(struct ocl_grid *grid)
{
    const size_t *local = grid->local;
    const size_t columns = (grid->global[0] - 1) / local[0] + 1;
    const size_t rows = (grid->global[1] - 1) / local[1] + 1;
    const size_t slices = (rows - 1) / OCL_GROUPS_MAX + 1;

    grid->global[0] = columns * local[0];
    grid->global[1] = ((rows - 1) / slices + 1) * local[1];
    grid->global[2] = slices;
}

static clade_status settle_grid(struct ocl_grid *grid,
                                const struct ocl_task *task, const char *name,
                                size_t limit)
{
    const struct ocl *o = task->o;
    size_t items;

    if (!grid->local[0]) {
        choose_local(grid, o, limit);
        if (o->base.debug && o->base.debug->group_items)
            regroup(grid, o, limit);
    }
    items = grid->local[0] * grid->local[1] * grid->local[2];
    if (items > limit)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "%s: %s needs groups of %zu work-items, the device "
                          "allows %zu for it",
                          task->what, name, items, limit);
    whole_groups(grid);
    return CLADE_OK;
}

/* ---- arguments --------------------------------------------------------- */

/* The four bytes of an argument that follows the step. */
static cl_uint word_of(enum ocl_step which, const struct clade_op *op)
{
    const struct clade_step *step = op->step;
    union {
        cl_uint word;
        cl_float real;
    } value = { 0 };

    switch (which) {
    case OCL_SEED_LOW:
        return (cl_uint)step->seed;
    case OCL_SEED_HIGH:
        return (cl_uint)(step->seed >> 32);
    case OCL_NUMBER:
        return step->number;
    case OCL_FIRST_IMAGE:
        return (cl_uint)step->first_image;
    case OCL_DROPOUT:
        return step->dropout;
    case OCL_RATE:
        value.real = step->learning_rate;
        break;
    case OCL_SCALE:
        value.real = op->scalar / (float)step->batch;
        break;
    }
    return value.word;
}

static clade_status add_follower(cl_uint *word, struct launch *l,
                                 const struct clade_op *op, cl_uint index,
                                 enum ocl_step step)
{
    struct follower *longer =
        realloc(l->followers, (l->n_followers + 1) * sizeof *longer);

    if (!longer)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", op_describe(op));
    *word = word_of(step, op);
    l->followers = longer;
    longer[l->n_followers++] =
        (struct follower){ .index = index, .step = step, .word = *word };
    return CLADE_OK;
}

static clade_status set(const struct ocl_task *task, const struct launch *l,
                        cl_uint index, size_t bytes, const void *value)
{
    const cl_int err = clSetKernelArg(l->kernel, index, bytes, value);

    return err ? clade_fail(CLADE_EDEVICE,
                            "%s: clSetKernelArg: argument %u: %s%s", task->what,
                            (unsigned)index, ocl_strerror(err),
                            ocl_driver_said())
               : CLADE_OK;
}

/* A tensor makes two arguments: its buffer and its offset in elements. */
static clade_status set_tensor(const struct ocl_task *task,
                               const struct launch *l, cl_uint *at,
                               const struct clade_tensor *t)
{
    const cl_mem mem = ocl_mem(t);
    const cl_int offset = (cl_int)t->offset;
    const clade_status st =
        set(task, l, (*at)++, sizeof mem, mem ? &mem : NULL);

    return st ? st : set(task, l, (*at)++, sizeof offset, &offset);
}

static clade_status set_argument(const struct ocl_task *task, struct launch *l,
                                 cl_uint *at, const struct ocl_arg *arg)
{
    cl_uint word = arg->u; /* int, uint and float: four bytes each */
    clade_status st;

    if (arg->kind == OCL_ARG_TENSOR)
        return set_tensor(task, l, at, arg->tensor);
    if (arg->kind == OCL_ARG_LOCAL)
        return set(task, l, (*at)++, arg->local, NULL);
    if (arg->kind == OCL_ARG_STEP &&
        (st = add_follower(&word, l, &task->base.op, *at, arg->step)))
        return st;
    return set(task, l, (*at)++, sizeof word, &word);
}

/* Set the arguments that have changed with the step. */
static clade_status follow_step(const struct ocl_task *task, struct launch *l)
{
    for (int i = 0; i < l->n_followers; i++) {
        struct follower *f = &l->followers[i];
        const cl_uint word = word_of(f->step, &task->base.op);
        clade_status st;

        if (word == f->word)
            continue;
        if ((st = set(task, l, f->index, sizeof word, &word)))
            return st;
        f->word = word;
    }
    return CLADE_OK;
}

/* ---- making a task ----------------------------------------------------- */

clade_status ocl_task_new(struct ocl_task **task, struct ocl *o,
                          const struct clade_op *op)
{
    struct ocl_task *t = calloc(1, sizeof *t);

    if (!t)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", op_describe(op));
    t->base.op = *op;
    t->o = o;
    snprintf(t->what, sizeof t->what, "%s", op_describe(op));
    *task = t;
    return CLADE_OK;
}

static void free_launch(struct launch *l)
{
    if (l->kernel)
        clReleaseKernel(l->kernel);
    free(l->followers);
    free(l->call);
}

void ocl_task_free(clade_backend *be, clade_task *task)
{
    struct ocl_task *t = (struct ocl_task *)task;

    ocl_pending_forget((struct ocl *)be, t->what);
    for (int i = 0; i < t->n; i++)
        free_launch(&t->launches[i]);
    free(t->launches);
    free(t);
}

/* Add a launch, which the task takes over.  Hash what tells it from others, for
 * judges. */
static clade_status add_launch(struct ocl_task *task, struct launch l,
                               const struct ocl_grid *grid, const char *program,
                               const char *kernel, const char *options)
{
    struct launch *longer =
        realloc(task->launches, (task->n + 1) * sizeof *longer);
    char line[1024];

    if (!longer) {
        free_launch(&l);
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", task->what);
    }
    snprintf(line, sizeof line, "%s %s %s", program, kernel, options);
    l.mark = rng_fnv64(line, strlen(line)) ^ rng_fnv64(grid, sizeof *grid);
    memcpy(l.global, grid->global, sizeof l.global);
    memcpy(l.local, grid->local, sizeof l.local);
    task->launches = longer;
    longer[task->n++] = l;
    return CLADE_OK;
}

/* List the launch, instead of building it. */
static clade_status list_launch(const struct ocl_task *task,
                                const struct ocl_text *text, const char *kernel,
                                const char *options, struct ocl_grid grid,
                                const struct ocl_arg *args, size_t n_args)
{
    struct ocl_listed launch = { .text = text, .kernel = kernel };
    clade_status st = settle_grid(&grid, task, kernel, SIZE_MAX);
    char *all;

    if (st)
        return st;
    if (!(all = ocl_all_options(task->o, options)))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", kernel);
    launch.options = all;
    launch.items = grid.local[0] * grid.local[1] * grid.local[2];
    for (size_t i = 0; i < n_args; i++)
        if (args[i].kind == OCL_ARG_LOCAL)
            launch.local += args[i].local;
    task->o->list(task->o->list_arg, &launch);
    free(all);
    return CLADE_OK;
}

clade_status ocl_launch(struct ocl_task *task, const struct ocl_text *text,
                        const char *kernel, const char *options,
                        struct ocl_grid grid, const struct ocl_arg *args,
                        size_t n_args)
{
    struct launch l = { .name = kernel };
    size_t limit;
    cl_uint at = 0;
    clade_status st;

    if (task->o->list)
        return list_launch(task, text, kernel, options, grid, args, n_args);
    if ((st = ocl_kernel_new(&l.kernel, &limit, task->o, &task->base.op, text,
                             kernel, options)))
        return st;
    st = settle_grid(&grid, task, kernel, limit);
    for (size_t i = 0; i < n_args && !st; i++)
        st = set_argument(task, &l, &at, &args[i]);
    if (!st)
        return add_launch(task, l, &grid, text->name, kernel, options);
    free_launch(&l);
    return st;
}

clade_status ocl_foreign(struct ocl_task *task, const char *name,
                         struct ocl_grid grid, ocl_queue_fn *queue,
                         const void *call, size_t bytes)
{
    struct launch l = { .name = name, .queue = queue, .call = malloc(bytes) };

    if (!l.call)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", task->what);
    memcpy(l.call, call, bytes);
    if (task->o->base.debug)
        task->o->base.debug->foreign++;
    return add_launch(task, l, &grid, name, "", "");
}

/* ---- running it -------------------------------------------------------- */

/* Chain the hashes, so that a judge can compare what was queued, in order. */
static void count_launch(struct backend_debug *debug, const struct launch *l)
{
    const uint64_t pair[2] = { debug->launched, l->mark };

    debug->launched = rng_fnv64(pair, sizeof pair);
    debug->launches++;
}

static clade_status queue_kernel(const struct ocl_task *task, struct launch *l,
                                 cl_event *event)
{
    const clade_status st = follow_step(task, l);
    cl_int err;

    if (st)
        return st;
    err = clEnqueueNDRangeKernel(task->o->queue, l->kernel, 3, NULL, l->global,
                                 l->local, 0, NULL, event);
    return err ? ocl_check(err, "clEnqueueNDRangeKernel", &task->base.op)
               : CLADE_OK;
}

/* A driver that has lost its device refuses any launch; the op that failed
 * explains more than the one that was refused. */
static clade_status refused(struct ocl *o, clade_status st)
{
    const clade_status before = ocl_pending_check(o, false);

    return before ? before : st;
}

clade_status ocl_task_run(clade_backend *be, clade_task *task)
{
    struct ocl_task *t = (struct ocl_task *)task;
    struct ocl *o = (struct ocl *)be;

    for (int i = 0; i < t->n; i++) {
        struct launch *l = &t->launches[i];
        cl_event event = NULL;
        clade_status st;

        child_note("running", l->name, t->what);
        st = l->kernel ? queue_kernel(t, l, &event)
                       : l->queue(o, l->call, &t->base.op, &event);

        if (st)
            return refused(o, st);
        ocl_pending_add(o, t->what, event);
        if (be->debug)
            count_launch(be->debug, l);
    }
    return CLADE_OK;
}
