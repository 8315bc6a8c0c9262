/* SPDX-License-Identifier: Apache-2.0 */
#include "opencl.h"

static const char source[] = {
#include "cl/dropout.inc"
    0
};
static const struct ocl_text text = { "dropout.cl", source };

/* One product. */
static int depth(const struct clade_op *op)
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

static clade_status dropout_fwd(struct ocl_task *task,
                                const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const int pixels = (int)clade_tensor_pixels(x), vec = vector(x);

    return ocl_launch(
        task, &text, "dropout_fwd", vec == 4 ? "-D VEC=4" : "-D VEC=1",
        OCL_GRID(x->c / vec, pixels),
        OCL_ARGS(OCL_MEM(y), OCL_MEM(x), OCL_INT(pixels), OCL_INT(x->c),
                 OCL_INT(x->ld), OCL_INT(y->ld), OCL_STEP(OCL_FIRST_IMAGE),
                 OCL_INT(x->h * x->w), OCL_STEP(OCL_SEED_LOW),
                 OCL_STEP(OCL_SEED_HIGH), OCL_STEP(OCL_NUMBER),
                 OCL_UINT(op->stream), OCL_FLOAT(op->scalar),
                 OCL_FLOAT(keep(op)), OCL_STEP(OCL_DROPOUT)));
}

static clade_status dropout_bwd(struct ocl_task *task,
                                const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const int pixels = (int)clade_tensor_pixels(dy), vec = vector(dy);

    return ocl_launch(
        task, &text, "dropout_bwd", vec == 4 ? "-D VEC=4" : "-D VEC=1",
        OCL_GRID(dy->c / vec, pixels),
        OCL_ARGS(OCL_MEM(dx), OCL_MEM(dy), OCL_MEM(x), OCL_INT(pixels),
                 OCL_INT(dx->c), OCL_INT(dx->ld), OCL_INT(dy->ld),
                 OCL_INT(x->ld), OCL_STEP(OCL_FIRST_IMAGE),
                 OCL_INT(dx->h * dx->w), OCL_STEP(OCL_SEED_LOW),
                 OCL_STEP(OCL_SEED_HIGH), OCL_STEP(OCL_NUMBER),
                 OCL_UINT(op->stream), OCL_FLOAT(op->scalar),
                 OCL_FLOAT(keep(op)), OCL_STEP(OCL_DROPOUT),
                 OCL_INT(ocl_epilogue(op))));
}

const struct ocl_kind ocl_dropout_fwd = { .prepare = dropout_fwd,
                                          .depth = depth };
const struct ocl_kind ocl_dropout_bwd = { .prepare = dropout_bwd,
                                          .depth = depth };
