/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of a case (doc/consistency.md).  Most ops are sums of products of
 * an operand `a` and, for the convolutions, an operand `b`; what is exact
 * about a kind of data is a matter of both.
 */
#include "verify/verify.h"

#include <math.h>

#include "rng.h"

#define DATA_SEED 20150917u /* arbitrary, fixed */

/* Sums of exact data stay below 2^24 units: 2^24 - 2^20 for the products,
 * the rest for a bias or an old value. */
#define EXACT_PRODUCTS ((1 << 24) - (1 << 20))
#define EXACT_ADDEND   (1 << 19)
#define EXACT_A        0x1p-4
#define EXACT_B        0x1p3
/* Odd values of 12 bits, times 1: at most 4,097 of them stay below 2^24. */
#define WIDE_MOST     4000
#define LAST_POSITION ((1 << 24) - 1)

/* Where position data have their ones, so that no sum gets two of them. */
enum hot {
    HOT_NONE,
    HOT_GRID,   /* pixels that no window holds two of, one channel each */
    HOT_COLUMN, /* one pixel a channel */
    HOT_INNER   /* of [R,S,C,K], one (r,s,k) a c */
};

static const struct {
    enum hot a, b; /* b: none where there is one operand alone */
    enum clade_role role_b;
} operands[CLADE_OP_KINDS] = {
    [CLADE_CONV_FWD] = { HOT_GRID, HOT_COLUMN, CLADE_W },
    [CLADE_CONV_BWD_DATA] = { HOT_GRID, HOT_INNER, CLADE_W },
    [CLADE_CONV_BWD_FILTER] = { HOT_COLUMN, HOT_COLUMN, CLADE_DY },
    [CLADE_BIAS_BWD] = { .a = HOT_COLUMN },
    [CLADE_AVGPOOL_FWD] = { .a = HOT_GRID },
    [CLADE_AVGPOOL_BWD] = { .a = HOT_GRID },
};

static bool has_pair(enum clade_op_kind kind)
{
    return operands[kind].b != HOT_NONE;
}

/* The image of one tensor being filled. */
struct fill {
    const struct op_case *c;
    const struct clade_tensor *t;
    enum clade_role role;
    bool is_a, is_b, alone; /* operand a, b; a without b */
    enum hot hot;
    int amplitude; /* of exact data */
    int64_t products;
};

/* Four random words for element i: Philox, so that any order will do. */
struct words {
    uint32_t w[4];
};

static struct words words_of(const struct fill *f, int64_t i)
{
    const uint32_t ctr[4] = { (uint32_t)i, (uint32_t)(i >> 32), f->role,
                              f->c->data };
    struct words r;

    rng_philox(r.w, ctr, DATA_SEED);
    return r;
}

static double unit_interval(uint32_t word)
{
    return (word >> 8) * 0x1p-24;
}

static double sign_of(uint32_t word)
{
    return word & 1 ? -1 : 1;
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

int64_t verify_products(const struct op_case *c)
{
    const struct clade_window *w = &c->window;
    const int64_t covering =
        (int64_t)ceil_div(w->r, w->stride) * ceil_div(w->s, w->stride);

    switch (c->kind) {
    case CLADE_CONV_FWD:
        return (int64_t)w->r * w->s * c->c;
    case CLADE_CONV_BWD_DATA:
        return covering * c->k;
    case CLADE_CONV_BWD_FILTER:
    case CLADE_BIAS_BWD:
        return (int64_t)c->n * c->p * c->q;
    case CLADE_AVGPOOL_FWD:
        return (int64_t)w->r * w->s;
    case CLADE_AVGPOOL_BWD:
    case CLADE_MAXPOOL_BWD:
        return covering;
    case CLADE_SOFTMAX_FWD:
    case CLADE_LOSS_FWD:
        return c->c;
    default:
        return 1;
    }
}

double verify_unit(const struct op_case *c)
{
    double unit = 1;

    if (c->data == DATA_EXACT)
        unit = has_pair(c->kind) ? EXACT_A * EXACT_B : EXACT_A;
    if (c->kind == CLADE_AVGPOOL_FWD || c->kind == CLADE_AVGPOOL_BWD)
        unit *= 1.0f / (float)(c->window.r * c->window.s);
    return unit;
}

/* Integers of both signs, none of them 0, as large as their sums allow. */
static double exact_value(const struct fill *f, struct words r)
{
    const double unit = f->is_b ? EXACT_B : EXACT_A;

    return sign_of(r.w[1]) * (1 + r.w[0] % f->amplitude) * unit;
}

/* Where sums are longer, one operand is mostly 0. */
static double wide_value(const struct fill *f, struct words r)
{
    const bool wide = f->alone || f->is_a == (f->c->data == DATA_WIDE_A);
    const bool sparse = f->alone || !wide;
    const double magnitude = wide ? 2049 + 2 * (r.w[0] % 1024) : 1;

    if (sparse && f->products > WIDE_MOST &&
        r.w[2] % (uint32_t)(2 * f->products / WIDE_MOST + 1))
        return 0;
    return sign_of(r.w[1]) * magnitude;
}

/* Which of `count` places has the one of a line: the ends first. */
static int64_t place_of(int64_t count, int64_t line, uint32_t word)
{
    return line == 0 ? 0 : line == 1 ? count - 1 : word % count;
}

/* Pixels further apart than a window reaches; odd images end at the last row
 * and column, others begin at the first. */
static bool on_grid(const struct fill *f, int64_t pixel)
{
    const struct clade_window *win = &f->c->window;
    const bool output = f->role == CLADE_DY;
    const int down = output ? ceil_div(win->r, win->stride) : win->r;
    const int across = output ? ceil_div(win->s, win->stride) : win->s;
    const int w = pixel % f->t->w;
    const int h = pixel / f->t->w % f->t->h;
    const int n = pixel / f->t->w / f->t->h;

    if (n % 2)
        return (f->t->h - 1 - h) % down == 0 && (f->t->w - 1 - w) % across == 0;
    return h % down == 0 && w % across == 0;
}

static bool is_hot(const struct fill *f, int64_t i)
{
    const int64_t channel = i % f->t->c, pixel = i / f->t->c;
    const int64_t inner = f->t->w; /* C of [R,S,C,K] */

    switch (f->hot) {
    case HOT_GRID:
        return on_grid(f, pixel) &&
               channel == place_of(f->t->c, pixel, words_of(f, pixel).w[3]);
    case HOT_COLUMN:
        return pixel == place_of(clade_tensor_pixels(f->t), channel,
                                 words_of(f, channel).w[3]);
    case HOT_INNER:
        return pixel / inner * f->t->c + channel ==
               place_of(clade_tensor_elements(f->t) / inner, pixel % inner,
                        words_of(f, pixel % inner).w[3]);
    default:
        return false;
    }
}

static double position_value(const struct fill *f, int64_t i)
{
    const double index = i % LAST_POSITION + 1;

    if (f->alone)
        return is_hot(f, i) ? index : 0;
    if (f->is_a == (f->c->data == DATA_POSITION_A))
        return is_hot(f, i);
    return index;
}

/* Pairs of channels cancel to a few thousandths where their coefficients are
 * alike, as those of `b` are. */
static double cancel_value(const struct fill *f, int64_t i, struct words r)
{
    const struct words pair = words_of(f, i / 2);

    if (f->is_b)
        return 1 + 0x1p-10 * unit_interval(r.w[0]);
    return (i % 2 ? -1 : 1) * (1 + unit_interval(pair.w[1])) *
           (1 + 0x1p-10 * unit_interval(r.w[0]));
}

static double no_number(struct words r)
{
    static const double values[] = { INFINITY, -INFINITY, NAN };

    return values[r.w[3] % 3];
}

/* One in ten sums meets one. */
static double special_value(const struct fill *f, int64_t i, struct words r)
{
    const uint32_t every = (uint32_t)(10 * f->products + 2);

    if (f->is_b == (f->c->data == DATA_SPECIAL_B) &&
        (i == 0 || r.w[2] % every == 0))
        return no_number(r);
    return sign_of(r.w[1]) * (0.5 + unit_interval(r.w[0]));
}

/* Box & Muller's, in double. */
static double gauss_value(struct words r)
{
    const double u = (r.w[0] + 1.0) * 0x1p-32;

    return sqrt(-2 * log(u)) * cos(2 * M_PI * unit_interval(r.w[1]));
}

/* A power of two among `count` from 2^first on, times something. */
static double scaled_value(struct words r, int first, int count)
{
    return ldexp(sign_of(r.w[1]) * (1 + unit_interval(r.w[0])),
                 first + (int)(r.w[2] % count));
}

static double operand_value(const struct fill *f, int64_t i)
{
    const struct words r = words_of(f, i);

    switch (f->c->data) {
    case DATA_EXACT:
        return exact_value(f, r);
    case DATA_WIDE_A:
    case DATA_WIDE_B:
        return wide_value(f, r);
    case DATA_POSITION_A:
    case DATA_POSITION_B:
        return position_value(f, i);
    case DATA_POSITIVE:
        return 0.5 + unit_interval(r.w[0]);
    case DATA_CONSTANT:
        return f->is_b ? 1.0 / 3 : 0.1;
    case DATA_HUGE:
        return f->alone ? scaled_value(r, 100, 27) : scaled_value(r, 40, 25);
    case DATA_TINY:
        return f->alone ? scaled_value(r, -149, 40) : scaled_value(r, -75, 15);
    case DATA_DENORMAL:
    case DATA_DENORMAL_B:
        return f->is_b == (f->c->data == DATA_DENORMAL)
                   ? scaled_value(r, -1, 2)
                   : sign_of(r.w[1]) * (1 + (r.w[0] >> 9)) * 0x1p-149;
    case DATA_CANCEL:
        return cancel_value(f, i, r);
    case DATA_SPECIAL:
    case DATA_SPECIAL_B:
        return special_value(f, i, r);
    case DATA_TIES:
        return (double)(r.w[0] % 4) - 1;
    case DATA_GAUSS:
        return gauss_value(r);
    default:
        return 2 * unit_interval(r.w[0]) - 1;
    }
}

/* Logits: probabilities from even to nearly 0 and 1; special ones twice in a
 * row of them, and all but a few subnormal. */
static double logit_value(const struct fill *f, int64_t i)
{
    const struct words r = words_of(f, i);
    const uint32_t place = r.w[2] % (uint32_t)f->t->c;

    switch (f->c->data) {
    case DATA_HUGE:
        return 176 * unit_interval(r.w[0]) - 88;
    case DATA_SPECIAL:
        if (place < 2)
            return no_number(r);
        /* fall through */
    case DATA_RANDOM:
        return 16 * unit_interval(r.w[0]) - 8;
    case DATA_DENORMAL:
        return place || r.w[3] % 2 ? operand_value(f, i) : sign_of(r.w[1]);
    default:
        return operand_value(f, i);
    }
}

/* What is added to a sum: a bias, or an output's old value. */
static double addend_value(const struct fill *f, int64_t i)
{
    const struct words r = words_of(f, i);

    switch (f->c->data) {
    case DATA_EXACT:
        if (f->c->kind == CLADE_AVGPOOL_BWD)
            return 0; /* its units are no powers of two: nothing adds */
        return sign_of(r.w[1]) * (1 + r.w[0] % EXACT_ADDEND) *
               verify_unit(f->c);
    case DATA_WIDE_A:
    case DATA_WIDE_B:
    case DATA_POSITION_A:
    case DATA_POSITION_B:
        return 0;
    case DATA_HUGE:
        return scaled_value(r, 90, 20);
    case DATA_TINY:
    case DATA_DENORMAL:
    case DATA_DENORMAL_B:
        return scaled_value(r, -124, 4);
    default:
        return 2 * unit_interval(r.w[0]) - 1;
    }
}

/* A forward output that masks: of either sign, both zeros, NaN where data are
 * special.  Positions are never masked. */
static double mask_value(const struct fill *f, int64_t i)
{
    const struct words r = words_of(f, i);

    if (f->c->data == DATA_POSITION_A || f->c->data == DATA_POSITION_B)
        return 1;
    switch (r.w[3] % 8) {
    case 0:
        return sign_of(r.w[1]) * 0.0;
    case 1:
        return f->c->data == DATA_SPECIAL ? NAN : 0x1p-100;
    default:
        return 1.5 * unit_interval(r.w[0]) - 0.5;
    }
}

/* A choice of maxpool's: any place of the window that is in the image. */
static uint8_t choice_value(const struct fill *f, int64_t i)
{
    const struct op_case *c = f->c;
    const struct clade_window *win = &c->window;
    const int64_t pixel = i / f->t->c;
    const int q = pixel % f->t->w, p = pixel / f->t->w % f->t->h;
    const int places = win->r * win->s;
    int at = words_of(f, i).w[0] % places;

    for (int tries = 0; tries < places; tries++, at = (at + 1) % places) {
        const int h = p * win->stride - win->top + at / win->s;
        const int w = q * win->stride - win->left + at % win->s;

        if (h >= 0 && h < c->h && w >= 0 && w < c->w)
            break;
    }
    return at;
}

static uint8_t byte_value(const struct fill *f, int64_t i)
{
    const uint32_t word = words_of(f, i).w[0];

    switch (f->role) {
    case CLADE_ARG:
        return choice_value(f, i);
    case CLADE_LABEL:
        return word % f->c->c;
    default:
        return word % 256;
    }
}

static double real_value(const struct fill *f, int64_t i)
{
    const enum clade_op_kind kind = f->c->kind;

    if (f->role == CLADE_TABLE)
        return (float)i / 255;
    if (f->role == CLADE_B || f->role == CLADE_DX)
        return addend_value(f, i);
    if (kind == CLADE_LOSS_BWD && f->c->data == DATA_RANDOM)
        return unit_interval(words_of(f, i).w[0]); /* a probability */
    if (kind == CLADE_SOFTMAX_FWD || kind == CLADE_LOSS_FWD)
        return logit_value(f, i);
    if (f->role == CLADE_X && clade_op_outputs(kind) & 1u << CLADE_DX)
        return mask_value(f, i);
    return operand_value(f, i);
}

/* The largest integers that keep every sum below 2^24: about as large for
 * both operands. */
static int amplitude_of(const struct fill *f)
{
    const int64_t both = EXACT_PRODUCTS / f->products;
    const int64_t a = f->alone ? both : (int64_t)sqrt((double)both);
    const int64_t most = 1 << (f->alone ? 20 : 10);
    const int64_t use = f->is_b ? both / (a < most ? a : most) : a;

    return use < 1 ? 1 : use < most ? (int)use : (int)most;
}

void verify_fill(void *to, const struct clade_tensor *t,
                 const struct op_case *c, enum clade_role role)
{
    const int64_t n = clade_tensor_elements(t);
    struct fill f = { .c = c,
                      .t = t,
                      .role = role,
                      .alone = !has_pair(c->kind),
                      .products = verify_products(c) };

    f.is_b = !f.alone && role == operands[c->kind].role_b;
    f.is_a = !f.is_b;
    f.hot = f.is_b ? operands[c->kind].b : operands[c->kind].a;
    f.amplitude = amplitude_of(&f);
#pragma omp parallel for
    for (int64_t i = 0; i < n; i++) {
        if (t->type == CLADE_U8)
            ((uint8_t *)to)[clade_tensor_element(t, i)] = byte_value(&f, i);
        else
            ((float *)to)[clade_tensor_element(t, i)] =
                (float)real_value(&f, i);
    }
}
