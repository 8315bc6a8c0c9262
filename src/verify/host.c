/* SPDX-License-Identifier: Apache-2.0 */
/* A case on the host: its op over images of the device's buffers. */
#include "verify/verify.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"

/* Elements before and after each tensor that nothing may touch. */
#define GUARD 64

bool verify_takes_part(const struct op_case *c, enum clade_role role)
{
    const unsigned in = clade_op_inputs(c->kind);
    const unsigned out = clade_op_outputs(c->kind);

    if (role == CLADE_PACKED || role == CLADE_WORKSPACE)
        return false;
    if (role == CLADE_B)
        return c->flags & CLADE_BIAS;
    if (role == CLADE_X && out & 1u << CLADE_DX)
        return c->flags & CLADE_RELU;
    return (in | out) & 1u << role;
}

static enum clade_type type_of(const struct op_case *c, enum clade_role role)
{
    if (role == CLADE_ARG || role == CLADE_HIT || role == CLADE_LABEL ||
        (role == CLADE_X && c->kind == CLADE_RESIZE))
        return CLADE_U8;
    return CLADE_F32;
}

struct clade_tensor verify_shape_of(const struct op_case *c,
                                    enum clade_role role)
{
    struct clade_tensor t = { .type = type_of(c, role) };

    switch (role) {
    case CLADE_Y:
    case CLADE_DY:
    case CLADE_ARG:
        t.n = c->n, t.h = c->p, t.w = c->q, t.c = c->k;
        break;
    case CLADE_X:
    case CLADE_DX:
        t.n = c->n, t.h = c->h, t.w = c->w, t.c = c->c;
        break;
    case CLADE_W:
    case CLADE_DW:
    case CLADE_V:
        t.n = c->window.r, t.h = c->window.s, t.w = c->c, t.c = c->k;
        break;
    case CLADE_B:
    case CLADE_DB:
        t.n = t.h = t.w = 1, t.c = c->k;
        break;
    case CLADE_TABLE:
        t.n = t.h = t.w = 1, t.c = 256;
        break;
    default:
        t.n = c->n, t.h = t.w = t.c = 1;
    }
    t.ld = t.c + c->gap[role];
    return t;
}

/* Whether an output's old value matters. */
static bool is_updated(const struct op_case *c, enum clade_role role)
{
    return clade_op_inputs(c->kind) & 1u << role ||
           (role == CLADE_DX && c->flags & CLADE_ACCUMULATE);
}

/* NaN where the op will write, 0xA5 in bytes: no choice, no hit. */
static void poison(void *to, const struct clade_tensor *t)
{
    const int64_t n = clade_tensor_elements(t);

    for (int64_t i = 0; i < n; i++) {
        const int64_t at = clade_tensor_element(t, i);

        if (t->type == CLADE_U8)
            ((uint8_t *)to)[at] = 0xa5;
        else
            ((uint32_t *)to)[at] = 0x7fc00000u;
    }
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
    if (clade_op_outputs(c->kind) & 1u << role && !is_updated(c, role))
        poison(a->before, t);
    else
        verify_fill(a->before, t, c, role);
    return CLADE_OK;
}

clade_status verify_make_op(struct clade_op *op, const struct op_case *c,
                            const struct clade_tensor t[CLADE_ROLES],
                            const struct clade_step *step)
{
    switch (c->kind) {
    case CLADE_CONV_FWD:
        return clade_op_conv_fwd(op, t[CLADE_Y], t[CLADE_X], t[CLADE_W],
                                 t[CLADE_B], c->window, c->flags);
    case CLADE_CONV_BWD_DATA:
        return clade_op_conv_bwd_data(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_W],
                                      t[CLADE_X], c->window, c->flags);
    case CLADE_CONV_BWD_FILTER:
        return clade_op_conv_bwd_filter(op, t[CLADE_DW], t[CLADE_X],
                                        t[CLADE_DY], c->window);
    case CLADE_BIAS_BWD:
        return clade_op_bias_bwd(op, t[CLADE_DB], t[CLADE_DY]);
    case CLADE_MAXPOOL_FWD:
        return clade_op_maxpool_fwd(op, t[CLADE_Y], t[CLADE_ARG], t[CLADE_X],
                                    c->window);
    case CLADE_MAXPOOL_BWD:
        return clade_op_maxpool_bwd(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_ARG],
                                    t[CLADE_X], c->window, c->flags);
    case CLADE_AVGPOOL_FWD:
        return clade_op_avgpool_fwd(op, t[CLADE_Y], t[CLADE_X], c->window);
    case CLADE_AVGPOOL_BWD:
        return clade_op_avgpool_bwd(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_X],
                                    c->window, c->flags);
    case CLADE_DROPOUT_FWD:
        return clade_op_dropout_fwd(op, t[CLADE_Y], t[CLADE_X], c->scalar,
                                    "verify", step);
    case CLADE_DROPOUT_BWD:
        return clade_op_dropout_bwd(op, t[CLADE_DX], t[CLADE_DY], t[CLADE_X],
                                    c->scalar, "verify", step, c->flags);
    case CLADE_SOFTMAX_FWD:
        return clade_op_softmax_fwd(op, t[CLADE_Y], t[CLADE_X]);
    case CLADE_LOSS_FWD:
        return clade_op_loss_fwd(op, t[CLADE_LOSS], t[CLADE_HIT], t[CLADE_X],
                                 t[CLADE_LABEL]);
    case CLADE_LOSS_BWD:
        return clade_op_loss_bwd(op, t[CLADE_DX], t[CLADE_Y], t[CLADE_LABEL],
                                 c->scalar, step);
    case CLADE_SGD:
        return clade_op_sgd(op, t[CLADE_W], t[CLADE_V], t[CLADE_DW], c->scalar,
                            step);
    case CLADE_RESIZE:
        return clade_op_resize(op, t[CLADE_Y], t[CLADE_X], t[CLADE_TABLE]);
    default:
        return clade_fail(CLADE_EUNSUPPORTED, "verify: no case for %s",
                          clade_op_name(c->kind));
    }
}

clade_status verify_host_new(struct verify_host **host, const struct op_case *c)
{
    struct clade_tensor t[CLADE_ROLES] = { { 0 } };
    struct verify_host *h = calloc(1, sizeof(*h));
    clade_status st;

    if (!h)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for a case");
    h->step = (struct clade_step){ .seed = 0x123456789abcdef0u,
                                   .number = 3,
                                   .first_image = 5,
                                   .batch = c->n + 7,
                                   .learning_rate = 0.01f,
                                   .dropout = true };
    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!verify_takes_part(c, role))
            continue;
        st = add_area(&t[role], h, c, role);
        if (st)
            goto out;
    }
    st = verify_make_op(&h->op, c, t, &h->step);
    if (st)
        goto out;
    h->op.label = "verify";
    *host = h;
    return CLADE_OK;
out:
    verify_host_free(h);
    return st;
}

unsigned verify_host_inputs(const struct verify_host *host)
{
    const struct clade_op *op = &host->op;
    unsigned roles = clade_op_inputs(op->kind) | 1u << CLADE_B;

    if (op->flags & CLADE_ACCUMULATE)
        roles |= 1u << CLADE_DX;
    for (int role = 0; role < CLADE_ROLES; role++)
        if (!host->area[role].bytes)
            roles &= ~(1u << role);
    return roles;
}

void verify_host_copy(struct verify_host *host, enum clade_role role,
                      const struct clade_tensor *from)
{
    const struct clade_tensor *to = &host->op.t[role];
    const size_t size = clade_type_size(to->type);
    const char *source = ((struct cpu_buffer *)from->buffer)->host;
    char *image = host->area[role].before;
    const int64_t n = clade_tensor_elements(to);

    for (int64_t i = 0; i < n; i++)
        memcpy(image + clade_tensor_element(to, i) * size,
               source + clade_tensor_element(from, i) * size, size);
}

clade_status verify_host_of(struct verify_host **host, const struct op_case *c,
                            const struct clade_op *op)
{
    clade_status st = verify_host_new(host, c);
    unsigned roles;

    if (st)
        return st;
    roles = verify_host_inputs(*host);
    for (int role = 0; role < CLADE_ROLES; role++)
        if (roles & 1u << role)
            verify_host_copy(*host, role, &op->t[role]);
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
