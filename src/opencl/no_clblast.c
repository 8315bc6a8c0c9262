/* SPDX-License-Identifier: Apache-2.0 */
/* Built without CLBlast: it supports no op. */
#include "conv.h"

static bool supports(struct ocl *o, const struct clade_op *op)
{
    (void)o;
    (void)op;
    return false;
}

const struct ocl_conv_algorithm ocl_clblast = {
    .name = "clblast",
    .supports = supports,
};
