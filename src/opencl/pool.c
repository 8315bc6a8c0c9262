/* SPDX-License-Identifier: Apache-2.0 */
#include "opencl.h"

#include <stdio.h>

static const char source[] = {
#include "cl/pool.inc"
    0
};
static const struct ocl_text text = { "pool.cl", source };

/* How many windows a pixel can be in. */
static int covering(const struct clade_window *win)
{
    const int p = (win->r - 1) / win->stride + 1;
    const int q = (win->s - 1) / win->stride + 1;

    return p * q;
}

/* The sum is one chain.  Scaling an average and adding the old value are one
 * more rounding each. */
static int depth(const struct clade_op *op)
{
    const int added = op->flags & CLADE_ACCUMULATE ? 1 : 0;

    if (op->kind == CLADE_AVGPOOL_FWD)
        return op->window.r * op->window.s + 1;
    if (op->kind == CLADE_AVGPOOL_BWD)
        return covering(&op->window) + 1 + added;
    return covering(&op->window) + added;
}

struct build {
    int vec;
    char options[128];
};

static struct build build_for(struct ocl *o, const struct clade_op *op, int c)
{
    const struct clade_window *win = &op->window;
    struct build b = { .vec = ocl_vector(o, c) };

    snprintf(b.options, sizeof b.options,
             "-D VEC=%d -D WIN_R=%d -D WIN_S=%d -D STRIDE=%d -D PAD_TOP=%d "
             "-D PAD_LEFT=%d",
             b.vec, win->r, win->s, win->stride, win->top, win->left);
    return b;
}

static float scale(const struct clade_window *win)
{
    return 1.0f / (float)(win->r * win->s);
}

static clade_status maxpool_fwd(struct ocl_task *task,
                                const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *arg = &op->t[CLADE_ARG];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(ocl_of(task), op, x->c);
    const int rows = y->n * y->h, share = ocl_share(ocl_of(task), y->w);

    return ocl_launch(task, &text, "maxpool_fwd", b.options,
                      ocl_rows(ocl_of(task), x->c / b.vec, y->w, rows),
                      OCL_ARGS(OCL_MEM(y), OCL_MEM(arg), OCL_MEM(x),
                               OCL_INT(x->h), OCL_INT(x->w), OCL_INT(x->c),
                               OCL_INT(y->h), OCL_INT(y->w), OCL_INT(rows),
                               OCL_INT(share), OCL_INT(x->ld), OCL_INT(y->ld),
                               OCL_INT(arg->ld)));
}

static clade_status maxpool_bwd(struct ocl_task *task,
                                const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *arg = &op->t[CLADE_ARG];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(ocl_of(task), op, dx->c);
    const int rows = dx->n * dx->h, share = ocl_share(ocl_of(task), dx->w);

    return ocl_launch(task, &text, "maxpool_bwd", b.options,
                      ocl_rows(ocl_of(task), dx->c / b.vec, dx->w, rows),
                      OCL_ARGS(OCL_MEM(dx), OCL_MEM(dy), OCL_MEM(arg),
                               OCL_MEM(x), OCL_INT(dx->h), OCL_INT(dx->w),
                               OCL_INT(dx->c), OCL_INT(dy->h), OCL_INT(dy->w),
                               OCL_INT(rows), OCL_INT(share), OCL_INT(dx->ld),
                               OCL_INT(dy->ld), OCL_INT(arg->ld),
                               OCL_INT(x->ld), OCL_INT(ocl_epilogue(op))));
}

static clade_status avgpool_fwd(struct ocl_task *task,
                                const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(ocl_of(task), op, x->c);
    const int rows = y->n * y->h, share = ocl_share(ocl_of(task), y->w);

    return ocl_launch(task, &text, "avgpool_fwd", b.options,
                      ocl_rows(ocl_of(task), x->c / b.vec, y->w, rows),
                      OCL_ARGS(OCL_MEM(y), OCL_MEM(x), OCL_INT(x->h),
                               OCL_INT(x->w), OCL_INT(x->c), OCL_INT(y->h),
                               OCL_INT(y->w), OCL_INT(rows), OCL_INT(share),
                               OCL_INT(x->ld), OCL_INT(y->ld),
                               OCL_FLOAT(scale(&op->window))));
}

static clade_status avgpool_bwd(struct ocl_task *task,
                                const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(ocl_of(task), op, dx->c);
    const int rows = dx->n * dx->h, share = ocl_share(ocl_of(task), dx->w);

    return ocl_launch(task, &text, "avgpool_bwd", b.options,
                      ocl_rows(ocl_of(task), dx->c / b.vec, dx->w, rows),
                      OCL_ARGS(OCL_MEM(dx), OCL_MEM(dy), OCL_MEM(x),
                               OCL_INT(dx->h), OCL_INT(dx->w), OCL_INT(dx->c),
                               OCL_INT(dy->h), OCL_INT(dy->w), OCL_INT(rows),
                               OCL_INT(share), OCL_INT(dx->ld), OCL_INT(dy->ld),
                               OCL_INT(x->ld), OCL_FLOAT(scale(&op->window)),
                               OCL_INT(ocl_epilogue(op))));
}

const struct ocl_kind ocl_maxpool_fwd = { .prepare = maxpool_fwd };
const struct ocl_kind ocl_maxpool_bwd = { .prepare = maxpool_bwd,
                                          .depth = depth };
const struct ocl_kind ocl_avgpool_fwd = { .prepare = avgpool_fwd,
                                          .depth = depth };
const struct ocl_kind ocl_avgpool_bwd = { .prepare = avgpool_bwd,
                                          .depth = depth };
