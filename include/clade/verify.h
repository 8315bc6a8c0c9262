/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLADE_VERIFY_H
#define CLADE_VERIFY_H

#include <clade/backend.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a judgement ended with.  Mistrusted: the judging itself was in doubt
 * (nothing judged, a bound that is no number, data that is not what it claims
 * to be). */
enum clade_outcome { CLADE_PASSED, CLADE_FAILED, CLADE_MISTRUSTED };

/* One op with one kind of data and one algorithm on one device, judged. */
struct clade_verdict {
    enum clade_outcome outcome;
    char name[128];        /* the case's, for --case */
    const char *op;        /* "conv_fwd" */
    const char *data;      /* "exact" */
    const char *gate;      /* "bits", "bound", "bound alarm rms" */
    const char *why;       /* why the case exists */
    const char *algorithm; /* "direct" */
    int depth;             /* the roundings that the algorithm declared */
    int64_t judged;        /* elements compared with exact values, of */
    int64_t elements;      /* all elements of the outputs */
    double score;          /* the largest error over its bound; infinite where
                              the bits differ */
    double max_error;      /* the largest error */
    double rms;            /* of error over bracket, in units of 2^-24 */
    double got, want;      /* of the worst element, which is */
    char where[64];        /* "y[0,3,2,17]" */
    char message[256];     /* a failure in words, or empty */
    double seconds;        /* of running it */
};

/* Verdicts so far. */
struct clade_verify_summary {
    int passed, failed, mistrusted;
    double worst; /* the largest score */
};

struct clade_verify_ops {
    const char *algorithm; /* only this one; NULL: each that can run a case */
    const char *match;     /* only cases with this in their name; NULL: all */
    bool quick;            /* reduced shapes, but every op, gate and edge */
    void (*report)(void *arg, const struct clade_verdict *verdict);
    void *arg;
};

/*
 * Judge the ops of a backend against exact values, case by case
 * (doc/consistency.md).  CLADE_OK if all passed, CLADE_EBOUND, or
 * CLADE_EMISTRUSTED (also if no case matched).
 */
CLADE_API clade_status clade_verify_ops(struct clade_verify_summary *summary,
                                        clade_backend *be,
                                        const struct clade_verify_ops *options);

#ifdef __cplusplus
}
#endif

#endif
