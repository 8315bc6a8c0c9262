/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "net/table.h"
#include "plain.h"
#include "safetensors.h"
#include "status.h"

#define MOMENTUM "momentum/"

struct clade_checkpoint {
    struct safetensors *file;
    struct clade_checkpoint_info info;
    char *classes; /* what info.classes is if the file has none; or NULL */
};

/* Tensor 2i of a checkpoint is the value of parameter i of the net, and tensor
 * 2i+1 its momentum. */
struct saving {
    const clade_net *net;
    const struct net_vectors *vectors;
};

static clade_status saved_values(void *arg, int i, float *to)
{
    const struct saving *s = arg;

    net_parameter_get(s->net, i / 2, to, 
                      i % 2 ? s->vectors->momenta : s->vectors->values);
    return CLADE_OK;
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

clade_status checkpoint_save(const char *path, const clade_net *net,
                             json_t *metadata, int epochs,
                             const struct net_vectors *vectors)
{
    struct saving saving = { net, vectors };
    const struct clade_parameter *parameters;
    const int count = clade_net_parameters(net, &parameters);
    struct safetensor *list = make_list(parameters, count);
    char epoch[16];
    clade_status st;

    snprintf(epoch, sizeof epoch, "%d", epochs);
    json_object_set_new(metadata, "epoch", json_string(epoch));
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

/* The same for a key that need not be there; *value is 0 then. */
static clade_status get_int_or_0(int *value, const clade_checkpoint *c,
                                 const char *key)
{
    *value = 0;
    return safetensors_text(c->file, key) ? get_int(value, c, key, 1)
                                          : CLADE_OK;
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

/* Is a text the JSON of an object or of an array? */
static clade_status check_json(const clade_checkpoint *c, const char *key,
                               const char *text, json_type type)
{
    json_t *value = json_loads(text, 0, NULL);
    const bool good = value && json_typeof(value) == type;

    json_decref(value);
    return good ? CLADE_OK : bad_text(c, key, text);
}

/* Is it an array of names, one for each class of the net? */
static bool are_classes(const json_t *names, int classes)
{
    const json_t *name;
    size_t i;

    json_array_foreach(names, i, name) {
        const char *text = json_string_value(name);

        if (!text || data_class_fault(text))
            return false;
    }
    return json_array_size(names) == (size_t)classes;
}

static clade_status get_classes(clade_checkpoint *c, int classes)
{
    struct clade_checkpoint_info *info = &c->info;
    struct clade_data data;
    json_t *names;
    bool good;

    info->classes = safetensors_text(c->file, "classes");
    if (!info->classes) {
        data_name_classes(&data, info->data);
        names = data_classes_json(&data);
        info->classes = c->classes = json_dumps(names, JSON_COMPACT);
    } else {
        names = json_loads(info->classes, 0, NULL);
    }
    good = are_classes(names, classes);
    json_decref(names);
    return good ? CLADE_OK : bad_text(c, "classes", info->classes);
}

/* The size of the images, which must be the one that the net takes. */
static clade_status get_image(clade_checkpoint *c, const struct net_table *net)
{
    const char *text = safetensors_text(c->file, "image");
    char wanted[32];

    c->info.image_w = net->source_w;
    c->info.image_h = net->source_h;
    snprintf(wanted, sizeof wanted, "%dx%d", net->source_w, net->source_h);
    if (!text || !strcmp(text, wanted))
        return CLADE_OK;
    return clade_fail(CLADE_EDATA,
                      "%s: was trained on images of %s, but the net %s takes "
                      "images of %s",
                      safetensors_path(c->file), text, net->name, wanted);
}

static clade_status get_info(clade_checkpoint *c)
{
    struct clade_checkpoint_info *info = &c->info;
    const struct net_table *net;
    const char *format;
    clade_status st;

    if ((st = get_text(&format, c, "format")))
        return st;
    if (strcmp(format, CHECKPOINT_FORMAT))
        return clade_fail(CLADE_EDATA,
                          "%s: its format is \"%s\"; only \"%s\" is known",
                          safetensors_path(c->file), format,
                          CHECKPOINT_FORMAT);
    if ((st = get_net(&info->net, c)) ||
        (st = get_int(&info->epoch, c, "epoch", 0)) ||
        (st = get_number(&info->seed, c, "seed", 0, UINT64_MAX)) ||
        (st = get_int(&info->batch, c, "batch", 1)) ||
        (st = get_int(&info->train_count, c, "train_count", 1)) ||
        (st = get_int(&info->test_count, c, "test_count", 1)) ||
        (st = get_real(&info->learning_rate, c, "learning_rate")) ||
        (st = get_int_or_0(&info->rate_batch, c, "rate_batch")) ||
        (st = get_int_or_0(&info->warmup, c, "warmup")) ||
        (st = get_int_or_0(&info->eval_every, c, "eval_every")) ||
        (st = get_text(&info->data, c, "data")) ||
        (st = get_text(&info->device, c, "device")) ||
        (st = get_text(&info->driver, c, "driver")) ||
        (st = get_text(&info->algorithms, c, "algorithms")) ||
        (st = check_json(c, "algorithms", info->algorithms, JSON_OBJECT)))
        return st;
    net = net_table_find(info->net);
    if ((st = get_classes(c, net->classes)) || (st = get_image(c, net)))
        return st;
    info->schedule = safetensors_text(c->file, "schedule");
    if (!info->schedule)
        info->schedule = "step";
    if (!info->eval_every)
        info->eval_every = 1;
    info->augment = safetensors_text(c->file, "augment");
    info->shares = safetensors_text(c->file, "shares");
    info->devices = safetensors_text(c->file, "devices");
    return info->devices
               ? check_json(c, "devices", info->devices, JSON_ARRAY)
               : CLADE_OK;
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
        st = get_info(c);
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
    free(checkpoint->classes);
    free(checkpoint);
}

const char *checkpoint_path(const clade_checkpoint *checkpoint)
{
    return safetensors_path(checkpoint->file);
}

const char *checkpoint_text(const clade_checkpoint *checkpoint, const char *key)
{
    return safetensors_text(checkpoint->file, key);
}

const struct clade_checkpoint_info *
clade_checkpoint_info(const clade_checkpoint *checkpoint)
{
    return checkpoint ? &checkpoint->info : NULL;
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

static clade_status load_tensor(clade_checkpoint *c, const clade_net *net,
                                int i, const char *name, void *vector)
{
    const struct safetensor *t = safetensors_find(c->file, name);
    size_t n = (size_t)safetensor_elements(t);
    float *v = malloc(n * sizeof *v);
    clade_status st;

    if (!v)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", name);
    st = safetensors_read(c->file, v, t);
    if (!st)
        net_parameter_put(net, i, vector, v);
    free(v);
    return st;
}

clade_status checkpoint_read(clade_checkpoint *checkpoint,
                             const clade_net *net, struct net_vectors *v)
{
    const struct clade_parameter *parameters;
    const int count = clade_net_parameters(net, &parameters);
    struct safetensor *list = make_list(parameters, count);
    clade_status st;

    if (!complete(list, count))
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory",
                        safetensors_path(checkpoint->file));
    else
        st = check_tensors(checkpoint, list, 2 * count);
    for (int i = 0; i < count && !st; i++) {
        st = load_tensor(checkpoint, net, i, parameters[i].name, v->values);
        if (!st)
            st = load_tensor(checkpoint, net, i, list[2 * i + 1].name,
                             v->momenta);
    }
    free_list(list, count);
    return st;
}

clade_status clade_checkpoint_load(clade_checkpoint *checkpoint, clade_net *net)
{
    clade_status st =
        status_given(__func__, "checkpoint, net", checkpoint && net);
    struct net_vectors v;

    if (st || (st = net_vectors_new(&v, net)))
        return st;
    st = checkpoint_read(checkpoint, net, &v);
    if (!st)
        st = net_vectors_write(net, &v);
    net_vectors_free(&v);
    return st;
}
