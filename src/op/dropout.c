/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"
#include "rng.h"
#include "status.h"

/* Check an op that applies dropout to `from` and writes to `to`. */
static clade_status check_dropout(const struct clade_op *op, enum clade_role to,
                                  enum clade_role from)
{
    clade_status st;

    if ((st = check_tensors(op)) ||
        (st = check_shape(op, to, shape_of(&op->t[from]))) ||
        (st = check_step(op)))
        return st;
    if (op->scalar >= 0 && op->scalar < 1)
        return CLADE_OK;
    return clade_fail(CLADE_ESHAPE,
                      "%s: rate %g, must be at least 0 and below 1",
                      op_describe(op), (double)op->scalar);
}

clade_status clade_op_dropout_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor x, float rate,
                                  const char *layer,
                                  const struct clade_step *step)
{
    const struct clade_op made = {
        .kind = CLADE_DROPOUT_FWD,
        .scalar = rate,
        .stream = rng_stream("dropout", layer),
        .step = step,
        .t = { [CLADE_Y] = y, [CLADE_X] = x },
    };
    clade_status st = check_dropout(&made, CLADE_Y, CLADE_X);

    if (!st)
        *op = made;
    return st;
}

clade_status clade_op_dropout_bwd(struct clade_op *op, struct clade_tensor dx,
                                  struct clade_tensor dy, struct clade_tensor x,
                                  float rate, const char *layer,
                                  const struct clade_step *step, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_DROPOUT_BWD,
        .flags = flags,
        .scalar = rate,
        .stream = rng_stream("dropout", layer),
        .step = step,
        .t = { [CLADE_DX] = dx, [CLADE_DY] = dy, [CLADE_X] = x },
    };
    clade_status st;

    if ((st = check_dropout(&made, CLADE_DX, CLADE_DY)) ||
        (st = check_gradient(&made, CLADE_RELU)))
        return st;
    *op = made;
    return CLADE_OK;
}

const struct op_kind op_dropout_fwd = { .subject = CLADE_X, .per_element = 1 };
const struct op_kind op_dropout_bwd = { .subject = CLADE_DY, .per_element = 1 };
