/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

/* One product. */
int ocl_dropout_depth(const struct clade_op *op)
{
    (void)op;
    return 1;
}

/* Philox makes four words at a time, one for each of four elements. */
static int vector(const struct clade_tensor *t)
{
    return t->c % 4 ? 1 : 4;
}

/* The multiplier of an element that is kept, rounded once. */
static float keep(const struct clade_op *op)
{
    return (float)(1 / (1 - (double)op->scalar));
}

clade_status ocl_dropout_fwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_step *step = op->step;
    const int pixels = (int)clade_tensor_pixels(x), vec = vector(x);

    return ocl_launch(
        o, op, OCL_DROPOUT, "dropout_fwd", vec == 4 ? "-D VEC=4" : "-D VEC=1",
        OCL_GRID(x->c / vec, pixels, 1),
        OCL_ARGS(OCL_MEM(y), OCL_MEM(x), OCL_INT(pixels), OCL_INT(x->c),
                 OCL_INT(x->ld), OCL_INT(y->ld), OCL_INT(step->first_image),
                 OCL_INT(x->h * x->w), OCL_UINT((cl_uint)step->seed),
                 OCL_UINT((cl_uint)(step->seed >> 32)), OCL_UINT(step->number),
                 OCL_UINT(op->stream), OCL_FLOAT(op->scalar),
                 OCL_FLOAT(keep(op)), OCL_INT(step->dropout)));
}

clade_status ocl_dropout_bwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_step *step = op->step;
    const int pixels = (int)clade_tensor_pixels(dy), vec = vector(dy);

    return ocl_launch(
        o, op, OCL_DROPOUT, "dropout_bwd", vec == 4 ? "-D VEC=4" : "-D VEC=1",
        OCL_GRID(dy->c / vec, pixels, 1),
        OCL_ARGS(OCL_MEM(dx), OCL_MEM(dy), OCL_MEM(x), OCL_INT(pixels),
                 OCL_INT(dx->c), OCL_INT(dx->ld), OCL_INT(dy->ld),
                 OCL_INT(x->ld), OCL_INT(step->first_image),
                 OCL_INT(dx->h * dx->w), OCL_UINT((cl_uint)step->seed),
                 OCL_UINT((cl_uint)(step->seed >> 32)), OCL_UINT(step->number),
                 OCL_UINT(op->stream), OCL_FLOAT(op->scalar),
                 OCL_FLOAT(keep(op)), OCL_INT(step->dropout),
                 OCL_INT(op->flags)));
}
