/* SPDX-License-Identifier: Apache-2.0 */
#ifndef UNPACK_H
#define UNPACK_H

#include "fetch/fetch.h"

/*
 * Unpack the archive `path`, whose SHA-256 is known, into an empty folder, and
 * write SHA256SUMS.  CLADE_EDATA: the archive is damaged, or has other files
 * than CIFAR-10's; CLADE_EIO, CLADE_EINTERRUPTED.  Then the folder has a part.
 */
clade_status unpack(const char *folder, const char *path, const char *sha256,
                    const struct fetch_options *o);

#endif
