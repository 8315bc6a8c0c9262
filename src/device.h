/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_H
#define DEVICE_H

#include <clade/backend.h>

/* Sort devices, best first: by rank, ties by platform, name and selector. */
void device_sort(struct clade_device *list, int count);

/* The environment's choice of device, or NULL. */
const char *device_default(void);

/* How to get a driver, lines of text; the last one without its end. */
extern const char device_drivers[];

/*
 * The one of a sorted list that `text` selects: `opencl` and `gpu` are the best
 * of their sort, `platform / device` one alone, part of it the only one that
 * has it (in any case).  NULL: the best of all.  CLADE_EAMBIGUOUS or
 * CLADE_ENODEVICE with the list in the message, and with how to get a driver
 * where there is no device of the sort asked for.
 */
clade_status device_select(struct clade_device *device,
                           const struct clade_device *list, int count,
                           const char *text);

#endif
