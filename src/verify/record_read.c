/* SPDX-License-Identifier: Apache-2.0 */
/* Reading what a record is of (doc/record-format.md). */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "net/table.h"
#include "status.h"
#include "verify/record.h"

#define STEPS_MAX 100000
#define BATCH_MAX 65536

clade_status record_bad(const char *file, const char *what)
{
    return clade_fail(CLADE_EDATA, "%s: %s; is it a " RECORD_FORMAT " file?",
                      file, what);
}

/* From the quote before a text to behind the one after it. */
static char *skip_text(char *s)
{
    for (s++; *s && *s != '"'; s++)
        if (*s == '\\' && s[1])
            s++;
    return *s ? s + 1 : s;
}

/*
 * A key's value, if it is one that jansson's integers, which are signed, may
 * not hold: at least 19 digits and nothing else.  A 1 is left in their place.
 */
static bool take_digits(uint64_t *value, char *s)
{
    unsigned long long got;
    char *end;

    s += strspn(s, " \t\r\n");
    if (*s != ':')
        return false;
    s++;
    s += strspn(s, " \t\r\n");
    if (*s < '1' || *s > '9')
        return false;
    errno = 0;
    got = strtoull(s, &end, 10);
    if (end - s < 19 || errno || strchr(".eE", *end))
        return false;
    *value = got;
    *s = '1';
    memset(s + 1, ' ', end - s - 1);
    return true;
}

/* The same of the outermost object's seed. */
static bool take_seed(uint64_t *seed, char *text)
{
    bool taken = false;
    int depth = 0;

    for (char *s = text, *end; *s; s = end) {
        end = *s == '"' ? skip_text(s) : s + 1;
        if (depth == 1 && !strncmp(s, "\"seed\"", 6))
            taken |= take_digits(seed, end);
        depth += (*s == '{' || *s == '[') - (*s == '}' || *s == ']');
    }
    return taken;
}

clade_status record_parse(json_t **object, const char *text, size_t n,
                          const char *name)
{
    char *copy = malloc(n + 1);
    json_error_t error;
    uint64_t seed;
    bool taken;

    if (!copy)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", name);
    memcpy(copy, text, n);
    copy[n] = '\0';
    taken = take_seed(&seed, copy);
    *object = json_loadb(copy, n, 0, &error);
    free(copy);
    if (!*object)
        return clade_fail(CLADE_EDATA, "%s: line %d: %s", name, error.line,
                          error.text);
    if (taken)
        json_object_set_new(*object, "seed", json_integer((json_int_t)seed));
    return CLADE_OK;
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

/* A row of numbers a step; how many there must be is the net's matter. */
static clade_status check_losses(const json_t *rows, int steps,
                                 const char *file)
{
    const json_t *row, *value;
    size_t step, i;

    if ((int)json_array_size(rows) != steps)
        return record_bad(file, "it has no row of losses a step");
    json_array_foreach(rows, step, row)
        json_array_foreach(row, i, value)
            if (!json_is_number(value))
                return clade_fail(CLADE_EDATA,
                                  "%s: a loss of step %zu is no number", file,
                                  step);
    return CLADE_OK;
}

/* What is judged of tensors beside their samples: the file may leave out
 * tensors, but no part of one. */
static clade_status check_tensors(json_t *tensors, const char *file)
{
    const char *name;
    json_t *t;

    if (!json_is_object(tensors))
        return record_bad(file, "it has no tensors");
    json_object_foreach(tensors, name, t) {
        const json_t *l2 = json_object_get(t, "l2");

        if (!json_is_number(l2) || json_number_value(l2) < 0 ||
            !json_is_number(json_object_get(t, "sum")))
            return clade_fail(CLADE_EDATA,
                              "%s: %s wants a sum, and an l2 of 0 or more",
                              file, name);
    }
    return CLADE_OK;
}

clade_status record_read_spec(struct record_spec *spec, const json_t *o,
                              const char *file)
{
    const char *format = json_string_value(json_object_get(o, "format"));
    clade_status st;

    if (!format || strcmp(format, RECORD_FORMAT))
        return record_bad(file, "its format is another");
    if (!record_get_spec(spec, o))
        return record_bad(file,
                          "net, batch, steps, seed, learning_rate or momentum "
                          "is missing");
    if (!net_table_find(spec->net))
        return clade_fail(CLADE_EDATA,
                          "%s: its net is '%s'; those known here: %s", file,
                          spec->net, net_table_names);
    if (!json_is_false(json_object_get(o, "dropout")))
        return record_bad(file, "it is not one without dropout");
    st = check_losses(json_object_get(o, "losses"), spec->steps, file);
    return st ? st : check_tensors(json_object_get(o, "tensors"), file);
}
