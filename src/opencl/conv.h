/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONV_H
#define CONV_H

#include "opencl.h"

/*
 * A way to compute the products (conv_fwd, conv_bwd_data, conv_bwd_filter).
 * A new one is a file and a line in the table of conv.c.
 */
struct ocl_conv_algorithm {
    const char *name;
    const struct ocl_text *text;        /* its kernels */
    const struct ocl_text *filter_text; /* those of conv_bwd_filter, if they
                                           have a file of their own */
    /* List its choices for a product on this device, at most `max`; returns how
     * many there are.  The first is the usual one; the rest are variants. */
    int (*candidates)(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max);
    /* Set op->workspace, packed and depth for op->choice. */
    clade_status (*settle)(struct ocl *o, struct clade_op *op);
    ocl_prepare_fn *prepare;
    ocl_prepare_fn *pack; /* NULL: it never needs a packed filter */
};

extern const struct ocl_conv_algorithm ocl_direct, ocl_winograd,
    ocl_implicit, ocl_clblast;

/* The names of all algorithms that this build has; a NULL ends the list. */
extern const char *const ocl_conv_names[];

/* A hash of the kernels of all algorithms. */
uint64_t ocl_conv_hash(void);

/* ---- what algorithms share; product.c ---------------------------------- */

static inline int div_up(int a, int b)
{
    return a / b + (a % b != 0);
}

static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* What is in an op's workspace from element `at` on. */
struct clade_tensor ocl_conv_scratch(const struct clade_op *op, size_t at);

/* The most products and sums in one launch by an algorithm that reaches a share
 * of the device's peak: half a second on a slow GPU, and never more than 5e9.
 * The display driver would reset the GPU if a launch took too long. */
double ocl_launch_flops(double share);

/* How many images one launch of `op` may take; at least 1. */
int ocl_conv_images(const struct clade_op *op, double share);

/* How many of the `parts` equal parts of `op` one launch may take; at least
 * 1. */
int ocl_conv_parts(const struct clade_op *op, double share, int parts);

/* What a product reads and makes, and where its windows begin.  conv_bwd_data
 * is a forward pass over dy with a turned filter; conv_bwd_filter reads both
 * images. */
struct ocl_view {
    const struct clade_tensor *in, *out, *mask;
    int top, left;
};
struct ocl_view ocl_conv_view(const struct clade_op *op);

/* Call prepare() for each `most` images of a conv_fwd or conv_bwd_data. */
clade_status ocl_conv_by_images(struct ocl_task *task,
                                const struct clade_op *op, int most,
                                ocl_prepare_fn *prepare);

/* Make the same op on images first ... first+n-1 only. */
struct clade_op ocl_conv_part(const struct clade_op *op, int first, int n);

/* Estimate the cost of a product by an algorithm that reaches a share of the
 * device's peak: its seconds on a slow GPU. */
double ocl_conv_cost(const struct clade_op *op, double share);

/* Append an algorithm's choice to the `n` that it has listed, unless it is
 * among them; all but the first are variants.  Returns how many there are. */
int ocl_conv_offer(struct backend_candidate list[], int n, int max,
                   const struct clade_choice *choice, double cost);

/* ---- bias.c: db beside a filter's gradient --------------------------- */

/* Append db[k] = sum over i < n, in order, of sums[i,k]: n roundings. */
clade_status ocl_bias_sum(struct ocl_task *task, const struct clade_tensor *db,
                          const struct clade_tensor *sums, int n);

/* Append all that makes db of dy, with sums at the start of the workspace. */
ocl_prepare_fn ocl_bias;
/* Set what that needs of an op that makes dw as well. */
void ocl_bias_settle(struct clade_op *op);

#endif
