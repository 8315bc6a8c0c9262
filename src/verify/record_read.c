/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a record is of (doc/record-format.md). */
#include <jansson.h>
#include <string.h>

#include "status.h"
#include "verify/record.h"

#define STEPS_MAX 100000
#define BATCH_MAX 65536

clade_status record_bad(const char *file, const char *what)
{
    return clade_fail(CLADE_EDATA, "%s: %s; is it a " RECORD_FORMAT " file?",
                      file, what);
}

/* An integer of the record within 1 ... most. */
static bool get_int(int *to, const json_t *object, const char *key, int most)
{
    const json_t *v = json_object_get(object, key);
    const json_int_t i = json_integer_value(v);

    if (!json_is_integer(v) || i < 1 || i > most)
        return false;
    *to = (int)i;
    return true;
}

bool record_get_spec(struct record_spec *spec, const json_t *o)
{
    const json_t *rate = json_object_get(o, "learning_rate");
    const json_t *momentum = json_object_get(o, "momentum");

    spec->net = json_string_value(json_object_get(o, "net"));
    spec->seed = (uint64_t)json_integer_value(json_object_get(o, "seed"));
    spec->learning_rate = json_number_value(rate);
    spec->momentum = json_number_value(momentum);
    return spec->net && json_is_integer(json_object_get(o, "seed")) &&
           json_is_number(rate) && json_is_number(momentum) &&
           get_int(&spec->batch, o, "batch", BATCH_MAX) &&
           get_int(&spec->steps, o, "steps", STEPS_MAX);
}

clade_status record_read_spec(struct record_spec *spec, const json_t *o,
                              const char *file)
{
    const char *format = json_string_value(json_object_get(o, "format"));

    if (!format || strcmp(format, RECORD_FORMAT))
        return record_bad(file, "its format is another");
    if (!record_get_spec(spec, o))
        return record_bad(file,
                          "net, batch, steps, seed, learning_rate or momentum "
                          "is missing");
    if (!json_is_false(json_object_get(o, "dropout")))
        return record_bad(file, "it is not one without dropout");
    if (!json_is_object(json_object_get(o, "tensors")) ||
        (int)json_array_size(json_object_get(o, "losses")) != spec->steps)
        return record_bad(file,
                          "it has no tensors, or not a row of losses a step");
    return CLADE_OK;
}
