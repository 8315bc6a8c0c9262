/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_REPORT_H
#define VERIFY_REPORT_H

#include <clade/verify.h>

#include "tool.h"
#include "verify_progress.h"

/* The options of `clade verify`. */
struct verify_options {
    struct tool_list devices;
    const char *suite, *algorithm, *match, *op, *format, *record, *against,
        *html, *dump, *reference, *envelope, *make_envelope;
    int batch, steps, runs, time_limit;
    uint64_t seed;
    bool quick, verbose;
};

/* The verdicts of one op with one algorithm. */
struct report_family {
    char name[48]; /* "conv_fwd direct" */
    int kind; /* the op's place in its enum, by which families are sorted */
    int cases, failed, mistrusted;
    double worst;   /* the largest score */
    double *scores; /* those that have a bound, sorted at the end */
    int bounded;    /* how many those are */
    double typical; /* their median; NaN if there are none */
};

struct report_families {
    struct report_family *list;
    int count;
};

/* A score counts in the first bin whose `most` it does not exceed. */
#define REPORT_BINS 8
extern const struct report_bin {
    const char *label;
    double most;
} report_bins[REPORT_BINS];

/* What the ops of a layer do in a step: the columns of the table of layers. */
enum report_column {
    COLUMN_FORWARD,
    COLUMN_DATA,   /* backward, to the input */
    COLUMN_FILTER, /* backward, to the filter */
    COLUMN_BIAS,
    COLUMN_UPDATE,
    COLUMNS
};

/* The worst scores of a layer's ops in a step. */
struct report_layer {
    char name[48];
    double score[COLUMNS];
    bool present[COLUMNS], failed;
};

/* A distance; its own name is gone after the callback, so `name` keeps it. */
struct report_distance {
    struct clade_distance found;
    char name[96];
};

/* Everything found on one device. */
struct report_device {
    struct clade_device device;
    char build_options[192];
    struct clade_verdict *verdicts;
    int n_verdicts;
    struct report_families families;
    int bins[REPORT_BINS];
    int fullest; /* the largest of `bins` */
    struct report_layer *layers;
    int n_layers;
    int step_failures; /* verdicts of the step that did not pass */
    struct report_distance *distances;
    int n_distances;
    struct clade_training *trainings; /* what the distances come to */
    int n_trainings;
    int failures;        /* verdicts and distances that failed, and the error */
    clade_status status; /* why judging ended early; CLADE_OK: it did not */
    char *error;         /* the message of that status, or NULL */
    bool opened;         /* it could be opened */
    bool titled;         /* the table's titles stand above its rows */
};

/*
 * What was asked for and everything that was found.  Filled as verdicts come,
 * by the functions below; the writers only print it.
 */
struct report {
    const struct verify_options *options;
    const struct report_writer *writer;
    struct verify_progress progress;
    char **texts; /* that verdicts point at */
    int n_texts;
    const char **environment; /* "NAME=value", those that change a driver */
    int n_environment;
    struct report_device **devices;
    int n_devices;
    struct report_device *device;    /* the one being judged */
    struct report_families families; /* of all devices together */
    int tests;           /* verdicts, distances and devices' errors so far */
    clade_status status; /* the worst so far, with its message */
    char message[4096];
    bool incomplete; /* memory ran out: something is missing */
};

/*
 * A format.  Each function but `end` may be NULL.  All but `end` are called at
 * once, when the report has just got what they print.
 */
struct report_writer {
    bool sparing; /* it prints little: progress fills the gaps */
    void (*begin)(void);
    void (*note)(const char *text); /* one line for people */
    void (*verdict)(struct report *r, const struct clade_verdict *v);
    void (*step_verdict)(struct report *r, const struct clade_verdict *v);
    void (*layers)(const struct report_device *d); /* after a step */
    void (*distance)(const struct report *r, const struct clade_distance *d);
    /* A device could not be judged, or not to its end. */
    void (*error)(const struct report *r, const char *device);
    void (*totals)(const struct report_device *d); /* after all its suites */
    clade_status (*end)(const struct report *r);
    void (*bail)(const char *message); /* instead of `end` */
};

/* JSON's end returns CLADE_EFAIL if a text is not UTF-8. */
extern const struct report_writer table_writer, tap_writer, json_writer;

/* Write the report as a page without scripts.  CLADE_EIO names the file. */
clade_status html_write(const struct report *r, const char *path);

void report_open(struct report *r, const struct verify_options *o,
                 const struct report_writer *writer);
void report_close(struct report *r);

/* From here on, the report is about one more device.  CLADE_ENOMEM. */
clade_status report_device(struct report *r);
/* It is open; programs are built with these options. */
void report_opened(struct report *r, const struct clade_device *device,
                   const char *build_options);
/* All suites have run on it. */
void report_totals(struct report *r);
/* A part of the judging has ended on it (the text that selects it is `device`),
 * as `st` and clade_error() say. */
void report_end(struct report *r, const char *device, clade_status st);
/* Whether further devices are judged: also if one could not be. */
bool report_goes_on(const struct report *r);
/* A copy of a text that lives as long as the report; "" without memory. */
const char *report_text(struct report *r, const char *text);

/* What the suites call; `report` is a struct report. */
void report_verdict(void *report, const struct clade_verdict *v);
void report_step_verdict(void *report, const struct clade_verdict *v);
void report_distance(void *report, const struct clade_distance *d);
void report_training(void *report, const struct clade_training *t);

/* A suite of ops or a step has ended with these counts. */
void report_summary(struct report *r, const struct clade_verify_summary *s);

/* All devices are judged; now a writer's `end` and html_write() may be called.
 */
void report_finish(struct report *r);
/* The worst status of all, with its message. */
clade_status report_status(const struct report *r);
/* Whether all that was asked for has been judged. */
bool report_complete(const struct report *r);

/* verify_environment.c: whether a variable, "NAME=value", may change what a
 * driver or compiler computes. */
bool report_is_telling(const char *variable);

/* ---- for the writers -------------------------------------------------------
 */

/* NULL if there is no family of that name. */
struct report_family *report_find(const struct report_families *f,
                                  const char *name);

/* "ok", "FAILED", "MISTRUSTED". */
const char *report_outcome(enum clade_outcome outcome);

/* Whether --algorithm can choose its algorithm: there may be others. */
bool report_has_choice(const struct clade_verdict *v);

/* Twice the largest distance of a correct training passes. */
bool report_passes(const struct clade_training *t);
/* "3.1 spreads away; 29 correct trainings reach 4.4: ok". */
void report_describe(char *text, size_t size, const struct clade_training *t);

/* The command line that judges an op of device `selector` again, alone. */
#define REPORT_COMMAND 1024 /* bytes that it needs */
void report_command(char command[REPORT_COMMAND],
                    const struct verify_options *o, const char *selector,
                    const struct clade_verdict *v);

#endif
