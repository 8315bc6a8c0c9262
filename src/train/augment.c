/* SPDX-License-Identifier: Apache-2.0 */
#include "train/augment.h"

#include <string.h>

#include "rng.h"
#include "status.h"

#define BORDER 4

clade_status augment_parse(struct augment *a, const char *text)
{
    const char *at = text;

    *a = (struct augment){ false, false };
    while (at) {
        const size_t n = strcspn(at, ",");
        bool *is = n == 4 && !strncmp(at, "flip", n)   ? &a->flip
                   : n == 4 && !strncmp(at, "crop", n) ? &a->crop
                                                       : NULL;

        if (!is || *is)
            return clade_fail(CLADE_EUSAGE,
                              "images cannot be augmented by \"%s\"; there are "
                              "\"flip\", \"crop\" and \"flip,crop\"",
                              text);
        *is = true;
        at = at[n] ? at + n + 1 : NULL;
    }
    return CLADE_OK;
}

const char *augment_text(const struct augment *a)
{
    static const char *const texts[2][2] = { { NULL, "crop" },
                                             { "flip", "flip,crop" } };

    return texts[a->flip][a->crop];
}

/* How an image is read: pixel (y, x) of the copy is pixel (y + dy, x + dx) of
 * the image or, mirrored, of its mirror image. */
struct view {
    bool mirrored;
    int dy, dx;
};

static int shift(uint32_t word)
{
    return (int)(((uint64_t)word * (2 * BORDER + 1)) >> 32) - BORDER;
}

static struct view draw(uint32_t image, const struct augment *a, uint64_t seed,
                        uint32_t epoch)
{
    const uint32_t ctr[4] = { image, 0, epoch, rng_stream("augment", "train") };
    uint32_t words[4];

    rng_philox(words, ctr, seed);
    return (struct view){ a->flip && words[0] >> 31,
                          a->crop ? shift(words[1]) : 0,
                          a->crop ? shift(words[2]) : 0 };
}

static void copy_row(uint8_t *to, const uint8_t *from, int w, int c,
                     const struct view *v)
{
    for (int x = 0; x < w; x++, to += c) {
        const int at = x + v->dx;

        if (at < 0 || at >= w)
            memset(to, 0, (size_t)c);
        else
            memcpy(to, from + (size_t)(v->mirrored ? w - 1 - at : at) * c,
                   (size_t)c);
    }
}

void augment_copy(uint8_t *to, const struct clade_dataset *d, uint32_t image,
                  const struct augment *a, uint64_t seed, uint32_t epoch)
{
    const size_t row = (size_t)d->w * (size_t)d->c;
    const uint8_t *from = d->images + image * row * (size_t)d->h;
    struct view v;

    if (!a->flip && !a->crop) {
        memcpy(to, from, row * (size_t)d->h);
        return;
    }
    v = draw(image, a, seed, epoch);
    for (int y = 0; y < d->h; y++, to += row) {
        const int at = y + v.dy;

        if (at < 0 || at >= d->h)
            memset(to, 0, row);
        else
            copy_row(to, from + (size_t)at * row, d->w, d->c, &v);
    }
}
