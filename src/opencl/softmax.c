/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

/* Softmax and loss: an exponential, the chain of the sum, and a division or a
 * logarithm; their bounds do not use it.  The gradient: a difference and a
 * product. */
int ocl_softmax_depth(const struct clade_op *op)
{
    return op->kind == CLADE_LOSS_BWD ? 2 : op->t[CLADE_X].c + 2;
}

clade_status ocl_softmax_fwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];

    return ocl_launch(o, op, OCL_SOFTMAX, "softmax_fwd", "",
                      OCL_GRID(y->n, 1, 1),
                      OCL_ARGS(OCL_MEM(y), OCL_MEM(x), OCL_INT(y->n),
                               OCL_INT(y->c), OCL_INT(y->ld), OCL_INT(x->ld)));
}

clade_status ocl_loss_fwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *loss = &op->t[CLADE_LOSS];
    const struct clade_tensor *hit = &op->t[CLADE_HIT];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *label = &op->t[CLADE_LABEL];

    return ocl_launch(o, op, OCL_SOFTMAX, "loss_fwd", "", OCL_GRID(x->n, 1, 1),
                      OCL_ARGS(OCL_MEM(loss), OCL_MEM(hit), OCL_MEM(x),
                               OCL_MEM(label), OCL_INT(x->n), OCL_INT(x->c),
                               OCL_INT(loss->ld), OCL_INT(hit->ld),
                               OCL_INT(x->ld), OCL_INT(label->ld)));
}

clade_status ocl_loss_bwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *label = &op->t[CLADE_LABEL];
    const float scale = op->scalar / (float)op->step->batch;

    return ocl_launch(o, op, OCL_SOFTMAX, "loss_bwd", "", OCL_GRID(y->n, 1, 1),
                      OCL_ARGS(OCL_MEM(dx), OCL_MEM(y), OCL_MEM(label),
                               OCL_INT(y->n), OCL_INT(y->c), OCL_INT(dx->ld),
                               OCL_INT(y->ld), OCL_INT(label->ld),
                               OCL_FLOAT(scale)));
}
