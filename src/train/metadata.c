/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint says of its run, and whether a run is that one. */
#include "train.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "plain.h"
#include "status.h"
#include "train/augment.h"

/* Set a key to a text that is formatted as by printf(). */
static void set_text(json_t *metadata, const char *key, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void set_text(json_t *metadata, const char *key, const char *fmt, ...)
{
    const locale_t before = plain_begin();
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    plain_end(before);
    json_object_set_new(metadata, key, json_string(text));
}

/* Add a JSON value as a text. */
static void set_json(json_t *metadata, const char *key, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT);

    json_object_set_new(metadata, key, json_string(text));
    free(text);
    json_decref(value);
}

json_t *checkpoint_metadata(const struct clade_train_config *config,
                            const char *net_name, const struct clade_data *data,
                            const struct shares *shares,
                            const struct run_devices *devices)
{
    const struct run_device *first = &devices->list[0];
    json_t *metadata = json_object();
    struct augment augment;

    set_text(metadata, "format", "%s", CHECKPOINT_FORMAT);
    set_text(metadata, "net", "%s", net_name);
    set_text(metadata, "seed", "%" PRIu64, config->seed);
    set_text(metadata, "batch", "%d", config->batch);
    set_text(metadata, "train_count", "%d", config->train_count);
    set_text(metadata, "test_count", "%d", config->test_count);
    set_text(metadata, "learning_rate", "%.9g", config->learning_rate);
    if (config->rate_batch)
        set_text(metadata, "rate_batch", "%d", config->rate_batch);
    if (config->warmup)
        set_text(metadata, "warmup", "%d", config->warmup);
    if (strcmp(run_schedule(config), "step"))
        set_text(metadata, "schedule", "%s", run_schedule(config));
    if (!strcmp(run_schedule(config), "cosine"))
        set_text(metadata, "epochs", "%d", config->epochs);
    augment_parse(&augment, config->augment);
    if (augment_text(&augment))
        set_text(metadata, "augment", "%s", augment_text(&augment));
    if (config->eval_every > 1)
        set_text(metadata, "eval_every", "%d", config->eval_every);
    set_text(metadata, "data", "%s", data->source);
    set_json(metadata, "classes", data_classes_json(data));
    set_text(metadata, "image", "%dx%d", data->train.w, data->train.h);
    set_text(metadata, "device", "%s", first->name);
    set_text(metadata, "driver", "%s", first->driver);
    if (first->algorithms)
        json_object_set_new(metadata, "algorithms",
                            json_string(first->algorithms));
    if (shares->count > 1) {
        char *sizes = shares_text(shares);

        json_object_set_new(metadata, "shares", json_string(sizes));
        free(sizes);
        set_json(metadata, "devices", devices_json(devices, shares));
    }
    return metadata;
}

/* Is an op's choice still the one that a checkpoint has?  Older checkpoints
 * have the algorithm without its tuning: "direct" for "direct:1,14,2". */
static bool same_choice(const json_t *old, const json_t *now)
{
    const char *a = json_string_value(old), *b = json_string_value(now);
    const size_t n = a ? strlen(a) : 0;

    if (json_equal(old, now))
        return true;
    return a && b && !strchr(a, ':') && !strncmp(a, b, n) && b[n] == ':';
}

/* The first op for which two tables of algorithms differ, with both choices;
 * "none" if a table has no such op.  NULL if they agree. */
static const char *first_difference(const char *choice[2], json_t *old,
                                    json_t *now)
{
    json_t *tables[] = { old, now };
    json_t *value;
    const char *op;

    for (int i = 0; i < 2; i++)
        json_object_foreach(tables[i], op, value)
            if (!same_choice(json_object_get(old, op),
                             json_object_get(now, op))) {
                for (int j = 0; j < 2; j++) {
                    json_t *at = json_object_get(tables[j], op);

                    choice[j] = json_is_string(at) ? json_string_value(at)
                                : json_is_true(at) ? "true"
                                : at               ? "false"
                                                   : "none";
                }
                return op;
            }
    return NULL;
}

static clade_status compare_algorithms(const clade_checkpoint *c, json_t *old,
                                       json_t *now)
{
    const char *choice[2];
    const char *op = first_difference(choice, old, now);

    if (!op)
        return CLADE_OK;
    return clade_fail(CLADE_EDATA,
                      "%s: was trained with %s \"%s\", this run would take "
                      "\"%s\"; a resumed run for which no algorithm is named "
                      "keeps its own, if the device has them",
                      checkpoint_path(c), op, choice[0], choice[1]);
}

json_t *checkpoint_devices(const clade_checkpoint *checkpoint)
{
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(checkpoint);

    if (info->devices)
        return json_loads(info->devices, 0, NULL);
    return json_pack("[{s:s, s:s, s:[i], s:o}]", "device", info->device,
                     "driver", info->driver, "shares", 0, "algorithms",
                     json_loads(info->algorithms, 0, NULL));
}

/* The device that computes a share, or NULL. */
static json_t *device_of(const json_t *devices, int share)
{
    json_t *device, *number;
    size_t i, k;

    json_array_foreach(devices, i, device)
        json_array_foreach(json_object_get(device, "shares"), k, number)
            if (json_integer_value(number) == share)
                return device;
    return NULL;
}

static bool same_text(const json_t *a, const json_t *b, const char *key)
{
    return json_equal(json_object_get(a, key), json_object_get(b, key));
}

/* What must be the same when a run goes on; if a checkpoint does not say it, it
 * has the second text. */
static const struct {
    const char *key, *absent, *why;
} same[] = {
    { "net", "none", "" },
    { "seed", "none", "" },
    { "batch", "none", "" },
    { "train_count", "none", "" },
    { "test_count", "none", "" },
    { "learning_rate", "none", "" },
    { "rate_batch", "none", "" },
    { "warmup", "none", "" },
    { "schedule", "step", "" },
    { "epochs", "none",
      "; a cosine goes over all epochs of a run, so resume it with as many" },
    { "augment", "none", "" },
    { "eval_every", "1", "" },
    { "data", "none", "" },
    { "shares", "none", "" },
};

static clade_status compare_config(const clade_checkpoint *checkpoint,
                                   const json_t *metadata)
{
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const char *key = same[i].key;
        const char *old = checkpoint_text(checkpoint, key);
        const char *new = json_string_value(json_object_get(metadata, key));

        old = old ? old : same[i].absent;
        new = new ? new : same[i].absent;
        if (strcmp(old, new))
            return clade_fail(
                CLADE_EDATA, "%s: was trained with %s %s, this run has %s%s",
                checkpoint_path(checkpoint), key, old, new, same[i].why);
    }
    return CLADE_OK;
}

clade_status checkpoint_compare(const clade_checkpoint *checkpoint,
                                json_t *metadata, const json_t *devices,
                                bool *elsewhere)
{
    clade_status st = compare_config(checkpoint, metadata);
    json_t *before;

    if (st)
        return st;
    *elsewhere = false;
    before = checkpoint_devices(checkpoint);
    for (int s = 0; device_of(devices, s); s++) {
        const json_t *old = device_of(before, s), *now = device_of(devices, s);

        *elsewhere |= !same_text(old, now, "device") ||
                      !same_text(old, now, "driver");
    }
    for (int s = 0; device_of(devices, s) && !*elsewhere && !st; s++) {
        json_t *now = json_object_get(device_of(devices, s), "algorithms");

        if (now)
            st = compare_algorithms(
                checkpoint, json_object_get(device_of(before, s), "algorithms"),
                now);
    }
    json_decref(before);
    return st;
}
