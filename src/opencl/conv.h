/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONV_H
#define CONV_H

#include "opencl.h"

/* What a check of an algorithm found; not checked: clade_error() says why. */
enum ocl_verdict { OCL_RIGHT, OCL_WRONG, OCL_NOT_CHECKED };

/*
 * A way to compute the products (conv_fwd, conv_bwd_data, conv_bwd_filter).
 * A new one is a file and a line in the table of conv.c.
 */
struct ocl_conv_algorithm {
    const char *name;
    /* Whether it can run a product on this device. */
    bool (*supports)(struct ocl *o, const struct clade_op *op);
    /* Set op->workspace, packed, depth and tune. */
    clade_status (*choose)(struct ocl *o, struct clade_op *op);
    /* Check it on this device for `op`, or know what a check found; NULL: it
     * is right.  Fails where the device is lost. */
    clade_status (*check)(enum ocl_verdict *verdict, struct ocl *o,
                          const struct clade_op *op);
    ocl_run_fn *run;
    ocl_run_fn *pack; /* NULL: it never wants a packed filter */
};

extern const struct ocl_conv_algorithm ocl_direct, ocl_clblast;

/* No launch is longer than this many products and sums: half a second of a
 * slow GPU, whose display driver would reset it. */
#define OCL_LAUNCH_FLOPS 5e9

/* The images at most that one launch of `op` may take: at least 1. */
int ocl_conv_images(const struct clade_op *op);

/* The same op on images first ... first+n-1 only. */
struct clade_op ocl_conv_part(const struct clade_op *op, int first, int n);

#endif
