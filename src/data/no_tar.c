/* SPDX-License-Identifier: Apache-2.0 */
/* Built without libarchive: no archive can be opened. */
#include "data/tar.h"
#include "status.h"

clade_status tar_available(void)
{
    return clade_fail(CLADE_EUSAGE,
                      "clade was built without libarchive, which unpacks "
                      "archives: install it (Debian: libarchive-dev) and "
                      "configure clade again, or unpack the archive and name "
                      "its folder");
}

clade_status tar_open(struct tar **tar, const char *path)
{
    (void)tar;
    (void)tar_available();
    return clade_fail(CLADE_EUSAGE, "%s: %s", path, clade_error());
}

clade_status tar_next(struct tar *tar, struct tar_member *member)
{
    (void)tar;
    (void)member;
    return tar_available();
}

clade_status tar_read(struct tar *tar, void *to, size_t n)
{
    (void)to;
    (void)n;
    return tar_next(tar, NULL);
}

void tar_close(struct tar *tar)
{
    (void)tar;
}
