/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "status.h"
#include "verify/selftest.h"

struct devices_options {
    bool json;
};

static const struct tool_option options[] = {
    { .name = "json",
      .kind = TOOL_FLAG,
      .at = offsetof(struct devices_options, json),
      .help = "print a JSON array with an object for each device; sizes are in "
              "bytes" },
};

static const struct devices_options defaults;

static const char *const type_name[] = {
    [CLADE_DEVICE_CPU] = "cpu",
    [CLADE_DEVICE_GPU] = "gpu",
    [CLADE_DEVICE_OTHER] = "other",
};

static bool is_opencl(const struct clade_device *d)
{
    return !strncmp(d->selector, "opencl", 6);
}

/* clang-format off */
#define COLUMNS 8
static const char *const titles[COLUMNS] = {
    "--device", "type", "units", "memory", "platform / device", "driver",
    "self-test", "extensions that matter"
};
/* clang-format on */

/* The texts of one row. */
struct row {
    char cell[COLUMNS][512];
};

/* What the last self-test of a device found, malloc'd.  The reference has
 * none. */
static char *self_test(const struct clade_device *d)
{
    char *kept = selftest_result(d);

    return kept ? kept : strdup(is_opencl(d) ? "not yet" : "-");
}

static void fill_row(struct row *row, const struct clade_device *d)
{
    const size_t size = sizeof row->cell[0];
    char *tested = self_test(d);

    snprintf(row->cell[0], size, "%s", d->selector);
    snprintf(row->cell[1], size, "%s%s", type_name[d->type],
             d->emulated ? " (emulated)" : "");
    snprintf(row->cell[2], size, "%d", d->units);
    snprintf(row->cell[3], size, "%s", tool_bytes(d->memory));
    snprintf(row->cell[4], size, "%s / %s", d->platform, d->name);
    snprintf(row->cell[5], size, "%s", d->driver);
    snprintf(row->cell[6], size, "%s", tested ? tested : "");
    snprintf(row->cell[7], size, "%s", *d->extensions ? d->extensions : "-");
    free(tested);
}

static void print_row(const struct row *row, const int width[])
{
    for (int i = 0; i + 1 < COLUMNS; i++)
        printf("%-*s  ", width[i], row->cell[i]);
    puts(row->cell[COLUMNS - 1]);
}

static void print_table(const struct clade_device *list, int count)
{
    int width[COLUMNS] = { 0 };
    struct row row;

    for (int d = -1; d < count; d++) {
        for (int i = 0; i < COLUMNS; i++)
            snprintf(row.cell[i], sizeof row.cell[i], "%s", titles[i]);
        if (d >= 0)
            fill_row(&row, &list[d]);
        for (int i = 0; i < COLUMNS; i++)
            if (width[i] < (int)strlen(row.cell[i]))
                width[i] = (int)strlen(row.cell[i]);
    }
    for (int i = 0; i < COLUMNS; i++)
        snprintf(row.cell[i], sizeof row.cell[i], "%s", titles[i]);
    print_row(&row, width);
    for (int d = 0; d < count; d++) {
        fill_row(&row, &list[d]);
        print_row(&row, width);
    }
}

const char *tool_float_config(const struct clade_device *d, int i)
{
    static const char *const bits[] = {
        "denorm",           "inf-nan",
        "round-to-nearest", "round-to-zero",
        "round-to-inf",     "fma",
        "soft-float",       "correctly-rounded-divide-sqrt",
    };

    for (size_t bit = 0; bit < COUNT_OF(bits); bit++)
        if (d->float_config >> bit & 1 && i-- == 0)
            return bits[bit];
    return NULL;
}

static json_t *float_config(const struct clade_device *d)
{
    json_t *array = json_array();
    const char *name;

    for (int i = 0; (name = tool_float_config(d, i)); i++)
        json_array_append_new(array, json_string(name));
    return array;
}

json_t *tool_device_json(const struct clade_device *d)
{
    return json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i, s:i, "
        "s:b, s:b, s:b, s:b, s:b, s:o}",
        "selector", d->selector, "platform", d->platform, "name", d->name,
        "vendor", d->vendor, "driver", d->driver, "version", d->version,
        "extensions", d->extensions, "type", type_name[d->type], "memory",
        (json_int_t)d->memory, "max_alloc", (json_int_t)d->max_alloc,
        "local_memory", (json_int_t)d->local_memory, "units", d->units,
        "vector_width", d->vector_width, "denormals", d->denormals,
        "unified_memory", d->unified, "embedded", d->embedded, "emulated",
        d->emulated, "fma", d->fma, "float_config", float_config(d));
}

/* What `devices` knows of a device: a JSON object, or NULL. */
static json_t *describe(const struct clade_device *d)
{
    json_t *object = tool_device_json(d);
    char *tested = self_test(d);

    if (object)
        json_object_set_new(object, "self_test",
                            is_opencl(d) && tested ? json_string(tested)
                                                   : json_null());
    free(tested);
    return object;
}

static clade_status print_json(const struct clade_device *list, int count)
{
    json_t *array = json_array();

    for (int i = 0; i < count; i++)
        if (json_array_append_new(array, describe(&list[i]))) {
            json_decref(array);
            array = NULL;
        }
    return tool_print_json(array);
}

static void say_how_to_install(void)
{
    fprintf(stderr,
            "clade: there is no OpenCL device; training would use the "
            "reference, which is slow.\n%s\n",
            device_drivers);
}

static clade_status list_devices(const void *given)
{
    const struct devices_options *o = given;
    struct clade_device *list;
    bool opencl = false;
    clade_status st;
    int count;

    if ((st = clade_devices(&list, &count)))
        return st;
    if (o->json)
        st = print_json(list, count);
    else
        print_table(list, count);
    for (int i = 0; i < count; i++)
        opencl |= is_opencl(&list[i]);
    if (!opencl)
        say_how_to_install();
    clade_devices_free(list);
    return st;
}

const struct tool_command cmd_devices = {
    .name = "devices",
    .summary = "List the devices, best first, with the --device text of each",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = list_devices,
};
