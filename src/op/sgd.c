/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"

static clade_status check(const struct clade_op *op)
{
    const struct shape must = shape_of(&op->t[CLADE_W]);
    clade_status st;

    if ((st = check_dense(op, CLADE_W)) || (st = check_dense(op, CLADE_V)) ||
        (st = check_dense(op, CLADE_DW)) ||
        (st = check_shape(op, CLADE_V, must)) ||
        (st = check_shape(op, CLADE_DW, must)))
        return st;
    return check_step(op);
}

clade_status clade_op_sgd(struct clade_op *op, struct clade_tensor w,
                          struct clade_tensor v, struct clade_tensor dw,
                          float momentum, const struct clade_step *step)
{
    const struct clade_op made = {
        .kind = CLADE_SGD,
        .scalar = momentum,
        .step = step,
        .t = { [CLADE_W] = w, [CLADE_V] = v, [CLADE_DW] = dw },
    };

    return op_make(op, &made);
}

const struct op_kind op_sgd = { .subject = CLADE_W,
                                .check = check,
                                .per_element = 4 };
