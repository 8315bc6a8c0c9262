/* SPDX-License-Identifier: Apache-2.0 */
#include "cpu/real.h"
#include "op/bilinear.h"

/* Channel c blended from two pixels of row h. */
static int blend(const struct clade_tensor *x, int n, int h, struct between b,
                 int c)
{
    const uint8_t *row = bytes(x) + pixel_at(x, n, h, 0) + c;
    const int second = bilinear_clamp(b.first + 1, x->w - 1);

    return bilinear_blend(row[(int64_t)b.first * x->ld],
                          row[(int64_t)second * x->ld], b.weight);
}

/* One byte of the resized image. */
static int sample(const struct clade_tensor *x, int n, struct between down,
                  struct between right, int c)
{
    const int first = bilinear_clamp(down.first, x->h - 1);
    const int second = bilinear_clamp(down.first + 1, x->h - 1);

    return bilinear_byte(blend(x, n, first, right, c),
                         blend(x, n, second, right, c), down.weight);
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
            const struct between down = bilinear_down(p, x->h, y->h);

            for (int q = 0; q < y->w; q++) {
                const struct between right = bilinear_across(q, x->w, y->w);
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

    return exact_value(reals(
        &op->t[CLADE_TABLE])[sample(x, at.n, bilinear_down(at.h, x->h, y->h),
                                    bilinear_across(at.w, x->w, y->w), at.c)]);
}

const struct cpu_kind REAL_NAME(resize) = { .run = resize, .at = resize_at };
