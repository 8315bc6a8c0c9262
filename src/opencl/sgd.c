/* SPDX-License-Identifier: Apache-2.0 */
#include "opencl.h"

#include <stdio.h>

static const char source[] = {
#include "cl/sgd.inc"
    0
};
static const struct ocl_text text = { "sgd.cl", source };

/* How many elements a CPU's work-item updates: enough to hide the cost of
 * starting it. */
#define SPAN 16384

/* Two products and a difference; w has one more sum, which its bound counts. */
static int depth(const struct clade_op *op)
{
    (void)op;
    return 3;
}

static clade_status sgd(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *w = &op->t[CLADE_W];
    const struct clade_tensor *v = &op->t[CLADE_V];
    const struct clade_tensor *dw = &op->t[CLADE_DW];
    const int count = (int)clade_tensor_elements(w);
    const bool wide = ocl_is_wide(ocl_of(task));
    const int span = wide ? SPAN : 1;
    const int items = (count - 1) / span + 1;
    char options[32];

    /* The kernel handles a tail itself, so take the widest vectors. */
    snprintf(options, sizeof options, "-D VEC=%d",
             ocl_vector(ocl_of(task), 16));
    return ocl_launch(task, &text, "sgd", options,
                      wide ? OCL_GROUPS(items, 1) : OCL_GRID(items, 1),
                      OCL_ARGS(OCL_MEM(w), OCL_MEM(v), OCL_MEM(dw),
                               OCL_INT(count), OCL_INT(span),
                               OCL_FLOAT(op->scalar), OCL_STEP(OCL_RATE)));
}

const struct ocl_kind ocl_sgd = { .prepare = sgd, .depth = depth };
