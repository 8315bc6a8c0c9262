/* SPDX-License-Identifier: Apache-2.0 */
#include "pngs.h"

#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

struct buffer {
    uint8_t *bytes;
    size_t n;
};

static void append(png_structp png, png_bytep bytes, size_t n)
{
    struct buffer *b = png_get_io_ptr(png);

    b->bytes = realloc(b->bytes, b->n + n);
    if (!b->bytes)
        tap_bail("out of memory");
    memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
}

static void flush(png_structp png)
{
    (void)png;
}

static void fail(png_structp png, const char *why)
{
    (void)png;
    tap_bail("libpng: %s", why);
}

static void set_palette(png_structp png, png_infop info,
                        const struct png_form *form)
{
    png_color colours[256];
    uint8_t alpha[256];

    for (int i = 0; i < form->entries; i++) {
        const uint8_t *e = form->palette[i];

        colours[i] = (png_color){ e[0], e[1], e[2] };
        alpha[i] = e[3];
    }
    png_set_PLTE(png, info, colours, form->entries);
    png_set_tRNS(png, info, alpha, form->entries, NULL);
}

uint8_t *pngs_make(size_t *n, const struct png_form *form, const uint8_t *rows)
{
    struct buffer b = { 0 };
    png_structp png =
        png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, fail, NULL);
    png_infop info = png_create_info_struct(png);
    const uint8_t *list[64];

    if (!png || !info || form->h > 64)
        tap_bail("no PNG can be made");
    png_set_write_fn(png, &b, append, flush);
    png_set_IHDR(png, info, (png_uint_32)form->w, (png_uint_32)form->h,
                 form->bits, form->colours,
                 form->interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_BASE, PNG_FILTER_TYPE_BASE);
    if (form->palette)
        set_palette(png, info, form);
    if (form->gamma > 0)
        png_set_gAMA(png, info, form->gamma);
    for (int i = 0; i < form->h; i++)
        list[i] = rows + (size_t)i * png_get_rowbytes(png, info);
    png_set_rows(png, info, (png_bytepp)list);
    png_write_png(png, info, PNG_TRANSFORM_IDENTITY, NULL);
    png_destroy_write_struct(&png, &info);
    *n = b.n;
    return b.bytes;
}

uint8_t *pngs_make_rgb(size_t *n, int w, int h, const uint8_t *rgb)
{
    const struct png_form form = {
        .w = w, .h = h, .bits = 8, .colours = PNG_COLOR_TYPE_RGB
    };

    return pngs_make(n, &form, rgb);
}
