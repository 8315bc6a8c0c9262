/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plain.h"

#define PLATFORMS_MAX 64
#define DEVICES_MAX   64

/* The extensions to report: those that clade or a driver's author may need. */
static const char *const extensions[] = {
    "cl_khr_fp64",
    "cl_khr_fp16",
    "cl_khr_spir",
    "cl_khr_il_program",
    "cl_khr_command_buffer",
    "cl_khr_subgroups",
    "cl_khr_integer_dot_product",
    "cl_khr_byte_addressable_store",
};

/* The platforms, in the loader's order.  To have none, or no loader, is not an
 * error. */
static cl_uint platforms(cl_platform_id list[PLATFORMS_MAX])
{
    cl_uint n = 0;

    child_note("looking for", "OpenCL's devices", NULL);
    if (clGetPlatformIDs(PLATFORMS_MAX, list, &n) != CL_SUCCESS)
        return 0;
    return n < PLATFORMS_MAX ? n : PLATFORMS_MAX;
}

static cl_uint devices(cl_device_id list[DEVICES_MAX], cl_platform_id platform)
{
    cl_uint n = 0;

    if (clGetDeviceIDs(platform, CL_DEVICE_TYPE_ALL, DEVICES_MAX, list, &n) !=
        CL_SUCCESS)
        return 0;
    return n < DEVICES_MAX ? n : DEVICES_MAX;
}

/* Long texts are cut to fit.  Where the driver gives no answer, the text is
 * empty. */
static void keep_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%.*s", (int)size - 1, text);
    plain_utf8(out);
}

static void platform_text(char *out, size_t size, cl_platform_id platform,
                          cl_platform_info what)
{
    char text[8192] = "";

    clGetPlatformInfo(platform, what, sizeof text, text, NULL);
    keep_text(out, size, text);
}

static void device_text(char *out, size_t size, cl_device_id dev,
                        cl_device_info what)
{
    char text[8192] = "";

    clGetDeviceInfo(dev, what, sizeof text, text, NULL);
    keep_text(out, size, text);
}

static uint64_t device_number(cl_device_id dev, cl_device_info what,
                              size_t size)
{
    uint64_t wide = 0;
    cl_uint narrow = 0;

    if (size == sizeof narrow) {
        clGetDeviceInfo(dev, what, size, &narrow, NULL);
        return narrow;
    }
    clGetDeviceInfo(dev, what, sizeof wide, &wide, NULL);
    return wide;
}

static bool has_word(const char *words, const char *word)
{
    const size_t n = strlen(word);

    for (const char *at = words; (at = strstr(at, word)); at += n)
        if ((at == words || at[-1] == ' ') && (!at[n] || at[n] == ' '))
            return true;
    return false;
}

static void choose_extensions(char *out, size_t size, cl_device_id dev)
{
    const size_t count = sizeof extensions / sizeof *extensions;
    char all[8192];
    size_t used = 0;

    out[0] = '\0';
    device_text(all, sizeof all, dev, CL_DEVICE_EXTENSIONS);
    for (size_t i = 0; i < count && used < size; i++)
        if (has_word(all, extensions[i]))
            used += snprintf(out + used, size - used, "%s%s", used ? " " : "",
                             extensions[i]);
}

/* Oclgrind says that it is of every type, and llvmpipe that it is a CPU.  Both
 * emulate a GPU on a CPU. */
static bool oclgrind(const struct clade_device *d)
{
    return strstr(d->platform, "Oclgrind") != NULL;
}

static enum clade_device_type device_type(const struct clade_device *d,
                                          cl_device_type type)
{
    if (d->emulated || (type & CL_DEVICE_TYPE_CPU))
        return CLADE_DEVICE_CPU;
    return type & CL_DEVICE_TYPE_GPU ? CLADE_DEVICE_GPU : CLADE_DEVICE_OTHER;
}

/* What a device needs to run programs from their source. */
static const struct {
    cl_device_info what;
    const char *without;
} needs[] = {
    { CL_DEVICE_AVAILABLE, "it is not available" },
    { CL_DEVICE_COMPILER_AVAILABLE, "its driver has no compiler" },
    { CL_DEVICE_LINKER_AVAILABLE, "its driver has no linker" },
};

const char *ocl_device_lacks(cl_device_id dev)
{
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++) {
        cl_bool has = CL_TRUE;

        /* OpenCL 1.1 does not know the last of them */
        if (!clGetDeviceInfo(dev, needs[i].what, sizeof has, &has, NULL) &&
            !has)
            return needs[i].without;
    }
    return NULL;
}

/* GPUs first, then CPUs, llvmpipe, Oclgrind; within each, the device with the
 * most compute units.  Devices that cannot run programs come last, after the
 * reference. */
static int device_rank(const struct clade_device *d, bool usable)
{
    const int units = d->units < 99999 ? d->units : 99999;
    int class = 3;

    if (!usable)
        return INT_MIN;
    if (d->emulated)
        class = oclgrind(d) ? 1 : 2;
    else if (d->type == CLADE_DEVICE_GPU)
        class = 5;
    else if (d->type == CLADE_DEVICE_CPU)
        class = 4;
    return class * 100000 + units;
}

static void describe_limits(struct clade_device *d, cl_device_id dev)
{
    const size_t four = sizeof(cl_uint), eight = sizeof(cl_ulong);

    d->memory = device_number(dev, CL_DEVICE_GLOBAL_MEM_SIZE, eight);
    d->max_alloc = device_number(dev, CL_DEVICE_MAX_MEM_ALLOC_SIZE, eight);
    d->local_memory = device_number(dev, CL_DEVICE_LOCAL_MEM_SIZE, eight);
    d->units = device_number(dev, CL_DEVICE_MAX_COMPUTE_UNITS, four);
    d->vector_width =
        device_number(dev, CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, four);
    d->float_config = device_number(dev, CL_DEVICE_SINGLE_FP_CONFIG, eight);
    d->denormals = d->float_config & CL_FP_DENORM;
    d->unified = device_number(dev, CL_DEVICE_HOST_UNIFIED_MEMORY, four);
}

static void describe(struct clade_device *d, cl_platform_id platform,
                     cl_device_id dev, int p, int i)
{
    char profile[32];

    memset(d, 0, sizeof *d);
    snprintf(d->selector, sizeof d->selector, "opencl:%d:%d", p, i);
    platform_text(d->platform, sizeof d->platform, platform, CL_PLATFORM_NAME);
    device_text(d->name, sizeof d->name, dev, CL_DEVICE_NAME);
    device_text(d->vendor, sizeof d->vendor, dev, CL_DEVICE_VENDOR);
    device_text(d->driver, sizeof d->driver, dev, CL_DRIVER_VERSION);
    device_text(d->version, sizeof d->version, dev, CL_DEVICE_VERSION);
    choose_extensions(d->extensions, sizeof d->extensions, dev);
    describe_limits(d, dev);
    /* LP_MAX_TGSI_LOOP_ITERATIONS of Mesa's gallivm; see doc/drivers.md */
    d->loop_limit = strstr(d->name, "llvmpipe") ? 65535 : 0;
    device_text(profile, sizeof profile, dev, CL_DEVICE_PROFILE);
    d->embedded = !strcmp(profile, "EMBEDDED_PROFILE");
    d->emulated = oclgrind(d) || strstr(d->name, "llvmpipe");
    d->type = device_type(
        d, device_number(dev, CL_DEVICE_TYPE, sizeof(cl_device_type)));
    d->rank = device_rank(d, !ocl_device_lacks(dev));
}

void ocl_group_items(size_t items[3], cl_device_id dev)
{
    size_t list[16] = { 0 }; /* devices may have more dimensions */
    size_t group = 0;

    clGetDeviceInfo(dev, CL_DEVICE_MAX_WORK_ITEM_SIZES, sizeof list, list,
                    NULL);
    clGetDeviceInfo(dev, CL_DEVICE_MAX_WORK_GROUP_SIZE, sizeof group, &group,
                    NULL);
    for (int i = 0; i < 3; i++) {
        items[i] = list[i] ? list[i] : SIZE_MAX;
        if (group && group < items[i])
            items[i] = group;
    }
}

clade_status ocl_devices(struct clade_device **list, int *count)
{
    cl_platform_id platform[PLATFORMS_MAX];
    cl_device_id dev[DEVICES_MAX];
    const cl_uint n_platforms = platforms(platform);

    for (cl_uint p = 0; p < n_platforms; p++) {
        const cl_uint n = devices(dev, platform[p]);
        struct clade_device *longer;

        if (n == 0)
            continue;
        longer = realloc(*list, (*count + n) * sizeof **list);
        if (!longer)
            return clade_fail(CLADE_ENOMEM, "the list of devices: out of "
                                            "memory");
        *list = longer;
        for (cl_uint i = 0; i < n; i++)
            describe(&longer[(*count)++], platform[p], dev[i], p, i);
    }
    return CLADE_OK;
}

clade_status ocl_device_find(cl_platform_id *platform, cl_device_id *dev,
                             const char *selector)
{
    cl_platform_id all[PLATFORMS_MAX];
    cl_device_id list[DEVICES_MAX];
    unsigned p, i;

    if (sscanf(selector, "opencl:%u:%u", &p, &i) != 2 || p >= platforms(all) ||
        i >= devices(list, all[p]))
        return clade_fail(CLADE_ENODEVICE, "%s: no such OpenCL device",
                          selector);
    *platform = all[p];
    *dev = list[i];
    return CLADE_OK;
}
