/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution as a product of matrices that reads the image itself
 * (cl/implicit.cl).  The matrix of patches has a row for each pixel of y or dx
 * and a column for each r, s, c.  conv_fwd and conv_bwd_data, which is a
 * forward pass over dy with a turned filter, multiply it by the filter;
 * conv_bwd_filter multiplies it, transposed, by dy.
 */
#include "conv.h"

#include <stdio.h>

#include <CL/cl_ext.h>

#include "core.h"

static const char source[] = {
#include "cl/implicit.inc"
    0
};
static const struct ocl_text text = { "implicit.cl", source };

/* As in cl/implicit.cl. */
#define BLOCK  8
#define SUMS_M 8

/* The share of the peak that it reaches on GPUs, and on CPUs, which run
 * work-items in turn. */
#define SHARE     0.25
#define SHARE_CPU 0.03

/* What choice.tune holds: the tile of a group, with the columns that a
 * work-item makes; the blocks of a part, the parts, and the images of a
 * launch. */
enum { TILE_M, TILE_N, SUMS_N, BLOCKS, PARTS, IMAGES };

static bool is_filter(const struct clade_op *op)
{
    return op->kind == CLADE_CONV_BWD_FILTER;
}

/* The result [m,n], of chains of `depth` products. */
struct product {
    int m, n, depth;
};

static struct product product_of(const struct clade_op *op)
{
    const struct ocl_view v = ocl_conv_view(op);
    const int pixels = (int)clade_tensor_pixels(v.out);
    const int column = op->window.r * op->window.s * v.in->c;

    return is_filter(op) ? (struct product){ column, v.out->c, pixels }
                         : (struct product){ pixels, v.out->c, column };
}

/* ---- choosing ------------------------------------------------------------ */

/* A group's tile, a work-item's columns of it, and how well it uses a GPU: a
 * large one reads less. */
struct tile {
    int m, n, sums_n;
    double worth;
};
#define TILES 6
static const struct tile tiles[TILES] = {
    { 64, 64, 8, 0.8 },  { 128, 64, 8, 0.9 }, { 64, 32, 4, 0.6 },
    { 128, 32, 4, 0.7 }, { 64, 128, 8, 0.9 }, { 128, 128, 8, 0.92 },
};

/* The work-items of a group. */
static int items_of(const int *tune)
{
    return tune[TILE_M] / SUMS_M * (tune[TILE_N] / tune[SUMS_N]);
}

static size_t tile_bytes(const int *tune)
{
    return 2 * BLOCK * sizeof(float) * (tune[TILE_M] + 4 + tune[TILE_N] + 4);
}

static size_t window_bytes(const struct clade_op *op)
{
    const int windows = is_filter(op) ? 2 * BLOCK : op->choice.tune[TILE_M];

    return 4 * sizeof(cl_int) * windows;
}

static int tiles_of(const int *tune, const struct product *p)
{
    return div_up(p->m, tune[TILE_M]) * div_up(p->n, tune[TILE_N]);
}

/* The cost of a tile: the products, with those that are wasted at the edges. */
static double cost(const struct tile *tile, const struct product *p)
{
    return (double)div_up(p->m, tile->m) * tile->m * div_up(p->n, tile->n) *
           tile->n / tile->worth;
}

/* The most columns of a work-item: 8, but 4 on Intel's GPUs, whose compiler
 * keeps 32 sums in registers and puts 64 into memory. */
static int most_columns(const struct ocl *o)
{
    size_t sizes[16];
    const bool intel = o->base.device.type == CLADE_DEVICE_GPU &&
                       !clGetDeviceInfo(o->dev, CL_DEVICE_SUB_GROUP_SIZES_INTEL,
                                        sizeof sizes, sizes, NULL);

    return intel ? 4 : 8;
}

static const struct tile *cheapest(const struct product *p, int most)
{
    const struct tile *best = NULL;

    for (int i = 0; i < TILES; i++)
        if (tiles[i].sums_n <= most &&
            (!best || cost(&tiles[i], p) < cost(best, p)))
            best = &tiles[i];
    return best;
}

/* The work-items that keep a compute unit of a GPU busy. */
#define BUSY 1024

/* The least blocks of a part, whose sums have to be written and read, and the
 * most bytes of all parts. */
#define BLOCKS_LEAST 16
#define PARTS_BYTES  ((size_t)64 << 20)

/* The parts that no loop of a work-item is too long for, and no launch. */
static int least_parts(const struct ocl *o, const struct clade_op *op,
                       const struct product *p)
{
    const int *tune = op->choice.tune, limit = o->base.device.loop_limit;
    const int items = items_of(tune);
    const int turns = 4 + BLOCK * (1 + SUMS_M) +
                      2 * BLOCK * (tune[TILE_M] + tune[TILE_N]) / items;
    const int by_loops =
        limit ? div_up(div_up(p->depth, BLOCK) * turns, limit / 2) : 1;
    const double launches =
        is_filter(op) ? clade_op_flops(op) / ocl_launch_flops(SHARE) : 0;

    return by_loops > launches ? by_loops : (int)launches + 1;
}

/* Cut the chains into as many parts as keep the device busy. */
static void choose_parts(int *tune, const struct ocl *o,
                         const struct clade_op *op, const struct product *p,
                         int busy)
{
    const int blocks = div_up(p->depth, BLOCK);
    const int groups = busy * o->base.device.units / items_of(tune);
    const size_t bytes = sizeof(float) * p->m * p->n;
    const int least = least_parts(o, op, p);
    int parts = groups / tiles_of(tune, p);

    parts = min_int(parts, blocks / BLOCKS_LEAST);
    if (bytes * parts > PARTS_BYTES)
        parts = (int)(PARTS_BYTES / bytes);
    parts = min_int(parts < least ? least : parts, blocks);
    tune[BLOCKS] = div_up(blocks, parts < 1 ? 1 : parts);
    tune[PARTS] = div_up(blocks, tune[BLOCKS]);
}

/* Whether the device has such groups. */
static bool fits(const struct ocl *o, const struct clade_op *op)
{
    const int *tune = op->choice.tune;

    return (size_t)items_of(tune) <= o->items[0] &&
           tile_bytes(tune) + window_bytes(op) <= o->base.device.local_memory;
}

/* The tile, the cheapest if it is 0, and the work-items that keep a unit
 * busy.  The first is the usual choice; the others are worth measuring. */
static const struct {
    int tile, busy;
} variants[] = { { 0, BUSY }, { 0, 2 * BUSY }, { 0, BUSY / 2 },
                 { 1, BUSY }, { 2, BUSY },     { 3, BUSY },
                 { 4, BUSY }, { 5, BUSY },     { 6, BUSY } };
enum { VARIANTS = sizeof variants / sizeof *variants };

/* Make choice i; work-items have at most `most` columns.  False: the device has
 * no such groups. */
static bool choose(struct clade_op *op, const struct ocl *o, int i, int most)
{
    const int tile = variants[i].tile;
    struct product p = product_of(op);
    int *tune = op->choice.tune;
    const struct tile *t = tile ? &tiles[tile - 1] : cheapest(&p, most);

    if (t->sums_n > most)
        return false;
    op->choice = (struct clade_choice){
        "implicit", { [TILE_M] = t->m, [TILE_N] = t->n, [SUMS_N] = t->sums_n }
    };
    if (!is_filter(op)) {
        const int n = ocl_conv_view(op).out->n;
        const int launches = div_up(n, ocl_conv_images(op, SHARE));

        tune[IMAGES] = div_up(n, launches);
        p.m = p.m / n * tune[IMAGES];
    }
    choose_parts(tune, o, op, &p, variants[i].busy);
    return fits(o, op);
}

#define OPTIONS 128

/* Whether all tensors can be read and written by fours. */
static bool by_fours(const struct clade_op *op)
{
    for (int role = 0; role < CLADE_ROLES; role++) {
        const struct clade_tensor *t = &op->t[role];

        if (t->buffer && role != CLADE_WORKSPACE &&
            (t->offset % 4 || t->c % 4 || t->ld % 4))
            return false;
    }
    return true;
}

static void options_of(char options[OPTIONS], const struct clade_op *op)
{
    static const char *const turned[CLADE_OP_KINDS] = {
        [CLADE_CONV_FWD] = "-D TURNED=0 ",
        [CLADE_CONV_BWD_DATA] = "-D TURNED=1 ",
        [CLADE_CONV_BWD_FILTER] = "",
    };
    const int *tune = op->choice.tune;

    snprintf(options, OPTIONS,
             "%s-D TILE_M=%d -D TILE_N=%d -D SUMS_N=%d -D VEC=%d",
             turned[op->kind], tune[TILE_M], tune[TILE_N], tune[SUMS_N],
             by_fours(op) ? 4 : 1);
}

static const char *kernel_of(const struct clade_op *op)
{
    return is_filter(op) ? "conv_implicit_filter" : "conv_implicit";
}

/* Whether a driver whose limit for a kernel's groups can be below the device's
 * allows these.  It says so of a built kernel only; where that fails, running
 * the op will tell. */
static bool is_allowed(struct ocl *o, const struct clade_op *op)
{
    const struct clade_device *d = &o->base.device;
    const int *tune = op->choice.tune;
    char options[OPTIONS];
    cl_kernel kernel;
    size_t limit;

    if (o->list || (d->type == CLADE_DEVICE_CPU && !d->emulated))
        return true;
    options_of(options, op);
    if (ocl_kernel_new(&kernel, &limit, o, op, &text, kernel_of(op), options))
        return true;
    clReleaseKernel(kernel);
    return (size_t)items_of(tune) <= limit;
}

/* The usual choice, the first that is allowed, and for GPUs the others. */
static int candidates(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const double share = ocl_is_wide(o) ? SHARE_CPU : SHARE;
    const int offered = ocl_is_wide(o) ? 1 : VARIANTS;
    const int most = most_columns(o);
    int n = 0;

    if (op->kind == CLADE_CONV_BWD_DATA && op->window.stride > 1)
        return 0;
    for (int i = 0; i < offered; i++) {
        struct clade_op chosen = *op;

        if (choose(&chosen, o, i, most) && (n || is_allowed(o, &chosen)))
            n = ocl_conv_offer(list, n, max, &chosen.choice,
                               ocl_conv_cost(op, share));
    }
    return n;
}

/* ---- running ------------------------------------------------------------- */

static clade_status settle(struct ocl *o, struct clade_op *op)
{
    const int *tune = op->choice.tune;
    const int n = is_filter(op) ? op->t[CLADE_DY].n : tune[IMAGES];
    const struct clade_op part = ocl_conv_part(op, 0, n);
    const struct product p = product_of(&part);

    (void)o;
    op->workspace =
        tune[PARTS] > 1 ? sizeof(float) * tune[PARTS] * p.m * p.n : 0;
    op->depth = min_int(tune[BLOCKS] * BLOCK, p.depth) + tune[PARTS] + 1 +
                !!(op->flags & CLADE_ACCUMULATE);
    if (op->t[CLADE_DB].buffer)
        ocl_bias_settle(op);
    return CLADE_OK;
}

/* A group for each tile and each of `parts` parts. */
static struct ocl_grid grid_of(const int *tune, const struct product *p,
                               int parts)
{
    const size_t items = items_of(tune);

    return (struct ocl_grid){ { items * tiles_of(tune, p), parts, 1 },
                              { items, 1, 1 } };
}

static clade_status add_parts(struct ocl_task *task, const struct clade_op *op,
                              const struct clade_tensor *out,
                              const struct clade_tensor *mask, int flags)
{
    const struct product p = product_of(op);

    return ocl_launch(
        task, &text, "implicit_sum", "-D VEC=1", OCL_GRID(p.n, p.m),
        OCL_ARGS(OCL_MEM(out), OCL_MEM(&op->t[CLADE_WORKSPACE]),
                 OCL_MEM(&op->t[CLADE_B]), OCL_MEM(mask), OCL_INT(p.m),
                 OCL_INT(p.n), OCL_INT(out->ld), OCL_INT(mask->ld),
                 OCL_INT(op->choice.tune[PARTS]), OCL_INT(flags)));
}

static clade_status images(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *w = &op->t[CLADE_W], *b = &op->t[CLADE_B];
    const struct clade_window *win = &op->window;
    const struct ocl_view v = ocl_conv_view(op);
    const struct product p = product_of(op);
    const int *tune = op->choice.tune;
    char options[OPTIONS];
    clade_status st;

    options_of(options, op);
    st = ocl_launch(
        task, &text, kernel_of(op), options, grid_of(tune, &p, tune[PARTS]),
        OCL_ARGS(OCL_MEM(v.out), OCL_MEM(v.in), OCL_MEM(w), OCL_MEM(b),
                 OCL_MEM(v.mask), OCL_MEM(&op->t[CLADE_WORKSPACE]),
                 OCL_LOCAL(tile_bytes(tune)), OCL_LOCAL(window_bytes(op)),
                 OCL_INT(v.in->n), OCL_INT(v.in->h), OCL_INT(v.in->w),
                 OCL_INT(v.in->c), OCL_INT(v.in->ld), OCL_INT(v.out->h),
                 OCL_INT(v.out->w), OCL_INT(v.out->c), OCL_INT(v.out->ld),
                 OCL_INT(w->ld), OCL_INT(v.mask->ld), OCL_INT(win->r),
                 OCL_INT(win->s), OCL_INT(win->stride), OCL_INT(v.top),
                 OCL_INT(v.left), OCL_INT(tune[BLOCKS]), OCL_INT(tune[PARTS]),
                 OCL_INT(ocl_epilogue(op))));
    if (st || tune[PARTS] == 1)
        return st;
    return add_parts(task, op, v.out, v.mask, ocl_epilogue(op));
}

/* Append the launch of parts first ... first+count-1 of conv_bwd_filter. */
static clade_status filter_parts(struct ocl_task *task,
                                 const struct clade_op *op, int first,
                                 int count)
{
    const struct clade_tensor *x = &op->t[CLADE_X], *dy = &op->t[CLADE_DY];
    const struct clade_tensor *dw = &op->t[CLADE_DW];
    const struct clade_window *win = &op->window;
    const struct product p = product_of(op);
    const int *tune = op->choice.tune;
    char options[OPTIONS];

    options_of(options, op);
    return ocl_launch(
        task, &text, kernel_of(op), options, grid_of(tune, &p, count),
        OCL_ARGS(OCL_MEM(dw), OCL_MEM(x), OCL_MEM(dy),
                 OCL_MEM(&op->t[CLADE_WORKSPACE]), OCL_LOCAL(tile_bytes(tune)),
                 OCL_LOCAL(window_bytes(op)), OCL_INT(x->n), OCL_INT(x->h),
                 OCL_INT(x->w), OCL_INT(x->c), OCL_INT(x->ld), OCL_INT(dy->h),
                 OCL_INT(dy->w), OCL_INT(dy->c), OCL_INT(dy->ld),
                 OCL_INT(dw->ld), OCL_INT(win->r), OCL_INT(win->s),
                 OCL_INT(win->stride), OCL_INT(win->top), OCL_INT(win->left),
                 OCL_INT(tune[BLOCKS]), OCL_INT(first), OCL_INT(tune[PARTS])));
}

static clade_status filter(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor *dw = &op->t[CLADE_DW];
    const int parts = op->choice.tune[PARTS];
    const int at_once = ocl_conv_parts(op, SHARE, parts);
    clade_status st = CLADE_OK;

    for (int first = 0; first < parts && !st; first += at_once)
        st = filter_parts(task, op, first, min_int(at_once, parts - first));
    if (!st && parts > 1)
        st = add_parts(task, op, dw, dw, 0);
    return st || !op->t[CLADE_DB].buffer ? st : ocl_bias(task, op);
}

static clade_status prepare(struct ocl_task *task, const struct clade_op *op)
{
    return is_filter(op)
               ? filter(task, op)
               : ocl_conv_by_images(task, op, op->choice.tune[IMAGES], images);
}

const struct ocl_conv_algorithm ocl_implicit = {
    .name = "implicit",
    .text = &text,
    .candidates = candidates,
    .settle = settle,
    .prepare = prepare,
};
