/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Write the inputs of an op that failed to a file (clade-op/2, safetensors),
 * and read it.  The metadata have the case's name and what else is needed to
 * make the case again.
 */
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "plain.h"
#include "safetensors.h"
#include "status.h"

#define FORMAT  "clade-op/2"
#define GAP_MAX (1 << 24)

/* "x.gap": the elements of x that are unused after each pixel's. */
static const char *gap_key(char key[32], enum clade_role role)
{
    snprintf(key, 32, "%s.gap", clade_role_name(role));
    return key;
}

/* ---- writing ------------------------------------------------------------- */

/* The roles to write, in the file's order. */
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
    const int64_t n = clade_tensor_elements(t);

    for (int64_t e = 0; e < n; e++)
        to[e] = verify_get(d->host->area[d->role[i]].before, t, e);
    return CLADE_OK;
}

static void choose_roles(struct dump *d, const struct op_case *c)
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct clade_tensor *t = &d->host->op.t[role];

        if (!(verify_inputs(c) & 1u << role))
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
    if (text)
        json_object_set_new(metadata, key, json_string(text));
}

/* Add what the case can be made from. */
static void set_case(json_t *metadata, const struct op_case *c,
                     const struct verify_host *host)
{
    const struct clade_step *s = &host->step;
    const locale_t before = plain_begin();
    char key[32];

    set_text(metadata, "format", FORMAT);
    set_text(metadata, "case", c->name);
    for (int role = 0; role < CLADE_ROLES; role++)
        if (c->gap[role])
            json_object_set_new(metadata, gap_key(key, role),
                                json_sprintf("%d", c->gap[role]));
    json_object_set_new(metadata, "scalar", json_sprintf("%.9g", c->scalar));
    json_object_set_new(
        metadata, "step",
        json_sprintf("%llu %u %d %d %.9g %d %u", (unsigned long long)s->seed,
                     (unsigned)s->number, s->first_image, s->batch,
                     s->learning_rate, s->dropout, (unsigned)host->op.stream));
    plain_end(before);
}

/* Add what is known about the failure. */
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
                         struct clade_verdict *v, clade_backend *be)
{
    struct dump d = { .host = host };
    json_t *metadata = json_object();
    char *path = verify_dump_path(folder, v);
    clade_status st;

    choose_roles(&d, c);
    if (!path || !metadata) {
        st = clade_fail(CLADE_ENOMEM, "verify: no memory for a dump");
    } else {
        set_case(metadata, c, host);
        set_verdict(metadata, v, clade_backend_device(be));
        st = file_make_folder(folder, NULL);
    }
    if (!st)
        st = safetensors_write(path, metadata, d.list, d.count, values, &d);
    if (!st)
        snprintf(v->file, sizeof(v->file), "%s", path);
    json_decref(metadata);
    free(path);
    return st;
}

/* ---- reading ------------------------------------------------------------- */

static clade_status bad(const struct safetensors *file, const char *key,
                        const char *why)
{
    return clade_fail(CLADE_EDATA,
                      "%s: `%s` is wrong: %s; this must be a file of the "
                      "inputs of a failed case, " FORMAT,
                      safetensors_path(file), key, why);
}

#define NOT_WANTED "it is missing, or not what the op needs"

static bool get_scalar(float *to, const char *text)
{
    const locale_t before = plain_begin();
    char *end;

    *to = strtof(text, &end);
    plain_end(before);
    return *text && !*end;
}

static bool get_gap(int *to, const char *text)
{
    char *end;
    const long value = strtol(text, &end, 10);

    *to = (int)value;
    return *text && !*end && value >= 0 && value <= GAP_MAX;
}

static clade_status get_case(struct op_case *c, const struct safetensors *file,
                             const char *path)
{
    const char *format = safetensors_text(file, "format");
    const char *name = safetensors_text(file, "case");
    const char *scalar = safetensors_text(file, "scalar"), *wrong;
    char key[32];

    if (!format || strcmp(format, FORMAT))
        return bad(file, "format", format ? format : "it is missing");
    *c = (struct op_case){ .why = "the values of a file", .file = path };
    for (int role = 0; role < CLADE_ROLES; role++) {
        const char *gap = safetensors_text(file, gap_key(key, role));

        if (gap && !get_gap(&c->gap[role], gap))
            return bad(file, key, NOT_WANTED);
    }
    wrong = name ? verify_case_parse(c, name) : NOT_WANTED;
    if (wrong)
        return bad(file, "case", wrong);
    return scalar && get_scalar(&c->scalar, scalar)
               ? CLADE_OK
               : bad(file, "scalar", NOT_WANTED);
}

static clade_status get_step(struct verify_host *host,
                             const struct safetensors *file)
{
    const char *text = safetensors_text(file, "step");
    struct clade_step *s = &host->step;
    unsigned long long seed;
    unsigned number, stream;
    int dropout, found = 0;
    const locale_t before = plain_begin();

    if (text)
        found = sscanf(text, "%llu %u %d %d %f %d %u", &seed, &number,
                       &s->first_image, &s->batch, &s->learning_rate, &dropout,
                       &stream);
    plain_end(before);
    if (found != 7)
        return bad(file, "step", NOT_WANTED);
    s->seed = seed;
    s->number = number;
    s->dropout = dropout;
    host->op.stream = stream;
    return CLADE_OK;
}

/* Convert the file's floats to the role's type; bytes must be below `most`. */
static bool put_values(struct verify_host *host, enum clade_role role,
                       const float *list, int most)
{
    const struct clade_tensor *t = &host->op.t[role];
    const int64_t n = clade_tensor_elements(t);

    for (int64_t i = 0; i < n; i++) {
        if (t->type == CLADE_U8 && !(list[i] >= 0 && list[i] < most))
            return false;
        verify_put(host->area[role].before, t, i, list[i]);
    }
    return true;
}

static clade_status get_role(struct verify_host *host, struct safetensors *file,
                             const struct op_case *c, enum clade_role role)
{
    const char *name = clade_role_name(role);
    const struct safetensor *from = safetensors_find(file, name);
    const int64_t n = clade_tensor_elements(&host->op.t[role]);
    float *list;
    clade_status st;

    if (!from || safetensor_elements(from) != n)
        return bad(file, name, NOT_WANTED);
    list = malloc(n * sizeof(*list));
    if (!list)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %s", name);
    st = safetensors_read(file, list, from);
    if (!st && !put_values(host, role, list, verify_bytes(c)))
        st = bad(file, name, NOT_WANTED);
    free(list);
    return st;
}

static clade_status get_values(struct verify_host *host,
                               struct safetensors *file,
                               const struct op_case *c)
{
    clade_status st = get_step(host, file);

    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (verify_inputs(c) & 1u << role)
            st = get_role(host, file, c, role);
    return st;
}

clade_status verify_undump(struct verify_host **host, struct op_case *c,
                           const char *path)
{
    struct safetensors *file;
    clade_status st = safetensors_open(&file, path);

    if (st)
        return st;
    st = get_case(c, file, path);
    if (!st)
        st = verify_host_new(host, c);
    if (st == CLADE_ESHAPE)
        st = bad(file, "case", clade_error());
    if (!st && (st = get_values(*host, file, c)))
        verify_host_free(*host);
    safetensors_close(file);
    return st;
}
