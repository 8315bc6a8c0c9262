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
 * A seed has 64 bits, and jansson's integers are signed: it fails at byte
 * `end`, right after a seed of 2^63 or more.  Replace the seed by the signed
 * number of the same bits, and parse again.
 */
static json_t *parse_signed(const struct record_text *t, size_t end,
                            json_error_t *error)
{
    size_t at = end, key;
    char *copy = malloc(t->n + 2); /* room for a minus sign */
    json_t *object = NULL;

    while (at > 0 && isdigit((unsigned char)t->text[at - 1]))
        at--;
    for (key = at; key > 0 && strchr(" \t\r\n:", t->text[key - 1]);)
        key--;
    errno = 0;
    if (copy && key >= 6 && !memcmp(t->text + key - 6, "\"seed\"", 6)) {
        const uint64_t seed = strtoull(t->text + at, NULL, 10);

        snprintf(copy, t->n + 2, "%.*s%lld%s", (int)at, t->text,
                 (long long)seed, t->text + end);
        object = errno ? NULL : json_loads(copy, 0, error);
    }
    free(copy);
    return object;
}

static clade_status parse(json_t **object, const struct record_text *t)
{
    json_error_t error;

    *object = json_loadb(t->text, t->n, 0, &error);
    if (!*object)
        *object = parse_signed(t, (size_t)error.position, &error);
    return *object ? CLADE_OK
                   : clade_fail(CLADE_EDATA, "%s: line %d: %s", t->name,
                                error.line, error.text);
}

/* "F" takes integers, too. */
static bool get_config(struct training_config *config, json_t *o)
{
    json_int_t seed, batch, steps;
    const struct net_table *table;
    const char *net;

    if (json_unpack(o, "{s:s, s:I, s:I, s:I, s:F, s:F}", "net", &net, "seed",
                    &seed, "batch", &batch, "steps", &steps, "learning_rate",
                    &config->learning_rate, "momentum", &config->momentum) ||
        batch < 1 || batch > BATCH_MAX || steps < 1 || steps > STEPS_MAX)
        return false;
    table = net_table_find(net);
    config->net = table ? table->name : NULL;
    config->seed = (uint64_t)seed;
    config->batch = (int)batch;
    config->steps = (int)steps;
    return true;
}

static const char *get_text(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
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
        st = record_bad(t, "it has another format");
    else if (!get_config(config, *object))
        st = record_bad(t, "net, batch, steps, seed, learning_rate or momentum "
                           "is missing");
    if (st)
        json_decref(*object);
    return st;
}

/* ---- reading a record ---------------------------------------------------- */

/* How many losses a step has: the total and each head's. */
static size_t losses_a_step(const char *net)
{
    const struct net_table *table = net_table_find(net);
    size_t n = 1;

    for (int i = 0; i < table->n_rows; i++)
        n += table->rows[i].kind == NET_HEAD;
    return n;
}

/* The losses of the first `steps` steps. */
static clade_status read_losses(struct record *r, const json_t *rows, int steps,
                                const struct record_text *t)
{
    const size_t columns = losses_a_step(r->config.net);
    const json_t *row, *value;
    clade_status st = CLADE_OK;
    size_t step, i;

    json_array_foreach(rows, step, row) {
        struct quantity q = { .kind = QUANTITY_LOSS, .step = (int)step };

        if (json_array_size(row) != columns)
            return record_bad(t, "its losses are not a row a step, a column a "
                                 "head");
        snprintf(q.name, sizeof(q.name), "step%zu/losses", step);
        json_array_foreach(row, i, value) {
            q.value = json_number_value(value);
            if (!json_is_number(value))
                return clade_fail(CLADE_EDATA,
                                  "%s: a loss of step %zu is no number",
                                  t->name, step);
            if (!st && q.step < steps)
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
    json_int_t at;

    q->samples = (int)json_array_size(samples);
    if (q->samples < 1 || q->samples > TRACE_SAMPLES)
        return false;
    for (int k = 0; k < q->samples; k++) {
        if (json_unpack(json_array_get(samples, (size_t)k), "[I, F]", &at,
                        &q->sample[k]) ||
            at < 0 || at >= q->elements)
            return false;
        q->at[k] = at;
    }
    return true;
}

/* A file may leave out tensors, but no part of one. */
static clade_status read_tensor(struct record *r, const char *name, json_t *o,
                                bool quick)
{
    struct quantity q = { .step = 0 };
    const char *wants = NULL;

    if (json_unpack(o, "{s:F, s:F}", "l2", &q.value, "sum", &q.sum) ||
        q.value < 0)
        wants = "a sum, and an l2 of 0 or more";
    else if (quick && strncmp(name, "step0/", 6))
        return CLADE_OK;
    else if (!get_shape(&q, json_object_get(o, "shape")))
        wants = "a shape of 1 to 4 extents";
    else if (!get_samples(&q, json_object_get(o, "samples")))
        wants = "samples, pairs of an index in its shape and a value";
    if (wants)
        return clade_fail(CLADE_EDATA, "%s: %s wants %s", r->trace.file, name,
                          wants);
    snprintf(q.name, sizeof(q.name), "%s", name);
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
        return record_bad(t, "its training is not without dropout");
    if ((int)json_array_size(losses) != r->config.steps)
        return record_bad(t, "it has no row of losses a step");
    if (!json_is_object(tensors))
        return record_bad(t, "it has no tensors");
    if (quick)
        r->config.steps = 1;
    st = read_losses(r, losses, r->config.steps, t);
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
    clade_status st = file_read_pipe(&text, &t.n, file);

    if (st == CLADE_EIO) /* a file that cannot be read is bad data, too */
        return clade_fail(CLADE_EDATA, "%s", clade_error());
    if (st)
        return st;
    *r = (struct record){ .trace = { .file = file } };
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

/* Add a quantity to its row of losses or to the tensors.  False if there is no
 * memory. */
static bool put_quantity(json_t *losses, json_t *tensors,
                         const struct quantity *q)
{
    json_t *shape, *samples;
    int failed = 0;

    if (q->kind == QUANTITY_LOSS) {
        if (q->step == (int)json_array_size(losses))
            json_array_append_new(losses, json_array());
        return !json_array_append_new(json_array_get(losses, (size_t)q->step),
                                      json_real(q->value));
    }
    shape = json_array();
    samples = json_array();
    for (int i = 0; i < q->dims; i++)
        failed |= json_array_append_new(shape, json_integer(q->shape[i]));
    for (int k = 0; k < q->samples; k++)
        failed |= json_array_append_new(
            samples, json_pack("[If]", (json_int_t)q->at[k], q->sample[k]));
    failed |= json_object_set_new(tensors, q->name,
                                  json_pack("{s:o, s:f, s:f, s:o}", "shape",
                                            shape, "sum", q->sum, "l2",
                                            q->value, "samples", samples));
    return !failed;
}

/* Make a record without its format and its seed. */
static clade_status make_body(json_t **body, const struct trace *t,
                              const struct training_config *config,
                              const clade_backend *be)
{
    const bool wide = clade_backend_real(be) == CLADE_F64;
    json_t *device = record_device(be);
    json_t *losses = json_array(), *tensors = json_object();
    bool good = true;

    for (int i = 0; i < t->n; i++)
        good &= put_quantity(losses, tensors, &t->list[i]);
    *body = json_pack(
        "{s:{s:s, s:o, s:s}, s:s, s:i, s:i, s:b, s:f, s:f, s:o, s:o}",
        "producer", "name", "clade " PACKAGE_VERSION, "device", device, "dtype",
        wide ? "float64" : "float32", "net", config->net, "batch",
        config->batch, "steps", config->steps, "dropout", 0, "learning_rate",
        config->learning_rate, "momentum", config->momentum, "losses", losses,
        "tensors", tensors);
    return *body && good ? CLADE_OK
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
    struct trace_options o = { .tensors = true };
    struct training_config config = TRAINING_DEFAULTS;
    struct writing w = { 0 };
    struct trace trace;
    clade_status st;

    if ((st = status_given(__func__, "be, options, its file",
                           be && options && options->file)))
        return st;
    o.steps = options->steps;
    w.seed = options->seed;
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
