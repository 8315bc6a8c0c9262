/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The positive control: a real fault.  CLBlast's kernel for large products
 * gives wrong results if GEMMK = 1 and MWG is not NWG (its issue 543).
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "mutants.h"
#include "opencl/opencl.h"
#include "tap.h"
#include "verify/verify.h"

const struct mutant control = {
    .name = "CLBlast's own fault (its issue 543)",
    .how = "parameters GEMMK 1, MWG 16, NWG 8 at 25088x128x256; no edit",
    .cases = "conv_fwd:32x28x28x256:1x1/1:28x28x128",
    .algorithm = "clblast",
    .by = BY(EXACT) | BY(DEFAULT),
};

/* CLBlastPrecisionSingle and the type of CLBlastOverrideParameters(), copied
 * from clblast_c.h, which may not be installed. */
enum { PRECISION_SINGLE = 32 };
typedef int override_fn(cl_device_id dev, const char *kernel, int precision,
                        size_t count, const char **names, const size_t *values);

/* Give CLBlast the parameters that show the fault: groups of 4 x 4 work-items.
 * (MWG = 8 with NWG = 16 would crash.) */
static bool override(const struct ocl *o)
{
    static const char *names[] = { "GEMMK", "KREG",  "KWG", "KWI",
                                   "MDIMA", "MDIMC", "MWG", "NDIMB",
                                   "NDIMC", "NWG",   "SA",  "SB",
                                   "STRM",  "STRN",  "VWM", "VWN" };
    static const size_t values[] = { 1, 1, 1, 1, 4, 4, 16, 4,
                                     4, 8, 0, 0, 0, 0, 1,  1 };
    override_fn *const call =
        (override_fn *)dlsym(RTLD_DEFAULT, "CLBlastOverrideParameters");

    return call && !call(o->dev, "Xgemm", PRECISION_SINGLE,
                         sizeof values / sizeof *values, names, values);
}

/* Does clade notice the fault by itself?  On a device that prefers CLBlast, as
 * a GPU does, it must then choose another algorithm and give a notice. */
static bool passed_over(clade_backend *be, const struct op_case *c)
{
    struct verify_host *host;
    struct clade_op op;
    const char *notices;
    bool found;

    if (verify_host_new(&host, c))
        return false;
    op = host->op;
    be->device.vector_width = 1;
    ((struct ocl *)be)->items[0] = 32; /* too few for `implicit` */
    found = !clade_backend_choose(be, &op, NULL) &&
            strcmp(op.choice.algorithm, control.algorithm);
    notices = clade_backend_notices(be);
    verify_host_free(host);
    return found && notices && strstr(notices, "wrongly");
}

/* Print the checks that saw the fault, as one number. */
int control_child(const char *device)
{
    const struct op_case c = { .kind = CLADE_CONV_FWD,
                               .n = 32,
                               .h = 28,
                               .w = 28,
                               .c = 256,
                               .p = 28,
                               .q = 28,
                               .k = 128,
                               .window = clade_window_valid(1, 1, 1) };
    struct result r = { 0 };
    const struct clade_verify_ops options = { .algorithm = control.algorithm,
                                              .report = result_add,
                                              .arg = &r };
    struct clade_verify_summary summary = { 0 };
    struct op_cases cases = { 0 };
    clade_backend *be;

    if (clade_backend_open(&be, device) || !override((struct ocl *)be) ||
        verify_cases_add(&cases, &c, 1u << DATA_EXACT) ||
        verify_case(&summary, be, &cases.list[0], &options))
        return 1;
    if (passed_over(be, &cases.list[0]))
        r.caught |= BY(DEFAULT);
    printf("%u\n", r.caught);
    free(cases.list);
    clade_backend_close(be);
    return 0;
}

bool control_test(const char *self)
{
    char command[4200];
    unsigned caught = 0;
    int status = -1;
    FILE *child;

    snprintf(command, sizeof command, "'%s' --control", self);
    cache_begin(); /* do not keep verdicts about these parameters */
    child = popen(command, "r");
    if (child) {
        if (fscanf(child, "%u", &caught) != 1)
            caught = 0;
        status = pclose(child);
    }
    cache_end();
    if (tap_ok(!status && (caught & control.by) == control.by, "%s (%s): %s",
               control.name, control.how, check_names(caught)))
        return true;
    tap_note("the child's status is %d; these checks must see it: %s", status,
             check_names(control.by));
    return false;
}
