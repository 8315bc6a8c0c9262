/* SPDX-License-Identifier: Apache-2.0 */
#include "conv.h"

#include <stdio.h>

static const char source[] = {
#include "cl/bias.inc"
    0
};
static const struct ocl_text text = { "bias.cl", source };

/* The pixels of a block: a power of two near the root of the number of pixels.
 * The longest chain is a block and then the blocks; this makes it short. */
static int block_size(int64_t pixels)
{
    int block = 1;

    while ((int64_t)block * block < pixels)
        block *= 2;
    return block;
}

static int block_count(int64_t pixels)
{
    const int block = block_size(pixels);

    return (int)((pixels + block - 1) / block);
}

/* The chain within a block, then the chain over the blocks. */
static int depth(const struct clade_op *op)
{
    const int64_t pixels = clade_tensor_pixels(&op->t[CLADE_DY]);

    return block_size(pixels) + block_count(pixels);
}

static size_t workspace(const struct clade_op *op)
{
    const int64_t pixels = clade_tensor_pixels(&op->t[CLADE_DY]);

    return (size_t)block_count(pixels) * op->t[CLADE_DY].c * sizeof(float);
}

void ocl_bias_settle(struct clade_op *op)
{
    const size_t bytes = workspace(op);

    op->depth_db = depth(op);
    if (op->workspace < bytes)
        op->workspace = bytes;
}

static clade_status launch(struct ocl_task *task, const char *kernel, int vec,
                           struct ocl_grid grid, const struct ocl_arg *args,
                           size_t n_args)
{
    char options[32];

    snprintf(options, sizeof options, "-D VEC=%d", vec);
    return ocl_launch(task, &text, kernel, options, grid, args, n_args);
}

clade_status ocl_bias_sum(struct ocl_task *task, const struct clade_tensor *db,
                          const struct clade_tensor *sums, int n)
{
    const int vec = ocl_vector(ocl_of(task), db->c);

    return launch(
        task, "bias_sum", vec,
        ocl_is_wide(ocl_of(task)) ? OCL_GROUPS(db->c / vec, 1)
                                  : OCL_GRID(db->c / vec, 1),
        OCL_ARGS(OCL_MEM(db), OCL_MEM(sums), OCL_INT(n), OCL_INT(db->c)));
}

clade_status ocl_bias(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *part = &op->t[CLADE_WORKSPACE];
    const int pixels = (int)clade_tensor_pixels(dy);
    const int blocks = block_count(pixels);
    const int vec = ocl_vector(ocl_of(task), dy->c);
    const clade_status st = launch(
        task, "bias_part", vec,
        ocl_is_wide(ocl_of(task)) ? OCL_GROUPS(1, blocks)
                                  : OCL_GRID(dy->c / vec, blocks),
        OCL_ARGS(OCL_MEM(part), OCL_MEM(dy), OCL_INT(pixels), OCL_INT(dy->c),
                 OCL_INT(dy->ld), OCL_INT(block_size(pixels))));

    return st ? st : ocl_bias_sum(task, &op->t[CLADE_DB], part, blocks);
}

const struct ocl_kind ocl_bias_bwd = { .prepare = ocl_bias,
                                       .depth = depth,
                                       .workspace = workspace };
