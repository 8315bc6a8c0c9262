/* SPDX-License-Identifier: Apache-2.0 */
/* EXIF 2.32: a JPEG's segment APP1 holds a TIFF header and a directory, whose
 * entry 0x0112 is the orientation. */
#include "picture/picture.h"

#include <stdbool.h>
#include <string.h>

#define APP1        0xe1
#define SCAN        0xda /* what follows is no more segments but pixels */
#define ORIENTATION 0x0112
#define SHORT       3  /* the type of 16-bit numbers */
#define ENTRY       12 /* bytes of a directory's entry */

/* The bytes of the TIFF, 8 at least. */
struct tiff {
    const uint8_t *bytes;
    size_t n;
    bool little; /* the order of bytes in a number */
};

static size_t number(const struct tiff *t, size_t at, int size)
{
    size_t v = 0;

    for (int i = 0; i < size; i++)
        v = v << 8 | t->bytes[at + (size_t)(t->little ? size - 1 - i : i)];
    return v;
}

/* The orientation in the first directory. */
static size_t in_directory(const struct tiff *t)
{
    size_t at, entries;

    if ((at = number(t, 4, 4)) > t->n - 2)
        return 1;
    entries = number(t, at, 2);
    at += 2;
    for (; entries > 0 && t->n - at >= ENTRY; entries--, at += ENTRY)
        if (number(t, at, 2) == ORIENTATION && number(t, at + 2, 2) == SHORT)
            return number(t, at + 8, 2);
    return 1;
}

static size_t in_segment(const uint8_t *bytes, size_t n)
{
    if (n < 6 + 8 || memcmp(bytes, "Exif\0", 6))
        return 1;
    return in_directory(&(struct tiff){ bytes + 6, n - 6, bytes[6] == 'I' });
}

int exif_orientation(const uint8_t *jpeg, size_t n)
{
    const struct tiff big = { jpeg, n, false };
    size_t found = 1, length;

    /* A segment: FF, its kind, its length with these two bytes, its data. */
    for (size_t at = 2; n - at >= 4 && jpeg[at] == 0xff; at += 2 + length) {
        length = number(&big, at + 2, 2);
        if (jpeg[at + 1] == SCAN || length < 2 || length > n - at - 2)
            break;
        if (jpeg[at + 1] == APP1 && found == 1)
            found = in_segment(jpeg + at + 4, length - 2);
    }
    return found >= 1 && found <= 8 ? (int)found : 1;
}
