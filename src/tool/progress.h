/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include <clade/train.h>

/*
 * The progress of a training, on stderr: on a terminal, a bar like Keras's;
 * elsewhere, a line every ten seconds.  Also keeps the epochs for the table at
 * the end.
 */
struct progress {
    bool quiet, terminal;
    bool in_line; /* the terminal's last line is a bar, without its newline */
    int epochs, steps;
    struct clade_net_shape shape;
    double began;   /* when the epoch began, in tool_uptime()'s seconds */
    double printed; /* when the last line or bar was printed */
    struct clade_train_epoch *rows;
    int n_rows;
};

void progress_open(struct progress *p, bool quiet, int epochs);
void progress_close(struct progress *p);

/* For struct clade_train_observer; `arg` is a struct progress. */
void progress_start(void *arg, const struct clade_train_start *start);
void progress_step(void *arg, const struct clade_train_step *step);
void progress_epoch(void *arg, const struct clade_train_epoch *epoch);
void progress_notice(void *arg, const char *text);

/* The table of the epochs and the best of them, to stdout. */
void progress_table(const struct progress *p);
/* The same as JSON, with the run's folder. */
clade_status progress_json(const struct progress *p, const char *folder);

#endif
