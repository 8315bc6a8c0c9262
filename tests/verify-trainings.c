/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subtly wrong trainings are told from correct ones, by records and by the
 * envelope that ships.  The statistic is right for numbers known beforehand.
 */
#include <clade/net.h>
#include <clade/verify.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rng.h"
#include "tap.h"
#include "tested.h"
#include "verify/envelope.h"

#define STEPS  3
#define PIXELS (224 * 224 * 3)

/* A training whose losses become a record, and what is wrong with it. */
struct training_case {
    const char *why;
    int batch;
    float momentum;
    const char *swap[2]; /* two parameters of one shape */
    bool skip;           /* the second image */
    bool quick;
    clade_status wanted;
};

/* clang-format off */
static const struct training_case cases[] = {
    { .why = "the same training agrees", .batch = 1, .momentum = 0.9f,
      .quick = true, .wanted = CLADE_OK },
    { .why = "momentum 0.89 does not", .batch = 1, .momentum = 0.89f,
      .wanted = CLADE_EBOUND },
    { .why = "two layers' kernels swapped do not", .batch = 1,
      .momentum = 0.9f, .quick = true, .wanted = CLADE_EBOUND,
      .swap = { "inception_4b/5x5/kernel", "inception_4c/5x5/kernel" } },
    { .why = "one image of two skipped does not", .batch = 2,
      .momentum = 0.9f, .quick = true, .skip = true, .wanted = CLADE_EBOUND },
};
/* clang-format on */
enum { CASES = sizeof(cases) / sizeof(*cases) };

static const struct clade_parameter *find(const clade_net *net,
                                          const char *name)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(net, &list);

    for (int i = 0; i < n; i++)
        if (!strcmp(list[i].name, name))
            return &list[i];
    tap_bail("no parameter %s", name);
}

static void swap(clade_net *net, const char *const names[2])
{
    const struct clade_tensor a = find(net, names[0])->value;
    const struct clade_tensor b = find(net, names[1])->value;
    const size_t bytes = clade_tensor_elements(&a) * sizeof(float);
    float *va = malloc(bytes), *vb = malloc(bytes);

    if (!va || !vb || clade_net_read(net, va, a) ||
        clade_net_read(net, vb, b) || clade_net_write(net, a, vb) ||
        clade_net_write(net, b, va))
        tap_bail("swapping: %s", clade_error());
    free(va);
    free(vb);
}

/* A record of losses alone. */
static void put_losses(FILE *f, const struct clade_result *r, const char *end)
{
    fprintf(f, "[%.17g, %.17g, %.17g, %.17g]%s", r->loss, r->head_loss[0],
            r->head_loss[1], r->head_loss[2], end);
}

static void train(FILE *f, clade_net *net, const struct training_case *c)
{
    float *pixels = malloc(2 * PIXELS * sizeof(*pixels));
    const uint8_t labels[2] = { 0, 1 };
    const struct clade_batch batch = { .n = c->skip ? 1 : c->batch,
                                       .pixels = pixels,
                                       .labels = labels,
                                       .batch = c->batch };
    struct clade_result result;

    if (!pixels)
        tap_bail("out of memory");
    for (int i = 0; i < 2 * PIXELS; i++)
        pixels[i] = rng_record("input", 1, i);
    for (int step = 0; step < STEPS; step++) {
        if (clade_net_train(net, &batch, step, 0.01f, &result))
            tap_bail("training: %s", clade_error());
        put_losses(f, &result, step + 1 < STEPS ? ", " : "");
    }
    free(pixels);
}

static void make_record(const char *file, clade_backend *be,
                        const struct training_case *c)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    FILE *f = fopen(file, "w");
    clade_net *net;

    config.train_batch = c->batch;
    config.train_last = c->skip ? 1 : 0;
    config.momentum = c->momentum;
    config.dropout = false;
    config.record_init = true;
    if (!f || clade_net_new(&net, be, &config))
        tap_bail("%s: %s", file, clade_error());
    if (c->swap[0])
        swap(net, c->swap);
    fprintf(f,
            "{\"format\": \"clade-record/1\", \"net\": \"googlenet-cifar10\", "
            "\"producer\": {\"dtype\": \"float32\"}, \"batch\": %d, "
            "\"steps\": %d, \"seed\": 1, \"dropout\": false, "
            "\"learning_rate\": 0.01, \"momentum\": 0.9, \"tensors\": {}, "
            "\"losses\": [",
            c->batch, STEPS);
    train(f, net, c);
    fputs("]}\n", f);
    fclose(f);
    clade_net_free(net);
}

static void note_distance(void *arg, const struct clade_distance *d)
{
    (void)arg;
    tap_note("%s: deviation %.3g, distance %.3g of %.3g", d->name, d->deviation,
             d->distance, d->limit);
}

static void judge_case(const struct training_case *c, clade_backend *be)
{
    char file[64];
    const struct clade_against options = { .file = file,
                                           .quick = c->quick,
                                           .report = note_distance };
    clade_status st;

    snprintf(file, sizeof(file), "trainings-test-%ld.json", (long)getpid());
    make_record(file, be, c);
    st = clade_verify_against(be, &options);
    remove(file);
    if (!tap_ok(st == c->wanted, "%s", c->why))
        tap_note("%s", st ? clade_error() : "it passes");
}

/* ---- what is no number ----------------------------------------------------
 */

static const struct backend_table *honest;

/* A max pool leaves a NaN, which need not show in a loss. */
static clade_status run_to_nan(clade_backend *be, clade_task *task)
{
    const struct clade_op *op = &task->op;
    const struct clade_tensor *y = &op->t[CLADE_Y];
    clade_status st = honest->run(be, task);

    if (st || op->kind != CLADE_MAXPOOL_FWD)
        return st;
    return clade_backend_fill(be, y->buffer, y->offset * sizeof(float),
                              sizeof(float), 0x7fc00000);
}

static void test_diverged(clade_backend *be)
{
    const struct clade_record options = {
        .file = "trainings-test-nan.json", .batch = 1, .steps = 1, .seed = 1
    };
    struct backend_table table = *be->table;
    clade_status st;

    honest = be->table;
    table.run = run_to_nan;
    be->table = &table;
    st = clade_record_write(be, &options);
    be->table = honest;
    tap_ok(st == CLADE_EDIVERGED &&
               strstr(clade_error(), "step0/activation/pool1") &&
               access(options.file, F_OK),
           "a NaN ends a record: %s", clade_error());
}

/* ---- the statistic --------------------------------------------------------
 */

#define RUNS 20

/* Two groups of three; in run 0, one quantity jumps where others have nothing
 * to show. */
static void make_spread(struct spread *s, double jump)
{
    if (spread_new(s, 6))
        tap_bail("%s", clade_error());
    for (int q = 0; q < 6; q++)
        s->group[q] = q / 3;
    for (int run = 0; run < RUNS; run++) {
        double d[6];

        for (int q = 0; q < 6; q++)
            d[q] = (q < 3 ? 1e-3 : 1) * (1 + 0.1 * (run % 3));
        d[0] = run ? 1e-9 : jump;
        spread_add(s, d);
    }
}

static void test_spread(void)
{
    double distance[6], deviation[6] = { 0 }, largest;
    struct spread s;

    make_spread(&s, 1e-3);
    spread_judge(distance, &largest, &s, deviation);
    tap_ok(distance[0] == 0 && largest < 2,
           "a lone jump is measured in its group's spread: %.3g", largest);
    deviation[4] = 10;
    spread_judge(distance, &largest, &s, deviation);
    tap_ok(distance[4] > 8 && distance[4] < 10 && distance[5] == 0,
           "ten times the others is about ten spreads: %.3g", distance[4]);
    deviation[4] = NAN;
    spread_judge(distance, &largest, &s, deviation);
    tap_ok(!(distance[4] <= 2 * largest), "what is no number does not pass");
    spread_free(&s);
}

/* Leaving one out by hand gives the same largest statistic. */
static void test_leave_one_out(void)
{
    const double d[4] = { 1, 2, 3, 4 }, judged = 2;
    double distance, largest, want = 0;
    struct spread s;

    if (spread_new(&s, 1))
        tap_bail("%s", clade_error());
    for (int run = 0; run < 4; run++)
        spread_add(&s, &d[run]);
    for (int run = 0; run < 4; run++) {
        double rest = judged * judged;

        for (int k = 0; k < 4; k++)
            rest += k == run ? 0 : d[k] * d[k];
        /* the divisor is at least the median of its group: here, its own */
        want = fmax(want, d[run] / sqrt(fmax(rest / 4, 30.0 / 4)));
    }
    spread_judge(&distance, &largest, &s, &judged);
    tap_ok(fabs(largest - want) < 1e-12 &&
               fabs(distance - 2 / sqrt(7.5)) < 1e-12,
           "leaving each run out in turn: %.4g, %.4g", largest, want);
    spread_free(&s);
}

/* One noisy run that is not finite leaves nothing to judge by. */
static void test_no_number(void)
{
    const double runs[] = { 1e-3, INFINITY, 2e-3 }, judged = 1e-3;
    struct clade_training training = { .runs = 3 };
    struct spread s;

    if (spread_new(&s, 1))
        tap_bail("%s", clade_error());
    for (int i = 0; i < 3; i++)
        spread_add(&s, &runs[i]);
    spread_judge(&training.distance, &training.largest, &s, &judged);
    tap_ok(spread_conclude(&training, "a device") == CLADE_EMISTRUSTED,
           "an infinite spread is mistrusted: %s", clade_error());
    spread_free(&s);
}

/* ---- the envelope that ships ----------------------------------------------
 */

#define FIRST_STEPS 4

static void note_training(void *arg, const struct clade_training *training)
{
    *(struct clade_training *)arg = *training;
}

/* How far the first steps of the standard training, with this momentum, are
 * from the centre, over the largest distance of correct trainings. */
static double times_largest(clade_backend *be, const struct envelope *e,
                            double momentum)
{
    const struct trace_options options = { .steps = FIRST_STEPS,
                                           .norms = true };
    struct training_config config = e->config;
    struct clade_training training;
    struct trace trace;
    const struct judged judged = { .trace = &trace,
                                   .centre = &e->centre,
                                   .unit = &e->centre,
                                   .name = "the standard training",
                                   .conclude = note_training,
                                   .arg = &training };
    struct spread first = e->spread;

    config.momentum = momentum;
    if (trace_make_once(&trace, be, &config, &options))
        tap_bail("%s", clade_error());
    first.n = trace.n;
    if (spread_verdict(&first, &judged) == CLADE_ENOMEM)
        tap_bail("%s", clade_error());
    trace_free(&trace);
    return training.distance / training.largest;
}

static void test_envelope(clade_backend *be)
{
    struct envelope e;
    double good, other;

    if (envelope_read(&e, NULL))
        tap_bail("%s", clade_error());
    tap_ok(e.spread.runs == 99 && e.config.batch == 2 && e.config.steps == 10,
           "the envelope that ships is of 99 runs of the standard training");
    good = times_largest(be, &e, 0.9);
    tap_ok(good <= 2, "this device is within it: %.3g of the largest", good);
    other = times_largest(be, &e, 0.89);
    tap_ok(other > 2, "momentum 0.89 is not: %.3g of the largest", other);
    envelope_free(&e);
}

int main(void)
{
    clade_backend *be = tested_need();

    if (!strncmp(clade_backend_device(be)->selector, "cpu", 3))
        tap_skip_all("dozens of trainings take the reference too long");
    tap_plan(9 + CASES);
    test_spread();
    test_leave_one_out();
    test_no_number();
    for (int i = 0; i < CASES; i++)
        judge_case(&cases[i], be);
    test_diverged(be);
    test_envelope(be);
    clade_backend_close(be);
    return tap_done();
}
