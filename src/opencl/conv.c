/* SPDX-License-Identifier: Apache-2.0 */
#include "opencl.h"

int ocl_conv_algorithms(struct ocl *o, const struct clade_op *op,
                        const char *names[], int max)
{
    (void)o, (void)op, (void)names, (void)max;
    return 0;
}

clade_status ocl_conv_choose(struct ocl *o, struct clade_op *op,
                             const char *name)
{
    (void)o, (void)name;
    return clade_fail(CLADE_EUNSUPPORTED, "%s: no algorithm", op_describe(op));
}

clade_status ocl_conv_fwd(struct ocl *o, const struct clade_op *op)
{
    (void)o;
    return clade_fail(CLADE_EUNSUPPORTED, "%s: no algorithm", op_describe(op));
}

clade_status ocl_conv_bwd_data(struct ocl *o, const struct clade_op *op)
{
    return ocl_conv_fwd(o, op);
}

clade_status ocl_conv_bwd_filter(struct ocl *o, const struct clade_op *op)
{
    return ocl_conv_fwd(o, op);
}

clade_status ocl_filter_pack(struct ocl *o, const struct clade_op *op)
{
    return ocl_conv_fwd(o, op);
}
