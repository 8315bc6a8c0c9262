/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"
#include "status.h"

static clade_status check(const struct clade_op *op)
{
    static const struct shape table = { 1, 1, 1, 256 };
    const struct clade_tensor *x = &op->t[CLADE_X], *y = &op->t[CLADE_Y];
    const struct shape must = { x->n, y->h, y->w, x->c };
    clade_status st;

    if ((st = check_shape(op, CLADE_TABLE, table)) ||
        (st = check_shape(op, CLADE_Y, must)))
        return st;
    if (y->h < x->h || y->w < x->w)
        return clade_fail(CLADE_ESHAPE,
                          "%s: y is %dx%d, smaller than x: images can only "
                          "grow",
                          op_describe(op), y->h, y->w);
    return CLADE_OK;
}

clade_status clade_op_resize(struct clade_op *op, struct clade_tensor y,
                             struct clade_tensor x, struct clade_tensor table)
{
    const struct clade_op made = {
        .kind = CLADE_RESIZE,
        .t = { [CLADE_Y] = y, [CLADE_X] = x, [CLADE_TABLE] = table },
    };

    return op_make(op, &made);
}

const struct op_kind op_resize = { .subject = CLADE_X,
                                   .check = check,
                                   .bytes = 1u << CLADE_X };
