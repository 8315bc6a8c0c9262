/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "op/op.h"

/* clang-format off */
static const struct {
    const char *name;
    unsigned outputs, inputs;
    const struct op_kind *kind;
} kinds[CLADE_OP_KINDS] = {
#define R(role) | 1u << CLADE_##role
#define ROW(id, name, out, in) [CLADE_##id] = { #name, 0u out, 0u in, &op_##name },
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

bool op_is_kind(enum clade_op_kind kind)
{
    return (unsigned)kind < CLADE_OP_KINDS;
}

const char *clade_op_name(enum clade_op_kind kind)
{
    return op_is_kind(kind) ? kinds[kind].name : "unknown";
}

const struct op_kind *op_kind(enum clade_op_kind kind)
{
    return kinds[kind].kind;
}

const char *clade_role_name(enum clade_role role)
{
    return (unsigned)role < CLADE_ROLES ? roles[role] : "unknown";
}

unsigned clade_op_outputs(enum clade_op_kind kind)
{
    return op_is_kind(kind) ? kinds[kind].outputs : 0;
}

unsigned clade_op_inputs(enum clade_op_kind kind)
{
    return op_is_kind(kind) ? kinds[kind].inputs : 0;
}

/* The padding of `same` along one axis: as much as ceil(extent/stride) windows
 * need.  An odd pixel goes after the image. */
static void same(int *before, int *after, int size, int stride, int extent)
{
    const int outputs = (extent - 1) / stride + 1;
    const int wanted = size - (extent - (outputs - 1) * stride);
    const int all = wanted > 0 ? wanted : 0;

    *before = all / 2;
    *after = all - all / 2;
}

struct clade_window clade_window_same(int r, int s, int stride, int h, int w)
{
    struct clade_window win = { .r = r, .s = s, .stride = stride };

    if (r < 1 || s < 1 || stride < 1 || h < 1 || w < 1)
        return (struct clade_window){ 0 }; /* no op takes it */
    same(&win.top, &win.bottom, r, stride, h);
    same(&win.left, &win.right, s, stride, w);
    return win;
}

struct clade_window clade_window_valid(int r, int s, int stride)
{
    return (struct clade_window){ .r = r, .s = s, .stride = stride };
}

/* Describe the rest of an op: the other operand and the window. */
static void describe_other(char *text, size_t size, const struct clade_op *op)
{
    const struct op_kind *kind = op_kind(op->kind);
    const struct clade_tensor *t = &op->t[kind->other];
    const struct clade_window *win = &op->window;
    int used = 0;

    text[0] = '\0';
    if (kind->other != CLADE_Y)
        used = snprintf(text, size, " * %dx%dx%dx%d", t->n, t->h, t->w, t->c);
    if (win->r && !(kind->other == CLADE_W && win->stride == 1))
        snprintf(text + used, size - (size_t)used, " by %dx%d/%d", win->r,
                 win->s, win->stride);
}

const char *op_describe(const struct clade_op *op)
{
    static _Thread_local char text[320];
    const struct clade_tensor *t = &op->t[op_kind(op->kind)->subject];
    char other[96];

    describe_other(other, sizeof(other), op);
    snprintf(text, sizeof(text), "%s %dx%dx%dx%d%s%s%s%s", kinds[op->kind].name,
             t->n, t->h, t->w, t->c, other, op->label ? " (" : "",
             op->label ? op->label : "", op->label ? ")" : "");
    return text;
}

void op_key(char *text, size_t size, const struct clade_op *op)
{
    const struct clade_window *w = &op->window;
    size_t used =
        (size_t)snprintf(text, size, "%s %dx%d/%d pad %d %d %d %d flags %u",
                         clade_op_name(op->kind), w->r, w->s, w->stride, w->top,
                         w->bottom, w->left, w->right, op->flags);

    for (int role = 0; role < CLADE_ROLES && used < size; role++) {
        const struct clade_tensor *t = &op->t[role];

        if (t->buffer)
            used +=
                (size_t)snprintf(text + used, size - used, " %s %dx%dx%dx%d/%d",
                                 roles[role], t->n, t->h, t->w, t->c, t->ld);
    }
}

bool op_is_product(enum clade_op_kind kind)
{
    return op_kind(kind)->product;
}

double clade_op_flops(const struct clade_op *op)
{
    const struct op_kind *kind;

    if (!op || !op_is_kind(op->kind))
        return 0;
    kind = op_kind(op->kind);
    return kind->flops
               ? kind->flops(op)
               : (double)kind->per_element *
                     (double)clade_tensor_elements(&op->t[kind->subject]);
}
