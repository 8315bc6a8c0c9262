/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PNGS_H
#define PNGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a PNG is written. */
struct png_form {
    int w, h, bits, colours; /* PNG_COLOR_TYPE_... */
    bool interlaced;
    double gamma;                /* of a gAMA chunk; 0: none */
    const uint8_t (*palette)[4]; /* red, green, blue, alpha */
    int entries;                 /* of the palette */
};

/* Make a PNG in memory of rows without gaps, as PNG packs them.  The caller
 * frees it.  Bails out on failure. */
uint8_t *pngs_make(size_t *n, const struct png_form *form, const uint8_t *rows);
/* The same of w x h pixels in RGB of 8 bits. */
uint8_t *pngs_make_rgb(size_t *n, int w, int h, const uint8_t *rgb);

#endif
