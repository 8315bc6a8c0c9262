/* SPDX-License-Identifier: Apache-2.0 */
#ifndef OP_BILINEAR_H
#define OP_BILINEAR_H

#include <math.h>

/*
 * OpenCV's 8-bit bilinear resize (INTER_LINEAR), a byte of the result from the
 * four bytes around it, in OpenCV's integers.
 */

/* An output pixel lies between two input pixels. */
struct between {
    int first;    /* the first of the two */
    float weight; /* of the second */
};

/* Where output pixel o of `to` lies among `from` input pixels down a column,
 * computed in float as OpenCV's resizeGeneric_ does.  Beyond either end the
 * pixel is clamped (bilinear_clamp()) but the weight stays, as in OpenCV. */
static inline struct between bilinear_down(int o, int from, int to)
{
    const float f = (float)((o + 0.5) * from / to - 0.5);
    const int first = (int)floorf(f);

    return (struct between){ first, f - (float)first };
}

/* The same along a row.  Beyond either end of the row only the pixel at that
 * end counts. */
static inline struct between bilinear_across(int o, int from, int to)
{
    struct between b = bilinear_down(o, from, to);

    if (b.first < 0)
        return (struct between){ 0, 0 };
    if (b.first >= from - 1)
        return (struct between){ from - 1, 0 };
    return b;
}

static inline int bilinear_clamp(int v, int last)
{
    return v < 0 ? 0 : v > last ? last : v;
}

/* A weight in units of 1/2048. */
static inline int bilinear_fixed(float weight)
{
    return (int)rintf(2048 * weight);
}

/* Two bytes of a row blended, in units of 1/2048. */
static inline int bilinear_blend(int first, int second, float weight)
{
    return first * bilinear_fixed(1 - weight) + second * bilinear_fixed(weight);
}

/* The byte between two rows' blends. */
static inline int bilinear_byte(int first, int second, float weight)
{
    return (((bilinear_fixed(1 - weight) * (first >> 4)) >> 16) +
            ((bilinear_fixed(weight) * (second >> 4)) >> 16) + 2) >>
           2;
}

#endif
