/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_H
#define TRAIN_H

#include <clade/train.h>
#include <jansson.h>
#include <stdio.h>

/* The files of a run's folder. */
#define TRAIN_CHECKPOINT "checkpoint.safetensors"
#define TRAIN_HISTORY    "history.csv"
#define TRAIN_STEPS      "steps.csv"

/*
 * A csv file as it will be: kept in memory, appended to through `out`,
 * replaced on the disk by csv_save().  Opened with its header line, and with
 * the first `rows` rows of the file that is there (CLADE_EDATA if it has
 * another header or fewer rows, or if row i's first column is not
 * i / rows_an_epoch); rows = 0 does not look for a file.
 */
struct csv {
    char *path;
    FILE *out;
    char *text; /* of `out`, once flushed */
    size_t length;
};
clade_status csv_open(struct csv *csv, const char *folder, const char *name,
                      const char *header, int rows, int rows_an_epoch);
void csv_close(struct csv *csv);
clade_status csv_save(struct csv *csv);

/* The header lines of both files, to be freed. */
char *history_header(const struct clade_net_shape *shape);
char *steps_header(const struct clade_net_shape *shape);
/* Rows. */
void history_append(struct csv *csv, const struct clade_net_shape *shape,
                    const struct clade_train_epoch *epoch);
void steps_append(struct csv *csv, const struct clade_net_shape *shape,
                  int epoch, int step, double learning_rate,
                  const struct clade_result *result);
/* Call `observer` with each row of a history that csv_open() has read. */
clade_status history_replay(struct csv *csv,
                            const struct clade_net_shape *shape,
                            const struct clade_train_observer *observer);

/*
 * A checkpoint's metadata, as the config and net make it (epoch apart): an
 * object of strings.  net NULL: without `algorithms`.
 */
json_t *checkpoint_metadata(const struct clade_train_config *config,
                            const char *net_name, const char *source,
                            clade_backend *be, const clade_net *net);
/* Write `path`, after `epochs` completed ones. */
clade_status checkpoint_save(const char *path, clade_net *net, json_t *metadata,
                             int epochs);
/*
 * CLADE_EDATA, naming both values, if a checkpoint is another run's than
 * `metadata` says.  On another device or driver *elsewhere is set and the
 * algorithms may differ.
 */
clade_status checkpoint_compare(const clade_checkpoint *checkpoint,
                                json_t *metadata, bool *elsewhere);

#endif
