/* SPDX-License-Identifier: Apache-2.0 */
/* What the algorithms of the products share. */
#include "conv.h"

/* The peak of a slow GPU, in products and sums a second. */
#define PEAK 1e11

double ocl_launch_flops(double share)
{
    const double half_a_second = 0.5 * share * PEAK;

    return half_a_second < 5e9 ? half_a_second : 5e9;
}

double ocl_conv_cost(const struct clade_op *op, double share)
{
    return clade_op_flops(op) / (share * PEAK);
}

/* The roles that are images, in any direction. */
static const enum clade_role images[] = { CLADE_Y, CLADE_X, CLADE_DY,
                                          CLADE_DX };
enum { N_IMAGES = sizeof images / sizeof *images };

static int image_count(const struct clade_op *op)
{
    return op->t[op->kind == CLADE_CONV_FWD ? CLADE_Y : CLADE_DY].n;
}

int ocl_conv_images(const struct clade_op *op, double share)
{
    const double per_image = clade_op_flops(op) / image_count(op);
    const double n = ocl_launch_flops(share) / per_image;

    return n < 1 ? 1 : n > 1 << 20 ? 1 << 20 : (int)n;
}

int ocl_conv_parts(const struct clade_op *op, double share, int parts)
{
    const double fit = ocl_launch_flops(share) * parts / clade_op_flops(op);

    return fit < 1 ? 1 : fit < parts ? (int)fit : parts;
}

struct ocl_view ocl_conv_view(const struct clade_op *op)
{
    const struct clade_window *win = &op->window;
    struct ocl_view v = { &op->t[CLADE_X], &op->t[CLADE_Y], &op->t[CLADE_Y],
                          win->top, win->left };

    if (op->kind == CLADE_CONV_BWD_FILTER)
        v.out = &op->t[CLADE_DY];
    if (op->kind == CLADE_CONV_BWD_DATA)
        v = (struct ocl_view){ &op->t[CLADE_DY], &op->t[CLADE_DX],
                               &op->t[CLADE_X], win->r - 1 - win->top,
                               win->s - 1 - win->left };
    return v;
}

struct clade_op ocl_conv_part(const struct clade_op *op, int first, int n)
{
    struct clade_op part = *op;

    for (int i = 0; i < N_IMAGES; i++) {
        struct clade_tensor *t = &part.t[images[i]];

        if (!t->buffer)
            continue;
        t->offset += (int64_t)first * t->h * t->w * t->ld;
        t->n = n;
    }
    return part;
}

clade_status ocl_conv_by_images(struct ocl_task *task,
                                const struct clade_op *op, int most,
                                ocl_prepare_fn *prepare)
{
    const int n = ocl_conv_view(op).out->n;
    clade_status st = CLADE_OK;

    for (int first = 0; first < n && !st; first += most) {
        const struct clade_op part =
            ocl_conv_part(op, first, min_int(most, n - first));

        st = prepare(task, &part);
    }
    return st;
}

struct clade_tensor ocl_conv_scratch(const struct clade_op *op, size_t at)
{
    struct clade_tensor t = op->t[CLADE_WORKSPACE];

    t.offset += (int64_t)at;
    return t;
}

int ocl_conv_offer(struct backend_candidate list[], int n, int max,
                   const struct clade_choice *choice, double cost)
{
    for (int i = 0; i < n && i < max; i++)
        if (choice_equal(&list[i].choice, choice))
            return n;
    if (n < max)
        list[n] = (struct backend_candidate){ .choice = *choice,
                                              .cost = cost,
                                              .variant = n > 0 };
    return n + 1;
}
