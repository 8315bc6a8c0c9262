/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_FOLLOW_H
#define VERIFY_FOLLOW_H

#include "verify_link.h"

/* Judge a device in children, and report what they find and how they end.
 * `device` is the text that selects it; NULL: the default. */
void verify_device(struct report *r, const char *device);

/* Judge every device but the float64 reference, one after the other. */
void verify_all(struct report *r);

#endif
