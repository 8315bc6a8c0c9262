/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TIMELINE_H
#define TIMELINE_H

#include <jansson.h>

#include "net/net.h"

/* When each op of some steps was queued, and when it was done. */
struct timeline_op {
    const struct plan *plan;
    int op;
    double began, queued, ended; /* seconds of clock_now() */
};

struct timeline_step {
    double began, ended;
    int first, after; /* its ops: ops[first] .. ops[after-1] */
};

struct timeline {
    clade_backend *be;
    struct timeline_op *ops;
    struct timeline_step *steps;
    int n_ops, n_steps, op_room, step_room;
};

/* An observer that makes net_train() or net_eval() add to a timeline, which
 * must have its backend and be all 0 otherwise at first.  Each op is waited
 * for. */
struct net_observer timeline_observer(struct timeline *t);
/* Call these before and after each step. */
clade_status timeline_begin(struct timeline *t);
void timeline_end(struct timeline *t);

/*
 * Write the steps into a file (file_replace()) as a trace that Chrome and
 * Perfetto show, an event a line, with three rows: the steps with their phases
 * and layers; the ops; what the host does, queueing or waiting.  `about` is an
 * object that says what was measured.  The plans must still be there.
 */
clade_status timeline_write(const struct timeline *t, const char *path,
                            json_t *about);
void timeline_free(struct timeline *t);

#endif
