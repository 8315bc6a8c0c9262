/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/kind.h"

const struct verify_kind *verify_kind(enum clade_op_kind kind)
{
    static const struct verify_kind *const kinds[CLADE_OP_KINDS] = {
#define ROW(id, name, out, in) [CLADE_##id] = &verify_##name,
        CLADE_OP_LIST(ROW)
#undef ROW
    };

    return kinds[kind];
}

bool verify_is_sum(enum clade_op_kind kind)
{
    return verify_kind(kind)->over && !verify_kind(kind)->bound;
}

bool verify_is_exact(enum clade_op_kind kind, enum clade_role role)
{
    return verify_kind(kind)->exact & 1u << role;
}

bool verify_all_exact(enum clade_op_kind kind)
{
    return !(clade_op_outputs(kind) & ~verify_kind(kind)->exact);
}

double verify_bound(const struct verify_element *x)
{
    const struct verify_kind *kind = verify_kind(x->op->kind);

    return kind->bound ? kind->bound(x) : bound_sum(x);
}

double verify_scale(enum clade_op_kind kind, const struct clade_window *w)
{
    return verify_kind(kind)->average ? 1.0 / (w->r * w->s) : 1;
}
