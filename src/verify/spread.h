/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPREAD_H
#define SPREAD_H

#include "verify/trace.h"

/*
 * How far noisy runs of a training are from its centre, and what counts as far.
 *
 * Quantities are compared by deviations, which are relative and never negative.
 * A deviation's distance is its ratio to the root mean square (RMS) of the same
 * quantity's deviations in the other runs.  For a noisy run, the judged run is
 * one of these.  The divisor is at least the median, over the quantities of the
 * group, of the RMS over all noisy runs.  This is because deviations have long
 * tails: if one run of a hundred flips a ReLU that the others do not, its few
 * numbers jump by a hundred spreads.  A run's statistic is the largest distance
 * of its quantities.
 */
struct spread {
    int n, runs;
    int *group;      /* of each quantity; those of a group are neighbours */
    double *squares; /* the sum over runs of the deviation's square */
    double *largest; /* the largest square of a run */
    double *deviation, *distance; /* of one run, to work in */
};

/* Make a spread of n quantities, all in group 0 at first. */
clade_status spread_new(struct spread *spread, int n);
void spread_free(struct spread *spread);
/* Put the quantities of one kind and step into one group. */
void spread_group(struct spread *spread, const struct trace *trace);
/* Add a run: n deviations. */
void spread_add(struct spread *spread, const double *deviation);

/*
 * Compute the distances of a run and, in *largest, the largest statistic of the
 * noisy runs.  Another run of their kind exceeds it with probability 1/(runs +
 * 1).
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

#define SPREAD_RUNS       29 /* of a spread that is made on the spot */
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
/* Report that the device's training has losses that are not finite;
 * clade_error() says which.  Returns CLADE_EBOUND. */
clade_status spread_diverged(const struct judged *judged);
/* CLADE_EBOUND beyond twice the largest; CLADE_EMISTRUSTED if that is not
 * finite.  The message starts with `name`. */
clade_status spread_conclude(const struct clade_training *training,
                             const char *name);

#endif
