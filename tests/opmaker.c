/* SPDX-License-Identifier: Apache-2.0 */
#include "opmaker.h"

#include "rng.h"
#include "tap.h"
#include "verify/verify.h"

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
static uint64_t filled; /* elements filled, so that no two tensors are equal */

static struct clade_window window(const struct shape *s)
{
    return s->same ? clade_window_same(s->r, s->s, s->stride, s->h, s->w)
                   : clade_window_valid(s->r, s->s, s->stride);
}

bool fits(enum clade_op_kind kind, const struct shape *s)
{
    const struct clade_window win = window(s);

    if (kind == CLADE_FILTER_PACK)
        return false;
    if (kind != CLADE_AVGPOOL_FWD && kind != CLADE_AVGPOOL_BWD)
        return true;
    return !(win.top | win.left | win.bottom | win.right);
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

/* The bytes of a role must be below this. */
static int limit_of(const struct op_case *c, enum clade_role role)
{
    switch (role) {
    case CLADE_ARG:
        return c->window.r * c->window.s;
    case CLADE_LABEL:
    case CLADE_HIT:
        return c->k;
    default:
        return 256;
    }
}

/* Make a case's tensor for `role`.  It begins `gap` elements into its buffer;
 * the whole buffer is filled with random values. */
static struct clade_tensor fresh(clade_backend *be, const struct op_case *c,
                                 enum clade_role role)
{
    struct clade_tensor t = verify_shape_of(c, role);
    const int64_t count = clade_tensor_pixels(&t) * t.ld + c->gap[role];

    if (t.type == CLADE_F32)
        t.type = clade_backend_real(be);
    t.offset = c->gap[role];
    if (n_buffers == BUFFERS)
        tap_bail("more than %d tensors", BUFFERS);
    if (clade_backend_alloc(be, &t.buffer,
                            (size_t)count * clade_type_size(t.type),
                            CLADE_MEMORY_DEVICE))
        tap_bail("%s", clade_error());
    buffers[n_buffers++] = t.buffer;
    for (int64_t e = 0; e < count; e++, filled++) {
        const double u = (double)rng_record("cpu test", 1, filled);

        put(&t, e,
            t.type == CLADE_U8 ? (int)(u * limit_of(c, role)) : 2 * u - 1);
    }
    return t;
}

void forget_ops(clade_backend *be)
{
    while (n_buffers)
        clade_backend_free(be, buffers[--n_buffers]);
}

/* Set the sizes of input and output of kinds where they are not those of a
 * convolution. */
static void set_output(struct op_case *c, const struct shape *s)
{
    switch (c->kind) {
    case CLADE_MAXPOOL_FWD:
    case CLADE_MAXPOOL_BWD:
    case CLADE_AVGPOOL_FWD:
    case CLADE_AVGPOOL_BWD:
        c->k = s->c;
        break;
    case CLADE_DROPOUT_FWD:
    case CLADE_DROPOUT_BWD:
        c->p = s->h, c->q = s->w, c->k = s->c;
        break;
    case CLADE_SOFTMAX_FWD:
    case CLADE_LOSS_FWD:
    case CLADE_LOSS_BWD:
        c->h = c->w = c->p = c->q = 1, c->c = s->k;
        break;
    case CLADE_RESIZE:
        c->p = 3 * s->h, c->q = 2 * s->w + 1, c->k = s->c;
        break;
    default:
        break;
    }
}

static struct op_case case_of(enum clade_op_kind kind, const struct shape *s,
                              unsigned flags)
{
    const struct clade_window win = window(s);
    struct op_case c = {
        .kind = kind,
        .n = s->n,
        .h = s->h,
        .w = s->w,
        .c = s->c,
        .p = (s->h + win.top + win.bottom - s->r) / s->stride + 1,
        .q = (s->w + win.left + win.right - s->s) / s->stride + 1,
        .k = s->k,
        .window = win,
        .flags = flags,
        .scalar = verify_kind(kind)->scalar,
        .gap = { [CLADE_Y] = s->gap,
                 [CLADE_X] = s->gap,
                 [CLADE_DY] = s->gap,
                 [CLADE_DX] = s->gap,
                 [CLADE_ARG] = s->gap },
    };

    set_output(&c, s);
    return c;
}

struct clade_op make_op(clade_backend *be, enum clade_op_kind kind,
                        const struct shape *s, unsigned flags,
                        const struct clade_op *like)
{
    const struct op_case c = case_of(kind, s, flags);
    struct clade_tensor t[CLADE_ROLES] = { 0 };
    struct clade_op op;

    for (int role = 0; role < CLADE_ROLES; role++)
        if (verify_roles(&c) & 1u << role)
            t[role] = like && like->t[role].buffer ? like->t[role]
                                                   : fresh(be, &c, role);
    if (verify_make_op(&op, &c, t, &step) ||
        clade_backend_choose(be, &op, "reference"))
        tap_bail("%s: %s: %s", clade_op_name(kind), s->why, clade_error());
    return op;
}
