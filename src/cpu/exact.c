/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "cpu/cpu.h"
#include "op/op.h"

#define BOTH(id, name, out, in) [CLADE_##id] = { &cpu32_##name, &cpu64_##name },
static const struct cpu_kind *const kinds[CLADE_OP_KINDS][2] = { CLADE_OP_LIST(
    BOTH) };

const struct cpu_kind *cpu_kind(enum clade_op_kind kind, enum clade_type real)
{
    return kinds[kind][real == CLADE_F64];
}

/* The type of an op's floats, which all its tensors of floats have. */
static enum clade_type real_of(const struct clade_op *op)
{
    for (int role = 0; role < CLADE_ROLES; role++)
        if (op->t[role].buffer && op->t[role].type == CLADE_F64)
            return CLADE_F64;
    return CLADE_F32;
}

static const struct cpu_kind *kind_of(const struct clade_op *op)
{
    const struct cpu_kind *kind = cpu_kind(op->kind, real_of(op));

    assert(kind->at);
    return kind;
}

/* Can `flush` be other than 0?  For a convolution look at its operands, because
 * computing `flush` in every sum is slow; for other ops say yes. */
static bool may_flush(const struct clade_op *op)
{
    static const enum clade_role operands[] = { CLADE_X, CLADE_W, CLADE_DY };
    bool found = false;

    if (!kind_of(op)->row)
        return true;
    for (size_t i = 0; i < sizeof(operands) / sizeof(operands[0]); i++) {
        const struct clade_tensor *t = &op->t[operands[i]];

        if (t->buffer)
            found =
                found || (real_of(op) == CLADE_F64 ? cpu64_has_subnormals(t)
                                                   : cpu32_has_subnormals(t));
    }
    return found;
}

struct cpu_exact cpu_at(const struct clade_op *op, enum clade_role role,
                        int64_t i, double old)
{
    const struct clade_op alone = op_alone(op, role);

    return kind_of(&alone)->at(&alone,
                               (struct cpu_query){ role, i, old, true });
}

void cpu_at_many(struct cpu_exact *out, const struct clade_op *op,
                 enum clade_role role, const int64_t *indices, int64_t n,
                 const double *old)
{
    const struct clade_op alone = op_alone(op, role);
    const bool subnormals = may_flush(&alone);
    cpu_at_fn *at = kind_of(&alone)->at;

#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t i = 0; i < n; i++)
        out[i] = at(&alone, (struct cpu_query){ role, indices[i],
                                                old ? old[i] : 0, subnormals });
}

void cpu_exact_rows(struct cpu_exact *out, const struct clade_op *op,
                    enum clade_role role, int64_t first, int64_t n,
                    const double *old)
{
    const struct clade_op alone = op_alone(op, role);
    const int64_t C = op->t[role].c;
    const bool subnormals = may_flush(&alone);
    cpu_row_fn *row = kind_of(&alone)->row;
    cpu_at_fn *at = kind_of(&alone)->at;

#pragma omp parallel for schedule(dynamic, 4)
    for (int64_t i = 0; i < n; i++) {
        struct cpu_query ask = { role, first + i, 0, subnormals };

        if (row) {
            row(out + i * C, &alone, ask, old ? old + i * C : NULL);
            continue;
        }
        for (int64_t c = 0; c < C; c++) {
            ask.i = (first + i) * C + c;
            ask.old = old ? old[i * C + c] : 0;
            out[i * C + c] = at(&alone, ask);
        }
    }
}
