/* SPDX-License-Identifier: Apache-2.0 */
#include "opencl.h"

#include <stdio.h>

static const char source[] = {
#include "cl/resize.inc"
    0
};
static const struct ocl_text text = { "resize.cl", source };

/* The workspace holds a tap for each column and each row of the output.  From
 * element across_at() on it holds the rows of the input, blended across. */
static int64_t across_at(const struct clade_tensor *y)
{
    return ((int64_t)y->h + y->w) * (sizeof(cl_int4) / sizeof(cl_short));
}

static size_t workspace(const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const size_t across = (size_t)x->n * x->h * y->w * y->c;

    return (across_at(y) + across) * sizeof(cl_short);
}

static clade_status blend_across(struct ocl_task *task,
                                 const struct clade_op *op,
                                 const struct clade_tensor *taps,
                                 const struct clade_tensor *across)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const int rows = x->n * x->h;
    clade_status st;

    st = ocl_launch(task, &text, "resize_taps", "-D VEC=1",
                    OCL_GRID(y->h + y->w, 1),
                    OCL_ARGS(OCL_MEM(taps), OCL_INT(x->h), OCL_INT(x->w),
                             OCL_INT(y->h), OCL_INT(y->w)));
    if (st)
        return st;
    return ocl_launch(
        task, &text, "resize_across", "-D VEC=1",
        ocl_rows(ocl_of(task), x->c, y->w, rows),
        OCL_ARGS(OCL_MEM(across), OCL_MEM(x), OCL_MEM(taps), OCL_INT(x->w),
                 OCL_INT(x->c), OCL_INT(y->w), OCL_INT(rows),
                 OCL_INT(ocl_share(ocl_of(task), y->w)), OCL_INT(x->ld)));
}

static clade_status resize(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct clade_tensor *table = &op->t[CLADE_TABLE];
    const struct clade_tensor taps = op->t[CLADE_WORKSPACE];
    struct clade_tensor across = taps;
    const bool dense = y->ld == y->c;
    const int columns = dense ? 1 : y->w, rows = y->n * y->h;
    const int channels = dense ? y->w * y->c : y->c;
    const int vec = ocl_vector(ocl_of(task), channels);
    char options[32];
    clade_status st;

    across.offset = across_at(y);
    if ((st = blend_across(task, op, &taps, &across)))
        return st;
    snprintf(options, sizeof options, "-D VEC=%d", vec);
    return ocl_launch(task, &text, "resize", options,
                      ocl_rows(ocl_of(task), channels / vec, columns, rows),
                      OCL_ARGS(OCL_MEM(y), OCL_MEM(&across), OCL_MEM(table),
                               OCL_MEM(&taps), OCL_INT(y->w), OCL_INT(x->h),
                               OCL_INT(channels), OCL_INT(y->h),
                               OCL_INT(columns), OCL_INT(rows),
                               OCL_INT(ocl_share(ocl_of(task), columns)),
                               OCL_INT(dense ? channels : y->ld)));
}

const struct ocl_kind ocl_resize = { .prepare = resize,
                                     .workspace = workspace,
                                     .unit = sizeof(cl_short) };
