/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

/* A tap for each column and each row of the output. */
size_t ocl_resize_workspace(const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];

    return ((size_t)y->h + y->w) * sizeof(cl_int4);
}

clade_status ocl_resize(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *table = &op->t[CLADE_TABLE];
    const struct clade_tensor *taps = &op->t[CLADE_WORKSPACE];
    const int rows = y->n * y->h;
    clade_status st;

    st = ocl_launch(o, op, OCL_RESIZE, "resize_taps", "",
                    OCL_GRID(y->h + y->w, 1, 1),
                    OCL_ARGS(OCL_MEM(taps), OCL_INT(x->h), OCL_INT(x->w),
                             OCL_INT(y->h), OCL_INT(y->w)));
    if (st)
        return st;
    return ocl_launch(
        o, op, OCL_RESIZE, "resize", "", ocl_rows(o, y->c, y->w, rows),
        OCL_ARGS(OCL_MEM(y), OCL_MEM(x), OCL_MEM(table), OCL_MEM(taps),
                 OCL_INT(x->h), OCL_INT(x->w), OCL_INT(x->c), OCL_INT(y->h),
                 OCL_INT(y->w), OCL_INT(rows), OCL_INT(x->ld), OCL_INT(y->ld)));
}
