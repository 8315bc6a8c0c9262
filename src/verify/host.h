/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_HOST_H
#define VERIFY_HOST_H

#include "cpu/cpu.h"
#include "verify/case.h"

/* Get the roles that a case has, as a mask (1 << role).  It has a bias, or a
 * forward output that masks, if its flags ask for one.  It never has an
 * algorithm's scratch or packed filter. */
unsigned verify_roles(const struct op_case *c);
/* Get those of them whose values the op reads. */
unsigned verify_inputs(const struct op_case *c);
/* Get a role's tensor, float32 or uint8, at offset 0, without a buffer. */
struct clade_tensor verify_shape_of(const struct op_case *c,
                                    enum clade_role role);
/* Make the case's op over tensors, by the public function that makes such
 * ops. */
clade_status verify_make_op(struct clade_op *op, const struct op_case *c,
                            const struct clade_tensor t[CLADE_ROLES],
                            const struct clade_step *step);

/* Count the products in the longest sum of a case. */
int64_t verify_products(const struct op_case *c);
/* Get the unit of exact data's products.  Data are made for sums of products,
 * which are at most 2^24 units. */
double verify_unit(const struct op_case *c);
/* Get the unit of operand b alone; its sums may be larger. */
double verify_unit_b(const struct op_case *c);
/* Get n, where a byte of a case's input has one of the values 0 ... n - 1. */
int verify_bytes(const struct op_case *c);
/* Fill the elements of `role`; `to` is element 0 of t's buffer. */
void verify_fill(void *to, const struct clade_tensor *t,
                 const struct op_case *c, enum clade_role role);

/*
 * A case on the host: the op over the reference's buffers.  Each holds what the
 * device's buffer holds before the op runs: values in inputs, NaN in outputs,
 * guards around and between the elements.
 */
struct verify_area {
    void *before;
    size_t bytes; /* a multiple of 4; 0: the role is absent */
    struct cpu_buffer wrap;
};

struct verify_host {
    struct clade_op op; /* once it has run: with the depth and the transforms
                           that were settled */
    struct clade_step step;
    struct verify_area area[CLADE_ROLES];
    bool integers; /* its values ask for transforms with points that are
                      integers */
};

/* The word around and between the elements: as a float, NaN. */
#define VERIFY_GUARD 0x7fc5a5a5u

clade_status verify_host_new(struct verify_host **host,
                             const struct op_case *c);
/* The same, with inputs, step and stream taken from an op over host tensors. */
clade_status verify_host_of(struct verify_host **host, const struct op_case *c,
                            const struct clade_op *op);
void verify_host_free(struct verify_host *host);

/* Read or write element i (flat, row-major) of a tensor of floats or bytes;
 * `image` is element 0 of its buffer. */
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

/* Get element 0 of a tensor's buffer on the reference. */
static inline void *verify_image(const struct clade_tensor *t)
{
    return ((struct cpu_buffer *)t->buffer)->host;
}

#endif
