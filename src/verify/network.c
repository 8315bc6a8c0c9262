/* SPDX-License-Identifier: Apache-2.0 */
/* Cases from a network's own plan: each distinct op and geometry in it. */
#include <stddef.h>
#include <string.h>

#include "net/net.h"
#include "verify/kind.h"

#define D(id) (1u << DATA_##id)

/* At the small batch, where the oracle can judge every element, all kinds of
 * data; at the full batch, those of exact sums and one random kind. */
static const struct {
    int batch;
    unsigned data;
} batches[] = { { 2, ~0u }, { 32, D(EXACT) | D(NINES) | D(RANDOM) } };

/* The first of two tensors that is there, else `other`. */
static const struct clade_tensor *present(const struct clade_op *op,
                                          enum clade_role a, enum clade_role b,
                                          const struct clade_tensor *other)
{
    if (op->t[a].buffer)
        return &op->t[a];
    return op->t[b].buffer ? &op->t[b] : other;
}

/* The geometry of an op as a case.  Losses have only an input's side, a bias'
 * gradient only an output's, an update only a filter. */
struct op_case verify_case_of(const struct clade_op *op, const char *why)
{
    const struct clade_tensor *filter = &op->t[CLADE_W];
    const struct clade_tensor *out = present(op, CLADE_Y, CLADE_DY, NULL);
    const struct clade_tensor *in =
        present(op, CLADE_X, CLADE_DX, out ? out : filter);
    struct op_case c = { .kind = op->kind,
                         .n = in->n,
                         .h = in->h,
                         .w = in->w,
                         .c = in->c,
                         .window = op->window,
                         .flags = op->flags,
                         .scalar = op->scalar,
                         .why = why };

    if (!out)
        out = in;
    c.p = out->h, c.q = out->w, c.k = out->c;
    if (in == filter) {
        c.window = clade_window_valid(filter->n, filter->h, 1);
        c.c = filter->w;
    } else if (c.window.r == 0) {
        c.window = clade_window_valid(1, 1, 1);
    }
    for (int role = 0; role < CLADE_ROLES; role++)
        if (op->t[role].buffer && role != CLADE_PACKED &&
            role != CLADE_WORKSPACE)
            c.gap[role] = op->t[role].ld - op->t[role].c;
    return c;
}

/* Compare names up to the kind of data: that part is the geometry. */
static bool is_known(const struct op_cases *cases, const struct op_case *c)
{
    for (int i = 0; i < cases->count; i++)
        if (!memcmp(&cases->list[i], c, offsetof(struct op_case, data)))
            return true;
    return false;
}

static clade_status add_plan(struct op_cases *cases, const struct plan *plan,
                             unsigned data)
{
    clade_status st = CLADE_OK;

    for (int i = 0; i < plan->phase[PLAN_PHASES] && !st; i++) {
        const struct op_case c = verify_case_of(&plan->ops[i], "GoogLeNet");

        if (verify_kind(c.kind)->make && !is_known(cases, &c))
            st = verify_cases_add(cases, &c, data & verify_kind(c.kind)->data);
    }
    return st;
}

/* Make the plan on the reference: only its geometry is used. */
clade_status verify_cases_batch(struct op_cases *cases, int batch,
                                unsigned data)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_backend *be = NULL;
    clade_net *net = NULL;
    clade_status st;

    config.train_batch = batch;
    st = clade_backend_open(&be, "cpu");
    if (!st)
        st = clade_net_new(&net, be, &config);
    if (!st)
        st = add_plan(cases, net_plan(net, batch, true), data);
    clade_net_free(net);
    clade_backend_close(be);
    return st;
}

clade_status verify_cases_network(struct op_cases *cases)
{
    clade_status st = CLADE_OK;

    for (size_t i = 0; i < sizeof(batches) / sizeof(*batches) && !st; i++)
        st = verify_cases_batch(cases, batches[i].batch, batches[i].data);
    return st;
}
