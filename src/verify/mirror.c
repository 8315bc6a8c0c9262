/* SPDX-License-Identifier: Apache-2.0 */
/* Copies of a device's tensors on the host, and an op over them. */
#include "verify/mirror.h"

#include <stdlib.h>

#include "op/check.h"
#include "status.h"

size_t verify_span(const struct clade_tensor *t)
{
    return (size_t)span_of(t) * clade_type_size(t->type);
}

clade_status verify_room(struct verify_copy *copy, size_t bytes)
{
    if (copy->room < bytes) {
        free(copy->host);
        copy->host = malloc(bytes);
        copy->room = copy->host ? bytes : 0;
    }
    if (!copy->host)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %zu bytes",
                          bytes);
    copy->wrap = cpu_wrap(copy->host, copy->room);
    return CLADE_OK;
}

clade_status verify_fetch(struct verify_copy *copy, clade_backend *be,
                          const struct clade_tensor *t)
{
    const size_t bytes = verify_span(t);
    clade_status st = verify_room(copy, bytes);

    return st ? st
              : clade_backend_read(be, copy->host, t->buffer,
                                   t->offset * clade_type_size(t->type), bytes);
}

clade_status verify_mirror(struct verify_mirror *m, clade_backend *be,
                           const struct clade_op *op)
{
    clade_status st = CLADE_OK;

    m->op = *op;
    m->op.t[CLADE_PACKED] = m->op.t[CLADE_WORKSPACE] =
        (struct clade_tensor){ .buffer = NULL };
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        struct clade_tensor *t = &m->op.t[role];

        if (!t->buffer)
            continue;
        st = verify_fetch(&m->copy[role], be, t);
        t->buffer = &m->copy[role].wrap.base;
        t->offset = 0;
    }
    return st;
}

void verify_mirror_free(struct verify_mirror *m)
{
    for (int role = 0; role < CLADE_ROLES; role++)
        free(m->copy[role].host);
}
