/* SPDX-License-Identifier: Apache-2.0 */
/* Weights alone, as other programs write them, must be taken where a checkpoint
 * is, and what is wrong with them must be named. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "safetensors.h"
#include "tap.h"
#include "train/train.h"
#include "trainer.h"

struct copying {
    struct safetensors *from;
    const struct safetensor *list;
};

static clade_status copied(void *arg, int i, float *to)
{
    const struct copying *c = arg;
    const char *name = c->list[i].name;

    return safetensors_read(
        c->from, to,
        safetensors_find(c->from, strcmp(name, "extra") ? name : "conv1/bias"));
}

/* Write a file with the tensors of a checkpoint: with its momenta or not,
 * without one tensor, and with another one, a copy of conv1/bias.  "": none.
 * Takes `metadata` over. */
static const char *write_weights(const char *name, json_t *metadata,
                                 bool momenta, const char *without,
                                 const char *extra)
{
    const char *to = path("weights", name);
    struct safetensor list[16];
    struct copying copying = { .list = list };
    const struct safetensor *all;
    int held, count = 0;

    mkdir(path("weights", ""), 0777);
    if (safetensors_open(&copying.from,
                         path("straight", "checkpoint.safetensors")))
        tap_bail("%s", clade_error());
    all = safetensors_list(copying.from, &held);
    for (int i = 0; i < held; i++) {
        if ((!momenta && !strncmp(all[i].name, "momentum/", 9)) ||
            !strcmp(all[i].name, without))
            continue;
        list[count++] = all[i];
        if (*extra && !strcmp(all[i].name, "conv1/bias")) {
            list[count] = all[i];
            list[count++].name = extra;
        }
    }
    if (safetensors_write(to, metadata, list, count, copied, &copying))
        tap_bail("%s", clade_error());
    safetensors_close(copying.from);
    json_decref(metadata);
    return to;
}

/* The validation loss of a file's net on built-in images. */
static double loss_of(const char *name, bool *weights, int *epoch)
{
    struct clade_data data;
    clade_checkpoint *checkpoint;
    struct clade_figures figures;
    clade_net *net;

    if (clade_checkpoint_open(&checkpoint, name) || new_net(&net) ||
        clade_checkpoint_load(checkpoint, net) ||
        clade_data_builtin(&data, 0, TESTS, 1) ||
        clade_train_evaluate(&figures, net, &data.test, BATCH, NULL))
        tap_bail("%s", clade_error());
    *weights = clade_checkpoint_info(checkpoint)->weights;
    *epoch = clade_checkpoint_info(checkpoint)->epoch;
    clade_data_free(&data);
    clade_net_free(net);
    clade_checkpoint_close(checkpoint);
    return figures.loss;
}

/* Are the momenta of a net that loads it 0? */
static bool no_momenta(const char *name)
{
    clade_checkpoint *checkpoint;
    const struct clade_parameter *list;
    bool none = true;
    clade_net *net;
    float v[4];

    if (clade_checkpoint_open(&checkpoint,
                              path("straight", "checkpoint.safetensors")) ||
        new_net(&net) || clade_checkpoint_load(checkpoint, net))
        tap_bail("%s", clade_error());
    clade_checkpoint_close(checkpoint);
    if (clade_checkpoint_open(&checkpoint, name) ||
        clade_checkpoint_load(checkpoint, net))
        tap_bail("%s", clade_error());
    clade_checkpoint_close(checkpoint);
    clade_net_parameters(net, &list);
    if (clade_net_read(net, v, list[1].momentum))
        tap_bail("%s", clade_error());
    for (size_t i = 0; i < COUNT_OF(v); i++)
        none &= v[i] == 0;
    clade_net_free(net);
    return none;
}

static void test_weights(void)
{
    const double wanted = seen.rows[1].test.loss;
    const char *bare = write_weights("bare", json_object(), false, "", "");
    bool weights;
    int epoch;
    double loss = loss_of(bare, &weights, &epoch);
    const char *named;

    tap_ok(weights && !epoch && loss == wanted,
           "weights without metadata are taken, and give the run's loss: %.9g, "
           "%.9g",
           loss, wanted);
    tap_ok(no_momenta(bare), "and the net's momenta are then 0");
    named = write_weights("named",
                          json_pack("{s:s, s:s}", "format", "pt", "epoch", "7"),
                          false, "", "");
    loss_of(named, &weights, &epoch);
    tap_ok(weights && epoch == 7,
           "another program's format is weights, and an epoch is taken");
    tap_ok(
        failed(load(write_weights("epoch", json_pack("{s:s}", "epoch", "last"),
                                  false, "", "")),
               CLADE_EDATA, "weights/epoch", "\"last\""),
        "an epoch that is no number is refused");
}

static void test_weights_refused(void)
{
    tap_ok(failed(load(write_weights("missing", json_object(), false,
                                     "aux1/classifier/kernel", "")),
                  CLADE_EDATA, "weights/missing",
                  "aux1/classifier/kernel is missing"),
           "weights without a tensor are refused");
    tap_ok(
        failed(load(write_weights("extra", json_object(), false, "", "extra")),
               CLADE_EDATA, "weights/extra", "tensor extra"),
        "weights with one too many are refused");
    tap_ok(failed(load(write_weights("momenta", json_object(), true, "", "")),
                  CLADE_EDATA, "weights/momenta", "leave the momenta out"),
           "momenta without metadata are refused");
    copy_run("alone", "straight");
    unlink(path("alone", TRAIN_PREVIOUS)); /* it would go on from that */
    write_weights("../alone/checkpoint.safetensors", json_object(), false, "",
                  "");
    tap_ok(failed(train("alone", 3, true), CLADE_EDATA,
                  "alone/checkpoint.safetensors", "weights alone"),
           "a run is not resumed from weights alone");
}

/* A file with one tensor, which no net has. */
static void test_no_net(void)
{
    static const char text[] = "{\"x/kernel\":{\"dtype\":\"F32\",\"shape\":[1],"
                               "\"data_offsets\":[0,4]}}    ";
    char bytes[8 + sizeof text - 1 + 4] = { sizeof text - 1 };

    const char *name = path("weights", "none");

    memcpy(bytes + 8, text, sizeof text - 1);
    write_all(name, bytes, sizeof bytes);
    tap_ok(failed(load(name), CLADE_EDATA, "weights/none", "conv1/kernel"),
           "weights of no net that is known are refused");
}

int main(void)
{
    trainer_begin("weights-test");
    tap_plan(9);
    if (train("straight", 2, false))
        tap_bail("%s", clade_error());
    test_weights();
    test_weights_refused();
    test_no_net();
    trainer_end();
    return tap_done();
}
