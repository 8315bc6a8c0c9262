/* SPDX-License-Identifier: Apache-2.0 */
#include "opmaker.h"

#include "cpu/cpu.h"
#include "rng.h"
#include "tap.h"

/* clang-format off */
const struct shape shapes[] = {
    /* why                              n   h   w   c   k  r  s st  same  gap */
    { "3x3 same",                        2,  5,  6,  3,  5, 3, 3, 1, true,  0 },
    { "3x3/2 same, odd image",           2,  7,  5,  4,  9, 3, 3, 2, true,  0 },
    { "3x3/2 same, even image",          1,  6,  8,  8,  8, 3, 3, 2, true,  1 },
    { "7x7/2 of three channels",         1, 13, 11,  3, 17, 7, 7, 2, true,  0 },
    { "1x1, all pixels one row",         3,  5,  3,  6,  8, 1, 1, 1, true,  0 },
    { "1x1 between channel slices",      2,  3,  5,  7, 19, 1, 1, 1, true,  3 },
    { "1x1/2",                           1,  5,  4,  3,  4, 1, 1, 2, false, 0 },
    { "5x5, larger than the image",      2,  2,  3,  4,  3, 5, 5, 1, true,  2 },
    { "3x3 on one pixel",                3,  1,  1,  5,  7, 3, 3, 1, true,  0 },
    { "5x5/3 valid",                     2, 11,  8,  3, 10, 5, 5, 3, false, 5 },
    { "2x4 valid, one channel",          1,  4,  9,  1,  1, 2, 4, 1, false, 0 },
    { "3x2/3, strides over pixels",      1,  8, 10,  2,  4, 3, 2, 3, false, 0 },
    { "1x3, one row",                    1,  1, 17,  2,  3, 1, 3, 1, true,  0 },
    { "more channels than a block",      1,  3,  4, 70, 66, 3, 3, 1, true,  1 },
};
/* clang-format on */
const int n_shapes = sizeof(shapes) / sizeof(shapes[0]);

struct clade_step step = { .seed = 77,
                           .number = 3,
                           .first_image = 2,
                           .batch = 5,
                           .learning_rate = 0.05f,
                           .dropout = true };

enum { BUFFERS = 32 };
static struct clade_buffer *buffers[BUFFERS];
static int n_buffers;
static uint64_t filled; /* so that no two tensors are equal */

bool fits(enum clade_op_kind kind, const struct shape *s)
{
    const struct clade_window same =
        clade_window_same(s->r, s->s, s->stride, s->h, s->w);

    if (kind == CLADE_FILTER_PACK)
        return false;
    if (kind != CLADE_AVGPOOL_FWD && kind != CLADE_AVGPOOL_BWD)
        return true;
    return !s->same || !(same.top | same.left | same.bottom | same.right);
}

unsigned possible_flags(enum clade_op_kind kind)
{
    switch (kind) {
    case CLADE_CONV_FWD:
        return CLADE_BIAS | CLADE_RELU;
    case CLADE_CONV_BWD_DATA:
    case CLADE_MAXPOOL_BWD:
    case CLADE_AVGPOOL_BWD:
        return CLADE_RELU | CLADE_ACCUMULATE;
    case CLADE_DROPOUT_BWD:
        return CLADE_RELU;
    default:
        return 0;
    }
}

static void *host(const struct clade_tensor *t)
{
    return ((struct cpu_buffer *)t->buffer)->host;
}

double get(const struct clade_tensor *t, int64_t e)
{
    switch (t->type) {
    case CLADE_F32:
        return ((float *)host(t))[e];
    case CLADE_F64:
        return ((double *)host(t))[e];
    default:
        return ((uint8_t *)host(t))[e];
    }
}

void put(const struct clade_tensor *t, int64_t e, double v)
{
    switch (t->type) {
    case CLADE_F32:
        ((float *)host(t))[e] = (float)v;
        break;
    case CLADE_F64:
        ((double *)host(t))[e] = v;
        break;
    default:
        ((uint8_t *)host(t))[e] = (uint8_t)v;
    }
}

/* A tensor `gap` apart from pixel to pixel, `gap` elements into its buffer,
 * which is random from end to end: bytes below `limit` where it has bytes. */
static struct clade_tensor fresh(clade_backend *be, enum clade_type type, int n,
                                 int h, int w, int c, int gap, int limit)
{
    const int64_t count = (int64_t)n * h * w * (c + gap) + gap;
    struct clade_tensor t = clade_tensor_at(NULL, gap, n, h, w, c, type);

    if (n_buffers == BUFFERS)
        tap_bail("more than %d tensors", BUFFERS);
    if (clade_backend_alloc(be, &t.buffer,
                            (size_t)count * clade_type_size(type),
                            CLADE_MEMORY_DEVICE))
        tap_bail("%s", clade_error());
    buffers[n_buffers++] = t.buffer;
    t.ld = c + gap;
    for (int64_t e = 0; e < count; e++, filled++) {
        const double u = (double)rng_record("cpu test", 1, filled);

        put(&t, e, type == CLADE_U8 ? (int)(u * limit) : 2 * u - 1);
    }
    return t;
}

void forget_ops(clade_backend *be)
{
    while (n_buffers)
        clade_backend_free(be, buffers[--n_buffers]);
}

static struct clade_window window(const struct shape *s)
{
    return s->same ? clade_window_same(s->r, s->s, s->stride, s->h, s->w)
                   : clade_window_valid(s->r, s->s, s->stride);
}

/* What `role` is in an op of `kind` at a shape. */
static struct clade_tensor tensor(clade_backend *be, enum clade_op_kind kind,
                                  enum clade_role role, const struct shape *s)
{
    const struct clade_window win = window(s);
    const enum clade_type real = clade_backend_real(be);
    const int p = (s->h + win.top + win.bottom - s->r) / s->stride + 1;
    const int q = (s->w + win.left + win.right - s->s) / s->stride + 1;
    const bool conv = kind == CLADE_CONV_FWD || kind == CLADE_CONV_BWD_DATA ||
                      kind == CLADE_CONV_BWD_FILTER || kind == CLADE_BIAS_BWD;
    const int out = conv ? s->k : s->c;

    switch (kind) {
    case CLADE_SGD:
        return fresh(be, real, s->r, s->s, s->c, s->k, 0, 0);
    case CLADE_SOFTMAX_FWD:
    case CLADE_LOSS_FWD:
    case CLADE_LOSS_BWD:
        if (role == CLADE_LABEL || role == CLADE_HIT)
            return fresh(be, CLADE_U8, s->n, 1, 1, 1, 0, s->k);
        return fresh(be, real, s->n, 1, 1, role == CLADE_LOSS ? 1 : s->k, 0, 0);
    case CLADE_RESIZE:
        if (role == CLADE_TABLE)
            return fresh(be, real, 1, 1, 1, 256, 0, 0);
        if (role == CLADE_X)
            return fresh(be, CLADE_U8, s->n, s->h, s->w, s->c, s->gap, 256);
        return fresh(be, real, s->n, 3 * s->h, 2 * s->w + 1, s->c, s->gap, 0);
    case CLADE_DROPOUT_FWD:
    case CLADE_DROPOUT_BWD:
        return fresh(be, real, s->n, s->h, s->w, s->c, s->gap, 0);
    default:
        break;
    }
    switch (role) {
    case CLADE_W:
    case CLADE_DW:
        return fresh(be, real, s->r, s->s, s->c, s->k, 0, 0);
    case CLADE_B:
    case CLADE_DB:
        return fresh(be, real, 1, 1, 1, s->k, 0, 0);
    case CLADE_ARG:
        return fresh(be, CLADE_U8, s->n, p, q, s->c, s->gap, s->r * s->s);
    case CLADE_Y:
    case CLADE_DY:
        return fresh(be, real, s->n, p, q, out, s->gap, 0);
    default:
        return fresh(be, real, s->n, s->h, s->w, s->c, s->gap, 0);
    }
}

/* Through the door. */
static clade_status make(struct clade_op *op, enum clade_op_kind kind,
                         const struct clade_tensor *t, const struct shape *s,
                         unsigned flags)
{
    const struct clade_window win = window(s);

    switch (kind) {
    case CLADE_CONV_FWD:
        return clade_op_conv_fwd(op, t[CLADE_Y], t[CLADE_X], t[CLADE_W],
                                 t[CLADE_B], win, flags);
    case CLADE_CONV_BWD_DATA:
        return clade_op_conv_bwd_data(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_W],
                                      t[CLADE_X], win, flags);
    case CLADE_CONV_BWD_FILTER:
        return clade_op_conv_bwd_filter(op, t[CLADE_DW], t[CLADE_X],
                                        t[CLADE_DY], win);
    case CLADE_BIAS_BWD:
        return clade_op_bias_bwd(op, t[CLADE_DB], t[CLADE_DY]);
    case CLADE_MAXPOOL_FWD:
        return clade_op_maxpool_fwd(op, t[CLADE_Y], t[CLADE_ARG], t[CLADE_X],
                                    win);
    case CLADE_MAXPOOL_BWD:
        return clade_op_maxpool_bwd(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_ARG],
                                    t[CLADE_X], win, flags);
    case CLADE_AVGPOOL_FWD:
        return clade_op_avgpool_fwd(op, t[CLADE_Y], t[CLADE_X], win);
    case CLADE_AVGPOOL_BWD:
        return clade_op_avgpool_bwd(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_X],
                                    win, flags);
    case CLADE_DROPOUT_FWD:
        return clade_op_dropout_fwd(op, t[CLADE_Y], t[CLADE_X], 0.4f, "test",
                                    &step);
    case CLADE_DROPOUT_BWD:
        return clade_op_dropout_bwd(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_X],
                                    0.4f, "test", &step, flags);
    case CLADE_SOFTMAX_FWD:
        return clade_op_softmax_fwd(op, t[CLADE_Y], t[CLADE_X]);
    case CLADE_LOSS_FWD:
        return clade_op_loss_fwd(op, t[CLADE_LOSS], t[CLADE_HIT], t[CLADE_X],
                                 t[CLADE_LABEL]);
    case CLADE_LOSS_BWD:
        return clade_op_loss_bwd(op, t[CLADE_DX], t[CLADE_Y], t[CLADE_LABEL],
                                 0.3f, &step);
    case CLADE_SGD:
        return clade_op_sgd(op, t[CLADE_W], t[CLADE_V], t[CLADE_DW], 0.9f,
                            &step);
    default:
        return clade_op_resize(op, t[CLADE_Y], t[CLADE_X], t[CLADE_TABLE]);
    }
}

struct clade_op make_op(clade_backend *be, enum clade_op_kind kind,
                        const struct shape *s, unsigned flags,
                        const struct clade_op *like)
{
    unsigned roles = clade_op_outputs(kind) | clade_op_inputs(kind);
    struct clade_tensor t[CLADE_ROLES] = { 0 };
    struct clade_op op;

    roles &= ~(1u << CLADE_PACKED);
    if (kind == CLADE_CONV_FWD && !(flags & CLADE_BIAS))
        roles &= ~(1u << CLADE_B);
    if (kind != CLADE_CONV_FWD && possible_flags(kind) & CLADE_RELU &&
        !(flags & CLADE_RELU))
        roles &= ~(1u << CLADE_X);
    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!(roles >> role & 1))
            continue;
        t[role] = like && like->t[role].buffer ? like->t[role]
                                               : tensor(be, kind, role, s);
    }
    if (make(&op, kind, t, s, flags) ||
        clade_backend_choose(be, &op, "reference") ||
        clade_backend_prepare(be, &op))
        tap_bail("%s: %s: %s", clade_op_name(kind), s->why, clade_error());
    return op;
}
