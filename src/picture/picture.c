/* SPDX-License-Identifier: Apache-2.0 */
/* Which format a file has. */
#include "picture/picture.h"

#include <stdbool.h>
#include <string.h>

#include "status.h"

/* How files of a format begin.  Those that clade cannot read are here to be
 * named. */
struct format {
    const char *name; /* with its article */
    size_t at;        /* where the text is */
    const char *text;
    clade_status (*decode)(struct picture *p, const uint8_t *bytes, size_t n,
                           const char *name);
};

/* clang-format off */
static const struct format formats[] = {
    { "a PNG",               0, "\x89PNG\r\n\x1a\n", picture_png },
    { "a JPEG",              0, "\xff\xd8\xff",      picture_jpeg },
    { "a ZIP archive",       0, "PK\3\4",            NULL },
    { "a gzip archive",      0, "\x1f\x8b",          NULL },
    { "a GIF",               0, "GIF8",              NULL },
    { "a BMP",               0, "BM",                NULL },
    { "a TIFF",              0, "II*",               NULL },
    { "a TIFF",              0, "MM",                NULL },
    { "a WebP",              8, "WEBP",              NULL },
    { "a HEIF or AVIF",      4, "ftyp",              NULL },
    { "a JPEG 2000",         4, "jP  ",              NULL },
    { "a JPEG XL",           4, "JXL ",              NULL },
    { "a PDF",               0, "%PDF",              NULL },
    { "a text in HTML, XML or SVG", 0, "<",          NULL },
};
/* clang-format on */

static bool is(const struct format *f, const uint8_t *bytes, size_t n)
{
    const size_t length = strlen(f->text);

    return n >= f->at + length && !memcmp(bytes + f->at, f->text, length);
}

clade_status picture_decode(struct picture *p, const uint8_t *bytes, size_t n,
                            const char *name)
{
    const struct format *f = formats;
    const struct format *end = formats + sizeof formats / sizeof *formats;

    if (n == 0)
        return clade_fail(CLADE_EDATA,
                          "%s: is empty; copy or download it again", name);
    while (f < end && !is(f, bytes, n))
        f++;
    if (f < end && f->decode)
        return f->decode(p, bytes, n, name);
    return clade_fail(CLADE_EDATA,
                      "%s: is %s, neither a PNG nor a JPEG; convert it to one "
                      "of these",
                      name, f < end ? f->name : "of no known format");
}
