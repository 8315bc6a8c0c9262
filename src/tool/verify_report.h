/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_REPORT_H
#define VERIFY_REPORT_H

#include <clade/verify.h>
#include <jansson.h>

/* A distance from a record or the reference, kept. */
struct report_distance {
    char name[96];
    double deviation, distance, limit;
    bool passed;
};

/* All that was found on one device. */
struct report_device {
    struct clade_device device;
    char build_options[192];
    struct clade_verdict *verdicts;
    int n_verdicts;
    struct report_distance *distances;
    int n_distances;
    struct clade_training *trainings; /* what distances came to */
    int n_trainings;
    clade_status status; /* what kept it from being judged, or from all, */
    char *error;         /* and its message; NULL: nothing did */
};

/* All that a run of `clade verify` found, for what is written at its end. */
struct verify_report {
    /* As asked for.  Any but the reference may be NULL. */
    const char *suite, *algorithm, *against, *reference, *envelope;
    uint64_t seed;
    int batch, steps;
    bool quick;
    struct report_device *devices;
    int n_devices;
    int begun;       /* which of them was begun last, from 1 on; 0: none */
    bool incomplete; /* there was no memory for all of it */
};

/* What follows is about the device of `be`. */
void report_begin(struct verify_report *report, const clade_backend *be);
/* The device that was begun last; NULL if there was no memory for it. */
struct report_device *report_current(const struct verify_report *report);
/* A device, the last one begun or one that could not be, was not judged to its
 * end, for a status that has clade_error(). */
void report_error(struct verify_report *report, const char *device,
                  clade_status st);
/* CLADE_OK, or the first of those, with its message. */
clade_status report_failure(const struct verify_report *report);
void report_verdict(struct verify_report *report,
                    const struct clade_verdict *v);
void report_distance(struct verify_report *report,
                     const struct clade_distance *d);
void report_training(struct verify_report *report,
                     const struct clade_training *t);
void report_free(struct verify_report *report);

/* The scores of the verdicts of one op, with one algorithm, on a device. */
struct report_family {
    char name[48]; /* "conv_fwd direct" */
    int cases, failed, mistrusted;
    double worst, typical; /* the median of those with a bound; NAN: none */
    int bounded;           /* how many have one */
};

/* The families of a device, in the order of ops; *count of them, to be freed.
 * NULL if there are none. */
struct report_family *report_families(int *count,
                                      const struct report_device *d);

/* A histogram of scores: bin i holds those up to its `most` and above the
 * former's. */
struct report_bin {
    const char *label;
    double most;
    int count;
};
#define REPORT_BINS 8
void report_histogram(struct report_bin bins[REPORT_BINS],
                      const struct report_device *d);

/* The families that any device has, by name, in the order of ops. */
char (*report_rows(int *count, const struct verify_report *report))[48];
/* The family of a device, or NULL. */
const struct report_family *report_find(const struct report_family *list,
                                        int count, const char *name);

/* The environment's variables that change what drivers compute or compile,
 * "NAME=value": the i-th, or NULL. */
const char *report_environment(int i);

/* The whole of it to stdout, as one JSON object.  CLADE_EFAIL where a text is
 * not UTF-8. */
clade_status report_print_json(const struct verify_report *report);
/* The same as a page without scripts.  CLADE_EIO names the file. */
clade_status report_html(const struct verify_report *report, const char *path);

/* Tables for people: a device's families and histogram, and, for several
 * devices, one of families by devices. */
void report_print_device(const struct report_device *d);
void report_print_matrix(const struct verify_report *report);

#define REPORT_COMMAND 1024 /* room for one */

/* The command line that judges an op again, alone. */
void report_command(char *to, size_t size, const struct verify_report *report,
                    const struct report_device *d,
                    const struct clade_verdict *v);

/* "3.1 spreads, of at most 4.4 of 29 noisy runs: ok". */
void report_describe(char *text, size_t size, const struct clade_training *t);

/* "ok", "FAILED", "MISTRUSTED". */
const char *report_outcome(enum clade_outcome outcome);

#endif
