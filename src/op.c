/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdio.h>

#include "backend.h"

/* clang-format off */
static const struct {
    const char *name;
    unsigned outputs, inputs;
} kinds[CLADE_OP_KINDS] = {
#define R(role) | 1u << CLADE_##role
#define ROW(id, name, out, in) [CLADE_##id] = { name, 0u out, 0u in },
    CLADE_OP_LIST(ROW)
#undef ROW
#undef R
};

static const char *const roles[CLADE_ROLES] = {
    [CLADE_Y]         = "y",
    [CLADE_X]         = "x",
    [CLADE_W]         = "w",
    [CLADE_B]         = "b",
    [CLADE_DY]        = "dy",
    [CLADE_DX]        = "dx",
    [CLADE_DW]        = "dw",
    [CLADE_DB]        = "db",
    [CLADE_V]         = "v",
    [CLADE_ARG]       = "arg",
    [CLADE_LOSS]      = "loss",
    [CLADE_HIT]       = "hit",
    [CLADE_LABEL]     = "label",
    [CLADE_TABLE]     = "table",
    [CLADE_PACKED]    = "packed",
    [CLADE_WORKSPACE] = "workspace",
};
/* clang-format on */

const char *clade_op_name(enum clade_op_kind kind)
{
    return kinds[kind].name;
}

const char *clade_role_name(enum clade_role role)
{
    return roles[role];
}

unsigned clade_op_outputs(enum clade_op_kind kind)
{
    return kinds[kind].outputs;
}

unsigned clade_op_inputs(enum clade_op_kind kind)
{
    return kinds[kind].inputs;
}

/* The padding of `same` along one axis: what ceil(extent/stride) windows want
 * in all, the odd pixel after. */
static void same(int *before, int *after, int size, int stride, int extent)
{
    const int outputs = (extent + stride - 1) / stride;
    const int wanted = (outputs - 1) * stride + size - extent;
    const int all = wanted > 0 ? wanted : 0;

    *before = all / 2;
    *after = all - all / 2;
}

struct clade_window clade_window_same(int r, int s, int stride, int h, int w)
{
    struct clade_window win = { .r = r, .s = s, .stride = stride };

    assert(r > 0 && s > 0 && stride > 0 && h > 0 && w > 0);
    same(&win.top, &win.bottom, r, stride, h);
    same(&win.left, &win.right, s, stride, w);
    return win;
}

struct clade_window clade_window_valid(int r, int s, int stride)
{
    return (struct clade_window){ .r = r, .s = s, .stride = stride };
}

/* The tensor whose shape tells what an op is about. */
static const enum clade_role subject[CLADE_OP_KINDS] = {
    [CLADE_CONV_FWD] = CLADE_X,
    [CLADE_CONV_BWD_DATA] = CLADE_DY,
    [CLADE_CONV_BWD_FILTER] = CLADE_X,
    [CLADE_BIAS_BWD] = CLADE_DY,
    [CLADE_FILTER_PACK] = CLADE_W,
    [CLADE_MAXPOOL_FWD] = CLADE_X,
    [CLADE_MAXPOOL_BWD] = CLADE_DY,
    [CLADE_AVGPOOL_FWD] = CLADE_X,
    [CLADE_AVGPOOL_BWD] = CLADE_DY,
    [CLADE_DROPOUT_FWD] = CLADE_X,
    [CLADE_DROPOUT_BWD] = CLADE_DY,
    [CLADE_SOFTMAX_FWD] = CLADE_X,
    [CLADE_LOSS_FWD] = CLADE_X,
    [CLADE_LOSS_BWD] = CLADE_Y,
    [CLADE_SGD] = CLADE_W,
    [CLADE_RESIZE] = CLADE_X,
};

/* What the subject meets: a filter or a gradient, and a window. */
static void describe_other(char *text, size_t size, const struct clade_op *op)
{
    static const enum clade_role other[CLADE_OP_KINDS] = {
        [CLADE_CONV_FWD] = CLADE_W,
        [CLADE_CONV_BWD_DATA] = CLADE_W,
        [CLADE_CONV_BWD_FILTER] = CLADE_DY,
    };
    const struct clade_tensor *t = &op->t[other[op->kind]];
    const struct clade_window *win = &op->window;
    const bool product = other[op->kind] != CLADE_Y;
    int used = 0;

    text[0] = '\0';
    if (product)
        used = snprintf(text, size, " * %dx%dx%dx%d", t->n, t->h, t->w, t->c);
    if (win->r && !(other[op->kind] == CLADE_W && win->stride == 1))
        snprintf(text + used, size - (size_t)used, " by %dx%d/%d", win->r,
                 win->s, win->stride);
}

const char *op_describe(const struct clade_op *op)
{
    static _Thread_local char text[320];
    const struct clade_tensor *t = &op->t[subject[op->kind]];
    char other[96];

    describe_other(other, sizeof(other), op);
    snprintf(text, sizeof(text), "%s %dx%dx%dx%d%s%s%s%s", kinds[op->kind].name,
             t->n, t->h, t->w, t->c, other, op->label ? " (" : "",
             op->label ? op->label : "", op->label ? ")" : "");
    return text;
}

bool op_is_product(enum clade_op_kind kind)
{
    return kind == CLADE_CONV_FWD || kind == CLADE_CONV_BWD_DATA ||
           kind == CLADE_CONV_BWD_FILTER;
}

/* Of each output's products R*S*C or R*S*K or N*P*Q are summed, all counted,
 * those with padding too. */
static double product_flops(const struct clade_op *op)
{
    const bool forward = op->kind == CLADE_CONV_FWD;
    const bool filter = op->kind == CLADE_CONV_BWD_FILTER;
    const struct clade_tensor *y = &op->t[forward ? CLADE_Y : CLADE_DY];
    const struct clade_tensor *w = &op->t[filter ? CLADE_DW : CLADE_W];

    return 2.0 * (double)clade_tensor_pixels(y) *
           (double)clade_tensor_elements(w);
}

double clade_op_flops(const struct clade_op *op)
{
    static const int per_element[CLADE_OP_KINDS] = {
        [CLADE_BIAS_BWD] = 1,    [CLADE_MAXPOOL_BWD] = 1,
        [CLADE_DROPOUT_FWD] = 1, [CLADE_DROPOUT_BWD] = 1,
        [CLADE_SOFTMAX_FWD] = 3, [CLADE_LOSS_FWD] = 2,
        [CLADE_LOSS_BWD] = 2,    [CLADE_SGD] = 4,
    };
    const double subjects =
        (double)clade_tensor_elements(&op->t[subject[op->kind]]);

    if (op_is_product(op->kind))
        return product_flops(op);
    switch (op->kind) {
    case CLADE_AVGPOOL_FWD:
        return (double)op->window.r * op->window.s *
               (double)clade_tensor_elements(&op->t[CLADE_Y]);
    case CLADE_AVGPOOL_BWD:
        return (double)op->window.r * op->window.s * subjects;
    default:
        return per_element[op->kind] * subjects;
    }
}
