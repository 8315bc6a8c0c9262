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
    /* Whether it can run a product on this device. */
    bool (*supports)(struct ocl *o, const struct clade_op *op);
    /* Set op->workspace, packed, depth and tune. */
    clade_status (*choose)(struct ocl *o, struct clade_op *op);
    /* Whether a check on this device found it right for `op`; NULL: always. */
    bool (*trusted)(struct ocl *o, const struct clade_op *op);
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
