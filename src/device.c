/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "plain.h"
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

void device_sort(struct clade_device *list, int count)
{
    qsort(list, (size_t)count, sizeof(*list), better_first);
}

const char *device_default(void)
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

const char device_drivers[] =
    "Debian and Ubuntu have drivers:\n"
    "  any CPU     apt-get install pocl-opencl-icd\n"
    "  Intel GPU   apt-get install intel-opencl-icd\n"
    "  AMD GPU     apt-get install mesa-opencl-icd, and "
    "RUSTICL_ENABLE=radeonsi in the\n"
    "              environment (or AMD's own ROCm)\n"
    "  NVIDIA GPU  apt-get install nvidia-opencl-icd\n"
    "To use a GPU you must also be in the group `render`, which owns "
    "/dev/dri/renderD*.";

/* Words for a sort of device; each selects the best device of its sort. */
static const struct sort {
    const char *word;
    bool (*has)(const struct clade_device *d);
    const char *none; /* the message if there is no such device */
} sorts[] = {
    { "opencl", is_opencl, "no OpenCL device" },
    { "auto", is_opencl, "no OpenCL device" },
    { "gpu", is_gpu, "no GPU with an OpenCL driver" },
};
enum { N_SORTS = sizeof(sorts) / sizeof(*sorts) };

static void full_name(char out[260], const struct clade_device *d)
{
    snprintf(out, 260, "%s / %s", d->platform, d->name);
}

/* Is `part` in `text`, whatever the case of their letters? */
static bool contains(const char *text, const char *part)
{
    const size_t n = strlen(part);

    for (; *text; text++)
        if (!strncasecmp(text, part, n))
            return true;
    return false;
}

/* How well a text selects a device: 2 if it is the whole name, 1 if it is part
 * of the name, else 0. */
static int fit(const struct clade_device *d, const char *text)
{
    const locale_t before = plain_begin(); /* in Turkish, I is no i */
    char name[260];
    int fits;

    full_name(name, d);
    fits = !strcasecmp(name, text) ? 2 : contains(name, text);
    plain_end(before);
    return fits;
}

#define LINES_MAX 4096

/* Write a line for each device whose fit is `least` or better. */
static void fill_lines(char lines[LINES_MAX], const struct clade_device *list,
                       int count, const char *text, int least)
{
    size_t used = 0;

    lines[0] = '\0';
    for (int i = 0; i < count && used < LINES_MAX; i++) {
        char name[260];

        if (fit(&list[i], text) < least)
            continue;
        full_name(name, &list[i]);
        used += (size_t)snprintf(lines + used, LINES_MAX - used,
                                 "\n  %-10s  %s", list[i].selector, name);
    }
}

static bool any(const struct clade_device *list, int count,
                const struct sort *sort)
{
    int i = 0;

    while (i < count && !sort->has(&list[i]))
        i++;
    return i < count;
}

static clade_status device_sort_of(struct clade_device *device,
                                   const struct clade_device *list, int count,
                                   const struct sort *sort)
{
    char lines[LINES_MAX];

    for (int i = 0; i < count; i++) {
        if (sort->has(&list[i])) {
            *device = list[i];
            return CLADE_OK;
        }
    }
    fill_lines(lines, list, count, "", 0);
    return clade_fail(CLADE_ENODEVICE, "device `%s`: %s. There are:%s\n%s",
                      sort->word, sort->none, lines, device_drivers);
}

/* Select the device that fits `text` best; there must be only one. */
static clade_status device_named(struct clade_device *device,
                                 const struct clade_device *list, int count,
                                 const char *text)
{
    int best = 0, matches = 0, which = 0;
    char lines[LINES_MAX];

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

        fill_lines(lines, list, count, "", 0);
        return clade_fail(CLADE_ENODEVICE,
                          "no device `%.128s`%s%s; there are:%s%s%s", text,
                          bare ? ", and " : "", bare ? sorts[0].none : "",
                          lines, bare ? "\n" : "", bare ? device_drivers : "");
    }
    if (matches > 1) {
        fill_lines(lines, list, count, text, best);
        return clade_fail(CLADE_EAMBIGUOUS,
                          "`%.128s` is part of the names of %d devices; use a "
                          "longer part, or the selector on the left:%s",
                          text, matches, lines);
    }
    *device = list[which];
    return CLADE_OK;
}

clade_status device_select(struct clade_device *device,
                           const struct clade_device *list, int count,
                           const char *text)
{
    if (!text) {
        *device = list[0];
        return CLADE_OK;
    }
    for (int i = 0; i < N_SORTS; i++)
        if (!strcmp(text, sorts[i].word))
            return device_sort_of(device, list, count, &sorts[i]);
    return device_named(device, list, count, text);
}
