/* SPDX-License-Identifier: Apache-2.0 */
#include "conv.h"

#include <string.h>

#include "core.h"

static const struct ocl_conv_algorithm *const algorithms[] = {
    &ocl_direct,
    &ocl_winograd,
    &ocl_implicit,
    &ocl_clblast,
};
enum { N_ALGORITHMS = sizeof algorithms / sizeof *algorithms };

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

uint64_t ocl_conv_hash(void)
{
    uint64_t hash = 0;

    for (int i = 0; i < N_ALGORITHMS; i++) {
        const struct ocl_conv_algorithm *a = algorithms[i];

        hash = hash * 31 + ocl_text_hash(a->text);
        if (a->filter_text)
            hash = hash * 31 + ocl_text_hash(a->filter_text);
    }
    return hash;
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
