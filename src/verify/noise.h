/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NOISE_H
#define NOISE_H

#include "net/net.h"
#include "verify/verify.h"

/*
 * A training with noise: each output element of each op gets
 *
 *     sigma * S * N(0,1)
 *
 * before the ReLU, if there is one.  S is the element's bracket (the op on
 * absolute values), sigma the RMS of (got - y)/S that this very op has shown
 * on this device, but at most 2u: a fault must not widen what it is judged
 * by.  Outputs that are judged bit for bit get none.
 *
 * Brackets are learnt in one run without noise; they change little from step
 * to step and not at all, to speak of, from run to run.
 */
struct noise;

/* For the plan of `net` that trains `batch` images a step.  `be` is the net's
 * backend, of float32; both must outlive the noise. */
clade_status noise_new(struct noise **noise, clade_net *net, int batch,
                       int steps);
void noise_free(struct noise *noise);

/* What the next run is: one to measure sigma in, in its step 0; or to learn
 * brackets in as well; or noisy run `run`, with `scale` times the noise. */
void noise_measure(struct noise *noise);
void noise_learn(struct noise *noise);
void noise_begin(struct noise *noise, uint32_t run, double scale);

/* A step of the run begins. */
void noise_step(struct noise *noise, int step);
/* A net_observer's `run`. */
clade_status noise_run(struct noise *noise, const struct plan *plan, int op);

/* The RMS, over the ops of a kind, of what was measured; in units of 2^-24. */
double noise_of_kind(const struct noise *noise, enum clade_op_kind kind);

/* ---- what the files of the noise share ---------------------------------- */

/* One output of an op. */
struct noise_site {
    enum clade_role role;
    struct clade_tensor t; /* pixels as long as can be */
    double measured;       /* sigma, before the cap */
    uint8_t **code;        /* of each slot: its elements' brackets */
};

#define NOISE_SITES 2

struct noise_op {
    struct clade_op bare; /* as in the plan, but without a forward ReLU */
    clade_task *task; /* of `bare`, where it is not the plan's op */
    bool relu;            /* `bare` lacks it */
    int n_sites;
    struct noise_site site[NOISE_SITES];
};

/*
 * The brackets of one output, flat and row-major, computed by the reference
 * `cpu` over absolute values; `scratch` is another mirror's memory.  The
 * caller frees *bracket.
 */
clade_status noise_bracket(float **bracket, clade_backend *cpu,
                           const struct verify_mirror *m,
                           struct verify_mirror *scratch, enum clade_role role);

/* The RMS of (got - y)/S over a few hundred elements of one output, whose
 * pixels are at `got`. */
clade_status noise_rms(double *rms, const struct verify_mirror *m,
                       enum clade_role role, const float *got);

#endif
