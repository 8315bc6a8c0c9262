/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>

/* How many elements a CPU's work-item updates: enough to hide the cost of
 * starting it. */
#define SPAN 16384

/* Two products and a difference; w has one more sum, which its bound counts. */
int ocl_sgd_depth(const struct clade_op *op)
{
    (void)op;
    return 3;
}

clade_status ocl_sgd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *w = &op->t[CLADE_W];
    const struct clade_tensor *v = &op->t[CLADE_V];
    const struct clade_tensor *dw = &op->t[CLADE_DW];
    const int count = (int)clade_tensor_elements(w);
    const bool wide = ocl_is_wide(o);
    const int span = wide ? SPAN : 1;
    const int items = (count - 1) / span + 1;
    char options[32];

    /* The kernel handles a tail itself, so take the widest vectors. */
    snprintf(options, sizeof options, "-D VEC=%d", ocl_vector(o, 16));
    return ocl_launch(o, op, OCL_SGD, "sgd", options,
                      wide ? OCL_GROUPS(items, 1, 1) : OCL_GRID(items, 1, 1),
                      OCL_ARGS(OCL_MEM(w), OCL_MEM(v), OCL_MEM(dw),
                               OCL_INT(count), OCL_INT(span),
                               OCL_FLOAT(op->scalar),
                               OCL_FLOAT(op->step->learning_rate)));
}
