/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reduced cases: shapes like GoogLeNet's, made small, and shapes made to
 * hurt.  A line stands for each kind of op that it lists, and each kind of
 * data.
 */
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>

#include "status.h"

#define K(id) (1u << CLADE_##id)
#define D(id) (1u << DATA_##id)
#define CONV  (K(CONV_FWD) | K(CONV_BWD_DATA) | K(CONV_BWD_FILTER))
#define MAX   (K(MAXPOOL_FWD) | K(MAXPOOL_BWD))
#define AVG   (K(AVGPOOL_FWD) | K(AVGPOOL_BWD))
#define DROP  (K(DROPOUT_FWD) | K(DROPOUT_BWD))
#define HEAD  (K(SOFTMAX_FWD) | K(LOSS_FWD) | K(LOSS_BWD))

#define ALL   (~0u)
#define CORE  (D(EXACT) | D(RANDOM) | D(CONSTANT) | D(TIES))
#define EXACT D(EXACT)

#define BIAS CLADE_BIAS
#define RELU CLADE_RELU
#define ACC  CLADE_ACCUMULATE

/* UNEVEN is four different pads; OUTPUT, for resize: r and s are P and Q. */
enum pad { SAME, VALID, UNEVEN, OUTPUT };

/* Flags stand for each kind that knows them; a gap makes every tensor but
 * filters a slice of more channels. */
struct line {
    unsigned kinds;
    int n, h, w, c, k, r, s, stride;
    enum pad pad;
    unsigned flags;
    int gap;
    unsigned data;
    const char *why;
};

/* clang-format off */
static const struct line lines[] = {
    /* kinds, n, h, w, c, k, r, s, stride, pad, flags, gap, data, why */
    { CONV, 2, 14, 14, 16, 32, 3, 3, 1, SAME, BIAS | RELU | ACC, 0, ALL,
      "3x3, as in every module" },
    { CONV, 2, 14, 14, 16, 32, 3, 3, 1, SAME, 0, 0, CORE,
      "3x3 without an epilogue" },
    { CONV, 2, 7, 7, 48, 32, 1, 1, 1, SAME, BIAS | RELU, 0, ALL,
      "1x1, as in every module" },
    { CONV, 2, 7, 7, 24, 48, 5, 5, 1, SAME, BIAS | RELU | ACC, 6, ALL,
      "5x5 on slices of channels" },
    { CONV, 2, 14, 14, 3, 64, 7, 7, 2, SAME, BIAS | RELU, 0, CORE,
      "conv1: three channels, stride 2" },
    { CONV, 1, 1, 1, 64, 10, 1, 1, 1, SAME, BIAS, 0, CORE | D(WIDE_A),
      "a dense layer of one image" },
    { CONV, 1, 1, 33, 128, 24, 1, 1, 1, SAME, BIAS | RELU | ACC, 0, CORE,
      "a dense layer of 33 images" },
    { CONV, 33, 1, 1, 3, 1, 3, 3, 1, SAME, BIAS, 1, CORE,
      "images of one pixel, one output channel" },
    { CONV, 1, 3, 2, 1, 3, 7, 5, 1, SAME, RELU, 0, CORE,
      "a kernel larger than the image, one channel" },
    { CONV, 1, 1, 19, 7, 5, 3, 3, 1, SAME, BIAS | ACC, 3, CORE,
      "one row, odd channels" },
    { CONV, 3, 23, 1, 5, 17, 3, 3, 2, SAME, BIAS | RELU, 0, CORE,
      "one column, stride 2" },
    { CONV, 1, 6, 5, 528, 16, 1, 1, 1, SAME, BIAS, 2, CORE,
      "528 channels" },
    { CONV, 1, 4, 4, 24, 528, 1, 1, 1, SAME, RELU, 0, CORE,
      "528 output channels" },
    { CONV, 1, 9, 8, 6, 11, 3, 3, 1, VALID, BIAS | RELU, 0, CORE,
      "no padding" },
    { CONV, 2, 9, 10, 4, 8, 3, 4, 3, UNEVEN, BIAS | RELU | ACC, 5, CORE,
      "four different pads, stride 3, an even kernel" },
    { CONV, 1, 28, 28, 112, 20, 3, 3, 1, SAME, BIAS, 0, CORE,
      "long sums of 112 channels" },
    { K(CONV_BWD_FILTER), 32, 112, 112, 1, 4, 1, 1, 1, SAME, 0, 0,
      EXACT | D(RANDOM), "401,408 products a sum, as conv1's at batch 32" },
    { K(BIAS_BWD), 2, 14, 14, 0, 48, 1, 1, 1, SAME, 0, 0, ALL,
      "a bias' gradient" },
    { K(BIAS_BWD), 33, 1, 1, 0, 3, 1, 1, 1, SAME, 0, 5, CORE,
      "images of one pixel, a slice" },
    { K(BIAS_BWD), 1, 1, 1, 0, 528, 1, 1, 1, SAME, 0, 0, CORE,
      "one pixel" },
    { K(BIAS_BWD), 3, 57, 61, 0, 1, 1, 1, 1, SAME, 0, 0, CORE,
      "a long sum for one channel" },
    { MAX, 2, 14, 14, 24, 0, 3, 3, 2, SAME, RELU, 0, ALL,
      "3x3/2, between modules" },
    { MAX, 2, 7, 7, 16, 0, 3, 3, 1, SAME, RELU | ACC, 3, ALL,
      "3x3/1, the module's branch, a slice" },
    { MAX, 33, 1, 1, 3, 0, 3, 3, 1, SAME, 0, 0, CORE,
      "images of one pixel" },
    { MAX, 1, 2, 3, 1, 0, 5, 5, 2, SAME, ACC, 1, CORE,
      "a window larger than the image" },
    { MAX, 1, 9, 11, 528, 0, 2, 3, 2, VALID, 0, 0, CORE,
      "no padding, an even window" },
    { AVG, 2, 14, 14, 24, 0, 5, 5, 3, VALID, RELU | ACC, 2, ALL,
      "5x5/3, the auxiliary heads'" },
    { AVG, 2, 7, 7, 48, 0, 7, 7, 1, VALID, RELU, 0, ALL,
      "the whole image, the main head's" },
    { AVG, 33, 1, 1, 3, 0, 1, 1, 1, VALID, 0, 0, CORE,
      "images of one pixel" },
    { AVG, 1, 8, 5, 1, 0, 2, 3, 1, VALID, ACC, 4, CORE,
      "overlapping windows, one channel" },
    { DROP, 2, 1, 1, 1024, 0, 1, 1, 1, SAME, RELU, 0, ALL,
      "the heads' dropout" },
    { DROP, 33, 1, 1, 3, 0, 1, 1, 1, SAME, 0, 3, CORE,
      "channels that are no multiple of 4, a slice" },
    { DROP, 1, 3, 5, 7, 0, 1, 1, 1, SAME, RELU, 0, CORE,
      "an odd number of elements" },
    { HEAD, 2, 1, 1, 10, 0, 1, 1, 1, SAME, 0, 0, ALL, "ten classes" },
    { HEAD, 33, 1, 1, 3, 0, 1, 1, 1, SAME, 0, 2, ALL, "33 images, a slice" },
    { HEAD, 1, 1, 1, 1, 0, 1, 1, 1, SAME, 0, 0, CORE, "one class" },
    { HEAD, 33, 1, 1, 255, 0, 1, 1, 1, SAME, 0, 0, CORE | D(SPECIAL),
      "255 classes" },
    { K(SGD), 1, 1, 1, 1, 10000, 1, 1, 1, SAME, 0, 0, ALL,
      "the update" },
    { K(SGD), 1, 1, 1, 1, 1, 1, 1, 1, SAME, 0, 0, CORE,
      "one parameter" },
    { K(SGD), 1, 1, 1, 1, 4099, 1, 1, 1, SAME, 0, 0, CORE,
      "a length that no width divides" },
    { K(RESIZE), 2, 32, 32, 3, 0, 224, 224, 1, OUTPUT, 0, 0, CORE,
      "32 to 224, the images'" },
    { K(RESIZE), 1, 5, 7, 1, 0, 13, 7, 1, OUTPUT, 0, 1, CORE,
      "odd factors, one of them 1" },
    { K(RESIZE), 3, 1, 1, 4, 0, 3, 5, 1, OUTPUT, 0, 0, CORE,
      "images of one pixel" },
};
/* clang-format on */

unsigned verify_flags_for(enum clade_op_kind kind)
{
    switch (kind) {
    case CLADE_CONV_FWD:
        return BIAS | RELU;
    case CLADE_CONV_BWD_DATA:
    case CLADE_MAXPOOL_BWD:
    case CLADE_AVGPOOL_BWD:
        return RELU | ACC;
    case CLADE_DROPOUT_BWD:
        return RELU;
    default:
        return 0;
    }
}

float verify_scalar_for(enum clade_op_kind kind)
{
    switch (kind) {
    case CLADE_DROPOUT_FWD:
    case CLADE_DROPOUT_BWD:
        return 0.4f;
    case CLADE_LOSS_BWD:
        return 0.3f;
    case CLADE_SGD:
        return 0.9f;
    default:
        return 0;
    }
}

static struct clade_window window_of(const struct line *l)
{
    if (l->pad == VALID)
        return clade_window_valid(l->r, l->s, l->stride);
    if (l->pad == SAME)
        return clade_window_same(l->r, l->s, l->stride, l->h, l->w);
    if (l->pad == OUTPUT)
        return clade_window_valid(1, 1, 1);
    return (struct clade_window){ l->r, l->s, l->stride, 2, 0, 1, 3 };
}

/* Each tensor gets another leading dimension, so that none stands in for
 * another's. */
static void set_gaps(struct op_case *c, int gap)
{
    if (!gap)
        return;
    c->gap[CLADE_X] = gap;
    c->gap[CLADE_Y] = gap + 1;
    c->gap[CLADE_DX] = gap + 2;
    c->gap[CLADE_DY] = gap + 3;
    c->gap[CLADE_ARG] = gap + 4;
}

static struct op_case case_of(const struct line *l, enum clade_op_kind kind)
{
    struct op_case c = { .kind = kind,
                         .n = l->n,
                         .h = l->h,
                         .w = l->w,
                         .c = l->c ? l->c : l->k,
                         .k = l->k ? l->k : l->c,
                         .window = window_of(l),
                         .flags = l->flags & verify_flags_for(kind),
                         .scalar = verify_scalar_for(kind),
                         .why = l->why };
    const struct clade_window *win = &c.window;

    if (l->pad == OUTPUT) {
        c.p = l->r;
        c.q = l->s;
    } else {
        c.p = (c.h + win->top + win->bottom - win->r) / win->stride + 1;
        c.q = (c.w + win->left + win->right - win->s) / win->stride + 1;
    }
    set_gaps(&c, l->gap);
    return c;
}

unsigned verify_data_for(enum clade_op_kind kind)
{
    const unsigned one = D(EXACT) | D(WIDE_A) | D(POSITION_A) | D(POSITIVE) |
                         D(CONSTANT) | D(HUGE) | D(TINY) | D(DENORMAL) |
                         D(CANCEL) | D(SPECIAL) | D(GAUSS) | D(RANDOM);

    switch (kind) {
    case CLADE_CONV_FWD:
    case CLADE_CONV_BWD_DATA:
    case CLADE_CONV_BWD_FILTER:
        return one | D(WIDE_B) | D(POSITION_B) | D(DENORMAL_B) | D(SPECIAL_B);
    case CLADE_BIAS_BWD:
    case CLADE_AVGPOOL_FWD:
    case CLADE_AVGPOOL_BWD:
        return one;
    case CLADE_MAXPOOL_BWD:
        return one & ~D(POSITION_A);
    case CLADE_MAXPOOL_FWD:
        return D(TIES) | D(RANDOM) | D(SPECIAL) | D(HUGE) | D(DENORMAL);
    case CLADE_DROPOUT_FWD:
    case CLADE_DROPOUT_BWD:
    case CLADE_LOSS_BWD:
        return D(RANDOM) | D(SPECIAL) | D(TINY) | D(HUGE) | D(DENORMAL);
    case CLADE_SOFTMAX_FWD:
    case CLADE_LOSS_FWD:
        return D(RANDOM) | D(CONSTANT) | D(HUGE) | D(TIES) | D(TINY) |
               D(SPECIAL) | D(DENORMAL);
    case CLADE_SGD:
        return D(RANDOM) | D(TINY) | D(HUGE) | D(EXACT) | D(CANCEL) |
               D(SPECIAL) | D(DENORMAL);
    default:
        return D(RANDOM);
    }
}

/* "+relu" and the like where a flag is set. */
static const char *flag_text(unsigned flags, unsigned flag, const char *text)
{
    return flags & flag ? text : "";
}

static void name_case(struct op_case *c)
{
    const struct clade_window *w = &c->window;
    char pads[40] = "";

    if (w->top || w->bottom || w->left || w->right)
        snprintf(pads, sizeof(pads), "+%d.%d.%d.%d", w->top, w->bottom, w->left,
                 w->right);
    snprintf(c->name, sizeof(c->name),
             "%s:%dx%dx%dx%d:%dx%d/%d%s:%dx%dx%d%s%s%s%s:%s",
             clade_op_name(c->kind), c->n, c->h, c->w, c->c, w->r, w->s,
             w->stride, pads, c->p, c->q, c->k,
             flag_text(c->flags, BIAS, ":bias"),
             flag_text(c->flags, ACC, ":accumulate"),
             flag_text(c->flags, RELU, ":relu"),
             c->gap[CLADE_X] || c->gap[CLADE_Y] || c->gap[CLADE_DX] ||
                     c->gap[CLADE_DY]
                 ? ":slice"
                 : "",
             verify_data_name(c->data));
}

clade_status verify_cases_add(struct op_cases *cases, const struct op_case *c,
                              unsigned data)
{
    struct op_case *list;

    for (int d = 0; d < DATA_KINDS; d++) {
        if (!(data & 1u << d))
            continue;
        list = realloc(cases->list, (cases->count + 1) * sizeof(*list));
        if (!list)
            return clade_fail(CLADE_ENOMEM, "verify: no memory for the cases");
        cases->list = list;
        list[cases->count] = *c;
        list[cases->count].data = d;
        name_case(&list[cases->count++]);
    }
    return CLADE_OK;
}

clade_status verify_cases_quick(struct op_cases *cases)
{
    const size_t n = sizeof(lines) / sizeof(*lines);
    clade_status st;

    *cases = (struct op_cases){ NULL, 0 };
    for (const struct line *l = lines; l < lines + n; l++) {
        for (int kind = 0; kind < CLADE_OP_KINDS; kind++) {
            struct op_case c;

            if (!(l->kinds & 1u << kind))
                continue;
            c = case_of(l, kind);
            st = verify_cases_add(cases, &c, l->data & verify_data_for(kind));
            if (st)
                goto out;
        }
    }
    return CLADE_OK;
out:
    free(cases->list);
    *cases = (struct op_cases){ NULL, 0 };
    return st;
}
