/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"

/* An output pixel lies between two input pixels. */
struct between {
    int first;    /* the first of the two */
    float weight; /* of the second */
};

/* Where output pixel o of `to` lies among `from` input pixels, computed in
 * float as OpenCV's resizeGeneric_ does. */
static struct between position(int o, int from, int to)
{
    const float f = (float)((o + 0.5) * from / to - 0.5);
    const int first = (int)floorf(f);

    return (struct between){ first, f - (float)first };
}

/* A weight in units of 1/2048. */
static int fixed(float weight)
{
    return (int)rintf(2048 * weight);
}

static int clamp(int v, int last)
{
    return v < 0 ? 0 : v > last ? last : v;
}

/* The same along a row.  Beyond either end of the row only the pixel at that
 * end counts. */
static struct between across(int o, int from, int to)
{
    struct between b = position(o, from, to);

    if (b.first < 0)
        return (struct between){ 0, 0 };
    if (b.first >= from - 1)
        return (struct between){ from - 1, 0 };
    return b;
}

/* Channel c blended from two pixels of row h, in units of 1/2048. */
static int blend(const struct clade_tensor *x, int n, int h, struct between b,
                 int c)
{
    const uint8_t *row = bytes(x) + pixel_at(x, n, h, 0) + c;

    return row[(int64_t)b.first * x->ld] * fixed(1 - b.weight) +
           row[(int64_t)clamp(b.first + 1, x->w - 1) * x->ld] * fixed(b.weight);
}

/* One byte of the resized image.  At the upper and lower edge the row is
 * clamped but the weight stays, as in OpenCV. */
static int sample(const struct clade_tensor *x, int n, struct between down,
                  struct between right, int c)
{
    const int h0 = blend(x, n, clamp(down.first, x->h - 1), right, c);
    const int h1 = blend(x, n, clamp(down.first + 1, x->h - 1), right, c);

    return (((fixed(1 - down.weight) * (h0 >> 4)) >> 16) +
            ((fixed(down.weight) * (h1 >> 4)) >> 16) + 2) >>
           2;
}

static void resize(const struct clade_op *op, void *scratch)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const real *table = reals(&op->t[CLADE_TABLE]);

    (void)scratch;
#pragma omp parallel for collapse(2)
    for (int n = 0; n < y->n; n++) {
        for (int p = 0; p < y->h; p++) {
            const struct between down = position(p, x->h, y->h);

            for (int q = 0; q < y->w; q++) {
                const struct between right = across(q, x->w, y->w);
                real *to = reals(y) + pixel_at(y, n, p, q);

                for (int c = 0; c < y->c; c++)
                    to[c] = table[sample(x, n, down, right, c)];
            }
        }
    }
}

static struct cpu_exact resize_at(const struct clade_op *op,
                                  struct cpu_query ask)
{
    const struct clade_tensor *y = &op->t[CLADE_Y];
    const struct clade_tensor *x = &op->t[CLADE_X];
    const struct place at = place_of(y, ask.i);

    return exact_value(reals(&op->t[CLADE_TABLE])[sample(
        x, at.n, position(at.h, x->h, y->h), across(at.w, x->w, y->w), at.c)]);
}

const struct cpu_kind REAL_NAME(resize) = { .run = resize, .at = resize_at };
