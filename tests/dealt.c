/* SPDX-License-Identifier: Apache-2.0 */
/* Which device each process takes, on invented machines. */
#include "tool/dealt.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "tap.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static void test_own(void)
{
    static const struct {
        const char *list;
        int local;
        const char *own;
    } cases[] = {
        { "gpu", 0, "gpu" },          { "gpu", 5, "gpu" },
        { "gpu,portable", 0, "gpu" }, { "gpu,portable", 1, "portable" },
        { "gpu,portable", 2, "gpu" }, { "a,b,c", 2, "c" },
        { "a,b,c", 7, "b" },          { "a,,c", 1, "" },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *own = dealt_own(cases[i].list, cases[i].local);

        tap_ok(own && !strcmp(own, cases[i].own),
               "rank %d of a host takes \"%s\" of \"%s\"", cases[i].local, own,
               cases[i].list);
        free(own);
    }
}

/* clang-format off */
static const struct clade_device machine[] = {
    { .selector = "cpu", .platform = "reference", .rank = INT_MIN + 2 },
    { .selector = "cpu64", .platform = "reference", .rank = INT_MIN + 1 },
    { .selector = "opencl:3:0", .platform = "PoCL", .rank = 400016 },
    { .selector = "opencl:0:1", .platform = "NVIDIA", .rank = 500100 },
    { .selector = "opencl:0:0", .platform = "NVIDIA", .rank = 500132 },
    { .selector = "opencl:2:0", .platform = "rusticl", .rank = 200008,
      .emulated = true },
    { .selector = "opencl:1:0", .platform = "old", .rank = INT_MIN },
};
/* clang-format on */

/* What auto is for the devices of the machine whose bits are set. */
static clade_status auto_of(char **list, unsigned some)
{
    struct clade_device these[COUNT_OF(machine)];
    int count = 0;

    for (size_t i = 0; i < COUNT_OF(machine); i++)
        if (some >> i & 1)
            these[count++] = machine[i];
    device_sort(these, count);
    return dealt_auto(list, these, count);
}

static void test_auto(void)
{
    static const struct {
        unsigned some;
        const char *list, *why;
    } cases[] = {
        { 0x7f, "opencl:0:0,opencl:0:1,opencl:3:0",
          "the best first; not the reference, an emulator, what is unusable" },
        { 0x27, "opencl:3:0", "an emulator is no second device" },
        { 0x63, "opencl:2:0", "but it is taken if there is no other" },
    };
    char *list;

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (auto_of(&list, cases[i].some))
            tap_bail("%s", clade_error());
        tap_ok(!strcmp(list, cases[i].list), "%s: %s", cases[i].why, list);
        free(list);
    }
    tap_ok(auto_of(&list, 0x43) == CLADE_ENODEVICE &&
               strstr(clade_error(), "--device cpu") &&
               strstr(clade_error(), "apt-get"),
           "none: the message says what to do");
}

/* The real machine: as many as it has, whatever the environment says. */
static void test_device(void)
{
    struct dist dist;
    char *device;

    dist_alone(&dist);
    unsetenv("CLADE_DEVICE");
    tap_ok(!dealt_device(&device, NULL, &dist) && !device,
           "no text is the default");
    setenv("CLADE_DEVICE", "cpu64,cpu", 1);
    dist.local = 1; /* of a host with two */
    tap_ok(!dealt_device(&device, NULL, &dist) && !strcmp(device, "cpu"),
           "the environment's list is dealt, too");
    free(device);
    tap_ok(!dealt_device(&device, "cpu64", &dist) && !strcmp(device, "cpu64"),
           "a text comes before the environment");
    free(device);
    dist.local = 0;
    if (dealt_device(&device, "auto", &dist))
        tap_ok(strstr(clade_error(), "apt-get") != NULL,
               "auto finds no device here: %.40s", clade_error());
    else
        tap_ok(!strncmp(device, "opencl:", 7), "auto finds a device here: %s",
               device);
    free(device);
}

int main(void)
{
    tap_plan(8 + 4 + 4);
    test_own();
    test_auto();
    test_device();
    return tap_done();
}
