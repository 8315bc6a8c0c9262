/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_MIRROR_H
#define VERIFY_MIRROR_H

#include "cpu/cpu.h"

/* A copy, on the host, of the pixels in which a device's tensor lies. */
struct verify_copy {
    void *host;
    size_t room; /* bytes allocated */
    struct cpu_buffer wrap;
};

/* The bytes that a tensor spans, from its first element to its last. */
size_t verify_span(const struct clade_tensor *t);
/* Give a copy room for `bytes` bytes, losing its contents; read a tensor into a
 * copy.  The caller frees copy->host. */
clade_status verify_room(struct verify_copy *copy, size_t bytes);
clade_status verify_fetch(struct verify_copy *copy, clade_backend *be,
                          const struct clade_tensor *t);

/* An op over copies of its tensors, made before it runs.  The algorithm's
 * scratch and packed filter are left out. */
struct verify_mirror {
    struct clade_op op;
    struct verify_copy copy[CLADE_ROLES];
};

clade_status verify_mirror(struct verify_mirror *m, clade_backend *be,
                           const struct clade_op *op);
void verify_mirror_free(struct verify_mirror *m);

#endif
