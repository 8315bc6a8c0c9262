/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution by another library's matrix product (gemm.h).  Where the window
 * is more than a pixel, our own im2col makes a matrix of the image first
 * (cl/im2col.cl).  Products are row-major, with a row for each pixel of the
 * NHWC images; for a slice of channels the leading dimension is all channels.
 *
 * The workspace is the library's temporary memory, which CLBlast uses from byte
 * 0, and then the columns.  After the products it holds the partial sums of db.
 */
#include "conv.h"
#include "gemm.h"

#include <limits.h>

static const char source[] = {
#include "cl/im2col.inc"
    0
};
static const struct ocl_text text = { "im2col.cl", source };

/* What choice.tune holds: the images of a chunk. */
enum { IMAGES };

/* The columns of a chunk take at most this, unless one image takes more. */
#define COLUMNS_MAX ((size_t)64 << 20)

/* The most pixels in a product.  They can be dimension 1 of CLBlast's grids,
 * whose smallest groups take 8. */
#define PIXELS_MAX (8 * OCL_GROUPS_MAX)

/* CLBlast reaches at most a sixth of a device's peak at GoogLeNet's shapes, and
 * less than a hundredth for gradients of small filters. */
#define SHARE 0.1

/* Whether the columns are the image itself. */
static bool is_pointwise(const struct clade_op *op)
{
    const struct clade_window *win = &op->window;

    return win->r == 1 && win->s == 1 && win->stride == 1 && !win->top &&
           !win->left && !win->bottom && !win->right;
}

/* The image on the input's side, which is x or dx; below it, the one on the
 * output's side, which is y or dy. */
static const struct clade_tensor *x_of(const struct clade_op *op)
{
    return &op->t[op->kind == CLADE_CONV_BWD_DATA ? CLADE_DX : CLADE_X];
}

static const struct clade_tensor *dy_of(const struct clade_op *op)
{
    return &op->t[op->kind == CLADE_CONV_FWD ? CLADE_Y : CLADE_DY];
}

static const struct clade_tensor *filter_of(const struct clade_op *op)
{
    return &op->t[op->kind == CLADE_CONV_BWD_FILTER ? CLADE_DW : CLADE_W];
}

/* The length of a column, R*S*C. */
static int column(const struct clade_op *op)
{
    const struct clade_tensor *w = filter_of(op);

    return w->n * w->h * w->w;
}

static size_t column_bytes(const struct clade_op *op, int images)
{
    const struct clade_tensor *dy = dy_of(op);

    return is_pointwise(op)
               ? 0
               : sizeof(float) * images * dy->h * dy->w * column(op);
}

/* The columns of `op`'s images: x itself, or behind the temporary memory. */
static struct clade_tensor columns_of(const struct clade_op *op,
                                      size_t temporary)
{
    struct clade_tensor t = *x_of(op);

    if (is_pointwise(op))
        return t;
    t.buffer = op->t[CLADE_WORKSPACE].buffer;
    t.offset = (int64_t)(temporary / sizeof(float));
    t.ld = column(op);
    return t;
}

/* The product of an op whose images are one chunk. */
static struct ocl_gemm gemm_of(const struct clade_op *op, bool first,
                               const struct clade_tensor *columns)
{
    const struct clade_tensor *dy = dy_of(op);
    const size_t pixels = clade_tensor_pixels(dy);
    const size_t col = column(op);
    const bool add = op->flags & CLADE_ACCUMULATE;
    const struct clade_tensor filter = *filter_of(op);

    switch (op->kind) {
    case CLADE_CONV_FWD: /* y = columns * w */
        return (struct ocl_gemm){ false,    false,  pixels, dy->c, col,
                                  *columns, filter, *dy,    0.0f };
    case CLADE_CONV_BWD_DATA: /* columns = dy * transposed w */
        return (struct ocl_gemm){
            false,  true,     pixels,
            col,    dy->c,    *dy,
            filter, *columns, add && is_pointwise(op) ? 1.0f : 0.0f
        };
    default: /* dw = transposed columns * dy, chunk by chunk */
        return (struct ocl_gemm){ true,  false,  col,
                                  dy->c, pixels, *columns,
                                  *dy,   filter, first ? 0.0f : 1.0f };
    }
}

/* How many images a launch, its grid and the columns' memory allow at a
 * time. */
static int chunk_images(const struct clade_op *op)
{
    const struct clade_tensor *dy = dy_of(op);
    const size_t bytes = column_bytes(op, 1);
    const size_t by_memory = bytes ? COLUMNS_MAX / bytes : INT_MAX;
    const size_t by_pixels = PIXELS_MAX / ((size_t)dy->h * dy->w);
    size_t n = (size_t)ocl_conv_images(op, SHARE);

    n = n < by_memory ? n : by_memory;
    n = n < by_pixels ? n : by_pixels;
    return n ? (int)n : 1;
}

/* CLBlast's kernels run in groups of 8 x 8 work-items at least. */
static bool has_groups(const struct ocl *o)
{
    return o->items[0] >= 8 && o->items[1] >= 8;
}

static int candidates(struct ocl *o, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const int chunk = chunk_images(op), n = dy_of(op)->n;

    if (!ocl_gemm_library || !has_groups(o))
        return 0;
    if (max > 0)
        list[0] = (struct backend_candidate){
            .choice = { "clblast", { [IMAGES] = chunk < n ? chunk : n } },
            .cost = ocl_conv_cost(op, SHARE),
            /* where launches are only listed, nothing can be tried */
            .unproven = o->list ? NULL : ocl_gemm_library,
            .build = ocl_gemm_build(),
        };
    return 1;
}

/* The bytes of temporary memory that is enough for a whole chunk and for the
 * last one; a multiple of 1 KiB, so that the columns begin on a cache line. */
static clade_status temporary_bytes(size_t *bytes, struct ocl *o,
                                    const struct clade_op *op)
{
    const int images = op->choice.tune[IMAGES], rest = dy_of(op)->n % images;
    const int sizes[] = { images, rest ? rest : images };

    *bytes = 0;
    for (int i = 0; i < 2; i++) {
        const struct clade_op chunk = ocl_conv_part(op, 0, sizes[i]);
        const struct clade_tensor col = columns_of(&chunk, 0);
        const struct ocl_gemm gemm = gemm_of(&chunk, true, &col);
        size_t wanted;
        clade_status st = ocl_gemm_bytes(&wanted, o, op, &gemm);

        if (st)
            return st;
        wanted = (wanted + 1023) / 1024 * 1024;
        *bytes = *bytes < wanted ? wanted : *bytes;
    }
    return CLADE_OK;
}

/* A product may sum in any order.  Adding chunks, col2im's sum, the bias and
 * the old value come on top. */
static int depth(const struct clade_op *op)
{
    const int images = op->choice.tune[IMAGES];
    const int added = !!(op->flags & (CLADE_BIAS | CLADE_ACCUMULATE));

    switch (op->kind) {
    case CLADE_CONV_FWD:
        return column(op) + 1 + added;
    case CLADE_CONV_BWD_DATA:
        return filter_of(op)->c + filter_of(op)->n * filter_of(op)->h + 1 +
               added;
    default:
        return (int)clade_tensor_pixels(dy_of(op)) +
               (dy_of(op)->n + images - 1) / images + 1;
    }
}

static clade_status settle(struct ocl *o, struct clade_op *op)
{
    size_t temporary;
    clade_status st = temporary_bytes(&temporary, o, op);

    op->workspace = temporary + column_bytes(op, op->choice.tune[IMAGES]);
    op->depth = depth(op);
    if (op->t[CLADE_DB].buffer)
        ocl_bias_settle(op);
    return st;
}

static clade_status im2col(struct ocl_task *task, const struct clade_op *op,
                           const struct clade_tensor *col)
{
    const struct clade_tensor *x = x_of(op);
    const struct clade_tensor *y = dy_of(op);
    const struct clade_window *win = &op->window;
    const int rows = (int)clade_tensor_pixels(y) * win->r * win->s;

    return ocl_launch(
        task, &text, "im2col", "-D VEC=1", OCL_GRID(x->c, rows),
        OCL_ARGS(OCL_MEM(col), OCL_MEM(x), OCL_INT(x->h), OCL_INT(x->w),
                 OCL_INT(x->c), OCL_INT(x->ld), OCL_INT(y->h), OCL_INT(y->w),
                 OCL_INT(win->r), OCL_INT(win->s), OCL_INT(win->stride),
                 OCL_INT(win->top), OCL_INT(win->left), OCL_INT(rows)));
}

static clade_status col2im(struct ocl_task *task, const struct clade_op *op,
                           const struct clade_tensor *col)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *mask = &op->t[CLADE_X];
    const struct clade_window *win = &op->window;
    const int pixels = (int)clade_tensor_pixels(dx);

    return ocl_launch(
        task, &text, "col2im", "-D VEC=1", OCL_GRID(dx->c, pixels),
        OCL_ARGS(OCL_MEM(dx), OCL_MEM(col), OCL_MEM(mask), OCL_INT(dx->h),
                 OCL_INT(dx->w), OCL_INT(dx->c), OCL_INT(dx->ld),
                 OCL_INT(mask->ld), OCL_INT(dy->h), OCL_INT(dy->w),
                 OCL_INT(win->r), OCL_INT(win->s), OCL_INT(win->stride),
                 OCL_INT(win->top), OCL_INT(win->left), OCL_INT(pixels),
                 OCL_INT(ocl_epilogue(op))));
}

/* Bias, ReLU and mask, which the product cannot do. */
static clade_status epilogue(struct ocl_task *task, const struct clade_op *op)
{
    const bool fwd = op->kind == CLADE_CONV_FWD;
    const struct clade_tensor *y = &op->t[fwd ? CLADE_Y : CLADE_DX];
    const struct clade_tensor *mask = &op->t[CLADE_X];
    const int left_over = ocl_epilogue(op) & ~CLADE_ACCUMULATE;
    const int pixels = (int)clade_tensor_pixels(y);

    if (!left_over)
        return CLADE_OK;
    return ocl_launch(
        task, &text, "conv_epilogue", "-D VEC=1", OCL_GRID(y->c, pixels),
        OCL_ARGS(OCL_MEM(y), OCL_MEM(&op->t[CLADE_B]), OCL_MEM(mask),
                 OCL_INT(y->c), OCL_INT(y->ld), OCL_INT(mask->ld),
                 OCL_INT(pixels), OCL_INT(left_over)));
}

/* Append the launches for a chunk; `first`: nothing has been summed yet. */
static clade_status prepare_chunk(struct ocl_task *task,
                                  const struct clade_op *op, bool first,
                                  size_t temporary)
{
    const struct clade_tensor col = columns_of(op, temporary);
    const struct ocl_gemm gemm = gemm_of(op, first, &col);
    const bool pointwise = is_pointwise(op);
    clade_status st;

    if (op->kind != CLADE_CONV_BWD_DATA && !pointwise &&
        (st = im2col(task, op, &col)))
        return st;
    if ((st = ocl_gemm_launch(task, op, &gemm, &op->t[CLADE_WORKSPACE])))
        return st;
    if (op->kind == CLADE_CONV_BWD_FILTER)
        return CLADE_OK;
    return op->kind == CLADE_CONV_BWD_DATA && !pointwise
               ? col2im(task, op, &col)
               : epilogue(task, op);
}

static clade_status prepare(struct ocl_task *task, const struct clade_op *op)
{
    const int n = dy_of(op)->n, images = op->choice.tune[IMAGES];
    size_t temporary;
    clade_status st = temporary_bytes(&temporary, ocl_of(task), op);

    for (int first = 0; first < n && !st; first += images) {
        const int count = images < n - first ? images : n - first;
        const struct clade_op chunk = ocl_conv_part(op, first, count);

        st = prepare_chunk(task, &chunk, first == 0, temporary);
    }
    return st || !op->t[CLADE_DB].buffer ? st : ocl_bias(task, op);
}

const struct ocl_conv_algorithm ocl_clblast = {
    .name = "clblast",
    .text = &text,
    .candidates = candidates,
    .settle = settle,
    .prepare = prepare,
};
