/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The brackets of Winograd's products, in double.  For each of the 36 places f
 * of a transformed tile they are a product of matrices,
 *
 *     product[f][row][column] = sum over terms of a[f][row][term] *
 *                                                 b[f][term][column],
 *
 * where a is |Bt||d||B| and b is |G||g||Gt|.  A row is a tile of the output and
 * a term a channel of d; or, where the sum runs over tiles, a row is a channel
 * of d and a term a tile.  A column is a channel of the output.
 */
#include "verify/winograd.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "verify/host.h"
#include "verify/moduli.h"

#define PLACES (SIDE * SIDE)

/* Rows and terms that are in memory at a time, at most. */
#define ROWS  256
#define TERMS 128

/* What underflow adds to a value, with and without denormals; and how many such
 * values there are in a product and its sum, and in an epilogue. */
#define LOST_DENORMAL 0x1p-150
#define LOST_FLUSHED  0x1p-125
#define LOST_TERM     3
#define LOST_EPILOGUE 2

/* ---- an op --------------------------------------------------------------- */

struct job {
    const struct clade_op *op;
    const struct verify_transform *how;
    const struct clade_tensor *d, *g, *out;
    struct moduli m;
    int down, across; /* tiles of an image */
    int64_t rows, terms;
    int columns;
    double lost; /* of a value, through underflow */
    /* A range of rows and of terms. */
    int height, width;       /* room for so many */
    double *a, *b, *product; /* as above */
    double *sum_a, *sum_b;   /* over all terms: [f][row], [f][column] */
};

static int ceil_div(int a, int b)
{
    return (a + b - 1) / b;
}

static enum clade_role output_of(const struct clade_op *op)
{
    int role = 0;

    while (!(clade_op_outputs(op->kind) & 1u << role))
        role++;
    return role;
}

static struct job job_of(const struct clade_op *op, bool denormals)
{
    const struct verify_transform *how = &verify_kind(op->kind)->transform;
    struct job j = { .op = op,
                     .how = how,
                     .d = &op->t[how->d],
                     .g = &op->t[how->g],
                     .out = &op->t[output_of(op)],
                     .m = moduli_of(&op->winograd),
                     .lost = denormals ? LOST_DENORMAL : LOST_FLUSHED };
    const struct clade_tensor *cut = how->over_tiles ? j.g : j.out;
    const int step = how->over_tiles ? op->winograd.r : op->winograd.m;
    int64_t tiles;

    assert(how->relative > 0 && op->window.stride == 1);
    j.down = ceil_div(cut->h, step);
    j.across = ceil_div(cut->w, step);
    tiles = (int64_t)cut->n * j.down * j.across;
    j.rows = how->over_tiles ? j.d->c : tiles;
    j.terms = how->over_tiles ? tiles : j.d->c;
    j.columns = j.out->c;
    return j;
}

/* Get a square of |values| of one channel of an image, from (h, w) on, with
 * zeros outside. */
static void cut_image(double to[PLACES], const struct clade_tensor *t, int n,
                      int h, int w, int channel, int side)
{
    const float *image = verify_image(t);

    for (int i = 0; i < side * side; i++) {
        const int y = h + i / side, x = w + i % side;
        const bool inside = y >= 0 && y < t->h && x >= 0 && x < t->w;
        const int64_t pixel = ((int64_t)n * t->h + y) * t->w + x;

        to[i / side * SIDE + i % side] =
            inside ? fabs(verify_get(image, t, pixel * t->c + channel)) : 0;
    }
}

/* The tile of d for a row and a term. */
static void cut_d(double to[PLACES], const struct job *j, int64_t row,
                  int64_t term)
{
    const struct clade_winograd *w = &j->op->winograd;
    const struct clade_window *win = &j->op->window;
    const int64_t tile = j->how->over_tiles ? term : row;
    const int channel = (int)(j->how->over_tiles ? row : term);
    const int step = j->how->over_tiles ? w->r : w->m;
    const int top = j->how->turned ? w->r - 1 - win->top : win->top;
    const int left = j->how->turned ? w->r - 1 - win->left : win->left;

    cut_image(to, j->d, (int)(tile / j->across / j->down),
              (int)(tile / j->across % j->down) * step - top,
              (int)(tile % j->across) * step - left, channel, SIDE);
}

/* The filter, or the tile of an image in its place, for a term and a column. */
static void cut_g(double to[PLACES], const struct job *j, int64_t term,
                  int column)
{
    const int r = j->op->winograd.r;
    const struct clade_tensor *g = j->g; /* [R,S,C,K] */

    if (j->how->over_tiles) {
        cut_image(to, g, (int)(term / j->across / j->down),
                  (int)(term / j->across % j->down) * r,
                  (int)(term % j->across) * r, column, r);
        return;
    }
    for (int i = 0; i < r * r; i++) {
        const int place = j->how->turned ? r * r - 1 - i : i;
        const int64_t c = j->how->turned ? column : term;
        const int64_t k = j->how->turned ? term : column;

        to[i / r * SIDE + i % r] = fabs(verify_get(
            verify_image(g), g, (place * (int64_t)g->w + c) * g->c + k));
    }
}

/* ---- products ------------------------------------------------------------ */

static clade_status allocate(struct job *j, int64_t rows)
{
    const size_t place = PLACES * sizeof(double), k = j->columns;

    j->height = rows < ROWS ? (int)rows : ROWS;
    j->width = j->terms < TERMS ? (int)j->terms : TERMS;
    j->a = malloc(place * j->height * j->width);
    j->b = malloc(place * j->width * k);
    j->product = malloc(place * j->height * k);
    j->sum_a = malloc(place * j->height);
    j->sum_b = malloc(place * k);
    if (j->a && j->b && j->product && j->sum_a && j->sum_b)
        return CLADE_OK;
    return clade_fail(CLADE_ENOMEM, "verify: no memory for brackets");
}

static void release(struct job *j)
{
    free(j->a);
    free(j->b);
    free(j->product);
    free(j->sum_a);
    free(j->sum_b);
}

static void clear(struct job *j)
{
    const size_t place = PLACES * sizeof(double);

    memset(j->product, 0, place * j->height * j->columns);
    memset(j->sum_a, 0, place * j->height);
    memset(j->sum_b, 0, place * j->columns);
}

/* Transform d for `rows` rows and `terms` terms from row0 and term0 on. */
static void fill_a(struct job *j, int64_t row0, int rows, int64_t term0,
                   int terms)
{
#pragma omp parallel for
    for (int row = 0; row < rows; row++) {
        for (int term = 0; term < terms; term++) {
            double x[PLACES], v[PLACES];

            cut_d(x, j, row0 + row, term0 + term);
            moduli_transform(v, j->m.abs.bt, x, SIDE);
            for (int f = 0; f < PLACES; f++) {
                j->a[(f * j->height + row) * j->width + term] = v[f];
                j->sum_a[f * j->height + row] += v[f];
            }
        }
    }
}

static void fill_b(struct job *j, int64_t term0, int terms)
{
    const int64_t k = j->columns;

#pragma omp parallel for
    for (int term = 0; term < terms; term++) {
        for (int column = 0; column < k; column++) {
            double x[PLACES], u[PLACES];

            cut_g(x, j, term0 + term, column);
            moduli_transform(u, j->m.abs.g, x, j->op->winograd.r);
            for (int f = 0; f < PLACES; f++)
                j->b[(f * j->width + term) * k + column] = u[f];
        }
    }
#pragma omp parallel for
    for (int f = 0; f < PLACES; f++)
        for (int64_t i = 0; i < terms * k; i++)
            j->sum_b[f * k + i % k] += j->b[f * j->width * k + i];
}

/* Add the products of a row: sums of all columns together. */
CPU_WIDE static void add_row(double *restrict to, const double *restrict a,
                             const double *restrict b, int terms, int columns)
{
    for (int i = 0; i < terms; i++)
        for (int k = 0; k < columns; k++)
            to[k] += a[i] * b[(int64_t)i * columns + k];
}

static void multiply(struct job *j, int rows, int terms)
{
    const int64_t k = j->columns;

#pragma omp parallel for collapse(2)
    for (int f = 0; f < PLACES; f++)
        for (int row = 0; row < rows; row++)
            add_row(j->product + (f * j->height + row) * k,
                    j->a + (int64_t)(f * j->height + row) * j->width,
                    j->b + f * j->width * k, terms, j->columns);
}

/* Compute the products of `rows` rows from row0 on. */
static void add_terms(struct job *j, int64_t row0, int rows)
{
    clear(j);
    for (int64_t term0 = 0; term0 < j->terms; term0 += j->width) {
        const int64_t left = j->terms - term0;
        const int terms = left < j->width ? (int)left : j->width;

        fill_a(j, row0, rows, term0, terms);
        fill_b(j, term0, terms);
        multiply(j, rows, terms);
    }
}

/* ---- outputs ------------------------------------------------------------- */

/* Above the outputs of a tile, there is room for the largest finite value that
 * was in any of its places. */
#define PEAK  (PLACES - 1)
#define BLOCK 64

static void find_peaks(double peak[BLOCK], const double *v, int64_t stride,
                       int n)
{
    for (int k = 0; k < n; k++)
        peak[k] = 0;
    for (int f = 0; f < PLACES; f++)
        for (int k = 0; k < n; k++)
            if (v[f * stride + k] > peak[k] && isfinite(v[f * stride + k]))
                peak[k] = v[f * stride + k];
}

static void add(double *restrict to, const double *restrict from, double by,
                int n)
{
    for (int k = 0; k < n; k++)
        to[k] += by * from[k];
}

/* Turn the places of n <= BLOCK tiles, `stride` apart, into their outputs:
 * |At| v |A|.  Zeros of At are no factors, as in moduli_transform(). */
static void invert_block(double *v, int64_t stride, int n,
                         const struct moduli *m)
{
    double once[SIDE][SIDE][BLOCK] = { { { 0 } } }, peak[BLOCK];

    find_peaks(peak, v, stride, n);
    for (int i = 0; i < m->outputs; i++)
        for (int f = 0; f < PLACES; f++)
            if (m->abs.at[i][f / SIDE] != 0)
                add(once[i][f % SIDE], v + f * stride, m->abs.at[i][f / SIDE],
                    n);
    for (int i = 0; i < m->outputs; i++) {
        for (int j = 0; j < m->outputs; j++) {
            double *to = v + (i * m->outputs + j) * stride;

            memset(to, 0, n * sizeof(*to));
            for (int q = 0; q < SIDE; q++)
                if (m->abs.at[j][q] != 0)
                    add(to, once[i][q], m->abs.at[j][q], n);
        }
    }
    memcpy(v + PEAK * stride, peak, n * sizeof(*v));
}

static void invert(double *v, int64_t stride, int n, const struct moduli *m)
{
    for (int k = 0; k < n; k += BLOCK)
        invert_block(v + k, stride, n - k < BLOCK ? n - k : BLOCK, m);
}

/* Turn the products and the sums of `rows` rows into outputs. */
static void invert_all(struct job *j, int rows)
{
    const int64_t k = j->columns;

#pragma omp parallel for
    for (int row = 0; row < rows; row++)
        invert(j->product + row * k, j->height * k, j->columns, &j->m);
    invert(j->sum_a, j->height, rows, &j->m);
    invert(j->sum_b, k, j->columns, &j->m);
}

/* ---- elements ------------------------------------------------------------ */

/* Where an element of the output is: at (i, j) of which row's tile, in which
 * column. */
struct spot {
    int64_t row;
    int i, j, column;
};

static struct spot spot_of(const struct job *j, int64_t at)
{
    const struct clade_tensor *t = j->out;
    const int m = j->op->winograd.m;
    const int64_t pixel = at / t->c;
    const int w = pixel % t->w, h = pixel / t->w % t->h;
    const int n = (int)(pixel / t->w / t->h);
    struct spot s = { .column = (int)(at % t->c) };

    if (j->how->over_tiles) { /* [R,S,C,K] */
        s.row = w;
        s.i = n;
        s.j = h;
    } else {
        s.row = ((int64_t)n * j->down + h / m) * j->across + w / m;
        s.i = h % m;
        s.j = w % m;
    }
    return s;
}

/* A bias, or an output's old value. */
static double addend(const struct job *j, int64_t at)
{
    const struct clade_tensor *b = &j->op->t[CLADE_B];

    if (b->buffer)
        return verify_get(verify_image(b), b, at % b->c);
    if (j->op->flags & CLADE_ACCUMULATE)
        return verify_get(verify_image(j->out), j->out, at);
    return 0;
}

/* The bracket of an element; `row` is its row among those computed. */
static struct verify_bracket bracket_at(const struct job *j, int64_t at,
                                        const struct spot *s, int64_t row)
{
    const struct moduli *m = &j->m;
    const int place = s->i * m->outputs + s->j;
    const int64_t k = j->columns, all = j->height * k;
    const double *product = j->product + row * k + s->column;
    const double *sum_a = j->sum_a + row, *sum_b = j->sum_b + s->column;
    const double lost =
        m->lost_g * sum_a[place * j->height] + m->lost_b * sum_b[place * k] +
        LOST_TERM * (double)j->terms * m->weight[s->i] * m->weight[s->j] +
        m->lost_a + LOST_EPILOGUE;
    struct verify_bracket b = { .s = fabs(addend(j, at)) + product[place * all],
                                .peak = fmax(sum_a[PEAK * j->height],
                                             sum_b[PEAK * k]),
                                .tau = j->lost * lost,
                                .unit = m->unit[s->i] * m->unit[s->j] };

    b.peak = fmax(fmax(b.peak, product[PEAK * all]), b.s);
    if (!isfinite(b.s))
        b.peak = INFINITY;
    return b;
}

/* Compute the brackets of those elements that lie in the rows computed. */
static void finish_rows(struct verify_bracket *to, const struct job *j,
                        const struct verify_oracle *which, int64_t row0,
                        int rows)
{
#pragma omp parallel for
    for (int64_t e = 0; e < which->count; e++) {
        const int64_t at = verify_oracle_element(which, e);
        const struct spot s = spot_of(j, at);

        if (s.row >= row0 && s.row < row0 + rows)
            to[e] = bracket_at(j, at, &s, s.row - row0);
    }
}

/* The first row that an element lies in, and the one after the last. */
static void find_rows(int64_t *first, int64_t *end, const struct job *j,
                      const struct verify_oracle *which)
{
    *first = j->rows;
    *end = 0;
    for (int64_t e = 0; e < which->count; e++) {
        const struct spot s = spot_of(j, verify_oracle_element(which, e));

        *first = s.row < *first ? s.row : *first;
        *end = s.row >= *end ? s.row + 1 : *end;
    }
}

clade_status winograd_brackets(struct verify_bracket *to,
                               const struct clade_op *op,
                               const struct verify_oracle *which,
                               bool denormals)
{
    struct job j = job_of(op, denormals);
    int64_t row, end;
    clade_status st;

    find_rows(&row, &end, &j, which);
    if (row >= end)
        return CLADE_OK; /* no elements */
    st = allocate(&j, end - row);
    for (; row < end && !st; row += j.height) {
        const int rows = end - row < j.height ? (int)(end - row) : j.height;

        add_terms(&j, row, rows);
        invert_all(&j, rows);
        finish_rows(to, &j, which, row, rows);
    }
    release(&j);
    return st;
}

int64_t winograd_terms(const struct clade_op *op)
{
    return job_of(op, true).terms;
}

/* ---- ones ---------------------------------------------------------------- */

struct verify_bracket winograd_largest(const struct clade_op *op)
{
    const struct job j = job_of(op, false);

    return (struct verify_bracket){ .s = (double)j.terms * moduli_ones(&j.m) +
                                         1 };
}

/* What transforms a case's products would have if an algorithm has any. */
static struct clade_winograd winograd_of(const struct op_case *c)
{
    const int window = c->window.r, rest = SIDE + 1 - window;
    const bool over_tiles = verify_kind(c->kind)->transform.over_tiles;

    return (struct clade_winograd){ .m = over_tiles ? window : rest,
                                    .r = over_tiles ? rest : window,
                                    .a = 1,
                                    .b = 2 };
}

static int64_t terms_of(const struct op_case *c, const struct clade_winograd *w)
{
    const struct verify_kind *kind = verify_kind(c->kind);

    if (kind->transform.over_tiles)
        return (int64_t)c->n * ceil_div(c->p, w->r) * ceil_div(c->q, w->r);
    return verify_extents(c, kind->over) / (w->r * w->r);
}

double winograd_units(const struct op_case *c)
{
    const struct clade_winograd w = winograd_of(c);
    const struct moduli m = moduli_of(&w);

    return (double)terms_of(c, &w) * moduli_units(&m);
}
