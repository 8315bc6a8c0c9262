/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAINER_H
#define TRAINER_H

#include <clade/train.h>

/*
 * Trainings on the reference with a small net in the place of GoogLeNet.
 * tests/trainer.c has its own table of networks; the linker uses that instead
 * of the library's.
 */
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* 5 images in batches of 2: an epoch has three steps, the last of one image. */
#define IMAGES 5
#define BATCH  2
#define STEPS  3
#define TESTS  3

extern clade_backend *cpu;

/* What the observer saw in the last run. */
extern struct seen {
    int stop_after; /* how often `stop` says no; 0: always */
    int asked;      /* how often `stop` was called, if stop_after is not 0 */
    int steps, notices;
    char notice[512]; /* the last one */
    int n_rows; /* epochs */
    struct clade_train_epoch rows[8];
} seen;

/* Open the reference, and make a folder for all files, which is removed at
 * exit. */
void trainer_begin(const char *name);
void trainer_end(void);

/* "FOLDER/run/name".  The text stays valid during three more calls. */
const char *path(const char *run, const char *name);

struct clade_train_config config_for(const char *run, int epochs);
/* Train.  If stop_after is not 0, end the run when `stop` has said no so often.
 */
clade_status train_for(const struct clade_train_config *c, int stop_after);
clade_status train(const char *run, int epochs, bool resume);

/* A net for these batches, with initial values that no run here has. */
clade_status new_net(clade_net **net);
/* Open a checkpoint and load it into a new net.  CLADE_EFAIL: it was refused,
 * and yet changed the net. */
clade_status load(const char *name);

/* Read, write and compare files.  These bail out if a file cannot be read or
 * written. */
char *read_all(size_t *n, const char *name);
void write_all(const char *name, const void *bytes, size_t n);
void copy_file(const char *to, const char *from);
bool same_file(const char *a, const char *b);
/* The same for all files of a run. */
bool same_run(const char *a, const char *b);
void copy_run(const char *to, const char *from);

/* Is the status `got` equal to `st`, with `a` and `b` in its message? */
bool failed(clade_status got, clade_status st, const char *a, const char *b);

#endif
