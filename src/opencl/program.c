/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kernel texts, embedded at build time (cl/local.mk). */
static const char prelude[] = {
#include "cl/prelude.inc"
    0
};
static const char bias[] = {
#include "cl/bias.inc"
    0
};
static const char direct[] = {
#include "cl/direct.inc"
    0
};
static const char dropout[] = {
#include "cl/dropout.inc"
    0
};
static const char im2col[] = {
#include "cl/im2col.inc"
    0
};
static const char pool[] = {
#include "cl/pool.inc"
    0
};
static const char probe[] = {
#include "cl/probe.inc"
    0
};
static const char resize[] = {
#include "cl/resize.inc"
    0
};
static const char sgd[] = {
#include "cl/sgd.inc"
    0
};
static const char softmax[] = {
#include "cl/softmax.inc"
    0
};

static const struct {
    const char *name, *text;
} texts[OCL_TEXTS] = {
    [OCL_BIAS] = { "bias.cl", bias },
    [OCL_DIRECT] = { "direct.cl", direct },
    [OCL_DROPOUT] = { "dropout.cl", dropout },
    [OCL_IM2COL] = { "im2col.cl", im2col },
    [OCL_POOL] = { "pool.cl", pool },
    [OCL_PROBE] = { "probe.cl", probe },
    [OCL_RESIZE] = { "resize.cl", resize },
    [OCL_SGD] = { "sgd.cl", sgd },
    [OCL_SOFTMAX] = { "softmax.cl", softmax },
};

struct program {
    struct program *next;
    enum ocl_text text;
    char *options; /* the caller's, without the prelude's own */
    enum backend_build build;
    bool unoptimised, fma;
    cl_program program;
};

struct kernel {
    struct kernel *next;
    const struct program *program;
    char *name;
    struct ocl_kernel object;
};

struct ocl_programs {
    struct program *programs;
    struct kernel *kernels;
};

const char *ocl_text_name(enum ocl_text text)
{
    return texts[text].name;
}

clade_status ocl_programs_new(struct ocl_programs **programs)
{
    *programs = calloc(1, sizeof **programs);
    return *programs ? CLADE_OK
                     : clade_fail(CLADE_ENOMEM, "programs: out of memory");
}

static void kernel_free(struct kernel *k)
{
    if (!k)
        return;
    if (k->object.kernel)
        clReleaseKernel(k->object.kernel);
    free(k->name);
    free(k);
}

static void program_free(struct program *p)
{
    if (!p)
        return;
    if (p->program)
        clReleaseProgram(p->program);
    free(p->options);
    free(p);
}

void ocl_programs_free(struct ocl_programs *programs)
{
    if (!programs)
        return;
    for (struct kernel *k = programs->kernels, *next; k; k = next) {
        next = k->next;
        kernel_free(k);
    }
    for (struct program *p = programs->programs, *next; p; p = next) {
        next = p->next;
        program_free(p);
    }
    free(programs);
}

/* No option allows fast maths: the bounds of doc/consistency.md count
 * roundings.  Division is rounded correctly where the device can. */
char *ocl_all_options(const struct ocl *o, const char *options)
{
    const bool divide =
        o->base.device.float_config & CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
    const size_t size = strlen(options) + 128;
    char *all = malloc(size);

    if (all)
        snprintf(all, size, "-cl-std=CL1.2 -D USE_FMA=%d%s%s%s%s",
                 o->base.device.fma,
                 divide ? " -cl-fp32-correctly-rounded-divide-sqrt" : "",
                 o->base.unoptimised ? " -cl-opt-disable" : "",
                 *options ? " " : "", options);
    return all;
}

/* Everything that a binary depends on. */
static char *cache_key(const struct ocl *o, enum ocl_text text,
                       const char *options)
{
    char *device = ocl_cache_device(o), *key = NULL;
    size_t size;

    if (!device)
        return NULL;
    size = strlen(device) + strlen(options) + strlen(prelude) +
           strlen(texts[text].text) + 32;
    key = malloc(size);
    if (key)
        snprintf(key, size, "%sprogram %s\n%s%s", device, options, prelude,
                 texts[text].text);
    free(device);
    return key;
}

/* The program from the cache folder.  NULL if it is absent, damaged, or refused
 * by the driver; a build from source then replaces it. */
static cl_program from_cache(struct ocl *o, const char *key,
                             const char *options)
{
    size_t bytes;
    unsigned char *binary = ocl_cache_load(key, &bytes);
    const unsigned char *const list[] = { binary };
    cl_program prog;
    cl_int err, status = CL_SUCCESS;

    if (!binary)
        return NULL;
    prog =
        clCreateProgramWithBinary(o->ctx, 1, &o->dev, &bytes,
                                  (const unsigned char **)list, &status, &err);
    free(binary);
    if (!prog)
        return NULL;
    if (err == CL_SUCCESS && status == CL_SUCCESS &&
        clBuildProgram(prog, 1, &o->dev, options, NULL, NULL) == CL_SUCCESS)
        return prog;
    clReleaseProgram(prog);
    return NULL;
}

/* PoCL has a cache of its own, which holds each kernel for the sizes of groups
 * that were run.  Its binaries hold each kernel for any size as well; to build
 * that more than doubles the time of a first start.  So PoCL's programs go into
 * our cache only where its own is switched off. */
static bool keeps_programs(const struct ocl *o)
{
    const char *cache = getenv("POCL_KERNEL_CACHE");

    return strstr(o->base.device.platform, "Portable Computing Language") &&
           !(cache && !strcmp(cache, "0"));
}

static void to_cache(const struct ocl *o, cl_program prog, const char *key)
{
    unsigned char *binary;
    size_t bytes = 0;

    if (keeps_programs(o))
        return;
    if (clGetProgramInfo(prog, CL_PROGRAM_BINARY_SIZES, sizeof bytes, &bytes,
                         NULL) != CL_SUCCESS ||
        bytes == 0 || !(binary = malloc(bytes)))
        return;
    if (clGetProgramInfo(prog, CL_PROGRAM_BINARIES, sizeof binary, &binary,
                         NULL) == CL_SUCCESS)
        ocl_cache_store(key, binary, bytes);
    free(binary);
}

static clade_status build_failed(struct ocl *o, const struct clade_op *op,
                                 enum ocl_text text, const char *options,
                                 cl_program prog, cl_int err)
{
    char log[6144] = "";
    size_t n = 0;
    char *whole;

    /* A long log is cut: its first errors say most. */
    clGetProgramBuildInfo(prog, o->dev, CL_PROGRAM_BUILD_LOG, 0, NULL, &n);
    whole = calloc(1, n + 1);
    if (whole) {
        clGetProgramBuildInfo(prog, o->dev, CL_PROGRAM_BUILD_LOG, n, whole,
                              NULL);
        snprintf(log, sizeof log, "%s", whole);
        free(whole);
    }
    return clade_fail(CLADE_EBUILD,
                      "%s: %s does not build on %s with %s: %s\n%s",
                      op ? op_describe(op) : "probe", texts[text].name,
                      o->base.device.name, options, ocl_strerror(err), log);
}

static clade_status from_source(cl_program *out, struct ocl *o,
                                const struct clade_op *op, enum ocl_text text,
                                const char *options)
{
    const char *parts[] = { prelude, texts[text].text };
    cl_program prog;
    clade_status st;
    cl_int err;

    prog = clCreateProgramWithSource(o->ctx, 2, parts, NULL, &err);
    if ((st = ocl_check(err, "clCreateProgramWithSource", op)))
        return st;
    err = clBuildProgram(prog, 1, &o->dev, options, NULL, NULL);
    st = ocl_check(err, "clBuildProgram", op);
    if (st == CLADE_EBUILD)
        st = build_failed(o, op, text, options, prog, err);
    if (st)
        clReleaseProgram(prog);
    else
        *out = prog;
    return st;
}

/* A binary that is there stays: were it wrong, BUILD_CACHED has to see it. */
static void keep(const struct ocl *o, cl_program prog, const char *key)
{
    size_t bytes;
    void *kept = ocl_cache_load(key, &bytes);

    if (!kept || o->base.build == BUILD_EITHER) /* else the driver refused it */
        to_cache(o, prog, key);
    free(kept);
}

static clade_status build(cl_program *out, struct ocl *o,
                          const struct clade_op *op, enum ocl_text text,
                          const char *options)
{
    char *all = ocl_all_options(o, options);
    char *key = all ? cache_key(o, text, all) : NULL;
    cl_program cached;
    clade_status st = CLADE_OK;

    if (!key) {
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", texts[text].name);
        goto out;
    }
    if (o->base.build != BUILD_SOURCE && (*out = from_cache(o, key, all)))
        goto out;
    if ((st = from_source(out, o, op, text, all)))
        goto out;
    keep(o, *out, key);
    if (o->base.build == BUILD_CACHED && (cached = from_cache(o, key, all))) {
        clReleaseProgram(*out);
        *out = cached;
    }
out:
    free(key);
    free(all);
    return st;
}

static clade_status program_get(const struct program **out, struct ocl *o,
                                const struct clade_op *op, enum ocl_text text,
                                const char *options)
{
    struct program *p;
    clade_status st;

    for (p = o->programs->programs; p; p = p->next) {
        if (p->text == text && p->build == o->base.build &&
            p->unoptimised == o->base.unoptimised &&
            p->fma == o->base.device.fma && !strcmp(p->options, options)) {
            *out = p;
            return CLADE_OK;
        }
    }
    p = calloc(1, sizeof *p);
    if (!p || !(p->options = strdup(options))) {
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", texts[text].name);
        goto out;
    }
    p->text = text;
    p->build = o->base.build;
    p->unoptimised = o->base.unoptimised;
    p->fma = o->base.device.fma;
    if ((st = build(&p->program, o, op, text, options)))
        goto out;
    p->next = o->programs->programs;
    o->programs->programs = p;
    o->base.programs++;
    *out = p;
    p = NULL;
out:
    program_free(p);
    return st;
}

/* A new kernel object, with the driver's own limit: it can be below the
 * device's. */
static clade_status kernel_new(struct kernel **out, struct ocl *o,
                               const struct clade_op *op,
                               const struct program *p, const char *name)
{
    struct kernel *k = calloc(1, sizeof *k);
    clade_status st;
    cl_int err;

    if (!k || !(k->name = strdup(name))) {
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", name);
        goto out;
    }
    k->program = p;
    k->object.kernel = clCreateKernel(p->program, name, &err);
    if ((st = ocl_check(err, name, op))) {
        st = st == CLADE_ENOMEM ? st : CLADE_EBUILD; /* some compile only now */
        goto out;
    }
    err = clGetKernelWorkGroupInfo(
        k->object.kernel, o->dev, CL_KERNEL_WORK_GROUP_SIZE,
        sizeof k->object.limit, &k->object.limit, NULL);
    if ((st = ocl_check(err, name, op)))
        goto out;
    *out = k;
    k = NULL;
out:
    kernel_free(k);
    return st;
}

clade_status ocl_kernel_get(const struct ocl_kernel **kernel, struct ocl *o,
                            const struct clade_op *op, enum ocl_text text,
                            const char *name, const char *options)
{
    const struct program *p = NULL;
    struct kernel *k;
    clade_status st;

    if ((st = program_get(&p, o, op, text, options)))
        return st;
    for (k = o->programs->kernels; k; k = k->next)
        if (k->program == p && !strcmp(k->name, name))
            break;
    if (!k) {
        if ((st = kernel_new(&k, o, op, p, name)))
            return st;
        k->next = o->programs->kernels;
        o->programs->kernels = k;
    }
    *kernel = &k->object;
    return CLADE_OK;
}
