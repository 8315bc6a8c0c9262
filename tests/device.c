/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which device a text selects, from the list of an invented machine with many
 * devices.
 */
#include <limits.h>
#include <string.h>

#include "device.h"
#include "tap.h"

/* clang-format off */
static const struct clade_device machine[] = {
    { .selector = "cpu", .platform = "reference", .name = "processors, float32",
      .rank = INT_MIN + 2 },
    { .selector = "cpu64", .platform = "reference", .name = "processors, float64",
      .rank = INT_MIN + 1 },
    { .selector = "opencl:0:0", .platform = "Clover", .name = "Radeon RX 580",
      .type = CLADE_DEVICE_GPU, .rank = 5036 },
    { .selector = "opencl:1:0", .platform = "Oclgrind", .name = "Simulator",
      .type = CLADE_DEVICE_GPU, .emulated = true, .rank = 1001 },
    { .selector = "opencl:2:0", .platform = "rusticl", .name = "Radeon RX 580",
      .type = CLADE_DEVICE_GPU, .rank = 5036 },
    { .selector = "opencl:2:1", .platform = "rusticl", .name = "Radeon RX 580X",
      .type = CLADE_DEVICE_GPU, .rank = 5020 },
    { .selector = "opencl:3:0", .platform = "Portable Computing Language",
      .name = "cpu-haswell-AMD", .type = CLADE_DEVICE_CPU, .rank = 4016 },
};
enum { N_MACHINE = sizeof(machine) / sizeof(*machine) };

static const struct {
    const char *text;
    const char *wanted; /* the selector; NULL: the call must fail */
    clade_status status;
    const char *why;
} cases[] = {
    { NULL, "opencl:0:0", CLADE_OK, "the best is the default; of two equal ones, the first platform's" },
    { "opencl", "opencl:0:0", CLADE_OK, "the best OpenCL device" },
    { "auto", "opencl:0:0", CLADE_OK, "the same, if one process asks" },
    { "gpu", "opencl:0:0", CLADE_OK, "the best GPU" },
    { "haswell", "opencl:3:0", CLADE_OK, "part of a device's name" },
    { "PORTABLE", "opencl:3:0", CLADE_OK, "part of a platform's name, in any case" },
    { "language / cpu", "opencl:3:0", CLADE_OK, "parts of both names" },
    { "rusticl / radeon rx 580", "opencl:2:0", CLADE_OK, "a whole name, with which another name begins" },
    { "float64", "cpu64", CLADE_OK, "part of the reference's name" },
    { "rx 580", NULL, CLADE_EAMBIGUOUS, "part of three devices' names" },
    { "", NULL, CLADE_EAMBIGUOUS, "part of all names" },
    { "GeForce", NULL, CLADE_ENODEVICE, "part of no name" },
};
enum { N_CASES = sizeof(cases) / sizeof(*cases) };
/* clang-format on */

static void test_cases(const struct clade_device *list)
{
    for (int i = 0; i < N_CASES; i++) {
        struct clade_device got = { .selector = "none" };
        const clade_status st =
            device_select(&got, list, N_MACHINE, cases[i].text);
        const char *wanted = cases[i].wanted ? cases[i].wanted : "none";

        tap_ok(st == cases[i].status && !strcmp(got.selector, wanted),
               "%s: %s: got %s, want %s",
               cases[i].text ? cases[i].text : "NULL", cases[i].why,
               got.selector, wanted);
    }
}

static void test_messages(const struct clade_device *list)
{
    struct clade_device got;

    device_select(&got, list, N_MACHINE, "rx 580");
    tap_ok(strstr(clade_error(), "opencl:2:1") &&
               !strstr(clade_error(), "Oclgrind"),
           "several match: the message lists these, and no others");
    device_select(&got, list, N_MACHINE, "GeForce");
    tap_ok(strstr(clade_error(), "GeForce") &&
               strstr(clade_error(), "Oclgrind / Simulator"),
           "none matches: the message lists all devices");
    /* the last three are the emulator and the reference's two */
    tap_ok(
        device_select(&got, list + N_MACHINE - 3, 3, "gpu") ==
                CLADE_ENODEVICE &&
            strstr(clade_error(), "intel-opencl-icd"),
        "an emulated GPU does not count, and the message says how to get one");
    tap_ok(device_select(&got, list + N_MACHINE - 2, 2, "opencl") ==
                   CLADE_ENODEVICE &&
               strstr(clade_error(), "pocl-opencl-icd"),
           "no OpenCL device: the message says how to get one");
    tap_ok(device_select(&got, list + N_MACHINE - 2, 2, "pocl") ==
                   CLADE_ENODEVICE &&
               strstr(clade_error(), "`pocl`") &&
               strstr(clade_error(), "pocl-opencl-icd"),
           "no OpenCL device, but one is named: so does that message");
    tap_ok(!device_select(&got, list + N_MACHINE - 2, 2, NULL) &&
               !strcmp(got.selector, "cpu"),
           "no OpenCL device, none named: the reference in float32");
}

int main(void)
{
    struct clade_device list[N_MACHINE];

    memcpy(list, machine, sizeof(list));
    device_sort(list, N_MACHINE);
    tap_plan(N_CASES + 6);
    test_cases(list);
    test_messages(list);
    return tap_done();
}
