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

/* Whether the op's floats are float64: they are all of one type. */
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

struct cpu_exact cpu_at(const struct clade_op *op, enum clade_role role,
                        int64_t i, double old)
{
    return oracle(op)(op, role, i, old);
}

void cpu_at_many(struct cpu_exact *out, const struct clade_op *op,
                 enum clade_role role, const int64_t *indices, int64_t n,
                 const double *old)
{
    cpu_at_fn *at = oracle(op);

#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t i = 0; i < n; i++)
        out[i] = at(op, role, indices[i], old ? old[i] : 0);
}

void cpu_exact_rows(struct cpu_exact *out, const struct clade_op *op,
                    enum clade_role role, int64_t first, int64_t n,
                    const double *old)
{
    const int64_t C = op->t[role].c;
    cpu_row_fn *row = row_table[op->kind][is_double(op)];
    cpu_at_fn *at = oracle(op);

#pragma omp parallel for schedule(dynamic, 4)
    for (int64_t i = 0; i < n; i++) {
        if (row)
            row(out + i * C, op, first + i, old ? old + i * C : NULL);
        else
            for (int64_t c = 0; c < C; c++)
                out[i * C + c] =
                    at(op, role, (first + i) * C + c, old ? old[i * C + c] : 0);
    }
}
