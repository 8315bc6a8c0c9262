/* SPDX-License-Identifier: Apache-2.0 */
/* A run's checkpoint must be read back unchanged.  If it is damaged or another
 * run's, it must be refused with a reason. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/table.h"
#include "safetensors.h"
#include "tap.h"
#include "train/train.h"
#include "trainer.h"

static void test_round_trip(void)
{
    struct clade_data data;
    clade_checkpoint *checkpoint;
    const struct clade_checkpoint_info *info;
    struct clade_figures figures;
    clade_net *net;

    train("straight", 2, false);
    if (clade_checkpoint_open(&checkpoint,
                              path("straight", "checkpoint.safetensors")) ||
        new_net(&net) || clade_checkpoint_load(checkpoint, net) ||
        clade_data_builtin(&data, 0, TESTS, 1) ||
        clade_train_evaluate(&figures, net, &data.test, BATCH, NULL))
        tap_bail("%s", clade_error());
    info = clade_checkpoint_info(checkpoint);
    tap_ok(info->epoch == 2 && info->seed == 1 && info->batch == BATCH &&
               info->train_count == IMAGES && info->test_count == TESTS &&
               info->learning_rate == 0.01 &&
               !strcmp(info->net, net_table_names) &&
               !strcmp(info->data, "builtin") && info->image_w == 32 &&
               info->image_h == 32 &&
               !strncmp(info->classes, "[\"red rows\",", 12),
           "a checkpoint says which run wrote it");
    tap_ok(figures.loss == seen.rows[1].test.loss &&
               figures.accuracy[0] == seen.rows[1].test.accuracy[0],
           "loaded into a net, it gives the same validation loss, bit for bit: "
           "%.17g, %.17g",
           figures.loss, seen.rows[1].test.loss);
    clade_data_free(&data);
    clade_net_free(net);
    clade_checkpoint_close(checkpoint);
}

/* Faults in the header: `from` is replaced by `to`, which is as long. */
static const struct {
    const char *why, *from, *to, *says;
} damages[] = {
    { "JSON without its first brace",
      "{\"__metadata__\":", " \"__metadata__\":", "not JSON" },
    { "another format", "clade-checkpoint/1", "clade-checkpoint/7", "/7" },
    { "an epoch that is not a number", "\"epoch\":\"2\"", "\"epoch\":\"x\"",
      "epoch" },
    { "a batch of 0", "\"batch\":\"2\"", "\"batch\":\"0\"", "batch" },
    { "0 training images", "\"train_count\":\"5\"", "\"train_count\":\"0\"",
      "train_count" },
    { "0 test images", "\"test_count\":\"3\"", "\"test_count\":\"0\"",
      "test_count" },
    { "an unknown net", "\"net\":\"googlenet", "\"net\":\"moogleNET",
      "moogleNET" },
    { "a class without a name", "\\\"red rows\\\"", "\\\"\\\"        ",
      "classes" },
    { "classes that are no list", "\"classes\":\"[", "\"classes\":\"{",
      "classes" },
    { "images of another size", "\"image\":\"32x32\"", "\"image\":\"64x32\"",
      "trained on images of 64x32" },
    { "metadata without the seed", "\"seed\":", "\"sead\":", "seed" },
    { "a tensor that is not F32", "\"conv1/kernel\":{\"dtype\":\"F32\"",
      "\"conv1/kernel\":{\"dtype\":\"F16\"", "conv1/kernel" },
    { "a tensor renamed", "\"conv1/kernel\"", "\"conv2/kernel\"",
      "conv1/kernel" },
    { "a momentum renamed", "\"momentum/conv1/bias\"",
      "\"momentum/conv2/bias\"", "momentum/conv1/bias" },
    { "a shape in another order", "\"shape\":[5,5,3,4]", "\"shape\":[5,3,5,4]",
      "conv1/kernel" },
    { "a shape of another size", "\"shape\":[5,5,3,4]", "\"shape\":[5,5,3,3]",
      "conv1/kernel" },
    { "data that begin 4 bytes late", "\"data_offsets\":[0,1200]",
      "\"data_offsets\":[4,1204]", "conv1/kernel" },
};

static clade_status load_damaged(const char *bytes, size_t n)
{
    const char *name = path("damaged", "checkpoint.safetensors");

    write_all(name, bytes, n);
    return load(name);
}

static void test_damage(const char *good, size_t n, size_t i)
{
    char *bytes = malloc(n);
    char *at;

    memcpy(bytes, good, n);
    at = memmem(bytes, n, damages[i].from, strlen(damages[i].from));
    if (!at)
        tap_bail("no %s in the checkpoint", damages[i].from);
    memcpy(at, damages[i].to, strlen(damages[i].to));
    tap_ok(failed(load_damaged(bytes, n), CLADE_EDATA,
                  "damaged/checkpoint.safetensors", damages[i].says),
           "%s is refused", damages[i].why);
    free(bytes);
}

static void test_damages(void)
{
    size_t n;
    char *good = read_all(&n, path("straight", "checkpoint.safetensors"));
    char *longer = calloc(1, n + 1);
    char length[8];

    mkdir(path("damaged", ""), 0777);
    tap_ok(!load_damaged(good, n), "the undamaged copy is loaded");
    for (size_t i = 0; i < COUNT_OF(damages); i++)
        test_damage(good, n, i);
    tap_ok(failed(load_damaged(good, 4), CLADE_EDATA, "checkpoint", "8 bytes"),
           "four bytes are refused");
    tap_ok(
        failed(load_damaged(good, 100), CLADE_EDATA, "checkpoint", "cut short"),
        "a file that ends within its header is refused");
    tap_ok(failed(load_damaged(good, n - 1), CLADE_EDATA, "tensor momentum/",
                  "cut short"),
           "a missing last byte is refused, and the tensor named");
    memcpy(longer, good, n);
    tap_ok(failed(load_damaged(longer, n + 1), CLADE_EDATA, "checkpoint",
                  "1 bytes follow"),
           "one byte too many is refused");
    memset(length, 0xff, sizeof length);
    memcpy(longer, length, sizeof length);
    tap_ok(failed(load_damaged(longer, n), CLADE_EDATA, "checkpoint",
                  "18446744073709551615"),
           "a header length of 2^64 - 1 is refused");
    free(longer);
    free(good);
}

/* What is not even a regular file must be refused at once. */
static void test_no_file(void)
{
    const char *fifo = path("damaged", "fifo");

    mkfifo(fifo, 0666);
    alarm(20); /* rather than to wait for a writer */
    tap_ok(failed(load(fifo), CLADE_EDATA, "fifo", "is no regular file"),
           "a FIFO is refused, and not waited for");
    alarm(0);
    tap_ok(failed(load(path("damaged", "")), CLADE_EDATA, "damaged",
                  "is a folder"),
           "a folder is refused");
}

/* In a run's checkpoint, overwrite what follows the first `text` by `with`. */
static void change_after(const char *run, const char *text, const char *with)
{
    const char *name = path(run, "checkpoint.safetensors");
    size_t n;
    char *bytes = read_all(&n, name);
    char *at = memmem(bytes, n, text, strlen(text));

    if (!at)
        tap_bail("no %s in %s", text, name);
    memcpy(at + strlen(text), with, strlen(with));
    write_all(name, bytes, n);
    free(bytes);
}

static void test_elsewhere(void)
{
    copy_run("elsewhere", "straight");
    change_after("elsewhere", "\"device\":\"", "X");
    tap_ok(!train("elsewhere", 3, true) && seen.notices == 1,
           "another device's run can be resumed, with a notice");
    copy_run("retuned", "straight");
    change_after("retuned", "/conv_fwd/1\\\":\\\"", "X");
    tap_ok(failed(train("retuned", 3, true), CLADE_EDATA,
                  "conv1/conv_fwd/1 \"Xeference\"", "take \"reference\""),
           "a run of this device with other algorithms is refused");
    copy_run("fused", "straight");
    change_after("fused", "\"algorithms\":\"{\\\"fma\\\":", "true ");
    tap_ok(failed(train("fused", 3, true), CLADE_EDATA, "fma \"true\"",
                  "take \"false\""),
           "and so is one with another fma, where the device has only one");
    copy_run("renamed", "straight");
    unlink(path("renamed", "checkpoint.previous.safetensors"));
    change_after("renamed", "\"net\":\"", "X");
    tap_ok(failed(train("renamed", 3, true), CLADE_EDATA, "net \"Xooglenet",
                  "googlenet-cifar10 is known"),
           "another net's run is refused");
}

/* Older checkpoints have neither the classes' names nor the images' size. */
static void test_older(void)
{
    clade_checkpoint *checkpoint;
    const struct clade_checkpoint_info *info;

    copy_run("older", "straight");
    change_after("older", "\"data\":\"builtin\",\"", "X"); /* classes */
    change_after("older", "pink circle\\\"]\",\"", "X");   /* image */
    if (clade_checkpoint_open(&checkpoint,
                              path("older", "checkpoint.safetensors")))
        tap_bail("%s", clade_error());
    info = clade_checkpoint_info(checkpoint);
    tap_ok(strstr(info->classes, "\"red rows\"") && info->image_w == 32 &&
               info->image_h == 32,
           "an older checkpoint has the names of its source's classes: %s",
           info->classes);
    clade_checkpoint_close(checkpoint);
    copy_run("longer", "straight");
    tap_ok(!train("older", 3, true) && !train("longer", 3, true) &&
               !unlink(path("older", "checkpoint.previous.safetensors")) &&
               !unlink(path("longer", "checkpoint.previous.safetensors")) &&
               same_run("older", "longer"),
           "its run can be resumed, and its next checkpoint has them");
    copy_run("cifar", "straight");
    change_after("cifar", "\"data\":\"", "Xuiltin\",\"X");
    if (clade_checkpoint_open(&checkpoint,
                              path("cifar", "checkpoint.safetensors")))
        tap_bail("%s", clade_error());
    info = clade_checkpoint_info(checkpoint);
    tap_ok(!strncmp(info->classes, "[\"airplane\",", 12),
           "an older checkpoint of other images has CIFAR-10's names");
    clade_checkpoint_close(checkpoint);
}

/* What a run of the checkpoint's own would say of itself. */
static json_t *metadata_of(const struct safetensors *file)
{
    static const char *const keys[] = { "net",        "seed",
                                        "batch",      "train_count",
                                        "test_count", "learning_rate",
                                        "data" };
    json_t *metadata = json_object();

    for (size_t i = 0; i < COUNT_OF(keys); i++)
        json_object_set_new(metadata, keys[i],
                            json_string(safetensors_text(file, keys[i])));
    return metadata;
}

/* Its devices, but that `choice` is each op's. */
static json_t *devices_with(const clade_checkpoint *checkpoint,
                            const char *choice)
{
    json_t *devices = checkpoint_devices(checkpoint), *value;
    const char *op;

    json_object_foreach(json_object_get(json_array_get(devices, 0),
                                        "algorithms"),
                        op, value)
        if (json_is_string(value))
            json_string_set(value, choice);
    return devices;
}

/* Checkpoints once had no more than the algorithm's name. */
static void test_name_alone(const char *choice, bool same)
{
    const char *name = path("straight", "checkpoint.safetensors");
    clade_checkpoint *checkpoint;
    struct safetensors *file;
    json_t *metadata, *devices;
    clade_status st;
    bool elsewhere;

    if (clade_checkpoint_open(&checkpoint, name) ||
        safetensors_open(&file, name))
        tap_bail("%s", clade_error());
    metadata = metadata_of(file);
    devices = devices_with(checkpoint, choice);
    st = checkpoint_compare(checkpoint, metadata, devices, &elsewhere);
    tap_ok(same ? !st : failed(st, CLADE_EDATA, "\"reference\"", choice),
           "\"reference\" of a checkpoint %s \"%s\"",
           same ? "goes on as" : "is not", choice);
    json_decref(metadata);
    json_decref(devices);
    safetensors_close(file);
    clade_checkpoint_close(checkpoint);
}

int main(void)
{
    trainer_begin("checkpoint-test");
    tap_plan(2 + 6 + (int)COUNT_OF(damages) + 2 + 4 + 3 + 2);
    test_round_trip();
    test_damages();
    test_no_file();
    test_elsewhere();
    test_older();
    test_name_alone("reference:1,14,2", true);
    test_name_alone("referenced:1,14,2", false);
    trainer_end();
    return tap_done();
}
