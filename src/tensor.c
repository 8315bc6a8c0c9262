/* SPDX-License-Identifier: Apache-2.0 */
#include <clade/tensor.h>

size_t clade_type_size(enum clade_type type)
{
    static const size_t size[] = {
        [CLADE_F32] = 4, [CLADE_U8] = 1, [CLADE_F64] = 8
    };

    return size[type];
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
    t.offset += first;
    t.c = c;
    return t;
}

int64_t clade_tensor_pixels(const struct clade_tensor *t)
{
    return (int64_t)t->n * t->h * t->w;
}

int64_t clade_tensor_elements(const struct clade_tensor *t)
{
    return clade_tensor_pixels(t) * t->c;
}

int64_t clade_tensor_element(const struct clade_tensor *t, int64_t i)
{
    return t->offset + i / t->c * t->ld + i % t->c;
}
