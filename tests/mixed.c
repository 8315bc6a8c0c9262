/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unlike devices train together: the three that MIXED lists (portable, intel,
 * cpu), two images each.  Their parameters stay equal, two runs have the same
 * bits, and the training is inside an envelope that is made for it.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "divided.h"
#include "tap.h"
#include "threads.h"
#include "verify/envelope.h"

enum { RANKS = 3 };

static const struct training_config config = {
    .net = "googlenet-cifar10",
    .learning_rate = 0.01,
    .momentum = 0.9,
    .batch = 6,
    .steps = 10,
    .seed = 1,
};

static char names[RANKS][64];

static void read_names(void)
{
    const char *list = getenv("MIXED");

    if (sscanf(list && *list ? list : "portable,intel,cpu",
               "%63[^,],%63[^,],%63[^,]", names[0], names[1],
               names[2]) != RANKS)
        tap_bail("MIXED must list three devices");
}

static clade_backend *open_device(const char *name)
{
    clade_backend *be;

    if (clade_backend_open(&be, name))
        tap_bail("%s: %s", name, clade_error());
    return be;
}

/* ---- ranks --------------------------------------------------------------- */

struct rank {
    pthread_t thread;
    struct dist dist;
    struct divided divided;
};

static void *run(void *arg)
{
    struct rank *r = arg;
    clade_backend *be = open_device(names[r->dist.rank]);

    divided_train(&r->divided, be, &r->dist, "2,2,2", &config);
    clade_backend_close(be);
    return NULL;
}

static void train_ranks(struct rank ranks[RANKS])
{
    threads_begin(RANKS);
    for (int i = 0; i < RANKS; i++) {
        ranks[i].dist = threads_rank(i);
        if (pthread_create(&ranks[i].thread, NULL, run, &ranks[i]))
            tap_bail("no thread");
    }
    for (int i = 0; i < RANKS; i++)
        pthread_join(ranks[i].thread, NULL);
    threads_end();
}

static bool are_same(const struct divided *a, const struct divided *b)
{
    bool same = a->trace.n == b->trace.n && a->bytes == b->bytes &&
                !memcmp(a->values, b->values, a->bytes);

    for (int i = 0; i < a->trace.n && same; i++)
        same = a->trace.list[i].value == b->trace.list[i].value;
    return same;
}

/* ---- the envelope -------------------------------------------------------- */

static void judge(const struct trace *trace)
{
    const struct trace_options traced = { .steps = config.steps,
                                          .norms = true,
                                          .noise.scale = 1 };
    clade_backend *reference = open_device("cpu64"),
                  *be = open_device(names[0]);
    struct training *training;
    struct spread spread;
    struct trace centre;
    struct ensemble e = {
        .runs = SPREAD_RUNS, .centre = &centre, .unit = &centre, .run = traced
    };
    struct judged judged = { .trace = trace,
                             .centre = &centre,
                             .unit = &centre,
                             .name = "three devices",
                             .conclude = divided_note };

    if (trace_make_once(&centre, reference, &config, &traced) ||
        training_new(&training, be, &config) ||
        spread_make(&spread, training, &e))
        tap_bail("the envelope: %s", clade_error());
    tap_ok(!spread_verdict(&spread, &judged), "inside an envelope of %d runs",
           SPREAD_RUNS);
    spread_free(&spread);
    training_free(training);
    trace_free(&centre);
    clade_backend_close(be);
    clade_backend_close(reference);
}

int main(void)
{
    struct rank first[RANKS] = { { 0 } }, second[RANKS] = { { 0 } };

    read_names();
    tap_plan(3);
    train_ranks(first);
    train_ranks(second);
    tap_ok(are_same(&first[0].divided, &first[1].divided) &&
               are_same(&first[0].divided, &first[2].divided),
           "%s, %s and %s have the same parameters", names[0], names[1],
           names[2]);
    tap_ok(are_same(&first[0].divided, &second[0].divided),
           "and again the same bits");
    judge(&first[0].divided.trace);
    for (int i = 0; i < RANKS; i++) {
        divided_free(&first[i].divided);
        divided_free(&second[i].divided);
    }
    return tap_done();
}
