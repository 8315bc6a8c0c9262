/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"
#include "rng.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Goes before each text.  Embedded at build time (cl/local.mk). */
static const char prelude[] = {
#include "cl/prelude.inc"
    0
};
struct program {
    struct program *next;
    const struct ocl_text *text;
    char *options; /* the caller's, without the prelude's own */
    enum backend_build build;
    bool unoptimised, fma;
    cl_program program;
};

struct ocl_programs {
    struct program *first;
};

clade_status ocl_programs_new(struct ocl_programs **programs)
{
    *programs = calloc(1, sizeof **programs);
    return *programs ? CLADE_OK
                     : clade_fail(CLADE_ENOMEM, "programs: out of memory");
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
    for (struct program *p = programs->first, *next; p; p = next) {
        next = p->next;
        program_free(p);
    }
    free(programs);
}

uint64_t ocl_text_hash(const struct ocl_text *text)
{
    return rng_fnv64(prelude, strlen(prelude)) * 31 +
           rng_fnv64(text->source, strlen(text->source));
}

/* Where a judge wants programs to come from, and how they are compiled. */
static enum backend_build build_of(const struct ocl *o)
{
    return o->base.debug ? o->base.debug->build : BUILD_EITHER;
}

static bool is_unoptimised(const struct ocl *o)
{
    return o->base.debug && o->base.debug->unoptimised;
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
                 is_unoptimised(o) ? " -cl-opt-disable" : "",
                 *options ? " " : "", options);
    return all;
}

/* Everything that a binary depends on. */
static char *cache_key(const struct ocl *o, const struct ocl_text *text,
                       const char *options)
{
    char *device = ocl_cache_device(o), *key = NULL;
    size_t size;

    if (!device)
        return NULL;
    size = strlen(device) + strlen(options) + strlen(prelude) +
           strlen(text->source) + 32;
    key = malloc(size);
    if (key)
        snprintf(key, size, "%sprogram %s\n%s%s", device, options, prelude,
                 text->source);
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
    child_note("building", "a program of the cache", options);
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
                                 const struct ocl_text *text,
                                 const char *options, cl_program prog,
                                 cl_int err)
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
                      op ? op_describe(op) : "probe", text->name,
                      o->base.device.name, options, ocl_strerror(err), log);
}

static clade_status from_source(cl_program *out, struct ocl *o,
                                const struct clade_op *op,
                                const struct ocl_text *text,
                                const char *options)
{
    const char *parts[] = { prelude, text->source };
    cl_program prog;
    clade_status st;
    cl_int err;

    prog = clCreateProgramWithSource(o->ctx, 2, parts, NULL, &err);
    if ((st = ocl_check(err, "clCreateProgramWithSource", op)))
        return st;
    child_note("building", text->name, options);
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

/* Never overwrite a cached binary, unless the driver refused it: if it is bad,
 * verify must find it. */
static void keep(const struct ocl *o, cl_program prog, const char *key)
{
    size_t bytes;
    void *kept = ocl_cache_load(key, &bytes);

    if (!kept || build_of(o) == BUILD_EITHER)
        to_cache(o, prog, key);
    free(kept);
}

static clade_status build(cl_program *out, struct ocl *o,
                          const struct clade_op *op,
                          const struct ocl_text *text, const char *options)
{
    char *all = ocl_all_options(o, options);
    char *key = all ? cache_key(o, text, all) : NULL;
    cl_program cached;
    clade_status st = CLADE_OK;

    if (!key) {
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", text->name);
        goto out;
    }
    if (build_of(o) != BUILD_SOURCE && (*out = from_cache(o, key, all)))
        goto out;
    if ((st = from_source(out, o, op, text, all)))
        goto out;
    keep(o, *out, key);
    if (build_of(o) == BUILD_CACHED && (cached = from_cache(o, key, all))) {
        clReleaseProgram(*out);
        *out = cached;
    }
out:
    free(key);
    free(all);
    return st;
}

static struct program *find(const struct ocl *o, const struct ocl_text *text,
                            const char *options)
{
    struct program *p = o->programs->first;

    while (p && (p->text != text || p->build != build_of(o) ||
                 p->unoptimised != is_unoptimised(o) ||
                 p->fma != o->base.device.fma || strcmp(p->options, options)))
        p = p->next;
    return p;
}

static clade_status program_new(struct program **out, struct ocl *o,
                                const struct clade_op *op,
                                const struct ocl_text *text,
                                const char *options)
{
    struct program *p = calloc(1, sizeof *p);
    clade_status st;

    if (!p || !(p->options = strdup(options))) {
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", text->name);
        goto out;
    }
    p->text = text;
    p->build = build_of(o);
    p->unoptimised = is_unoptimised(o);
    p->fma = o->base.device.fma;
    if ((st = build(&p->program, o, op, text, options)))
        goto out;
    p->next = o->programs->first;
    o->programs->first = p;
    if (o->base.debug)
        o->base.debug->programs++;
    *out = p;
    p = NULL;
out:
    program_free(p);
    return st;
}

/* The driver's limit for a kernel's groups can be below the device's. */
static clade_status kernel_of(cl_kernel *kernel, size_t *limit, struct ocl *o,
                              const struct clade_op *op, cl_program program,
                              const char *name)
{
    clade_status st;
    cl_kernel k;
    cl_int err;

    child_note("making the kernel", name, NULL);
    k = clCreateKernel(program, name, &err);
    if ((st = ocl_check(err, name, op)))
        return st == CLADE_ENOMEM ? st
                                  : CLADE_EBUILD; /* some compile only now */
    err = clGetKernelWorkGroupInfo(k, o->dev, CL_KERNEL_WORK_GROUP_SIZE,
                                   sizeof *limit, limit, NULL);
    if ((st = ocl_check(err, name, op)))
        clReleaseKernel(k);
    else
        *kernel = k;
    return st;
}

clade_status ocl_kernel_new(cl_kernel *kernel, size_t *limit, struct ocl *o,
                            const struct clade_op *op,
                            const struct ocl_text *text, const char *name,
                            const char *options)
{
    struct program *p = find(o, text, options);
    clade_status st = p ? CLADE_OK : program_new(&p, o, op, text, options);

    return st ? st : kernel_of(kernel, limit, o, op, p->program, name);
}
