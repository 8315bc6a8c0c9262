/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"
#include "op/op.h"
#include "status.h"

clade_status clade_op_resize(struct clade_op *op, struct clade_tensor y,
                             struct clade_tensor x, struct clade_tensor table)
{
    const struct clade_op made = {
        .kind = CLADE_RESIZE,
        .t = { [CLADE_Y] = y, [CLADE_X] = x, [CLADE_TABLE] = table },
    };
    clade_status st;

    if ((st = check_tensors(&made)) ||
        (st =
             check_shape(&made, CLADE_TABLE, (struct shape){ 1, 1, 1, 256 })) ||
        (st =
             check_shape(&made, CLADE_Y, (struct shape){ x.n, y.h, y.w, x.c })))
        return st;
    if (y.h < x.h || y.w < x.w)
        return clade_fail(CLADE_ESHAPE,
                          "%s: y is %dx%d, smaller than x: images can only "
                          "grow",
                          op_describe(&made), y.h, y.w);
    *op = made;
    return CLADE_OK;
}

const struct op_kind op_resize = { .subject = CLADE_X, .bytes = 1u << CLADE_X };
