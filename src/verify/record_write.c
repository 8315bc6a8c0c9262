/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a record (doc/record-format.md). */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

#include "file.h"
#include "rng.h"
#include "verify/record.h"

struct writer {
    json_t *losses, *tensors;
    uint64_t seed;
};

static clade_status no_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "record: out of memory");
}

static clade_status add_losses(void *arg, int step, const double *row, int n)
{
    struct writer *w = arg;
    json_t *list = json_array();
    bool failed = json_array_append_new(w->losses, list) != 0;

    (void)step;
    for (int i = 0; i < n && !failed; i++)
        failed = json_array_append_new(list, json_real(row[i])) != 0;
    return failed ? no_memory() : CLADE_OK;
}

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* The distinct min(n-1, floor(uniform(name, seed, k) n)), k = 0 ... 15. */
static json_t *samples_of(const struct record_tensor *t, uint64_t seed)
{
    int64_t at[RECORD_SAMPLES];
    json_t *list = json_array();

    for (int k = 0; k < RECORD_SAMPLES; k++) {
        const int64_t i =
            (int64_t)floor((double)rng_record(t->name, seed, k) * t->n);

        at[k] = i < t->n ? i : t->n - 1;
    }
    qsort(at, RECORD_SAMPLES, sizeof(*at), ascending);
    for (int k = 0; k < RECORD_SAMPLES; k++)
        if (k == 0 || at[k] != at[k - 1])
            json_array_append_new(
                list, json_pack("[If]", (json_int_t)at[k], t->values[at[k]]));
    return list;
}

/* The norm is finite where every element is: JSON has no others. */
static clade_status add_tensor(void *arg, const struct record_tensor *t)
{
    struct writer *w = arg;
    const double l2 = record_l2(t);
    json_t *shape, *entry;

    if (!isfinite(l2))
        return clade_fail(CLADE_EDIVERGED,
                          "record: the training diverged: the norm of %s is %g",
                          t->name, l2);
    shape = json_array();
    for (int i = 0; i < t->dims; i++)
        json_array_append_new(shape, json_integer(t->shape[i]));
    entry =
        json_pack("{s:o, s:f, s:f, s:o}", "shape", shape, "sum", record_sum(t),
                  "l2", l2, "samples", samples_of(t, w->seed));
    return json_object_set_new(w->tensors, t->name, entry) ? no_memory()
                                                           : CLADE_OK;
}

static json_t *whole(const struct writer *w, const struct record_spec *spec,
                     clade_backend *be)
{
    const struct clade_device *d = clade_backend_device(be);
    json_t *device =
        json_sprintf("%s / %s / %s", d->platform, d->name, d->driver);

    return json_pack(
        "{s:{s:s, s:o, s:s}, s:s, s:i, s:i, s:b, s:f, s:f, s:O, s:O}",
        "producer", "name", "clade " PACKAGE_VERSION, "device", device, "dtype",
        clade_backend_real(be) == CLADE_F64 ? "float64" : "float32", "net",
        spec->net, "batch", spec->batch, "steps", spec->steps, "dropout", 0,
        "learning_rate", spec->learning_rate, "momentum", spec->momentum,
        "losses", w->losses, "tensors", w->tensors);
}

/* A record but for its format and its seed. */
struct dump {
    json_t *object;
    uint64_t seed;
};

/* jansson's integers are signed: the seed is written without it. */
static clade_status dump(void *arg, FILE *file)
{
    const struct dump *d = arg;

    fprintf(file, "{\n \"format\": \"" RECORD_FORMAT "\",\n \"seed\": %llu,",
            (unsigned long long)d->seed);
    if (json_dumpf(d->object, file,
                   JSON_EMBED | JSON_INDENT(1) | JSON_REAL_PRECISION(17)))
        return clade_fail(CLADE_EIO, "record: cannot be written");
    fputs("}\n", file);
    return CLADE_OK;
}

clade_status clade_record_write(clade_backend *be,
                                const struct clade_record *options)
{
    struct record_spec spec = RECORD_SPEC_DEFAULTS;
    struct writer w = { .losses = json_array(),
                        .tensors = json_object(),
                        .seed = options->seed };
    const struct record_sink sink = { .arg = &w,
                                      .losses = add_losses,
                                      .tensor = add_tensor };
    struct dump d = { .seed = options->seed };
    clade_status st;

    spec.algorithm = options->algorithm;
    spec.batch = options->batch;
    spec.steps = options->steps;
    spec.seed = options->seed;
    spec.stop = options->stop;
    spec.arg = options->arg;
    st = record_run(be, &spec, &sink);
    if (!st)
        d.object = whole(&w, &spec, be);
    if (!st && !d.object)
        st = clade_fail(CLADE_EFAIL, "record: a device's text isn't UTF-8");
    if (!st)
        st = file_replace(options->file, dump, &d);
    json_decref(d.object);
    json_decref(w.tensors);
    json_decref(w.losses);
    return st;
}
