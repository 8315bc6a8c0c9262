/* SPDX-License-Identifier: Apache-2.0 */
#include "conv.h"

#include <string.h>

static const struct ocl_conv_algorithm *const algorithms[] = {
    &ocl_direct,
    &ocl_clblast,
};
enum { N_ALGORITHMS = sizeof algorithms / sizeof *algorithms };

const char *const ocl_conv_names[] = { "direct", "clblast", NULL };

static const struct ocl_conv_algorithm *algorithm_of(const struct clade_op *op)
{
    int i = 0;

    while (strcmp(algorithms[i]->name, op->choice.algorithm))
        i++;
    return algorithms[i];
}

static int candidates(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    int n = 0;

    for (int i = 0; i < N_ALGORITHMS; i++)
        n += algorithms[i]->candidates(o, op, list + (n < max ? n : max),
                                       n < max ? max - n : 0);
    return n;
}

static clade_status settle(struct ocl *o, struct clade_op *op)
{
    return algorithm_of(op)->settle(o, op);
}

static clade_status prepare(struct ocl_task *task, const struct clade_op *op)
{
    return algorithm_of(op)->prepare(task, op);
}

static clade_status prepare_pack(struct ocl_task *task,
                                 const struct clade_op *op)
{
    return algorithm_of(op)->pack(task, op);
}

const struct ocl_kind ocl_conv_fwd = { .prepare = prepare,
                                       .candidates = candidates,
                                       .settle = settle };
const struct ocl_kind ocl_conv_bwd_data = { .prepare = prepare,
                                            .candidates = candidates,
                                            .settle = settle };
const struct ocl_kind ocl_conv_bwd_filter = { .prepare = prepare,
                                              .candidates = candidates,
                                              .settle = settle };
/* It has the choice of the product that reads it. */
const struct ocl_kind ocl_filter_pack = { .prepare = prepare_pack };

double ocl_conv_cost(const struct clade_op *op, double share)
{
    return clade_op_flops(op) / (share * 1e11);
}

/* The roles that are images, in any direction. */
static const enum clade_role images[] = { CLADE_Y, CLADE_X, CLADE_DY,
                                          CLADE_DX };
enum { N_IMAGES = sizeof images / sizeof *images };

static int image_count(const struct clade_op *op)
{
    return op->t[op->kind == CLADE_CONV_FWD ? CLADE_Y : CLADE_DY].n;
}

int ocl_conv_images(const struct clade_op *op)
{
    const double per_image = clade_op_flops(op) / image_count(op);
    const double n = OCL_LAUNCH_FLOPS / per_image;

    return n < 1 ? 1 : n > 1 << 20 ? 1 << 20 : (int)n;
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
