/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct convolution (cl/direct.cl).  A group is one work-item, which uses
 * vectors of VEC floats.  The tile of sums that it holds in registers is chosen
 * for each op.
 */
#include "direct.h"

#include <stdio.h>

static const char source[] = {
#include "cl/ends.inc"
#include "cl/direct.inc"
    0
};
static const struct ocl_text text = { "direct.cl", source };

/* What choice.tune holds for conv_fwd and conv_bwd_data; filter_pack reads
 * VECS, BLOCK and LANES. */
enum { TILE_P, TILE_Q, VECS, BLOCK, LANES, IMAGES };

/* What conv_fwd or conv_bwd_data reads and makes.  conv_bwd_data is a forward
 * pass over dy with a turned filter. */
struct view {
    const struct clade_tensor *in, *out, *mask;
    int r, s, stride, dilate, top, left;
    bool flat; /* a 1x1 window: the batch is one row of pixels */
};

static struct view view_of(const struct clade_op *op)
{
    const struct clade_window *win = &op->window;
    struct view v = { .r = win->r,
                      .s = win->s,
                      .stride = win->stride,
                      .dilate = 1,
                      .top = win->top,
                      .left = win->left,
                      .in = &op->t[CLADE_X],
                      .out = &op->t[CLADE_Y],
                      .mask = &op->t[CLADE_Y] };

    if (op->kind == CLADE_CONV_BWD_DATA) {
        v.in = &op->t[CLADE_DY];
        v.out = &op->t[CLADE_DX];
        v.mask = &op->t[CLADE_X];
        v.dilate = win->stride;
        v.stride = 1;
        v.top = win->r - 1 - win->top;
        v.left = win->s - 1 - win->left;
    }
    v.flat = v.r == 1 && v.s == 1 && v.stride == 1 && v.dilate == 1 &&
             v.top == 0 && v.left == 0 && v.in->h == v.out->h &&
             v.in->w == v.out->w;
    return v;
}

/* The channels copied at a time.  Each value means one more program, so there
 * are few. */
static int block_of(int c, int width)
{
    return c >= 12 ? width : c > 4 ? min_int(8, width) : c;
}

/* The i-th tile, the cheapest first; false: there are fewer. */
static bool choose_image(int *tune, const struct ocl *o,
                         const struct clade_op *op, int i)
{
    const struct view v = view_of(op);
    const int l = ocl_direct_lanes(o);
    const int pixels = (int)clade_tensor_pixels(v.out);
    struct ocl_tile tiles[OCL_TILES];

    if (i >= ocl_tiles(tiles, v.flat ? 1 : v.out->h, v.flat ? pixels : v.out->w,
                       v.out->c, l))
        return false;
    tune[TILE_P] = tiles[i].p;
    tune[TILE_Q] = tiles[i].q;
    tune[VECS] = tiles[i].vecs;
    tune[BLOCK] = block_of(v.in->c, l);
    tune[LANES] = l;
    tune[IMAGES] = ocl_conv_images(op, ocl_direct_share(o));
    return true;
}

static void settle_image(struct clade_op *op)
{
    const struct view v = view_of(op);
    const int *tune = op->choice.tune;
    const int panel = tune[VECS] * tune[LANES];

    op->packed = (size_t)div_up(v.in->c, tune[BLOCK]) * tune[BLOCK] * v.r *
                 v.s * div_up(v.out->c, panel) * panel;
    op->depth = v.in->c * v.r * v.s + 1 + !!(op->flags & CLADE_ACCUMULATE);
}

static clade_status settle(struct ocl *o, struct clade_op *op)
{
    (void)o;
    if (op->kind == CLADE_CONV_BWD_FILTER)
        ocl_direct_filter_settle(op);
    else
        settle_image(op);
    return CLADE_OK;
}

/* How many rows, or columns, of the image that many windows cover. */
static size_t patch_extent(int windows, int stride, int size)
{
    return (size_t)(windows - 1) * stride + size;
}

/* How often all loops of one work-item turn, at most. */
static double loop_turns(const struct clade_op *op)
{
    const struct view v = view_of(op);
    const int *tune = op->choice.tune;
    const double window = (double)op->window.r * op->window.s;

    const double panels = div_up(v.out->c, tune[VECS] * tune[LANES]);
    const double blocks = div_up(v.in->c, tune[BLOCK]);
    const double patch = (double)patch_extent(tune[TILE_P], v.stride, v.r) *
                         (patch_extent(tune[TILE_Q], v.stride, v.s) + 1.0);

    return (panels + 1) * (blocks + 1) *
           ((window + v.r) * (tune[BLOCK] + 1) + patch * (tune[BLOCK] + 1) +
            tune[TILE_P] * tune[TILE_Q] * (tune[VECS] + 1));
}

/* The bytes of a tile's patch of the input, in one block of channels. */
static size_t patch_bytes(const struct clade_op *op)
{
    const struct view v = view_of(op);
    const int *tune = op->choice.tune;

    return sizeof(float) * tune[BLOCK] *
           patch_extent(tune[TILE_P], v.stride, v.r) *
           patch_extent(tune[TILE_Q], v.stride, v.s);
}

/* Whether the driver lets the loops end. */
static bool may_loop(const struct ocl *o, const struct clade_op *chosen)
{
    const int limit = o->base.device.loop_limit;

    return !limit || (chosen->kind == CLADE_CONV_BWD_FILTER
                          ? ocl_direct_filter_turns(chosen)
                          : loop_turns(chosen)) <= limit;
}

/* The usual choice, and for CPUs others, which must suit the device as well. */
static int candidates(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const bool filter = op->kind == CLADE_CONV_BWD_FILTER;
    const double cost = ocl_conv_cost(op, ocl_direct_share(o));
    const int offered = ocl_is_wide(o) ? OCL_DIRECT_MOST : 1;
    int n = 0;

    for (int i = 0; i < offered; i++) {
        struct clade_op chosen = *op;
        int *tune = chosen.choice.tune;

        chosen.choice = (struct clade_choice){ .algorithm = "direct" };
        if (filter ? !ocl_direct_filter_choose(tune, o, op, i)
                   : !choose_image(tune, o, op, i))
            continue;
        if (!may_loop(o, &chosen) ||
            (i && !filter &&
             patch_bytes(&chosen) > o->base.device.local_memory))
            continue;
        if (i && !n)
            break; /* the usual one is out */
        n = ocl_conv_offer(list, n, max, &chosen.choice, cost);
    }
    return n;
}

static clade_status pack(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *w = &op->t[CLADE_W];
    const bool turned = op->flags & CLADE_TURNED;
    const int c = turned ? w->c : w->w;
    const int k = turned ? w->w : w->c;
    const int width = op->choice.tune[VECS] * op->choice.tune[LANES];
    const int block = op->choice.tune[BLOCK];
    const int rows = div_up(k, width) * div_up(c, block) * block * w->n * w->h;

    return ocl_launch(task, &text, "filter_pack", "",
                      OCL_GRID(rows, 1),
                      OCL_ARGS(OCL_MEM(&op->t[CLADE_PACKED]), OCL_MEM(w),
                               OCL_INT(w->n), OCL_INT(w->h), OCL_INT(c),
                               OCL_INT(k), OCL_INT(w->ld), OCL_INT(block),
                               OCL_INT(width), OCL_INT(turned), OCL_INT(rows)));
}

/* All images of a batch as one row of pixels. */
static struct clade_tensor flat_row(const struct clade_tensor *t)
{
    struct clade_tensor row = *t;

    row.n = row.h = 1;
    row.w = (int)clade_tensor_pixels(t);
    return row;
}

static clade_status image_part(struct ocl_task *task, const struct clade_op *op)
{
    const struct ocl *o = ocl_of(task);
    const struct view v = view_of(op);
    const struct clade_tensor in = v.flat ? flat_row(v.in) : *v.in;
    const struct clade_tensor out = v.flat ? flat_row(v.out) : *v.out;
    const int *tune = op->choice.tune;
    const int blocks = div_up(in.c, tune[BLOCK]);
    const size_t patch = patch_bytes(op);
    const size_t fit = o->base.device.local_memory / patch;
    const int held = fit < (size_t)blocks ? (int)fit : blocks;
    char options[256];

    if (!held)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "%s: a patch of %zu bytes exceeds the local memory "
                          "of %s; try the algorithm `clblast`",
                          op_describe(op), patch, o->base.device.name);
    snprintf(options, sizeof options,
             "-D WIN_R=%d -D WIN_S=%d -D STRIDE=%d -D DILATE=%d -D TILE_P=%d "
             "-D TILE_Q=%d -D VEC=%d -D VECS=%d -D BLOCK=%d",
             v.r, v.s, v.stride, v.dilate, tune[TILE_P], tune[TILE_Q],
             tune[LANES], tune[VECS], tune[BLOCK]);
    return ocl_launch(
        task, &text, "conv_direct", options,
        OCL_GROUPS(div_up(out.w, tune[TILE_Q]),
                   (size_t)out.n * div_up(out.h, tune[TILE_P])),
        OCL_ARGS(OCL_MEM(&out), OCL_MEM(&in), OCL_MEM(&op->t[CLADE_PACKED]),
                 OCL_MEM(&op->t[CLADE_B]), OCL_MEM(v.mask),
                 OCL_LOCAL(patch * held), OCL_INT(held), OCL_INT(out.n),
                 OCL_INT(in.h), OCL_INT(in.w), OCL_INT(in.c), OCL_INT(in.ld),
                 OCL_INT(out.h), OCL_INT(out.w), OCL_INT(out.c),
                 OCL_INT(out.ld), OCL_INT(v.mask->ld), OCL_INT(v.top),
                 OCL_INT(v.left), OCL_INT(ocl_epilogue(op))));
}

static clade_status prepare(struct ocl_task *task, const struct clade_op *op)
{
    return op->kind == CLADE_CONV_BWD_FILTER
               ? ocl_direct_filter_prepare(task, op)
               : ocl_conv_by_images(task, op, op->choice.tune[IMAGES],
                                    image_part);
}

const struct ocl_conv_algorithm ocl_direct = {
    .name = "direct",
    .text = &text,
    .filter_text = &ocl_direct_filter_text,
    .candidates = candidates,
    .settle = settle,
    .prepare = prepare,
    .pack = pack,
};
