/* SPDX-License-Identifier: Apache-2.0 */
/* The layer's door: what CLADE_LIMITS says, and the functions that it
 * replaces. */
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct limits limits;
cl_icd_dispatch driver;
static cl_icd_dispatch table;

/* ---- the environment ----------------------------------------------------- */

/* Does `word` begin with `name`?  Then set *n to the number that follows. */
static bool number(int *n, const char *word, const char *name)
{
    const size_t length = strlen(name);

    if (strncmp(word, name, length))
        return false;
    *n = atoi(word + length);
    return *n > 0;
}

static bool flag(bool *on, const char *word, const char *name)
{
    if (strcmp(word, name))
        return false;
    return *on = true;
}

static bool profile(const char *word)
{
    const struct profile *p = profiles;

    while (p->name && strcmp(p->name, word))
        p++;
    limits.profile = p->name ? *p : limits.profile;
    return p->name;
}

/* A word that the layer does not know ends the program: a test must not pass
 * because it is not held to anything. */
static void read_word(const char *word)
{
    if (profile(word) || flag(&limits.roomy, word, "roomy") ||
        flag(&limits.null, word, "null") || flag(&limits.late, word, "late") ||
        number(&limits.refuse, word, "refuse=") ||
        number(&limits.fail, word, "fail=") ||
        number(&limits.lost, word, "lost="))
        return;
    fprintf(stderr, "CLADE_LIMITS: unknown word \"%s\"\n", word);
    exit(1);
}

static void read_environment(void)
{
    const char *value = getenv("CLADE_LIMITS");
    char *words = strdup(value ? value : "");

    for (char *at = words, *word; (word = strtok_r(at, " ", &at));)
        read_word(word);
    free(words);
    if (limits.roomy)
        limits.profile.buffer = limits.profile.memory = (cl_ulong)1 << 40;
}

/* ---- the functions ------------------------------------------------------- */

static CL_API_ENTRY cl_mem CL_API_CALL create_buffer(cl_context ctx,
                                                     cl_mem_flags flags,
                                                     size_t bytes, void *host,
                                                     cl_int *err)
{
    const cl_int refused = rules_buffer(bytes);

    if (!refused)
        return driver.clCreateBuffer(ctx, flags, bytes, host, err);
    if (err)
        *err = refused;
    return NULL;
}

/* A launch passes the rules, then the faults, then the mode. */
static CL_API_ENTRY cl_int CL_API_CALL
launch(cl_command_queue queue, cl_kernel kernel, cl_uint dims,
       const size_t *offset, const size_t *global, const size_t *local,
       cl_uint n, const cl_event *wait, cl_event *event)
{
    const cl_int err = rules_launch(queue, kernel, dims, global, local);

    if (err)
        return err;
    if (limits.null)
        return null_answer(event, false);
    return driver.clEnqueueNDRangeKernel(queue, kernel, dims, offset, global,
                                         local, n, wait, event);
}

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size,
                                               void *value, size_t *needed)
{
    static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    static const char name[] = "clade limits";
    const bool is_name = what == CL_LAYER_NAME;
    const size_t bytes = is_name ? sizeof name : sizeof version;

    if (!is_name && what != CL_LAYER_API_VERSION)
        return CL_INVALID_VALUE;
    if (value && size < bytes)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, is_name ? (const void *)name : &version, bytes);
    if (needed)
        *needed = bytes;
    return CL_SUCCESS;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint n,
                                            const cl_icd_dispatch *target,
                                            cl_uint *n_replaced,
                                            const cl_icd_dispatch **replaced)
{
    const size_t bytes = n * sizeof(void *);

    read_environment();
    memcpy(&driver, target, bytes < sizeof driver ? bytes : sizeof driver);
    table = driver;
    if (limits.profile.name) {
        table.clGetDeviceInfo = rules_device;
        table.clGetKernelWorkGroupInfo = rules_kernel;
        table.clCreateSubBuffer = rules_part;
    }
    table.clCreateBuffer = create_buffer;
    table.clEnqueueNDRangeKernel = launch;
    if (limits.null)
        null_install(&table);
    *n_replaced = n;
    *replaced = &table;
    return CL_SUCCESS;
}
