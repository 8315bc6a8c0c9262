/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Winograd's products (cl/winograd.cl), for windows of 3x3 with stride 1.  They
 * multiply a quarter as often as `direct`, or a third where tiles overhang. The
 * workspace holds the transformed filter, and then each work-item's scratch.
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

/* What choice.tune holds. */
enum { OUT, TILES, VECS, LANES, BATCH, WORKERS, IMAGES };

static int div_up(int a, int b)
{
    return a / b + (a % b != 0);
}

/* What conv_fwd or conv_bwd_data reads and makes.  conv_bwd_data is a forward
 * pass over dy with a turned filter. */
struct view {
    const struct clade_tensor *in, *out, *mask;
    int top, left;
};

static struct view view_of(const struct clade_op *op)
{
    const struct clade_window *win = &op->window;
    const struct view forward = { &op->t[CLADE_X], &op->t[CLADE_Y],
                                  &op->t[CLADE_Y], win->top, win->left };
    const struct view backward = { &op->t[CLADE_DY], &op->t[CLADE_DX],
                                   &op->t[CLADE_X], win->r - 1 - win->top,
                                   win->s - 1 - win->left };

    return op->kind == CLADE_CONV_FWD ? forward : backward;
}

/* The tiles of n images. */
static int tiles_of(const struct clade_op *op, int n)
{
    const struct view v = view_of(op);
    const int out = op->choice.tune[OUT];

    return n * div_up(v.out->h, out) * div_up(v.out->w, out);
}

/* How much of the work of `direct` is left: products of 36 frequencies a tile,
 * in place of r * r for each pixel. */
static double remains(const struct clade_op *op)
{
    const struct view v = view_of(op);

    return (double)FREQUENCIES * tiles_of(op, v.out->n) /
           ((double)clade_tensor_pixels(v.out) * op->window.r * op->window.s);
}

static double share(const struct clade_op *op)
{
    return SHARE / remains(op);
}

/* Whether the kernels take such an op at all. */
static bool fits(const struct ocl *o, const struct clade_op *op, int l)
{
    const struct clade_window *win = &op->window;
    const struct view v = view_of(op);

    return ocl_is_wide(o) && win->r == 3 && win->s == 3 && win->stride == 1 &&
           v.in->c % l == 0 && v.out->c % l == 0;
}

/* 28 or 12 vectors of sums in registers; batches of tiles whose transforms take
 * half a MiB. */
static void choose(int *tune, const struct ocl *o, const struct clade_op *op,
                   int l)
{
    const int c = view_of(op).in->c;
    const int bytes = FREQUENCIES * c * (int)sizeof(float);
    int batches;

    tune[LANES] = l;
    tune[VECS] = 2;
    tune[TILES] = l == 16 ? 14 : 6;
    batches = (1 << 19) / (bytes * tune[TILES]);
    tune[BATCH] = tune[TILES] * (batches < 1 ? 1 : batches > 4 ? 4 : batches);
    tune[WORKERS] = o->base.device.units;
}

static int candidates(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const int width = o->base.device.vector_width;
    const int l = width >= 16 ? 16 : width >= 8 ? 8 : 4;
    struct clade_op chosen = *op;

    if (op->kind == CLADE_CONV_BWD_FILTER || !fits(o, op, l))
        return 0;
    chosen.choice = (struct clade_choice){ .algorithm = "winograd" };
    chosen.choice.tune[OUT] = 4;
    choose(chosen.choice.tune, o, op, l);
    chosen.choice.tune[IMAGES] = ocl_conv_images(op, share(&chosen));
    if (max > 0)
        list[0] = (struct backend_candidate){
            .choice = chosen.choice,
            .cost = ocl_conv_cost(op, share(&chosen)),
        };
    return 1;
}

static int panel_of(const struct clade_op *op)
{
    return op->choice.tune[VECS] * op->choice.tune[LANES];
}

static size_t filter_floats(const struct clade_op *op)
{
    const struct view v = view_of(op);
    const int panel = panel_of(op);

    return (size_t)FREQUENCIES * v.in->c * div_up(v.out->c, panel) * panel;
}

static size_t scratch_floats(const struct clade_op *op)
{
    const int *tune = op->choice.tune;

    return (size_t)tune[WORKERS] * FREQUENCIES * tune[BATCH] *
           (view_of(op).in->c + panel_of(op));
}

/*
 * Roundings: of the two dimensions of each transform, without FMA, 4 of the
 * input's, 5 of the filter's and 5 of the output's; C products in one chain;
 * the bias or the old value.
 */
static clade_status settle(struct ocl *o, struct clade_op *op)
{
    const bool integers = o->base.debug && o->base.debug->integers;
    const int added = !!(op->flags & (CLADE_BIAS | CLADE_ACCUMULATE));

    op->workspace = (filter_floats(op) + scratch_floats(op)) * sizeof(float);
    op->depth = view_of(op).in->c + 2 * (4 + 5 + 5) + 1 + added;
    op->winograd = (struct clade_winograd){ .m = op->choice.tune[OUT],
                                            .r = op->window.r,
                                            .a = integers ? 1 : 0.75f,
                                            .b = integers ? 2 : 1.5f };
    return CLADE_OK;
}

/* The transformed filter, and behind it the scratch. */
static struct clade_tensor part_of_workspace(const struct clade_op *op,
                                             size_t at)
{
    struct clade_tensor t = op->t[CLADE_WORKSPACE];

    t.offset += (int64_t)at;
    return t;
}

static void points(char *options, size_t size, const struct clade_op *op)
{
    snprintf(options, size,
             "-D VEC=%d -D VECS=%d -D WIN=%d -D POINT_A=%d/4.0f "
             "-D POINT_B=%d/4.0f",
             op->choice.tune[LANES], op->choice.tune[VECS], op->winograd.r,
             (int)(4 * op->winograd.a), (int)(4 * op->winograd.b));
}

static clade_status filter(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor u = part_of_workspace(op, 0);
    const struct view v = view_of(op);
    const int l = op->choice.tune[LANES];
    char options[160];
    size_t used;

    points(options, sizeof options, op);
    used = strlen(options);
    snprintf(options + used, sizeof options - used, " -D TURNED=%d",
             op->kind == CLADE_CONV_BWD_DATA);
    return ocl_launch(task, &text, "winograd_filter", options,
                      OCL_GROUPS(v.out->c / l, v.in->c / l),
                      OCL_ARGS(OCL_MEM(&u), OCL_MEM(&op->t[CLADE_W]),
                               OCL_INT(v.in->c), OCL_INT(v.out->c)));
}

/* Append the launch for the images of `op`. */
static clade_status images(struct ocl_task *task, const struct clade_op *op)
{
    const struct clade_tensor u = part_of_workspace(op, 0);
    const struct clade_tensor scratch =
        part_of_workspace(op, filter_floats(op));
    const struct view v = view_of(op);
    const struct clade_tensor *in = v.in, *out = v.out;
    const int *tune = op->choice.tune;
    const int batches = div_up(tiles_of(op, out->n), tune[BATCH]);
    const int workers = batches < tune[WORKERS] ? batches : tune[WORKERS];
    char options[160];
    size_t used;

    points(options, sizeof options, op);
    used = strlen(options);
    snprintf(options + used, sizeof options - used, " -D OUT=%d -D TILES=%d",
             tune[OUT], tune[TILES]);
    return ocl_launch(
        task, &text, "conv_winograd", options, OCL_GROUPS(workers, 1),
        OCL_ARGS(OCL_MEM(out), OCL_MEM(in), OCL_MEM(&u),
                 OCL_MEM(&op->t[CLADE_B]), OCL_MEM(v.mask), OCL_MEM(&scratch),
                 OCL_INT(tune[BATCH]), OCL_INT(out->n), OCL_INT(in->h),
                 OCL_INT(in->w), OCL_INT(in->c), OCL_INT(in->ld),
                 OCL_INT(out->h), OCL_INT(out->w), OCL_INT(out->c),
                 OCL_INT(out->ld), OCL_INT(v.mask->ld), OCL_INT(v.top),
                 OCL_INT(v.left), OCL_INT(ocl_epilogue(op))));
}

static clade_status prepare(struct ocl_task *task, const struct clade_op *op)
{
    const int n = view_of(op).out->n, most = op->choice.tune[IMAGES];
    clade_status st = filter(task, op);

    for (int first = 0; first < n && !st; first += most) {
        const struct clade_op part =
            ocl_conv_part(op, first, most < n - first ? most : n - first);

        st = images(task, &part);
    }
    return st;
}

const struct ocl_conv_algorithm ocl_winograd = {
    .name = "winograd",
    .candidates = candidates,
    .settle = settle,
    .prepare = prepare,
};
