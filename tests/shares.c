/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Batches that are computed in shares, by one process or by several.  Threads
 * stand for the processes; each has a backend of its own.
 */
#include "train/shares.h"

#include <glob.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dist/dist.h"
#include "folder.h"
#include "tap.h"
#include "threads.h"
#include "train/train.h"
#include "trainer.h"

/* ---- cutting ------------------------------------------------------------- */

static void test_cut(void)
{
    static const struct {
        const char *shares;
        int accumulate, ranks, n;
        const char *sizes; /* of a batch of n images */
    } list[] = {
        { NULL, 0, 1, 32, "32" },         { NULL, 4, 1, 32, "8 8 8 8" },
        { NULL, 0, 3, 32, "10 11 11" },   { NULL, 3, 2, 32, "10 11 11" },
        { "20,12", 0, 2, 32, "20 12" },   { "20,12", 0, 1, 8, "5 3" },
        { NULL, 4, 1, 3, "0 1 1 1" },     { NULL, 4, 4, 1, "0 0 0 1" },
        { "1,1,30", 0, 1, 31, "0 1 30" }, { "auto", 0, 3, 32, "10 11 11" },
    };

    for (size_t i = 0; i < COUNT_OF(list); i++) {
        const struct clade_train_config config = { .batch = 32,
                                                   .shares = list[i].shares,
                                                   .accumulate =
                                                       list[i].accumulate };
        struct shares s;
        char sizes[64] = "";

        if (shares_new(&s, &config, list[i].ranks))
            tap_bail("%s", clade_error());
        for (int k = 0; k < s.count; k++)
            snprintf(sizes + strlen(sizes), sizeof sizes - strlen(sizes),
                     "%s%d", k ? " " : "", shares_size(&s, k, list[i].n));
        tap_ok(!strcmp(sizes, list[i].sizes) &&
                   shares_first(&s, s.count, list[i].n) == list[i].n,
               "%d images, %s or %d equal ones, %d ranks: %s", list[i].n,
               list[i].shares ? list[i].shares : "no sizes", list[i].accumulate,
               list[i].ranks, sizes);
        shares_free(&s);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *shares;
        int accumulate, ranks;
        const char *part;
    } list[] = {
        { "20,11", 0, 1, "are 31 images, the batch has 32" },
        { "20,,12", 0, 1, "must be sizes" },
        { "20,12,", 0, 1, "must be sizes" },
        { "32,0", 0, 1, "must be sizes" },
        { "-1,33", 0, 1, "must be sizes" },
        { "", 0, 1, "must be sizes" },
        { "16x16", 0, 1, "must be sizes" },
        { "16,16", 2, 1, "only one of both" },
        { NULL, 33, 1, "a share needs at least one" },
        { "16,16", 0, 3, "3 processes for 2 shares" },
        { "auto", 4, 2, "only one of both" },
        { "auto", 0, 33, "a share needs at least one" },
    };

    for (size_t i = 0; i < COUNT_OF(list); i++) {
        const struct clade_train_config config = { .batch = 32,
                                                   .shares = list[i].shares,
                                                   .accumulate =
                                                       list[i].accumulate };
        struct shares s;

        tap_ok(failed(shares_new(&s, &config, list[i].ranks), CLADE_EUSAGE,
                      list[i].part, ""),
               "refused: %s", clade_error());
    }
}

/* ---- one process --------------------------------------------------------- */

/* Batches of 4 images, of 5. */
static clade_status train_shares(const char *run, int epochs, bool resume,
                                 const char *shares, int accumulate)
{
    struct clade_train_config c = config_for(run, epochs);

    c.batch = 4;
    c.resume = resume;
    c.shares = shares;
    c.accumulate = accumulate;
    return train_for(&c, 0);
}

/* The loss of a step, from steps.csv. */
static double loss_of(const char *run, int step)
{
    size_t n;
    char *text = read_all(&n, path(run, TRAIN_STEPS)), *at = text;
    double loss;

    for (int line = 0; line <= step; line++)
        at = strchr(at, '\n') + 1;
    for (int column = 0; column < 3; column++)
        at = strchr(at, ',') + 1;
    loss = strtod(at, NULL);
    free(text);
    return loss;
}

static void test_accumulate(void)
{
    if (train_shares("whole", 2, false, NULL, 0) ||
        train_shares("one", 2, false, NULL, 1) ||
        train_shares("two", 2, false, NULL, 2) ||
        train_shares("sizes", 2, false, "2,2", 0) ||
        train_shares("uneven", 2, false, "1,3", 0))
        tap_bail("%s", clade_error());
    tap_ok(same_run("whole", "one"), "one share is the batch, byte for byte");
    tap_ok(same_run("two", "sizes"),
           "two equal shares are two of those sizes, byte for byte");
    tap_ok(loss_of("two", 0) == loss_of("whole", 0) &&
               loss_of("uneven", 0) == loss_of("whole", 0),
           "the first loss does not depend on the shares");
    tap_ok(fabs(loss_of("two", 3) - loss_of("whole", 3)) < 1e-4 &&
               fabs(loss_of("uneven", 3) - loss_of("whole", 3)) < 1e-4,
           "the last losses are alike: %.8g, %.8g, %.8g", loss_of("whole", 3),
           loss_of("two", 3), loss_of("uneven", 3));
}

static void test_resume(void)
{
    if (train_shares("resumed", 1, false, "1,3", 0) ||
        train_shares("resumed", 2, true, NULL, 0))
        tap_bail("%s", clade_error());
    tap_ok(same_run("resumed", "uneven"), "a resumed run keeps its shares");
    tap_ok(failed(train_shares("resumed", 3, true, NULL, 2), CLADE_EDATA,
                  "shares 1,3", "has 2,2"),
           "it refuses others: %s", clade_error());
    tap_ok(failed(train_shares("whole", 3, true, NULL, 2), CLADE_EDATA,
                  "shares none", "has 2,2"),
           "and so does a run that had none: %s", clade_error());
}

/* ---- several processes --------------------------------------------------- */

struct rank {
    pthread_t thread;
    struct dist dist;
    const struct clade_train_config *config;
    clade_status st;
    char message[512], notices[1024];
    int asked, stop_after; /* 0: never */
};

/* The notices and the message of rank 0 in the last training by ranks. */
static char noticed[1024], failure[512];

static void notice(void *arg, const char *text)
{
    struct rank *r = arg;
    const size_t used = strlen(r->notices);

    snprintf(r->notices + used, sizeof r->notices - used, "%s; ", text);
}

static bool stop(void *arg)
{
    struct rank *r = arg;

    return r->stop_after && ++r->asked > r->stop_after;
}

static void *run(void *arg)
{
    struct rank *r = arg;
    const struct clade_train_observer observer = { .arg = r,
                                                   .notice = notice,
                                                   .stop = stop };
    clade_backend *be;

    r->st = clade_backend_open(&be, "cpu");
    if (!r->st)
        r->st = train_run(be, r->config, &observer, &r->dist);
    snprintf(r->message, sizeof r->message, "%s", r->st ? clade_error() : "");
    clade_backend_close(be);
    return NULL;
}

/* Train by `size` ranks; the last one is asked to stop after so many steps.
 * All must end alike. */
static clade_status train_ranks(const struct clade_train_config *c, int size,
                                int stop_after)
{
    struct rank ranks[RANKS_MAX] = { { 0 } };

    threads_begin(size);
    for (int i = 0; i < size; i++) {
        ranks[i] =
            (struct rank){ .dist = threads_rank(i),
                           .config = c,
                           .stop_after = i == size - 1 ? stop_after : 0 };
        if (pthread_create(&ranks[i].thread, NULL, run, &ranks[i]))
            tap_bail("no thread");
    }
    for (int i = 0; i < size; i++)
        pthread_join(ranks[i].thread, NULL);
    threads_end();
    snprintf(noticed, sizeof noticed, "%s", ranks[0].notices);
    snprintf(failure, sizeof failure, "%s", ranks[0].message);
    for (int i = 1; i < size; i++)
        if (ranks[i].st != ranks[0].st)
            tap_bail("rank 0: %s; rank %d: %s", ranks[0].message, i,
                     ranks[i].message);
    return ranks[0].st;
}

static struct clade_train_config ranks_config(const char *run, int epochs)
{
    struct clade_train_config c = config_for(run, epochs);

    c.batch = 4;
    return c;
}

static void test_ranks(void)
{
    struct clade_train_config c = ranks_config("ranks-1", 2);

    c.accumulate = 4;
    if (train_for(&c, 0))
        tap_bail("%s", clade_error());
    for (int size = 2; size <= 4; size++) {
        char name[16];

        snprintf(name, sizeof name, "ranks-%d", size);
        c.out = path(name, "");
        c.accumulate = size == 4 ? 0 : 4;
        tap_ok(!train_ranks(&c, size, 0) && same_run("ranks-1", name),
               "4 shares by %d ranks give the same files, byte for byte", size);
    }
}

/* Options that a rank must not decide alone. */
static void test_ranks_options(void)
{
    struct clade_train_config c = ranks_config("options-1", 4);

    c.augment = "flip,crop";
    c.schedule = "cosine";
    c.eval_every = 3;
    c.save_best = true;
    c.accumulate = 4;
    c.weights = strdup(path("ranks-1", TRAIN_CHECKPOINT));
    if (train_for(&c, 0))
        tap_bail("%s", clade_error());
    c.out = path("options-4", "");
    tap_ok(!train_ranks(&c, 4, 0) && same_run("options-1", "options-4"),
           "so they do with other options, byte for byte");
    free((char *)c.weights);
    c = ranks_config("early", 8);
    c.learning_rate = 1e-30;
    c.early_stop = 2;
    tap_ok(!train_ranks(&c, 3, 0) && strstr(noticed, "after 3 of 8 epochs"),
           "all end early: %s", noticed);
    c.resume = true;
    tap_ok(!train_ranks(&c, 3, 0) && strstr(noticed, "after 3 of 8 epochs"),
           "and find nothing left to do when they are resumed");
}

/* What a rank finds, all end with: the first finding in the order of shares. */
static void test_ranks_numerics(void)
{
    struct clade_train_config c = ranks_config("numerics", 2);
    char alone[512];

    c.check_numerics = true;
    c.accumulate = 4;
    c.learning_rate = 1e30;
    if (!train_for(&c, 0))
        tap_bail("a rate of 1e30 does not diverge");
    snprintf(alone, sizeof alone, "%s", clade_error());
    for (int size = 2; size <= 4; size++)
        tap_ok(train_ranks(&c, size, 0) == CLADE_EDIVERGED &&
                   !strcmp(failure, alone) && strstr(failure, " of 4, "),
               "%d ranks name the same op and share: %s", size, failure);
}

/* As many shares, by other ranks. */
static void test_ranks_resume(void)
{
    struct clade_train_config c = ranks_config("ranks-resumed", 1);
    clade_status st;

    st = train_ranks(&c, 4, 0);
    c.epochs = 2;
    c.resume = true;
    tap_ok(!st && !train_ranks(&c, 3, 0) &&
               same_run("ranks-resumed", "ranks-1"),
           "4 ranks begin and 3 go on: the same files, byte for byte");
    c.out = path("ranks-resumed", "");
    tap_ok(!train_for(&c, 0) && same_run("ranks-resumed", "ranks-1"),
           "one process finds nothing left to do");
}

static void test_ranks_end(void)
{
    struct clade_train_config c = ranks_config("ranks-stopped", 2);

    tap_ok(train_ranks(&c, 3, 4) == CLADE_EINTERRUPTED,
           "if one rank is to stop, all stop");
    c.shares = "1,1,2";
    c.resume = true;
    tap_ok(!train_ranks(&c, 3, 0), "and the run can go on");
    c = ranks_config("ranks-diverged", 2);
    c.learning_rate = 1e30;
    tap_ok(train_ranks(&c, 2, 0) == CLADE_EDIVERGED,
           "all see that a training diverges");
}

/* ---- shares by speed ----------------------------------------------------- */

static struct clade_train_config auto_config(const char *run, int epochs)
{
    struct clade_train_config c = ranks_config(run, epochs);

    c.shares = "auto";
    return c;
}

/* The only file of speeds. */
static const char *speed_file(void)
{
    static char name[256];
    glob_t found;

    snprintf(name, sizeof name, "%s/clade/speed-*.json",
             getenv("XDG_CACHE_HOME"));
    if (glob(name, 0, NULL, &found) || found.gl_pathc != 1)
        tap_bail("%s: not one file", name);
    snprintf(name, sizeof name, "%s", found.gl_pathv[0]);
    globfree(&found);
    return name;
}

/* Write the times of two ranks, in ms, in the place of those in the file. */
static void set_times(const char *first, const char *second)
{
    const char *const times[] = { first, second };
    size_t n;
    char *text = read_all(&n, speed_file()), *at = text, *changed = NULL;
    FILE *out = open_memstream(&changed, &n);

    for (int i = 0; i < 2; i++) {
        char *ms = strstr(at, "\"ms\": ");

        if (!ms)
            tap_bail("%s has no times: %s", speed_file(), text);
        fprintf(out, "%.*s%s", (int)(ms + 6 - at), at, times[i]);
        at = ms + 6 + strspn(ms + 6, "0123456789.e-+");
    }
    fputs(at, out);
    fclose(out);
    write_all(speed_file(), changed, n);
    free(changed);
    free(text);
}

/* The shares in a run's checkpoint. */
static const char *shares_of(const char *run)
{
    static char text[32];
    clade_checkpoint *c;

    if (clade_checkpoint_open(&c, path(run, TRAIN_CHECKPOINT)))
        tap_bail("%s", clade_error());
    snprintf(text, sizeof text, "%s", clade_checkpoint_info(c)->shares);
    clade_checkpoint_close(c);
    return text;
}

static void test_auto(void)
{
    struct clade_train_config c = auto_config("auto", 1);
    char shares[64];

    if (train_ranks(&c, 2, 0))
        tap_bail("the training failed");
    snprintf(shares, sizeof shares, "shares %s, by", shares_of("auto"));
    tap_ok(strstr(noticed, shares) && strstr(noticed, "measured now") &&
               strstr(noticed, speed_file()),
           "ranks measure their speed: %s", noticed);

    set_times("30", "10");
    c = auto_config("auto-1", 1);
    if (train_ranks(&c, 2, 0))
        tap_bail("the training failed");
    tap_ok(!strcmp(shares_of("auto-1"), "1,3") &&
               strstr(noticed, "shares 1,3, by") && strstr(noticed, "30, 10") &&
               strstr(noticed, "read from"),
           "others read it, and cut alike: %s", noticed);
}

static void test_auto_resume(void)
{
    struct clade_train_config c = auto_config("auto-wanted", 2);

    c.shares = "1,3";
    if (train_for(&c, 0))
        tap_bail("%s", clade_error());
    set_times("10", "30");
    c = auto_config("auto-1", 2);
    c.resume = true;
    tap_ok(!train_ranks(&c, 2, 0) && same_run("auto-1", "auto-wanted"),
           "a resumed run keeps its shares, whatever the speed is now");
    c = auto_config("auto-alone", 2);
    tap_ok(!train_for(&c, 0) && same_run("whole", "auto-alone"),
           "one process has all images");
}

static void test_auto_bad(void)
{
    static const char *const bad[] = { "", "{}", "[1, 2", "{\"ranks\": [1]}" };
    size_t n;
    char *good = read_all(&n, speed_file());

    for (size_t i = 0; i < COUNT_OF(bad) + 2; i++) {
        char name[16];
        struct clade_train_config c;

        snprintf(name, sizeof name, "auto-bad-%zu", i);
        c = auto_config(name, 1);
        if (i < COUNT_OF(bad))
            write_all(speed_file(), bad[i], strlen(bad[i]));
        else if (i == COUNT_OF(bad))
            set_times("-1", "10");
        else
            write_all(speed_file(), good, n - 2); /* without its last } */
        tap_ok(!train_ranks(&c, 2, 0) && strstr(noticed, "it is damaged") &&
                   strstr(noticed, "measured now, and kept"),
               "bad file %zu: the speed is measured again: %s", i, noticed);
    }
    free(good);
}

int main(void)
{
    trainer_begin("shares");
    cache_begin();
    tap_plan(10 + 12 + 4 + 3 + 3 + 3 + 3 + 2 + 3 + 2 + 2 + 6);
    test_cut();
    test_refused();
    test_accumulate();
    test_resume();
    test_ranks();
    test_ranks_options();
    test_ranks_numerics();
    test_ranks_resume();
    test_ranks_end();
    test_auto();
    test_auto_resume();
    test_auto_bad();
    cache_end();
    trainer_end();
    return tap_done();
}
