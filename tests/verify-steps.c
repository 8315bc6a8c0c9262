/* SPDX-License-Identifier: Apache-2.0 */
/* What the suites of a step and of a training find out, on the reference with a
 * fault: other programs while they watch, a rewrite that changes the weights, a
 * loss that is no number. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulty.h"
#include "op/op.h"
#include "tap.h"

/* A backend that queues other programs while it is watched, after a read of its
 * tensors.  They compute nothing but 0: only their identity is tested. */
static bool was_read;

static clade_status read_watched(clade_backend *be, void *to,
                                 struct clade_buffer *from, size_t at,
                                 size_t bytes)
{
    was_read = true;
    return backend_cpu.read(be, to, from, at, bytes);
}

static void clear(const struct clade_tensor *t)
{
    const int64_t pixels = clade_tensor_pixels(t);
    const size_t size = clade_type_size(t->type);
    char *host = ((struct cpu_buffer *)t->buffer)->host;

    for (int64_t i = 0; i < pixels; i++)
        memset(host + clade_tensor_element(t, i * t->c) * size, 0, t->c * size);
}

static clade_status launch(clade_backend *be, clade_task *task)
{
    const struct clade_op *op = &task->op;

    for (int role = 0; role < CLADE_ROLES; role++)
        if (clade_op_outputs(op->kind) & 1u << role)
            clear(&op->t[role]);
    if (be->debug)
        be->debug->launched = be->debug->launched * 31 + op->kind + was_read;
    was_read = false;
    return CLADE_OK;
}

static void keep_programs(void *arg, const struct clade_verdict *v)
{
    if (!strncmp(v->name, "programs", 8))
        keep_verdict(arg, v);
}

static void test_programs(clade_backend *be)
{
    struct clade_verdict v = { .judged = 0 };
    const struct clade_verify_step options = {
        .batch = 1, .seed = 1, .report = keep_programs, .arg = &v
    };
    struct clade_verify_summary summary;

    faulty.read = read_watched;
    faulty.run = launch;
    if (clade_verify_step(&summary, be, &options) && !v.judged)
        tap_note("%s", clade_error());
    tap_ok(v.outcome == CLADE_FAILED, "other programs while watched: %s",
           v.message);
}

/* A backend whose update depends on how many ops the step has: a rewrite that
 * removes one changes the weights. */
static clade_status count_ops(clade_backend *be, clade_task *task)
{
    static int ops;
    const clade_status st = launch(be, task);

    ops = task->op.kind == CLADE_RESIZE ? 0 : ops + 1;
    if (task->op.kind == CLADE_SGD)
        *element(&task->op.t[CLADE_W], 0) = (float)ops;
    return st;
}

static void keep_rewrite(void *arg, const struct clade_verdict *v)
{
    if (!strcmp(v->name, "step as without dead-ops"))
        keep_verdict(arg, v);
}

static void test_rewrites(clade_backend *be)
{
    struct clade_verdict v = { .judged = 0 };
    const struct clade_verify_step options = {
        .batch = 1, .seed = 1, .report = keep_rewrite, .arg = &v
    };
    struct clade_verify_summary summary;

    faulty_reset();
    faulty.run = count_ops;
    if (clade_verify_step(&summary, be, &options) && !v.judged)
        tap_note("%s", clade_error());
    tap_ok(v.outcome == CLADE_FAILED && v.got != v.want,
           "a rewrite that changes weights: %s", v.message);
}

/* A device whose softmax gives no numbers: that is a failure of the op, and
 * says nothing about the learning rate. */
static clade_status run_nan(clade_backend *be, clade_task *task)
{
    const clade_status st = backend_cpu.run(be, task);

    if (!st && task->op.kind == CLADE_SOFTMAX_FWD)
        *element(output(&task->op), 5) = NAN;
    return st;
}

struct nan_found {
    bool op, losses, distance;
};

static void note_nan(void *arg, const struct clade_verdict *v)
{
    struct nan_found *found = arg;

    found->op |= v->outcome && !strcmp(v->op, "softmax_fwd");
    found->losses |= v->outcome && !strcmp(v->name, "losses");
}

static void note_far(void *arg, const struct clade_distance *d)
{
    struct nan_found *found = arg;

    found->distance |= !d->passed && isinf(d->distance);
}

static void test_nan(clade_backend *be)
{
    const char *srcdir = getenv("SRCDIR");
    struct nan_found found = { false };
    struct clade_verify_summary summary;
    char file[4096];
    const struct clade_verify_step step = {
        .batch = 1, .seed = 1, .report = note_nan, .arg = &found
    };
    const struct clade_verify_train train = {
        .reference = "cpu", .quick = true, .report = note_far, .arg = &found
    };
    const struct clade_against against = {
        .file = file, .quick = true, .report = note_far, .arg = &found
    };

    faulty.run = run_nan;
    tap_ok(clade_verify_step(&summary, be, &step) == CLADE_EBOUND && found.op &&
               found.losses && summary.failed > 1,
           "a step whose loss is no number, with the op: %s", clade_error());
    tap_ok(clade_verify_train(be, &train) == CLADE_EBOUND && found.distance &&
               !strstr(clade_error(), "learning rate"),
           "a training whose loss is no number: %s", clade_error());
    found.distance = false;
    snprintf(file, sizeof file, "%s/tests/ref/keras-float64-b2-s5-seed1.json",
             srcdir ? srcdir : ".");
    tap_ok(clade_verify_against(be, &against) == CLADE_EBOUND && found.distance,
           "the same against a record: %s", clade_error());
    faulty_reset();
}

int main(void)
{
    clade_backend *be = faulty_open();

    tap_plan(5);
    test_programs(be);
    test_rewrites(be);
    test_nan(be);
    faulty_close(be);
    return tap_done();
}
