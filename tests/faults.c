/* SPDX-License-Identifier: Apache-2.0 */
#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#include <CL/cl.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"

/* The real function behind one of this file. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* The most programs that the fault `first_options` can remember. */
#define PROGRAMS_MAX 64

static const struct fault none;
static const struct fault *now = &none;
static int effects, launches;
static char error[512];
static char *text; /* the unchanged text of cl/`file` */

static struct {
    cl_program program;
    char *source, *options;
} programs[PROGRAMS_MAX];
static int n_programs;

/* A launch that is delayed. */
static struct {
    cl_kernel kernel;
    cl_command_queue queue;
    size_t global[3], local[3];
} held;

const char *fault_error(void)
{
    return error;
}

/* ---- the compiler -------------------------------------------------------- */

static char *read_text(const char *name)
{
    const char *srcdir = getenv("SRCDIR");
    char path[4096], *to;
    long bytes;
    FILE *f;

    snprintf(path, sizeof path, "%s/cl/%s", srcdir ? srcdir : ".", name);
    f = fopen(path, "rb");
    if (!f || fseek(f, 0, SEEK_END) || (bytes = ftell(f)) < 0) {
        snprintf(error, sizeof error, "cl/%s cannot be read", name);
        if (f)
            fclose(f);
        return NULL;
    }
    rewind(f);
    to = calloc(1, bytes + 1);
    if (to && fread(to, 1, bytes, f) != (size_t)bytes) {
        free(to);
        to = NULL;
    }
    fclose(f);
    return to;
}

static int count(const char *in, const char *find)
{
    int n = 0;

    for (; (in = strstr(in, find)); in += strlen(find))
        n++;
    return n;
}

/* A copy of `in` in which each `find` is replaced; the caller frees it. */
static char *edited(const char *in, const char *find, const char *replace)
{
    char *to =
        calloc(1, strlen(in) + (size_t)count(in, find) * strlen(replace) + 1);
    const char *at;

    if (!to)
        abort();
    for (; (at = strstr(in, find)); in = at + strlen(find)) {
        strncat(to, in, at - in);
        strcat(to, replace);
    }
    return strcat(to, in);
}

/* Join several texts, whose lengths are given as OpenCL allows; the caller
 * frees the result. */
static char *joined(cl_uint n, const char **parts, const size_t *lengths)
{
    size_t bytes = 1;
    char *to;

    for (cl_uint i = 0; i < n; i++)
        bytes += lengths && lengths[i] ? lengths[i] : strlen(parts[i]);
    to = calloc(1, bytes);
    if (!to)
        abort();
    for (cl_uint i = 0; i < n; i++)
        strncat(to, parts[i],
                lengths && lengths[i] ? lengths[i] : strlen(parts[i]));
    return to;
}

/* Does the fault change this program's source? */
static bool is_meant(const char *source)
{
    if (!now->find)
        return false;
    return now->file ? strstr(source, text) != NULL
                     : !strstr(source, "/* SPDX-License-Identifier") &&
                           count(source, now->find);
}

static void remember(cl_program program, char *source)
{
    if (n_programs == PROGRAMS_MAX)
        abort();
    programs[n_programs].program = program;
    programs[n_programs].options = NULL;
    programs[n_programs++].source = source;
}

cl_program clCreateProgramWithSource(cl_context ctx, cl_uint n,
                                     const char **parts, const size_t *lengths,
                                     cl_int *err)
{
    char *source = joined(n, parts, lengths);
    char *whole = source;
    const char *one;
    cl_program program;

    if (is_meant(source)) {
        if (now->file) { /* change this file's text, not the rest of the source
                          */
            char *file = edited(text, now->find, now->replace);

            whole = edited(source, text, file);
            free(file);
        } else {
            whole = edited(source, now->find, now->replace);
        }
        effects++;
    }
    one = whole;
    program = NEXT(clCreateProgramWithSource)(ctx, 1, &one, NULL, err);
    if (whole != source)
        free(whole);
    if (program && now->first_options)
        remember(program, source);
    else
        free(source);
    return program;
}

/* The options of the first program that had the same text as this one. */
static const char *first_options(cl_program program, const char *options)
{
    int mine = 0;

    if (!options)
        return NULL;
    while (mine < n_programs && programs[mine].program != program)
        mine++;
    if (mine == n_programs)
        return options;
    programs[mine].options = strdup(options);
    for (int i = 0; i < mine; i++)
        if (programs[i].options &&
            !strcmp(programs[i].source, programs[mine].source)) {
            effects += strcmp(programs[i].options, options) != 0;
            return programs[i].options;
        }
    return options;
}

cl_int clBuildProgram(cl_program program, cl_uint n,
                      const cl_device_id *devices, const char *options,
                      void(CL_CALLBACK *notify)(cl_program, void *), void *arg)
{
    if (now->first_options)
        options = first_options(program, options);
    return NEXT(clBuildProgram)(program, n, devices, options, notify, arg);
}

/* ---- binaries ------------------------------------------------------------ */

/* Does the fault change clade's own programs?  Then no binary may be kept or
 * used, except with `stale`. */
static bool is_altered(void)
{
    return (now->file || now->first_options) && !now->stale;
}

cl_program clCreateProgramWithBinary(cl_context ctx, cl_uint n,
                                     const cl_device_id *devices,
                                     const size_t *lengths,
                                     const unsigned char **binaries,
                                     cl_int *status, cl_int *err)
{
    if (is_altered()) {
        if (err)
            *err = CL_INVALID_BINARY;
        return NULL;
    }
    if (now->stale)
        effects++;
    return NEXT(clCreateProgramWithBinary)(ctx, n, devices, lengths, binaries,
                                           status, err);
}

cl_int clGetProgramInfo(cl_program program, cl_program_info what, size_t bytes,
                        void *value, size_t *needed)
{
    const cl_int err =
        NEXT(clGetProgramInfo)(program, what, bytes, value, needed);

    if (is_altered() && !err && value && what == CL_PROGRAM_BINARY_SIZES)
        memset(value, 0, bytes);
    return err;
}

/* ---- the device ---------------------------------------------------------- */

cl_int clGetDeviceInfo(cl_device_id dev, cl_device_info what, size_t bytes,
                       void *value, size_t *needed)
{
    if (!now->asked || what != now->asked)
        return NEXT(clGetDeviceInfo)(dev, what, bytes, value, needed);
    effects++;
    if (value && bytes < now->answer_bytes)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, now->answer, now->answer_bytes);
    if (needed)
        *needed = now->answer_bytes;
    return CL_SUCCESS;
}

/* ---- the queue ----------------------------------------------------------- */

static bool is_kernel(cl_kernel kernel, const char *wanted)
{
    char name[128] = "";

    if (!wanted)
        return false;
    clGetKernelInfo(kernel, CL_KERNEL_FUNCTION_NAME, sizeof name, name, NULL);
    return !strcmp(name, wanted);
}

static bool is_lost(cl_kernel kernel)
{
    return now->lost_every && (!now->lost || is_kernel(kernel, now->lost)) &&
           ++launches % now->lost_every == 0;
}

static void hold(cl_command_queue queue, cl_kernel kernel, const size_t *global,
                 const size_t *local)
{
    clRetainKernel(kernel);
    held.kernel = kernel;
    held.queue = queue;
    memcpy(held.global, global, sizeof held.global);
    memcpy(held.local, local, sizeof held.local);
}

/* Run the delayed launch. */
static void let_go(void)
{
    const __typeof__(&clEnqueueNDRangeKernel) enqueue =
        NEXT(clEnqueueNDRangeKernel);
    const cl_kernel kernel = held.kernel;

    if (!kernel)
        return;
    held.kernel = NULL;
    enqueue(held.queue, kernel, 3, NULL, held.global, held.local, 0, NULL,
            NULL);
    clReleaseKernel(kernel);
}

static bool has_many_groups(cl_uint dims, const size_t *global,
                            const size_t *local)
{
    bool many = false;

    for (cl_uint i = 1; i < dims && now->most_groups; i++)
        many |= global[i] / (local ? local[i] : 1) > now->most_groups;
    return many;
}

cl_int clEnqueueNDRangeKernel(cl_command_queue queue, cl_kernel kernel,
                              cl_uint dims, const size_t *offset,
                              const size_t *global, const size_t *local,
                              cl_uint n, const cl_event *wait, cl_event *event)
{
    const bool lost = is_lost(kernel);

    if (has_many_groups(dims, global, local)) {
        effects++;
        return CL_INVALID_GLOBAL_WORK_SIZE;
    }
    if (now->launch_error) {
        effects++;
        return now->launch_error;
    }
    if (!lost && !(is_kernel(kernel, now->late) && dims == 3 && local))
        return NEXT(clEnqueueNDRangeKernel)(queue, kernel, dims, offset, global,
                                            local, n, wait, event);
    if (!lost)
        hold(queue, kernel, global, local);
    effects++;
    return clEnqueueMarkerWithWaitList(queue, n, wait, event);
}

cl_int clEnqueueReadBuffer(cl_command_queue queue, cl_mem mem, cl_bool blocking,
                           size_t at, size_t bytes, void *to, cl_uint n,
                           const cl_event *wait, cl_event *event)
{
    cl_int err = now->read_error;

    if (!err)
        err = NEXT(clEnqueueReadBuffer)(queue, mem, blocking, at, bytes, to, n,
                                        wait, event);
    let_go();
    return err;
}

cl_int clSetKernelArg(cl_kernel kernel, cl_uint i, size_t bytes,
                      const void *value)
{
    if (now->from != now->to && value && bytes == sizeof now->from &&
        !memcmp(value, &now->from, bytes)) {
        value = &now->to;
        effects++;
    }
    return NEXT(clSetKernelArg)(kernel, i, bytes, value);
}

/* ---- begin and end ------------------------------------------------------- */

bool fault_begin(const struct fault *fault)
{
    int found = 1;

    if (fault->file && !(text = read_text(fault->file)))
        return false;
    if (fault->file && (found = count(text, fault->find)) != 1) {
        snprintf(error, sizeof error, "cl/%s has this %d times, not once: %s",
                 fault->file, found, fault->find);
        free(text);
        text = NULL;
        return false;
    }
    effects = launches = 0;
    now = fault;
    return true;
}

int fault_end(void)
{
    let_go();
    now = &none;
    free(text);
    text = NULL;
    for (int i = 0; i < n_programs; i++) {
        free(programs[i].source);
        free(programs[i].options);
    }
    n_programs = 0;
    return effects;
}
