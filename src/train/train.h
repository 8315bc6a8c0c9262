/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAIN_H
#define TRAIN_H

#include <clade/train.h>
#include <jansson.h>
#include <stdio.h>

#include "net/net.h"
#include "train/devices.h"
#include "train/shadow.h"
#include "train/shares.h"

/* The files in the folder of a run. */
#define TRAIN_CHECKPOINT "checkpoint.safetensors"
#define TRAIN_PREVIOUS   "checkpoint.previous.safetensors"
#define TRAIN_BEST       "best.safetensors"
#define TRAIN_HISTORY    "history.csv"
#define TRAIN_STEPS      "steps.csv"

/* Refuse what can be refused without a device: the config, the folder.  To
 * resume, open the checkpoint to go on from; else *checkpoint is NULL. */
clade_status train_check(clade_checkpoint **checkpoint,
                         const struct clade_train_config *config);
/* The name of the config's schedule. */
const char *run_schedule(const struct clade_train_config *config);
/* The net that a new run trains; a resumed one has algorithms as well. */
struct clade_net_config train_net_config(const struct clade_train_config *c);

/* clade_train(), as one of the processes of `dist`.  A rank that fails must end
 * the others. */
clade_status train_run(clade_backend *be,
                       const struct clade_train_config *config,
                       const struct clade_train_observer *observer,
                       const struct dist *dist);
/* The same, by ranks that check each other; shadow->every 0: they do not.
 * CLADE_EBOUND: one of them has a fault, and the message names it. */
clade_status train_shadowed(clade_backend *be,
                            const struct clade_train_config *config,
                            const struct clade_train_observer *observer,
                            const struct dist *dist,
                            const struct shadow_options *shadow);

/* Give the observer a notice, formatted as by printf(). */
void run_notice(const struct clade_train_observer *observer, const char *fmt,
                ...) __attribute__((format(printf, 2, 3)));

/* The folder that a run uses. */
struct run_folder {
    const char *path;
    int lock; /* of file_lock() */
    bool locked;
    int made; /* how many folders were made for it */
};
/* Whether the folder config->out is one that a run can take.  Nothing is made or
 * locked.  CLADE_EINUSE and CLADE_EDATA as below. */
clade_status run_folder_check(const struct clade_train_config *config);
/*
 * Take the folder config->out, as a new one or, if config->resume is set, as
 * the folder of the run that goes on.  No other run can take it until
 * run_folder_release(), which must be called even if this fails.
 *
 * The files of a run that was killed before its first checkpoint are begun
 * again, with a notice.
 *
 * CLADE_EINUSE  another run is using it, or it holds another run's files
 * CLADE_EDATA   it holds no run that could go on
 * CLADE_EIO     it cannot be made, or no file can be written to it
 */
clade_status run_folder_take(struct run_folder *folder,
                             const struct clade_train_config *config,
                             const struct clade_train_observer *observer);
/*
 * Open the checkpoint that a folder's run can go on from: the newest or, if
 * that is missing or damaged and the one before it is good, that one; then set
 * *previous, and say so in a notice.
 */
clade_status run_folder_checkpoint(clade_checkpoint **checkpoint,
                                   bool *previous, const char *folder,
                                   const struct clade_train_observer *observer);
/* Let others take the folder.  If it was made for this run and is empty, remove
 * it. */
void run_folder_release(struct run_folder *folder);

/* ---- best.c -------------------------------------------------------------- */

/* Of the validations so far, the best one: see clade_train(). */
struct best {
    bool any;              /* there was one */
    int epoch;             /* of the best; from 0 */
    int last;              /* the epoch that was validated last */
    double accuracy, loss; /* of the best, as in history.csv */
};

/* Take an epoch into account.  Is it better than all before it? */
bool best_update(struct best *best, const struct clade_train_epoch *epoch);
/* Is it so many epochs after the best one that the run is to end? */
bool best_is_old(const struct best *best, const struct clade_train_config *c);

/* ---- csv.c, history.c ---------------------------------------------------- */

/*
 * A csv file, kept in memory.  Rows are appended through `out`.
 */
struct csv {
    char *path;
    FILE *out;
    char *text; /* what was written to `out`; valid after a flush */
    size_t length;
};
/*
 * Start with the header line, and with the first `rows` rows of the file on the
 * disk.  If rows is 0, the file need not exist.  Returns CLADE_EDATA if the
 * file is missing, has another header or too few rows, or if row i does not
 * begin with the number of its epoch, i / rows_an_epoch.
 */
clade_status csv_open(struct csv *csv, const char *folder, const char *name,
                      const char *header, int rows, int rows_an_epoch);
void csv_close(struct csv *csv);
/* Replace the file on the disk. */
clade_status csv_save(struct csv *csv);

/* The header lines of history.csv and steps.csv; the caller frees them. */
char *history_header(const struct clade_net_shape *shape);
char *steps_header(const struct clade_net_shape *shape);
/* Append a row. */
void history_append(struct csv *csv, const struct clade_net_shape *shape,
                    const struct clade_train_epoch *epoch);
void steps_append(struct csv *csv, const struct clade_net_shape *shape,
                  int epoch, int step, double learning_rate,
                  const struct clade_result *result);
/* Call `observer` with each row of a history that csv_open() has read, and note
 * the best of them. */
clade_status history_replay(struct csv *csv,
                            const struct clade_net_shape *shape,
                            const struct clade_train_observer *observer,
                            struct best *best);

#define CHECKPOINT_FORMAT "clade-checkpoint/1"
/* What weights alone do not say. */
#define CHECKPOINT_UNKNOWN "unknown"

/* ---- metadata.c ---------------------------------------------------------- */

/*
 * Make a checkpoint's metadata, an object of strings.  checkpoint_save() adds
 * `epoch`.  Until the devices have chosen, `algorithms` is missing.
 */
json_t *checkpoint_metadata(const struct clade_train_config *config,
                            const char *net_name, const struct clade_data *data,
                            const struct shares *shares,
                            const struct run_devices *devices);
/* The devices of a checkpoint, as devices_json() writes them. */
json_t *checkpoint_devices(const clade_checkpoint *checkpoint);
/*
 * Does a checkpoint belong to the run that `metadata` and `devices` describe?
 * If not, return CLADE_EDATA; the message names both values that differ.  Set
 * *elsewhere if a share is now computed on another device or driver; then the
 * algorithms may differ.
 */
clade_status checkpoint_compare(const clade_checkpoint *checkpoint,
                                json_t *metadata, const json_t *devices,
                                bool *elsewhere);

/* ---- checkpoint.c -------------------------------------------------------- */

/* Write the checkpoint `path` after `epochs` complete epochs. */
clade_status checkpoint_save(const char *path, const clade_net *net,
                             json_t *metadata, int epochs,
                             const struct net_vectors *vectors);
/* Open the checkpoint of a run that goes on.  CLADE_EDATA also if the file holds
 * weights alone. */
clade_status checkpoint_open_run(clade_checkpoint **checkpoint,
                                 const char *path);
/* Read the parameters and, unless the file holds weights alone, the momenta.
 * CLADE_EDATA: it is of another net. */
clade_status checkpoint_read(clade_checkpoint *checkpoint,
                             const clade_net *net,
                             struct net_vectors *vectors);
const char *checkpoint_path(const clade_checkpoint *checkpoint);
/* A text of the metadata, or NULL. */
const char *checkpoint_text(const clade_checkpoint *checkpoint,
                            const char *key);
/* The graph of its net, which the checkpoint owns. */
const struct graph *checkpoint_graph(const clade_checkpoint *checkpoint);
/* Read the tensor of a parameter of this graph. */
clade_status checkpoint_tensor(clade_checkpoint *checkpoint, float *to,
                               const char *name);

/* ---- weights.c ----------------------------------------------------------- */

/* Write the values of all parameters, without momenta, as safetensors. */
clade_status checkpoint_write_weights(const char *path,
                                      clade_checkpoint *checkpoint);

#endif
