/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DEALT_H
#define DEALT_H

#include <clade/backend.h>

#include "dist/dist.h"

/*
 * Get what selects the device of this rank; malloc'd, or NULL for the best of
 * all.  `text` is --device's; NULL: the environment's.  The devices of a list
 * ("gpu,portable") go round the ranks of a host.  "auto" is the list of the
 * host's OpenCL devices; a notice says that its ranks have to share them.  No
 * driver is opened in this process.  All ranks call this.
 *
 * CLADE_ENODEVICE: "auto", and there is no OpenCL device.
 */
clade_status dealt_device(char **device, const char *text,
                          const struct dist *dist);

/* The list that "auto" is on a machine: its usable OpenCL devices in their
 * order, "opencl:1:0,opencl:0:0"; emulated ones only if there are no others.
 * malloc'd.  CLADE_ENODEVICE: there is none. */
clade_status dealt_auto(char **list, const struct clade_device *machine,
                        int count);
/* The device of a list that the local-th rank of a host has; malloc'd. */
char *dealt_own(const char *list, int local);
/* How many devices a list has. */
int dealt_count(const char *list);

#endif
