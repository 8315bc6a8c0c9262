/* SPDX-License-Identifier: Apache-2.0 */
/* A file's format is known by its content, and its centre square becomes an
 * image of a net's size by exact means. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "picture/picture.h"
#include "rng.h"
#include "status.h"
#include "tap.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* What is neither a PNG nor a JPEG. */
static const struct {
    const char *name, *bytes;
    size_t n;
    const char *says;
} foreign[] = {
    { "zip.jpg", "PK\3\4\24\0\0\0", 8, "a ZIP archive" },
    { "animated.png", "GIF89a", 6, "a GIF" },
    { "photo.jpg", "RIFF\1\2\3\4WEBPVP8 ", 16, "a WebP" },
    { "photo.jpeg", "\0\0\0\30ftypheic", 12, "a HEIF or AVIF" },
    { "page.png", "<!DOCTYPE html>", 15, "a text in HTML" },
    { "notes.png", "my notes", 8, "no known format" },
    { "p.png", "\x89", 1, "no known format" },
    { "empty.png", "", 0, "is empty" },
};

static void test_foreign(void)
{
    for (size_t i = 0; i < COUNT_OF(foreign); i++) {
        struct picture p;
        const clade_status st =
            picture_decode(&p, (const uint8_t *)foreign[i].bytes, foreign[i].n,
                           foreign[i].name);

        tap_ok(st == CLADE_EDATA && strstr(clade_error(), foreign[i].name) &&
                   strstr(clade_error(), foreign[i].says),
               "refused: %s", st ? clade_error() : foreign[i].name);
    }
}

static struct picture noise(int w, int h)
{
    const uint32_t stream = rng_stream("pictures", "test");
    struct picture p;

    if (picture_new(&p, w, h, "noise"))
        tap_bail("%s", clade_error());
    for (int i = 0; i < w * h * 3; i++)
        p.rgb[i] = (uint8_t)(256 * rng_uniform(1, 0, stream, (uint32_t)i));
    return p;
}

static int at(const struct picture *p, int x, int y, int c)
{
    return p->rgb[p->at + x * p->right + y * p->down + c];
}

/* The mean of an output pixel by counting: each source pixel becomes side x
 * side equal parts, of which the output pixel takes s x s. */
static int counted(const struct picture *p, int side, int q, int r, int c)
{
    const int s = p->w < p->h ? p->w : p->h;
    const int left = (p->w - s) / 2, top = (p->h - s) / 2;
    int64_t sum = 0;

    for (int y = r * s; y < (r + 1) * s; y++)
        for (int x = q * s; x < (q + 1) * s; x++)
            sum += at(p, left + x / side, top + y / side, c);
    return (int)floor((double)sum / (s * s) + 0.5);
}

static void test_shrink(int w, int h, int side, const char *why)
{
    struct picture p = noise(w, h);
    uint8_t to[32 * 32 * 3];
    int wrong = 0;

    picture_square(to, side, &p);
    for (int i = 0; i < side * side * 3; i++)
        wrong += to[i] != counted(&p, side, i / 3 % side, i / 3 / side, i % 3);
    tap_ok(!wrong, "%dx%d to %dx%d: %s: %d bytes differ", w, h, side, side, why,
           wrong);
    picture_free(&p);
}

/* A half goes up: of 0 and 1 the mean is 1. */
static void test_half(void)
{
    struct picture p = noise(2, 2);
    uint8_t to[3];

    memcpy(p.rgb, "\0\0\0\1\0\0\1\1\0\0\1\0", 12);
    picture_square(to, 1, &p);
    tap_ok(to[0] == 1 && to[1] == 1 && to[2] == 0,
           "means are rounded to the nearest, halves up: %d %d %d", to[0],
           to[1], to[2]);
    picture_free(&p);
}

static void test_same(void)
{
    struct picture p = noise(32, 32);
    uint8_t to[32 * 32 * 3];

    picture_square(to, 32, &p);
    tap_ok(!memcmp(to, p.rgb, sizeof to), "32x32 to 32x32: the same bytes");
    picture_free(&p);
}

/* OpenCV's rules: two pixels of 0 and 100 become 0, 25, 75 and 100. */
static void test_grow(void)
{
    static const uint8_t wanted[4] = { 0, 25, 75, 100 };
    struct picture p = noise(2, 2);
    uint8_t to[4 * 4 * 3];
    int wrong = 0;

    for (int i = 0; i < 12; i++)
        p.rgb[i] = i / 3 % 2 ? 100 : 0;
    picture_square(to, 4, &p);
    for (int i = 0; i < 48; i++)
        wrong += to[i] != wanted[i / 3 % 4];
    tap_ok(!wrong, "2x2 grows to 4x4 as the device resizes: %d %d %d %d", to[0],
           to[3], to[6], to[9]);
    picture_free(&p);
}

/* A picture may lie in memory otherwise than it is seen. */
static void test_turned(void)
{
    struct picture p = noise(40, 37), seen;
    uint8_t to[32 * 32 * 3], wanted[32 * 32 * 3];
    int wrong = 0;

    for (int i = 1; i <= 8; i++) {
        struct picture turned = p;

        picture_turn(&turned, i);
        seen = noise(turned.w, turned.h);
        for (int k = 0; k < seen.w * seen.h * 3; k++)
            seen.rgb[k] =
                (uint8_t)at(&turned, k / 3 % seen.w, k / 3 / seen.w, k % 3);
        picture_square(to, 32, &turned);
        picture_square(wanted, 32, &seen);
        wrong += memcmp(to, wanted, sizeof to) != 0;
        picture_free(&seen);
    }
    tap_ok(!wrong, "a turned picture gives what its upright copy gives");
    picture_free(&p);
}

static void test_limits(void)
{
    struct picture p;

    tap_ok(picture_new(&p, 60000, 60000, "large") == CLADE_EDATA &&
               picture_new(&p, PICTURE_PIXELS_MAX, 2, "wide") == CLADE_EDATA &&
               picture_new(&p, UINT32_MAX, UINT32_MAX, "l") == CLADE_EDATA &&
               picture_new(&p, 0, 5, "none") == CLADE_EDATA,
           "no pixels, and too many, are refused before memory is taken");
}

int main(void)
{
    tap_plan((int)COUNT_OF(foreign) + 6 + 5);
    test_foreign();
    test_shrink(64, 64, 32, "whole pixels");
    test_shrink(33, 33, 32, "parts of pixels");
    test_shrink(50, 77, 32, "a tall one's centre, odd");
    test_shrink(78, 51, 32, "a wide one's centre, odd");
    test_shrink(97, 40, 7, "to an odd size");
    test_shrink(9, 13, 1, "to one pixel");
    test_half();
    test_same();
    test_grow();
    test_turned();
    test_limits();
    return tap_done();
}
