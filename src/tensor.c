/* SPDX-License-Identifier: Apache-2.0 */
#include <clade/tensor.h>

enum { TYPES = CLADE_F64 + 1 };

size_t clade_type_size(enum clade_type type)
{
    static const size_t size[TYPES] = {
        [CLADE_F32] = 4, [CLADE_U8] = 1, [CLADE_F64] = 8
    };

    return (unsigned)type < TYPES ? size[type] : 0;
}

struct clade_tensor clade_tensor_at(struct clade_buffer *buffer, int64_t offset,
                                    int n, int h, int w, int c,
                                    enum clade_type type)
{
    return (struct clade_tensor){ .buffer = buffer,
                                  .offset = offset,
                                  .n = n,
                                  .h = h,
                                  .w = w,
                                  .c = c,
                                  .ld = c,
                                  .type = type };
}

struct clade_tensor clade_tensor_slice(struct clade_tensor t, int first, int c)
{
    if (first < 0 || c < 1 || c > t.c || first > t.c - c)
        t.ld = 0; /* no op takes such a tensor */
    else
        t.offset += first;
    t.c = c;
    return t;
}

/* a * b; 0 if b is no extent, or the product does not fit. */
static int64_t times(int64_t a, int b)
{
    int64_t product;

    return b < 1 || __builtin_mul_overflow(a, b, &product) ? 0 : product;
}

int64_t clade_tensor_pixels(const struct clade_tensor *t)
{
    return t ? times(times(times(1, t->n), t->h), t->w) : 0;
}

int64_t clade_tensor_elements(const struct clade_tensor *t)
{
    return t ? times(clade_tensor_pixels(t), t->c) : 0;
}

int64_t clade_tensor_element(const struct clade_tensor *t, int64_t i)
{
    if (i < 0 || i >= clade_tensor_elements(t))
        return -1;
    return t->offset + i / t->c * t->ld + i % t->c;
}
