/* SPDX-License-Identifier: Apache-2.0 */
/* The layer's door: what CLADE_LIMITS says, and what the ICD loader calls. */
#include "limits.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct limits limits;
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

/* ---- answers ------------------------------------------------------------- */

cl_int limits_answer(const void *from, size_t bytes, size_t size, void *value,
                     size_t *needed)
{
    if (needed)
        *needed = bytes;
    if (value && size < bytes)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, from, bytes);
    return CL_SUCCESS;
}

cl_int limits_name(const cl_icd_dispatch *below, const char *more,
                   cl_device_id dev, size_t size, void *value, size_t *needed)
{
    char name[256] = "", both[320];

    below->clGetDeviceInfo(dev, CL_DEVICE_NAME, sizeof name - 1, name, NULL);
    snprintf(both, sizeof both, "%s%s", name, more);
    return limits_answer(both, strlen(both) + 1, size, value, needed);
}

/* ---- what the loader calls ----------------------------------------------- */

CL_API_ENTRY cl_int CL_API_CALL clGetLayerInfo(cl_layer_info what, size_t size,
                                               void *value, size_t *needed)
{
    static const cl_layer_api_version version = CL_LAYER_API_VERSION_100;
    static const char name[] = "clade limits";

    if (what == CL_LAYER_NAME)
        return limits_answer(name, sizeof name, size, value, needed);
    if (what == CL_LAYER_API_VERSION)
        return limits_answer(&version, sizeof version, size, value, needed);
    return CL_INVALID_VALUE;
}

CL_API_ENTRY cl_int CL_API_CALL clInitLayer(cl_uint n,
                                            const cl_icd_dispatch *target,
                                            cl_uint *n_replaced,
                                            const cl_icd_dispatch **replaced)
{
    const size_t bytes = n * sizeof(void *);

    read_environment();
    memcpy(&table, target, bytes < sizeof table ? bytes : sizeof table);
    if (limits.null)
        null_install(&table);
    if (limits.late)
        late_install(&table);
    if (limits.refuse || limits.fail || limits.lost)
        fail_install(&table);
    if (limits.profile.name)
        rules_install(&table);
    *n_replaced = n;
    *replaced = &table;
    return CL_SUCCESS;
}
