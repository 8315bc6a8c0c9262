/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"
#include "status.h"

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
    const struct shape must = shape_of(&w);
    clade_status st;

    if ((st = check_tensors(&made)) || (st = check_dense(&made, CLADE_W)) ||
        (st = check_dense(&made, CLADE_V)) ||
        (st = check_dense(&made, CLADE_DW)) ||
        (st = check_shape(&made, CLADE_V, must)) ||
        (st = check_shape(&made, CLADE_DW, must)) || (st = check_step(&made)))
        return st;
    *op = made;
    return CLADE_OK;
}

const struct op_kind op_sgd = { .subject = CLADE_W, .per_element = 4 };
