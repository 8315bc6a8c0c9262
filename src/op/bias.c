/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"

static clade_status check(const struct clade_op *op)
{
    return check_shape(op, CLADE_DB,
                       (struct shape){ 1, 1, 1, op->t[CLADE_DY].c });
}

clade_status clade_op_bias_bwd(struct clade_op *op, struct clade_tensor db,
                               struct clade_tensor dy)
{
    const struct clade_op made = {
        .kind = CLADE_BIAS_BWD,
        .t = { [CLADE_DB] = db, [CLADE_DY] = dy },
    };

    return op_make(op, &made);
}

struct clade_op op_alone(const struct clade_op *op, enum clade_role output)
{
    const struct clade_op alone = {
        .kind = CLADE_BIAS_BWD,
        .t = { [CLADE_DB] = op->t[CLADE_DB], [CLADE_DY] = op->t[CLADE_DY] },
        .label = op->label,
        .choice = op->choice,
        .depth = op->depth_db
    };

    return output == CLADE_DB && op->t[output].buffer && op->kind != alone.kind
               ? alone
               : *op;
}

const struct op_kind op_bias_bwd = { .subject = CLADE_DY,
                                     .check = check,
                                     .per_element = 1 };
