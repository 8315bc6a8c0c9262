/* SPDX-License-Identifier: Apache-2.0 */
#include "picture/picture.h"

#include "status.h"

clade_status picture_png(struct picture *p, const uint8_t *bytes, size_t n,
                         const char *name)
{
    (void)p;
    (void)bytes;
    (void)n;
    return clade_fail(CLADE_EUSAGE,
                      "%s: is a PNG, but clade was built without libpng: "
                      "install libpng-dev, then configure and build clade "
                      "again",
                      name);
}
