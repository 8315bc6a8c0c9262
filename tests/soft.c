/* SPDX-License-Identifier: Apache-2.0 */
#include "soft.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "op/winograd.h"
#include "tap.h"

enum { SIDE = WINOGRAD_TILE, PLACES = SIDE * SIDE };

enum soft_fault soft_fault;

static const char name[] = "winograd";

/* ---- geometry ------------------------------------------------------------ */

struct soft {
    const struct clade_op *op;
    const struct verify_transform *how;
    const struct clade_tensor *d, *g, *out;
    struct winograd_matrices m;
    int step, down, across; /* of tiles; how many an image has */
    int rows, terms;        /* as in src/verify/winograd.c */
};

static struct soft soft_of(const struct clade_op *op, enum clade_role role)
{
    const struct clade_winograd *w = &op->winograd;
    struct soft s = { .op = op, .how = &verify_kind(op->kind)->transform };
    const struct clade_tensor *cut;
    int tiles;

    s.d = &op->t[s.how->d];
    s.g = &op->t[s.how->g];
    s.out = &op->t[role];
    cut = s.how->over_tiles ? s.g : s.out;
    s.step = s.how->over_tiles ? w->r : w->m;
    s.down = (cut->h + s.step - 1) / s.step;
    s.across = (cut->w + s.step - 1) / s.step;
    tiles = cut->n * s.down * s.across;
    s.rows = s.how->over_tiles ? s.d->c : tiles;
    s.terms = s.how->over_tiles ? tiles : s.d->c;
    winograd_matrices(&s.m, w);
    return s;
}

static float pixel(const struct clade_tensor *t, int n, int h, int w, int c)
{
    const bool inside = h >= 0 && h < t->h && w >= 0 && w < t->w;

    return inside ? *element(t, (((int64_t)n * t->h + h) * t->w + w) * t->c + c)
                  : 0;
}

/* Element (i, j) of the tile of d, and of the filter or what is in its
 * place. */
static float d_at(const struct soft *s, int row, int term, int i, int j)
{
    const struct clade_window *win = &s->op->window;
    const int tile = s->how->over_tiles ? term : row;
    const int channel = s->how->over_tiles ? row : term;
    const int top = s->how->turned ? win->r - 1 - win->top : win->top;
    const int left = s->how->turned ? win->s - 1 - win->left : win->left;

    return pixel(s->d, tile / s->across / s->down,
                 tile / s->across % s->down * s->step - top + i,
                 tile % s->across * s->step - left + j, channel);
}

static float g_at(const struct soft *s, int term, int column, int i, int j)
{
    const int r = s->op->winograd.r;

    if (s->how->over_tiles)
        return pixel(s->g, term / s->across / s->down,
                     term / s->across % s->down * r + i,
                     term % s->across * r + j, column);
    if (s->how->turned)
        return pixel(s->g, r - 1 - i, r - 1 - j, column, term);
    return pixel(s->g, i, j, term, column);
}

/* ---- in float ------------------------------------------------------------ */

/* Round as a device that stores half precision: to 11 bits. */
static float half(float v)
{
    int exponent;
    const float fraction = frexpf(v, &exponent);

    return isfinite(v) ? ldexpf(rintf(ldexpf(fraction, 11)), exponent - 11) : v;
}

/* A matrix whose rows are scaled after their sum: nines stay exact. */
struct matrix {
    int rows, columns;
    float t[SIDE][SIDE], scale[SIDE];
};

static struct matrix matrix_of(const double t[SIDE][SIDE], int rows,
                               int columns)
{
    struct matrix m = { .rows = rows, .columns = columns };

    for (int p = 0; p < rows; p++) {
        const double by = t[p][0] != 0 && columns < SIDE ? t[p][0] : 1;

        m.scale[p] = (float)by;
        for (int i = 0; i < columns; i++)
            m.t[p][i] = (float)(t[p][i] / by);
    }
    return m;
}

static float row_of(const struct matrix *m, int p, const float *x, int stride)
{
    float sum = 0;

    for (int i = 0; i < m->columns; i++)
        if (m->t[p][i] != 0)
            sum += m->t[p][i] * x[i * stride];
    return sum * m->scale[p];
}

/* T x Tt */
static void apply(float to[PLACES], const struct matrix *m, const float *x)
{
    float once[PLACES];

    for (int p = 0; p < m->rows; p++)
        for (int s = 0; s < m->columns; s++)
            once[p * SIDE + s] = row_of(m, p, x + s, SIDE);
    for (int p = 0; p < m->rows; p++)
        for (int q = 0; q < m->rows; q++)
            to[p * SIDE + q] = row_of(m, q, once + p * SIDE, 1);
}

static void break_v(float v[PLACES], int term)
{
    if (soft_fault == SOFT_SIGN && term % 8 == 3)
        v[7] = -v[7];
    for (int q = 0; q < SIDE && soft_fault == SOFT_SWAPPED; q++) {
        const float first = v[SIDE + q];

        v[SIDE + q] = v[2 * SIDE + q];
        v[2 * SIDE + q] = first;
    }
    for (int f = 0; f < PLACES && soft_fault == SOFT_V_HALF; f++)
        v[f] = half(v[f]);
}

/* All terms of a row. */
static void transform_d(float *v, const struct soft *s, int row)
{
    const struct matrix bt = matrix_of(s->m.bt, SIDE, SIDE);

    for (int term = 0; term < s->terms; term++) {
        float x[PLACES];

        for (int i = 0; i < PLACES; i++)
            x[i] = d_at(s, row, term, i / SIDE, i % SIDE);
        apply(v + term * PLACES, &bt, x);
        break_v(v + term * PLACES, term);
    }
}

/* All terms of a column. */
static void transform_g(float *u, const struct soft *s, int column)
{
    const int r = s->op->winograd.r;
    const struct matrix g = matrix_of(s->m.g, SIDE, r);

    for (int term = 0; term < s->terms; term++) {
        float x[PLACES];

        for (int i = 0; i < r * r; i++)
            x[i / r * SIDE + i % r] = g_at(s, term, column, i / r, i % r);
        apply(u + term * PLACES, &g, x);
        for (int f = 0; f < PLACES && soft_fault == SOFT_U_HALF; f++)
            u[term * PLACES + f] = half(u[term * PLACES + f]);
    }
}

/* The products of one row and column. */
static void sum_up(float product[PLACES], const struct soft *s, const float *v,
                   const float *u)
{
    for (int f = 0; f < PLACES; f++)
        product[f] = 0;
    for (int term = 0; term < s->terms; term++)
        for (int f = 0; f < PLACES; f++)
            if (soft_fault != SOFT_TERM_LOST || term != s->terms / 2)
                product[f] += u[term * PLACES + f] * v[term * PLACES + f];
    if (soft_fault == SOFT_PLACE_HALF)
        product[14] = half(product[14]);
}

/* Write an output after its epilogue. */
static void put(const struct soft *s, int64_t at, float v)
{
    const struct clade_op *op = s->op;
    float *to = element(s->out, at);

    if (op->t[CLADE_B].buffer)
        v += *element(&op->t[CLADE_B], at % s->out->c);
    if (op->flags & CLADE_ACCUMULATE)
        v += *to;
    if (op->flags & CLADE_RELU && s->how->turned)
        v = *element(&op->t[CLADE_X], at) > 0 ? v : 0;
    else if (op->flags & CLADE_RELU)
        v = v < 0 ? 0 : v;
    *to = soft_fault == SOFT_FINITE && !isfinite(v) ? 0 : v;
}

static void put_tile(const struct soft *s, int row, int column,
                     const float y[PLACES])
{
    const struct clade_tensor *t = s->out;
    const int m = s->op->winograd.m, n = row / s->across / s->down;

    for (int i = 0; i < m * m; i++) {
        const int h = row / s->across % s->down * m + i / m;
        const int w = row % s->across * m + i % m;
        const int64_t at = (((int64_t)n * t->h + h) * t->w + w) * t->c + column;

        if (h < t->h && at < clade_tensor_elements(t) &&
            (w < t->w || soft_fault == SOFT_OVERHANG))
            put(s, at, y[i / m * SIDE + i % m]);
    }
}

static void put_filter(const struct soft *s, int row, int column,
                       const float y[PLACES])
{
    const struct clade_tensor *t = s->out;

    for (int i = 0; i < t->n * t->h; i++)
        put(s, ((int64_t)i * t->w + row) * t->c + column,
            y[i / t->h * SIDE + i % t->h]);
}

static enum clade_role output_role(const struct clade_op *op)
{
    enum clade_role role = 0;

    while (!(clade_op_outputs(op->kind) & 1u << role))
        role++;
    return role;
}

static void run_column(const struct soft *s, int column, const float *v,
                       float *u)
{
    const struct matrix at = matrix_of(s->m.at, s->op->winograd.m, SIDE);

    transform_g(u, s, column);
    for (int row = 0; row < s->rows; row++) {
        float product[PLACES], y[PLACES];

        sum_up(product, s, v + (size_t)row * s->terms * PLACES, u);
        apply(y, &at, product);
        if (s->how->over_tiles)
            put_filter(s, row, column, y);
        else
            put_tile(s, row, column, y);
    }
}

static void soft_run(const struct clade_op *op)
{
    const struct soft s = soft_of(op, output_role(op));
    const size_t row = (size_t)s.terms * PLACES;
    float *v = malloc(s.rows * row * sizeof(*v));
    float *u = malloc(row * sizeof(*u));

    if (!u || !v)
        tap_bail("no memory for transforms");
    for (int i = 0; i < s.rows; i++)
        transform_d(v + i * row, &s, i);
    for (int column = 0; column < s.out->c; column++)
        run_column(&s, column, v, u);
    free(u);
    free(v);
    if (soft_fault == SOFT_ONE_UNIT)
        *element(s.out, 77) += 0.5f;
}

/* ---- the algorithm ------------------------------------------------------- */

static bool is_fit(const struct clade_op *op)
{
    const struct clade_window *w = &op->window;

    return verify_kind(op->kind)->transform.relative > 0 && w->stride == 1 &&
           w->r == w->s && (w->r == 3 || w->r == 5);
}

static int candidates(clade_backend *be, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const int n = backend_cpu.candidates(be, op, list, max);

    if (!is_fit(op) || n >= max)
        return n;
    list[n] = (struct backend_candidate){ .choice = { .algorithm = name },
                                          .cost = 1 };
    return n + 1;
}

/* In a pass over a matrix, a value is rounded once for each column, for its
 * product and for its scale: twice that for a tile. */
static int depth_of(const struct clade_op *op, int terms)
{
    const int around = 2 * (SIDE + 2) * 2 + 2 * (op->winograd.r + 2);

    return terms + around + 2; /* the product and the epilogue */
}

static clade_status settle(clade_backend *be, struct clade_op *op)
{
    const bool integers =
        be->debug && be->debug->integers && soft_fault != SOFT_FRACTIONS;
    int r = op->window.r;
    clade_status st;

    st = backend_cpu.settle(be, op);
    if (st || !op->choice.algorithm || strcmp(op->choice.algorithm, name))
        return st;
    if (verify_kind(op->kind)->transform.over_tiles)
        r = SIDE + 1 - r;
    op->winograd = (struct clade_winograd){ .m = SIDE + 1 - r,
                                            .r = r,
                                            .a = integers ? 1 : 0.75f,
                                            .b = integers ? 2 : 1.5f };
    op->depth = depth_of(op, soft_of(op, output_role(op)).terms);
    return CLADE_OK;
}

static clade_status (*plain_run)(clade_backend *be, clade_task *task);

static clade_status run(clade_backend *be, clade_task *task)
{
    const bool soft = task->op.winograd.m > 0;
    clade_status st = CLADE_OK;

    if (!soft || task->op.t[CLADE_DB].buffer) /* db is a plain sum */
        st = plain_run(be, task);
    if (soft && !st)
        soft_run(&task->op);
    return st;
}

void soft_install(void)
{
    static const char *const algorithms[] = { "reference", name, NULL };

    plain_run = faulty.run;
    faulty.algorithms = algorithms;
    faulty.candidates = candidates;
    faulty.settle = settle;
    faulty.run = run;
}

/* ---- in double ----------------------------------------------------------- */

/* Where an element is in its tile: at (i, j) of a row and a column. */
static int place_of(int *i, int *j, const struct soft *s, int64_t at)
{
    const int64_t p = at / s->out->c;
    const int w = (int)(p % s->out->w), h = (int)(p / s->out->w % s->out->h);
    const int n = (int)(p / s->out->w / s->out->h), m = s->op->winograd.m;

    *i = s->how->over_tiles ? n : h % m;
    *j = s->how->over_tiles ? h : w % m;
    return s->how->over_tiles ? w : (n * s->down + h / m) * s->across + w / m;
}

static double abs_if(bool moduli, double x)
{
    return moduli ? fabs(x) : x;
}

/* Place (p, q) of T x Tt, of a term's d, or of its g (row < 0). */
static double transformed(const struct soft *s, int f, int row, int term,
                          int column, bool moduli)
{
    const bool is_d = row >= 0;
    const int n = is_d ? SIDE : s->op->winograd.r;
    double sum = 0;

    for (int k = 0; k < n * n; k++) {
        const int i = k / n, j = k % n;
        const double t = is_d ? s->m.bt[f / SIDE][i] * s->m.bt[f % SIDE][j]
                              : s->m.g[f / SIDE][i] * s->m.g[f % SIDE][j];

        if (t != 0)
            sum += abs_if(moduli, t) *
                   abs_if(moduli, is_d ? d_at(s, row, term, i, j)
                                       : g_at(s, term, column, i, j));
    }
    return sum;
}

double soft_element(const struct clade_op *op, enum clade_role role, int64_t at,
                    bool moduli)
{
    const struct soft s = soft_of(op, role);
    const int column = (int)(at % s.out->c);
    int i, j;
    const int row = place_of(&i, &j, &s, at);
    double sum = 0;

    for (int f = 0; f < PLACES; f++) {
        const double weight =
            abs_if(moduli, s.m.at[i][f / SIDE] * s.m.at[j][f % SIDE]);

        for (int term = 0; term < s.terms && weight != 0; term++)
            sum += weight * transformed(&s, f, row, term, column, moduli) *
                   transformed(&s, f, -1, term, column, moduli);
    }
    return sum;
}

/* ---- cases --------------------------------------------------------------- */

struct op_case soft_case(const char *text)
{
    struct op_case c = { .why = "transforms" };
    const char *why = verify_case_parse(&c, text);

    if (why)
        tap_bail("%s: %s", text, why);
    return c;
}

struct verify_host *soft_host(clade_backend *be, const struct op_case *c)
{
    struct backend_debug debug = { .integers = c->data == DATA_NINES };
    struct verify_host *host;

    if (verify_host_new(&host, c))
        tap_bail("%s", clade_error());
    be->debug = &debug;
    if (clade_backend_choose(be, &host->op, name))
        tap_bail("%s", clade_error());
    be->debug = NULL;
    return host;
}
