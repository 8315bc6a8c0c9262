/* SPDX-License-Identifier: Apache-2.0 */
/* What verify knows of the softmax and of the loss. */
#include "verify/room.h"

/* clang-format off */
static const struct verify_line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { ALL, 2, 1, 1, 10, 0, 1, 1, 1, SAME, 0, 0, ALL, "ten classes" },
    { ALL, 33, 1, 1, 3, 0, 1, 1, 1, SAME, 0, 2, ALL, "33 images, a slice" },
    { ALL, 1, 1, 1, 1, 0, 1, 1, 1, SAME, 0, 0, CORE, "one class" },
    { ALL, 33, 1, 1, 255, 0, 1, 1, 1, SAME, 0, 0, CORE | D(SPECIAL),
      "255 classes" },
    { K(SOFTMAX_FWD), 3, 1, 1, 1000, 0, 1, 1, 1, SAME, 0, 0, D(RANDOM),
      "1000 classes" },
    { 0 }
};
/* clang-format on */

static clade_status make_softmax_fwd(struct clade_op *op,
                                     const struct verify_parts *p)
{
    return clade_op_softmax_fwd(op, T(Y), T(X));
}

static clade_status make_loss_fwd(struct clade_op *op,
                                  const struct verify_parts *p)
{
    return clade_op_loss_fwd(op, T(LOSS), T(HIT), T(X), T(LABEL));
}

static clade_status make_loss_bwd(struct clade_op *op,
                                  const struct verify_parts *p)
{
    return clade_op_loss_bwd(op, T(DX), T(Y), T(LABEL), p->c->scalar, p->step);
}

/* Logits whose probabilities go from even to nearly 0 and 1.  With special
 * data, two in a row are special; with subnormal data, all but a few are
 * subnormal. */
static double logit(const struct fill *f, int64_t i)
{
    const struct words r = data_words(f, i);
    const uint32_t place = r.w[2] % (uint32_t)f->t->c;

    switch (f->c->data) {
    case DATA_HUGE:
        return 176 * data_uniform(r.w[0]) - 88;
    case DATA_SPECIAL:
        if (place < 2)
            return data_no_number(r.w[3]);
        /* fall through */
    case DATA_RANDOM:
        return 16 * data_uniform(r.w[0]) - 8;
    case DATA_DENORMAL:
        return place || r.w[3] % 2 ? data_operand(f, i) : data_sign(r.w[1]);
    default:
        return data_operand(f, i);
    }
}

static double probability(const struct fill *f, int64_t i)
{
    return f->c->data == DATA_RANDOM ? data_uniform(data_words(f, i).w[0])
                                     : data_operand(f, i);
}

/* The label of an image.  With special data, one in four is not a class. */
static uint8_t label(const struct fill *f, int64_t i)
{
    const struct words r = data_words(f, i);
    const bool none = f->c->data == DATA_SPECIAL && r.w[1] % 4 == 0;

    return none ? UINT8_MAX : r.w[0] % (uint32_t)f->c->c;
}

/* The oracle's bracket is p (|x-m| + sum p|x-m| + K + 17): exp 3 ULP, divide
 * 2.5 ULP (OpenCL 1.2, 7.4). */
static double softmax_bound(const struct verify_element *x)
{
    return x->exact->s * 0x1p-24 + 0x1p-126;
}

static double loss_bound(const struct verify_element *x)
{
    return x->exact->s * 0x1p-24;
}

/* A difference, then a product. */
static double loss_bwd_bound(const struct verify_element *x)
{
    return bound_gamma(2) * x->exact->s + x->bracket->tau;
}

#define LOGITS                                                                 \
    (D(RANDOM) | D(CONSTANT) | D(HUGE) | D(TIES) | D(TINY) | D(SPECIAL) |      \
     D(DENORMAL))

const struct verify_kind verify_softmax_fwd = {
    .make = make_softmax_fwd,
    .lines = lines,
    .data = LOGITS,
    .value = logit,
    .over = "c",
    .bound = softmax_bound,
};
const struct verify_kind verify_loss_fwd = {
    .make = make_loss_fwd,
    .lines = lines,
    .data = LOGITS,
    .byte = label,
    .value = logit,
    .exact = K(HIT),
    .over = "c",
    .bound = loss_bound,
};
const struct verify_kind verify_loss_bwd = {
    .make = make_loss_bwd,
    .lines = lines,
    .data = D(RANDOM) | D(SPECIAL) | D(TINY) | D(HUGE) | D(DENORMAL),
    .scalar = 0.3f,
    .byte = label,
    .value = probability,
    .bound = loss_bwd_bound,
};
