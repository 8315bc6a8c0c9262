/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>

/* How many windows a pixel can be in. */
static int covering(const struct clade_window *win)
{
    const int p = (win->r - 1) / win->stride + 1;
    const int q = (win->s - 1) / win->stride + 1;

    return p * q;
}

/* The sum is one chain.  Scaling an average and adding the old value are one
 * more rounding each. */
int ocl_pool_depth(const struct clade_op *op)
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

static struct build build_for(const struct ocl *o, const struct clade_op *op,
                              int c)
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

clade_status ocl_maxpool_fwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *arg = &op->t[CLADE_ARG];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(o, op, x->c);
    const int rows = y->n * y->h;

    return ocl_launch(o, op, OCL_POOL, "maxpool_fwd", b.options,
                      ocl_rows(o, x->c / b.vec, y->w, rows),
                      OCL_ARGS(OCL_MEM(y), OCL_MEM(arg), OCL_MEM(x),
                               OCL_INT(x->h), OCL_INT(x->w), OCL_INT(x->c),
                               OCL_INT(y->h), OCL_INT(y->w), OCL_INT(rows),
                               OCL_INT(x->ld), OCL_INT(y->ld),
                               OCL_INT(arg->ld)));
}

clade_status ocl_maxpool_bwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *arg = &op->t[CLADE_ARG];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(o, op, dx->c);
    const int rows = dx->n * dx->h;

    return ocl_launch(o, op, OCL_POOL, "maxpool_bwd", b.options,
                      ocl_rows(o, dx->c / b.vec, dx->w, rows),
                      OCL_ARGS(OCL_MEM(dx), OCL_MEM(dy), OCL_MEM(arg),
                               OCL_MEM(x), OCL_INT(dx->h), OCL_INT(dx->w),
                               OCL_INT(dx->c), OCL_INT(dy->h), OCL_INT(dy->w),
                               OCL_INT(rows), OCL_INT(dx->ld), OCL_INT(dy->ld),
                               OCL_INT(arg->ld), OCL_INT(x->ld),
                               OCL_INT(op->flags)));
}

clade_status ocl_avgpool_fwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(o, op, x->c);
    const int rows = y->n * y->h;

    return ocl_launch(o, op, OCL_POOL, "avgpool_fwd", b.options,
                      ocl_rows(o, x->c / b.vec, y->w, rows),
                      OCL_ARGS(OCL_MEM(y), OCL_MEM(x), OCL_INT(x->h),
                               OCL_INT(x->w), OCL_INT(x->c), OCL_INT(y->h),
                               OCL_INT(y->w), OCL_INT(rows), OCL_INT(x->ld),
                               OCL_INT(y->ld), OCL_FLOAT(scale(&op->window))));
}

clade_status ocl_avgpool_bwd(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct build b = build_for(o, op, dx->c);
    const int rows = dx->n * dx->h;

    return ocl_launch(o, op, OCL_POOL, "avgpool_bwd", b.options,
                      ocl_rows(o, dx->c / b.vec, dx->w, rows),
                      OCL_ARGS(OCL_MEM(dx), OCL_MEM(dy), OCL_MEM(x),
                               OCL_INT(dx->h), OCL_INT(dx->w), OCL_INT(dx->c),
                               OCL_INT(dy->h), OCL_INT(dy->w), OCL_INT(rows),
                               OCL_INT(dx->ld), OCL_INT(dy->ld), OCL_INT(x->ld),
                               OCL_FLOAT(scale(&op->window)),
                               OCL_INT(op->flags)));
}
