/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trace of `clade bench --trace`: recording it changes nothing, and its
 * events nest and cover the ops of each step.  The device is
 * CLADE_TEST_DEVICE's, else the best one, else the reference; the net is a
 * small one.
 */
#include "tool/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/plan.h"
#include "tap.h"
#include "tested.h"
#include "trainer.h"

enum { TRACED = 2 };

static clade_backend *dev;

/* ---- recording ----------------------------------------------------------- */

static clade_net *net_for_training(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_net *net = NULL;

    config.train_batch = BATCH;
    if (clade_net_new(&net, dev, &config))
        tap_bail("%s", clade_error());
    return net;
}

/* Train TRACED steps, and record them unless `t` is NULL. */
static void train_steps(clade_net *net, struct clade_result results[TRACED],
                        struct timeline *t)
{
    static uint8_t bytes[BATCH * 32 * 32 * 3];
    static const uint8_t labels[BATCH] = { 3, 7 };
    const struct clade_batch batch = { .n = BATCH,
                                       .bytes = bytes,
                                       .labels = labels };
    struct net_observer observer;
    clade_status st = CLADE_OK;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 11);
    if (t)
        observer = timeline_observer(t);
    for (int i = 0; i < TRACED && !st; i++) {
        if (t && (st = timeline_begin(t)))
            break;
        st = net_train(net, &batch, (uint32_t)i, 0.01f, &results[i],
                       t ? &observer : NULL);
        if (t)
            timeline_end(t);
    }
    if (st)
        tap_bail("%s", clade_error());
}

static bool same_parameters(clade_net *a, clade_net *b)
{
    const struct clade_parameter *list, *other;
    const int n = clade_net_parameters(a, &list);
    bool same = n > 0 && clade_net_parameters(b, &other) == n;

    for (int i = 0; i < n && same; i++) {
        const size_t bytes =
            (size_t)clade_tensor_elements(&list[i].value) * sizeof(float);
        float *x = malloc(bytes), *y = malloc(bytes);

        same = x && y && !clade_net_read(a, x, list[i].value) &&
               !clade_net_read(b, y, other[i].value) && !memcmp(x, y, bytes);
        free(x);
        free(y);
    }
    return same;
}

/* ---- the file ------------------------------------------------------------ */

static json_t *events;

static const char *text_of(const json_t *event, const char *key)
{
    const char *text = json_string_value(json_object_get(event, key));

    return text ? text : "";
}

static int row_of(const json_t *event)
{
    return strcmp(text_of(event, "ph"), "X")
               ? 0
               : (int)json_integer_value(json_object_get(event, "tid"));
}

/* Nanoseconds at the start of an event, and at its end. */
static long long start_of(const json_t *event)
{
    return llround(1e3 * json_real_value(json_object_get(event, "ts")));
}

static long long end_of(const json_t *event)
{
    return start_of(event) +
           llround(1e3 * json_real_value(json_object_get(event, "dur")));
}

/* Whether event a lies in b. */
static bool in(const json_t *a, const json_t *b)
{
    return start_of(b) <= start_of(a) && end_of(a) <= end_of(b);
}

/* How many pairs of events of a row overlap, without one lying in the other? */
static int crossings(int row)
{
    size_t i, j;
    json_t *a, *b;
    int n = 0;

    json_array_foreach(events, i, a) {
        json_array_foreach(events, j, b) {
            if (j < i && row_of(a) == row && row_of(b) == row)
                n += start_of(a) < end_of(b) && start_of(b) < end_of(a) &&
                     !in(a, b) && !in(b, a);
        }
    }
    return n;
}

/* How many events of a row, with this name, have the event in them? */
static int around(const json_t *event, int row, const char *name)
{
    size_t i;
    json_t *e;
    int n = 0;

    json_array_foreach(events, i, e) {
        if (row_of(e) == row && !strcmp(text_of(e, "name"), name))
            n += in(event, e);
    }
    return n;
}

/* Whether `event` is op i of the plan, in its step, phase and layer, with what
 * the host did: queue it, then wait for it. */
static bool is_op(const struct plan *plan, int i, const json_t *event)
{
    const struct clade_op *op = &plan->ops[i];
    const json_t *args = json_object_get(event, "args");
    const char *phase = plan_phase_name(plan_phase_of(plan, i));
    char choice[CLADE_CHOICE_TEXT];

    return !strcmp(text_of(event, "name"), clade_op_name(op->kind)) &&
           !strcmp(text_of(args, "layer"), op->label) &&
           !strcmp(text_of(args, "algorithm"),
                   clade_choice_text(choice, &op->choice)) &&
           strchr(text_of(args, "shapes"), 'x') &&
           json_real_value(json_object_get(args, "flops")) ==
               clade_op_flops(op) &&
           around(event, 1, "step") == 1 && around(event, 1, phase) == 1 &&
           around(event, 1, op->label) == 1;
}

/* Whether the two events are the host's work on an op, and fill its time. */
static bool is_host(const json_t *queue, const json_t *wait,
                    const json_t *event)
{
    return row_of(queue) == 3 && row_of(wait) == 3 &&
           !strcmp(text_of(queue, "name"), "queue") &&
           !strcmp(text_of(wait, "name"), "wait") &&
           start_of(queue) == start_of(event) &&
           end_of(queue) == start_of(wait) && end_of(wait) == end_of(event);
}

/* Every op of the plan must be there once a step, in order. */
static void check_ops(const struct plan *plan)
{
    const int per_step = plan->phase[PLAN_PHASES];
    int n = 0, wrong = 0;
    size_t i;
    json_t *e;

    json_array_foreach(events, i, e) {
        if (row_of(e) != 2)
            continue;
        if (!is_op(plan, n++ % per_step, e) ||
            !is_host(json_array_get(events, i + 1),
                     json_array_get(events, i + 2), e)) {
            tap_note("event %d of the ops, %s, is wrong", n,
                     text_of(e, "name"));
            wrong++;
        }
    }
    tap_ok(n == TRACED * per_step && !wrong,
           "all ops are there, in their layers: %d of %d", n,
           TRACED * per_step);
}

static void check_file(const struct timeline *t, const struct plan *plan)
{
    const char *name = path("trace.json", "");
    json_t *root, *about = json_pack("{s:s}", "mode", "train");
    json_error_t error;

    if (timeline_write(t, name, about))
        tap_bail("%s", clade_error());
    root = json_load_file(name, 0, &error);
    events = json_object_get(root, "traceEvents");
    tap_ok(json_is_array(events) &&
               json_equal(json_object_get(root, "otherData"), about),
           "the trace is JSON: %s", root ? "yes" : error.text);
    check_ops(plan);
    tap_ok(!crossings(1) && !crossings(2) && !crossings(3),
           "events of a row nest");
    tap_ok(timeline_write(t, path("none", "trace.json"), about) == CLADE_EIO &&
               strstr(clade_error(), "none/trace.json"),
           "a file that cannot be written is named: %s", clade_error());
    json_decref(root);
    json_decref(about);
}

int main(void)
{
    struct clade_result plain[TRACED], traced[TRACED];
    struct timeline t = { 0 };
    clade_net *a, *b;

    trainer_begin("timeline");
    dev = tested_open();
    t.be = dev = dev ? dev : cpu;
    tap_note("%s", clade_backend_device(dev)->name);
    tap_plan(5);
    a = net_for_training();
    b = net_for_training();
    train_steps(a, plain, NULL);
    train_steps(b, traced, &t);
    tap_ok(plain[0].loss == traced[0].loss && plain[1].loss == traced[1].loss &&
               same_parameters(a, b),
           "steps that are traced compute the same: loss %.9g",
           traced[TRACED - 1].loss);
    check_file(&t, net_plan(b, BATCH, true));
    timeline_free(&t);
    clade_net_free(b);
    clade_net_free(a);
    if (dev != cpu)
        clade_backend_close(dev);
    trainer_end();
    return tap_done();
}
