/* SPDX-License-Identifier: Apache-2.0 */
#include "faulty.h"

#include <string.h>

#include "tap.h"

struct backend_table faulty;
void (*faulty_apply)(const struct clade_op *op);
int faulty_runs;
enum backend_build faulty_build;

struct clade_tensor *output(const struct clade_op *op)
{
    for (int role = 0; role < CLADE_ROLES; role++)
        if (clade_op_outputs(op->kind) & 1u << role)
            return (struct clade_tensor *)&op->t[role];
    return NULL;
}

float *element(const struct clade_tensor *t, int64_t i)
{
    return (float *)((struct cpu_buffer *)t->buffer)->host +
           clade_tensor_element(t, i);
}

/* Where the programs of the tasks that are alive came from. */
struct built {
    clade_task *task;
    enum backend_build build;
};
static struct built built[4096];

static clade_status run(clade_backend *be, clade_task *task)
{
    clade_status st = backend_cpu.run(be, task);

    if (!st && task->op.label) { /* the work between runs has none */
        int i = 0;

        while (built[i].task != task)
            i++;
        faulty_runs++;
        faulty_build = built[i].build;
        faulty_apply(&task->op);
    }
    return st;
}

static clade_status prepare(clade_backend *be, clade_task **task,
                            const struct clade_op *op)
{
    const clade_status st = backend_cpu.prepare(be, task, op);
    const enum backend_build from = be->debug ? be->debug->build : BUILD_EITHER;
    int i = 0;

    if (st)
        return st;
    while (built[i].task)
        i++;
    built[i] = (struct built){ *task, from };
    if (be->debug)
        be->debug->programs += from == BUILD_SOURCE;
    return CLADE_OK;
}

static void release(clade_backend *be, clade_task *task)
{
    int i = 0;

    while (built[i].task != task)
        i++;
    built[i].task = NULL;
    backend_cpu.release(be, task);
}

void faulty_reset(void)
{
    faulty = backend_cpu;
    faulty.run = run;
    faulty.prepare = prepare;
    faulty.release = release;
}

clade_backend *faulty_open(void)
{
    clade_backend *be;

    if (clade_backend_open(&be, "cpu"))
        tap_bail("%s", clade_error());
    faulty_reset();
    be->table = &faulty;
    return be;
}

void faulty_close(clade_backend *be)
{
    be->table = &backend_cpu;
    clade_backend_close(be);
}

void keep_verdict(void *arg, const struct clade_verdict *v)
{
    *(struct clade_verdict *)arg = *v;
}
