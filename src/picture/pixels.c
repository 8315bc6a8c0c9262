/* SPDX-License-Identifier: Apache-2.0 */
/* The pixels of a picture, and how they lie. */
#include "picture/picture.h"

#include <inttypes.h>
#include <stdlib.h>

#include "status.h"

clade_status picture_new(struct picture *p, int64_t w, int64_t h,
                         const char *name)
{
    uint8_t *rgb;

    if (w < 1 || h < 1)
        return clade_fail(
            CLADE_EDATA, "%s: has no pixels: %" PRId64 "x%" PRId64, name, w, h);
    if (w > PICTURE_PIXELS_MAX / h)
        return clade_fail(CLADE_EDATA,
                          "%s: has %" PRId64 "x%" PRId64 " pixels, more than "
                          "%d in all; make it smaller",
                          name, w, h, PICTURE_PIXELS_MAX);
    if (!(rgb = malloc((size_t)(w * h * 3))))
        return clade_fail(CLADE_ENOMEM,
                          "%s: no memory for %" PRId64 "x%" PRId64 " pixels",
                          name, w, h);
    *p = (struct picture){ .w = (int)w,
                           .h = (int)h,
                           .rgb = rgb,
                           .right = 3,
                           .down = (ptrdiff_t)w * 3 };
    return CLADE_OK;
}

void picture_free(struct picture *p)
{
    free(p->rgb);
    *p = (struct picture){ 0 };
}

static void flip_across(struct picture *p)
{
    p->at += (p->w - 1) * p->right;
    p->right = -p->right;
}

static void flip_down(struct picture *p)
{
    p->at += (p->h - 1) * p->down;
    p->down = -p->down;
}

static void swap_axes(struct picture *p)
{
    const ptrdiff_t right = p->right;
    const int w = p->w;

    p->right = p->down;
    p->down = right;
    p->w = p->h;
    p->h = w;
}

/* What makes the stored pixels upright: a swap of the axes, then the flips. */
static const struct {
    bool swap, across, down;
} turns[9] = {
    [2] = { .across = true },
    [3] = { .across = true, .down = true },
    [4] = { .down = true },
    [5] = { .swap = true },
    [6] = { .swap = true, .across = true },
    [7] = { .swap = true, .across = true, .down = true },
    [8] = { .swap = true, .down = true },
};

void picture_turn(struct picture *p, int orientation)
{
    if (turns[orientation].swap)
        swap_axes(p);
    if (turns[orientation].across)
        flip_across(p);
    if (turns[orientation].down)
        flip_down(p);
}
