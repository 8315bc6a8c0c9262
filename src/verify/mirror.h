/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_MIRROR_H
#define VERIFY_MIRROR_H

#include "cpu/cpu.h"

/* A tensor of a device's on the host: the pixels that it lies in. */
struct verify_copy {
    void *host;
    size_t room; /* bytes there */
    struct cpu_buffer wrap;
};

/* The bytes that a tensor spans, from its first element to its last. */
size_t verify_span(const struct clade_tensor *t);
/* Room for so many in a copy, whatever it held; then a tensor, read into it.
 * The caller frees copy->host. */
clade_status verify_room(struct verify_copy *copy, size_t bytes);
clade_status verify_fetch(struct verify_copy *copy, clade_backend *be,
                          const struct clade_tensor *t);

/* An op over copies of its tensors, as they are before it runs.  An
 * algorithm's own scratch and layout are not among them. */
struct verify_mirror {
    struct clade_op op;
    struct verify_copy copy[CLADE_ROLES];
};

clade_status verify_mirror(struct verify_mirror *m, clade_backend *be,
                           const struct clade_op *op);
void verify_mirror_free(struct verify_mirror *m);

#endif
