/* SPDX-License-Identifier: Apache-2.0 */
/* Envelopes as files, and the one that ships. */
#include "verify/envelope.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "plain.h"
#include "verify/record.h"

/* Made by `clade verify --make-envelope`. */
static const unsigned char standard[] = {
#include "src/verify/envelope.inc"
};

/* ---- reading ------------------------------------------------------------- */

/* [step, "losses" or "gradients", name, centre, rms, largest]; the last two
 * are of the noisy runs' deviations. */
static clade_status get_quantity(struct envelope *e, json_t *row,
                                 const struct record_text *t)
{
    const char *kind, *name;
    double value, rms, largest;
    struct quantity q;
    int step;

    if (json_unpack(row, "[i, s, s, F, F, F!]", &step, &kind, &name, &value,
                    &rms, &largest))
        return record_bad(t, "a quantity is not six values");
    q = quantity_of(strcmp(kind, "losses") ? QUANTITY_NORM : QUANTITY_LOSS,
                    step, name);
    q.value = value;
    e->spread.squares[e->centre.n] = e->spread.runs * rms * rms;
    e->spread.largest[e->centre.n] = largest * largest;
    return trace_add(&e->centre, &q);
}

static clade_status get_envelope(struct envelope *e, const json_t *o,
                                 const struct record_text *t)
{
    const json_t *noise = json_object_get(o, "noise");
    const json_t *list = json_object_get(o, "quantities");
    const json_int_t runs = json_integer_value(json_object_get(o, "runs"));
    clade_status st;

    if (runs < 1 || runs > 1 << 20 || !json_is_object(noise))
        return record_bad(t, "runs or noise is missing");
    if (!json_array_size(list))
        return record_bad(t, "it has no quantities");
    for (int k = 0; k < CLADE_OP_KINDS; k++)
        e->noise[k] =
            json_number_value(json_object_get(noise, clade_op_name(k)));
    st = spread_new(&e->spread, (int)json_array_size(list));
    e->spread.runs = (int)runs;
    for (int i = 0; i < e->spread.n && !st; i++)
        st = get_quantity(e, json_array_get(list, (size_t)i), t);
    if (!st)
        spread_group(&e->spread, &e->centre);
    return st;
}

static clade_status parse(struct envelope *e, const struct record_text *t)
{
    json_t *o;
    clade_status st;

    *e = (struct envelope){ .config = { .net = NULL } };
    st = record_parse(&o, &e->config, t);
    if (st)
        return st;
    st = get_envelope(e, o, t);
    json_decref(o);
    if (st)
        envelope_free(e);
    return st;
}

clade_status envelope_read(struct envelope *e, const char *file)
{
    struct record_text t = { .text = (const char *)standard,
                             .n = sizeof(standard),
                             .name = "the envelope that ships",
                             .format = ENVELOPE_FORMAT };
    char *text = NULL;
    clade_status st = CLADE_OK;

    if (file) {
        st = file_read_pipe(&text, &t.n, file);
        t.text = text;
        t.name = file;
    }
    if (!st)
        st = parse(e, &t);
    free(text);
    return st;
}

void envelope_free(struct envelope *e)
{
    trace_free(&e->centre);
    spread_free(&e->spread);
}

/* ---- writing ------------------------------------------------------------- */

struct writing {
    const struct envelope *e;
    json_t *device;
};

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

/* Of the name, write the last part only: step and kind are columns. */
static void put_quantity(FILE *f, const struct envelope *e, int i)
{
    const struct quantity *q = &e->centre.list[i];
    const struct spread *s = &e->spread;

    fprintf(f, "  [%d, \"%s\", \"%s\", %.12g, %.4g, %.4g]%s\n", q->step,
            q->kind == QUANTITY_LOSS ? "losses" : "gradients",
            strchr(strchr(q->name, '/') + 1, '/') + 1, q->value,
            sqrt(s->squares[i] / s->runs), sqrt(s->largest[i]),
            i + 1 < s->n ? "," : "");
}

static clade_status put_plain(const struct writing *w, FILE *f)
{
    const struct training_config *c = &w->e->config;

    fputs("{\n \"format\": \"" ENVELOPE_FORMAT "\",\n"
          " \"producer\": {\"name\": \"clade " PACKAGE_VERSION
          "\", \"device\": ",
          f);
    if (json_dumpf(w->device, f, JSON_ENCODE_ANY))
        return clade_fail(CLADE_ENOMEM, "envelope: out of memory");
    fprintf(f,
            "},\n \"net\": \"%s\", \"batch\": %d, \"steps\": %d, "
            "\"seed\": %llu,\n \"learning_rate\": %.9g, \"momentum\": %.9g, "
            "\"runs\": %d,\n",
            c->net, c->batch, c->steps, (unsigned long long)c->seed,
            c->learning_rate, c->momentum, w->e->spread.runs);
    put_noise(f, w->e);
    fputs(" \"quantities\": [\n", f);
    for (int i = 0; i < w->e->spread.n; i++)
        put_quantity(f, w->e, i);
    fputs(" ]\n}\n", f);
    return CLADE_OK;
}

static clade_status put(void *arg, FILE *f)
{
    const locale_t before = plain_begin();
    const clade_status st = put_plain(arg, f);

    plain_end(before);
    return st;
}

clade_status envelope_write(const char *file, const struct envelope *e,
                            const clade_backend *be)
{
    struct writing w = { e, record_device(be) };
    const clade_status st = file_replace(file, put, &w);

    json_decref(w.device);
    return st;
}
