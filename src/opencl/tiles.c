/* SPDX-License-Identifier: Apache-2.0 */
/* What all of `direct` shares: the tiles of sums that its kernels hold in
 * registers. */
#include "direct.h"

/* The share of the peak that it reaches on CPUs.  On GPUs a group of one
 * work-item leaves most of the device idle, whatever its vectors. */
#define SHARE_WIDE   0.9
#define SHARE_NARROW 0.01

double ocl_direct_share(const struct ocl *o)
{
    return ocl_is_wide(o) ? SHARE_WIDE : SHARE_NARROW;
}

int ocl_direct_lanes(const struct ocl *o)
{
    const int width = o->base.device.vector_width;

    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
}

/*
 * Tiles that fill the registers of a device with 32 or 16 vector registers:
 * they leave room for the filter's vectors and a pixel, since a sum that goes
 * to memory and back halves the speed.  Each means one more program, so there
 * are few.
 */
static const struct ocl_tile tiles_of_32[OCL_TILES] = {
    { 1, 14, 2 }, { 2, 7, 2 },  { 1, 7, 4 },
    { 1, 28, 1 }, { 2, 14, 1 }, { 4, 7, 1 },
};
static const struct ocl_tile tiles_of_16[OCL_TILES] = {
    { 1, 6, 2 },
    { 1, 4, 3 },
    { 2, 3, 2 },
    { 1, 12, 1 },
};

/*
 * The cost of a tile, in vector products a filter row: the products of its
 * pixels and panels, with those that are wasted at the edges, and a fifth of
 * the loads.
 */
static double cost(const struct ocl_tile *tile, int p, int q, int k, int l)
{
    const double tiles = (double)div_up(p, tile->p) * div_up(q, tile->q);
    const double panels = div_up(k, tile->vecs * l);
    const int pixels = tile->p * tile->q;

    return tiles * panels * (pixels * tile->vecs + 0.2 * (pixels + tile->vecs));
}

int ocl_tiles(struct ocl_tile tiles[OCL_TILES], int p, int q, int k, int l)
{
    const struct ocl_tile *all = l == 16 ? tiles_of_32 : tiles_of_16;
    int n = 0;

    for (; n < OCL_TILES && all[n].p; n++) {
        const double c = cost(&all[n], p, q, k, l);
        int at = n;

        for (; at && c < cost(&tiles[at - 1], p, q, k, l); at--)
            tiles[at] = tiles[at - 1];
        tiles[at] = all[n];
    }
    return n;
}
