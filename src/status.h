/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STATUS_H
#define STATUS_H

#include <stdbool.h>

#include <clade/status.h>

/*
 * Set this thread's message and return `st`.  Call it where the cause is first
 * known; callers further up only pass the status on.  The arguments may include
 * clade_error(), to add to the message.
 */
clade_status clade_fail(clade_status st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * Check the pointers that a public function was called with: `given` says that
 * none is NULL, `names` are those that may not be.  CLADE_EUSAGE names them and
 * `what`, which is the function or the op that it makes.
 */
clade_status status_given(const char *what, const char *names, bool given);

#endif
