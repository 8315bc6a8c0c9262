/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPREAD_H
#define SPREAD_H

#include "verify/trace.h"

/*
 * How far noisy runs of a training are from its centre, and what is far.
 *
 * Quantities are compared by deviations: relative ones, never negative.  A
 * deviation's distance is its ratio to the root mean square of the other runs'
 * deviations of the same quantity, the judged run among them.  But it is
 * measured in no less than the median, over the quantities of its group, of
 * that root mean square of all noisy runs.  For deviations have long tails:
 * where one run of a hundred flips a ReLU that the others do not, its few
 * numbers jump by a hundred spreads.  A run's statistic is the largest distance
 * of its quantities.
 */
struct spread {
    int n, runs;
    int *group;      /* of each quantity; a group's are neighbours */
    double *squares; /* the sum over runs of the deviation's square */
    double *largest; /* the largest square of a run */
    double *deviation, *distance; /* room for those of one run */
};

/* For n quantities, all of group 0 until it is set. */
clade_status spread_new(struct spread *spread, int n);
void spread_free(struct spread *spread);
/* Make a group of the quantities of one kind and step. */
void spread_group(struct spread *spread, const struct trace *trace);
/* Add a run: n deviations. */
void spread_add(struct spread *spread, const double *deviation);

/*
 * The distances of a run, and, in *largest, the largest statistic of the
 * noisy runs: with probability 1/(runs + 1) a run of their kind passes it.
 */
void spread_judge(double *distance, double *largest,
                  const struct spread *spread, const double *deviation);

/*
 * Of a number: |got - centre| / |unit|.
 *
 * Of a tensor, in units of `unit`'s RMS: the upper quartile of its samples'
 * |got - centre|, or what its L2 or its sum shows, if that is larger.
 */
double spread_deviation(const struct quantity *got,
                        const struct quantity *centre,
                        const struct quantity *unit);

#define SPREAD_RUNS       29 /* where a spread is made at once */
#define SPREAD_RUNS_QUICK 7

/* What noisy runs are compared with, and how many there are.  Of run.noise,
 * only the scale matters. */
struct ensemble {
    int runs;
    const struct trace *centre, *unit;
    struct trace_options run;
};

/* Learn the noise of the training's device, then run the ensemble.  The caller
 * frees the spread, also after a failure. */
clade_status spread_make(struct spread *spread, struct training *training,
                         const struct ensemble *ensemble);

/* A training that is to be judged. */
struct judged {
    const struct trace *trace, *centre, *unit;
    const char *name; /* for messages */
    bool own;         /* as clade_training's */
    void (*report)(void *arg, const struct clade_distance *distance);
    void (*conclude)(void *arg, const struct clade_training *training);
    void *arg;
};

/* Report each tensor, and the worst of each step's losses and norms; then
 * conclude.  Returns what spread_conclude() does. */
clade_status spread_verdict(struct spread *spread, const struct judged *judged);
/* CLADE_EBOUND beyond twice the largest; CLADE_EMISTRUSTED if that is no
 * number.  The message starts with `name`. */
clade_status spread_conclude(const struct clade_training *training,
                             const char *name);

#endif
