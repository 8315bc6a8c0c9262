/* SPDX-License-Identifier: Apache-2.0 */
/* Fill a case's tensors with values that suit the op's kind and the case's
 * data. */
#include "verify/host.h"
#include "verify/kind.h"
#include "verify/winograd.h"

int64_t verify_products(const struct op_case *c)
{
    return verify_extents(c, verify_kind(c->kind)->over);
}

double verify_unit(const struct op_case *c)
{
    const bool pair = verify_kind(c->kind)->hot_b;
    double unit = 1;

    if (c->data == DATA_EXACT || c->data == DATA_NINES)
        unit = pair ? DATA_EXACT_A * DATA_EXACT_B : DATA_EXACT_A;
    return unit * (float)verify_scale(c->kind, &c->window);
}

double verify_unit_b(const struct op_case *c)
{
    const bool scaled = c->data == DATA_EXACT || c->data == DATA_NINES;

    return scaled ? DATA_EXACT_B : 1;
}

int verify_bytes(const struct op_case *c)
{
    const char *letters = verify_kind(c->kind)->bytes;

    return letters ? (int)verify_extents(c, letters) : UINT8_MAX + 1;
}

static double real_value(const struct fill *f, const struct verify_kind *kind,
                         int64_t i)
{
    if (kind->value)
        return kind->value(f, i);
    if (f->role == CLADE_B || f->role == CLADE_DX)
        return data_addend(f, i);
    if (verify_masks(f->c->kind, f->role))
        return data_mask(f, i);
    return data_operand(f, i);
}

static uint8_t byte_value(const struct fill *f, const struct verify_kind *kind,
                          int64_t i)
{
    if (kind->byte)
        return kind->byte(f, i);
    return data_words(f, i).w[0] % verify_bytes(f->c);
}

/* An average's unit is not a power of two, so nothing is added to its sums. */
void verify_fill(void *to, const struct clade_tensor *t,
                 const struct op_case *c, enum clade_role role)
{
    const struct verify_kind *kind = verify_kind(c->kind);
    const int64_t n = clade_tensor_elements(t);
    struct fill f = { .c = c,
                      .t = t,
                      .role = role,
                      .alone = !kind->hot_b,
                      .is_b = kind->hot_b && role == kind->b,
                      .products = verify_products(c),
                      .unit = kind->average ? 0 : verify_unit(c) };

    f.hot = f.is_b ? kind->hot_b : kind->hot_a;
    if (c->data == DATA_NINES)
        data_nines(&f, winograd_units(c));
    else
        f.amplitude = data_amplitude(&f);
#pragma omp parallel for
    for (int64_t i = 0; i < n; i++)
        verify_put(to, t, i,
                   t->type == CLADE_U8 ? byte_value(&f, kind, i)
                                       : real_value(&f, kind, i));
}
