/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REPORT_H
#define REPORT_H

#include <clade/data.h>
#include <clade/train.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "chart.h"

#define RUNLOG_MAX CHART_STYLES /* runs on a page */

/* The numbers of a csv file. */
struct sheet {
    char *text; /* the file; the names lie in it */
    int columns, rows;
    const char **names;
    double *values; /* [rows, columns]; NaN where a field is empty or NA */
    int broken; /* the first row with a NaN or an infinity in its text; -1 */
};
/*
 * Read a file whose first line names the columns and whose other lines have a
 * number, NA or nothing for each.  The first column must be `epoch`: whole
 * numbers from 0 that never fall.  Free it whatever this returns.  CLADE_EDATA:
 * the message names the file and the line.
 */
clade_status sheet_read(struct sheet *s, const char *path);
void sheet_free(struct sheet *s);
/* The number of a column, or -1. */
int sheet_column(const struct sheet *s, const char *name);
/* NaN if the column is -1. */
double sheet_at(const struct sheet *s, int row, int column);

/* An image of which a net was the surest. */
struct sure_image {
    int image, label, found;
    double probability;
};
#define SURE_IMAGES 12
struct sure_images {
    int count;
    struct sure_image list[SURE_IMAGES];
};

/* What a run's net makes of its validation images. */
struct evaluation {
    struct clade_data data;
    bool same; /* as the training's: their hash is in the checkpoint */
    int classes;
    int *confusion; /* [label, found] */
    int hits;
    int broken; /* images whose logits are not finite; they are nowhere else */
    struct sure_images right, wrong;
};

/* A run: what its folder says, and what was found out about it since. */
struct runlog {
    const char *folder;
    struct sheet history, steps; /* without rows if there is no file */
    int heads;
    char *head[CLADE_HEADS_MAX];
    clade_checkpoint *checkpoint; /* NULL: there is none yet */
    bool previous;  /* it is the one before the newest, which is no good */
    json_t *names;  /* of the classes; NULL: not known */
    json_t *verify; /* what `clade verify` found, or NULL */
    char *verify_path;

    char *device; /* that the net was evaluated on, with its driver; or NULL */
    struct evaluation *evaluation; /* NULL: */
    char *unevaluated;             /* why, and what to do */
    json_t *profile;               /* as profile_json(), or NULL: */
    const char *unprofiled;        /* why */
    int profiled_batch;
};

/* ---- report_read.c ------------------------------------------------------- */

/*
 * Read a run's folder.  Free it whatever this returns.
 *
 * CLADE_EDATA  it is no folder, holds no run, or a file of it is damaged
 * CLADE_EIO    a file cannot be read
 *
 * The message names folder or file.
 */
clade_status runlog_read(struct runlog *run, const char *folder);
void runlog_free(struct runlog *run);
/* Read what `clade verify --format json` wrote, into the run. */
clade_status runlog_read_verify(struct runlog *run, const char *path);
/* A text of the checkpoint's metadata; NULL if there is none. */
const char *runlog_text(const struct runlog *run, const char *key);
/* The name of a class, or its number, in a text that 15 further calls leave
 * alone. */
const char *runlog_class(const struct runlog *run, int number);
/* The column of a figure: of history.csv "val_" "aux1" "_loss". */
int runlog_column(const struct runlog *run, const char *part, const char *head,
                  const char *figure);

/* ---- report_evaluate.c ----------------------------------------------------
 */

struct evaluate_options {
    const char *device, *data;
    int batch; /* 0: the run's own */
    bool no_eval, no_profile, no_self_test;
};
/* Evaluate the newest checkpoint of each run on a device, and measure the time
 * of training steps by kinds of op.  Where the images are not given, note in
 * the run what to do. */
clade_status runlog_evaluate(struct runlog *runs, int count,
                             const struct evaluate_options *options);

/* ---- the page: report_page.c and its parts ---------------------------------
 */

struct report_runs {
    struct runlog *list;
    int count;
};

clade_status page_write_report(struct report_runs *runs, const char *path);

/* "A", "B", ... */
const char *run_letter(int run);
/* <h3> with the letter and the folder of a run; nothing for a single run. */
void run_heading(FILE *f, const struct report_runs *runs, int run);

/* Configurations and figures side by side. */
void page_runs(FILE *f, const struct report_runs *runs);
/* The curves, and the tables that they show. */
void page_curves(FILE *f, const struct report_runs *runs);
/* The confusion matrix, and the surest images. */
void page_images(FILE *f, const struct report_runs *runs);
/* Time by kind of op; chosen algorithms; what verify found. */
void page_times(FILE *f, const struct report_runs *runs);
void page_chosen(FILE *f, const struct report_runs *runs);
void page_verify(FILE *f, const struct report_runs *runs);

#endif
