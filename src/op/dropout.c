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

    if ((st = check_shape(op, to, shape_of(&op->t[from]))) ||
        (st = check_step(op)))
        return st;
    if (op->scalar >= 0 && op->scalar < 1)
        return CLADE_OK;
    return clade_fail(CLADE_ESHAPE,
                      "%s: rate %g, must be at least 0 and below 1",
                      op_describe(op), (double)op->scalar);
}

static clade_status check_forward(const struct clade_op *op)
{
    return check_dropout(op, CLADE_Y, CLADE_X);
}

static clade_status check_backward(const struct clade_op *op)
{
    const clade_status st = check_dropout(op, CLADE_DX, CLADE_DY);

    return st ? st : check_gradient(op, CLADE_RELU);
}

/* Random numbers are counted from the first image of the batch. */
static clade_status check_first(const struct clade_op *op)
{
    if (op->step->first_image >= 0)
        return CLADE_OK;
    return clade_fail(CLADE_EUSAGE, "%s: its step begins with image %d",
                      op_describe(op), op->step->first_image);
}

/* Make `made`, whose random numbers a layer names. */
static clade_status make(struct clade_op *op, struct clade_op made,
                         const char *layer)
{
    if (!layer)
        return status_given(op_describe(&made), "layer", false);
    made.stream = rng_stream("dropout", layer);
    return op_make(op, &made);
}

clade_status clade_op_dropout_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor x, float rate,
                                  const char *layer,
                                  const struct clade_step *step)
{
    const struct clade_op made = {
        .kind = CLADE_DROPOUT_FWD,
        .scalar = rate,
        .step = step,
        .t = { [CLADE_Y] = y, [CLADE_X] = x },
    };

    return make(op, made, layer);
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
        .step = step,
        .t = { [CLADE_DX] = dx, [CLADE_DY] = dy, [CLADE_X] = x },
    };

    return make(op, made, layer);
}

const struct op_kind op_dropout_fwd = { .subject = CLADE_X,
                                        .check = check_forward,
                                        .check_step = check_first,
                                        .per_element = 1 };
const struct op_kind op_dropout_bwd = { .subject = CLADE_DY,
                                        .check = check_backward,
                                        .check_step = check_first,
                                        .per_element = 1 };
