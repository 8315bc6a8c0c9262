/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"
#include "status.h"

clade_status clade_op_bias_bwd(struct clade_op *op, struct clade_tensor db,
                               struct clade_tensor dy)
{
    const struct clade_op made = {
        .kind = CLADE_BIAS_BWD,
        .t = { [CLADE_DB] = db, [CLADE_DY] = dy },
    };
    const struct shape must = { 1, 1, 1, dy.c };
    clade_status st;

    if ((st = check_tensors(&made)) ||
        (st = check_shape(&made, CLADE_DB, must)))
        return st;
    *op = made;
    return CLADE_OK;
}

const struct op_kind op_bias_bwd = { .subject = CLADE_DY, .per_element = 1 };
