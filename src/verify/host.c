/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/host.h"

#include <math.h>
#include <stdlib.h>

#include "op/op.h"
#include "status.h"
#include "verify/kind.h"

/* Elements before and after each tensor that nothing may touch. */
#define GUARD 64

#define MASK(role) (1u << CLADE_##role)
#define BYTES      (MASK(ARG) | MASK(HIT) | MASK(LABEL)) /* whatever the kind */

unsigned verify_roles(const struct op_case *c)
{
    const unsigned all = clade_op_inputs(c->kind) | clade_op_outputs(c->kind);
    unsigned absent = MASK(PACKED) | MASK(WORKSPACE);

    if (!(c->flags & CLADE_BIAS))
        absent |= op_kind(c->kind)->with_bias;
    if (!(c->flags & CLADE_RELU) && verify_masks(c->kind, CLADE_X))
        absent |= MASK(X);
    return all & ~absent;
}

unsigned verify_inputs(const struct op_case *c)
{
    const bool added = c->flags & CLADE_ACCUMULATE;

    return verify_roles(c) &
           (clade_op_inputs(c->kind) | (added ? MASK(DX) : 0));
}

struct clade_tensor verify_shape_of(const struct op_case *c,
                                    enum clade_role role)
{
    static const char *const usual[CLADE_ROLES] = {
        [CLADE_Y] = "npqk",  [CLADE_DY] = "npqk", [CLADE_ARG] = "npqk",
        [CLADE_X] = "nhwc",  [CLADE_DX] = "nhwc", [CLADE_W] = "rsck",
        [CLADE_DW] = "rsck", [CLADE_V] = "rsck",  [CLADE_B] = "111k",
        [CLADE_DB] = "111k",
    };
    const char *own = verify_kind(c->kind)->shape[role];
    const char *letters = own ? own : usual[role] ? usual[role] : "n111";
    const unsigned bytes = BYTES | op_kind(c->kind)->bytes;
    struct clade_tensor t = { .n = verify_extent(c, letters[0]),
                              .h = verify_extent(c, letters[1]),
                              .w = verify_extent(c, letters[2]),
                              .c = verify_extent(c, letters[3]) };

    t.ld = t.c + c->gap[role];
    t.type = bytes & 1u << role ? CLADE_U8 : CLADE_F32;
    return t;
}

clade_status verify_make_op(struct clade_op *op, const struct op_case *c,
                            const struct clade_tensor t[CLADE_ROLES],
                            const struct clade_step *step)
{
    const struct verify_parts parts = { c, t, step };

    if (verify_kind(c->kind)->make)
        return verify_kind(c->kind)->make(op, &parts);
    return clade_fail(CLADE_EUNSUPPORTED, "verify: no case for %s",
                      clade_op_name(c->kind));
}

/* Fill what the op will write: floats with NaN, bytes with 0xA5, which is
 * neither a choice nor a hit. */
static void poison(void *to, const struct clade_tensor *t)
{
    const int64_t n = clade_tensor_elements(t);

    for (int64_t i = 0; i < n; i++)
        verify_put(to, t, i, t->type == CLADE_U8 ? 0xa5 : NAN);
}

static clade_status add_area(struct clade_tensor *t, struct verify_host *host,
                             const struct op_case *c, enum clade_role role)
{
    struct verify_area *a = &host->area[role];
    int64_t elements;

    *t = verify_shape_of(c, role);
    elements = clade_tensor_pixels(t) * t->ld + 2 * GUARD;
    a->bytes = (elements * clade_type_size(t->type) + 3) / 4 * 4;
    a->before = malloc(a->bytes);
    if (!a->before)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %zu bytes",
                          a->bytes);
    for (size_t i = 0; i < a->bytes / 4; i++)
        ((uint32_t *)a->before)[i] = VERIFY_GUARD;
    a->wrap = cpu_wrap(a->before, a->bytes);
    t->buffer = &a->wrap.base;
    t->offset = GUARD + c->gap[role] / 2;
    if (verify_inputs(c) & 1u << role)
        verify_fill(a->before, t, c, role);
    else
        poison(a->before, t);
    return CLADE_OK;
}

clade_status verify_host_new(struct verify_host **host, const struct op_case *c)
{
    struct clade_tensor t[CLADE_ROLES] = { { 0 } };
    struct verify_host *h = calloc(1, sizeof(*h));
    clade_status st = CLADE_OK;

    if (!h)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for a case");
    h->integers = c->data == DATA_NINES;
    h->step = (struct clade_step){ .seed = 0x123456789abcdef0u,
                                   .number = 3,
                                   .first_image = 5,
                                   .batch = c->n + 7,
                                   .learning_rate = 0.01f,
                                   .dropout = true };
    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (verify_roles(c) & 1u << role)
            st = add_area(&t[role], h, c, role);
    if (!st)
        st = verify_make_op(&h->op, c, t, &h->step);
    h->op.label = "verify";
    if (st)
        verify_host_free(h);
    else
        *host = h;
    return st;
}

/* Copy the elements of a tensor to a role of the host. */
static void copy(struct verify_host *host, enum clade_role role,
                 const struct clade_tensor *from)
{
    const struct clade_tensor *to = &host->op.t[role];
    const int64_t n = clade_tensor_elements(to);

    for (int64_t i = 0; i < n; i++)
        verify_put(host->area[role].before, to, i,
                   verify_get(verify_image(from), from, i));
}

clade_status verify_host_of(struct verify_host **host, const struct op_case *c,
                            const struct clade_op *op)
{
    clade_status st = verify_host_new(host, c);

    if (st)
        return st;
    for (int role = 0; role < CLADE_ROLES; role++)
        if (verify_inputs(c) & 1u << role)
            copy(*host, role, &op->t[role]);
    if (op->step)
        (*host)->step = *op->step;
    (*host)->op.stream = op->stream;
    return CLADE_OK;
}

void verify_host_free(struct verify_host *host)
{
    if (!host)
        return;
    for (int role = 0; role < CLADE_ROLES; role++)
        free(host->area[role].before);
    free(host);
}
