/* SPDX-License-Identifier: Apache-2.0 */
/* Which runs can be resumed, and from which of their two checkpoints. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "trainer.h"

/* A run that was killed after its first history and before its checkpoint. */
static void test_begun_again(void)
{
    if (train("killed", 1, false))
        tap_bail("%s", clade_error());
    unlink(path("killed", "checkpoint.safetensors"));
    tap_ok(failed(train("killed", 2, true), CLADE_EDATA, "killed: there is no",
                  "start a new run"),
           "a run that was killed before its first checkpoint cannot be "
           "resumed");
    tap_ok(!train("killed", 2, false) && seen.notices == 1 &&
               strstr(seen.notice, "begun again") &&
               same_run("killed", "straight"),
           "it is begun again: %s", seen.notice);
}

/* Resume a run of `epochs` epochs whose newest checkpoint is damaged: it must
 * say `says`, and end like the undisturbed run "cut" of three epochs. */
static void test_previous(const char *run, const char *says)
{
    tap_ok(!train(run, 3, true) && seen.notices == 1 &&
               strstr(seen.notice, says) &&
               strstr(seen.notice, "checkpoint.previous.safetensors, after "
                                   "epoch 1") &&
               seen.n_rows == 3 && seen.rows[0].resumed &&
               !seen.rows[1].resumed && same_run(run, "cut"),
           "the one before it is taken, to the same files: %s", seen.notice);
}

static void test_two_checkpoints(void)
{
    static const char newest[] = "checkpoint.safetensors";
    size_t n;
    char *bytes = read_all(&n, path("straight", newest));

    copy_run("short", "straight");
    write_all(path("short", newest), bytes, n - 1);
    test_previous("short", "short/checkpoint.safetensors: tensor momentum/");
    copy_run("bad", "straight");
    bytes[8] = ' ';
    write_all(path("bad", newest), bytes, n);
    test_previous("bad", "bad/checkpoint.safetensors: its header is not JSON");
    copy_run("missing", "straight");
    unlink(path("missing", newest));
    test_previous("missing", "missing/checkpoint.safetensors: No such file");
    copy_run("both", "straight");
    write_all(path("both", newest), bytes, n);
    write_all(path("both", "checkpoint.previous.safetensors"), bytes, 7);
    tap_ok(failed(train("both", 3, true), CLADE_EDATA,
                  "both/checkpoint.safetensors: its header is not JSON",
                  "previous.safetensors"),
           "if both are damaged, both are named: %s", clade_error());
    free(bytes);
}

static void test_other_run(void)
{
    static const struct {
        const char *key, *both[2];
    } cases[] = {
        { "seed", { "1", "2" } },
        { "batch", { "2", "3" } },
        { "train_count", { "5", "6" } },
        { "test_count", { "3", "4" } },
        { "learning_rate", { "0.01", "0.02" } },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct clade_train_config c = config_for("straight", 3);
        char had[64], has[64];

        c.resume = true;
        c.seed += i == 0;
        c.batch += i == 1;
        c.train_count += i == 2;
        c.test_count += i == 3;
        c.learning_rate += i == 4 ? 0.01 : 0;
        snprintf(had, sizeof had, "with %s %s", cases[i].key, cases[i].both[0]);
        snprintf(has, sizeof has, "has %s", cases[i].both[1]);
        tap_ok(failed(train_for(&c, 0), CLADE_EDATA, had, has),
               "resuming with another %s is refused, and both values are named",
               cases[i].key);
    }
}

int main(void)
{
    trainer_begin("resume-test");
    tap_plan(2 + 4 + 5);
    if (train("straight", 2, false) || train("cut", 3, false))
        tap_bail("%s", clade_error());
    test_begun_again();
    test_two_checkpoints();
    test_other_run();
    trainer_end();
    return tap_done();
}
