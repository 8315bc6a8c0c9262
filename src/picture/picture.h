/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PICTURE_H
#define PICTURE_H

#include <stddef.h>
#include <stdint.h>

#include <clade/status.h>

/*
 * A user's picture, in 8-bit sRGB.  Its first byte says whether a file is a PNG
 * or a JPEG; its name does not matter.
 *
 * PNG   Every sort is read: grey, palette, 1 to 16 bits, interlaced.  Samples
 * of 16 bits are rounded to the nearest of 8.  What is transparent lies on
 *       white, mixed in linear light.  A gAMA chunk is honoured: samples that
 *       it says are not sRGB become sRGB, as a browser shows them.  Without one
 *       they are sRGB.  Colour profiles (iCCP, cHRM) are ignored.
 * JPEG  Grey and colour, baseline and progressive.  CMYK is refused.  EXIF's
 *       orientation is applied.  Colour profiles are ignored.  Whatever the
 *       decoder warns of makes the file a damaged one.
 */

/* The most pixels of a picture; one with as many takes 0.8 GB. */
#define PICTURE_PIXELS_MAX (1 << 28)

struct picture {
    int w, h;
    uint8_t *rgb;          /* picture_free() frees it */
    ptrdiff_t at;          /* of the upper left pixel's red, in rgb */
    ptrdiff_t right, down; /* from a pixel to its neighbours, in bytes */
};

/*
 * Decode the n bytes of a file.  `name` is for messages.
 *
 * CLADE_EDATA   they are no PNG and no JPEG, or damaged, or cut short, or have
 *               more than PICTURE_PIXELS_MAX pixels
 * CLADE_EUSAGE  clade was built without the library for this format
 * CLADE_ENOMEM
 *
 * The message names the file and what to do.
 */
clade_status picture_decode(struct picture *p, const uint8_t *bytes, size_t n,
                            const char *name);
/* Leaves no pixels, so freeing twice is harmless. */
void picture_free(struct picture *p);

/*
 * The centre square of a picture, made side x side pixels: to [side,side,3].
 * The square has the shorter side of the picture.  If what is left over is odd,
 * the right or the lower edge loses one pixel more.
 *
 * A larger square is averaged: each pixel is the mean of the area that it
 * covers, where a source pixel that it covers in part counts by that part.  The
 * sums are exact integers, and a mean is rounded to the nearest byte, halves up.
 * A square of this size is copied.  A smaller one grows by OpenCV's 8-bit
 * bilinear rules, which are the device's (op/bilinear.h).
 *
 * No thread is started: drivers can still be tested in a child process.
 */
void picture_square(uint8_t *to, int side, const struct picture *p);

/* ---- for the decoders ---------------------------------------------------- */

/* Reserve w x h pixels, from left to right and from top to bottom without gaps.
 * CLADE_EDATA if that is none or too many. */
clade_status picture_new(struct picture *p, int64_t w, int64_t h,
                         const char *name);
/* Turn a picture as EXIF's orientation 1 ... 8 says.  No pixel moves. */
void picture_turn(struct picture *p, int orientation);

clade_status picture_png(struct picture *p, const uint8_t *bytes, size_t n,
                         const char *name);
clade_status picture_jpeg(struct picture *p, const uint8_t *bytes, size_t n,
                          const char *name);
/* EXIF's orientation in a JPEG, 1 ... 8; 1 if it says none that is valid. */
int exif_orientation(const uint8_t *jpeg, size_t n);

#endif
