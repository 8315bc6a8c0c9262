/* SPDX-License-Identifier: Apache-2.0 */
/* The table of a step's layers. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "verify_print.h"

/* Ops that are not here are forward. */
static const struct {
    const char *op;
    enum verify_column column;
} columns[] = {
    { "conv_bwd_data", COLUMN_DATA },     { "maxpool_bwd", COLUMN_DATA },
    { "avgpool_bwd", COLUMN_DATA },       { "dropout_bwd", COLUMN_DATA },
    { "loss_bwd", COLUMN_DATA },          { "bias_bwd", COLUMN_BIAS },
    { "conv_bwd_filter", COLUMN_FILTER }, { "sgd", COLUMN_UPDATE },
};

static enum verify_column column_of(const char *op)
{
    for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++)
        if (!strcmp(columns[i].op, op))
            return columns[i].column;
    return COLUMN_FORWARD;
}

/* The row of a layer, made where it is new; the last one where all are
 * taken. */
static struct verify_layer *layer_of(struct verify_print *print,
                                     const char *name)
{
    for (int i = 0; i < print->layers; i++)
        if (!strcmp(print->layer[i].name, name))
            return &print->layer[i];
    if (print->layers < VERIFY_LAYERS) {
        struct verify_layer *l = &print->layer[print->layers++];

        *l = (struct verify_layer){ .failed = false };
        snprintf(l->name, sizeof(l->name), "%s", name);
        return l;
    }
    return &print->layer[VERIFY_LAYERS - 1];
}

void verify_print_step(void *arg, const struct clade_verdict *v)
{
    struct verify_print *print = arg;
    struct verify_layer *l;
    enum verify_column column;

    report_verdict(print->report, v);
    if (print->tap || (v->outcome && !print->told)) {
        verify_print_one(print, v);
        print->told = true;
    }
    if (!v->layer[0])
        return;
    l = layer_of(print, v->layer);
    column = column_of(v->op);
    l->score[column] = fmax(l->score[column], v->score);
    l->present[column] = true;
    l->failed |= v->outcome != CLADE_PASSED;
}

static void print_layer(const struct verify_layer *l)
{
    printf("%-7s %-28s", l->failed ? "FAILED" : "ok", l->name);
    for (int c = 0; c < COLUMNS; c++)
        if (l->present[c])
            printf(" %9.3g", l->score[c]);
        else
            printf(" %9s", "");
    putchar('\n');
}

void verify_print_layers(struct verify_print *print)
{
    const bool table = !print->tap && !print->json;

    if (table && print->layers)
        printf("%-36s %9s %9s %9s %9s %9s\n", "worst error, of its bound",
               "forward", "to input", "to filter", "to bias", "update");
    for (int i = 0; i < print->layers && table; i++)
        print_layer(&print->layer[i]);
    print->layers = 0;
    print->told = false;
}
