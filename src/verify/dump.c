/* SPDX-License-Identifier: Apache-2.0 */
/* The inputs of an op that failed, as a file that others can read. */
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "safetensors.h"
#include "status.h"

/* The roles that are written, in the file's order. */
struct dump {
    const struct clade_op *op;
    enum clade_role role[CLADE_ROLES];
    struct safetensor list[CLADE_ROLES];
    int count;
};

static clade_status values(void *arg, int i, float *to)
{
    const struct dump *d = arg;
    const struct clade_tensor *t = &d->op->t[d->role[i]];
    const void *host = ((struct cpu_buffer *)t->buffer)->host;
    const int64_t n = clade_tensor_elements(t);

    for (int64_t e = 0; e < n; e++) {
        const int64_t at = clade_tensor_element(t, e);

        to[e] = t->type == CLADE_U8 ? ((const uint8_t *)host)[at]
                                    : ((const float *)host)[at];
    }
    return CLADE_OK;
}

static void choose_roles(struct dump *d)
{
    unsigned wanted = clade_op_inputs(d->op->kind) | 1u << CLADE_B;

    if (d->op->flags & CLADE_ACCUMULATE)
        wanted |= 1u << CLADE_DX; /* its old values */
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct clade_tensor *t = &d->op->t[role];

        if (!(wanted & 1u << role) || !t->buffer || role == CLADE_PACKED ||
            role == CLADE_WORKSPACE)
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

static json_t *metadata_of(const struct clade_op *op,
                           const struct clade_verdict *v,
                           const struct clade_device *device)
{
    const struct clade_window *w = &op->window;
    json_t *metadata = json_object();
    char text[160];

    set_text(metadata, "format", "clade-op/1");
    set_text(metadata, "op", v->op);
    set_text(metadata, "case", v->name);
    set_text(metadata, "layer", v->layer);
    set_text(metadata, "algorithm", v->algorithm);
    set_text(metadata, "message", v->message);
    set_text(metadata, "worst", v->where);
    set_text(metadata, "platform", device->platform);
    set_text(metadata, "device", device->name);
    set_text(metadata, "driver", device->driver);
    snprintf(text, sizeof(text), "%dx%d stride %d, pads %d %d %d %d", w->r,
             w->s, w->stride, w->top, w->bottom, w->left, w->right);
    set_text(metadata, "window", text);
    snprintf(text, sizeof(text), "%s%s%s",
             op->flags & CLADE_BIAS ? "bias " : "",
             op->flags & CLADE_ACCUMULATE ? "accumulate " : "",
             op->flags & CLADE_RELU ? "relu" : "");
    set_text(metadata, "flags", text);
    snprintf(text, sizeof(text), "%.9g", op->scalar);
    set_text(metadata, "scalar", text);
    return metadata;
}

/* "DIR/NAME ALGORITHM.safetensors", with what a file's name can't have or a
 * shell would read replaced. */
static char *path_of(const char *folder, const struct clade_verdict *v)
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

clade_status verify_dump(const char *folder, const struct clade_op *op,
                         const struct clade_verdict *v, clade_backend *be)
{
    struct dump d = { .op = op };
    json_t *metadata = metadata_of(op, v, clade_backend_device(be));
    char *path = path_of(folder, v);
    clade_status st;

    choose_roles(&d);
    if (!path || !metadata)
        st = clade_fail(CLADE_ENOMEM, "verify: no memory for a dump");
    else
        st = file_make_folder(folder);
    if (!st)
        st = safetensors_write(path, metadata, d.list, d.count, values, &d);
    json_decref(metadata);
    free(path);
    return st;
}
