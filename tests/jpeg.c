/* SPDX-License-Identifier: Apache-2.0 */
/* JPEGs must be read upright, and every cut, hostile or foreign one must be
 * refused. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "picture/picture.h"
#include "status.h"
#include "tap.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* A picture whose left half is red and whose lower right quarter is blue; the
 * rest is black. */
enum { W = 32, H = 16 };
static uint8_t rgb[W * H * 3];

static void paint(void)
{
    for (int i = 0; i < W * H; i++) {
        rgb[i * 3] = i % W < W / 2 ? 255 : 0;
        rgb[i * 3 + 2] = i % W >= W / 2 && i / W >= H / 2 ? 255 : 0;
    }
}

struct file {
    unsigned char *bytes;
    unsigned long n;
};

static struct file make(int format, int sampling, int flags)
{
    const tjhandle tj = tjInitCompress();
    uint8_t four[W * H * 4] = { 0 };
    struct file f = { NULL, 0 };

    for (int i = 0; i < W * H * 4; i++)
        four[i] = (uint8_t)i;
    if (!tj || tjCompress2(tj, format == TJPF_CMYK ? four : rgb, W, 0, H,
                           format, &f.bytes, &f.n, sampling, 100, flags))
        tap_bail("TurboJPEG: %s", tjGetErrorStr2(tj));
    tjDestroy(tj);
    return f;
}

static struct file make_plain(void)
{
    return make(TJPF_RGB, TJSAMP_444, 0);
}

/* Is the pixel (x,y) of a picture about this colour? */
static bool is(const struct picture *p, int x, int y, int r, int g, int b)
{
    const uint8_t *at = p->rgb + p->at + x * p->right + y * p->down;

    return abs(at[0] - r) < 4 && abs(at[1] - g) < 4 && abs(at[2] - b) < 4;
}

static struct picture read(const void *bytes, size_t n)
{
    struct picture p;

    if (picture_decode(&p, bytes, n, "made.jpg"))
        tap_bail("%s", clade_error());
    return p;
}

static void test_colours(void)
{
    struct file f = make_plain();
    struct picture p = read(f.bytes, f.n), scans;

    tap_ok(p.w == W && p.h == H && is(&p, 0, 0, 255, 0, 0) &&
               is(&p, W - 1, 0, 0, 0, 0) && is(&p, W - 1, H - 1, 0, 0, 255),
           "a JPEG is read as what was painted");
    tjFree(f.bytes);
    f = make(TJPF_RGB, TJSAMP_444, TJFLAG_PROGRESSIVE);
    scans = read(f.bytes, f.n);
    tap_ok(!memcmp(p.rgb, scans.rgb, W * H * 3),
           "a progressive one has the same pixels");
    picture_free(&scans);
    picture_free(&p);
    tjFree(f.bytes);
    f = make(TJPF_RGB, TJSAMP_GRAY, 0);
    p = read(f.bytes, f.n);
    tap_ok(is(&p, 0, 0, 76, 76, 76) && is(&p, W - 1, H - 1, 29, 29, 29),
           "a grey one has three equal channels");
    picture_free(&p);
    tjFree(f.bytes);
}

/* ---- EXIF ---------------------------------------------------------------- */

/* A segment with a directory of one entry, in either order of bytes. */
static const uint8_t exif_little[] =
    "\xff\xe1\0\x22"
    "Exif\0\0II*\0\x08\0\0\0\1\0\x12\1\3\0\1\0\0\0\6\0\0\0\0\0\0\0";
static const uint8_t exif_big[] =
    "\xff\xe1\0\x22"
    "Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0";
enum { SEGMENT = 36, OFFSET = 14, COUNT = 18, VALUE = 28 };

/* The JPEG with a segment after its first two bytes. */
static struct file with_segment(const uint8_t *segment)
{
    struct file f = make_plain(), with = { NULL, f.n + SEGMENT };

    with.bytes = malloc(with.n);
    memcpy(with.bytes, f.bytes, 2);
    memcpy(with.bytes + 2, segment, SEGMENT);
    memcpy(with.bytes + 2 + SEGMENT, f.bytes + 2, f.n - 2);
    tjFree(f.bytes);
    return with;
}

/* Where the red half and the blue quarter are for each orientation. */
static const struct {
    int w, h, red_x, red_y, blue_x, blue_y, black_x, black_y;
} upright[9] = {
    [1] = { W, H, 0, 0, W - 1, H - 1, W - 1, 0 },
    [2] = { W, H, W - 1, 0, 0, H - 1, 0, 0 },
    [3] = { W, H, W - 1, 0, 0, 0, 0, H - 1 },
    [4] = { W, H, 0, 0, W - 1, 0, W - 1, H - 1 },
    [5] = { H, W, 0, 0, H - 1, W - 1, 0, W - 1 },
    [6] = { H, W, 0, 0, 0, W - 1, H - 1, W - 1 },
    [7] = { H, W, 0, W - 1, 0, 0, H - 1, 0 },
    [8] = { H, W, 0, W - 1, H - 1, 0, 0, 0 },
};

static bool is_upright(const struct file *f, int orientation)
{
    const int i = orientation;
    struct picture p = read(f->bytes, f->n);
    const bool good = p.w == upright[i].w && p.h == upright[i].h &&
                      is(&p, upright[i].red_x, upright[i].red_y, 255, 0, 0) &&
                      is(&p, upright[i].blue_x, upright[i].blue_y, 0, 0, 255) &&
                      is(&p, upright[i].black_x, upright[i].black_y, 0, 0, 0);

    picture_free(&p);
    return good;
}

static void test_orientation(int i)
{
    uint8_t little[sizeof exif_little], big[sizeof exif_big];
    struct file f, g;

    memcpy(little, exif_little, sizeof little);
    memcpy(big, exif_big, sizeof big);
    little[VALUE] = (uint8_t)i;
    big[VALUE + 1] = (uint8_t)i;
    f = with_segment(little);
    g = with_segment(big);
    tap_ok(is_upright(&f, i) && is_upright(&g, i),
           "EXIF's orientation %d is applied, in either order of bytes", i);
    free(f.bytes);
    free(g.bytes);
}

/* EXIF that is not valid counts as none. */
static void test_bad_exif(void)
{
    static const struct {
        const char *why;
        int at;
        uint8_t is;
    } faults[] = {
        { "orientation 0", VALUE, 0 },
        { "orientation 9", VALUE, 9 },
        { "orientation 65286", VALUE + 1, 255 },
        { "a directory after its end", OFFSET, 27 },
        { "a directory at 2^32 - 248", OFFSET + 3, 255 },
        { "no entries", COUNT, 0 },
    };

    for (size_t i = 0; i < COUNT_OF(faults); i++) {
        uint8_t segment[sizeof exif_little];
        struct file f;

        memcpy(segment, exif_little, sizeof segment);
        segment[faults[i].at] = faults[i].is;
        f = with_segment(segment);
        tap_ok(is_upright(&f, 1), "EXIF with %s counts as none", faults[i].why);
        free(f.bytes);
    }
}

/* Each number of entries that the directory may claim to have, and each length
 * of the file: nothing outside may be read.  valgrind sees it. */
static void test_short_exif(void)
{
    int found = 0;

    for (size_t n = 2; n < 2 + SEGMENT; n++) {
        uint8_t *jpeg = malloc(n);
        uint8_t whole[2 + SEGMENT] = { 0xff, 0xd8 };

        memcpy(whole + 2, exif_little, SEGMENT);
        whole[2 + COUNT] = 255;
        whole[2 + COUNT + 1] = 255;
        memcpy(jpeg, whole, n);
        found += exif_orientation(jpeg, n) != 1;
        free(jpeg);
    }
    tap_ok(!found, "EXIF that is cut counts as none, wherever");
}

/* ---- what is refused ----------------------------------------------------- */

static bool refused(const uint8_t *bytes, size_t n, const char *says)
{
    struct picture p;
    const clade_status st = picture_decode(&p, bytes, n, "bad.jpg");

    if (!st)
        picture_free(&p);
    if (st == CLADE_EDATA && strstr(clade_error(), "bad.jpg: ") &&
        strstr(clade_error(), says))
        return true;
    tap_note("%zu bytes: %s", n, st ? clade_error() : "no failure");
    return false;
}

static void test_cut(int flags)
{
    struct file f = make(TJPF_RGB, TJSAMP_420, flags);
    int wrong = 0;

    for (size_t cut = 0; cut < f.n; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1); /* for valgrind */

        memcpy(exact, f.bytes, cut);
        wrong += !refused(exact, cut, cut < 3 ? "" : "cut short");
        free(exact);
    }
    tap_ok(!wrong, "a%s JPEG is refused if it is cut, wherever: %lu lengths",
           flags ? " progressive" : "", f.n);
    tjFree(f.bytes);
}

static void test_cmyk(void)
{
    struct file f = make(TJPF_CMYK, TJSAMP_444, 0);

    tap_ok(refused(f.bytes, f.n, "CMYK"), "CMYK is refused: %s", clade_error());
    tjFree(f.bytes);
}

/* Change the size in the frame's header. */
static void test_size(void)
{
    struct file f = make_plain();
    uint8_t *frame = memmem(f.bytes, f.n, "\xff\xc0", 2);

    if (!frame)
        tap_bail("TurboJPEG made no baseline JPEG");
    memcpy(frame + 5, "\xea\x60\xea\x60", 4);
    tap_ok(refused(f.bytes, f.n, "60000x60000"),
           "60000 x 60000 pixels are refused by the header: %s", clade_error());
    tjFree(f.bytes);
}

int main(void)
{
    paint();
    tap_plan(3 + 8 + 6 + 1 + 2 + 1 + 1);
    test_colours();
    for (int i = 1; i <= 8; i++)
        test_orientation(i);
    test_bad_exif();
    test_short_exif();
    test_cut(0);
    test_cut(TJFLAG_PROGRESSIVE);
    test_cmyk();
    test_size();
    return tap_done();
}
