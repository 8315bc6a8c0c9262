/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers that lack something: a compiler, a linker, large groups, an
 * attribute.  A driver with faults stands in front of the real one.  The device
 * is CLADE_TEST_DEVICE's, else the best one.
 */
#include "faults.h"
#include "folder.h"
#include "opencl/core.h"
#include "tap.h"
#include "tested.h"

#include <stdlib.h>
#include <string.h>

static const char *device_text;

static void begin(const struct fault *fault)
{
    if (!fault_begin(fault))
        tap_bail("%s", fault_error());
}

/* A device that cannot run programs is worse than the reference, and says why
 * it can't be opened. */
static void test_without(cl_device_info what, const char *message)
{
    static const cl_bool no = CL_FALSE;
    const struct fault fault = { .asked = what,
                                 .answer = &no,
                                 .answer_bytes = sizeof no };
    struct clade_device *list;
    clade_backend *be;
    clade_status st;
    int n;

    begin(&fault);
    if (clade_devices(&list, &n))
        tap_bail("%s", clade_error());
    tap_ok(!strcmp(list[0].selector, "cpu"), "%s: the best device is %s",
           message, list[0].selector);
    st = clade_backend_open(&be, device_text);
    tap_ok(st == CLADE_EDEVICE && strstr(clade_error(), message), "%s: %s",
           message, st ? clade_error() : "opened");
    fault_end();
    clade_devices_free(list);
}

static struct ocl_listed listed;

static void list(void *arg, const struct ocl_listed *launch)
{
    (void)arg;
    listed = *launch;
}

/* A group may be smaller along a dimension than it may be in all. */
static void test_small_groups(void)
{
    static const size_t items[] = { 4, 2, 1 };
    static const struct fault fault = { .asked = CL_DEVICE_MAX_WORK_ITEM_SIZES,
                                        .answer = items,
                                        .answer_bytes = sizeof items };
    const struct clade_op op = { .kind = CLADE_SGD };
    struct ocl_task *task = NULL;
    clade_backend *be;

    begin(&fault);
    if (clade_backend_open(&be, device_text) ||
        ocl_task_new(&task, (struct ocl *)be, &op))
        tap_bail("%s", clade_error());
    ((struct ocl *)be)->list = list;
    if (ocl_launch(task, &ocl_probe_text, "probe_sum", "-D VEC=1",
                   OCL_GRID(100, 100), NULL, 0))
        tap_bail("%s", clade_error());
    tap_ok(listed.items == 8 && fault_end(),
           "groups of 4 x 2 at most: %zu work-items", listed.items);
    ocl_task_free(be, (clade_task *)task);
    clade_backend_close(be);
}

/* clang 3 knows the hint to unroll a loop, but not in OpenCL 1.2. */
static void test_old_clang(void)
{
    static const struct fault fault = {
        .file = "prelude.cl",
        .find = "#pragma OPENCL FP_CONTRACT OFF\n",
        .replace = "#pragma OPENCL FP_CONTRACT OFF\n"
                   "#define __clang_major__ 3\n"
                   "#define opencl_unroll_hint reqd_work_group_size\n"
    };
    const struct clade_op op = { .kind = CLADE_SGD };
    struct ocl_task *task = NULL;
    clade_backend *be;
    clade_status st;

    if (clade_backend_open(&be, device_text))
        tap_bail("%s", clade_error());
    begin(&fault);
    if (!(st = ocl_task_new(&task, (struct ocl *)be, &op)))
        st = ocl_launch(task, &ocl_probe_text, "probe_sum", "-D VEC=1",
                        OCL_GRID(1, 1), NULL, 0);
    tap_ok(!st && fault_end(), "a compiler that refuses the hint: %s",
           st ? clade_error() : "not given");
    ocl_task_free(be, (clade_task *)task);
    clade_backend_close(be);
}

/* JSON takes only UTF-8: a name in Latin-1 must not cost the device its place
 * in a list or in a checkpoint. */
static void test_text(const char *name, const char *kept, const char *why)
{
    const struct fault fault = { .asked = CL_DEVICE_NAME,
                                 .answer = name,
                                 .answer_bytes = strlen(name) + 1 };
    struct clade_device d;

    begin(&fault);
    if (clade_device_find(&d, device_text))
        tap_bail("%s", clade_error());
    fault_end();
    tap_ok(!strcmp(d.name, kept), "%s: \"%.32s\"", why, d.name);
}

static void test_texts(void)
{
    char name[200], kept[200];

    test_text("G\xc3\xa9r\xc3\xa4t 2", "G\xc3\xa9r\xc3\xa4t 2",
              "UTF-8 is kept");
    test_text("G\xe9r\xe4t 2", "G?r?t 2", "Latin-1 becomes ASCII");
    memset(name, 'x', sizeof name);
    memset(kept, 'x', sizeof kept);
    memcpy(&name[126], "\xc3\xa9", 3);
    memcpy(&kept[126], "?", 2);
    test_text(name, kept, "a letter cut in two becomes ASCII");
}

int main(void)
{
    clade_backend *be = tested_need();
    const bool has_driver =
        !strncmp(clade_backend_device(be)->selector, "opencl", 6);

    device_text = tested_name();
    clade_backend_close(be);
    if (!has_driver)
        tap_skip_all("%s is no OpenCL device", device_text);
    tap_plan(9);
    cache_begin();
    test_without(CL_DEVICE_COMPILER_AVAILABLE, "no compiler");
    test_without(CL_DEVICE_LINKER_AVAILABLE, "no linker");
    test_small_groups();
    test_old_clang();
    test_texts();
    cache_end();
    return tap_done();
}
