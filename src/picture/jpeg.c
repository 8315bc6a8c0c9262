/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/picture.h"

#include <turbojpeg.h>

#include "status.h"

static clade_status damaged(const char *why, const char *name)
{
    return clade_fail(CLADE_EDATA,
                      "%s: the JPEG is cut short or damaged: %s; copy or "
                      "download it again, or save it with another program",
                      name, why);
}

/* LIMITSCANS: a small file with thousands of scans could take hours.  The
 * decoder makes up what is missing of a cut file, with a warning. */
static clade_status decode(struct picture *p, tjhandle tj, const uint8_t *bytes,
                           unsigned long n, const char *name)
{
    const int flags = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS;
    int w = 0, h, sampling, colours;
    struct picture got;
    clade_status st;

    if (tjDecompressHeader3(tj, bytes, n, &w, &h, &sampling, &colours))
        return damaged(tjGetErrorStr2(tj), name);
    if (w == 0) /* the file ends before its frame */
        return damaged("it has no picture", name);
    if (colours == TJCS_CMYK || colours == TJCS_YCCK)
        return clade_fail(CLADE_EDATA,
                          "%s: is a JPEG in CMYK, the colours of a printer; "
                          "convert it to RGB",
                          name);
    if ((st = picture_new(&got, w, h, name)))
        return st;
    if (tjDecompress2(tj, bytes, n, got.rgb, w, (int)got.down, h, TJPF_RGB,
                      flags)) {
        st = damaged(tjGetErrorStr2(tj), name);
        picture_free(&got);
        return st;
    }
    *p = got;
    return CLADE_OK;
}

clade_status picture_jpeg(struct picture *p, const uint8_t *bytes, size_t n,
                          const char *name)
{
    const tjhandle tj = tjInitDecompress();
    clade_status st;

    if (!tj)
        return clade_fail(CLADE_ENOMEM, "%s: %s", name, tjGetErrorStr2(NULL));
    st = decode(p, tj, bytes, n, name);
    if (!st)
        picture_turn(p, exif_orientation(bytes, n));
    tjDestroy(tj);
    return st;
}
