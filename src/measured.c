/* SPDX-License-Identifier: Apache-2.0 */
#include "measured.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "status.h"

#define FORMAT "clade-measured/1"

struct measured {
    char *path;
    json_t *file; /* all of it */
    json_t *rows; /* its "products", by key */
};

static json_t *new_file(const struct measured_source *s)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:{}}", "format", FORMAT, "device",
                     json_sprintf("%s", s->device), "driver",
                     json_sprintf("%s", s->driver), "kernels",
                     json_sprintf("%016llx", (unsigned long long)s->kernels),
                     "products");
}

/* Check that the file that was read is one for the same kernels as `wanted`. */
static clade_status check(const json_t *file, const json_t *wanted,
                          const char *path)
{
    static const char *const same[] = { "format", "kernels" };

    if (!json_is_object(json_object_get(file, "products")))
        return clade_fail(CLADE_EDATA, "%s: it has no \"products\"", path);
    for (int i = 0; i < 2; i++)
        if (!json_equal(json_object_get(file, same[i]),
                        json_object_get(wanted, same[i])))
            return clade_fail(CLADE_EDATA,
                              "%s: it is of another version of clade", path);
    return CLADE_OK;
}

static clade_status read_file(json_t **file, const json_t *wanted,
                              const char *path)
{
    json_error_t error;
    char *text;
    size_t n;
    clade_status st = file_read(&text, &n, path);

    if (st)
        return st;
    *file = json_loadb(text, n, JSON_REJECT_DUPLICATES, &error);
    free(text);
    if (!*file)
        return clade_fail(CLADE_EDATA, "%s: line %d: %s", path, error.line,
                          error.text);
    if ((st = check(*file, wanted, path)))
        json_decref(*file);
    return st;
}

clade_status measured_read(struct measured **out,
                           const struct measured_source *source)
{
    struct measured *m = calloc(1, sizeof *m);
    json_t *read;
    clade_status st = CLADE_OK;

    if (m && (m->path = strdup(source->path)))
        m->file = new_file(source);
    if (!m || !m->file) {
        measured_free(m);
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", source->path);
    }
    if (!access(source->path, F_OK) &&
        !(st = read_file(&read, m->file, source->path))) {
        json_decref(m->file);
        m->file = read;
    }
    m->rows = json_object_get(m->file, "products");
    *out = m;
    return st;
}

void measured_free(struct measured *m)
{
    if (!m)
        return;
    json_decref(m->file);
    free(m->path);
    free(m);
}

const char *measured_path(const struct measured *m)
{
    return m->path;
}

/* ---- rows ---------------------------------------------------------------- */

/* The names of a row's members. */
static const char *const times[3][2] = {
    { "choice", "ms" },
    { "usual", "usual_ms" },
    { "runner_up", "runner_up_ms" },
};

/* The same order. */
static struct measured_time *time_of(struct measured_row *row, int i)
{
    return i == 0 ? &row->best : i == 1 ? &row->usual : &row->next;
}

static void get_text(char *to, size_t size, const json_t *object,
                     const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    snprintf(to, size, "%s", text ? text : "");
}

static bool get_row(struct measured_row *row, const char *key,
                    const json_t *object)
{
    *row = (struct measured_row){ .label = "" };
    snprintf(row->key, sizeof row->key, "%s", key);
    get_text(row->label, sizeof row->label, object, "layer");
    get_text(row->date, sizeof row->date, object, "date");
    for (int i = 0; i < 3; i++) {
        struct measured_time *t = time_of(row, i);

        get_text(t->choice, sizeof t->choice, object, times[i][0]);
        t->seconds =
            1e-3 * json_number_value(json_object_get(object, times[i][1]));
    }
    return row->best.choice[0] && row->best.seconds > 0 &&
           row->usual.choice[0] && row->usual.seconds > 0;
}

const char *measured_choice(const struct measured *m, const char *key)
{
    return json_string_value(
        json_object_get(json_object_get(m->rows, key), "choice"));
}

int measured_count(const struct measured *m)
{
    return (int)json_object_size(m->rows);
}

bool measured_at(struct measured_row *row, const struct measured *m, int i)
{
    void *at = json_object_iter(m->rows);

    while (at && i--)
        at = json_object_iter_next(m->rows, at);
    return at &&
           get_row(row, json_object_iter_key(at), json_object_iter_value(at));
}

bool measured_find(struct measured_row *row, const struct measured *m,
                   const char *key)
{
    const json_t *object = json_object_get(m->rows, key);

    return object && get_row(row, key, object);
}

static clade_status write_json(void *arg, FILE *file)
{
    return json_dumpf(arg, file, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) ||
                   fputc('\n', file) == EOF
               ? clade_fail(CLADE_EIO, "what was measured cannot be written")
               : CLADE_OK;
}

/* Write the file, in a folder that is made if it is missing. */
static clade_status write_file(const struct measured *m)
{
    const clade_status st = file_make_folder_of(m->path);

    return st ? st : file_replace(m->path, write_json, m->file);
}

clade_status measured_set(struct measured *m, const struct measured_row *given)
{
    struct measured_row row = *given;
    json_t *object = json_object();

    json_object_set_new(object, "layer", json_string(row.label));
    for (int i = 0; i < 3; i++) {
        const struct measured_time *t = time_of(&row, i);

        if (!t->choice[0])
            continue;
        json_object_set_new(object, times[i][0], json_string(t->choice));
        json_object_set_new(object, times[i][1], json_real(1e3 * t->seconds));
    }
    json_object_set_new(object, "date", json_string(row.date));
    if (json_object_set_new(m->rows, row.key, object))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", m->path);
    return write_file(m);
}

/* ---- notes --------------------------------------------------------------- */

/* What stands in the place of a row. */
#define NOTE "measuring"

clade_status measured_begin(struct measured *m, const char *key)
{
    if (json_object_get(m->rows, key))
        return CLADE_OK;
    if (json_object_set_new(m->rows, key, json_string(NOTE)))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", m->path);
    return write_file(m);
}

bool measured_is_noted(const struct measured *m, const char *key)
{
    return json_is_string(json_object_get(m->rows, key));
}

clade_status measured_end(struct measured *m, const char *key)
{
    if (!measured_is_noted(m, key))
        return CLADE_OK;
    json_object_del(m->rows, key);
    return write_file(m);
}
