/* SPDX-License-Identifier: Apache-2.0 */
/* From a picture to an image of a net's size. */
#include "picture/picture.h"

#include "op/bilinear.h"

enum { RGB = 3 };

/* The centre square: `side` pixels from pixel `first` on. */
struct square {
    int side;
    const uint8_t *first;
    ptrdiff_t right, down;
};

static struct square centre(const struct picture *p)
{
    const int side = p->w < p->h ? p->w : p->h;

    return (struct square){ .side = side,
                            .first = p->rgb + p->at +
                                     (p->w - side) / 2 * p->right +
                                     (p->h - side) / 2 * p->down,
                            .right = p->right,
                            .down = p->down };
}

/* Source pixel `from` covers units [from*to, (from+1)*to) of a side of
 * from_side*to_side units, and pixel o of the result units [o*from_side,
 * (o+1)*from_side).  How many units have they in common? */
static int64_t common(int from, int from_side, int o, int to_side)
{
    const int64_t first = (int64_t)from * to_side, last = first + to_side;
    const int64_t begin = (int64_t)o * from_side, end = begin + from_side;

    return (last < end ? last : end) - (first > begin ? first : begin);
}

/* The mean of the area that pixel (q,p) of the result covers.  The parts of the
 * source pixels add up to side*side, at most 2^28, so the sums stay below 2^36.
 */
static void mean(uint8_t to[RGB], const struct square *s, int side, int p,
                 int q)
{
    const int first_h = (int)((int64_t)p * s->side / side);
    const int first_w = (int)((int64_t)q * s->side / side);
    const int64_t all = (int64_t)s->side * s->side;
    int64_t sum[RGB] = { 0 }, down, part;

    for (int h = first_h; (down = common(h, s->side, p, side)) > 0; h++) {
        const uint8_t *row = s->first + h * s->down;

        for (int w = first_w; (part = common(w, s->side, q, side)) > 0; w++)
            for (int c = 0; c < RGB; c++)
                sum[c] += down * part * row[w * s->right + c];
    }
    for (int c = 0; c < RGB; c++)
        to[c] = (uint8_t)((2 * sum[c] + all) / (2 * all));
}

static void shrink(uint8_t *to, int side, const struct square *s)
{
    for (int p = 0; p < side; p++)
        for (int q = 0; q < side; q++, to += RGB)
            mean(to, s, side, p, q);
}

/* Channel c of row h, blended across. */
static int blend(const struct square *s, int h, struct between right, int c)
{
    const uint8_t *row = s->first + h * s->down + c;
    const int second = bilinear_clamp(right.first + 1, s->side - 1);

    return bilinear_blend(row[right.first * s->right], row[second * s->right],
                          right.weight);
}

static void grow(uint8_t *to, int side, const struct square *s)
{
    for (int p = 0; p < side; p++) {
        const struct between down = bilinear_down(p, s->side, side);
        const int first = bilinear_clamp(down.first, s->side - 1);
        const int second = bilinear_clamp(down.first + 1, s->side - 1);

        for (int q = 0; q < side; q++) {
            const struct between right = bilinear_across(q, s->side, side);

            for (int c = 0; c < RGB; c++)
                *to++ = (uint8_t)bilinear_byte(blend(s, first, right, c),
                                               blend(s, second, right, c),
                                               down.weight);
        }
    }
}

void picture_square(uint8_t *to, int side, const struct picture *p)
{
    const struct square s = centre(p);

    if (s.side < side)
        grow(to, side, &s);
    else
        shrink(to, side, &s);
}
