/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <clade/net.h>
#include <jansson.h>

#include "train/devices.h"
#include "train/group.h"

/* The options of `clade bench`. */
struct bench_options {
    const char *device, *mode, *algorithm, *without, *compare, *match, *trace;
    const char *shares;
    int batch, accumulate, steps;
    bool json, profile, plan, no_self_test;
};

/* A net that works on the same batch again and again. */
struct bench {
    const struct bench_options *o;
    const struct dist *dist;
    clade_backend *be;
    clade_net *net;
    struct clade_batch batch;
    uint8_t *bytes, *labels;
    uint32_t step;
    double *seconds;   /* of the measured steps */
    double first_step; /* when it ended, in seconds since the start */

    /* If the batch is cut into shares, or other processes have some. */
    bool together;
    struct shares shares;
    struct run_devices devices;
    struct group group;
    double alone; /* seconds of a step of this rank's shares by themselves */
};

#define BENCH_WARM_UP 2 /* steps before the measured ones */
#define BENCH_RATE    0.01f

/* ---- figures ------------------------------------------------------------- */

double bench_median(const double *values, int n);
/* The peak of the process's resident memory, in bytes. */
int64_t bench_peak_memory(void);

/* ---- shares -------------------------------------------------------------- */

/* Make the net and the group of a bench that has a device.  Free it whatever
 * this returns. */
clade_status bench_shares_open(struct bench *b,
                               const struct clade_net_config *config);
void bench_shares_close(struct bench *b);
/* Do one step together. */
clade_status bench_shares_step(struct bench *b);
/* Measure the shares of each rank alone, while the others of its host wait. */
clade_status bench_shares_alone(struct bench *b);
/* Add what all ranks have measured to rank 0's object, whose images per second
 * are known; all ranks call this. */
clade_status bench_shares_add(json_t *object, struct bench *b);
void bench_shares_print(const json_t *object);

/* ---- other modes --------------------------------------------------------- */

/* --mode ops: each op of GoogLeNet at a batch, with each algorithm.  The
 * self-test is that of a net of this config. */
clade_status bench_ops(const struct bench_options *o,
                       const struct clade_net_config *config);

/* --plan: the ops of a net of this config after each pass over its plans. */
clade_status bench_plan(const struct bench_options *o,
                        const struct clade_net_config *config);

#endif
