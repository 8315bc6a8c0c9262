/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd's products (cl/winograd.cl), for windows of 3x3 and 5x5 with stride
 * 1.  They multiply a quarter as often as `direct`, or a third where tiles
 * overhang.  The workspace holds the transformed filter, or partial sums, and
 * then each work-item's scratch.
 */
#include "conv.h"

#include <stdio.h>
#include <string.h>

#include "op/winograd.h"

static const char source[] = {
#include "cl/winograd.inc"
    0
};
static const struct ocl_text text = { "winograd.cl", source };

/* The share of the peak that the products alone reach on CPUs; the transforms
 * take a fifth of the time. */
#define SHARE 0.7

#define FREQUENCIES (WINOGRAD_TILE * WINOGRAD_TILE)

/* What choice.tune holds: the outputs of a tile along one dimension; the tile
 * of sums in registers, TILES tiles or input channels by VECS vectors of LANES;
 * the tiles that a work-item transforms at a time; the work-items; and the
 * images of a launch.  For conv_bwd_filter, WORKERS make partial sums, in RANGE
 * channels each. */
enum { OUT, TILES, VECS, LANES, BATCH, WORKERS, IMAGES, RANGE };

/* A tile's pixels of y, dx or dy along one dimension. */
static int step_of(const struct clade_op *op)
{
    return WINOGRAD_TILE + 1 - op->window.r;
}

/* The tiles of n images. */
static int tiles_of(const struct clade_op *op, int n)
{
    const struct ocl_view v = ocl_conv_view(op);

    return n * div_up(v.out->h, step_of(op)) * div_up(v.out->w, step_of(op));
}

/* How much of the work of `direct` is left: products of 36 frequencies a tile,
 * in place of r * r for each pixel. */
static double remains(const struct clade_op *op)
{
    const struct ocl_view v = ocl_conv_view(op);

    return (double)FREQUENCIES * tiles_of(op, v.out->n) /
           ((double)clade_tensor_pixels(v.out) * op->window.r * op->window.s);
}

static double share(const struct clade_op *op)
{
    return SHARE / remains(op);
}

/* The floats of a vector, which divide the channels; 0: none do, or the kernels
 * do not take such an op at all. */
static int lanes(const struct ocl *o, const struct clade_op *op)
{
    const struct clade_window *win = &op->window;
    const struct ocl_view v = ocl_conv_view(op);

    if (win->stride > 1 || win->r != win->s || (win->r != 3 && win->r != 5) ||
        !ocl_is_wide(o))
        return 0;
    for (int l = 16; l >= 4; l /= 2)
        if (l <= o->base.device.vector_width && v.in->c % l == 0 &&
            v.out->c % l == 0)
            return l;
    return 0;
}

/* How many tiles of `floats` floats stay in half a MiB, a multiple of `of`, for
 * at most `most`. */
static int batch_of(int floats, int of, int most)
{
    const int fit = (1 << 19) / (FREQUENCIES * floats * (int)sizeof(float));
    const int n = min_int(fit, most) / of * of;

    return n ? n : of;
}

/* The tiles of sums, for 32 or 16 vector registers, and the tiles transformed
 * at a time.  The first is the usual choice; the others are worth measuring. */
struct variant {
    int tiles, vecs, batch;
};
#define VARIANTS 6

/* conv_fwd and conv_bwd_data: `batch` in halves of the usual one. */
static const struct variant images_of_32[VARIANTS] = {
    { 14, 2, 2 }, { 14, 2, 1 }, { 14, 2, 4 },
    { 28, 1, 2 }, { 9, 3, 2 },  { 7, 4, 2 },
};
static const struct variant images_of_16[VARIANTS] = {
    { 6, 2, 2 },  { 6, 2, 1 }, { 6, 2, 4 },
    { 12, 1, 2 }, { 4, 3, 2 }, { 3, 4, 2 },
};
/* conv_bwd_filter: `tiles` are input channels, and a batch is one chain of
 * sums. */
static const struct variant filters_of_32[VARIANTS] = {
    { 8, 2, 64 },  { 8, 2, 32 }, { 8, 2, 128 },
    { 16, 1, 64 }, { 8, 3, 64 }, { 4, 4, 64 },
};
static const struct variant filters_of_16[VARIANTS] = {
    { 4, 2, 64 }, { 4, 2, 32 }, { 4, 2, 128 },
    { 8, 1, 64 }, { 4, 3, 64 }, { 2, 4, 64 },
};

static void choose_image(int *tune, const struct ocl *o,
                         const struct clade_op *op, const struct variant *v)
{
    const int usual =
        batch_of(ocl_conv_view(op).in->c, v->tiles, 4 * v->tiles) / v->tiles;
    const int batch = usual * v->batch / 2;

    tune[OUT] = step_of(op);
    tune[TILES] = v->tiles;
    tune[VECS] = v->vecs;
    tune[BATCH] = (batch ? batch : 1) * v->tiles;
    tune[WORKERS] = o->base.device.units;
}

static void choose_filter(int *tune, const struct ocl *o,
                          const struct clade_op *op, const struct variant *v)
{
    tune[OUT] = op->window.r;
    tune[TILES] = v->tiles;
    tune[VECS] = v->vecs;
    tune[BATCH] = v->batch;
    tune[WORKERS] = min_int(o->base.device.units, 4);
    tune[RANGE] = op->t[CLADE_X].c;
}

static int candidates(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const bool filter = op->kind == CLADE_CONV_BWD_FILTER;
    const int l = lanes(o, op);
    const struct variant *all = filter ? l == 16 ? filters_of_32 : filters_of_16
                                : l == 16 ? images_of_32
                                          : images_of_16;
    int n = 0;

    for (int i = 0; i < VARIANTS && l; i++) {
        struct clade_choice choice = { .algorithm = "winograd",
                                       .tune = { [LANES] = l } };

        choice.tune[IMAGES] = ocl_conv_images(op, share(op));
        if (filter)
            choose_filter(choice.tune, o, op, &all[i]);
        else
            choose_image(choice.tune, o, op, &all[i]);
        if (!filter || op->t[CLADE_X].c % all[i].tiles == 0)
            n = ocl_conv_offer(list, n, max, &choice,
                               ocl_conv_cost(op, share(op)));
    }
    return n;
}

static int panel_of(const struct clade_op *op)
{
    return op->choice.tune[VECS] * op->choice.tune[LANES];
}

/* The output channels, rounded up to whole panels. */
static int padded_k(const struct clade_op *op)
{
    const int panel = panel_of(op);

    return div_up(ocl_conv_view(op).out->c, panel) * panel;
}

/* The transformed filter, or conv_bwd_filter's partial sums. */
static size_t first_floats(const struct clade_op *op)
{
    const size_t n =
        (size_t)FREQUENCIES * ocl_conv_view(op).in->c * padded_k(op);

    return op->kind == CLADE_CONV_BWD_FILTER ? op->choice.tune[WORKERS] * n : n;
}

/* The scratch of all work-items. */
static size_t scratch_floats(const struct clade_op *op)
{
    const int *tune = op->choice.tune;
    const int c = ocl_conv_view(op).in->c;
    const int channels = op->kind == CLADE_CONV_BWD_FILTER
                             ? tune[RANGE] + padded_k(op)
                             : c + panel_of(op);
    const int ranges =
        op->kind == CLADE_CONV_BWD_FILTER ? div_up(c, tune[RANGE]) : 1;

    return (size_t)tune[WORKERS] * ranges * FREQUENCIES * tune[BATCH] *
           channels;
}

/* The batches of the first n images, which are cut into launches. */
static int batches_of(const struct clade_op *op, int n)
{
    const int *tune = op->choice.tune, most = tune[IMAGES];

    return n / most * div_up(tiles_of(op, most), tune[BATCH]) +
           div_up(tiles_of(op, n % most), tune[BATCH]);
}

/* The sums of dy, [batches][K]. */
static size_t sum_floats(const struct clade_op *op)
{
    const struct clade_tensor *dy = &op->t[CLADE_DY];

    return op->t[CLADE_DB].buffer ? (size_t)batches_of(op, dy->n) * dy->c : 0;
}

/* Roundings of the transforms, in two dimensions each and without FMA: 4 of the
 * input's, at most 7 of the filter's and 4 of the output's. */
#define OF_TRANSFORMS (2 * (4 + 7 + 4))

/* The longest chain of sums between the transforms. */
static int chain(const struct clade_op *op)
{
    const int *tune = op->choice.tune;
    const int tiles = tiles_of(op, op->t[CLADE_DY].n);

    if (op->kind != CLADE_CONV_BWD_FILTER)
        return ocl_conv_view(op).in->c;
    return tune[BATCH] + div_up(tiles, tune[BATCH]) + tune[WORKERS];
}

static clade_status settle(struct ocl *o, struct clade_op *op)
{
    const bool integers = o->base.debug && o->base.debug->integers;
    const int out = op->choice.tune[OUT];

    op->workspace = sizeof(float) *
                    (first_floats(op) + scratch_floats(op) + sum_floats(op));
    op->depth = chain(op) + OF_TRANSFORMS + 1 +
                (op->t[CLADE_B].buffer || op->flags & CLADE_ACCUMULATE);
    op->winograd = (struct clade_winograd){ .m = out,
                                            .r = WINOGRAD_TILE + 1 - out,
                                            .a = integers ? 1 : 0.75f,
                                            .b = integers ? 2 : 1.5f };
    if (op->t[CLADE_DB].buffer) /* a tile of dy, a batch, the batches */
        op->depth_db = step_of(op) * step_of(op) + op->choice.tune[BATCH] +
                       batches_of(op, op->t[CLADE_DY].n);
    return CLADE_OK;
}

/* The sums of dy from image `first` on, with which a launch begins. */
static struct clade_tensor sums_of_dy(const struct clade_op *op, int first)
{
    return ocl_conv_scratch(op, first_floats(op) + scratch_floats(op) +
                                    (size_t)batches_of(op, first) *
                                        op->t[CLADE_DY].c);
}

/* Append a launch of a kernel that is built for the op, and with -D NAME=n. */
static clade_status launch(struct ocl_task *task, const struct clade_op *op,
                           const char *kernel, const char *name, int n,
                           struct ocl_grid grid, const struct ocl_arg *args,
                           size_t n_args)
{
    char options[160];

    snprintf(options, sizeof options,
             "-D VEC=%d -D VECS=%d -D OUT=%d -D WIN=%d -D STEP=%d "
             "-D POINT_A=%d/4.0f -D POINT_B=%d/4.0f -D %s=%d",
             op->choice.tune[LANES], op->choice.tune[VECS], op->winograd.m,
             op->winograd.r, step_of(op), (int)(4 * op->winograd.a),
             (int)(4 * op->winograd.b), name, n);
    return ocl_launch(task, &text, kernel, options, grid, args, n_args);
}

static clade_status transform_filter(struct ocl_task *task,
                                     const struct clade_op *op)
{
    const struct clade_tensor u = ocl_conv_scratch(op, 0);
    const struct ocl_view v = ocl_conv_view(op);
    const int l = op->choice.tune[LANES];

    return launch(
        task, op, "winograd_filter", "TURNED", op->kind == CLADE_CONV_BWD_DATA,
        OCL_GROUPS(v.out->c / l, v.in->c / l),
        OCL_ARGS(OCL_MEM(&u), OCL_MEM(&op->t[CLADE_W]), OCL_INT(v.in->c),
                 OCL_INT(v.out->c), OCL_INT(op->t[CLADE_W].ld)));
}

/* How many work-items share the tiles of `op`: a batch each, at least.  The
 * choice may have been made for more images. */
static int workers_of(const struct clade_op *op, int n)
{
    const int *tune = op->choice.tune;

    return min_int(tune[WORKERS], div_up(tiles_of(op, n), tune[BATCH]));
}

/* conv_bwd_filter makes as many partial sums as its first launch can. */
static int parts_of(const struct clade_op *op)
{
    return workers_of(op, min_int(op->t[CLADE_DY].n, op->choice.tune[IMAGES]));
}

/* Append the launch for the images of `op`. */
static clade_status images(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor u = ocl_conv_scratch(op, 0);
    const struct clade_tensor scratch = ocl_conv_scratch(op, first_floats(op));
    const struct ocl_view v = ocl_conv_view(op);
    const struct clade_tensor *in = v.in, *out = v.out;
    const int *tune = op->choice.tune;
    const int batches = div_up(tiles_of(op, out->n), tune[BATCH]);

    return launch(task, op, "conv_winograd", "TILES", tune[TILES],
                  OCL_GROUPS(min_int(batches, tune[WORKERS]), 1),
                  OCL_ARGS(OCL_MEM(out), OCL_MEM(in), OCL_MEM(&u),
                           OCL_MEM(&op->t[CLADE_B]), OCL_MEM(v.mask),
                           OCL_MEM(&scratch), OCL_INT(tune[BATCH]),
                           OCL_INT(out->n), OCL_INT(in->h), OCL_INT(in->w),
                           OCL_INT(in->c), OCL_INT(in->ld), OCL_INT(out->h),
                           OCL_INT(out->w), OCL_INT(out->c), OCL_INT(out->ld),
                           OCL_INT(v.mask->ld), OCL_INT(v.top), OCL_INT(v.left),
                           OCL_INT(ocl_epilogue(op))));
}

/* The same for conv_bwd_filter, in `n` parts; `first` images are in the sums
 * already. */
static clade_status parts(struct ocl_task *task, const struct clade_op *op,
                          int n, int first)
{
    const struct clade_tensor part = ocl_conv_scratch(op, 0);
    const struct clade_tensor scratch = ocl_conv_scratch(op, first_floats(op));
    const struct clade_tensor sums = sums_of_dy(op, first);
    const struct clade_tensor *x = &op->t[CLADE_X], *dy = &op->t[CLADE_DY];
    const int *tune = op->choice.tune;

    return launch(task, op, "winograd_filter_parts", "TILE_C", tune[TILES],
                  OCL_GROUPS(div_up(x->c, tune[RANGE]), n),
                  OCL_ARGS(OCL_MEM(&part), OCL_MEM(&sums), OCL_MEM(x),
                           OCL_MEM(dy), OCL_MEM(&scratch), OCL_INT(tune[BATCH]),
                           OCL_INT(tune[RANGE]), OCL_INT(tune[WORKERS]),
                           OCL_INT(dy->n), OCL_INT(x->h), OCL_INT(x->w),
                           OCL_INT(x->c), OCL_INT(x->ld), OCL_INT(dy->h),
                           OCL_INT(dy->w), OCL_INT(dy->c), OCL_INT(dy->ld),
                           OCL_INT(op->window.top), OCL_INT(op->window.left),
                           OCL_INT(first > 0), OCL_INT(op->flags)));
}

static clade_status sum_parts(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor part = ocl_conv_scratch(op, 0);
    const struct clade_tensor sums = sums_of_dy(op, 0);
    const struct clade_tensor *dw = &op->t[CLADE_DW], *db = &op->t[CLADE_DB];
    const int c = op->t[CLADE_X].c;
    clade_status st;

    if (db->buffer &&
        (st = ocl_bias_sum(task, db, &sums, batches_of(op, op->t[CLADE_DY].n))))
        return st;
    return launch(task, op, "winograd_filter_sum", "SUM", 1,
                  OCL_GROUPS(dw->c / op->choice.tune[LANES], c),
                  OCL_ARGS(OCL_MEM(dw), OCL_MEM(&part), OCL_INT(c),
                           OCL_INT(dw->ld), OCL_INT(padded_k(op)),
                           OCL_INT(parts_of(op))));
}

static clade_status filter(struct ocl_task *task, const struct clade_op *op)
{
    const int n = op->t[CLADE_DY].n, most = op->choice.tune[IMAGES];
    clade_status st = CLADE_OK;

    for (int first = 0; first < n && !st; first += most) {
        const struct clade_op part =
            ocl_conv_part(op, first, min_int(most, n - first));

        st = parts(task, &part, parts_of(op), first);
    }
    return st ? st : sum_parts(task, op);
}

static clade_status prepare(struct ocl_task *task, const struct clade_op *op)
{
    clade_status st;

    if (op->kind == CLADE_CONV_BWD_FILTER)
        return filter(task, op);
    st = transform_filter(task, op);
    return st ? st
              : ocl_conv_by_images(task, op, op->choice.tune[IMAGES], images);
}

const struct ocl_conv_algorithm ocl_winograd = {
    .name = "winograd",
    .text = &text,
    .candidates = candidates,
    .settle = settle,
    .prepare = prepare,
};
