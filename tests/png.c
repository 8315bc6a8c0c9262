/* SPDX-License-Identifier: Apache-2.0 */
/* Every sort of PNG must be read as the pixels that it shows, and every damaged
 * or hostile one must be refused. */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "picture/picture.h"
#include "pngs.h"
#include "status.h"
#include "tap.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* Decode a PNG that is made for this. */
static struct picture read_form(const struct png_form *form,
                                const uint8_t *rows)
{
    struct picture p;
    size_t n;
    uint8_t *bytes = pngs_make(&n, form, rows);

    if (picture_decode(&p, bytes, n, "made.png"))
        tap_bail("%s", clade_error());
    free(bytes);
    return p;
}

/* Are the first pixels of a picture these bytes? */
static bool same(const struct picture *p, const uint8_t *rgb, size_t pixels)
{
    return p->at == 0 && p->right == 3 && p->down == p->w * 3 &&
           !memcmp(p->rgb, rgb, pixels * 3);
}

/* A picture of 9 x 7 pixels in which all bytes differ from their neighbours. */
enum { W = 9, H = 7 };
static uint8_t colours[W * H * 3];

static void test_colours(bool interlaced)
{
    const struct png_form form = { .w = W,
                                   .h = H,
                                   .bits = 8,
                                   .colours = PNG_COLOR_TYPE_RGB,
                                   .interlaced = interlaced };
    struct picture p = read_form(&form, colours);

    tap_ok(p.w == W && p.h == H && same(&p, colours, W * H),
           "RGB of 8 bits%s: the same bytes", interlaced ? ", interlaced" : "");
    picture_free(&p);
}

/* libpng would take samples of 16 bits for linear light, and make 167 of 100.
 */
static void test_16_bits(void)
{
    const struct png_form form = {
        .w = 256, .h = 1, .bits = 16, .colours = PNG_COLOR_TYPE_GRAY
    };
    uint8_t rows[256 * 2], wanted[256 * 3];
    struct picture p;

    for (int v = 0; v < 256; v++) {
        rows[2 * v] = (uint8_t)v;
        rows[2 * v + 1] = (uint8_t)(v < 128 ? v + 100 : v - 100);
        memset(wanted + 3 * v, v, 3);
    }
    p = read_form(&form, rows);
    tap_ok(same(&p, wanted, 256),
           "16 bits: each sample is rounded to the nearest of 8 bits");
    picture_free(&p);
}

static void test_few_bits(int bits)
{
    const int levels = 1 << bits, scale = 255 / (levels - 1);
    const struct png_form form = {
        .w = levels, .h = 1, .bits = bits, .colours = PNG_COLOR_TYPE_GRAY
    };
    uint8_t rows[16] = { 0 }, wanted[16 * 3];
    struct picture p;

    for (int v = 0; v < levels; v++) {
        rows[v * bits / 8] |= (uint8_t)(v << (8 - bits - v * bits % 8));
        memset(wanted + 3 * v, v * scale, 3);
    }
    p = read_form(&form, rows);
    tap_ok(same(&p, wanted, (size_t)levels), "grey of %d bits: %d levels", bits,
           levels);
    picture_free(&p);
}

/* Half of black on white is about 188 in linear light; the mean of the bytes
 * would be 127. */
static bool on_white(const struct picture *p)
{
    const uint8_t *rgb = p->rgb;

    return rgb[0] == 255 && rgb[1] == 255 && rgb[2] == 255 && rgb[3] == 1 &&
           rgb[4] == 2 && rgb[5] == 3 && rgb[6] > 185 && rgb[6] < 191;
}

static void test_transparent(bool interlaced)
{
    static const uint8_t rows[] = { 90, 80, 70, 0, 1, 2, 3, 255, 0, 0, 0, 128 };
    const struct png_form form = { .w = 3,
                                   .h = 1,
                                   .bits = 8,
                                   .colours = PNG_COLOR_TYPE_RGB_ALPHA,
                                   .interlaced = interlaced };
    struct picture p = read_form(&form, rows);

    tap_ok(on_white(&p),
           "RGBA%s: what is transparent is white, what is opaque stays, and "
           "half of black gives %d",
           interlaced ? ", interlaced" : "", p.rgb[6]);
    picture_free(&p);
}

static void test_palette(void)
{
    static const uint8_t palette[3][4] = { { 90, 80, 70, 0 },
                                           { 1, 2, 3, 255 },
                                           { 0, 0, 0, 128 } };
    static const uint8_t rows[] = { 0 << 6 | 1 << 4 | 2 << 2 };
    const struct png_form form = { .w = 3,
                                   .h = 1,
                                   .bits = 2,
                                   .colours = PNG_COLOR_TYPE_PALETTE,
                                   .palette = palette,
                                   .entries = 3 };
    struct picture p = read_form(&form, rows);

    tap_ok(on_white(&p), "a palette with transparent colours: the same");
    picture_free(&p);
}

static void test_grey_alpha(void)
{
    static const uint8_t rows[] = { 9, 0, 77, 255 };
    const struct png_form form = {
        .w = 2, .h = 1, .bits = 8, .colours = PNG_COLOR_TYPE_GRAY_ALPHA
    };
    struct picture p = read_form(&form, rows);

    tap_ok(same(&p, (const uint8_t[]){ 255, 255, 255, 77, 77, 77 }, 2),
           "grey with alpha: white, and the grey");
    picture_free(&p);
}

static void test_gamma(void)
{
    struct png_form form = {
        .w = W, .h = H, .bits = 8, .colours = PNG_COLOR_TYPE_RGB, .gamma = 1
    };
    uint8_t grey[W * H * 3];
    struct picture p;

    memset(grey, 55, sizeof grey);
    p = read_form(&form, grey);
    tap_ok(p.rgb[0] > 125 && p.rgb[0] < 131,
           "gAMA 1: linear light becomes sRGB: 55 is %d", p.rgb[0]);
    picture_free(&p);
    form.gamma = 0.45455;
    p = read_form(&form, colours);
    tap_ok(same(&p, colours, W * H), "gAMA 0.45455: the same bytes");
    picture_free(&p);
}

/* ---- what is refused ----------------------------------------------------- */

static bool refused(const uint8_t *bytes, size_t n, const char *says)
{
    struct picture p;
    const clade_status st = picture_decode(&p, bytes, n, "bad.png");

    if (!st)
        picture_free(&p);
    if (st == CLADE_EDATA && strstr(clade_error(), "bad.png: ") &&
        strstr(clade_error(), says))
        return true;
    tap_note("%zu bytes: %s", n, st ? clade_error() : "no failure");
    return false;
}

static void test_cut(bool interlaced)
{
    const struct png_form form = { .w = W,
                                   .h = H,
                                   .bits = 8,
                                   .colours = PNG_COLOR_TYPE_RGB,
                                   .interlaced = interlaced };
    size_t n, wrong = 0;
    uint8_t *bytes = pngs_make(&n, &form, colours);

    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* for valgrind */

        memcpy(exact, bytes, cut);
        wrong += !refused(exact, cut, cut < 8 ? "" : "cut short");
        free(exact);
    }
    tap_ok(!wrong, "a PNG%s is refused if it is cut, wherever: %zu lengths",
           interlaced ? ", interlaced," : "", n);
    free(bytes);
}

/* Change each byte of the chunks that matter, one after the other. */
static void test_damaged(void)
{
    size_t n, wrong = 0;
    uint8_t *bytes = pngs_make_rgb(&n, W, H, colours);

    for (size_t at = 8; at < n - 12; at++) {
        bytes[at] ^= 0x10;
        wrong += !refused(bytes, n, "");
        bytes[at] ^= 0x10;
    }
    tap_ok(!wrong, "a PNG is refused if a bit of it is wrong: %zu places", n);
    free(bytes);
}

/* IHDR of a size, an IDAT of nothing, and IEND, with right checksums. */
static void test_sizes(void)
{
    static const struct {
        const char *why, *says;
        uint8_t header[25]; /* 13 bytes of data */
    } sizes[] = {
        { "60000 x 60000 pixels, which would wrap a count of bytes",
          "60000x60000",
          "\0\0\0\rIHDR\0\0\xea\x60\0\0\xea\x60\x08\6\0\0\0\x80\xd2\x75\x42" },
        { "0 x 1 pixels", "damaged",
          "\0\0\0\rIHDR\0\0\0\0\0\0\0\1\x08\2\0\0\0\x7f\xb5\x38\xe0" },
    };
    static const uint8_t signature[8] = "\x89PNG\r\n\x1a\n";
    static const uint8_t rest[] = "\0\0\0\0IDAT\x35\xaf\x06\x1e"
                                  "\0\0\0\0IEND\xae\x42\x60\x82";

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint8_t bytes[8 + 25 + sizeof rest - 1];

        memcpy(bytes, signature, 8);
        memcpy(bytes + 8, sizes[i].header, 25);
        memcpy(bytes + 33, rest, sizeof rest - 1);
        tap_ok(refused(bytes, sizeof bytes, sizes[i].says),
               "%s: refused by the header: %s", sizes[i].why, clade_error());
    }
}

int main(void)
{
    for (size_t i = 0; i < sizeof colours; i++)
        colours[i] = (uint8_t)(i * 37);
    tap_plan(2 + 1 + 3 + 2 + 2 + 2 + 2 + 1 + 2);
    test_colours(false);
    test_colours(true);
    test_16_bits();
    test_few_bits(1);
    test_few_bits(2);
    test_few_bits(4);
    test_transparent(false);
    test_transparent(true);
    test_palette();
    test_grey_alpha();
    test_gamma();
    test_cut(false);
    test_cut(true);
    test_damaged();
    test_sizes();
    return tap_done();
}
