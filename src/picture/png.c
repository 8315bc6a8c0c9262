/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/picture.h"

#include <png.h>
#include <string.h>

#include "status.h"

#define SIGNATURE 8  /* bytes before the first chunk */
#define CHUNK     12 /* bytes of a chunk beside its data: length, name, CRC */

/* All chunks up to the last, IEND, must be there.  libpng does not look past
 * the last pixel. */
static clade_status check_chunks(const uint8_t *bytes, size_t n,
                                 const char *name)
{
    size_t at = SIGNATURE, length;

    for (; n - at >= CHUNK; at += CHUNK + length) {
        length = png_get_uint_32(bytes + at);
        if (length > n - at - CHUNK)
            break;
        if (!memcmp(bytes + at + 4, "IEND", 4))
            return CLADE_OK;
    }
    return clade_fail(CLADE_EDATA,
                      "%s: the PNG is cut short or damaged: its part at byte "
                      "%zu goes beyond the end, %zu bytes; copy or download it "
                      "again",
                      name, at, n);
}

static clade_status damaged(const png_image *image, const char *name)
{
    return clade_fail(CLADE_EDATA,
                      "%s: the PNG is damaged: %s; copy or download it again, "
                      "or save it with another program",
                      name, image->message);
}

clade_status picture_png(struct picture *p, const uint8_t *bytes, size_t n,
                         const char *name)
{
    static const png_color white = { 255, 255, 255 };
    png_image image = { .version = PNG_IMAGE_VERSION };
    struct picture got = { 0 };
    clade_status st;

    if ((st = check_chunks(bytes, n, name)))
        return st;
    if (!png_image_begin_read_from_memory(&image, bytes, n))
        return damaged(&image, name);
    if ((st = picture_new(&got, image.width, image.height, name)))
        goto out;
    /* Without this, samples of 16 bits without a gAMA would be linear light. */
    image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
    image.format = PNG_FORMAT_RGB;
    if (!png_image_finish_read(&image, &white, got.rgb, 0, NULL)) {
        st = damaged(&image, name);
        goto out;
    }
    *p = got;
    got = (struct picture){ 0 };
out:
    picture_free(&got);
    png_image_free(&image);
    return st;
}
