/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"
#include "status.h"

/* `role` must be N vectors with as many classes as `like`. */
static clade_status check_logits(const struct clade_op *op,
                                 enum clade_role role, enum clade_role like)
{
    const struct clade_tensor *t = &op->t[like];

    return check_shape(op, role, (struct shape){ t->n, 1, 1, t->c });
}

/* `role` must have one element for each image of `like`. */
static clade_status check_one(const struct clade_op *op, enum clade_role role,
                              enum clade_role like)
{
    return check_shape(op, role, (struct shape){ op->t[like].n, 1, 1, 1 });
}

static clade_status check_softmax(const struct clade_op *op)
{
    const clade_status st = check_logits(op, CLADE_X, CLADE_X);

    return st ? st : check_logits(op, CLADE_Y, CLADE_X);
}

clade_status clade_op_softmax_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor x)
{
    const struct clade_op made = {
        .kind = CLADE_SOFTMAX_FWD,
        .t = { [CLADE_Y] = y, [CLADE_X] = x },
    };

    return op_make(op, &made);
}

static clade_status check_loss_fwd(const struct clade_op *op)
{
    clade_status st;

    if ((st = check_logits(op, CLADE_X, CLADE_X)) ||
        (st = check_one(op, CLADE_LOSS, CLADE_X)) ||
        (st = check_one(op, CLADE_HIT, CLADE_X)))
        return st;
    return check_one(op, CLADE_LABEL, CLADE_X);
}

clade_status clade_op_loss_fwd(struct clade_op *op, struct clade_tensor loss,
                               struct clade_tensor hit, struct clade_tensor x,
                               struct clade_tensor label)
{
    const struct clade_op made = {
        .kind = CLADE_LOSS_FWD,
        .t = { [CLADE_LOSS] = loss,
               [CLADE_HIT] = hit,
               [CLADE_X] = x,
               [CLADE_LABEL] = label },
    };

    return op_make(op, &made);
}

static clade_status check_loss_bwd(const struct clade_op *op)
{
    clade_status st;

    if ((st = check_logits(op, CLADE_Y, CLADE_Y)) ||
        (st = check_logits(op, CLADE_DX, CLADE_Y)) ||
        (st = check_one(op, CLADE_LABEL, CLADE_Y)))
        return st;
    return check_step(op);
}

/* The gradient is divided by the batch. */
static clade_status check_batch(const struct clade_op *op)
{
    if (op->step->batch >= 1)
        return CLADE_OK;
    return clade_fail(CLADE_EUSAGE,
                      "%s: its step has a batch of %d images, must have at "
                      "least 1",
                      op_describe(op), op->step->batch);
}

clade_status clade_op_loss_bwd(struct clade_op *op, struct clade_tensor dx,
                               struct clade_tensor y, struct clade_tensor label,
                               float weight, const struct clade_step *step)
{
    const struct clade_op made = {
        .kind = CLADE_LOSS_BWD,
        .scalar = weight,
        .step = step,
        .t = { [CLADE_DX] = dx, [CLADE_Y] = y, [CLADE_LABEL] = label },
    };

    return op_make(op, &made);
}

const struct op_kind op_softmax_fwd = { .subject = CLADE_X,
                                        .check = check_softmax,
                                        .per_element = 3 };
const struct op_kind op_loss_fwd = { .subject = CLADE_X,
                                     .check = check_loss_fwd,
                                     .per_element = 2 };
const struct op_kind op_loss_bwd = { .subject = CLADE_Y,
                                     .check = check_loss_bwd,
                                     .check_step = check_batch,
                                     .per_element = 2 };
