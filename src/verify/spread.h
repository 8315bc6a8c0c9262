/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPREAD_H
#define SPREAD_H

#include "verify/noise.h"
#include "verify/record.h"

/*
 * How far noisy runs of a training are from its centre, and what is far.
 *
 * Quantities (losses, norms, samples of tensors) are compared by deviations:
 * relative ones, never negative.  A deviation's distance is its ratio to the
 * root of the mean square of the other runs' deviations, the judged run's
 * among them; but to no less than the median, over the quantities of its
 * group, of that of all noisy runs.  For deviations have long tails: where
 * one run of a hundred flips a ReLU that the others do not, its few numbers
 * jump by a hundred spreads.  A run's statistic is the largest distance of
 * its quantities.
 */
struct spread {
    int n, runs;
    int *group;      /* of each quantity; a group's are neighbours */
    double *squares; /* over runs, the sum of its deviation's square, */
    double *largest; /* and the largest one */
};

/* For n quantities, all of group 0 until it is set. */
clade_status spread_new(struct spread *spread, int n);
void spread_free(struct spread *spread);
/* Add a run: n deviations. */
void spread_add(struct spread *spread, const double *deviation);

/*
 * The distances of a run, and, in *largest, the largest statistic of the
 * noisy runs: with probability 1/(runs + 1) a run of their kind passes it.
 */
void spread_judge(double *distance, double *largest,
                  const struct spread *spread, const double *deviation);

/* Sort n numbers, the smallest first. */
void spread_sort(double *v, int n);

#define SPREAD_RUNS       29 /* where a spread is made at once */
#define SPREAD_RUNS_QUICK 7

/*
 * Noisy runs of a training, `runs` of them, of so many steps each, with
 * `scale` times its device's noise, once that is learnt; after each, `done` is
 * called.
 */
struct ensemble {
    int runs, steps;
    double scale;
    struct record_sink sink;
    void (*done)(void *arg); /* with the sink's */
};
clade_status ensemble_run(struct training *training, struct noise *noise,
                          const struct ensemble *ensemble);

/* A verdict in the making: rows as they are reported, and what they come to.
 * training.largest is set first. */
struct spread_verdict {
    void (*report)(void *arg, const struct clade_distance *distance);
    void *arg;
    struct clade_training training;
};
void spread_report(struct spread_verdict *v, const char *name, double deviation,
                   double distance);
/* CLADE_EBOUND, beyond twice the largest; the message starts with `what`. */
clade_status spread_conclude(const struct spread_verdict *v, const char *what);

#endif
