/* SPDX-License-Identifier: Apache-2.0 */
#include "timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "file.h"
#include "op/op.h"
#include "status.h"

/* ---- recording ----------------------------------------------------------- */

static clade_status no_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "timeline: out of memory");
}

/* A list with room for one more than n elements; NULL if there is no memory,
 * and then the old list stays. */
static void *make_room(void *list, int n, int *room, size_t size)
{
    const int more = *room ? 2 * *room : 64;
    void *longer;

    if (n < *room)
        return list;
    if ((longer = realloc(list, (size_t)more * size)))
        *room = more;
    return longer;
}

clade_status timeline_begin(struct timeline *t)
{
    struct timeline_step *steps =
        make_room(t->steps, t->n_steps, &t->step_room, sizeof *steps);

    if (!steps)
        return no_memory();
    t->steps = steps;
    steps[t->n_steps++] =
        (struct timeline_step){ .began = clock_now(), .first = t->n_ops };
    return CLADE_OK;
}

void timeline_end(struct timeline *t)
{
    t->steps[t->n_steps - 1].ended = clock_now();
    t->steps[t->n_steps - 1].after = t->n_ops;
}

static clade_status run(void *arg, const struct plan *plan, int op)
{
    struct timeline *t = arg;
    struct timeline_op *ops =
        make_room(t->ops, t->n_ops, &t->op_room, sizeof *ops);
    struct timeline_op *o;
    clade_status st;

    if (!ops)
        return no_memory();
    t->ops = ops;
    o = &ops[t->n_ops++];
    *o = (struct timeline_op){ .plan = plan, .op = op };
    o->began = clock_now();
    st = clade_backend_run(t->be, plan->tasks[op]);
    o->queued = clock_now();
    return st;
}

static clade_status after(void *arg, const struct plan *plan, int op)
{
    struct timeline *t = arg;

    (void)plan;
    (void)op;
    t->ops[t->n_ops - 1].ended = clock_now();
    return CLADE_OK;
}

struct net_observer timeline_observer(struct timeline *t)
{
    return (struct net_observer){ .arg = t, .run = run, .after = after };
}

void timeline_free(struct timeline *t)
{
    free(t->ops);
    free(t->steps);
}

/* ---- writing ------------------------------------------------------------- */

enum row { LAYERS = 1, OPS, HOST };

static const char *const row_names[] = {
    [LAYERS] = "layers",
    [OPS] = "ops, each waited for",
    [HOST] = "host",
};

struct writer {
    const struct timeline *t;
    json_t *about;
    FILE *file;
    clade_status st; /* of the first event that could not be made */
};

/* Write an event, which goes, on a line of its own. */
static void put(struct writer *w, json_t *event, const char *before)
{
    if (!event) {
        w->st = w->st ? w->st : no_memory();
        return;
    }
    fputs(before, w->file);
    json_dumpf(event, w->file, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(event);
}

/* Nanoseconds since the first step began.  All times are rounded before they
 * are subtracted, so that events end within those around them. */
static double since(const struct writer *w, double at)
{
    return nearbyint(1e9 * (at - w->t->steps[0].began));
}

/* An event with its times in microseconds, as the format has them.  `args`
 * goes; NULL if there was no memory for them. */
static void put_event(struct writer *w, enum row row, const char *name,
                      double began, double ended, json_t *args)
{
    const double from = since(w, began), to = since(w, ended);

    put(w,
        json_pack("{s:s, s:s, s:i, s:i, s:f, s:f, s:o}", "name", name, "ph",
                  "X", "pid", 1, "tid", (int)row, "ts", from / 1e3, "dur",
                  (to - from) / 1e3, "args", args),
        ",\n");
}

/* The names of rows, in their order. */
static void put_rows(struct writer *w)
{
    for (int row = LAYERS; row <= HOST; row++) {
        put(w,
            json_pack("{s:s, s:s, s:i, s:i, s:{s:s}}", "name", "thread_name",
                      "ph", "M", "pid", 1, "tid", row, "args", "name",
                      row_names[row]),
            row == LAYERS ? "\n" : ",\n");
        put(w,
            json_pack("{s:s, s:s, s:i, s:i, s:{s:i}}", "name",
                      "thread_sort_index", "ph", "M", "pid", 1, "tid", row,
                      "args", "sort_index", row),
            ",\n");
    }
}

static const struct clade_op *op_of(const struct timeline_op *o)
{
    return &o->plan->ops[o->op];
}

/* The shapes as messages have them: "1x7x7x832 * 1x1x832x256". */
static const char *shapes_of(const struct clade_op *op)
{
    struct clade_op bare = *op;

    bare.label = NULL;
    return op_describe(&bare) + strlen(clade_op_name(op->kind)) + 1;
}

static void put_op(struct writer *w, const struct timeline_op *o)
{
    const struct clade_op *op = op_of(o);
    const char *name = clade_op_name(op->kind);
    char choice[CLADE_CHOICE_TEXT];

    put_event(w, OPS, name, o->began, o->ended,
              json_pack("{s:s, s:s, s:s, s:f}", "layer", op->label, "shapes",
                        shapes_of(op), "algorithm",
                        clade_choice_text(choice, &op->choice), "flops",
                        clade_op_flops(op)));
    put_event(w, HOST, "queue", o->began, o->queued,
              json_pack("{s:s, s:s}", "op", name, "layer", op->label));
    put_event(w, HOST, "wait", o->queued, o->ended,
              json_pack("{s:s, s:s}", "op", name, "layer", op->label));
}

static enum plan_phase phase_of(const struct timeline_op *o)
{
    return plan_phase_of(o->plan, o->op);
}

static bool same_phase(const struct timeline_op *a, const struct timeline_op *b)
{
    return phase_of(a) == phase_of(b);
}

static bool same_layer(const struct timeline_op *a, const struct timeline_op *b)
{
    return !strcmp(op_of(a)->label, op_of(b)->label);
}

/* The first op after o that is not the same as it. */
static const struct timeline_op *
end_of(const struct timeline_op *o, const struct timeline_op *end,
       bool (*same)(const struct timeline_op *, const struct timeline_op *))
{
    const struct timeline_op *next = o;

    while (next < end && same(o, next))
        next++;
    return next;
}

/* A phase, its layers, and their ops. */
static void put_phase(struct writer *w, const struct timeline_op *o,
                      const struct timeline_op *end)
{
    put_event(w, LAYERS, plan_phase_name(phase_of(o)), o->began, end[-1].ended,
              json_object());
    for (const struct timeline_op *next; o < end; o = next) {
        next = end_of(o, end, same_layer);
        put_event(w, LAYERS, op_of(o)->label, o->began, next[-1].ended,
                  json_object());
        for (; o < next; o++)
            put_op(w, o);
    }
}

static void put_step(struct writer *w, const struct timeline_step *step)
{
    const struct timeline_op *o = w->t->ops + step->first,
                             *end = w->t->ops + step->after;

    put_event(w, LAYERS, "step", step->began, step->ended,
              json_pack("{s:i}", "number", (int)(step - w->t->steps)));
    for (const struct timeline_op *next; o < end; o = next) {
        next = end_of(o, end, same_phase);
        put_phase(w, o, next);
    }
}

static clade_status write_text(void *arg, FILE *file)
{
    struct writer *w = arg;

    w->file = file;
    fputs("{\"otherData\":", file);
    json_dumpf(w->about, file, JSON_COMPACT);
    fputs(",\n\"traceEvents\":[", file);
    put_rows(w);
    for (int i = 0; i < w->t->n_steps; i++)
        put_step(w, &w->t->steps[i]);
    fputs("\n]}\n", file);
    return w->st;
}

clade_status timeline_write(const struct timeline *t, const char *path,
                            json_t *about)
{
    struct writer w = { .t = t, .about = about };

    return file_replace(path, write_text, &w);
}
