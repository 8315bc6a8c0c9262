/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_H
#define STATUS_H

#include <clade/status.h>

/*
 * Write this thread's message and return `st`.  Whoever first knows the cause
 * calls it; everyone above only passes the status on.  The arguments may
 * include clade_error() itself, to add to a message.
 */
clade_status clade_fail(clade_status st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
