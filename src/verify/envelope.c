/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes as files, and the one that ships. */
#include "verify/envelope.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* Made by `clade verify --make-envelope`. */
static const unsigned char standard[] = {
#include "src/verify/envelope.inc"
};

/* ---- traces ---------------------------------------------------------------
 */

void trace_new(struct trace *t, const clade_net *net)
{
    const struct clade_net_shape shape = clade_net_shape(net);

    *t = (struct trace){ .n = 0 };
    memcpy(t->head, shape.head, sizeof(t->head));
}

void trace_free(struct trace *t)
{
    free(t->list);
    *t = (struct trace){ .n = 0 };
}

static clade_status append(struct trace *t, const struct quantity *q)
{
    if (t->n == t->room) {
        const int room = 2 * t->room + 64;
        struct quantity *list = realloc(t->list, room * sizeof(*list));

        if (!list)
            return clade_fail(CLADE_ENOMEM, "verify: no memory for a trace");
        t->list = list;
        t->room = room;
    }
    t->list[t->n++] = *q;
    return CLADE_OK;
}

static clade_status append_named(struct trace *t, int step, bool loss,
                                 const char *name, double value)
{
    struct quantity q = { .step = step, .loss = loss, .value = value };

    snprintf(q.name, sizeof(q.name), "%s", name);
    return append(t, &q);
}

static clade_status add_losses(void *arg, int step, const double *row, int n)
{
    struct trace *t = arg;
    clade_status st = append_named(t, step, true, "total", row[0]);

    for (int i = 1; i < n && !st; i++)
        st = append_named(t, step, true, t->head[i - 1], row[i]);
    return st;
}

static clade_status add_norm(void *arg, int step, const char *name, double l2)
{
    return append_named(arg, step, false, name, l2);
}

struct record_sink trace_sink(struct trace *trace)
{
    return (struct record_sink){ .arg = trace,
                                 .losses = add_losses,
                                 .norm = add_norm };
}

void trace_deviations(double *deviation, const struct trace *t,
                      const struct trace *centre, int n)
{
    for (int i = 0; i < n; i++) {
        const double c = centre->list[i].value;
        const double d = fabs(t->list[i].value - c) / (c != 0 ? fabs(c) : 1);

        deviation[i] = isnan(d) ? INFINITY : d;
    }
}

clade_status trace_spread(struct spread *spread, const struct trace *t, int n)
{
    clade_status st = spread_new(spread, n);

    for (int i = 0; i < n && !st; i++)
        spread->group[i] = 2 * t->list[i].step + !t->list[i].loss;
    return st;
}

clade_status envelope_spread(struct spread *spread, const struct envelope *e,
                             int n)
{
    clade_status st = trace_spread(spread, &e->trace, n);

    for (int i = 0; i < n && !st; i++) {
        const struct quantity *q = &e->trace.list[i];

        spread->squares[i] = e->runs * q->rms * q->rms;
        spread->largest[i] = q->largest * q->largest;
    }
    spread->runs = e->runs;
    return st;
}

/* ---- reading --------------------------------------------------------------
 */

static clade_status bad(const char *file, const char *what)
{
    return clade_fail(CLADE_EDATA, "%s: %s; is it a " ENVELOPE_FORMAT " file?",
                      file, what);
}

/* [step, "losses", name, centre, rms, largest]. */
static bool get_quantity(struct quantity *q, json_t *row)
{
    const char *kind, *name;

    *q = (struct quantity){ .step = 0 };
    if (json_unpack(row, "[i, s, s, F, F, F!]", &q->step, &kind, &name,
                    &q->value, &q->rms, &q->largest))
        return false;
    q->loss = !strcmp(kind, "losses");
    snprintf(q->name, sizeof(q->name), "%s", name);
    return true;
}

static clade_status get_quantities(struct envelope *e, const json_t *o,
                                   const char *file)
{
    const json_t *list = json_object_get(o, "quantities");
    clade_status st = CLADE_OK;
    struct quantity q;

    if (!json_array_size(list))
        return bad(file, "it has no quantities");
    for (size_t i = 0; i < json_array_size(list) && !st; i++)
        st = get_quantity(&q, json_array_get(list, i))
                 ? append(&e->trace, &q)
                 : bad(file, "a quantity is not six values");
    return st;
}

static clade_status get_head(struct envelope *e, const json_t *o,
                             const char *file)
{
    const json_t *noise = json_object_get(o, "noise");
    const json_t *runs = json_object_get(o, "runs");
    const char *format = json_string_value(json_object_get(o, "format"));

    if (!format || strcmp(format, ENVELOPE_FORMAT))
        return bad(file, "its format is another");
    if (json_integer_value(runs) < 1 || json_integer_value(runs) > 1 << 20 ||
        !json_is_object(noise))
        return bad(file, "runs or noise is missing");
    e->runs = (int)json_integer_value(runs);
    for (int k = 0; k < CLADE_OP_KINDS; k++)
        e->noise[k] =
            json_number_value(json_object_get(noise, clade_op_name(k)));
    if (!record_get_spec(&e->spec, o))
        return bad(file, "net, batch, steps, seed, learning_rate or momentum "
                         "is missing");
    return CLADE_OK;
}

clade_status envelope_parse(struct envelope *e, const char *text, size_t n,
                            const char *name)
{
    json_t *o;
    clade_status st = record_parse(&o, text, n, name);

    *e = (struct envelope){ .runs = 0 };
    if (st)
        return st;
    st = get_head(e, o, name);
    if (!st)
        st = get_quantities(e, o, name);
    e->spec.net = NULL;
    if (!st && !(e->net = strdup(json_string_value(json_object_get(o, "net")))))
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", name);
    e->spec.net = e->net;
    json_decref(o);
    if (st)
        envelope_free(e);
    return st;
}

clade_status envelope_standard(struct envelope *e)
{
    return envelope_parse(e, (const char *)standard, sizeof(standard),
                          "the envelope that ships");
}

clade_status envelope_read(struct envelope *e, const char *file)
{
    char *text;
    size_t n;
    clade_status st = file_read(&text, &n, file);

    if (st)
        return st;
    st = envelope_parse(e, text, n, file);
    free(text);
    return st;
}

void envelope_free(struct envelope *e)
{
    trace_free(&e->trace);
    free(e->net);
    *e = (struct envelope){ .runs = 0 };
}

/* ---- writing --------------------------------------------------------------
 */

struct writing {
    const struct envelope *e;
    const clade_backend *be;
};

/* A text of a driver's, as JSON has it. */
static clade_status put_text(FILE *f, const char *text)
{
    json_t *string = json_string(text);
    char *quoted = json_dumps(string, JSON_ENCODE_ANY);

    json_decref(string);
    if (!quoted)
        return clade_fail(CLADE_EFAIL, "envelope: a device's text isn't UTF-8");
    fputs(quoted, f);
    free(quoted);
    return CLADE_OK;
}

static void put_noise(FILE *f, const struct envelope *e)
{
    const char *comma = "";

    fputs(" \"noise\": {", f);
    for (int k = 0; k < CLADE_OP_KINDS; k++) {
        if (!(e->noise[k] > 0))
            continue;
        fprintf(f, "%s\n  \"%s\": %.3g", comma, clade_op_name(k), e->noise[k]);
        comma = ",";
    }
    fputs("\n },\n", f);
}

static void put_quantity(FILE *f, const struct quantity *q, const char *end)
{
    fprintf(f, "  [%d, \"%s\", \"%s\", %.12g, %.4g, %.4g]%s\n", q->step,
            q->loss ? "losses" : "gradients", q->name, q->value, q->rms,
            q->largest, end);
}

static clade_status put(void *arg, FILE *f)
{
    const struct writing *w = arg;
    const struct envelope *e = w->e;
    const struct record_spec *s = &e->spec;
    const struct clade_device *d = clade_backend_device(w->be);
    char device[400];
    clade_status st;

    snprintf(device, sizeof(device), "%s / %s / %s", d->platform, d->name,
             d->driver);
    fputs("{\n \"format\": \"" ENVELOPE_FORMAT "\",\n"
          " \"producer\": {\"name\": \"clade " PACKAGE_VERSION
          "\", \"device\": ",
          f);
    if ((st = put_text(f, device)))
        return st;
    fprintf(f,
            "},\n \"net\": \"%s\", \"batch\": %d, \"steps\": %d, "
            "\"seed\": %llu,\n \"learning_rate\": %.9g, \"momentum\": %.9g, "
            "\"runs\": %d,\n",
            s->net, s->batch, s->steps, (unsigned long long)s->seed,
            s->learning_rate, s->momentum, e->runs);
    put_noise(f, e);
    fputs(" \"quantities\": [\n", f);
    for (int i = 0; i < e->trace.n; i++)
        put_quantity(f, &e->trace.list[i], i + 1 < e->trace.n ? "," : "");
    fputs(" ]\n}\n", f);
    return CLADE_OK;
}

clade_status envelope_write(const char *file, const struct envelope *e,
                            const clade_backend *be)
{
    struct writing w = { e, be };

    return file_replace(file, put, &w);
}
