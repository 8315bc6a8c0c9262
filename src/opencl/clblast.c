/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convolution as CLBlast's matrix product, with our own im2col around it where
 * the window is more than a pixel (cl/im2col.cl).  Row-major products of NHWC
 * images: M pixels, and slices of channels as leading dimensions.
 *
 * The workspace is CLBlast's temporary buffer, from byte 0 as it wants it, and
 * behind it the columns.
 */
#include "conv.h"

#include <clblast_c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)
#define CLBLAST_TEXT                                                           \
    TEXT(CLBLAST_VERSION_MAJOR)                                                \
    "." TEXT(CLBLAST_VERSION_MINOR) "." TEXT(CLBLAST_VERSION_PATCH)

/* op->tune */
enum { IMAGES, TEMP_KIB };

/* Columns of one chunk of images take no more than this, if an image does. */
#define COLUMNS_MAX ((size_t)64 << 20)

/* One product: C[m,n] = op(A) op(B) + beta*C, row-major. */
struct gemm {
    bool a_transposed, b_transposed;
    size_t m, n, k;
    struct clade_tensor a, b, c; /* only buffer, offset and ld count */
    float beta;
};

static clade_status check(CLBlastStatusCode code, const struct clade_op *op)
{
    if (code == CLBlastSuccess)
        return CLADE_OK;
    if (code > -1024)
        return ocl_check(code, "CLBlastSgemm", op);
    return clade_fail(CLADE_EDEVICE,
                      "%s: CLBlastSgemm: status %d; try --algorithm direct",
                      op_describe(op), code);
}

static CLBlastTranspose transpose(bool yes)
{
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static clade_status queue_gemm(struct ocl *o, const struct clade_op *op,
                               const struct gemm *g, cl_mem temp)
{
    cl_event event = NULL;
    clade_status st;

    st = check(CLBlastSgemmWithTempBuffer(
                   CLBlastLayoutRowMajor, transpose(g->a_transposed),
                   transpose(g->b_transposed), g->m, g->n, g->k, 1.0f,
                   ocl_mem(&g->a), g->a.offset, g->a.ld, ocl_mem(&g->b),
                   g->b.offset, g->b.ld, g->beta, ocl_mem(&g->c), g->c.offset,
                   g->c.ld, &o->queue, &event, temp),
               op);
    if (!st)
        ocl_pending_add(o, op, event);
    ocl_launched(o, "CLBlast", g->beta ? "beta" : "", "Sgemm",
                 &OCL_GRID(g->m, g->n, g->k));
    return st;
}

/* CLBlast builds its kernels, all at once, when a context first calls it: let
 * that be now, with a product of one element. */
static clade_status build_kernels(struct ocl *o, const struct clade_op *op)
{
    struct gemm g = { .m = 1, .n = 1, .k = 1, .a.ld = 1, .b.ld = 1, .c.ld = 1 };
    struct clade_buffer *cell[4] = { 0 };
    clade_status st = CLADE_OK;

    for (int i = 0; i < 4 && !st; i++)
        if (!(st = clade_backend_alloc(&o->base, &cell[i], 4,
                                       CLADE_MEMORY_DEVICE)))
            st = clade_backend_fill(&o->base, cell[i], 0, 4, 0);
    if (!st) {
        g.a.buffer = cell[0];
        g.b.buffer = cell[1];
        g.c.buffer = cell[2];
        st = queue_gemm(o, op, &g, ((struct ocl_buffer *)cell[3])->mem);
    }
    if (!st)
        st = clade_backend_finish(&o->base);
    for (int i = 0; i < 4; i++)
        clade_backend_free(&o->base, cell[i]);
    o->clblast_built = !st;
    return st;
}

static clade_status gemm(struct ocl *o, const struct clade_op *op,
                         const struct gemm *g, cl_mem temp)
{
    if (!o->preparing)
        return queue_gemm(o, op, g, temp);
    return o->clblast_built ? CLADE_OK : build_kernels(o, op);
}

/* A convolution's columns are its image itself. */
static bool is_pointwise(const struct clade_op *op)
{
    const struct clade_window *win = &op->window;

    return win->r == 1 && win->s == 1 && win->stride == 1 && !win->top &&
           !win->left && !win->bottom && !win->right;
}

/* The images of x and of dy, whatever the direction calls them. */
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

/* R*S*C, the length of a column. */
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

/* The columns of `op`'s images: x itself, or behind the temporary buffer. */
static struct clade_tensor columns(const struct clade_op *op)
{
    struct clade_tensor t = *x_of(op);

    if (is_pointwise(op))
        return t;
    t.buffer = op->t[CLADE_WORKSPACE].buffer;
    t.offset = (int64_t)op->tune[TEMP_KIB] * (1024 / sizeof(float));
    t.ld = column(op);
    return t;
}

/* The product of an op whose images are one chunk. */
static struct gemm gemm_of(const struct clade_op *op, bool first)
{
    const struct clade_tensor *dy = dy_of(op);
    const size_t pixels = clade_tensor_pixels(dy);
    const size_t col = column(op);
    const bool add = op->flags & CLADE_ACCUMULATE;
    struct clade_tensor filter = *filter_of(op);

    filter.ld = filter.c;
    switch (op->kind) {
    case CLADE_CONV_FWD: /* y = columns * w */
        return (struct gemm){ false,       false,  pixels, dy->c, col,
                              columns(op), filter, *dy,    0.0f };
    case CLADE_CONV_BWD_DATA: /* columns = dy * transposed w */
        return (struct gemm){
            false,  true,        pixels,
            col,    dy->c,       *dy,
            filter, columns(op), add && is_pointwise(op) ? 1.0f : 0.0f
        };
    default: /* dw = transposed columns * dy, chunk by chunk */
        return (struct gemm){ true,  false,  col,
                              dy->c, pixels, columns(op),
                              *dy,   filter, first ? 0.0f : 1.0f };
    }
}

static clade_status temp_bytes(size_t *bytes, struct ocl *o,
                               const struct clade_op *op)
{
    const struct gemm g = gemm_of(op, true);

    /* an offset, which the tensors do not have yet, can want a copy */
    return check(CLBlastSGemmTempBufferSize(
                     CLBlastLayoutRowMajor, transpose(g.a_transposed),
                     transpose(g.b_transposed), g.m, g.n, g.k, 1, g.a.ld, 1,
                     g.b.ld, 1, g.c.ld, &o->queue, bytes),
                 op);
}

static bool supports(struct ocl *o, const struct clade_op *op)
{
    (void)o;
    (void)op;
    return true;
}

/* As many images at a time as a launch and the columns allow. */
static int chunk_images(const struct clade_op *op)
{
    const size_t bytes = column_bytes(op, 1);
    const int by_flops = ocl_conv_images(op);

    if (!bytes || bytes * by_flops <= COLUMNS_MAX)
        return by_flops;
    return bytes > COLUMNS_MAX ? 1 : (int)(COLUMNS_MAX / bytes);
}

static clade_status choose(struct ocl *o, struct clade_op *op)
{
    const int n = dy_of(op)->n;
    const int chunk = chunk_images(op);
    const int images = chunk < n ? chunk : n;
    const struct clade_op whole = ocl_conv_part(op, 0, images);
    const struct clade_op last =
        ocl_conv_part(op, 0, n % images ? n % images : images);
    size_t most, other;
    clade_status st;

    op->tune[IMAGES] = images;
    if ((st = temp_bytes(&most, o, &whole)) ||
        (st = temp_bytes(&other, o, &last)))
        return st;
    if (other > most)
        most = other;
    op->tune[TEMP_KIB] = (int)((most + 1023) / 1024);
    op->workspace =
        (size_t)op->tune[TEMP_KIB] * 1024 + column_bytes(op, images);
    /* products in any order, chunks and accumulation, col2im, bias */
    op->depth =
        (int)(op->kind == CLADE_CONV_FWD ? column(op)
              : op->kind == CLADE_CONV_BWD_DATA
                  ? filter_of(op)->c + filter_of(op)->n * filter_of(op)->h
                  : clade_tensor_pixels(dy_of(op)) +
                        (n + images - 1) / images) +
        1 + !!(op->flags & (CLADE_BIAS | CLADE_ACCUMULATE));
    return CLADE_OK;
}

static clade_status im2col(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *x = x_of(op);
    const struct clade_tensor *y = dy_of(op);
    const struct clade_window *win = &op->window;
    const struct clade_tensor col = columns(op);
    const int pixels = (int)clade_tensor_pixels(y);

    return ocl_launch(
        o, op, OCL_IM2COL, "im2col", "",
        OCL_GRID(x->c, win->r * win->s, pixels),
        OCL_ARGS(OCL_MEM(&col), OCL_MEM(x), OCL_INT(x->h), OCL_INT(x->w),
                 OCL_INT(x->c), OCL_INT(x->ld), OCL_INT(y->h), OCL_INT(y->w),
                 OCL_INT(win->r), OCL_INT(win->s), OCL_INT(win->stride),
                 OCL_INT(win->top), OCL_INT(win->left), OCL_INT(pixels)));
}

static clade_status col2im(struct ocl *o, const struct clade_op *op)
{
    const struct clade_tensor *dx = &op->t[CLADE_DX];
    const struct clade_tensor *dy = &op->t[CLADE_DY];
    const struct clade_tensor *mask = &op->t[CLADE_X];
    const struct clade_window *win = &op->window;
    const struct clade_tensor col = columns(op);

    return ocl_launch(
        o, op, OCL_IM2COL, "col2im", "", OCL_GRID(dx->c, dx->w, dx->n * dx->h),
        OCL_ARGS(OCL_MEM(dx), OCL_MEM(&col), OCL_MEM(mask), OCL_INT(dx->h),
                 OCL_INT(dx->w), OCL_INT(dx->c), OCL_INT(dx->ld),
                 OCL_INT(mask->ld), OCL_INT(dy->h), OCL_INT(dy->w),
                 OCL_INT(win->r), OCL_INT(win->s), OCL_INT(win->stride),
                 OCL_INT(win->top), OCL_INT(win->left),
                 OCL_INT(!!(op->flags & CLADE_ACCUMULATE)),
                 OCL_INT(!!(op->flags & CLADE_RELU)), OCL_INT(dx->n * dx->h)));
}

/* What of bias, ReLU and mask the product has left over. */
static clade_status epilogue(struct ocl *o, const struct clade_op *op)
{
    const bool fwd = op->kind == CLADE_CONV_FWD;
    const struct clade_tensor *y = &op->t[fwd ? CLADE_Y : CLADE_DX];
    const struct clade_tensor *mask = &op->t[CLADE_X];
    const int relu = !(op->flags & CLADE_RELU) ? 0 : fwd ? 1 : 2;
    const int pixels = (int)clade_tensor_pixels(y);

    if (!relu && !(op->flags & CLADE_BIAS))
        return CLADE_OK;
    return ocl_launch(
        o, op, OCL_IM2COL, "conv_epilogue", "", OCL_GRID(y->c, pixels, 1),
        OCL_ARGS(OCL_MEM(y), OCL_MEM(&op->t[CLADE_B]), OCL_MEM(mask),
                 OCL_INT(y->c), OCL_INT(y->ld), OCL_INT(mask->ld),
                 OCL_INT(!!(op->flags & CLADE_BIAS)), OCL_INT(relu),
                 OCL_INT(pixels)));
}

static clade_status run_chunk(struct ocl *o, const struct clade_op *op,
                              bool first)
{
    const struct gemm g = gemm_of(op, first);
    const cl_mem temp = ocl_mem(&op->t[CLADE_WORKSPACE]);
    const bool pointwise = is_pointwise(op);
    clade_status st;

    if (op->kind != CLADE_CONV_BWD_DATA && !pointwise && (st = im2col(o, op)))
        return st;
    if ((st = gemm(o, op, &g, temp)))
        return st;
    if (op->kind == CLADE_CONV_BWD_FILTER)
        return CLADE_OK;
    return op->kind == CLADE_CONV_BWD_DATA && !pointwise ? col2im(o, op)
                                                         : epilogue(o, op);
}

static clade_status run(struct ocl *o, const struct clade_op *op)
{
    const int n = dy_of(op)->n;
    const int images = op->tune[IMAGES];

    for (int first = 0; first < n; first += images) {
        const int count = images < n - first ? images : n - first;
        const struct clade_op chunk = ocl_conv_part(op, first, count);
        clade_status st = run_chunk(o, &chunk, first == 0);

        if (st)
            return st;
    }
    return CLADE_OK;
}

/*
 * CLBlast's own faults (its issue 543: only the kernel for large products, and
 * only with some parameters) make each full shape worth a look, once: operands
 * of small integers, so that a right product is right to the bit.
 */
enum { CHECKED = 256 };

/* An integer in -2 ... 2 that depends on i alone. */
static float small_integer(size_t i)
{
    return (float)((i * 2654435761u >> 16) % 5) - 2.0f;
}

static clade_status fill_integers(struct ocl *o, struct clade_tensor *t,
                                  size_t n)
{
    float *host = malloc(n * sizeof(float));
    clade_status st;

    *t = (struct clade_tensor){ .ld = t->ld };
    if (!host)
        return clade_fail(CLADE_ENOMEM, "no %zu bytes to check a product",
                          n * sizeof(float));
    st = clade_backend_alloc(&o->base, &t->buffer, n * sizeof(float),
                             CLADE_MEMORY_DEVICE);
    for (size_t i = 0; i < n; i++)
        host[i] = small_integer(i);
    if (!st)
        st = clade_backend_write(&o->base, t->buffer, 0, host,
                                 n * sizeof(float));
    if (!st)
        st = clade_backend_finish(&o->base);
    free(host);
    return st;
}

/* Element (i,j) of the product, from the operands' definition. */
static double exact(const struct gemm *g, size_t i, size_t j)
{
    double sum = g->beta * small_integer(i * g->c.ld + j);

    for (size_t l = 0; l < g->k; l++)
        sum +=
            (double)small_integer(g->a_transposed ? l * g->a.ld + i
                                                  : i * g->a.ld + l) *
            small_integer(g->b_transposed ? j * g->b.ld + l : l * g->b.ld + j);
    return sum;
}

static bool elements_right(const struct gemm *g, const float *c)
{
    for (size_t e = 0; e < CHECKED; e++) {
        const size_t i = (e * 2654435761u >> 7) % g->m;
        const size_t j = (e * 40503u >> 3) % g->n;

        if ((double)c[i * g->c.ld + j] != exact(g, i, j))
            return false;
    }
    return true;
}

/* Run a product of `op` on made operands. */
static clade_status run_made(bool *right, struct ocl *o,
                             const struct clade_op *op, struct gemm g)
{
    const size_t temp_bytes = (size_t)op->tune[TEMP_KIB] * 1024;
    const size_t rows_a = g.a_transposed ? g.k : g.m;
    const size_t rows_b = g.b_transposed ? g.n : g.k;
    struct clade_tensor temp = { 0 };
    float *host = malloc(g.m * g.c.ld * sizeof(float));
    clade_status st = CLADE_OK;

    g.a.buffer = g.b.buffer = g.c.buffer = NULL;
    if (!host)
        st = clade_fail(CLADE_ENOMEM, "no memory to check a product");
    if (!st)
        st = fill_integers(o, &g.a, rows_a * g.a.ld);
    if (!st)
        st = fill_integers(o, &g.b, rows_b * g.b.ld);
    if (!st)
        st = fill_integers(o, &g.c, g.m * g.c.ld);
    if (!st)
        st = clade_backend_alloc(&o->base, &temp.buffer,
                                 temp_bytes ? temp_bytes : 4,
                                 CLADE_MEMORY_DEVICE);
    if (!st)
        st = queue_gemm(o, op, &g, ocl_mem(&temp));
    if (!st)
        st = clade_backend_read(&o->base, host, g.c.buffer, 0,
                                g.m * g.c.ld * sizeof(float));
    if (!st)
        *right = elements_right(&g, host);
    clade_backend_free(&o->base, temp.buffer);
    clade_backend_free(&o->base, g.c.buffer);
    clade_backend_free(&o->base, g.b.buffer);
    clade_backend_free(&o->base, g.a.buffer);
    free(host);
    return st;
}

static void say_checking(struct ocl *o, const struct gemm *g)
{
    char text[128];

    if (!o->base.say)
        return;
    snprintf(text, sizeof text,
             "checking CLBlast once on this device: product %zux%zux%zu%s",
             g->m, g->n, g->k, g->beta ? ", added" : "");
    o->base.say(o->base.say_arg, text);
}

/* Whether a device still answers: what it failed at need not be its end. */
static clade_status ask_device(struct ocl *o)
{
    struct clade_buffer *cell;
    uint32_t word;
    clade_status st;

    if (clade_backend_alloc(&o->base, &cell, sizeof word, CLADE_MEMORY_DEVICE))
        return CLADE_OK; /* no memory: an answer */
    st = clade_backend_read(&o->base, &word, cell, 0, sizeof word);
    clade_backend_free(&o->base, cell);
    return st;
}

/* The cache's word on a product of `op`, or a check's, which it then keeps. */
static clade_status product_right(bool *right, struct ocl *o,
                                  const struct clade_op *op,
                                  const struct gemm *g)
{
    char key[256], *kept;
    clade_status st;

    snprintf(key, sizeof key,
             "clblast " CLBLAST_TEXT " product %d%d %zu %zu %zu ld %d %d %d%s",
             g->a_transposed, g->b_transposed, g->m, g->n, g->k, g->a.ld,
             g->b.ld, g->c.ld, g->beta ? " added" : "");
    kept = ocl_cache_get(o, key);
    if (kept) {
        *right = !strcmp(kept, "right");
        free(kept);
        return CLADE_OK;
    }
    say_checking(o, g);
    if ((st = run_made(right, o, op, *g)))
        return st;
    ocl_cache_put(o, key, *right ? "right" : "wrong");
    return CLADE_OK;
}

/* The products of an op that differ: the first chunk's; a later one's, where
 * that is added; the last one's, of fewer images. */
static int products(struct gemm g[3], const struct clade_op *op)
{
    const int n = dy_of(op)->n, images = op->tune[IMAGES];
    const struct clade_op whole = ocl_conv_part(op, 0, images);
    const struct clade_op rest = ocl_conv_part(op, 0, n % images);
    int count = 0;

    g[count++] = gemm_of(&whole, true);
    if (op->kind == CLADE_CONV_BWD_FILTER && n / images > 1)
        g[count++] = gemm_of(&whole, false);
    if (n % images)
        g[count++] = gemm_of(&rest, false);
    return count;
}

/* Whether all products of `op` are right. */
static clade_status op_right(bool *right, struct ocl *o,
                             const struct clade_op *op)
{
    struct clade_op sized = *op;
    clade_status st = choose(o, &sized);
    struct gemm g[3];
    int n;

    if (st)
        return st;
    n = products(g, &sized);
    *right = true;
    for (int i = 0; i < n && *right; i++)
        if ((st = product_right(right, o, &sized, &g[i])))
            return st;
    return CLADE_OK;
}

static clade_status check_op(enum ocl_verdict *verdict, struct ocl *o,
                             const struct clade_op *op)
{
    char why[512];
    bool right;
    clade_status st;

    if ((st = clade_backend_finish(&o->base)))
        return st; /* of what was queued before */
    if (!op_right(&right, o, op)) {
        *verdict = right ? OCL_RIGHT : OCL_WRONG;
        return CLADE_OK;
    }
    snprintf(why, sizeof why, "%s", clade_error());
    st = ask_device(o);
    *verdict = OCL_NOT_CHECKED;
    return clade_fail(st, "%s", why);
}

const struct ocl_conv_algorithm ocl_clblast = {
    .name = "clblast",
    .supports = supports,
    .choose = choose,
    .check = check_op,
    .run = run,
};
