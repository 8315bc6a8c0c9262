/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task is prepared once and follows its step: each run takes the step's
 * values as they are then.  With these data nothing is rounded, so the device
 * (CLADE_TEST_DEVICE, else the best one) and the reference must agree to the
 * bit.
 */
#include <stdlib.h>
#include <string.h>

#include <clade/backend.h>

#include "tap.h"
#include "tested.h"

/* An op has at most so many tensors, each of at most so many floats. */
enum { TENSORS = 3, FLOATS = 120 };

static struct clade_step step;

/* One op at work on one device. */
struct side {
    clade_backend *be;
    struct clade_buffer *buffer[TENSORS];
    clade_task *task;
    float after[TENSORS][FLOATS];
};

static void need(clade_status st)
{
    if (st)
        tap_bail("%s", clade_error());
}

/* Small multiples of 1/4, the same on both sides. */
static void fill(struct side *s)
{
    float host[FLOATS];

    for (int i = 0; i < TENSORS; i++) {
        for (int j = 0; j < FLOATS; j++)
            host[j] = (float)((i + 3) * j % 17 - 8) / 4;
        need(clade_backend_write(s->be, s->buffer[i], 0, host, sizeof host));
        need(clade_backend_finish(s->be));
    }
}

static struct clade_tensor vector(const struct side *s, int i, int n, int c)
{
    return clade_tensor_at(s->buffer[i], 0, n, 1, 1, c, CLADE_F32);
}

static clade_status dropout_fwd(struct clade_op *op, const struct side *s)
{
    return clade_op_dropout_fwd(op, vector(s, 0, 5, 24), vector(s, 1, 5, 24),
                                0.5f, "here", &step);
}

static clade_status dropout_bwd(struct clade_op *op, const struct side *s)
{
    const struct clade_tensor none = { 0 };

    return clade_op_dropout_bwd(op, vector(s, 0, 5, 24), vector(s, 1, 5, 24),
                                none, 0.5f, "here", &step, 0);
}

static clade_status loss_bwd(struct clade_op *op, const struct side *s)
{
    struct clade_tensor label = vector(s, 2, 5, 1);

    label.type = CLADE_U8;
    return clade_op_loss_bwd(op, vector(s, 0, 5, 24), vector(s, 1, 5, 24),
                             label, 0.5f, &step);
}

static clade_status sgd(struct clade_op *op, const struct side *s)
{
    return clade_op_sgd(op, vector(s, 0, 1, FLOATS), vector(s, 1, 1, FLOATS),
                        vector(s, 2, 1, FLOATS), 0.5f, &step);
}

static void prepare(struct side *s, clade_status (*make)(struct clade_op *,
                                                         const struct side *))
{
    struct clade_op op;

    need(make(&op, s));
    need(clade_backend_choose(s->be, &op, NULL));
    need(clade_backend_prepare(s->be, &s->task, &op));
    memset(&op, 0xff, sizeof op); /* the task needs it no more */
}

static void run(struct side *s)
{
    fill(s);
    need(clade_backend_run(s->be, s->task));
    for (int i = 0; i < TENSORS; i++)
        need(clade_backend_read(s->be, s->after[i], s->buffer[i], 0,
                                sizeof s->after[i]));
}

/* Run with steps, each of which differs from the one before in one member. */
static const struct {
    const char *what;
    struct clade_step step;
} steps[] = {
    { "the first",
      { .seed = 1, .batch = 8, .learning_rate = 0.5f, .dropout = true } },
    { "another number",
      { .seed = 1,
        .number = 7,
        .batch = 8,
        .learning_rate = 0.5f,
        .dropout = true } },
    { "another image",
      { .seed = 1,
        .number = 7,
        .first_image = 3,
        .batch = 8,
        .learning_rate = 0.5f,
        .dropout = true } },
    { "another batch",
      { .seed = 1,
        .number = 7,
        .first_image = 3,
        .batch = 16,
        .learning_rate = 0.5f,
        .dropout = true } },
    { "another rate",
      { .seed = 1,
        .number = 7,
        .first_image = 3,
        .batch = 16,
        .learning_rate = 0.25f,
        .dropout = true } },
    { "another seed",
      { .seed = 0x200000001,
        .number = 7,
        .first_image = 3,
        .batch = 16,
        .learning_rate = 0.25f,
        .dropout = true } },
    { "no dropout",
      { .seed = 0x200000001,
        .number = 7,
        .first_image = 3,
        .batch = 16,
        .learning_rate = 0.25f } },
    { "the first again",
      { .seed = 1, .batch = 8, .learning_rate = 0.5f, .dropout = true } },
};
enum { STEPS = sizeof steps / sizeof *steps };

/* The steps that each kind of op follows: after these its result differs from
 * the one before. */
static const struct {
    const char *name;
    clade_status (*make)(struct clade_op *op, const struct side *s);
    bool changes[STEPS];
} ops[] = {
    { "dropout_fwd", dropout_fwd, { 0, 1, 1, 0, 0, 1, 1, 1 } },
    { "dropout_bwd", dropout_bwd, { 0, 1, 1, 0, 0, 1, 1, 1 } },
    { "loss_bwd", loss_bwd, { 0, 0, 0, 1, 0, 0, 0, 1 } },
    { "sgd", sgd, { 0, 0, 0, 0, 1, 0, 0, 1 } },
};
enum { OPS = sizeof ops / sizeof *ops };

static void test_op(int i, struct side *dev, struct side *cpu)
{
    float before[TENSORS][FLOATS];

    step = steps[0].step;
    prepare(dev, ops[i].make);
    prepare(cpu, ops[i].make);
    for (int k = 0; k < STEPS; k++) {
        bool changed;

        step = steps[k].step;
        run(dev);
        run(cpu);
        changed = k && memcmp(before, dev->after, sizeof before);
        tap_ok(!memcmp(dev->after, cpu->after, sizeof dev->after) &&
                   changed == ops[i].changes[k],
               "%s, %s: as the reference%s", ops[i].name, steps[k].what,
               changed ? ", and other than before" : "");
        memcpy(before, dev->after, sizeof before);
    }
    clade_backend_release(dev->be, dev->task);
    clade_backend_release(cpu->be, cpu->task);
}

int main(void)
{
    struct side side[2];

    side[0].be = tested_need();
    need(clade_backend_open(&side[1].be, "cpu"));
    for (int i = 0; i < 2; i++)
        for (int t = 0; t < TENSORS; t++)
            need(clade_backend_alloc(side[i].be, &side[i].buffer[t],
                                     FLOATS * sizeof(float),
                                     CLADE_MEMORY_DEVICE));
    tap_plan(OPS * STEPS);
    for (int i = 0; i < OPS; i++)
        test_op(i, &side[0], &side[1]);
    for (int i = 0; i < 2; i++) {
        for (int t = 0; t < TENSORS; t++)
            clade_backend_free(side[i].be, side[i].buffer[t]);
        clade_backend_close(side[i].be);
    }
    return tap_done();
}
