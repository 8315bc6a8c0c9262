/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TESTED_H
#define TESTED_H

#include <clade/backend.h>

/*
 * The device under test: the one that CLADE_TEST_DEVICE names, else the best
 * OpenCL device.  Tests are skipped only where there is no OpenCL device and
 * none is named.  A device that is there and cannot be opened, or a name that
 * is mistyped, is a failure.
 */

/* What clade_backend_open() takes for it. */
const char *tested_name(void);
/* Whether CLADE_TEST_DEVICE names it. */
bool tested_is_named(void);
/* Open it.  NULL where there is none to be tested; other failures bail out. */
clade_backend *tested_open(void);
/* Open it; where there is none, skip the whole program. */
clade_backend *tested_need(void);

/* Whether a backend has an algorithm of this name for an op. */
bool tested_has(clade_backend *be, const struct clade_op *op,
                const char *algorithm);

#endif
