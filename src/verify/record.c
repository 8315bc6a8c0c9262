/* SPDX-License-Identifier: Apache-2.0 */
/* Traces as files: reading and writing records (doc/record-format.md). */
#include "verify/record.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "net/table.h"

#define STEPS_MAX 100000
#define BATCH_MAX 65536

/* ---- reading JSON -------------------------------------------------------- */

clade_status record_bad(const struct record_text *t, const char *what)
{
    return clade_fail(CLADE_EDATA, "%s: %s; is it a %s file?", t->name, what,
                      t->format);
}

/*
 * A seed has 64 bits, and jansson's integers are signed: it stops behind a seed
 * of 2^63 or more, at byte `end`.  Write the signed number of the same bits in
 * its place.  The text, of *n bytes, may become one byte longer.
 */
static bool make_signed(char *text, size_t *n, size_t end)
{
    static const char key[] = "\"seed\"";
    size_t at = end, colon;
    char number[24];
    uint64_t seed;
    int length;

    while (at > 0 && isdigit((unsigned char)text[at - 1]))
        at--;
    for (colon = at; colon > 0 && strchr(" \t\r\n:", text[colon - 1]);)
        colon--;
    if (colon < strlen(key) ||
        memcmp(text + colon - strlen(key), key, strlen(key)))
        return false;
    errno = 0;
    seed = strtoull(text + at, NULL, 10);
    if (errno || seed <= INT64_MAX)
        return false;
    length = snprintf(number, sizeof(number), "%lld", (long long)seed);
    memmove(text + at + length, text + end, *n - end);
    memcpy(text + at, number, length);
    *n = at + length + (*n - end);
    return true;
}

static clade_status parse(json_t **object, const struct record_text *t)
{
    char *copy = malloc(t->n + 2);
    size_t n = t->n;
    json_error_t error;

    if (!copy)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", t->name);
    memcpy(copy, t->text, n);
    copy[n] = '\0';
    *object = json_loadb(copy, n, 0, &error);
    if (!*object && make_signed(copy, &n, error.position))
        *object = json_loadb(copy, n, 0, &error);
    free(copy);
    return *object ? CLADE_OK
                   : clade_fail(CLADE_EDATA, "%s: line %d: %s", t->name,
                                error.line, error.text);
}

/* An integer within 1 ... most. */
static bool get_int(int *to, const json_t *object, const char *key, int most)
{
    const json_int_t i = json_integer_value(json_object_get(object, key));

    if (i < 1 || i > most)
        return false;
    *to = (int)i;
    return true;
}

static bool get_number(double *to, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    *to = json_number_value(v);
    return json_is_number(v);
}

static const char *get_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool get_config(struct training_config *config, const json_t *o)
{
    const char *net = get_text(o, "net");
    const struct net_table *table = net ? net_table_find(net) : NULL;
    const json_t *seed = json_object_get(o, "seed");

    config->net = table ? table->name : NULL;
    config->seed = (uint64_t)json_integer_value(seed);
    return net && json_is_integer(seed) &&
           get_number(&config->learning_rate, o, "learning_rate") &&
           get_number(&config->momentum, o, "momentum") &&
           get_int(&config->batch, o, "batch", BATCH_MAX) &&
           get_int(&config->steps, o, "steps", STEPS_MAX);
}

clade_status record_parse(json_t **object, struct training_config *config,
                          const struct record_text *t)
{
    clade_status st = parse(object, t);
    const char *format;

    if (st)
        return st;
    format = get_text(*object, "format");
    if (!format || strcmp(format, t->format))
        st = record_bad(t, "its format is another");
    else if (!get_config(config, *object))
        st = record_bad(t, "net, batch, steps, seed, learning_rate or momentum "
                           "is missing");
    if (st)
        json_decref(*object);
    return st;
}

/* ---- reading a record ---------------------------------------------------- */

/* The losses of the first `steps` steps.  How many there must be in a row is
 * the net's matter. */
static clade_status read_losses(struct record *r, const json_t *rows, int steps)
{
    clade_status st = CLADE_OK;
    const json_t *row, *value;
    size_t step, i;

    json_array_foreach(rows, step, row) {
        struct quantity q = { .kind = QUANTITY_LOSS, .step = (int)step };

        snprintf(q.name, sizeof(q.name), "step%zu/losses", step);
        json_array_foreach(row, i, value) {
            if (!json_is_number(value))
                return clade_fail(CLADE_EDATA,
                                  "%s: a loss of step %zu is no number",
                                  r->trace.name, step);
            q.value = json_number_value(value);
            if (!st && (int)step < steps)
                st = trace_add(&r->trace, &q);
        }
    }
    return st;
}

static bool get_shape(struct quantity *q, const json_t *shape)
{
    q->dims = (int)json_array_size(shape);
    if (q->dims < 1 || q->dims > 4)
        return false;
    q->elements = 1;
    for (int i = 0; i < q->dims; i++) {
        const json_int_t extent =
            json_integer_value(json_array_get(shape, (size_t)i));

        if (extent < 1 || extent > INT32_MAX / q->elements)
            return false;
        q->shape[i] = (int)extent;
        q->elements *= extent;
    }
    return true;
}

static bool get_samples(struct quantity *q, const json_t *samples)
{
    const size_t n = json_array_size(samples);
    json_t *pair;
    size_t k;

    if (n < 1 || n > TRACE_SAMPLES)
        return false;
    json_array_foreach(samples, k, pair) {
        const json_t *index = json_array_get(pair, 0);
        const json_t *value = json_array_get(pair, 1);

        q->at[k] = json_integer_value(index);
        q->sample[k] = json_number_value(value);
        if (!json_is_integer(index) || !json_is_number(value) || q->at[k] < 0 ||
            q->at[k] >= q->elements)
            return false;
    }
    q->samples = (int)n;
    return true;
}

/* A file may leave out tensors, but no part of one. */
static clade_status read_tensor(struct record *r, const char *name,
                                const json_t *o, bool quick)
{
    struct quantity q = { .step = 0 };

    if (!get_number(&q.value, o, "l2") || q.value < 0 ||
        !get_number(&q.sum, o, "sum"))
        return clade_fail(CLADE_EDATA,
                          "%s: %s wants a sum, and an l2 of 0 or more",
                          r->trace.name, name);
    if (quick && strncmp(name, "step0/", 6))
        return CLADE_OK;
    snprintf(q.name, sizeof(q.name), "%s", name);
    if (!get_shape(&q, json_object_get(o, "shape")))
        return clade_fail(CLADE_EDATA, "%s: %s has no shape of 1 to 4 extents",
                          r->trace.name, name);
    if (!get_samples(&q, json_object_get(o, "samples")))
        return clade_fail(CLADE_EDATA,
                          "%s: the samples of %s are not pairs of an index in "
                          "its shape and a value",
                          r->trace.name, name);
    return trace_add(&r->trace, &q);
}

static clade_status read_trace(struct record *r, json_t *o,
                               const struct record_text *t, bool quick)
{
    const json_t *losses = json_object_get(o, "losses");
    json_t *tensors = json_object_get(o, "tensors"), *tensor;
    const char *name;
    clade_status st;

    if (!r->config.net)
        return clade_fail(CLADE_EDATA,
                          "%s: its net is '%s'; those known here: %s", t->name,
                          get_text(o, "net"), net_table_names);
    if (!json_is_false(json_object_get(o, "dropout")))
        return record_bad(t, "it is not one without dropout");
    if ((int)json_array_size(losses) != r->config.steps)
        return record_bad(t, "it has no row of losses a step");
    if (!json_is_object(tensors))
        return record_bad(t, "it has no tensors");
    if (quick)
        r->config.steps = 1;
    st = read_losses(r, losses, r->config.steps);
    json_object_foreach(tensors, name, tensor)
        if (!st)
            st = read_tensor(r, name, tensor, quick);
    return st;
}

clade_status record_read(struct record *r, const char *file, bool quick)
{
    struct record_text t = { .name = file, .format = RECORD_FORMAT };
    const char *type;
    json_t *o;
    char *text;
    clade_status st = file_read(&text, &t.n, file);

    if (st == CLADE_EIO) /* a file that cannot be read is bad data, too */
        return clade_fail(CLADE_EDATA, "%s", clade_error());
    if (st)
        return st;
    *r = (struct record){ .trace = { .name = file } };
    t.text = text;
    st = record_parse(&o, &r->config, &t);
    free(text);
    if (st)
        return st;
    type = get_text(json_object_get(o, "producer"), "dtype");
    r->exact = type && !strcmp(type, "float64");
    st = read_trace(r, o, &t, quick);
    json_decref(o);
    if (st)
        trace_free(&r->trace);
    return st;
}

/* ---- writing a record ---------------------------------------------------- */

json_t *record_device(const clade_backend *be)
{
    const struct clade_device *d = clade_backend_device(be);

    return json_sprintf("%s / %s / %s", d->platform, d->name, d->driver);
}

static void append(json_t *list, json_t *value, bool *failed)
{
    *failed |= json_array_append_new(list, value) != 0;
}

static json_t *losses_of(const struct trace *t, bool *failed)
{
    json_t *rows = json_array();

    for (int i = 0; i < t->n; i++) {
        const struct quantity *q = &t->list[i];

        if (q->kind != QUANTITY_LOSS)
            continue;
        if (q->step == (int)json_array_size(rows))
            append(rows, json_array(), failed);
        append(json_array_get(rows, (size_t)q->step), json_real(q->value),
               failed);
    }
    return rows;
}

static json_t *tensor_of(const struct quantity *q, bool *failed)
{
    json_t *shape = json_array(), *samples = json_array();

    for (int i = 0; i < q->dims; i++)
        append(shape, json_integer(q->shape[i]), failed);
    for (int k = 0; k < q->samples; k++)
        append(samples, json_pack("[If]", (json_int_t)q->at[k], q->sample[k]),
               failed);
    return json_pack("{s:o, s:f, s:f, s:o}", "shape", shape, "sum", q->sum,
                     "l2", q->value, "samples", samples);
}

static json_t *tensors_of(const struct trace *t, bool *failed)
{
    json_t *tensors = json_object();

    for (int i = 0; i < t->n; i++)
        if (t->list[i].samples)
            *failed |= json_object_set_new(tensors, t->list[i].name,
                                           tensor_of(&t->list[i], failed)) != 0;
    return tensors;
}

/* A record but for its format and its seed. */
static clade_status make_body(json_t **body, const struct trace *t,
                              const struct training_config *config,
                              const clade_backend *be)
{
    const bool wide = clade_backend_real(be) == CLADE_F64;
    json_t *device = record_device(be);
    bool failed = false;

    if (!device)
        return clade_fail(CLADE_EFAIL, "record: a device's text isn't UTF-8");
    *body = json_pack(
        "{s:{s:s, s:o, s:s}, s:s, s:i, s:i, s:b, s:f, s:f, s:o, s:o}",
        "producer", "name", "clade " PACKAGE_VERSION, "device", device, "dtype",
        wide ? "float64" : "float32", "net", config->net, "batch",
        config->batch, "steps", config->steps, "dropout", 0, "learning_rate",
        config->learning_rate, "momentum", config->momentum, "losses",
        losses_of(t, &failed), "tensors", tensors_of(t, &failed));
    return *body && !failed ? CLADE_OK
                            : clade_fail(CLADE_ENOMEM, "record: out of memory");
}

struct writing {
    json_t *body;
    uint64_t seed;
};

/* jansson's integers are signed, so it cannot write the seed. */
static clade_status put(void *arg, FILE *file)
{
    const struct writing *w = arg;

    fprintf(file, "{\n \"format\": \"" RECORD_FORMAT "\",\n \"seed\": %llu,",
            (unsigned long long)w->seed);
    if (json_dumpf(w->body, file,
                   JSON_EMBED | JSON_INDENT(1) | JSON_REAL_PRECISION(17)))
        return clade_fail(CLADE_EIO, "record: cannot be written");
    fputs("}\n", file);
    return CLADE_OK;
}

clade_status clade_record_write(clade_backend *be,
                                const struct clade_record *options)
{
    const struct trace_options o = { .steps = options->steps, .tensors = true };
    struct training_config config = TRAINING_DEFAULTS;
    struct writing w = { .seed = options->seed };
    struct trace trace;
    clade_status st;

    config.algorithm = options->algorithm;
    config.batch = options->batch;
    config.steps = options->steps;
    config.seed = options->seed;
    config.stop = options->stop;
    config.arg = options->arg;
    st = trace_make_once(&trace, be, &config, &o);
    if (st)
        return st;
    st = make_body(&w.body, &trace, &config, be);
    if (!st)
        st = file_replace(options->file, put, &w);
    json_decref(w.body);
    trace_free(&trace);
    return st;
}
