/* SPDX-License-Identifier: Apache-2.0 */
/* CLBlast's matrix product. */
#include "conv.h"
#include "gemm.h"

#include <clblast_c.h>
#include <dlfcn.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core.h"

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *const ocl_conv_names[] = { "direct", "winograd", "implicit",
                                       "clblast", NULL };

const char *const ocl_gemm_library =
    "CLBlast " TEXT(CLBLAST_VERSION_MAJOR) "." TEXT(
        CLBLAST_VERSION_MINOR) "." TEXT(CLBLAST_VERSION_PATCH);

const char *ocl_gemm_build(void)
{
    static _Thread_local char text[512];
    struct stat s;
    Dl_info info;

    text[0] = '\0';
    if (dladdr((void *)(uintptr_t)CLBlastSgemmWithTempBuffer, &info) &&
        info.dli_fname && !stat(info.dli_fname, &s))
        snprintf(text, sizeof text, "%.400s, %lld bytes of %lld.%09ld",
                 info.dli_fname, (long long)s.st_size,
                 (long long)s.st_mtim.tv_sec, s.st_mtim.tv_nsec);
    return text;
}

/* A product on its way: what queue_gemm() is called with. */
struct call {
    struct ocl_gemm gemm;
    cl_mem temporary;
};

static clade_status check(CLBlastStatusCode code, const struct clade_op *op)
{
    if (code == CLBlastSuccess)
        return CLADE_OK;
    if (code > -1024)
        return ocl_check(code, "CLBlastSgemm", op);
    return clade_fail(CLADE_EDEVICE,
                      "%s: CLBlastSgemm: status %d; try the algorithm `direct`",
                      op_describe(op), code);
}

static CLBlastTranspose transpose(bool yes)
{
    return yes ? CLBlastTransposeYes : CLBlastTransposeNo;
}

static clade_status queue_gemm(struct ocl *o, const void *arg,
                               const struct clade_op *op, cl_event *event)
{
    const struct call *call = arg;
    const struct ocl_gemm *g = &call->gemm;

    return check(CLBlastSgemmWithTempBuffer(
                     CLBlastLayoutRowMajor, transpose(g->a_transposed),
                     transpose(g->b_transposed), g->m, g->n, g->k, 1.0f,
                     ocl_mem(&g->a), g->a.offset, g->a.ld, ocl_mem(&g->b),
                     g->b.offset, g->b.ld, g->beta, ocl_mem(&g->c), g->c.offset,
                     g->c.ld, &o->queue, event, call->temporary),
                 op);
}

/* CLBlast builds its kernels, all at once, when a context first calls it: let
 * that be now, with a product of one element. */
static clade_status build_kernels(struct ocl *o, const struct clade_op *op)
{
    struct call call = {
        .gemm = { .m = 1, .n = 1, .k = 1, .a.ld = 1, .b.ld = 1, .c.ld = 1 }
    };
    struct clade_buffer *cell[4] = { 0 };
    cl_event event = NULL;
    clade_status st = CLADE_OK;

    for (int i = 0; i < 4 && !st; i++)
        if (!(st = ocl_alloc(&o->base, &cell[i], 4, CLADE_MEMORY_DEVICE)))
            st = ocl_fill(&o->base, cell[i], 0, 4, 0);
    child_note("building", "CLBlast's kernels", NULL);
    if (!st) {
        call.gemm.a.buffer = cell[0];
        call.gemm.b.buffer = cell[1];
        call.gemm.c.buffer = cell[2];
        call.temporary = ((struct ocl_buffer *)cell[3])->mem;
        st = queue_gemm(o, &call, op, &event);
    }
    ocl_pending_add(o, "CLBlast's first product", event);
    if (!st)
        st = ocl_finish(&o->base);
    for (int i = 0; i < 4; i++)
        ocl_free(&o->base, cell[i]);
    o->clblast_built = !st;
    return st;
}

clade_status ocl_gemm_bytes(size_t *bytes, struct ocl *o,
                            const struct clade_op *op, const struct ocl_gemm *g)
{
    child_note("asking", "CLBlast for its temporary memory", NULL);
    /* a tensor that does not begin its buffer can want a copy */
    return check(CLBlastSGemmTempBufferSize(
                     CLBlastLayoutRowMajor, transpose(g->a_transposed),
                     transpose(g->b_transposed), g->m, g->n, g->k, 1, g->a.ld,
                     1, g->b.ld, 1, g->c.ld, &o->queue, bytes),
                 op);
}

clade_status ocl_gemm_launch(struct ocl_task *task, const struct clade_op *op,
                             const struct ocl_gemm *gemm,
                             const struct clade_tensor *temporary)
{
    const struct call call = { .gemm = *gemm, .temporary = ocl_mem(temporary) };
    struct ocl *o = ocl_of(task);
    clade_status st;

    if (o->list) {
        const struct ocl_text text = { .name = ocl_gemm_library };

        o->list(o->list_arg, &(struct ocl_listed){
                                 .text = &text, .options = ocl_gemm_build() });
        return CLADE_OK;
    }
    if (!o->clblast_built && (st = build_kernels(o, op)))
        return st;
    return ocl_foreign(
        task, gemm->beta ? "CLBlast beta" : "CLBlast",
        (struct ocl_grid){ { gemm->m, gemm->n, gemm->k }, { 0 } }, queue_gemm,
        &call, sizeof call);
}
