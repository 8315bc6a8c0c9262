/* SPDX-License-Identifier: Apache-2.0 */
#include "train/numerics.h"

#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "op/check.h"
#include "status.h"

/* What is not finite in a tensor. */
struct bad_values {
    int64_t count;
    int64_t first; /* from the tensor's first element on, gaps included */
    double value;  /* of the first */
};

static double value_at(const void *values, enum clade_type type, int64_t i)
{
    return type == CLADE_F64 ? ((const double *)values)[i]
                             : ((const float *)values)[i];
}

static struct bad_values count_bad(const void *values,
                                   const struct clade_tensor *t)
{
    const int64_t pixels = (int64_t)t->n * t->h * t->w;
    struct bad_values bad = { .count = 0 };

    for (int64_t p = 0; p < pixels; p++)
        for (int c = 0; c < t->c; c++) {
            const double v = value_at(values, t->type, p * t->ld + c);

            if (isfinite(v))
                continue;
            if (!bad.count++) {
                bad.first = p * t->ld + c;
                bad.value = v;
            }
        }
    return bad;
}

/* Write the place of element `at` of a tensor: "[0,3,4,17]".  False if it has
 * no such element. */
static bool set_place(char text[64], const struct clade_tensor *t, int64_t at)
{
    const int64_t pixel = at / t->ld, c = at % t->ld, row = pixel / t->w;

    if (at < 0 || c >= t->c || row >= (int64_t)t->n * t->h)
        return false;
    snprintf(text, 64, "[%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 "]",
             row / t->h, row % t->h, pixel % t->w, c);
    return true;
}

/* Write the place of an element of the buffer of all parameters: "[0,3,4,17] of
 * conv1/kernel". */
static void set_parameter(char text[160], const clade_net *net, int64_t at)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(net, &list);
    char place[64];

    for (int i = 0; i < n; i++)
        if (set_place(place, &list[i].value, at - list[i].value.offset))
            snprintf(text, 160, "%s of %s", place, list[i].name);
}

static void note(struct numerics *n, const struct plan *plan, int i,
                 enum clade_role role, const struct bad_values *bad)
{
    const struct group *g = n->group;
    const struct clade_op *op = &plan->ops[i];
    const struct clade_tensor *t = &op->t[role];
    struct numerics_finding *f = &n->findings[g->dist->rank];
    const enum plan_phase phase = plan_phase_of(plan, i);
    char where[160] = "", share[48] = "";

    f->found = true;
    f->share = phase == PLAN_UPDATE ? INT_MAX : g->share;
    if (phase == PLAN_UPDATE)
        set_parameter(where, g->net, op->t[CLADE_W].offset + bad->first);
    else
        set_place(where, t, bad->first);
    if (phase != PLAN_UPDATE && g->shares->count > 1)
        snprintf(share, sizeof share, ", share %d of %d", g->share + 1,
                 g->shares->count);
    snprintf(f->text, sizeof f->text,
             "%s%s, %s of %s: of the %" PRId64 " values of %s, %" PRId64
             " are not finite; the first is %g at %s",
             plan->training ? plan_phase_name(phase) : "validation", share,
             clade_op_name(op->kind), op->label ? op->label : "no layer",
             clade_tensor_elements(t), clade_role_name(role), bad->count,
             bad->value, where);
}

/* Read a tensor back from the device. */
static clade_status fetch(struct numerics *n, const struct clade_tensor *t)
{
    const size_t element = clade_type_size(t->type);
    const size_t bytes = (size_t)span_of(t) * element;

    if (bytes > n->bytes) {
        free(n->values);
        n->values = malloc(bytes);
        n->bytes = n->values ? bytes : 0;
    }
    if (!n->values)
        return clade_fail(CLADE_ENOMEM, "an op's output: out of memory");
    return clade_backend_read(net_backend(n->group->net), n->values, t->buffer,
                              (size_t)t->offset * element, bytes);
}

/* Outputs but bytes, and packed filters, which have gaps. */
static bool is_searched(const struct clade_op *op, enum clade_role role)
{
    const struct clade_tensor *t = &op->t[role];

    return clade_op_outputs(op->kind) >> role & 1 && t->buffer &&
           role != CLADE_PACKED &&
           (t->type == CLADE_F32 || t->type == CLADE_F64);
}

static clade_status search(void *arg, const struct plan *plan, int i)
{
    struct numerics *n = arg;
    const struct clade_op *op = &plan->ops[i];
    struct numerics_finding *mine = &n->findings[n->group->dist->rank];
    clade_status st = CLADE_OK;

    for (int role = 0; role < CLADE_ROLES && !mine->found && !st; role++) {
        struct bad_values bad;

        if (!is_searched(op, role) || (st = fetch(n, &op->t[role])))
            continue;
        bad = count_bad(n->values, &op->t[role]);
        if (bad.count)
            note(n, plan, i, role, &bad);
    }
    return st;
}

clade_status numerics_new(struct numerics *n, struct group *group)
{
    *n = (struct numerics){ .group = group };
    n->observer = (struct net_observer){ .arg = n, .after = search };
    n->findings = calloc((size_t)group->dist->size, sizeof *n->findings);
    group->observer = &n->observer;
    return n->findings ? CLADE_OK
                       : clade_fail(CLADE_ENOMEM, "findings: out of memory");
}

void numerics_free(struct numerics *n)
{
    free(n->findings);
    free(n->values);
    *n = (struct numerics){ .group = NULL };
}

clade_status numerics_conclude(struct numerics *n, clade_status st)
{
    const struct dist *d = n->group->dist;
    const struct numerics_finding *first = NULL;
    clade_status gathered;

    if (st && st != CLADE_EDIVERGED)
        return st;
    gathered = dist_gather_items(d, n->findings, sizeof *n->findings);
    if (gathered)
        return gathered;
    for (int r = 0; r < d->size; r++) {
        const struct numerics_finding *f = &n->findings[r];

        if (f->found && (!first || f->share < first->share))
            first = f;
    }
    return first ? clade_fail(CLADE_EDIVERGED, "%s", first->text) : st;
}
