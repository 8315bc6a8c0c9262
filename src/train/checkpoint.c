/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "net/table.h"
#include "plain.h"
#include "safetensors.h"
#include "status.h"

#define FORMAT   "clade-checkpoint/1"
#define MOMENTUM "momentum/"

struct clade_checkpoint {
    struct safetensors *file;
    struct clade_checkpoint_info info;
};

/* Set a key of the metadata to a text that is formatted as by printf().  JSON
 * takes only UTF-8: if a driver's text is not UTF-8, each byte that is not
 * ASCII becomes a `?`. */
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
    if (json_object_set_new(metadata, key, json_string(text))) {
        for (char *c = text; *c; c++)
            *c = (unsigned char)*c < 0x80 ? *c : '?';
        json_object_set_new(metadata, key, json_string(text));
    }
}

json_t *checkpoint_metadata(const struct clade_train_config *config,
                            const char *net_name, const char *source,
                            clade_backend *be, const clade_net *net)
{
    const struct clade_device *device = clade_backend_device(be);
    json_t *metadata = json_object();

    set_text(metadata, "format", "%s", FORMAT);
    set_text(metadata, "net", "%s", net_name);
    set_text(metadata, "seed", "%" PRIu64, config->seed);
    set_text(metadata, "batch", "%d", config->batch);
    set_text(metadata, "train_count", "%d", config->train_count);
    set_text(metadata, "test_count", "%d", config->test_count);
    set_text(metadata, "learning_rate", "%.9g", config->learning_rate);
    set_text(metadata, "data", "%s", source);
    set_text(metadata, "device", "%s / %s", device->platform, device->name);
    set_text(metadata, "driver", "%s", device->driver);
    if (net)
        json_object_set_new(metadata, "algorithms",
                            json_string(clade_net_algorithms(net)));
    return metadata;
}

/* Tensor 2i of a checkpoint is the value of parameter i of the net, and tensor
 * 2i+1 its momentum. */
struct saving {
    clade_net *net;
    const struct clade_parameter *list;
};

static clade_status saved_values(void *arg, int i, float *to)
{
    const struct saving *s = arg;
    const struct clade_parameter *p = &s->list[i / 2];

    return clade_net_read(s->net, to, i % 2 ? p->momentum : p->value);
}

static char *momentum_name(const char *name)
{
    size_t n = sizeof MOMENTUM + strlen(name);
    char *text = malloc(n);

    if (text)
        snprintf(text, n, MOMENTUM "%s", name);
    return text;
}

/* The tensors in a checkpoint of these parameters.  The list owns the names of
 * the momenta.  NULL if there is no memory. */
static struct safetensor *make_list(const struct clade_parameter *parameters,
                                    int count)
{
    struct safetensor *list = calloc((size_t)count * 2, sizeof *list);

    for (int i = 0; list && i < count; i++) {
        const struct clade_parameter *p = &parameters[i];
        struct safetensor t = { .name = p->name, .dims = p->dims };

        for (int d = 0; d < p->dims; d++)
            t.shape[d] = p->shape[d];
        list[2 * i] = t;
        t.name = momentum_name(p->name);
        list[2 * i + 1] = t;
    }
    return list;
}

static void free_list(struct safetensor *list, int count)
{
    for (int i = 0; list && i < count; i++)
        free((char *)list[2 * i + 1].name);
    free(list);
}

/* Was there memory for the list and all its names? */
static bool complete(const struct safetensor *list, int count)
{
    for (int i = 0; list && i < count; i++)
        if (!list[2 * i + 1].name)
            return false;
    return list;
}

clade_status checkpoint_save(const char *path, clade_net *net, json_t *metadata,
                             int epochs)
{
    struct saving saving = { .net = net };
    int count = clade_net_parameters(net, &saving.list);
    struct safetensor *list = make_list(saving.list, count);
    clade_status st;

    set_text(metadata, "epoch", "%d", epochs);
    if (complete(list, count))
        st = safetensors_write(path, metadata, list, 2 * count, saved_values,
                               &saving);
    else
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    free_list(list, count);
    return st;
}

static clade_status bad_text(const clade_checkpoint *c, const char *key,
                             const char *text)
{
    if (!text)
        return clade_fail(CLADE_EDATA,
                          "%s: not a checkpoint of clade: its metadata have no "
                          "\"%s\"",
                          safetensors_path(c->file), key);
    return clade_fail(CLADE_EDATA,
                      "%s: the %s \"%s\" in its metadata is not valid",
                      safetensors_path(c->file), key, text);
}

static clade_status get_text(const char **value, const clade_checkpoint *c,
                             const char *key)
{
    *value = safetensors_text(c->file, key);
    return *value ? CLADE_OK : bad_text(c, key, NULL);
}

static clade_status get_number(uint64_t *value, const clade_checkpoint *c,
                               const char *key, uint64_t min, uint64_t max)
{
    const char *text;
    clade_status st = get_text(&text, c, key);
    char *end;

    if (st)
        return st;
    errno = 0;
    *value = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || *value < min ||
        *value > max)
        return bad_text(c, key, text);
    return CLADE_OK;
}

static clade_status get_int(int *value, const clade_checkpoint *c,
                            const char *key, int min)
{
    uint64_t v;
    clade_status st = get_number(&v, c, key, (uint64_t)min, INT_MAX);

    if (!st)
        *value = (int)v;
    return st;
}

static clade_status get_real(double *value, const clade_checkpoint *c,
                             const char *key)
{
    const char *text;
    clade_status st = get_text(&text, c, key);
    locale_t before;
    char *end;

    if (st)
        return st;
    before = plain_begin();
    *value = strtod(text, &end);
    plain_end(before);
    return end == text || *end || !(*value > 0) ? bad_text(c, key, text)
                                                : CLADE_OK;
}

static clade_status get_net(const char **name, const clade_checkpoint *c)
{
    clade_status st = get_text(name, c, "net");

    if (!st && !net_table_find(*name))
        st = clade_fail(CLADE_EDATA,
                        "%s: has an unknown net \"%s\"; only %s is known",
                        safetensors_path(c->file), *name, net_table_names);
    return st;
}

static clade_status get_info(struct clade_checkpoint_info *info,
                             const clade_checkpoint *c)
{
    const char *format;
    clade_status st;

    if ((st = get_text(&format, c, "format")))
        return st;
    if (strcmp(format, FORMAT))
        return clade_fail(CLADE_EDATA,
                          "%s: its format is \"%s\"; only \"%s\" is known",
                          safetensors_path(c->file), format, FORMAT);
    if ((st = get_net(&info->net, c)) ||
        (st = get_int(&info->epoch, c, "epoch", 0)) ||
        (st = get_number(&info->seed, c, "seed", 0, UINT64_MAX)) ||
        (st = get_int(&info->batch, c, "batch", 1)) ||
        (st = get_int(&info->train_count, c, "train_count", 1)) ||
        (st = get_int(&info->test_count, c, "test_count", 1)) ||
        (st = get_real(&info->learning_rate, c, "learning_rate")) ||
        (st = get_text(&info->data, c, "data")) ||
        (st = get_text(&info->device, c, "device")) ||
        (st = get_text(&info->driver, c, "driver")) ||
        (st = get_text(&info->algorithms, c, "algorithms")))
        return st;
    return CLADE_OK;
}

clade_status clade_checkpoint_open(clade_checkpoint **checkpoint,
                                   const char *path)
{
    clade_checkpoint *c;
    clade_status st =
        status_given(__func__, "checkpoint, path", checkpoint && path);

    if (st)
        return st;
    if (!(c = calloc(1, sizeof *c)))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    st = safetensors_open(&c->file, path);
    if (!st)
        st = get_info(&c->info, c);
    if (st)
        clade_checkpoint_close(c);
    else
        *checkpoint = c;
    return st;
}

void clade_checkpoint_close(clade_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    safetensors_close(checkpoint->file);
    free(checkpoint);
}

const struct clade_checkpoint_info *
clade_checkpoint_info(const clade_checkpoint *checkpoint)
{
    return checkpoint ? &checkpoint->info : NULL;
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

static clade_status compare_algorithms(const clade_checkpoint *c,
                                       const char *now)
{
    json_t *old = json_loads(c->info.algorithms, 0, NULL);
    json_t *new = json_loads(now, 0, NULL);
    const char *choice[2], *op;
    clade_status st = CLADE_OK;

    if (!json_is_object(old))
        st = bad_text(c, "algorithms", c->info.algorithms);
    else if ((op = first_difference(choice, old, new)))
        st = clade_fail(CLADE_EDATA,
                        "%s: was trained with %s \"%s\", this run would take "
                        "\"%s\"; a resumed run for which no algorithm is named "
                        "keeps its own, if the device has them",
                        safetensors_path(c->file), op, choice[0], choice[1]);
    json_decref(old);
    json_decref(new);
    return st;
}

clade_status checkpoint_compare(const clade_checkpoint *checkpoint,
                                json_t *metadata, bool *elsewhere)
{
    static const char *const same[] = { "net",        "seed",
                                        "batch",      "train_count",
                                        "test_count", "learning_rate",
                                        "data" };
    static const char *const place[] = { "device", "driver" };
    const char *algorithms =
        json_string_value(json_object_get(metadata, "algorithms"));

    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        const char *old = safetensors_text(checkpoint->file, same[i]);
        const char *new = json_string_value(json_object_get(metadata, same[i]));

        if (strcmp(old, new))
            return clade_fail(
                CLADE_EDATA, "%s: was trained with %s %s, this run has %s",
                safetensors_path(checkpoint->file), same[i], old, new);
    }
    *elsewhere = false;
    for (size_t i = 0; i < sizeof place / sizeof *place; i++)
        *elsewhere |=
            strcmp(safetensors_text(checkpoint->file, place[i]),
                   json_string_value(json_object_get(metadata, place[i]))) != 0;
    if (*elsewhere || !algorithms)
        return CLADE_OK;
    return compare_algorithms(checkpoint, algorithms);
}

static bool same_shape(const struct safetensor *a, const struct safetensor *b)
{
    bool same = a->dims == b->dims;

    for (int d = 0; same && d < a->dims; d++)
        same = a->shape[d] == b->shape[d];
    return same;
}

/* The file must hold exactly the net's tensors, each with its shape. */
static clade_status check_tensors(const clade_checkpoint *c,
                                  const struct safetensor *wanted, int count)
{
    const char *path = safetensors_path(c->file);
    const struct safetensor *list;
    int held;

    for (int i = 0; i < count; i++) {
        const struct safetensor *t = safetensors_find(c->file, wanted[i].name);

        if (!t)
            return clade_fail(CLADE_EDATA, "%s: tensor %s is missing", path,
                              wanted[i].name);
        if (!same_shape(t, &wanted[i]))
            return clade_fail(CLADE_EDATA,
                              "%s: tensor %s: its shape is not the net's", path,
                              wanted[i].name);
    }
    list = safetensors_list(c->file, &held);
    for (int i = 0; held > count && i < held; i++) {
        bool known = false;

        for (int j = 0; j < count && !known; j++)
            known = !strcmp(list[i].name, wanted[j].name);
        if (!known)
            return clade_fail(CLADE_EDATA,
                              "%s: tensor %s: the net has no such parameter",
                              path, list[i].name);
    }
    return CLADE_OK;
}

static clade_status load_tensor(clade_checkpoint *c, clade_net *net,
                                const char *name, struct clade_tensor to)
{
    const struct safetensor *t = safetensors_find(c->file, name);
    size_t n = (size_t)safetensor_elements(t);
    float *v = malloc(n * sizeof *v);
    clade_status st;

    if (!v)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", name);
    st = safetensors_read(c->file, v, t);
    if (!st)
        st = clade_net_write(net, to, v);
    free(v);
    return st;
}

clade_status clade_checkpoint_load(clade_checkpoint *checkpoint, clade_net *net)
{
    const struct clade_parameter *parameters;
    const int count = clade_net_parameters(net, &parameters);
    struct safetensor *list;
    clade_status st =
        status_given(__func__, "checkpoint, net", checkpoint && net);

    if (st)
        return st;
    list = make_list(parameters, count);
    if (!complete(list, count))
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory",
                        safetensors_path(checkpoint->file));
    else
        st = check_tensors(checkpoint, list, 2 * count);
    for (int i = 0; i < count && !st; i++) {
        const struct clade_parameter *p = &parameters[i];

        st = load_tensor(checkpoint, net, p->name, p->value);
        if (!st && p->momentum.buffer)
            st =
                load_tensor(checkpoint, net, list[2 * i + 1].name, p->momentum);
    }
    free_list(list, count);
    return st;
}
