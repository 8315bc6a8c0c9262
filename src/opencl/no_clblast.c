/* SPDX-License-Identifier: Apache-2.0 */
/* Built without CLBlast: im2col.c then offers nothing. */
#include "conv.h"
#include "gemm.h"

const char *const ocl_conv_names[] = { "direct", "winograd", "implicit", NULL };

const char *const ocl_gemm_library = NULL;

const char *ocl_gemm_build(void)
{
    return NULL;
}

clade_status ocl_gemm_bytes(size_t *bytes, struct ocl *o,
                            const struct clade_op *op,
                            const struct ocl_gemm *gemm)
{
    (void)bytes;
    (void)o;
    (void)gemm;
    return clade_fail(CLADE_EUNSUPPORTED, "%s: clade is built without CLBlast",
                      op_describe(op));
}

clade_status ocl_gemm_launch(struct ocl_task *task, const struct clade_op *op,
                             const struct ocl_gemm *gemm,
                             const struct clade_tensor *temporary)
{
    (void)temporary;
    (void)task;
    return ocl_gemm_bytes(NULL, NULL, op, gemm);
}
