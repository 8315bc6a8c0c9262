/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NOISE_H
#define NOISE_H

#include "net/net.h"
#include "verify/verify.h"

/*
 * A training with noise: each output element of each op gets
 *
 *     scale * sigma * S * N(0,1)
 *
 * before the ReLU, if there is one.  S is the element's bracket, by the op's
 * algorithm.  sigma is the RMS of (got - y)/S, measured for this op on this
 * device.  It is cut to what random data may show, so that a fault cannot widen
 * the limits that it is judged by.  Outputs that are judged bit for bit get no
 * noise.
 *
 * Brackets are learnt in one run without noise.  They change little from step
 * to step, and hardly at all from run to run.
 */
struct noise;

/* Make the noise for the plan of `net` that trains `batch` images a step.  The
 * net is of float32 and must outlive the noise. */
clade_status noise_new(struct noise **noise, clade_net *net, int batch,
                       int steps);
void noise_free(struct noise *noise);

enum noise_mode {
    NOISE_NONE,
    NOISE_MEASURE, /* measure sigma in step 0 */
    NOISE_LEARN,   /* the same, and learn brackets in all steps */
    NOISE_ADD      /* add noise, after a run with NOISE_LEARN */
};

struct noise_use {
    enum noise_mode mode;
    /* With NOISE_ADD: */
    uint32_t run; /* the run's number: each gets its own noise */
    double scale;
};

/* Run an op of the plan in a step; for a net_observer's `run`. */
clade_status noise_run_op(struct noise *noise, const struct noise_use *use,
                          int step, int op);

/* The RMS over the ops of a kind of what sigma is in brackets of direct sums,
 * whatever the algorithm, in units of 2^-24. */
double noise_of_kind(const struct noise *noise, enum clade_op_kind kind);

/*
 * Compute the brackets of one output, flat and row-major; those of direct sums
 * on the reference `cpu`, over absolute values.  `scratch` is a second mirror
 * to work in.  The caller frees *bracket.
 */
clade_status noise_bracket(float **bracket, clade_backend *cpu,
                           const struct verify_mirror *m,
                           struct verify_mirror *scratch, enum clade_role role);

/* The RMS of (got - y)/S over a few hundred elements of one output: with the
 * brackets of the op's algorithm, and with those of a direct sum. */
struct noise_sigma {
    double own, direct;
};

/* Measure it; the output's pixels are at `got`. */
clade_status noise_rms(struct noise_sigma *sigma, const struct verify_mirror *m,
                       enum clade_role role, const float *got);

#endif
