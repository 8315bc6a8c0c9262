/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_PRINT_H
#define VERIFY_PRINT_H

#include <clade/verify.h>

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

/* How verdicts reach stdout: a table for people, or TAP 13 for `prove`. */
struct verify_print {
    bool tap;
    int tests; /* TAP lines so far */
    bool told; /* a failure of this step has been described */
    struct verify_layer layer[VERIFY_LAYERS];
    int layers;
};

void verify_print_begin(struct verify_print *print, const char *format);
void verify_print_device(struct verify_print *print,
                         const struct clade_device *device);
/* clade_verify_ops()'s report. */
void verify_print_verdict(void *print, const struct clade_verdict *v);
/* clade_verify_step()'s: layers are gathered, the first failure is told. */
void verify_print_step(void *print, const struct clade_verdict *v);
/* The table of layers, which is then empty again. */
void verify_print_layers(struct verify_print *print);
/* clade_verify_against()'s. */
void verify_print_distance(void *print, const struct clade_distance *d);
void verify_print_summary(struct verify_print *print,
                          const struct clade_verify_summary *summary);
void verify_print_end(struct verify_print *print);

#endif
