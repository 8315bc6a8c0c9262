/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <stdlib.h>
#include <string.h>

#include "plain.h"
#include "status.h"

/* The text that `write` writes to a stream; NULL if there is no memory. */
static char *make_text(void (*write)(FILE *to,
                                     const struct clade_net_shape *shape),
                       const struct clade_net_shape *shape)
{
    char *text = NULL;
    size_t n;
    FILE *to = open_memstream(&text, &n);

    if (!to)
        return NULL;
    write(to, shape);
    if (fclose(to)) {
        free(text);
        return NULL;
    }
    return text;
}

static void history_columns(FILE *to, const struct clade_net_shape *shape)
{
    static const char *const parts[] = { "", "val_" };

    fputs("epoch", to);
    for (int part = 0; part < 2; part++) {
        fprintf(to, ",%sloss", parts[part]);
        for (int i = 0; i < shape->heads; i++)
            fprintf(to, ",%s%s_loss,%s%s_accuracy", parts[part], shape->head[i],
                    parts[part], shape->head[i]);
    }
    fputc('\n', to);
}

static void steps_columns(FILE *to, const struct clade_net_shape *shape)
{
    fputs("epoch,step,learning_rate,loss", to);
    for (int i = 0; i < shape->heads; i++)
        fprintf(to, ",%s_loss", shape->head[i]);
    fputc('\n', to);
}

char *history_header(const struct clade_net_shape *shape)
{
    return make_text(history_columns, shape);
}

char *steps_header(const struct clade_net_shape *shape)
{
    return make_text(steps_columns, shape);
}

static void append_figures(FILE *to, const struct clade_net_shape *shape,
                           const struct clade_figures *f)
{
    fprintf(to, ",%.6f", f->loss);
    for (int i = 0; i < shape->heads; i++)
        fprintf(to, ",%.6f,%.6f", f->head_loss[i], f->accuracy[i]);
}

/* Keras' CSVLogger writes this for what an epoch lacks. */
#define ABSENT ",NA"

static void append_absent(FILE *to, const struct clade_net_shape *shape)
{
    for (int i = 0; i < 1 + 2 * shape->heads; i++)
        fputs(ABSENT, to);
}

void history_append(struct csv *csv, const struct clade_net_shape *shape,
                    const struct clade_train_epoch *epoch)
{
    const locale_t before = plain_begin();

    fprintf(csv->out, "%d", epoch->epoch);
    append_figures(csv->out, shape, &epoch->train);
    if (epoch->validated)
        append_figures(csv->out, shape, &epoch->test);
    else
        append_absent(csv->out, shape);
    fputc('\n', csv->out);
    plain_end(before);
}

void steps_append(struct csv *csv, const struct clade_net_shape *shape,
                  int epoch, int step, double learning_rate,
                  const struct clade_result *result)
{
    const locale_t before = plain_begin();

    fprintf(csv->out, "%d,%d,%.9g,%.9g", epoch, step, learning_rate,
            result->loss);
    for (int i = 0; i < shape->heads; i++)
        fprintf(csv->out, ",%.9g", result->head_loss[i]);
    fputc('\n', csv->out);
    plain_end(before);
}

/* Read the number after the comma at *at; false if there is none. */
static bool next_number(double *value, char **at)
{
    char *end;

    if (**at != ',')
        return false;
    *value = strtod(*at + 1, &end);
    if (end == *at + 1)
        return false;
    *at = end;
    return true;
}

static bool parse_figures(struct clade_figures *f, char **at,
                          const struct clade_net_shape *shape)
{
    bool good = next_number(&f->loss, at);

    for (int i = 0; i < shape->heads && good; i++)
        good = next_number(&f->head_loss[i], at) &&
               next_number(&f->accuracy[i], at);
    return good;
}

/* Does an epoch without a validation end at *at?  Then move *at behind it. */
static bool skip_absent(char **at, const struct clade_net_shape *shape)
{
    const size_t n = strlen(ABSENT);

    char *end = *at;

    for (int i = 0; i < 1 + 2 * shape->heads; i++, end += n)
        if (strncmp(end, ABSENT, n))
            return false;
    *at = end;
    return true;
}

/* Read the row at *at, and move *at behind it; false if it is damaged. */
static bool parse_row(struct clade_train_epoch *row, char **at,
                      const struct clade_net_shape *shape)
{
    const locale_t before = plain_begin();
    bool good;

    row->epoch = (int)strtol(*at, at, 10);
    good = parse_figures(&row->train, at, shape);
    row->validated = good && !skip_absent(at, shape);
    if (row->validated)
        good = parse_figures(&row->test, at, shape);
    good = good && *(*at)++ == '\n';
    plain_end(before);
    return good;
}

clade_status history_replay(struct csv *csv,
                            const struct clade_net_shape *shape,
                            const struct clade_train_observer *observer,
                            struct best *best)
{
    char *at;

    if (fflush(csv->out))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", csv->path);
    at = strchr(csv->text, '\n') + 1;
    while (*at) {
        struct clade_train_epoch row = { .resumed = true };

        if (!parse_row(&row, &at, shape))
            return clade_fail(CLADE_EDATA, "%s: the row of epoch %d is damaged",
                              csv->path, row.epoch);
        best_update(best, &row);
        if (observer->epoch)
            observer->epoch(observer->arg, &row);
    }
    return CLADE_OK;
}
