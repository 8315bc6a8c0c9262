/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"
#include "status.h"

/* Does each window along an axis touch the image?  Only the first and the last
 * can miss it. */
static bool touches(int size, int stride, int before, int outputs, int extent)
{
    return before < size && (int64_t)(outputs - 1) * stride - before < extent;
}

/* In a max pool an index must fit a byte, and each window must hold a pixel. */
static clade_status check_maxpool(const struct clade_op *op,
                                  const struct clade_tensor *x,
                                  const struct shape *y)
{
    const struct clade_window *w = &op->window;

    if ((int64_t)w->r * w->s > 255)
        return bad_window(op, x,
                          "more than 255 elements, too many for an index "
                          "of one byte");
    if (!touches(w->r, w->stride, w->top, y->h, x->h) ||
        !touches(w->s, w->stride, w->left, y->w, x->w))
        return bad_window(op, x, "some window holds padding alone");
    return CLADE_OK;
}

/* An average pool takes no padding, because that would count as zeros. */
static clade_status check_avgpool(const struct clade_op *op,
                                  const struct clade_tensor *x,
                                  const struct shape *y)
{
    const struct clade_window *w = &op->window;

    (void)y;
    if (w->top || w->bottom || w->left || w->right)
        return bad_window(op, x, "an average pool takes no padding");
    return CLADE_OK;
}

/* What one kind of pool demands of its window over x, with output y. */
typedef clade_status check_window(const struct clade_op *op,
                                  const struct clade_tensor *x,
                                  const struct shape *y);

/* Check the tensors of a pool in either direction.  y and x are the roles of
 * output and image. */
static clade_status check_pool(const struct clade_op *op, enum clade_role y,
                               enum clade_role x, check_window *check)
{
    struct shape out;
    clade_status st;

    if ((st = window_output(&out, op, &op->t[x], op->t[x].c)) ||
        (st = check(op, &op->t[x], &out)) || (st = check_shape(op, y, out)))
        return st;
    return op->t[CLADE_ARG].buffer ? check_shape(op, CLADE_ARG, out) : CLADE_OK;
}

static clade_status check_maxpool_fwd(const struct clade_op *op)
{
    return check_pool(op, CLADE_Y, CLADE_X, check_maxpool);
}

static clade_status check_maxpool_bwd(const struct clade_op *op)
{
    const clade_status st = check_pool(op, CLADE_DY, CLADE_DX, check_maxpool);

    return st ? st : check_gradient(op, CLADE_ACCUMULATE | CLADE_RELU);
}

static clade_status check_avgpool_fwd(const struct clade_op *op)
{
    return check_pool(op, CLADE_Y, CLADE_X, check_avgpool);
}

static clade_status check_avgpool_bwd(const struct clade_op *op)
{
    const clade_status st = check_pool(op, CLADE_DY, CLADE_DX, check_avgpool);

    return st ? st : check_gradient(op, CLADE_ACCUMULATE | CLADE_RELU);
}

clade_status clade_op_maxpool_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor arg,
                                  struct clade_tensor x,
                                  struct clade_window window)
{
    const struct clade_op made = {
        .kind = CLADE_MAXPOOL_FWD,
        .window = window,
        .t = { [CLADE_Y] = y, [CLADE_ARG] = arg, [CLADE_X] = x },
    };

    return op_make(op, &made);
}

clade_status clade_op_maxpool_bwd(struct clade_op *op, struct clade_tensor dx,
                                  struct clade_tensor dy,
                                  struct clade_tensor arg,
                                  struct clade_tensor x,
                                  struct clade_window window, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_MAXPOOL_BWD,
        .flags = flags,
        .window = window,
        .t = { [CLADE_DX] = dx,
               [CLADE_DY] = dy,
               [CLADE_ARG] = arg,
               [CLADE_X] = x },
    };

    return op_make(op, &made);
}

clade_status clade_op_avgpool_fwd(struct clade_op *op, struct clade_tensor y,
                                  struct clade_tensor x,
                                  struct clade_window window)
{
    const struct clade_op made = {
        .kind = CLADE_AVGPOOL_FWD,
        .window = window,
        .t = { [CLADE_Y] = y, [CLADE_X] = x },
    };

    return op_make(op, &made);
}

clade_status clade_op_avgpool_bwd(struct clade_op *op, struct clade_tensor dx,
                                  struct clade_tensor dy, struct clade_tensor x,
                                  struct clade_window window, unsigned flags)
{
    const struct clade_op made = {
        .kind = CLADE_AVGPOOL_BWD,
        .flags = flags,
        .window = window,
        .t = { [CLADE_DX] = dx, [CLADE_DY] = dy, [CLADE_X] = x },
    };

    return op_make(op, &made);
}

/* An average pool adds R*S elements for each element of y or dy. */
static double average_flops(const struct clade_op *op)
{
    const bool forward = op->kind == CLADE_AVGPOOL_FWD;

    return (double)op->window.r * op->window.s *
           (double)clade_tensor_elements(&op->t[forward ? CLADE_Y : CLADE_DY]);
}

const struct op_kind op_maxpool_fwd = { .subject = CLADE_X,
                                        .check = check_maxpool_fwd };
const struct op_kind op_maxpool_bwd = { .subject = CLADE_DY,
                                        .check = check_maxpool_bwd,
                                        .per_element = 1 };
const struct op_kind op_avgpool_fwd = { .subject = CLADE_X,
                                        .check = check_avgpool_fwd,
                                        .flops = average_flops };
const struct op_kind op_avgpool_bwd = { .subject = CLADE_DY,
                                        .check = check_avgpool_bwd,
                                        .flops = average_flops };
