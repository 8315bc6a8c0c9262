/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GEMM_H
#define GEMM_H

#include "opencl.h"

/* A matrix product of another library: clblast.c, or no_clblast.c where clade
 * is built without it. */

/* C[m,n] = op(A) op(B) + beta*C, row-major. */
struct ocl_gemm {
    bool a_transposed, b_transposed;
    size_t m, n, k;
    struct clade_tensor a, b, c; /* only buffer, offset and ld count */
    float beta;
};

/* The library's name and version; NULL: there is none. */
extern const char *const ocl_gemm_library;

/* Tell builds of the library apart: the file that is loaded, its size and time.
 * The tuning for each device is in it.  The text is this thread's; the next
 * call overwrites it. */
const char *ocl_gemm_build(void);

/* Get the bytes of temporary memory that a product needs, wherever its tensors
 * begin. */
clade_status ocl_gemm_bytes(size_t *bytes, struct ocl *o,
                            const struct clade_op *op,
                            const struct ocl_gemm *gemm);

/* Append a product to a task; `temporary` is used from byte 0. */
clade_status ocl_gemm_launch(struct ocl_task *task, const struct clade_op *op,
                             const struct ocl_gemm *gemm,
                             const struct clade_tensor *temporary);

#endif
