/* SPDX-License-Identifier: Apache-2.0 */
/* The learning rate of each step, and trainings with these rates. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "trainer.h"

static void test_schedule(void)
{
    tap_ok(clade_train_rate(0.01, 0) == 0.01 &&
               clade_train_rate(0.01, 6) == 0.01 &&
               fabs(clade_train_rate(0.01, 7) - 0.0098) < 1e-15 &&
               fabs(clade_train_rate(0.01, 24) - 0.01 * 0.98 * 0.98 * 0.98) <
                   1e-15,
           "the learning rate falls by 2 %% before epochs 7, 15 and 23");
}

/* 12 images in batches of 4, with a rate for batches of 2: k = 2. */
static void test_scaled(void)
{
    struct clade_train_config c = { .train_count = 12,
                                    .batch = 4,
                                    .learning_rate = 0.5 };
    static const double rising[] = { 1,       7. / 6,  8. / 6, 9. / 6,
                                     10. / 6, 11. / 6, 2 };
    bool good = true;

    for (int step = 0; step < 90; step++)
        good &=
            clade_train_step_rate(&c, step) == clade_train_rate(0.5, step / 3);
    tap_ok(good, "a step's rate is its epoch's");
    c.rate_batch = 2;
    for (int step = 0; step < 90; step++)
        good &= clade_train_step_rate(&c, step) ==
                2 * clade_train_rate(0.5, step / 3);
    tap_ok(good, "it is scaled by batch / rate_batch");
    c.warmup = 2;
    for (int step = 0; step < 90; step++) {
        const double wanted =
            0.5 * (step < 7 ? rising[step] : 2) * clade_train_rate(1, step / 3);

        good &= fabs(clade_train_step_rate(&c, step) - wanted) < 1e-14;
    }
    tap_ok(good, "and rises step by step from the one to the other");
    c.rate_batch = 8;
    tap_ok(clade_train_step_rate(&c, 0) == 0.5 &&
               clade_train_step_rate(&c, 6) == 0.25,
           "a smaller batch has a smaller rate");
}

/* 12 images in batches of 4: 4 epochs have 12 steps. */
static void test_cosine(void)
{
    struct clade_train_config c = { .train_count = 12,
                                    .batch = 4,
                                    .epochs = 4,
                                    .learning_rate = 0.5,
                                    .schedule = "cosine" };
    bool good = true;

    tap_ok(clade_train_step_rate(&c, 0) == 0.5 &&
               fabs(clade_train_step_rate(&c, 4) - 0.375) < 1e-15 &&
               fabs(clade_train_step_rate(&c, 6) - 0.25) < 1e-15 &&
               fabs(clade_train_step_rate(&c, 8) - 0.125) < 1e-15 &&
               fabs(clade_train_step_rate(&c, 12)) < 1e-15,
           "a cosine falls from the rate to 0 over all steps of the run");
    c.rate_batch = 2;
    c.warmup = 1;
    tap_ok(fabs(clade_train_step_rate(&c, 2) -
                0.5 * (1 + cos(M_PI / 6)) / 2 * (1 + 2 / 3.)) < 1e-15 &&
               fabs(clade_train_step_rate(&c, 6) - 0.5) < 1e-15,
           "a scale and a warm-up multiply it");
    c = (struct clade_train_config){ .train_count = 12,
                                     .batch = 4,
                                     .learning_rate = 0.5,
                                     .schedule = "constant" };
    for (int step = 0; step < 90; step++)
        good &= clade_train_step_rate(&c, step) == 0.5;
    tap_ok(good, "a constant rate stays");
    c.schedule = "sine";
    tap_ok(isnan(clade_train_step_rate(&c, 0)), "no other has a rate");
}

/* The rates of a run, from steps.csv. */
static bool has_rates(const char *run, const double *wanted, int count)
{
    size_t n;
    char *text = read_all(&n, path(run, "steps.csv")), *at = text;
    bool good = true;
    double rate;

    for (int i = 0; i < count && good; i++) {
        at = strchr(at, '\n');
        good = at && sscanf(++at, "%*d,%*d,%lf", &rate) == 1 &&
               fabs(rate - wanted[i]) < 1e-8;
    }
    free(text);
    return good;
}

/* Does a run's checkpoint have this scale and warm-up? */
static bool says_warmup(const char *run, int rate_batch, int warmup)
{
    const struct clade_checkpoint_info *info;
    clade_checkpoint *c;
    bool good;

    if (clade_checkpoint_open(&c, path(run, "checkpoint.safetensors")))
        tap_bail("%s", clade_error());
    info = clade_checkpoint_info(c);
    good = info->rate_batch == rate_batch && info->warmup == warmup;
    clade_checkpoint_close(c);
    return good;
}

static void test_warmup(void)
{
    static const double rates[] = {
        0.01, 0.01 + 1 / 300., 0.01 + 2 / 300., 0.02, 0.02, 0.02
    };
    struct clade_train_config c = config_for("warm", 2);

    c.rate_batch = 1; /* of batches of 2 */
    c.warmup = 1;
    tap_ok(!train_for(&c, 0) && has_rates("warm", rates, 6),
           "a training with a warm-up has these rates");
    tap_ok(says_warmup("warm", 1, 1) && says_warmup("straight", 0, 0),
           "and its checkpoint says so");
    c.out = path("warm-resumed", "");
    c.epochs = 1;
    if (train_for(&c, 0))
        tap_bail("%s", clade_error());
    c.epochs = 2;
    c.resume = true;
    tap_ok(!train_for(&c, 0) && same_run("warm", "warm-resumed"),
           "and so when it is resumed, byte for byte");
    c.epochs = 3;
    c.warmup = 2;
    c.out = path("warm-resumed", "");
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "with warmup 1", "has 2"),
           "resuming with another warm-up is refused: %s", clade_error());
    c.warmup = 0;
    c.out = path("warm-resumed", "");
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "with warmup 1", "has none"),
           "or without one");
    c = config_for("straight", 3);
    c.resume = true;
    c.rate_batch = 2;
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "rate_batch none", "has 2"),
           "or with a scale that the run did not have");
    c = config_for("cold", 1);
    c.warmup = 1;
    tap_ok(failed(train_for(&c, 0), CLADE_EUSAGE, "1 epochs of warm-up",
                  "needs the batch"),
           "a warm-up without a scale is refused");
}

static void test_schedules(void)
{
    /* (1 + cos(pi * i / 6)) / 2 of 0.01 */
    static const double rates[] = { 0.01,  0.009330127, 0.0075,
                                    0.005, 0.0025,      0.000669873 };
    struct clade_train_config c = config_for("cosine", 2);

    c.schedule = "cosine";
    tap_ok(!train_for(&c, 0) && has_rates("cosine", rates, 6),
           "a training along a cosine has these rates");
    c.out = path("cosine-resumed", "");
    tap_ok(train_for(&c, 5 + 2) == CLADE_EINTERRUPTED, "it is interrupted");
    c.resume = true;
    tap_ok(!train_for(&c, 0) && same_run("cosine", "cosine-resumed"),
           "and resumed, byte for byte");
    c.out = path("cosine-resumed", "");
    c.epochs = 3;
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "epochs 2, this run has 3",
                  "with as many"),
           "with other epochs it is refused: %s", clade_error());
    c.schedule = "constant";
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "schedule cosine",
                  "has constant"),
           "and so is another schedule");
    c.out = path("straight", "");
    tap_ok(
        failed(train_for(&c, 0), CLADE_EDATA, "schedule step", "has constant"),
        "also in the place of the usual one");
    c.schedule = "step";
    c.epochs = 2;
    tap_ok(!train_for(&c, 0), "which has a name, too");
    c.schedule = "sine";
    tap_ok(failed(train_for(&c, 0), CLADE_EUSAGE, "\"sine\"", "cosine"),
           "an unknown schedule is refused: %s", clade_error());
}

int main(void)
{
    trainer_begin("rates-test");
    tap_plan(1 + 4 + 4 + 7 + 8);
    test_schedule();
    test_scaled();
    test_cosine();
    if (train("straight", 2, false))
        tap_bail("%s", clade_error());
    test_warmup();
    test_schedules();
    trainer_end();
    return tap_done();
}
