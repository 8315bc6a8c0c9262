/* SPDX-License-Identifier: Apache-2.0 */
#include "opencl.h"

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

static clade_status bias_bwd(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *db = &op->t[CLADE_DB];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *part = &op->t[CLADE_WORKSPACE];
    const int pixels = (int)clade_tensor_pixels(dy);
    const int blocks = block_count(pixels);
    const int vec = ocl_vector(ocl_of(task), dy->c);
    char options[32];
    clade_status st;

    snprintf(options, sizeof options, "-D VEC=%d", vec);
    st = ocl_launch(task, &text, "bias_part", options,
                    ocl_is_wide(ocl_of(task)) ? OCL_GROUPS(1, blocks)
                                              : OCL_GRID(dy->c / vec, blocks),
                    OCL_ARGS(OCL_MEM(part), OCL_MEM(dy), OCL_INT(pixels),
                             OCL_INT(dy->c), OCL_INT(dy->ld),
                             OCL_INT(block_size(pixels))));
    if (st)
        return st;
    return ocl_launch(
        task, &text, "bias_sum", options,
        ocl_is_wide(ocl_of(task)) ? OCL_GROUPS(dy->c / vec, 1)
                                  : OCL_GRID(dy->c / vec, 1),
        OCL_ARGS(OCL_MEM(db), OCL_MEM(part), OCL_INT(blocks), OCL_INT(dy->c)));
}

const struct ocl_kind ocl_bias_bwd = { .prepare = bias_bwd,
                                       .depth = depth,
                                       .workspace = workspace };
