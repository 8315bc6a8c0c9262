/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVELOPE_H
#define ENVELOPE_H

#include "verify/record.h"
#include "verify/spread.h"

#define ENVELOPE_FORMAT "clade-envelope/1"

/* A number that a training shows: a loss, or the norm of a gradient. */
struct quantity {
    int step;
    bool loss;
    char name[64];  /* "total", "aux1"; "inception_3a/3x3/kernel" */
    double value;   /* of a run; of an envelope, its centre's */
    double rms;     /* of an envelope: the noisy runs' relative deviations */
    double largest; /* and the largest one's */
};

/* All that a run shows, in its order. */
struct trace {
    struct quantity *list;
    int n, room;
    const char *head[CLADE_HEADS_MAX];
};

/* Empty, for trainings of a net; then a sink for it, which appends. */
void trace_new(struct trace *trace, const clade_net *net);
void trace_free(struct trace *trace);
struct record_sink trace_sink(struct trace *trace);
/* |value - centre| / |centre| of each, the centre's first n. */
void trace_deviations(double *deviation, const struct trace *trace,
                      const struct trace *centre, int n);

/* The spread of correct trainings around the reference's, as it is kept. */
struct envelope {
    struct record_spec spec; /* but for the algorithm */
    char *net;               /* the spec's, if it was read */
    int runs;
    double noise[CLADE_OP_KINDS]; /* in units of 2^-24, that it was made with */
    struct trace trace;
};

/* From a text of n bytes, named in messages; the one that ships. */
clade_status envelope_parse(struct envelope *e, const char *text, size_t n,
                            const char *name);
clade_status envelope_standard(struct envelope *e);
clade_status envelope_read(struct envelope *e, const char *file);
clade_status envelope_write(const char *file, const struct envelope *e,
                            const clade_backend *be);
void envelope_free(struct envelope *e);

/* A spread for the first n quantities of a trace, in groups of one kind and
 * step; as yet without runs, or with the envelope's. */
clade_status trace_spread(struct spread *spread, const struct trace *trace,
                          int n);
clade_status envelope_spread(struct spread *spread, const struct envelope *e,
                             int n);

#endif
