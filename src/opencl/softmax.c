/* SPDX-License-Identifier: Apache-2.0 */
#include "opencl.h"

static const char source[] = {
#include "cl/softmax.inc"
    0
};
static const struct ocl_text text = { "softmax.cl", source };

/* Softmax and loss: an exponential, the chain of the sum, and a division or a
 * logarithm; their bounds do not use it.  The gradient: a difference and a
 * product. */
static int depth(const struct clade_op *op)
{
    return op->kind == CLADE_LOSS_BWD ? 2 : op->t[CLADE_X].c + 2;
}

static clade_status softmax_fwd(struct ocl_task *task,
                                const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];

    return ocl_launch(task, &text, "softmax_fwd", "", OCL_GRID(y->n, 1),
                      OCL_ARGS(OCL_MEM(y), OCL_MEM(x), OCL_INT(y->n),
                               OCL_INT(y->c), OCL_INT(y->ld), OCL_INT(x->ld)));
}

static clade_status loss_fwd(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *loss = &op->t[CLADE_LOSS];
    const struct clade_tensor *hit = &op->t[CLADE_HIT];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *label = &op->t[CLADE_LABEL];

    return ocl_launch(task, &text, "loss_fwd", "", OCL_GRID(x->n, 1),
                      OCL_ARGS(OCL_MEM(loss), OCL_MEM(hit), OCL_MEM(x),
                               OCL_MEM(label), OCL_INT(x->n), OCL_INT(x->c),
                               OCL_INT(loss->ld), OCL_INT(hit->ld),
                               OCL_INT(x->ld), OCL_INT(label->ld)));
}

static clade_status loss_bwd(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *label = &op->t[CLADE_LABEL];

    return ocl_launch(task, &text, "loss_bwd", "", OCL_GRID(y->n, 1),
                      OCL_ARGS(OCL_MEM(dx), OCL_MEM(y), OCL_MEM(label),
                               OCL_INT(y->n), OCL_INT(y->c), OCL_INT(dx->ld),
                               OCL_INT(y->ld), OCL_INT(label->ld),
                               OCL_STEP(OCL_SCALE)));
}

const struct ocl_kind ocl_softmax_fwd = { .prepare = softmax_fwd,
                                          .depth = depth };
const struct ocl_kind ocl_loss_fwd = { .prepare = loss_fwd, .depth = depth };
const struct ocl_kind ocl_loss_bwd = { .prepare = loss_bwd, .depth = depth };
