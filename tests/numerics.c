/* SPDX-License-Identifier: Apache-2.0 */
/* The search for the first op that writes a NaN or an infinity. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "safetensors.h"
#include "tap.h"
#include "trainer.h"

/* The first byte of a tensor in a checkpoint. */
static size_t place_of(const char *name, const char *tensor)
{
    struct safetensors *file;
    size_t at, n;
    char *bytes = read_all(&n, name);
    uint64_t header;

    if (safetensors_open(&file, name) || !safetensors_find(file, tensor))
        tap_bail("%s: no %s", name, tensor);
    memcpy(&header, bytes, sizeof header);
    at = sizeof header + header + safetensors_find(file, tensor)->at;
    safetensors_close(file);
    free(bytes);
    return at;
}

/* Train a run that begins with the weights of "straight", but for `count`
 * values of a tensor, from value `first` on. */
static clade_status train_with(const char *run, struct clade_train_config c,
                               const char *tensor, int first,
                               const float *values, int count)
{
    static char weights[128];
    size_t n;
    char *bytes = read_all(&n, path("straight", "checkpoint.safetensors"));
    const size_t at =
        place_of(path("straight", "checkpoint.safetensors"), tensor);

    snprintf(weights, sizeof weights, "%s", path("straight", run));
    memcpy(bytes + at + (size_t)first * sizeof *values, values,
           (size_t)count * sizeof *values);
    write_all(weights, bytes, n);
    free(bytes);
    c.weights = weights;
    c.check_numerics = true;
    c.out = path(run, "");
    return train_for(&c, 0);
}

static struct clade_train_config config(void)
{
    return config_for("none", 1);
}

static void test_same(void)
{
    struct clade_train_config c = config_for("searched", 2);

    c.check_numerics = true;
    tap_ok(!train_for(&c, 0) && same_run("searched", "straight") &&
               seen.notices == 1 && strstr(seen.notice, "slow"),
           "a run that is searched writes the same files, and says: %s",
           seen.notice);
}

static void test_forward(void)
{
    const float nan = NAN, inf = -INFINITY;

    tap_ok(
        failed(train_with("dense", config(), "classifier/kernel", 7, &nan, 1),
               CLADE_EDIVERGED,
               "epoch 1, step 1 of 3: forward, conv_fwd of classifier: of "
               "the 20 values of y, 2 are not finite",
               "the first is nan at [0,0,0,7]"),
        "a NaN of a dense layer: %s", clade_error());
    tap_ok(failed(train_with("conv", config(), "conv1/kernel", 2, &nan, 1),
                  CLADE_EDIVERGED, "forward, conv_fwd of conv1: of the 512 ",
                  "nan at [0,0,0,2]"),
           "of a convolution: %s", clade_error());
    tap_ok(failed(train_with("bias", config(), "classifier/bias", 9, &inf, 1),
                  CLADE_EDIVERGED,
                  "conv_fwd of classifier: of the 20 values of y, 2 ",
                  "-inf at [0,0,0,9]"),
           "an infinity of a bias: %s", clade_error());
}

/*
 * One image, of class 0: its logit gets a weight of -3e38 for an input, the
 * others get 3e38.  The loss is finite, as the input is below 1/2.  The input's
 * gradient is the sum of 9 * 1/9 * 3e38 and 1 * 3e38, or so: an infinity.
 */
static void test_backward(void)
{
    static const float weights[10] = { -3e38f, 3e38f, 3e38f, 3e38f, 3e38f,
                                       3e38f,  3e38f, 3e38f, 3e38f, 3e38f };
    struct clade_train_config c = config();

    c.train_count = 1;
    tap_ok(failed(train_with("back", c, "classifier/kernel", 50, weights, 10),
                  CLADE_EDIVERGED,
                  "step 1 of 1: backward, conv_bwd_data of classifier: of the ",
                  "values of dx, 1 are not finite; the first is inf at "
                  "[0,0,0,5]"),
           "a gradient: %s", clade_error());
}

static void test_update(void)
{
    struct clade_train_config c = config_for("update", 1);

    c.check_numerics = true;
    c.learning_rate = 1e39; /* an infinity in float */
    tap_ok(failed(train_for(&c, 0), CLADE_EDIVERGED,
                  "step 1 of 3: update, sgd of parameters: of the ",
                  " at [0,0,0,0] of conv1/kernel"),
           "an update: %s", clade_error());
}

/* Parameters that are finite, in a validation of another batch. */
static void test_validation(void)
{
    struct clade_train_config c = config_for("validation", 2);

    c.check_numerics = true;
    c.learning_rate = 1e37;
    c.train_count = 1;
    tap_ok(failed(train_for(&c, 0), CLADE_EDIVERGED, "epoch 1: validation, ",
                  "not finite"),
           "a validation: %s", clade_error());
}

static void test_shares(void)
{
    struct clade_train_config c = config();
    const float nan = NAN;

    c.batch = 4;
    c.accumulate = 4;
    tap_ok(failed(train_with("shares", c, "classifier/bias", 3, &nan, 1),
                  CLADE_EDIVERGED,
                  "forward, share 1 of 4, conv_fwd of classifier: of the 10 ",
                  "nan at [0,0,0,3]"),
           "a share: %s", clade_error());
}

int main(void)
{
    trainer_begin("numerics-test");
    tap_plan(1 + 3 + 1 + 1 + 1 + 1);
    if (train("straight", 2, false))
        tap_bail("%s", clade_error());
    test_same();
    test_forward();
    test_backward();
    test_update();
    test_validation();
    test_shares();
    trainer_end();
    return tap_done();
}
