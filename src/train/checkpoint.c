/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "plain.h"
#include "safetensors.h"
#include "status.h"
#include "train/tensors.h"

struct clade_checkpoint {
    struct safetensors *file;
    struct graph graph; /* of its net */
    struct clade_checkpoint_info info;
    char *classes; /* what info.classes is if the file has none; or NULL */
};

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

clade_status checkpoint_save(const char *path, const clade_net *net,
                             json_t *metadata, int epochs,
                             const struct net_vectors *vectors)
{
    struct saving saving = { net, vectors };
    struct tensors t;
    char epoch[16];
    clade_status st;

    snprintf(epoch, sizeof epoch, "%d", epochs);
    json_object_set_new(metadata, "epoch", json_string(epoch));
    st = tensors_new(&t, net_graph(net), true);
    if (!st)
        st = safetensors_write(path, metadata, t.list, t.count, saved_values,
                               &saving);
    tensors_free(&t);
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

/* Of weights alone, what the file does not say stays as it is. */
static clade_status get_text(const char **value, const clade_checkpoint *c,
                             const char *key)
{
    const char *text = safetensors_text(c->file, key);

    if (!text && !c->info.weights)
        return bad_text(c, key, NULL);
    if (text)
        *value = text;
    return CLADE_OK;
}

static clade_status get_number(uint64_t *value, const clade_checkpoint *c,
                               const char *key, uint64_t min, uint64_t max)
{
    const char *text = NULL;
    clade_status st = get_text(&text, c, key);
    char *end;

    if (st || !text)
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
    uint64_t v = (uint64_t)*value;
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
    const char *text = NULL;
    clade_status st = get_text(&text, c, key);
    locale_t before;
    char *end;

    if (st || !text)
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

/* Is the file a checkpoint, or weights alone?  Others than clade may have put a
 * `format` into their metadata, as PyTorch's users do. */
static clade_status get_format(bool *weights, const clade_checkpoint *c)
{
    const char *format = safetensors_text(c->file, "format");

    *weights = !format || strncmp(format, "clade-", 6);
    if (*weights || !strcmp(format, CHECKPOINT_FORMAT))
        return CLADE_OK;
    return clade_fail(CLADE_EDATA,
                      "%s: its format is \"%s\"; only \"%s\" is known",
                      safetensors_path(c->file), format, CHECKPOINT_FORMAT);
}

/* What is taken for weights alone. */
static clade_status set_defaults(struct clade_checkpoint_info *info,
                                 const clade_checkpoint *c)
{
    const struct clade_train_config d = CLADE_TRAIN_DEFAULTS;

    *info = (struct clade_checkpoint_info){
        .weights = true,
        .seed = d.seed,
        .batch = d.batch,
        .train_count = d.train_count,
        .test_count = d.test_count,
        .learning_rate = d.learning_rate,
        .data = CHECKPOINT_UNKNOWN,
        .device = CHECKPOINT_UNKNOWN,
        .driver = CHECKPOINT_UNKNOWN,
        .algorithms = "{}",
    };
    return tensors_net(&info->net, c->file);
}

static clade_status get_info(clade_checkpoint *c)
{
    struct clade_checkpoint_info *info = &c->info;
    clade_status st = get_format(&info->weights, c);
    const struct net_table *net;

    if (!st && info->weights)
        st = set_defaults(info, c);
    if (st || (st = get_net(&info->net, c)) ||
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

/* The file must hold exactly the tensors of its net. */
static clade_status check_tensors(clade_checkpoint *c)
{
    struct tensors t = { 0 };
    clade_status st = graph_new(&c->graph, c->info.net);

    if (!st)
        st = tensors_new(&t, &c->graph, !c->info.weights);
    if (!st)
        st = tensors_check(&t, c->file);
    tensors_free(&t);
    return st;
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
    if (!st)
        st = check_tensors(c);
    if (st)
        clade_checkpoint_close(c);
    else
        *checkpoint = c;
    return st;
}

clade_status checkpoint_open_run(clade_checkpoint **checkpoint,
                                 const char *path)
{
    clade_checkpoint *c;
    clade_status st = clade_checkpoint_open(&c, path);

    if (!st && c->info.weights) {
        st = clade_fail(CLADE_EDATA,
                        "%s: holds weights alone; a run goes on only from a "
                        "checkpoint, which has the momenta and says what run "
                        "it is of.  Start a new run from these weights",
                        path);
        clade_checkpoint_close(c);
    }
    if (!st)
        *checkpoint = c;
    return st;
}

void clade_checkpoint_close(clade_checkpoint *checkpoint)
{
    if (!checkpoint)
        return;
    safetensors_close(checkpoint->file);
    free(checkpoint->classes);
    graph_free(&checkpoint->graph);
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

const struct graph *checkpoint_graph(const clade_checkpoint *checkpoint)
{
    return &checkpoint->graph;
}

clade_status checkpoint_tensor(clade_checkpoint *checkpoint, float *to,
                               const char *name)
{
    return safetensors_read(checkpoint->file, to,
                            safetensors_find(checkpoint->file, name));
}

static clade_status load_tensor(clade_checkpoint *c, const clade_net *net,
                                int i, const char *name, void *vector)
{
    const int64_t n = c->graph.parameters[i].count;
    float *v = malloc((size_t)n * sizeof *v);
    clade_status st;

    if (!v)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", name);
    st = checkpoint_tensor(c, v, name);
    if (!st)
        net_parameter_put(net, i, vector, v);
    free(v);
    return st;
}

clade_status checkpoint_read(clade_checkpoint *checkpoint,
                             const clade_net *net, struct net_vectors *v)
{
    const struct net_table *wanted = net_graph(net)->table;
    const bool momenta = !checkpoint->info.weights;
    struct tensors t;
    clade_status st;

    if (wanted != checkpoint->graph.table)
        return clade_fail(CLADE_EDATA, "%s: is of the net %s, not of %s",
                          checkpoint_path(checkpoint), checkpoint->info.net,
                          wanted->name);
    st = tensors_new(&t, &checkpoint->graph, momenta);
    for (int i = 0; i < t.count && !st; i++)
        st = momenta ? load_tensor(checkpoint, net, i / 2, t.list[i].name,
                                   i % 2 ? v->momenta : v->values)
                     : load_tensor(checkpoint, net, i, t.list[i].name,
                                   v->values);
    tensors_free(&t);
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
