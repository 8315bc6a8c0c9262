/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEVICE_H
#define DEVICE_H

#include <clade/backend.h>

/* Sort devices by rank, the best first.  Those of equal rank are sorted by
 * platform, name and selector. */
void device_sort(struct clade_device *list, int count);

/* The device that the environment names (CLADE_DEVICE), or NULL. */
const char *device_default(void);

/* How to get a driver: lines of text, the last one without a newline. */
extern const char device_drivers[];

/*
 * Select a device from a sorted list.  `text` is
 *
 *     NULL                 for the best of all
 *     "opencl" or "gpu"    for the best of that sort; "auto" is "opencl"
 *     "platform / device"  for that device
 *     a part of such a name, in any case, that only one device has
 *
 * Returns CLADE_EAMBIGUOUS or CLADE_ENODEVICE with a list of devices in the
 * message.  If there is no OpenCL device or no GPU, the message also says how
 * to get a driver.
 */
clade_status device_select(struct clade_device *device,
                           const struct clade_device *list, int count,
                           const char *text);

#endif
