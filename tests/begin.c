/* SPDX-License-Identifier: Apache-2.0 */
/* Trainings that begin with the parameters of a file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "trainer.h"

static struct clade_train_config further(const char *run, int epochs)
{
    static char weights[128];
    struct clade_train_config c = config_for(run, epochs);

    snprintf(weights, sizeof weights, "%s",
             path("straight", "checkpoint.safetensors"));
    c.weights = weights;
    return c;
}

/* With a momentum that is not 0, such a step would still change them. */
static void test_taken(void)
{
    struct clade_train_config c = further("still", 1);
    const struct clade_train_epoch last = seen.rows[1];

    c.learning_rate = 1e-30;
    tap_ok(!train_for(&c, 0) && seen.rows[0].test.loss == last.test.loss &&
               seen.rows[0].test.accuracy[0] == last.test.accuracy[0],
           "a run begins with the weights, and momenta of 0: validation loss "
           "%.17g, %.17g",
           seen.rows[0].test.loss, last.test.loss);
    tap_ok(!seen.rows[0].resumed && seen.n_rows == 1,
           "it counts its own epochs");
}

static void test_resumed(void)
{
    struct clade_train_config c = further("whole", 2);
    clade_status st = train_for(&c, 0);

    c = further("parts", 1);
    st = st ? st : train_for(&c, 0);
    tap_ok(!st && !train("parts", 2, true) && same_run("whole", "parts"),
           "it is resumed without them, byte for byte");
    c = further("parts", 3);
    c.resume = true;
    tap_ok(failed(train_for(&c, 0), CLADE_EUSAGE, "straight/checkpoint",
                  "its own weights"),
           "to resume with weights is refused: %s", clade_error());
}

static void test_refused(void)
{
    struct clade_train_config c = further("none", 1);
    const char *bad = path("straight", "bad.safetensors");
    size_t n;
    char *bytes = read_all(&n, c.weights), *at;

    c.weights = "no/such/file";
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA, "no/such/file: ", "No such") &&
               access(path("none", ""), F_OK),
           "a file that is missing is named, and no folder is left");
    c.weights = bad;
    write_all(bad, bytes, n - 1);
    tap_ok(
        failed(train_for(&c, 0), CLADE_EDATA, "bad.safetensors: ", "cut short"),
        "a file that is cut short is refused");
    at = memmem(bytes, n, "\"conv1/kernel\"", 14);
    memcpy(at, "\"conv2/kernel\"", 14);
    write_all(bad, bytes, n);
    tap_ok(failed(train_for(&c, 0), CLADE_EDATA,
                  "bad.safetensors: ", "tensor conv1/kernel is missing"),
           "another net's weights are refused");
    free(bytes);
}

int main(void)
{
    trainer_begin("begin-test");
    tap_plan(2 + 2 + 3);
    if (train("straight", 2, false))
        tap_bail("%s", clade_error());
    test_taken();
    test_resumed();
    test_refused();
    trainer_end();
    return tap_done();
}
