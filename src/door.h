/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DOOR_H
#define DOOR_H

#include "backend.h"

/*
 * The checks of the public functions of <clade/backend.h>: what a caller can do
 * wrong.  Each returns CLADE_OK, or CLADE_EUSAGE with a message that names the
 * function or the op, the device, and what to do.  Behind them, `assert`.
 */

/* Bytes at ... at+bytes-1 must lie in a buffer of this backend. */
clade_status door_buffer(const char *function, const clade_backend *be,
                         const struct clade_buffer *buffer, size_t at,
                         size_t bytes);

/* The op must be one that the functions of <clade/ops.h> make, with floats of
 * the backend's type.  Its tensors' buffers may be any. */
clade_status door_op(const clade_backend *be, const struct clade_op *op);

/* The op must also have a choice of this backend, all the memory that it needs,
 * and all of that on this backend. */
clade_status door_ready(clade_backend *be, const struct clade_op *op);

/* Say why a task cannot run: it is NULL, or another backend's. */
clade_status door_task(const clade_backend *be, const clade_task *task);

#endif
