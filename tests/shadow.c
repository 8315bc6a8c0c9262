/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranks that check each other's devices.  Threads stand for the ranks; one of
 * them has a device that goes wrong on purpose: the reference, with a fault in
 * an op, or the device under test, with a fault in its driver.
 */
#include "train/shadow.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "faulty.h"
#include "mutants.h"
#include "status.h"
#include "tap.h"
#include "tested.h"
#include "threads.h"
#include "tool/tool.h"
#include "train/train.h"
#include "trainer.h"

/* ---- devices that are wrong ---------------------------------------------- */

static int runs; /* of the op with the fault, in this training */
static int wrong_from, wrong_to;
static float factor;

/* Scale the filter's gradient of the first layer, in the runs wrong_from ...
 * wrong_to-1. */
static void scale_gradient(const struct clade_op *op)
{
    const struct clade_tensor *dw = output(op);

    if (op->kind != CLADE_CONV_BWD_FILTER || strcmp(op->label, "conv1"))
        return;
    if (runs >= wrong_from && runs < wrong_to)
        for (int64_t i = 0; i < clade_tensor_elements(dw); i++)
            *element(dw, i) *= factor;
    runs++;
}

enum { NEVER = 0, ALWAYS = 1 << 30 };

/* ---- trainings ----------------------------------------------------------- */

struct rank {
    pthread_t thread;
    struct dist dist;
    const struct clade_train_config *config;
    const struct shadow_options *options;
    bool faulty, unlike, tested;
    clade_status st;
    char message[1024], notices[8192];
};

static void keep_notice(void *arg, const char *text)
{
    struct rank *r = arg;
    const size_t n = strlen(r->notices);

    snprintf(r->notices + n, sizeof r->notices - n, "%s\n", text);
}

static clade_backend *open_device(const struct rank *r)
{
    clade_backend *be;

    if (r->tested)
        return tested_open();
    if (r->faulty)
        be = faulty_open();
    else if (clade_backend_open(&be, "cpu"))
        tap_bail("%s", clade_error());
    if (r->unlike)
        snprintf(be->device.name, sizeof be->device.name, "device %d",
                 r->dist.rank);
    return be;
}

static void *run(void *arg)
{
    struct rank *r = arg;
    const struct clade_train_observer observer = { .arg = r,
                                                   .notice = keep_notice };
    clade_backend *be = open_device(r);

    r->st = train_shadowed(be, r->config, &observer, &r->dist, r->options);
    snprintf(r->message, sizeof r->message, "%s", r->st ? clade_error() : "");
    if (r->st && r->st != CLADE_EBOUND && r->st != CLADE_EUSAGE)
        tap_bail("rank %d: %s", r->dist.rank, r->message);
    if (r->faulty && !r->tested)
        faulty_close(be);
    else
        clade_backend_close(be);
    return NULL;
}

/* What rank 0 said last. */
static char notices[8192], message[1024];
/* The device of rank `faulty` is the one under test. */
static bool is_tested;

/* Train by `size` ranks, of which rank `faulty` (-1: none) has the device that
 * may be wrong.  All must end alike. */
static clade_status train_ranks(const struct clade_train_config *c, int size,
                                const struct shadow_options *options,
                                bool unlike, int faulty_rank)
{
    struct rank ranks[RANKS_MAX] = { { 0 } };

    runs = 0;
    threads_begin(size);
    for (int i = 0; i < size; i++) {
        ranks[i] = (struct rank){ .dist = threads_rank(i),
                                  .config = c,
                                  .options = options,
                                  .unlike = unlike,
                                  .faulty = i == faulty_rank,
                                  .tested = i == faulty_rank && is_tested };
        if (pthread_create(&ranks[i].thread, NULL, run, &ranks[i]))
            tap_bail("no thread");
    }
    for (int i = 0; i < size; i++)
        pthread_join(ranks[i].thread, NULL);
    threads_end();
    for (int i = 1; i < size; i++)
        if (ranks[i].st != ranks[0].st ||
            strcmp(ranks[i].message, ranks[0].message) || *ranks[i].notices)
            tap_bail("rank 0: %s; rank %d: %s%s", ranks[0].message, i,
                     ranks[i].message, ranks[i].notices);
    snprintf(notices, sizeof notices, "%s", ranks[0].notices);
    snprintf(message, sizeof message, "%s", ranks[0].message);
    return ranks[0].st;
}

static void note_notices(void)
{
    char copy[sizeof notices], *rest = copy, *line;

    memcpy(copy, notices, sizeof copy);
    while ((line = strsep(&rest, "\n")))
        if (*line)
            tap_note("%s", line);
}

static const struct shadow_options none = { .every = 0 };
static const struct shadow_options each = { .every = 1,
                                            .judge = tool_judge_share };

static struct clade_train_config config_of(const char *name, int epochs,
                                           const char *shares)
{
    struct clade_train_config c = config_for(name, epochs);

    c.batch = 4;
    c.shares = shares;
    return c;
}

/* ---- devices that are right ---------------------------------------------- */

static void test_unchanged(void)
{
    static const struct {
        int ranks;
        const char *shares;
        bool unlike;
    } list[] = {
        { 2, NULL, false },   { 3, NULL, false }, { 2, "1,1,1,1", false },
        { 2, "1,3", false },  { 2, "1,3", true }, { 3, "1,2,1", true },
        { 2, "1,1,2", true },
    };

    for (size_t i = 0; i < COUNT_OF(list); i++) {
        char plain[32], checked[32];
        struct clade_train_config c;

        snprintf(plain, sizeof plain, "plain-%zu", i);
        snprintf(checked, sizeof checked, "checked-%zu", i);
        c = config_of(plain, 2, list[i].shares);
        if (train_ranks(&c, list[i].ranks, &none, list[i].unlike, -1))
            tap_bail("%s", message);
        c.out = path(checked, "");
        tap_ok(!train_ranks(&c, list[i].ranks, &each, list[i].unlike, -1) &&
                   same_run(plain, checked) &&
                   strstr(notices, "checked each other: 4; faults: 0; the "
                                   "largest D: 0\n"),
               "%d ranks, shares %s, %s devices: checks change no file",
               list[i].ranks, list[i].shares ? list[i].shares : "equal",
               list[i].unlike ? "unlike" : "like");
    }
}

static void test_every(void)
{
    struct shadow_options options = each;
    struct clade_train_config c = config_of("every", 3, NULL);

    options.every = 4;
    tap_ok(!train_ranks(&c, 2, &options, false, -1) &&
               strstr(notices, "checked each other: 2;"),
           "of steps 0 to 5, every fourth is checked: 0 and 4");
    c.resume = true;
    c.epochs = 4;
    tap_ok(!train_ranks(&c, 2, &none, false, -1),
           "the run can go on without checks");
    c.epochs = 5;
    tap_ok(!train_ranks(&c, 2, &options, false, -1) &&
               strstr(notices, "checked each other: 1;"),
           "and again with them, counting all steps");
}

static void test_refused(void)
{
    const struct shadow_options warn = { .warn = true };
    struct clade_train_config c = config_of("refused", 1, NULL);

    tap_ok(train_ranks(&c, 1, &each, false, -1) == CLADE_EUSAGE &&
               strstr(message, "only one process"),
           "refused: %s", message);
    tap_ok(train_ranks(&c, 2, &warn, false, -1) == CLADE_EUSAGE &&
               strstr(message, "no step is to be checked"),
           "refused: %s", message);
}

/* ---- faults -------------------------------------------------------------- */

/* A fault, and what must be said of it. */
struct wrong {
    int ranks, faulty;
    bool unlike;
    float factor;
    int from, to;
    const char *part, *other; /* of the message */
    const char *why;
    const char *shares;
};

static bool says(clade_status st, const struct wrong *f)
{
    const bool good = st == CLADE_EBOUND && strstr(message, f->part) &&
                      strstr(message, f->other);

    if (!good)
        tap_note("got %s: %s; wanted \"%s\" and \"%s\"", clade_status_text(st),
                 message, f->part, f->other);
    return good;
}

static char fault_run[32]; /* the folder of the last one */

static clade_status train_with(const struct wrong *f,
                               const struct shadow_options *options)
{
    static int number;
    struct clade_train_config c;

    snprintf(fault_run, sizeof fault_run, "fault-%d", number++);
    c = config_of(fault_run, 2, f->shares);
    wrong_from = f->from;
    wrong_to = f->to;
    factor = f->factor;
    return train_ranks(&c, f->ranks, options, f->unlike, f->faulty);
}

static void test_faults(void)
{
    static const char op[] = "conv_bwd_filter", again[] = "an intermittent "
                                                          "fault: the same";
    /* clang-format off */
    static const struct wrong list[] = {
        { 2, 1, true, 1.5f, 0, ALWAYS,
          "rank 1 on here (reference / device 1)", op, "always", NULL },
        { 2, 0, true, 1.5f, 0, ALWAYS,
          "rank 0 on here (reference / device 0)", op, "always, in rank 0",
          NULL },
        { 3, 2, true, 0.5f, 0, ALWAYS,
          "rank 2 on here (reference / device 2)", "(conv1)", "in one of three",
          NULL },
        { 2, 1, true, 1.5f, 3, ALWAYS, "step 2, share 0: rank 1", op,
          "from step 2 on", NULL },
        { 2, 1, true, NAN, 0, ALWAYS, "step 0, share 0: rank 1", op, "NaN",
          NULL },
        { 2, 1, false, 1 + 0x1p-16f, 0, ALWAYS, "step 0, share 0: rank 1", op,
          "by little, but the devices are alike", NULL },
        { 2, 1, true, 1.5f, 0, 1, "step 0, share 1: rank 1", again,
          "once, in its own share", NULL },
        { 2, 1, true, 1.5f, 1, 2, "step 0, share 0: rank 1", again,
          "once, in its neighbour's share", NULL },
        { 2, 0, false, 1 + 0x1p-22f, 0, 1, "step 0, share 0: rank 0", again,
          "once, in a bit", NULL },
        { 2, 1, true, 1.5f, 2, 3, "step 0, share 3: rank 1", again,
          "once, in the second round", "1,1,1,1" },
    };
    /* clang-format on */

    faulty_apply = scale_gradient;
    for (size_t i = 0; i < COUNT_OF(list); i++)
        tap_ok(says(train_with(&list[i], &each), &list[i]),
               "a device is wrong %s: %s", list[i].why, message);
}

/* A judge who sees no fault, but has the share computed again, and one who
 * cannot judge. */
static clade_status clear(struct shadow_verdict *verdict, clade_net *net,
                          const struct clade_batch *share, uint32_t step)
{
    struct net_image images[8];

    verdict->judged = true;
    return net_gradients(net, share, step, images, NULL);
}

static clade_status decline(struct shadow_verdict *verdict, clade_net *net,
                            const struct clade_batch *share, uint32_t step)
{
    (void)net, (void)share, (void)step;
    snprintf(verdict->text, sizeof verdict->text, "it is of no use");
    return CLADE_OK;
}

static void test_judges(void)
{
    static struct wrong unlike = { 2,
                                   1,
                                   true,
                                   1.5f,
                                   0,
                                   ALWAYS,
                                   "rank 1 on here",
                                   "farther from the ref",
                                   "",
                                   NULL };
    struct wrong like = unlike;
    struct shadow_options options = each;

    like.unlike = false;
    options.judge = clear;
    tap_ok(!train_with(&unlike, &options) &&
               strstr(notices, "both are right") &&
               strstr(notices, "faults: 0;"),
           "unlike devices that repeat their bits are right if their ops are");
    like.other = "as right as the other one";
    tap_ok(says(train_with(&like, &options), &like),
           "like ones must have the same bits: %s", message);
    options.judge = decline;
    tap_ok(says(train_with(&unlike, &options), &unlike) &&
               strstr(notices, "not judged: it is of no use"),
           "without a verdict, the reference decides: %s", message);
}

/* What nobody finds: doc/consistency.md says so. */
static void test_escapes(void)
{
    static const struct wrong little = { 2,      1,  true, 1.01f, 0,
                                         ALWAYS, "", "",   "",    NULL };

    tap_ok(!train_with(&little, &each) && strstr(notices, "faults: 0") &&
               strstr(notices, "the largest D: 0.01 (conv1/kernel"),
           "of unlike devices, a small difference is no fault");
}

static void test_warn(void)
{
    static const struct wrong always = { 2,      1,  true, 1.5f, 0,
                                         ALWAYS, "", "",   "",   NULL };
    struct shadow_options warn = each;
    struct clade_train_config c = config_of("unwatched", 2, NULL);

    warn.warn = true;
    warn.every = 4;
    tap_ok(!train_with(&always, &warn) &&
               strstr(notices, "step 0, share 1: rank 1 on here") &&
               strstr(notices, "faults: 2"),
           "with a warning, the training goes on");
    note_notices();
    tap_ok(!train_ranks(&c, 2, &none, true, 1) &&
               same_run("unwatched", fault_run),
           "and its files are those of a training without checks");
}

/* ---- a driver's faults --------------------------------------------------- */

/* The reference beside a device that is right. */
static void test_right_device(void)
{
    struct clade_train_config c = config_of("device", 2, NULL);
    struct clade_train_config checked = config_of("device-checked", 2, NULL);

    if (train_ranks(&c, 2, &none, true, 1))
        tap_bail("%s", message);
    tap_ok(!train_ranks(&checked, 2, &each, true, 1) &&
               same_run("device", "device-checked") &&
               strstr(notices, "faults: 0;"),
           "a device beside the reference: checks change no file");
    note_notices();
}

/* A fault of the list of mutants, "how" it is made. */
static const struct fault *mutant(const char *how)
{
    int i = 0;

    while (i < n_mutants && strcmp(mutants[i].how, how))
        i++;
    if (i == n_mutants)
        tap_bail("no mutant is made so: %s", how);
    return &mutants[i].fault;
}

static void test_driver(const struct fault *fault, const char *what,
                        const char *part)
{
    static int number;
    struct clade_train_config c;
    char name[32];
    clade_status st;

    snprintf(name, sizeof name, "driver-%d", number++);
    c = config_of(name, 2, NULL);
    if (!fault_begin(fault))
        tap_bail("%s", fault_error());
    st = train_ranks(&c, 2, &each, true, 1);
    if (!fault_end()) {
        tap_skip("%s: the device runs no such kernel", what);
        return;
    }
    tap_ok(st == CLADE_EBOUND && strstr(message, "rank 1 on here") &&
               strstr(message, part),
           "%s: %s", what, st ? message : notices);
}

static void test_device(void)
{
    static const struct fault lost = { .lost_every = 2, .lost = "maxpool_bwd" };
    clade_backend *be = tested_open();

    clade_backend_close(be);
    for (int i = 0; i < 3 && !be; i++)
        tap_skip("no OpenCL device, and CLADE_TEST_DEVICE names none");
    if (!be)
        return;
    is_tested = true;
    test_right_device();
    test_driver(mutant("the last image adds nothing to a filter's gradient"),
                "an image is skipped", "conv_bwd_filter");
    test_driver(&lost, "every second launch of a kernel is lost",
                "an intermittent fault: the same");
}

int main(void)
{
    trainer_begin("shadow");
    faulty_reset();
    tap_plan(7 + 3 + 2 + 10 + 3 + 1 + 2 + 3);
    test_unchanged();
    test_every();
    test_refused();
    test_faults();
    test_judges();
    test_escapes();
    test_warn();
    test_device();
    trainer_end();
    return tap_done();
}
