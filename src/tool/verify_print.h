/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_PRINT_H
#define VERIFY_PRINT_H

#include "verify_report.h"

#define VERIFY_LAYERS 160

/* The worst scores of a layer's ops, in a step. */
enum verify_column {
    COLUMN_FORWARD,
    COLUMN_DATA,   /* backward, to the input */
    COLUMN_FILTER, /* backward, to the filter */
    COLUMN_BIAS,
    COLUMN_UPDATE,
    COLUMNS
};

struct verify_layer {
    char name[48];
    double score[COLUMNS];
    bool present[COLUMNS], failed;
};

/* How verdicts reach stdout: a table for people, TAP 13 for `prove`, or
 * nothing until the report is written as JSON. */
struct verify_print {
    bool tap, json;
    struct verify_report *report; /* which gets all of it, too */
    int tests;                    /* TAP lines so far */
    bool titled;                  /* the table has its titles */
    bool told; /* a failure of this step has been described */
    struct verify_layer layer[VERIFY_LAYERS];
    int layers;
};

void verify_print_begin(struct verify_print *print, const char *format,
                        struct verify_report *report);
void verify_print_device(struct verify_print *print, const clade_backend *be);
/* A device could not be judged, or not to the end: clade_error() says why. */
void verify_print_error(struct verify_print *print, const char *device,
                        clade_status st);
/* clade_verify_ops()'s report. */
void verify_print_verdict(void *print, const struct clade_verdict *v);
/* The same, printed but not kept. */
void verify_print_one(struct verify_print *print,
                      const struct clade_verdict *v);
/* clade_verify_step()'s: layers are gathered, the first failure is told. */
void verify_print_step(void *print, const struct clade_verdict *v);
/* The table of layers, which is then empty again. */
void verify_print_layers(struct verify_print *print);
/* clade_verify_against()'s and clade_verify_train()'s. */
void verify_print_distance(void *print, const struct clade_distance *d);
void verify_print_training(void *print, const struct clade_training *t);
void verify_print_summary(struct verify_print *print,
                          const struct clade_verify_summary *summary);
/* After a device's last suite: its families and histogram. */
void verify_print_totals(struct verify_print *print);
/* CLADE_EFAIL if a driver's text is not UTF-8. */
clade_status verify_print_end(struct verify_print *print);
/* Instead: what ended it before all was judged.  TAP alone is told on stdout.
 */
void verify_print_bail(const struct verify_print *print, const char *message);

#endif
