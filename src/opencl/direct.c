/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct convolution (cl/direct.cl).  A group is one work-item, which uses
 * vectors of VEC floats.  The tile of sums that it holds in registers is chosen
 * for each op.
 */
#include "conv.h"

#include <stdio.h>

static const char source[] = {
#include "cl/direct.inc"
    0
};
static const struct ocl_text text = { "direct.cl", source };

/* The share of the peak that it reaches on CPUs.  On GPUs a group of one
 * work-item leaves most of the device idle, whatever its vectors. */
#define SHARE_WIDE   0.9
#define SHARE_NARROW 0.01

/* What choice.tune holds for conv_fwd and conv_bwd_data; filter_pack reads
 * VECS, BLOCK and LANES. */
enum { TILE_P, TILE_Q, VECS, BLOCK, LANES, IMAGES };
/* What choice.tune holds for conv_bwd_filter. */
enum {
    FILTER_C,
    FILTER_VECS,
    FILTER_TAIL,
    FILTER_LANES,
    FILTER_UNIT,
    FILTER_UNITS,
    FILTER_PARTS,
    FILTER_RANGE
};

static double share(const struct ocl *o)
{
    return ocl_is_wide(o) ? SHARE_WIDE : SHARE_NARROW;
}

static int div_up(int a, int b)
{
    return a / b + (a % b != 0);
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

/* The floats of a vector: as many as the device's own vectors have. */
static int lanes(const struct ocl *o)
{
    const int width = o->base.device.vector_width;

    return width >= 16 ? 16 : width >= 8 ? 8 : 4;
}

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
    const int l = lanes(o);
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
    tune[IMAGES] = ocl_conv_images(op, share(o));
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

/* The largest of 16, 8, 4, 3 and 1 that divides c and is at most `max`.  Each
 * means one more program. */
static int divisor(int c, int max)
{
    static const int sizes[] = { 16, 8, 4, 3, 1 };
    int i = 0;

    while (sizes[i] > max || c % sizes[i])
        i++;
    return sizes[i];
}

/* An image of conv_bwd_filter's.  With a 1x1 window each image is one long row,
 * since windows never reach into another row. */
static struct clade_tensor filter_image(const struct clade_op *op,
                                        enum clade_role role)
{
    const struct clade_window *win = &op->window;
    struct clade_tensor t = op->t[role];

    if (win->r == 1 && win->s == 1 && win->stride == 1 && !win->top &&
        !win->left && op->t[CLADE_X].w == op->t[CLADE_DY].w) {
        t.w *= t.h;
        t.h = 1;
    }
    return t;
}

static int padded_k(const struct clade_op *op)
{
    const int *tune = op->choice.tune;
    const int panel = tune[FILTER_VECS] * tune[FILTER_LANES];

    return div_up(op->t[CLADE_DW].c, panel) * panel;
}

/* The sums in registers: a column of input channels by one vector, or by more
 * vectors where so few channels would not fill the pipeline. */
static void choose_filter_tile(int *tune, int c, int k, int l)
{
    tune[FILTER_LANES] = l;
    tune[FILTER_TAIL] = k % l != 0;
    tune[FILTER_C] = divisor(c, l == 16 ? 16 : 8);
    tune[FILTER_VECS] = 1;
    while (tune[FILTER_C] * tune[FILTER_VECS] * 2 < 16 &&
           k % (tune[FILTER_VECS] * 2 * l) == 0)
        tune[FILTER_VECS] *= 2;
}

/* Other ways to compute conv_bwd_filter, worth measuring: another tile (0: the
 * usual one), and more or fewer parts, in quarters of the usual number. */
static const struct {
    int c, vecs, parts;
} filter_variants[] = {
    { 0, 0, 4 }, { 0, 0, 8 }, { 0, 0, 2 }, { 8, 2, 4 },
    { 8, 3, 4 }, { 4, 2, 4 }, { 4, 3, 4 }, { 4, 4, 4 },
};
enum { FILTER_VARIANTS = sizeof filter_variants / sizeof *filter_variants };

/* Take the tile of a variant; false: it does not fit the channels, or the
 * registers. */
static bool take_tile(int *tune, int c, int k, int i)
{
    const int l = tune[FILTER_LANES], vecs = filter_variants[i].vecs;
    const int most = l == 16 ? 28 : 14;

    if (!vecs)
        return true;
    tune[FILTER_C] = filter_variants[i].c;
    tune[FILTER_VECS] = vecs;
    return c % tune[FILTER_C] == 0 && k % (vecs * l) == 0 &&
           tune[FILTER_C] * vecs <= most;
}

/*
 * Cut the rows of dy into units of half a MiB of x and dy, which stay in a
 * core's cache.  Make as many partial sums as are cheap to add up, one for each
 * 800 pixels, and so many that none takes longer than a launch may.
 */
static void choose_filter_parts(int *tune, const struct ocl *o,
                                const struct clade_op *op, int quarters)
{
    const struct clade_tensor x = filter_image(op, CLADE_X);
    const struct clade_tensor dy = filter_image(op, CLADE_DY);
    const int rows = dy.n * dy.h;
    const int64_t row_bytes =
        4 * ((int64_t)dy.w * dy.c + (int64_t)op->window.stride * x.w * x.c);
    const int least =
        1 + (int)(clade_op_flops(op) / ocl_launch_flops(share(o)));
    int units, parts;

    tune[FILTER_UNIT] =
        row_bytes > 1 << 19 ? 1 : min_int((1 << 19) / (int)row_bytes, rows);
    units = div_up(rows, tune[FILTER_UNIT]);
    parts = min_int(rows * dy.w / 800, 32) * quarters / 4;
    parts = min_int(parts < least ? least : parts, units);
    tune[FILTER_UNITS] = div_up(units, parts);
    tune[FILTER_PARTS] = div_up(units, tune[FILTER_UNITS]);
}

static bool choose_filter(int *tune, const struct ocl *o,
                          const struct clade_op *op, int i)
{
    const int c = op->t[CLADE_X].c, k = op->t[CLADE_DW].c;

    if (i >= FILTER_VARIANTS)
        return false;
    choose_filter_tile(tune, c, k, lanes(o));
    if (!take_tile(tune, c, k, i))
        return false;
    choose_filter_parts(tune, o, op, filter_variants[i].parts);
    tune[FILTER_RANGE] = div_up(c / tune[FILTER_C], 8) * tune[FILTER_C];
    return true;
}

/* The partial sums of dw.  Behind them are those of db, [parts][K]. */
static size_t part_floats(const struct clade_op *op)
{
    const struct clade_tensor *dw = &op->t[CLADE_DW];

    return (size_t)op->choice.tune[FILTER_PARTS] * dw->n * dw->h * dw->w *
           padded_k(op);
}

static struct clade_tensor sums_of_dy(const struct clade_op *op)
{
    struct clade_tensor t = op->t[CLADE_WORKSPACE];

    t.offset += (int64_t)part_floats(op);
    return t;
}

static void settle_filter(struct clade_op *op)
{
    const struct clade_tensor dy = filter_image(op, CLADE_DY);
    const int *tune = op->choice.tune;

    op->workspace = part_floats(op) * sizeof(float);
    op->depth =
        min_int(tune[FILTER_UNITS] * tune[FILTER_UNIT], dy.n * dy.h) * dy.w +
        1 + tune[FILTER_PARTS];
    if (op->t[CLADE_DB].buffer) {
        op->workspace += sizeof(float) * tune[FILTER_PARTS] * dy.c;
        op->depth_db =
            tune[FILTER_UNIT] * dy.w + tune[FILTER_UNITS] + tune[FILTER_PARTS];
    }
}

static clade_status settle(struct ocl *o, struct clade_op *op)
{
    (void)o;
    if (op->kind == CLADE_CONV_BWD_FILTER)
        settle_filter(op);
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

    if (op->kind == CLADE_CONV_BWD_FILTER) {
        const struct clade_tensor dy = filter_image(op, CLADE_DY);
        const double panels =
            padded_k(op) / (tune[FILTER_VECS] * tune[FILTER_LANES]);
        const double rows = (tune[FILTER_UNIT] + 1.0) * tune[FILTER_UNITS];
        const double of_db =
            op->t[CLADE_DB].buffer ? padded_k(op) / tune[FILTER_LANES] + 1 : 0;

        return rows * (dy.w + 1) *
               ((window + 1) * (tune[FILTER_RANGE] / tune[FILTER_C] + 1) *
                    (panels + 1) +
                of_db);
    }
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

    return !limit || loop_turns(chosen) <= limit;
}

/* The usual choice, and others, which must suit the device as well. */
static int candidates(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const bool filter = op->kind == CLADE_CONV_BWD_FILTER;
    const double cost = ocl_conv_cost(op, share(o));
    int n = 0;

    for (int i = 0; i < OCL_TILES || i < FILTER_VARIANTS; i++) {
        struct clade_op chosen = *op;
        int *tune = chosen.choice.tune;

        chosen.choice = (struct clade_choice){ .algorithm = "direct" };
        if (filter ? !choose_filter(tune, o, op, i)
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

    return ocl_launch(task, &text, "filter_pack", "", OCL_GRID(rows, 1),
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

static clade_status prepare_image(struct ocl_task *task,
                                  const struct clade_op *op)
{
    const int n = view_of(op).out->n;

    for (int first = 0; first < n; first += op->choice.tune[IMAGES]) {
        const struct clade_op part = ocl_conv_part(
            op, first, min_int(op->choice.tune[IMAGES], n - first));
        clade_status st = image_part(task, &part);

        if (st)
            return st;
    }
    return CLADE_OK;
}

static clade_status filter_parts(struct ocl_task *task,
                                 const struct clade_op *op, int first,
                                 int count)
{
    const struct clade_tensor x = filter_image(op, CLADE_X);
    const struct clade_tensor dy = filter_image(op, CLADE_DY);
    const struct clade_tensor sums = sums_of_dy(op);
    const struct clade_window *win = &op->window;
    const int *tune = op->choice.tune;
    char options[128];

    snprintf(options, sizeof options,
             "-D TILE_C=%d -D VECS=%d -D TAIL=%d -D VEC=%d", tune[FILTER_C],
             tune[FILTER_VECS], tune[FILTER_TAIL], tune[FILTER_LANES]);
    return ocl_launch(
        task, &text, "conv_direct_filter", options,
        OCL_GROUPS(div_up(x.c, tune[FILTER_RANGE]), count),
        OCL_ARGS(OCL_MEM(&op->t[CLADE_WORKSPACE]), OCL_MEM(&sums), OCL_MEM(&x),
                 OCL_MEM(&dy), OCL_INT(x.n), OCL_INT(x.h), OCL_INT(x.w),
                 OCL_INT(x.c), OCL_INT(x.ld), OCL_INT(dy.h), OCL_INT(dy.w),
                 OCL_INT(dy.c), OCL_INT(dy.ld), OCL_INT(win->r),
                 OCL_INT(win->s), OCL_INT(win->stride), OCL_INT(win->top),
                 OCL_INT(win->left), OCL_INT(tune[FILTER_UNIT]),
                 OCL_INT(tune[FILTER_UNITS]), OCL_INT(tune[FILTER_RANGE]),
                 OCL_INT(first), OCL_INT(op->flags)));
}

static clade_status prepare_filter(struct ocl_task *task,
                                   const struct clade_op *op)
{
    const struct clade_tensor *dw = &op->t[CLADE_DW];
    const struct clade_tensor *db = &op->t[CLADE_DB];
    const struct clade_tensor sums = sums_of_dy(op);
    const int rows = dw->n * dw->h * dw->w;
    const int parts = op->choice.tune[FILTER_PARTS];
    const double fit =
        ocl_launch_flops(share(ocl_of(task))) * parts / clade_op_flops(op);
    const int at_once = fit < 1 ? 1 : fit < parts ? (int)fit : parts;
    clade_status st;

    for (int first = 0; first < parts; first += at_once)
        if ((st = filter_parts(task, op, first,
                               min_int(at_once, parts - first))))
            return st;
    if (db->buffer && (st = ocl_bias_sum(task, db, &sums, parts)))
        return st;
    return ocl_launch(task, &text, "conv_direct_sum", "", OCL_GRID(dw->c, rows),
                      OCL_ARGS(OCL_MEM(dw), OCL_MEM(&op->t[CLADE_WORKSPACE]),
                               OCL_INT(rows), OCL_INT(dw->c), OCL_INT(dw->ld),
                               OCL_INT(padded_k(op)), OCL_INT(parts)));
}

static clade_status prepare(struct ocl_task *task, const struct clade_op *op)
{
    return op->kind == CLADE_CONV_BWD_FILTER ? prepare_filter(task, op)
                                             : prepare_image(task, op);
}

const struct ocl_conv_algorithm ocl_direct = {
    .name = "direct",
    .text = &text,
    .candidates = candidates,
    .settle = settle,
    .prepare = prepare,
    .pack = pack,
};
