/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <clade/train.h>

/*
 * What a training run shows on stderr: on a terminal a bar in Keras' shape,
 * elsewhere a line now and then; and the epochs, for the table at its end.
 */
struct progress {
    bool quiet, terminal;
    bool in_line; /* a bar stands on the terminal's last line */
    int epochs, steps;
    struct clade_net_shape shape;
    double began;   /* the epoch, in tool_uptime()'s seconds */
    double printed; /* the last line or bar */
    struct clade_train_epoch *rows;
    int n_rows;
};

void progress_open(struct progress *p, bool quiet, int epochs);
void progress_close(struct progress *p);

/* struct clade_train_observer's, `arg` a struct progress. */
void progress_start(void *arg, const struct clade_train_start *start);
void progress_step(void *arg, const struct clade_train_step *step);
void progress_epoch(void *arg, const struct clade_train_epoch *epoch);
void progress_notice(void *arg, const char *text);

/* The table of the epochs and the best of them, to stdout. */
void progress_table(const struct progress *p);

#endif
