/* SPDX-License-Identifier: Apache-2.0 */
/* Validations: which epochs have one, which is the best, and what follows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "train/train.h"
#include "trainer.h"

#define EPOCHS 8

/* ---- the best ------------------------------------------------------------ */

static bool update(struct best *best, int epoch, double accuracy, double loss)
{
    return best_update(
        best, &(struct clade_train_epoch){
                  .epoch = epoch,
                  .validated = true,
                  .test = { .accuracy = { accuracy, 1 }, .loss = loss } });
}

static void test_order(void)
{
    struct best best = { .any = false };
    const struct clade_train_epoch none = { .epoch = 9, .validated = false };

    tap_ok(!best_update(&best, &none) && !best.any,
           "an epoch without a validation is not the best");
    tap_ok(update(&best, 0, 0, 5) && update(&best, 1, 0.5, 6) &&
               !update(&best, 2, 0.4, 1) && best.epoch == 1 && best.last == 2,
           "a higher accuracy is better, whatever the loss");
    tap_ok(!update(&best, 3, 0.5, 6) && !update(&best, 4, 0.5, 7) &&
               update(&best, 5, 0.5, 5.999999) && best.epoch == 5,
           "of equal ones a lower loss is better, and then the earlier");
    tap_ok(!update(&best, 6, 0.5, 5.9999988) &&
               !update(&best, 7, 0.5000004, 6) && best.epoch == 5,
           "digits that history.csv lacks do not count");
}

/* ---- best.safetensors ---------------------------------------------------- */

static int epoch_of(const char *run, const char *name)
{
    clade_checkpoint *c;
    int epoch;

    if (clade_checkpoint_open(&c, path(run, name)))
        return -1;
    epoch = clade_checkpoint_info(c)->epoch;
    clade_checkpoint_close(c);
    return epoch;
}

/* The best of the epochs seen, from 1 on. */
static int best_seen(void)
{
    struct best best = { .any = false };

    for (int i = 0; i < seen.n_rows; i++)
        best_update(&best, &seen.rows[i]);
    return best.epoch + 1;
}

static struct clade_train_config saving(const char *run, int epochs)
{
    struct clade_train_config c = config_for(run, epochs);

    c.save_best = true;
    c.learning_rate = 0.05; /* the best epoch is in the middle */
    return c;
}

static void test_saved(void)
{
    struct clade_train_config c = saving("best", EPOCHS);
    clade_status st = train_for(&c, 0);
    const int best = best_seen();

    tap_ok(!st && best > 1 && best < EPOCHS - 1 &&
               epoch_of("best", "best.safetensors") == best,
           "the best epoch's checkpoint is kept: %d", best);
    c = saving("as-best", best);
    tap_ok(!train_for(&c, 0) &&
               same_file(path("as-best", "checkpoint.safetensors"),
                         path("best", "best.safetensors")),
           "it is the one of a run that ends there, byte for byte");
    for (int done = best - 1; done <= best + 1; done++) {
        char run[16];

        snprintf(run, sizeof run, "best-%d", done);
        c = saving(run, done);
        st = train_for(&c, 0);
        c = saving(run, EPOCHS);
        c.resume = true;
        tap_ok(!st && !train_for(&c, 0) && same_run(run, "best") &&
                   !seen.notices,
               "resumed after epoch %d, it is kept, byte for byte", done);
    }
}

/* Resume a copy of a run of the best epoch's, which has no best.safetensors. */
static void test_lost(void)
{
    const int best = epoch_of("best", "best.safetensors");
    struct clade_train_config c = saving("lost", best);

    c.save_best = false;
    if (train_for(&c, 0) || epoch_of("lost", "best.safetensors") >= 0)
        tap_bail("%s", clade_error());
    c = saving("lost", EPOCHS);
    c.resume = true;
    tap_ok(!train_for(&c, 0) && same_run("lost", "best") && !seen.notices,
           "if it is the last epoch, it can be kept later, too");
    copy_run("gone", "best");
    unlink(path("gone", "best.safetensors"));
    c = saving("gone", EPOCHS + 1);
    c.resume = true;
    tap_ok(!train_for(&c, 0) && seen.notices == 1 &&
               strstr(seen.notice, "gone/best.safetensors: is not there") &&
               epoch_of("gone", "best.safetensors") == EPOCHS + 1,
           "if it is gone, the best from there on is kept: %s", seen.notice);
    unlink(path("gone", "checkpoint.safetensors"));
    unlink(path("gone", "checkpoint.previous.safetensors"));
    c = saving("gone", 1);
    tap_ok(failed(train_for(&c, 0), CLADE_EINUSE, "best.safetensors",
                  "another folder"),
           "a folder with nothing else of a run is not begun again");
}

/* The newest checkpoint and the best are one file; it is damaged. */
static void test_damaged(void)
{
    const int best = epoch_of("best", "best.safetensors");
    struct clade_train_config c = saving("damaged", best);

    if (train_for(&c, 0) ||
        truncate(path("damaged", "checkpoint.safetensors"), 1000))
        tap_bail("%s", clade_error());
    c = saving("damaged", EPOCHS);
    c.resume = true;
    tap_ok(!train_for(&c, 0) && same_run("damaged", "best"),
           "if it is damaged as the newest checkpoint is, it is made again");
}

/* ---- validations --------------------------------------------------------- */

static struct clade_train_config every(const char *run, int epochs, int n)
{
    struct clade_train_config c = config_for(run, epochs);

    c.eval_every = n;
    return c;
}

/* Are these epochs of the last run, from 1 on, validated? */
static bool validated(const char *wanted)
{
    bool good = seen.n_rows == (int)strlen(wanted);

    for (int i = 0; i < seen.n_rows; i++)
        good &= seen.rows[i].validated == (wanted[i] == 'x');
    return good;
}

static void test_every(void)
{
    struct clade_train_config c = config_for("each", 5);
    struct clade_train_epoch fourth;
    size_t n;
    char *text;

    if (train_for(&c, 0))
        tap_bail("%s", clade_error());
    fourth = seen.rows[3];
    c = every("every", 5, 2);
    tap_ok(!train_for(&c, 0) && validated("-x-xx"),
           "every second epoch is validated, and the last one");
    tap_ok(seen.rows[3].test.loss == fourth.test.loss &&
               seen.rows[2].test.loss == 0,
           "with the figures that it has in a run that validates each");
    text = read_all(&n, path("every", "history.csv"));
    tap_ok(strstr(text, ",NA,NA,NA,NA,NA\n1,"),
           "the other rows of history.csv have NA there");
    free(text);
    c = every("parts", 4, 2);
    if (train_for(&c, 0))
        tap_bail("%s", clade_error());
    c = every("parts", 5, 2);
    c.resume = true;
    tap_ok(!train_for(&c, 0) && validated("-x-xx") && seen.rows[0].resumed &&
               same_run("parts", "every"),
           "it is resumed, byte for byte");
    c = every("parts", 6, 3);
    c.resume = true;
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "eval_every 2", "has 3"),
           "but not with another number: %s", clade_error());
    c = every("parts", 6, -1);
    tap_ok(failed(train_for(&c, 0), CLADE_EUSAGE, "-1", "below 0"),
           "nor with one below 0");
}

/* A row that is neither a validation nor none. */
static void test_bad_row(void)
{
    size_t n;
    char *text = read_all(&n, path("every", "history.csv"));
    char *at = strstr(text, ",NA");
    struct clade_train_config c = every("every", 6, 2);

    memcpy(at + 1, "xx", 2);
    write_all(path("every", "history.csv"), text, n);
    c.resume = true;
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "history.csv",
                  "row of epoch 0 is damaged"),
           "a row with something else there is damaged");
    free(text);
}

/* ---- early ends ---------------------------------------------------------- */

/* With a rate of almost 0, no epoch is better than the first. */
static struct clade_train_config still(const char *run, int eval_every, int n)
{
    struct clade_train_config c = every(run, 8, eval_every);

    c.learning_rate = 1e-30;
    c.early_stop = n;
    return c;
}

static void test_early(void)
{
    struct clade_train_config c = still("early", 1, 2);

    tap_ok(!train_for(&c, 0) && seen.n_rows == 3 && seen.notices == 1 &&
               strstr(seen.notice, "that of epoch 1") &&
               strstr(seen.notice, "after 3 of 8"),
           "a run ends after two epochs without a better one: %s", seen.notice);
    c = still("early", 1, 2);
    c.resume = true;
    tap_ok(!train_for(&c, 0) && !seen.steps && seen.notices == 1,
           "resumed, it has nothing left to do, and says so");
    c = still("early", 1, 3);
    c.resume = true;
    tap_ok(!train_for(&c, 0) && seen.n_rows == 4,
           "unless it may go on for longer");
    c = still("early-every", 2, 3);
    tap_ok(!train_for(&c, 0) && seen.n_rows == 6 && validated("-x-x-x"),
           "epochs without a validation count, but do not end it");
    c = still("early-last", 1, 7);
    tap_ok(!train_for(&c, 0) && seen.n_rows == 8 && !seen.notices,
           "the last epoch is no early end");
    c = still("early", 1, -1);
    tap_ok(failed(train_for(&c, 0), CLADE_EUSAGE, "-1", "below 0"),
           "a number below 0 is refused");
}

int main(void)
{
    trainer_begin("best-test");
    tap_plan(4 + 5 + 3 + 1 + 6 + 1 + 6);
    test_order();
    test_saved();
    test_lost();
    test_damaged();
    test_every();
    test_bad_row();
    test_early();
    trainer_end();
    return tap_done();
}
