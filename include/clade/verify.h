/* SPDX-License-Identifier: Apache-2.0 */
/* Check that a device computes correct results. */
#ifndef CLADE_VERIFY_H
#define CLADE_VERIFY_H

#include <clade/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Every `report`, `conclude` and `stop` below may be NULL. */

/* The outcome of a judgement.  Mistrusted: the judgement itself is in doubt
 * (nothing was judged, a bound is NaN, or data is not what it claims to be). */
enum clade_outcome { CLADE_PASSED, CLADE_FAILED, CLADE_MISTRUSTED };

/* One op with one kind of data and one algorithm on one device, judged. */
struct clade_verdict {
    enum clade_outcome outcome;
    char name[128];        /* the case's, for --case; in a step, the op's */
    char layer[48];        /* in a step */
    const char *op;        /* "conv_fwd" */
    const char *data;      /* "exact" */
    const char *gate;      /* "bits", "bound", "bound alarm rms" */
    const char *why;       /* why the case exists */
    const char *algorithm; /* "direct" */
    int depth;             /* the roundings that the algorithm declared */
    int64_t judged;        /* elements compared with exact values */
    int64_t elements;      /* all elements of the outputs */
    double score;          /* the largest error over its bound; infinite where
                              the bits differ */
    double max_error;      /* the largest error */
    double rms;            /* of error over bracket, in units of 2^-24 */
    double got, want;      /* of the worst element */
    char where[64];        /* the worst element, "y[0,3,2,17]" */
    char message[768];     /* a failure in words, or empty */
    char triage[256];      /* after a failure: where it occurs, or empty */
    char file[512];        /* after a failure: its inputs' file, or empty */
    double seconds;        /* of its fastest run */
};

/* Verdicts so far. */
struct clade_verify_summary {
    int passed, failed, mistrusted;
    double worst; /* the largest score */
};

struct clade_verify_ops {
    const char *algorithm; /* judge convolutions with this one only, "direct" or
                              a clade_choice_text(); other ops have just one.
                              NULL: with each that can run a case */
    const char *match;     /* only cases with this in their name; NULL: all */
    bool quick;            /* reduced shapes, but every op, gate and edge */
    const char *dump;      /* a folder for the inputs of the first failures, as
                              safetensors; NULL: none */
    bool triage;           /* look into the first failures: see `triage` */
    void (*report)(void *arg, const struct clade_verdict *verdict);
    bool (*stop)(void *arg); /* asked now and then: true ends it with
                                CLADE_EINTERRUPTED; NULL: never */
    void *arg;
};

/*
 * Judge the ops of a backend against exact values, case by case
 * (doc/consistency.md).  CLADE_OK if all passed, CLADE_EBOUND, or
 * CLADE_EMISTRUSTED (also if no case matched, or if the host's CPU flushes
 * subnormal floats).  CLADE_EUSAGE names the algorithms that there are, if
 * options->algorithm is none of them.  CLADE_EUNSUPPORTED if the backend stores
 * float64, or its device is of OpenCL's embedded profile.
 *
 * All runs in the caller's process: a driver that crashes ends that.
 */
CLADE_API clade_status clade_verify_ops(struct clade_verify_summary *summary,
                                        clade_backend *be,
                                        const struct clade_verify_ops *options);

/*
 * Judge one op with the inputs that a failure of either suite left in a file
 * (`dump`), by each algorithm that options ask for.  CLADE_EDATA or CLADE_EIO
 * name a file that cannot be used; the rest as for clade_verify_ops().
 */
CLADE_API clade_status clade_verify_op(struct clade_verify_summary *summary,
                                       clade_backend *be, const char *file,
                                       const struct clade_verify_ops *options);

/*
 * The self-test before a net is made: try every program that the plans of
 * `config` use, once, on small ops with exact and with random data.  Each
 * program's verdict is kept in the cache, for the device and its driver; it is
 * not tried again.  If an algorithm is wrong and another one is not, `be` avoids
 * it from then on, with a notice.
 *
 * It may take minutes, if programs must be built, and a driver may not survive
 * it: a caller who cannot risk that calls it in a process of its own.  `stop`
 * is as clade_verify_ops'.
 *
 * CLADE_OK: what is not avoided is right, or the backend compiles nothing.
 * CLADE_EUSAGE: `be` or `config` is NULL.
 * CLADE_EBOUND: an op is wrong by every algorithm, or by config->algorithm; the
 * message names the op and the worst element.  CLADE_EMISTRUSTED and
 * CLADE_EUNSUPPORTED as for clade_verify_ops().  Else what clade_net_new()
 * returns.
 */
CLADE_API clade_status
clade_verify_selftest(clade_backend *be, const struct clade_net_config *config,
                      bool (*stop)(void *arg), void *arg);

struct clade_verify_step {
    const char *algorithm; /* NULL: as training would choose */
    const char *dump;      /* as clade_verify_ops' */
    bool triage;           /* the same */
    int batch;
    uint64_t seed;
    void (*report)(void *arg, const struct clade_verdict *verdict);
    bool (*stop)(void *arg); /* the same */
    void *arg;
};

/*
 * Judge each op of a training step, in the very plan that trains, on its own
 * inputs as the device has them.  Then train again without watching, and
 * without each of the rewrites that change no bit: the weights must be the same,
 * bit for bit.  A loss that is not finite is a failed verdict.
 *
 * CLADE_OK, CLADE_EBOUND, CLADE_EMISTRUSTED or CLADE_EUNSUPPORTED as for
 * clade_verify_ops(); and what clade_net_new() and clade_net_train() return.
 */
CLADE_API clade_status
clade_verify_step(struct clade_verify_summary *summary, clade_backend *be,
                  const struct clade_verify_step *options);

/* What clade_record_write() trains: `steps` steps of SGD on one batch. */
struct clade_record {
    const char *file;      /* to write: a clade-record/1 file */
    const char *algorithm; /* NULL: as the backend chooses */
    int batch, steps;
    uint64_t seed;
    bool (*stop)(void *arg); /* as clade_verify_ops' */
    void *arg;
};

/* Write what a device computes, so that others can be compared with it.
 * CLADE_EIO names the file, CLADE_EDIVERGED a tensor with values that are not
 * finite; and what clade_net_new() and clade_net_train() return. */
CLADE_API clade_status clade_record_write(clade_backend *be,
                                          const struct clade_record *options);

/* How far one tensor, or the losses or gradients of a step, is from a
 * record or from the reference. */
struct clade_distance {
    const char *name; /* "step0/activation/conv1" */
    double deviation; /* relative; of a tensor, in units of its RMS */
    double distance;  /* in spreads of correct trainings */
    double limit;     /* twice the largest distance of those */
    bool passed;
};

/*
 * A training as a whole: its largest distance, and the largest of `runs`
 * correct trainings.  A correct training exceeds that once in runs + 1 times.
 * Up to twice that is called the edge, and passes.
 */
struct clade_training {
    double distance, largest;
    int runs;
    bool own;       /* the spread was measured on this device, just now */
    char where[96]; /* the first quantity beyond `largest`; or empty */
};

struct clade_against {
    const char *file, *algorithm;
    bool quick; /* only step 0 */
    void (*report)(void *arg, const struct clade_distance *distance);
    void (*conclude)(void *arg, const struct clade_training *training);
    bool (*stop)(void *arg); /* as clade_verify_ops' */
    void *arg;
};

/*
 * Train as a record says, with and without noise, and compare the record's
 * numbers with those (doc/consistency.md).  CLADE_EBOUND if the record is too
 * far away to be one of these trainings; CLADE_EDATA, naming what is wrong, if
 * the file is no record of a network known here; CLADE_EMISTRUSTED if the
 * host's CPU flushes.
 */
CLADE_API clade_status
clade_verify_against(clade_backend *be, const struct clade_against *options);

/* A training of `steps` steps of SGD on one batch, both made of one hash. */
struct clade_verify_train {
    const char *algorithm; /* NULL: as the backend chooses */
    const char *reference; /* the device to compare with; NULL: cpu64 */
    const char *envelope;  /* a file that clade_envelope_make() wrote; NULL: the
                              one that ships */
    int batch, steps;      /* 0: 2 and 10, the standard training */
    uint64_t seed;
    bool quick; /* two steps */
    void (*report)(void *arg, const struct clade_distance *distance);
    void (*conclude)(void *arg, const struct clade_training *training);
    bool (*stop)(void *arg); /* as clade_verify_ops' */
    void *arg;
};

/*
 * Train on the reference and on `be`, and compare losses and the norms of
 * gradients, step by step.  The envelope says how far correct trainings spread.
 * If it is of another training, or of a device with much less noise, the spread
 * is measured on this device instead.  CLADE_EBOUND beyond the spread;
 * CLADE_EMISTRUSTED if the reference is not at the envelope's centre, or the
 * host's CPU flushes; CLADE_EUNSUPPORTED as for clade_verify_ops().
 */
CLADE_API clade_status
clade_verify_train(clade_backend *be, const struct clade_verify_train *options);

/* Make the envelope of a training: train `runs` times with noise as large as
 * this device's, and measure the spread around the reference's training.
 * CLADE_EIO names the file; CLADE_EMISTRUSTED if the host's CPU flushes,
 * CLADE_EUNSUPPORTED as for clade_verify_ops(); and what clade_net_new() and
 * clade_net_train() return. */
CLADE_API clade_status
clade_envelope_make(clade_backend *be, const char *file, int runs,
                    const struct clade_verify_train *options);

#ifdef __cplusplus
}
#endif

#endif
