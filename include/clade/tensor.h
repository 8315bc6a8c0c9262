/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: views of the memory of a device. */
#ifndef CLADE_TENSOR_H
#define CLADE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <clade/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A piece of a backend's memory; clade_backend_alloc() makes it. */
struct clade_buffer;

enum clade_type { CLADE_F32, CLADE_U8, CLADE_F64 };

/*
 * A tensor [N,H,W,C] in NHWC order.  It is a view of a buffer and does not own
 * it.  Element (n,h,w,c) is element number
 *
 *     offset + ((n*H + h)*W + w)*ld + c
 *
 * of the buffer, counted in elements of `type`.  ld >= C, so some neighbouring
 * channels of a tensor are a tensor, too (a slice).  The functions of ops.h
 * check that offset + N*H*W*ld < 2^31.
 *
 * A filter [R,S,C,K] is the tensor with N=R, H=S, W=C, C=K.  A vector of K
 * elements is the tensor with N=H=W=1, C=K.  An absent tensor has a NULL
 * buffer.
 */
struct clade_tensor {
    struct clade_buffer *buffer;
    int64_t offset;
    int n, h, w, c, ld;
    enum clade_type type;
};

/* The size of one element in bytes; 0 for a type that is none. */
CLADE_API size_t clade_type_size(enum clade_type type);

/* A dense tensor (ld = c) that begins at element `offset` of a buffer. */
CLADE_API struct clade_tensor clade_tensor_at(struct clade_buffer *buffer,
                                              int64_t offset, int n, int h,
                                              int w, int c,
                                              enum clade_type type);

/* The slice with channels first ... first+c-1 of a tensor.  If the tensor lacks
 * some of them, the result has ld = 0, and no op takes it. */
CLADE_API struct clade_tensor clade_tensor_slice(struct clade_tensor t,
                                                 int first, int c);

/* The number of pixels, N*H*W, and of elements, N*H*W*C; 0 if an extent is
 * below 1, if the number is 2^63 or more, or if t is NULL. */
CLADE_API int64_t clade_tensor_pixels(const struct clade_tensor *t);
CLADE_API int64_t clade_tensor_elements(const struct clade_tensor *t);

/* Where element i of the tensor lies: its element number in the buffer.  i
 * counts in row-major order, 0 <= i < N*H*W*C; else the result is -1. */
CLADE_API int64_t clade_tensor_element(const struct clade_tensor *t, int64_t i);

#ifdef __cplusplus
}
#endif

#endif
