/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inputs of an op that failed, as a file: clade-op/1, safetensors.  Its
 * metadata are the case's members, so that it can be made again from there.
 */
#include "verify/verify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "safetensors.h"
#include "status.h"

#define FORMAT       "clade-op/1"
#define EXTENT_MAX   (1 << 24) /* of one axis */
#define ELEMENTS_MAX INT32_MAX

/* What a case is, but for its kind, its data and its scalar. */
static const struct {
    const char *key;
    size_t at;
    int least;
} members[] = {
#define MEMBER(name, least)                                                    \
    {                                                                          \
#name, offsetof(struct op_case, name), least                           \
    }
    MEMBER(n, 1),           MEMBER(h, 1),
    MEMBER(w, 1),           MEMBER(c, 1),
    MEMBER(p, 1),           MEMBER(q, 1),
    MEMBER(k, 1),           MEMBER(window.r, 1),
    MEMBER(window.s, 1),    MEMBER(window.stride, 1),
    MEMBER(window.top, 0),  MEMBER(window.bottom, 0),
    MEMBER(window.left, 0), MEMBER(window.right, 0),
    MEMBER(flags, 0),
#undef MEMBER
};

#define MEMBERS (sizeof(members) / sizeof(*members))

static int *member_of(struct op_case *c, size_t i)
{
    return (int *)((char *)c + members[i].at);
}

/* "x.gap": the elements between a pixel's of x and the next's. */
static const char *gap_key(char key[32], enum clade_role role)
{
    snprintf(key, 32, "%s.gap", clade_role_name(role));
    return key;
}

/* ---- writing --------------------------------------------------------------
 */

/* The roles that are written, in the file's order. */
struct dump {
    const struct verify_host *host;
    enum clade_role role[CLADE_ROLES];
    struct safetensor list[CLADE_ROLES];
    int count;
};

static clade_status values(void *arg, int i, float *to)
{
    const struct dump *d = arg;
    const struct clade_tensor *t = &d->host->op.t[d->role[i]];
    const void *image = d->host->area[d->role[i]].before;
    const int64_t n = clade_tensor_elements(t);

    for (int64_t e = 0; e < n; e++) {
        const int64_t at = clade_tensor_element(t, e);

        to[e] = t->type == CLADE_U8 ? ((const uint8_t *)image)[at]
                                    : ((const float *)image)[at];
    }
    return CLADE_OK;
}

static void choose_roles(struct dump *d)
{
    const unsigned wanted = verify_host_inputs(d->host);

    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct clade_tensor *t = &d->host->op.t[role];

        if (!(wanted & 1u << role))
            continue;
        d->role[d->count] = role;
        d->list[d->count++] =
            (struct safetensor){ .name = clade_role_name(role),
                                 .dims = 4,
                                 .shape = { t->n, t->h, t->w, t->c } };
    }
}

static void set_text(json_t *metadata, const char *key, const char *text)
{
    if (text) /* one that is not UTF-8 is left out */
        json_object_set_new(metadata, key, json_string(text));
}

static void set_int(json_t *metadata, const char *key, int value)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", value);
    set_text(metadata, key, text);
}

/* What the case is made of. */
static void set_case(json_t *metadata, const struct op_case *c,
                     const struct verify_host *host)
{
    const struct clade_step *s = &host->step;
    struct op_case copy = *c;
    char key[32], text[160];

    set_text(metadata, "format", FORMAT);
    set_text(metadata, "op", clade_op_name(c->kind));
    set_text(metadata, "case", c->name);
    set_text(metadata, "data", verify_data_name(c->data));
    for (size_t i = 0; i < MEMBERS; i++)
        set_int(metadata, members[i].key, *member_of(&copy, i));
    for (int role = 0; role < CLADE_ROLES; role++)
        if (c->gap[role])
            set_int(metadata, gap_key(key, role), c->gap[role]);
    snprintf(text, sizeof(text), "%.9g", c->scalar);
    set_text(metadata, "scalar", text);
    snprintf(text, sizeof(text), "%llu %u %d %d %.9g %d %u",
             (unsigned long long)s->seed, (unsigned)s->number, s->first_image,
             s->batch, s->learning_rate, s->dropout, (unsigned)host->op.stream);
    set_text(metadata, "step", text);
}

/* What is told about it. */
static void set_verdict(json_t *metadata, const struct clade_verdict *v,
                        const struct clade_device *device)
{
    set_text(metadata, "layer", v->layer);
    set_text(metadata, "algorithm", v->algorithm);
    set_text(metadata, "message", v->message);
    set_text(metadata, "worst", v->where);
    set_text(metadata, "platform", device->platform);
    set_text(metadata, "device", device->name);
    set_text(metadata, "driver", device->driver);
}

char *verify_dump_path(const char *folder, const struct clade_verdict *v)
{
    char name[320];

    snprintf(name, sizeof(name), "%s%s%s-%s.safetensors", v->layer,
             v->layer[0] ? "-" : "", v->name,
             v->algorithm ? v->algorithm : "none");
    for (char *c = name; *c; c++)
        if (strchr("/:* ()\\\"'", *c))
            *c = '_';
    return file_path(folder, name);
}

clade_status verify_dump(const char *folder, const struct op_case *c,
                         const struct verify_host *host,
                         const struct clade_verdict *v, clade_backend *be)
{
    struct dump d = { .host = host };
    json_t *metadata = json_object();
    char *path = verify_dump_path(folder, v);
    clade_status st;

    choose_roles(&d);
    if (!path || !metadata) {
        st = clade_fail(CLADE_ENOMEM, "verify: no memory for a dump");
    } else {
        set_case(metadata, c, host);
        set_verdict(metadata, v, clade_backend_device(be));
        st = file_make_folder(folder);
    }
    if (!st)
        st = safetensors_write(path, metadata, d.list, d.count, values, &d);
    json_decref(metadata);
    free(path);
    return st;
}

/* ---- reading --------------------------------------------------------------
 */

static clade_status bad(const struct safetensors *file, const char *what)
{
    return clade_fail(CLADE_EDATA,
                      "%s: %s; `clade verify --dump` writes what can be read "
                      "here, " FORMAT,
                      safetensors_path(file), what);
}

static clade_status bad_value(const struct safetensors *file, const char *name)
{
    char what[80];

    snprintf(what, sizeof(what),
             "its `%s` is missing, or not what the op wants", name);
    return bad(file, what);
}

static bool get_int(int *to, const char *text, int least)
{
    char *end;
    long value;

    if (!text || !*text)
        return false;
    value = strtol(text, &end, 10);
    if (*end || value < least || value > EXTENT_MAX)
        return false;
    *to = (int)value;
    return true;
}

/* The place of a text in a list of names, or the list's length. */
static int find(const char *text, const char *(*name)(int), int count)
{
    int i = 0;

    while (i < count && (!text || strcmp(text, name(i))))
        i++;
    return i;
}

static const char *kind_name(int kind)
{
    return clade_op_name(kind);
}

static const char *data_name(int data)
{
    return verify_data_name(data);
}

/* Whether no tensor of the case is too large to be an op's. */
static bool is_small(const struct op_case *c)
{
    const double in = (double)c->n * c->h * c->w, out = (double)c->n * c->p;
    const double filter = (double)c->window.r * c->window.s * c->c * c->k;
    int gap = 0;

    for (int role = 0; role < CLADE_ROLES; role++)
        gap = c->gap[role] > gap ? c->gap[role] : gap;
    return in * (c->c + gap) < ELEMENTS_MAX &&
           out * c->q * (c->k + gap) < ELEMENTS_MAX && filter < ELEMENTS_MAX;
}

static clade_status get_case(struct op_case *c, const struct safetensors *file,
                             const char *path)
{
    const char *text;
    char key[32], *end;

    *c = (struct op_case){ .why = "the values of a file", .file = path };
    c->kind = find(safetensors_text(file, "op"), kind_name, CLADE_OP_KINDS);
    c->data = find(safetensors_text(file, "data"), data_name, DATA_KINDS);
    if (c->kind == CLADE_OP_KINDS || c->kind == CLADE_FILTER_PACK)
        return bad(file, "its op is none that is judged");
    if (c->data == DATA_KINDS)
        return bad(file, "its kind of data is unknown");
    for (size_t i = 0; i < MEMBERS; i++)
        if (!get_int(member_of(c, i), safetensors_text(file, members[i].key),
                     members[i].least))
            return bad_value(file, members[i].key);
    for (int role = 0; role < CLADE_ROLES; role++) {
        text = safetensors_text(file, gap_key(key, role));
        if (text && !get_int(&c->gap[role], text, 0))
            return bad_value(file, key);
    }
    text = safetensors_text(file, "scalar");
    c->scalar = text ? strtof(text, &end) : 0;
    if (!text || *end)
        return bad_value(file, "scalar");
    if (!is_small(c))
        return bad(file, "its tensors are too large");
    text = safetensors_text(file, "case");
    snprintf(c->name, sizeof(c->name), "%s", text ? text : "");
    return CLADE_OK;
}

static clade_status get_step(struct verify_host *host,
                             const struct safetensors *file)
{
    const char *text = safetensors_text(file, "step");
    struct clade_step *s = &host->step;
    unsigned long long seed;
    unsigned number, stream;
    int dropout;

    if (!text ||
        sscanf(text, "%llu %u %d %d %f %d %u", &seed, &number, &s->first_image,
               &s->batch, &s->learning_rate, &dropout, &stream) != 7)
        return bad_value(file, "step");
    s->seed = seed;
    s->number = number;
    s->dropout = dropout;
    host->op.stream = stream;
    return CLADE_OK;
}

/* How many values a byte of a role can have: classes, places of a window. */
static int bytes_of(const struct verify_host *host, enum clade_role role)
{
    const struct clade_op *op = &host->op;
    const enum clade_role scores =
        op->kind == CLADE_LOSS_FWD ? CLADE_X : CLADE_Y;

    switch (role) {
    case CLADE_LABEL:
        return op->t[scores].c;
    case CLADE_ARG:
        return op->window.r * op->window.s;
    default:
        return UINT8_MAX + 1;
    }
}

/* A tensor of floats becomes one of bytes in place. */
static bool make_bytes(float *values, int64_t n, int most)
{
    for (int64_t i = 0; i < n; i++) {
        if (!(values[i] >= 0 && values[i] < most))
            return false;
        ((uint8_t *)values)[i] = (uint8_t)values[i];
    }
    return true;
}

static clade_status get_role(struct verify_host *host, struct safetensors *file,
                             enum clade_role role)
{
    const char *name = clade_role_name(role);
    const struct safetensor *from = safetensors_find(file, name);
    struct clade_tensor t = host->op.t[role];
    const int64_t n = clade_tensor_elements(&t);
    struct cpu_buffer wrap;
    float *list;
    clade_status st;

    if (!from || safetensor_elements(from) != n)
        return bad_value(file, name);
    list = malloc(n * sizeof(*list));
    if (!list)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %s", name);
    st = safetensors_read(file, list, from);
    if (!st && t.type == CLADE_U8 && !make_bytes(list, n, bytes_of(host, role)))
        st = bad_value(file, name);
    wrap = cpu_wrap(list, n * sizeof(*list));
    t.buffer = &wrap.base;
    t.offset = 0;
    t.ld = t.c;
    if (!st)
        verify_host_copy(host, role, &t);
    free(list);
    return st;
}

static clade_status get_values(struct verify_host *host,
                               struct safetensors *file)
{
    const unsigned wanted = verify_host_inputs(host);
    clade_status st = get_step(host, file);

    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (wanted & 1u << role)
            st = get_role(host, file, role);
    return st;
}

clade_status verify_undump(struct verify_host **host, struct op_case *c,
                           const char *path)
{
    struct safetensors *file;
    const char *format;
    clade_status st = safetensors_open(&file, path);

    if (st)
        return st;
    format = safetensors_text(file, "format");
    if (!format || strcmp(format, FORMAT))
        st = bad(file, "its format is another");
    if (!st)
        st = get_case(c, file, path);
    if (!st)
        st = verify_host_new(host, c);
    if (!st && (st = get_values(*host, file)))
        verify_host_free(*host);
    safetensors_close(file);
    return st;
}
