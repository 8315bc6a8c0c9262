/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TRAINER_H
#define TRAINER_H

#include <clade/train.h>

/*
 * Trainings on the reference, with a small net in GoogLeNet's place: a program
 * that links tests/trainer.c has its own table of networks, which the linker
 * takes instead of the library's.
 */
#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* 5 images in batches of 2: three steps an epoch, the last of one image. */
#define IMAGES 5
#define BATCH  2
#define STEPS  3
#define TESTS  3

extern clade_backend *cpu;

/* What the observer of the last run saw. */
extern struct seen {
    int stop_after; /* questions; 0: never */
    int asked, steps, notices, n_rows;
    struct clade_train_epoch rows[8];
} seen;

/* Open the reference, and make a folder for all that is written, which is
 * removed at exit. */
void trainer_begin(const char *name);
void trainer_end(void);

/* "FOLDER/run/name", in a text that three further calls leave alone. */
const char *path(const char *run, const char *name);

struct clade_train_config config_for(const char *run, int epochs);
/* Train, and have it stopped at a question after `stop_after`, if not 0. */
clade_status train_for(const struct clade_train_config *c, int stop_after);
clade_status train(const char *run, int epochs, bool resume);

/* Files; these bail out where one cannot be read or written. */
char *read_all(size_t *n, const char *name);
void write_all(const char *name, const void *bytes, size_t n);
bool same_file(const char *a, const char *b);
/* All files of a run. */
bool same_run(const char *a, const char *b);
void copy_run(const char *to, const char *from);

/* Was `st` returned, with `a` and `b` in its message? */
bool failed(clade_status got, clade_status st, const char *a, const char *b);

#endif
