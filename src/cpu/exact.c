/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>

#include "cpu/cpu.h"

#define CPU_AT(id, name)                                                       \
    [CLADE_##id] = { cpu32_##name##_at, cpu64_##name##_at },
static cpu_at_fn *const at_table[CLADE_OP_KINDS][2] = { CPU_OP_LIST(CPU_AT) };

static cpu_row_fn *const row_table[CLADE_OP_KINDS][2] = {
    [CLADE_CONV_FWD] = { cpu32_conv_fwd_row, cpu64_conv_fwd_row },
    [CLADE_CONV_BWD_DATA] = { cpu32_conv_bwd_data_row,
                              cpu64_conv_bwd_data_row },
    [CLADE_CONV_BWD_FILTER] = { cpu32_conv_bwd_filter_row,
                                cpu64_conv_bwd_filter_row },
};

/* Are the op's floats float64?  All its tensors of floats have one type. */
static bool is_double(const struct clade_op *op)
{
    for (int role = 0; role < CLADE_ROLES; role++)
        if (op->t[role].buffer && op->t[role].type == CLADE_F64)
            return true;
    return false;
}

static cpu_at_fn *oracle(const struct clade_op *op)
{
    cpu_at_fn *at = at_table[op->kind][is_double(op)];

    assert(at);
    return at;
}

/* Can `flush` be other than 0?  For a convolution look at its operands, because
 * computing `flush` in every sum is slow; for other ops say yes. */
static bool may_flush(const struct clade_op *op)
{
    static const enum clade_role operands[] = { CLADE_X, CLADE_W, CLADE_DY };
    bool found = false;

    if (!row_table[op->kind][0])
        return true;
    for (size_t i = 0; i < sizeof(operands) / sizeof(operands[0]); i++) {
        const struct clade_tensor *t = &op->t[operands[i]];

        if (t->buffer)
            found = found || (is_double(op) ? cpu64_has_subnormals(t)
                                            : cpu32_has_subnormals(t));
    }
    return found;
}

struct cpu_exact cpu_at(const struct clade_op *op, enum clade_role role,
                        int64_t i, double old)
{
    return oracle(op)(op, (struct cpu_query){ role, i, old, true });
}

void cpu_at_many(struct cpu_exact *out, const struct clade_op *op,
                 enum clade_role role, const int64_t *indices, int64_t n,
                 const double *old)
{
    const bool subnormals = may_flush(op);
    cpu_at_fn *at = oracle(op);

#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t i = 0; i < n; i++)
        out[i] = at(op, (struct cpu_query){ role, indices[i], old ? old[i] : 0,
                                            subnormals });
}

void cpu_exact_rows(struct cpu_exact *out, const struct clade_op *op,
                    enum clade_role role, int64_t first, int64_t n,
                    const double *old)
{
    const int64_t C = op->t[role].c;
    const bool subnormals = may_flush(op);
    cpu_row_fn *row = row_table[op->kind][is_double(op)];
    cpu_at_fn *at = oracle(op);

#pragma omp parallel for schedule(dynamic, 4)
    for (int64_t i = 0; i < n; i++) {
        struct cpu_query ask = { role, first + i, 0, subnormals };

        if (row) {
            row(out + i * C, op, ask, old ? old + i * C : NULL);
            continue;
        }
        for (int64_t c = 0; c < C; c++) {
            ask.i = (first + i) * C + c;
            ask.old = old ? old[i * C + c] : 0;
            out[i * C + c] = at(op, ask);
        }
    }
}
