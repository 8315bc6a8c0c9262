/* SPDX-License-Identifier: Apache-2.0 */

/*
 * bias_part: the sums of blocks of `block` pixels; the first pass of bias_bwd.
 *
 *     part[b,k] = sum over pixels b*block ... (b+1)*block-1 of dy[pixel,k]
 *
 * part [blocks,K] from element part_at on, dy [pixels,K] with lddy elements a
 * pixel.  Built with -D VEC.  A work-item sums vectors of K, one block at a
 * time, over (K/VEC, blocks), both strided by the grid.  Memory-bound: dy is
 * read once.  Blocks depend on the shape alone, and a block is one chain, so
 * results are the same on every run and grid.
 */
kernel void bias_part(global float *restrict part, int part_at,
                      global const float *restrict dy, int dy_at, int pixels,
                      int K, int lddy, int block)
{
    const int b = ROW;
    const int first = b * block;
    const int last = min(first + block, pixels);

    for (int v = get_global_id(0); v < K / VEC && first < pixels;
         v += get_global_size(0)) {
        FLOATV sum = 0.0f;

        for (int i = first; i < last; i++)
            sum += LOADV(dy + dy_at + i * lddy + v * VEC);
        STOREV(sum, part + part_at + b * K + v * VEC);
    }
}

/*
 * bias_sum: db[k] = sum over b of part[b,k]; the second pass of bias_bwd.
 *
 * db [K], part [blocks,K].  Built with -D VEC.  A work-item a vector of K.
 * One chain over the blocks, in order: the same on every run.
 */
kernel void bias_sum(global float *restrict db, int db_at,
                     global const float *restrict part, int part_at,
                     int blocks, int K)
{
    const int k = get_global_id(0) * VEC;
    FLOATV sum = 0.0f;

    if (k >= K)
        return; /* the grid is rounded up to whole work-groups */
    for (int b = 0; b < blocks; b++)
        sum += LOADV(part + part_at + b * K + k);
    STOREV(sum, db + db_at + k);
}
