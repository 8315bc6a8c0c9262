/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/data.h"

#include <math.h>

#include "rng.h"
#include "verify/case.h"

#define DATA_SEED 20150917u /* arbitrary, fixed */

/* Sums of exact data stay below 2^24 units: 2^24 - 2^20 for the products,
 * the rest for a bias or an old value. */
#define EXACT_PRODUCTS ((1 << 24) - (1 << 20))
#define EXACT_ADDEND   (1 << 19)
/* Nines: half of that on average, as zeros are random; and a bias that is small
 * also in the finest units, 2^-6. */
#define NINES_UNITS  (1 << 23)
#define NINES_ADDEND (1 << 10)
#define NINES_MOST   (1 << 10) /* the largest integer in operand a */
/* Odd values of 12 bits, times 1: sums of up to 4,097 stay below 2^24. */
#define WIDE_MOST     4000
#define LAST_POSITION ((1 << 24) - 1)

static const struct {
    const char *name;
    enum verify_gate gate;
} kinds[DATA_KINDS] = {
#define ROW(id, name, gate) { name, GATE_##gate },
    VERIFY_DATA_LIST(ROW)
#undef ROW
};

const char *verify_data_name(enum verify_data data)
{
    return kinds[data].name;
}

enum verify_gate verify_data_gate(enum verify_data data)
{
    return kinds[data].gate;
}

bool verify_data_fits(enum verify_data data, const struct op_case *c)
{
    const struct clade_window *w = &c->window;

    return data != DATA_NINES ||
           (w->stride == 1 && w->r == w->s && (w->r == 3 || w->r == 5));
}

bool verify_data_suits(enum verify_data data, const struct clade_op *op)
{
    return op->winograd.m == 0 || data == DATA_NINES ||
           verify_data_gate(data) != GATE_BITS;
}

struct words data_words(const struct fill *f, int64_t i)
{
    const uint32_t ctr[4] = { (uint32_t)i, (uint32_t)(i >> 32), f->role,
                              f->c->data };
    struct words r;

    rng_philox(r.w, ctr, DATA_SEED);
    return r;
}

double data_uniform(uint32_t word)
{
    return (word >> 8) * 0x1p-24;
}

double data_sign(uint32_t word)
{
    return word & 1 ? -1 : 1;
}

double data_no_number(uint32_t word)
{
    static const double values[] = { INFINITY, -INFINITY, NAN };

    return values[word % 3];
}

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

/* Of each `every` elements of b in a row, one is not 0. */
static double nines_value(const struct fill *f, int64_t i, struct words r)
{
    if (!f->is_b)
        return data_sign(r.w[1]) * (1 + r.w[0] % f->amplitude) * DATA_EXACT_A;
    if (data_words(f, i / f->every).w[2] % f->every != i % f->every)
        return 0;
    return data_sign(r.w[1]) * 9 * DATA_EXACT_B;
}

/* If sums are longer than WIDE_MOST, one operand is mostly 0. */
static double wide_value(const struct fill *f, struct words r)
{
    const bool wide = f->alone || f->is_b == (f->c->data == DATA_WIDE_B);
    const bool sparse = f->alone || !wide;
    const double magnitude = wide ? 2049 + 2 * (r.w[0] % 1024) : 1;

    if (sparse && f->products > WIDE_MOST &&
        r.w[2] % (uint32_t)(2 * f->products / WIDE_MOST + 1))
        return 0;
    return data_sign(r.w[1]) * magnitude;
}

/* Which of `count` places in a line has the 1: the first two lines take the
 * ends. */
static int64_t place_of(int64_t count, int64_t line, uint32_t word)
{
    return line == 0 ? 0 : line == 1 ? count - 1 : word % count;
}

/* Whether a pixel is on a grid as wide as a window.  In odd images the grid
 * ends at the last row and column, in others it begins at the first. */
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
               channel == place_of(f->t->c, pixel, data_words(f, pixel).w[3]);
    case HOT_COLUMN:
        return pixel == place_of(clade_tensor_pixels(f->t), channel,
                                 data_words(f, channel).w[3]);
    case HOT_INNER:
        return pixel / inner * f->t->c + channel ==
               place_of(clade_tensor_elements(f->t) / inner, pixel % inner,
                        data_words(f, pixel % inner).w[3]);
    default:
        return false;
    }
}

static double position_value(const struct fill *f, int64_t i)
{
    const double index = i % LAST_POSITION + 1;

    if (f->alone)
        return is_hot(f, i) ? index : 0;
    if (f->is_b == (f->c->data == DATA_POSITION_B))
        return is_hot(f, i);
    return index;
}

/* Pairs of channels cancel to a few thousandths where their coefficients are
 * alike, as those of `b` are. */
static double cancel_value(const struct fill *f, int64_t i, struct words r)
{
    const struct words pair = data_words(f, i / 2);

    if (f->is_b)
        return 1 + 0x1p-10 * data_uniform(r.w[0]);
    return (i % 2 ? -1 : 1) * (1 + data_uniform(pair.w[1])) *
           (1 + 0x1p-10 * data_uniform(r.w[0]));
}

/* About one sum in ten contains an Inf or a NaN. */
static double special_value(const struct fill *f, int64_t i, struct words r)
{
    const uint32_t every = (uint32_t)(10 * f->products + 2);

    if (f->is_b == (f->c->data == DATA_SPECIAL_B) &&
        (i == 0 || r.w[2] % every == 0))
        return data_no_number(r.w[3]);
    return data_sign(r.w[1]) * (0.5 + data_uniform(r.w[0]));
}

/* A normal number, in double (Box & Muller 1958). */
static double gauss_value(struct words r)
{
    const double u = (r.w[0] + 1.0) * 0x1p-32;

    return sqrt(-2 * log(u)) * cos(2 * M_PI * data_uniform(r.w[1]));
}

/* A number in [1, 2), either sign, times one of `count` powers of two from
 * 2^first on. */
static double scaled_value(struct words r, int first, int count)
{
    return ldexp(data_sign(r.w[1]) * (1 + data_uniform(r.w[0])),
                 first + (int)(r.w[2] % count));
}

double data_operand(const struct fill *f, int64_t i)
{
    const struct words r = data_words(f, i);

    switch (f->c->data) {
    case DATA_EXACT: /* non-zero integers of both signs */
        return data_sign(r.w[1]) * (1 + r.w[0] % f->amplitude) *
               (f->is_b ? DATA_EXACT_B : DATA_EXACT_A);
    case DATA_NINES:
        return nines_value(f, i, r);
    case DATA_WIDE_A:
    case DATA_WIDE_B:
        return wide_value(f, r);
    case DATA_POSITION_A:
    case DATA_POSITION_B:
        return position_value(f, i);
    case DATA_POSITIVE:
        return 0.5 + data_uniform(r.w[0]);
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
                   : data_sign(r.w[1]) * (1 + (r.w[0] >> 9)) * 0x1p-149;
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
        return 2 * data_uniform(r.w[0]) - 1;
    }
}

/* What is added to a sum: a bias, or an output's old value. */
double data_addend(const struct fill *f, int64_t i)
{
    const struct words r = data_words(f, i);

    switch (f->c->data) {
    case DATA_EXACT:
        if (f->unit == 0)
            return 0;
        return data_sign(r.w[1]) * (1 + r.w[0] % EXACT_ADDEND) * f->unit;
    case DATA_NINES:
        return data_sign(r.w[1]) * (1 + r.w[0] % NINES_ADDEND) * f->unit;
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
        return 2 * data_uniform(r.w[0]) - 1;
    }
}

/* A forward output that masks: of either sign, both zeros, NaN where data are
 * special.  Positions are never masked. */
double data_mask(const struct fill *f, int64_t i)
{
    const struct words r = data_words(f, i);

    if (f->c->data == DATA_POSITION_A || f->c->data == DATA_POSITION_B)
        return 1;
    switch (r.w[3] % 8) {
    case 0:
        return data_sign(r.w[1]) * 0.0;
    case 1:
        return f->c->data == DATA_SPECIAL ? NAN : 0x1p-100;
    default:
        return 1.5 * data_uniform(r.w[0]) - 0.5;
    }
}

/* The largest integers that keep every sum below 2^24: about as large for
 * both operands. */
int data_amplitude(const struct fill *f)
{
    const int64_t both = EXACT_PRODUCTS / f->products;
    const int64_t a = f->alone ? both : (int64_t)sqrt((double)both);
    const int64_t most = 1 << (f->alone ? 20 : 10);
    const int64_t use = f->is_b ? both / (a < most ? a : most) : a;

    return use < 1 ? 1 : use < most ? (int)use : (int)most;
}

/* Large integers in short sums, zeros in long ones. */
void data_nines(struct fill *f, double units)
{
    f->amplitude = (int)fmin(fmax(NINES_UNITS / units, 1), NINES_MOST);
    f->every = (int)fmax(ceil(units / NINES_UNITS), 1);
}
