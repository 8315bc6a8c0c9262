/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_HOST_H
#define VERIFY_HOST_H

#include "cpu/cpu.h"
#include "verify/case.h"

/* The roles that take part in a case, as a mask (1 << role).  A bias and a
 * forward output that masks do where flags want them; an algorithm's scratch
 * and its layout of a filter never do. */
unsigned verify_roles(const struct op_case *c);
/* Those of them whose values the op reads. */
unsigned verify_inputs(const struct op_case *c);
/* The shape of a role, float32 or uint8, at offset 0 of no buffer yet. */
struct clade_tensor verify_shape_of(const struct op_case *c,
                                    enum clade_role role);
/* The case's op over tensors, through the door that every caller uses. */
clade_status verify_make_op(struct clade_op *op, const struct op_case *c,
                            const struct clade_tensor t[CLADE_ROLES],
                            const struct clade_step *step);

/* The products in the longest sum of a case. */
int64_t verify_products(const struct op_case *c);
/* What exact data are multiples of, as products; a sum is at most 2^24 of
 * it. */
double verify_unit(const struct op_case *c);
/* The values that a byte of a case's input may have: 0 ... that - 1. */
int verify_bytes(const struct op_case *c);
/* Fill the elements of `role`, whose image `to` begins at element 0 of t's
 * buffer. */
void verify_fill(void *to, const struct clade_tensor *t,
                 const struct op_case *c, enum clade_role role);

/*
 * A case on the host: the op over the reference's buffers, each the image of
 * what the device's buffer holds before the op runs: guards around and
 * between the elements, values in inputs, NaN in outputs.
 */
struct verify_area {
    void *before;
    size_t bytes; /* a multiple of 4; 0: the role is absent */
    struct cpu_buffer wrap;
};

struct verify_host {
    struct clade_op op;
    struct clade_step step;
    struct verify_area area[CLADE_ROLES];
};

/* What every byte that is not an element is filled with: as a float, NaN. */
#define VERIFY_GUARD 0x7fc5a5a5u

clade_status verify_host_new(struct verify_host **host,
                             const struct op_case *c);
/* The same with the inputs, step and stream of an op over host tensors. */
clade_status verify_host_of(struct verify_host **host, const struct op_case *c,
                            const struct clade_op *op);
void verify_host_free(struct verify_host *host);

/* Element i (flat, row-major) of a tensor of floats or bytes whose image begins
 * at element 0 of its buffer: read, written. */
static inline float verify_get(const void *image, const struct clade_tensor *t,
                               int64_t i)
{
    const int64_t at = clade_tensor_element(t, i);

    return t->type == CLADE_U8 ? ((const uint8_t *)image)[at]
                               : ((const float *)image)[at];
}

static inline void verify_put(void *image, const struct clade_tensor *t,
                              int64_t i, double value)
{
    const int64_t at = clade_tensor_element(t, i);

    if (t->type == CLADE_U8)
        ((uint8_t *)image)[at] = (uint8_t)value;
    else
        ((float *)image)[at] = (float)value;
}

/* The image of a tensor in the reference's memory. */
static inline void *verify_image(const struct clade_tensor *t)
{
    return ((struct cpu_buffer *)t->buffer)->host;
}

#endif
