/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithm `direct` for conv_bwd_filter (cl/direct_filter.cl).  dw is a
 * matrix of K columns and of a row for each r, s and c.  A work-item holds a tile
 * of it in registers.
 */
#include "direct.h"

#include <stdio.h>

static const char source[] = {
#include "cl/ends.inc"
#include "cl/direct_filter.inc"
    0
};
const struct ocl_text ocl_direct_filter_text = { "direct_filter.cl", source };

/* What choice.tune holds: the tile, in rows and in vectors; the floats of a
 * vector; the pixels of dy in a unit, which stay in a cache; the units of a
 * part; the parts; and the rows of dw that a work-item makes. */
enum { TILE_J, VECS, LANES, UNIT, UNITS, PARTS, RANGE };

/* The floats of a panel of dy (24 KiB), and of columns of x (256 KiB). */
#define PANEL_FLOATS  6144
#define COLUMN_FLOATS (1 << 16)

/* The pixels of dy in one chain of db's sums.  Longer ones are less exact. */
#define DB_CHAIN 16

static int rows_of(const struct clade_op *op)
{
    const struct clade_tensor *dw = &op->t[CLADE_DW];

    return dw->n * dw->h * dw->w;
}

static int padded_rows(const struct clade_op *op)
{
    const int tile = op->choice.tune[TILE_J];

    return div_up(rows_of(op), tile) * tile;
}

static int padded_k(const struct clade_op *op)
{
    const int *tune = op->choice.tune;
    const int panel = tune[VECS] * tune[LANES];

    return div_up(op->t[CLADE_DW].c, panel) * panel;
}

/* ---- choosing ------------------------------------------------------------ */

/* Tiles that fill the registers of a device with 32 or 16 vector registers.
 * Each means one more program, so there are few. */
struct tile {
    int j, vecs;
};
#define TILES 3
static const struct tile tiles_of_32[TILES] = { { 14, 2 },
                                                { 8, 3 },
                                                { 28, 1 } };
static const struct tile tiles_of_16[TILES] = { { 6, 2 }, { 4, 3 }, { 12, 1 } };

/* The cost of a tile, in vector products a pixel: its products, with those that
 * are wasted at the edges, a fifth of the loads, and its column's copy. */
static double cost(const struct tile *tile, int rows, int k, int l)
{
    const double panels = div_up(k, tile->vecs * l);

    return div_up(rows, tile->j) *
           (panels * (tile->j * tile->vecs + 0.2 * (tile->j + tile->vecs)) +
            tile->j);
}

static const struct tile *cheapest(int rows, int k, int l)
{
    const struct tile *all = l == 16 ? tiles_of_32 : tiles_of_16;
    int best = 0;

    for (int i = 1; i < TILES; i++)
        if (cost(&all[i], rows, k, l) < cost(&all[best], rows, k, l))
            best = i;
    return &all[best];
}

/* Each range of rows reads all of dy again: make as few as keep all of the
 * device busy, and at most 8. */
static int range_of(const int *tune, const struct ocl *o, int rows, int parts)
{
    const int ranges = div_up(4 * o->base.device.units, parts);

    return div_up(div_up(rows, tune[TILE_J]), min_int(ranges, 8)) *
           tune[TILE_J];
}

/*
 * Make as many partial sums as are cheap to add up, one for each 800 pixels, and
 * so many that none takes longer than a launch may.  Cut dy into units: a panel
 * of their pixels stays in a core's first cache, the columns of x for a range of
 * rows in the second.
 */
static void choose_parts(int *tune, const struct ocl *o,
                         const struct clade_op *op, int quarters)
{
    const int pixels = (int)clade_tensor_pixels(&op->t[CLADE_DY]);
    const int least =
        1 + (int)(clade_op_flops(op) / ocl_launch_flops(ocl_direct_share(o)));
    int parts = min_int(pixels / 800, 32) * quarters / 4;
    int unit, units;

    parts = min_int(parts < least ? least : parts, pixels);
    tune[RANGE] = range_of(tune, o, rows_of(op), parts);
    unit = min_int(PANEL_FLOATS / (tune[VECS] * tune[LANES]),
                   COLUMN_FLOATS / tune[RANGE]);
    tune[UNIT] = min_int(unit < 1 ? 1 : unit, div_up(pixels, parts));
    units = div_up(pixels, tune[UNIT]);
    tune[UNITS] = div_up(units, parts);
    tune[PARTS] = div_up(units, tune[UNITS]);
}

/* The tile, the cheapest if it is 0, and the parts, in quarters of the usual
 * number. */
static const struct {
    int tile, quarters;
} variants[] = { { 0, 4 }, { 0, 8 }, { 0, 2 }, { 1, 4 }, { 2, 4 }, { 3, 4 } };

bool ocl_direct_filter_choose(int *tune, const struct ocl *o,
                              const struct clade_op *op, int i)
{
    const int l = ocl_direct_lanes(o), k = op->t[CLADE_DW].c;
    const int rows = rows_of(op);
    const struct tile *all = l == 16 ? tiles_of_32 : tiles_of_16;
    const struct tile *tile;

    if (i >= (int)(sizeof variants / sizeof *variants))
        return false;
    tile = variants[i].tile ? &all[variants[i].tile - 1] : cheapest(rows, k, l);
    tune[TILE_J] = tile->j;
    tune[VECS] = tile->vecs;
    tune[LANES] = l;
    choose_parts(tune, o, op, variants[i].quarters);
    return true;
}

/* ---- running ------------------------------------------------------------- */

/* The partial sums of dw; behind them the work-items' columns of x, and the
 * sums of db, [parts][K]. */
static size_t part_floats(const struct clade_op *op)
{
    return (size_t)op->choice.tune[PARTS] * padded_rows(op) * padded_k(op);
}

static int ranges_of(const struct clade_op *op)
{
    return div_up(rows_of(op), op->choice.tune[RANGE]);
}

static size_t column_floats(const struct clade_op *op)
{
    const int *tune = op->choice.tune;

    return (size_t)tune[PARTS] * ranges_of(op) * tune[UNIT] * tune[RANGE];
}

static struct clade_tensor sums_of_dy(const struct clade_op *op)
{
    return ocl_conv_scratch(op, part_floats(op) + column_floats(op));
}

void ocl_direct_filter_settle(struct clade_op *op)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const int *tune = op->choice.tune;

    op->workspace = (part_floats(op) + column_floats(op)) * sizeof(float);
    op->depth =
        min_int(tune[UNITS] * tune[UNIT], (int)clade_tensor_pixels(dy)) + 1 +
        tune[PARTS];
    if (op->t[CLADE_DB].buffer) {
        op->workspace += sizeof(float) * tune[PARTS] * dy->c;
        op->depth_db =
            DB_CHAIN + div_up(tune[UNIT], DB_CHAIN) * tune[UNITS] + tune[PARTS];
    }
}

double ocl_direct_filter_turns(const struct clade_op *op)
{
    const int *tune = op->choice.tune;
    const double panels = padded_k(op) / (tune[VECS] * tune[LANES]);
    const double tiles = tune[RANGE] / tune[TILE_J];
    const double of_db =
        op->t[CLADE_DB].buffer ? padded_k(op) / tune[LANES] + 1 : 0;

    return tune[UNITS] * (tune[UNIT] + 1.0) *
           ((tiles + 1) * (tune[TILE_J] + panels + 2) + panels + of_db);
}

static clade_status make_parts(struct ocl_task *task, const struct clade_op *op,
                               int first, int count)
{
    const struct clade_tensor *x = &op->t[CLADE_X], *dy = &op->t[CLADE_DY];
    const struct clade_tensor sums = sums_of_dy(op);
    const struct clade_tensor columns = ocl_conv_scratch(op, part_floats(op));
    const struct clade_window *win = &op->window;
    const int *tune = op->choice.tune;
    const size_t panel =
        sizeof(float) * tune[UNIT] * tune[VECS] * tune[LANES];
    char options[128];

    snprintf(options, sizeof options,
             "-D TILE_J=%d -D VECS=%d -D VEC=%d -D DB_CHAIN=%d", tune[TILE_J],
             tune[VECS], tune[LANES], DB_CHAIN);
    return ocl_launch(
        task, &ocl_direct_filter_text, "conv_direct_filter", options,
        OCL_GROUPS(ranges_of(op), count),
        OCL_ARGS(OCL_MEM(&op->t[CLADE_WORKSPACE]), OCL_MEM(&sums),
                 OCL_MEM(&columns), OCL_MEM(x), OCL_MEM(dy), OCL_LOCAL(panel),
                 OCL_INT(x->n), OCL_INT(x->h), OCL_INT(x->w), OCL_INT(x->c),
                 OCL_INT(x->ld), OCL_INT(dy->h), OCL_INT(dy->w), OCL_INT(dy->c),
                 OCL_INT(dy->ld), OCL_INT(win->r), OCL_INT(win->s),
                 OCL_INT(win->stride), OCL_INT(win->top), OCL_INT(win->left),
                 OCL_INT(tune[UNIT]), OCL_INT(tune[UNITS]),
                 OCL_INT(tune[RANGE]), OCL_INT(first), OCL_INT(op->flags)));
}

clade_status ocl_direct_filter_prepare(struct ocl_task *task,
                                       const struct clade_op *op)
{
    const struct clade_tensor *dw = &op->t[CLADE_DW], *db = &op->t[CLADE_DB];
    const struct clade_tensor sums = sums_of_dy(op);
    const int parts = op->choice.tune[PARTS];
    const int at_once =
        ocl_conv_parts(op, ocl_direct_share(ocl_of(task)), parts);
    clade_status st;

    for (int first = 0; first < parts; first += at_once)
        if ((st = make_parts(task, op, first, min_int(at_once, parts - first))))
            return st;
    if (db->buffer && (st = ocl_bias_sum(task, db, &sums, parts)))
        return st;
    return ocl_launch(task, &ocl_direct_filter_text, "conv_direct_sum", "",
                      OCL_GRID(dw->c, rows_of(op)),
                      OCL_ARGS(OCL_MEM(dw), OCL_MEM(&op->t[CLADE_WORKSPACE]),
                               OCL_INT(rows_of(op)), OCL_INT(dw->c),
                               OCL_INT(dw->ld), OCL_INT(padded_k(op)),
                               OCL_INT(padded_rows(op)), OCL_INT(parts)));
}
