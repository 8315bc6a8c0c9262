/* SPDX-License-Identifier: Apache-2.0 */
#include "tested.h"

#include <stdlib.h>
#include <string.h>

#include "tap.h"

/* What the environment names, or NULL. */
static const char *named(void)
{
    const char *name = getenv("CLADE_TEST_DEVICE");

    return name && *name ? name : NULL;
}

const char *tested_name(void)
{
    return named() ? named() : "opencl";
}

bool tested_is_named(void)
{
    return named();
}

clade_backend *tested_open(void)
{
    clade_backend *be;
    const clade_status st = clade_backend_open(&be, tested_name());

    if (!st)
        return be;
    if (st != CLADE_ENODEVICE || named())
        tap_bail("%s: %s", tested_name(), clade_error());
    return NULL;
}

clade_backend *tested_need(void)
{
    clade_backend *be = tested_open();

    if (!be)
        tap_skip_all("no OpenCL device, and CLADE_TEST_DEVICE names none");
    return be;
}

bool tested_has(clade_backend *be, const struct clade_op *op,
                const char *algorithm)
{
    const char *names[8];
    const int n = clade_backend_algorithms(be, op, names, 8);

    for (int i = 0; i < n && i < 8; i++)
        if (!strcmp(names[i], algorithm))
            return true;
    return false;
}
