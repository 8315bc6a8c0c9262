/* SPDX-License-Identifier: Apache-2.0 */
#include "select.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "status.h"

static int better_first(const void *a, const void *b)
{
    const struct clade_device *x = a, *y = b;
    int order;

    if (x->rank != y->rank)
        return x->rank > y->rank ? -1 : 1;
    if ((order = strcmp(x->platform, y->platform)))
        return order;
    if ((order = strcmp(x->name, y->name)))
        return order;
    return strcmp(x->selector, y->selector);
}

void select_sort(struct clade_device *list, int count)
{
    qsort(list, (size_t)count, sizeof(*list), better_first);
}

const char *select_default(void)
{
    const char *text = getenv("CLADE_DEVICE");

    return text && *text ? text : NULL;
}

static bool is_opencl(const struct clade_device *d)
{
    return !strncmp(d->selector, "opencl:", 7);
}

static bool is_gpu(const struct clade_device *d)
{
    return d->type == CLADE_DEVICE_GPU && !d->emulated;
}

/* Words that name a sort of device, of which the best is taken. */
static const struct sort {
    const char *word;
    bool (*has)(const struct clade_device *d);
    const char *none; /* what there is not, and what to do */
} sorts[] = {
    { "opencl", is_opencl,
      "no OpenCL device. Install a driver: pocl-opencl-icd runs on any CPU, "
      "intel-opencl-icd on Intel's GPUs, mesa-opencl-icd on AMD's (with "
      "RUSTICL_ENABLE=radeonsi in the environment), nvidia-opencl-icd on "
      "NVIDIA's (Debian's packages)" },
    { "gpu", is_gpu,
      "no GPU with an OpenCL driver. Intel's need the package "
      "intel-opencl-icd, AMD's mesa-opencl-icd (and RUSTICL_ENABLE=radeonsi "
      "in the environment) or ROCm, NVIDIA's nvidia-opencl-icd; /dev/dri must "
      "be yours to open (the group is render)" },
};
enum { N_SORTS = sizeof(sorts) / sizeof(*sorts) };

static void full_name(char out[260], const struct clade_device *d)
{
    snprintf(out, 260, "%s / %s", d->platform, d->name);
}

/* Is `part` in `text`, in any case? */
static bool contains(const char *text, const char *part)
{
    const size_t n = strlen(part);

    for (; *text; text++)
        if (!strncasecmp(text, part, n))
            return true;
    return false;
}

/* How well a device fits a text: its whole name 2, a part of it 1. */
static int fit(const struct clade_device *d, const char *text)
{
    char name[260];

    full_name(name, d);
    return !strcasecmp(name, text) ? 2 : contains(name, text);
}

/* Fail with the devices whose fit is `least` or better, a line each. */
static clade_status fail_with_list(clade_status st, const char *what,
                                   const struct clade_device *list, int count,
                                   const char *text, int least)
{
    char lines[4096] = "";
    size_t used = 0;

    for (int i = 0; i < count && used < sizeof(lines); i++) {
        char name[260];

        if (fit(&list[i], text) < least)
            continue;
        full_name(name, &list[i]);
        used += (size_t)snprintf(lines + used, sizeof(lines) - used,
                                 "\n  %-10s  %s", list[i].selector, name);
    }
    return clade_fail(st, "%s%s", what, lines);
}

static bool any(const struct clade_device *list, int count,
                const struct sort *sort)
{
    int i = 0;

    while (i < count && !sort->has(&list[i]))
        i++;
    return i < count;
}

static clade_status select_sort_of(struct clade_device *device,
                                   const struct clade_device *list, int count,
                                   const struct sort *sort)
{
    char what[640];

    for (int i = 0; i < count; i++) {
        if (sort->has(&list[i])) {
            *device = list[i];
            return CLADE_OK;
        }
    }
    snprintf(what, sizeof(what), "device `%s`: %s. There are:", sort->word,
             sort->none);
    return fail_with_list(CLADE_ENODEVICE, what, list, count, "", 0);
}

/* The only device that fits `text` best. */
static clade_status select_named(struct clade_device *device,
                                 const struct clade_device *list, int count,
                                 const char *text)
{
    int best = 0, matches = 0, which = 0;
    char what[640];

    for (int i = 0; i < count; i++) {
        const int f = fit(&list[i], text);

        if (f > best)
            matches = 0;
        if (f && f >= best) {
            best = f;
            which = i;
            matches++;
        }
    }
    if (matches == 0) {
        const bool bare = !any(list, count, &sorts[0]);

        snprintf(what, sizeof(what), "no device `%.128s`%s%s; there are:", text,
                 bare ? ", and " : "", bare ? sorts[0].none : "");
        return fail_with_list(CLADE_ENODEVICE, what, list, count, "", 0);
    }
    if (matches > 1) {
        snprintf(what, sizeof(what),
                 "`%.128s` is part of %d devices' names; use more of one, or "
                 "what stands before it:",
                 text, matches);
        return fail_with_list(CLADE_EAMBIGUOUS, what, list, count, text, best);
    }
    *device = list[which];
    return CLADE_OK;
}

clade_status select_device(struct clade_device *device,
                           const struct clade_device *list, int count,
                           const char *text)
{
    if (!text) {
        *device = list[0];
        return CLADE_OK;
    }
    for (int i = 0; i < N_SORTS; i++)
        if (!strcmp(text, sorts[i].word))
            return select_sort_of(device, list, count, &sorts[i]);
    return select_named(device, list, count, text);
}
