/* SPDX-License-Identifier: Apache-2.0 */
#include "op/check.h"

#include "backend.h"
#include "op/op.h"
#include "status.h"

struct shape shape_of(const struct clade_tensor *t)
{
    return (struct shape){ t->n, t->h, t->w, t->c };
}

/* ---- one tensor ---------------------------------------------------------- */

#define LIMIT INT64_C(0x80000000)

/* The product of a and b, but at most LIMIT.  a <= LIMIT. */
static int64_t times(int64_t a, int b)
{
    const int64_t product = a * b;

    return product < LIMIT ? product : LIMIT;
}

/* offset + N*H*W*ld of a tensor, but each of the two terms at most LIMIT. */
static int64_t end_of(const struct clade_tensor *t)
{
    const int64_t offset = t->offset < LIMIT ? t->offset : LIMIT;

    return offset + times(times(times(t->n, t->h), t->w), t->ld);
}

int64_t span_of(const struct clade_tensor *t)
{
    return (clade_tensor_pixels(t) - 1) * t->ld + t->c;
}

/* A tensor spans bytes *from ... *to - 1 of its buffer. */
static void span(size_t *from, size_t *to, const struct clade_tensor *t)
{
    const size_t size = clade_type_size(t->type);

    *from = (size_t)t->offset * size;
    *to = (size_t)(t->offset + span_of(t)) * size;
}

const char *check_type_name(enum clade_type type)
{
    static const char *const names[] = {
        [CLADE_F32] = "float32", [CLADE_U8] = "uint8", [CLADE_F64] = "float64"
    };

    return clade_type_size(type) ? names[type] : "of no type";
}

clade_status check_tensor(const struct clade_op *op, enum clade_role role,
                          enum clade_type type)
{
    const struct clade_tensor *t = &op->t[role];
    const char *name = clade_role_name(role);
    size_t from, to;

    if (!t->buffer)
        return clade_fail(CLADE_ESHAPE, "%s: %s is missing", op_describe(op),
                          name);
    if (t->type != type)
        return clade_fail(CLADE_ESHAPE, "%s: %s is %s, must be %s",
                          op_describe(op), name, check_type_name(t->type),
                          check_type_name(type));
    if (t->n < 1 || t->h < 1 || t->w < 1 || t->c < 1 || t->ld < t->c ||
        t->offset < 0)
        return clade_fail(CLADE_ESHAPE,
                          "%s: %s is not a valid tensor: %dx%dx%dx%d, %d "
                          "elements a pixel, from element %lld",
                          op_describe(op), name, t->n, t->h, t->w, t->c, t->ld,
                          (long long)t->offset);
    if (end_of(t) >= LIMIT)
        return clade_fail(CLADE_ESHAPE,
                          "%s: %s extends to element 2^31 or beyond: try a "
                          "smaller batch",
                          op_describe(op), name);
    span(&from, &to, t);
    if (to > t->buffer->bytes)
        return clade_fail(CLADE_ESHAPE,
                          "%s: %s spans bytes %zu to %zu of a buffer of %zu",
                          op_describe(op), name, from, to, t->buffer->bytes);
    return CLADE_OK;
}

clade_status check_shape(const struct clade_op *op, enum clade_role role,
                         struct shape must)
{
    const struct shape is = shape_of(&op->t[role]);

    if (is.n == must.n && is.h == must.h && is.w == must.w && is.c == must.c)
        return CLADE_OK;
    return clade_fail(CLADE_ESHAPE,
                      "%s: %s is %dx%dx%dx%d, must be %dx%dx%dx%d",
                      op_describe(op), clade_role_name(role), is.n, is.h, is.w,
                      is.c, must.n, must.h, must.w, must.c);
}

clade_status check_dense(const struct clade_op *op, enum clade_role role)
{
    const struct clade_tensor *t = &op->t[role];

    if (t->ld == t->c)
        return CLADE_OK;
    return clade_fail(CLADE_ESHAPE,
                      "%s: %s has %d elements a pixel and %d channels: it is "
                      "a slice, but must be dense",
                      op_describe(op), clade_role_name(role), t->ld, t->c);
}

clade_status check_packed(const struct clade_op *op)
{
    const struct clade_tensor *t = &op->t[CLADE_PACKED];
    const clade_status st = check_dense(op, CLADE_PACKED);

    if (st || (uint64_t)clade_tensor_elements(t) >= op->packed)
        return st;
    return clade_fail(
        CLADE_ESHAPE, "%s: packed has %lld elements, must have %zu",
        op_describe(op), (long long)clade_tensor_elements(t), op->packed);
}

/* ---- what all ops have in common ----------------------------------------- */

/* Two slices of the same pixels with different channels have no element in
 * common. */
bool check_overlap(const struct clade_tensor *a, const struct clade_tensor *b)
{
    size_t a_from, a_to, b_from, b_to;
    int64_t apart;

    if (!a->buffer || a->buffer != b->buffer)
        return false;
    span(&a_from, &a_to, a);
    span(&b_from, &b_to, b);
    if (a_to <= b_from || b_to <= a_from)
        return false;
    if (a->type != b->type || a->ld != b->ld)
        return true;
    apart = ((b->offset - a->offset) % a->ld + a->ld) % a->ld;
    return apart < a->c || apart + b->c > a->ld;
}

/* No output may overlap another tensor.  (A tensor that is updated in place is
 * input and output in one role.)  `used` are the roles that the kind has. */
static clade_status check_apart(const struct clade_op *op, unsigned used)
{
    const unsigned outputs = clade_op_outputs(op->kind);

    for (int out = 0; out < CLADE_ROLES; out++) {
        for (int other = 0; other < CLADE_ROLES; other++) {
            if (!(outputs >> out & 1) || !(used >> other & 1) || other == out ||
                !check_overlap(&op->t[out], &op->t[other]))
                continue;
            return clade_fail(CLADE_ESHAPE, "%s: %s overlaps %s",
                              op_describe(op), clade_role_name(out),
                              clade_role_name(other));
        }
    }
    return CLADE_OK;
}

/* The roles that hold bytes in every op.  A kind can have more (op_kind). */
#define BYTES (1u << CLADE_ARG | 1u << CLADE_HIT | 1u << CLADE_LABEL)

unsigned check_roles(const struct clade_op *op)
{
    return clade_op_outputs(op->kind) | clade_op_inputs(op->kind);
}

enum clade_type check_real(const struct clade_op *op)
{
    for (int role = 0; role < CLADE_ROLES; role++)
        if (check_roles(op) & 1u << role && op->t[role].buffer &&
            op->t[role].type == CLADE_F64)
            return CLADE_F64;
    return CLADE_F32;
}

/* Check the tensors that the op's kind has: each alone, that they are of one
 * float type, or bytes, and that no output overlaps another tensor. */
static clade_status check_tensors(const struct clade_op *op)
{
    const unsigned used = check_roles(op);
    const bool mask_only = used & 1u << CLADE_DX;
    const unsigned bytes = BYTES | op_kind(op->kind)->bytes;
    /* These may be absent.  A door that needs one checks it by itself. */
    const unsigned optional = op_kind(op->kind)->with_bias |
                              1u << CLADE_PACKED |
                              (mask_only ? 1u << CLADE_X : 0);
    const enum clade_type real = check_real(op);
    clade_status st;

    for (int role = 0; role < CLADE_ROLES; role++) {
        const unsigned mask = 1u << role;

        if (!(used & mask) || (!op->t[role].buffer && (optional & mask)))
            continue;
        if ((st = check_tensor(op, role, bytes & mask ? CLADE_U8 : real)))
            return st;
    }
    return check_apart(op, used);
}

clade_status op_check(const struct clade_op *op)
{
    clade_status st;

    if (!op_is_kind(op->kind))
        return clade_fail(CLADE_EUSAGE, "there is no op of kind %u",
                          (unsigned)op->kind);
    st = check_tensors(op);
    return st ? st : op_kind(op->kind)->check(op);
}

clade_status op_make(struct clade_op *op, const struct clade_op *made)
{
    clade_status st = op_check(made);

    if (st)
        return st;
    if (!op)
        return status_given(op_describe(made), "op", false);
    *op = *made;
    return CLADE_OK;
}

clade_status check_flags(const struct clade_op *op, unsigned allowed,
                         enum clade_role needed_by_relu)
{
    if (op->flags & ~allowed)
        return clade_fail(CLADE_ESHAPE,
                          "%s: flags %#x, of which %#x do not exist for this "
                          "op",
                          op_describe(op), op->flags, op->flags & ~allowed);
    if ((op->flags & CLADE_RELU) && !op->t[needed_by_relu].buffer)
        return clade_fail(CLADE_ESHAPE,
                          "%s: ReLU's mask needs %s, the forward output",
                          op_describe(op), clade_role_name(needed_by_relu));
    return CLADE_OK;
}

clade_status check_gradient(const struct clade_op *op, unsigned allowed)
{
    clade_status st = check_flags(op, allowed, CLADE_X);

    if (st || !op->t[CLADE_X].buffer)
        return st;
    return check_shape(op, CLADE_X, shape_of(&op->t[CLADE_DX]));
}

clade_status check_step(const struct clade_op *op)
{
    if (op->step)
        return CLADE_OK;
    return status_given(op_describe(op), "step", false);
}

/* ---- windows ------------------------------------------------------------- */

clade_status bad_window(const struct clade_op *op, const struct clade_tensor *x,
                        const char *why)
{
    const struct clade_window *w = &op->window;

    return clade_fail(CLADE_ESHAPE,
                      "%s: window %dx%d, stride %d, padding %d+%d rows, %d+%d "
                      "columns, over %dx%d: %s",
                      op_describe(op), w->r, w->s, w->stride, w->top, w->bottom,
                      w->left, w->right, x->h, x->w, why);
}

clade_status window_output(struct shape *y, const struct clade_op *op,
                           const struct clade_tensor *x, int c)
{
    const struct clade_window *w = &op->window;
    const int64_t rows = (int64_t)x->h + w->top + w->bottom - w->r;
    const int64_t columns = (int64_t)x->w + w->left + w->right - w->s;

    if (w->r < 1 || w->s < 1 || w->stride < 1 || w->top < 0 || w->bottom < 0 ||
        w->left < 0 || w->right < 0)
        return bad_window(
            op, x, "extents and stride must be at least 1, padding at least 0");
    if (rows < 0 || columns < 0)
        return bad_window(op, x, "larger than the padded image");
    if (rows >= LIMIT - 1 || columns >= LIMIT - 1)
        return bad_window(op, x, "2^31 pixels or more");
    *y = (struct shape){ x->n, (int)rows / w->stride + 1,
                         (int)columns / w->stride + 1, c };
    return CLADE_OK;
}
