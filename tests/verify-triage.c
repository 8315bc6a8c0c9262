/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whom the triage of a failure suspects, for each way in which the case may
 * pass or fail when it is run again.  Here, a table says which does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "tested.h"
#include "verify/verify.h"

/* The platforms that must be there besides the device's. */
enum others { NONE, ANY, BOTH };

/* Where a case passes that fails on the device as it is. */
struct world {
    bool unoptimised, other_algorithm; /* on the device */
    bool elsewhere, simulated;         /* on other platforms; in Oclgrind */
    bool runs;                         /* whether it can be run there at all */
    enum others needs;
    const char *suspect, *why;
};

/* clang-format off */
static const struct world worlds[] = {
    { .runs = true, .elsewhere = true, .simulated = true,
      .suspect = "not decided", .why = "the compiler's options don't matter" },
    { .unoptimised = true,
      .suspect = "not decided", .why = "it can be run on no other platform" },
    { .unoptimised = true, .other_algorithm = true, .runs = true, .needs = ANY,
      .suspect = "the kernel", .why = "it passes on no other platform" },
    { .unoptimised = true, .elsewhere = true, .simulated = true, .runs = true,
      .needs = ANY,
      .suspect = "the driver", .why = "it passes on all, and unoptimised" },
    { .unoptimised = true, .elsewhere = true, .simulated = true, .runs = true,
      .other_algorithm = true, .needs = ANY,
      .suspect = "the driver", .why = "another algorithm decides nothing" },
    { .unoptimised = true, .elsewhere = true, .runs = true, .needs = BOTH,
      .suspect = "the kernel", .why = "Oclgrind alone says no" },
};
/* clang-format on */
enum { WORLDS = sizeof(worlds) / sizeof(*worlds) };

static const clade_backend *here;

static bool is_simulator(const struct clade_device *d)
{
    return strstr(d->platform, "Oclgrind") != NULL;
}

static void run(struct clade_verdict *v, void *arg, clade_backend *be,
                const char *algorithm)
{
    const struct world *w = arg;
    bool passes = is_simulator(&be->device) ? w->simulated : w->elsewhere;

    if (be == here && !strcmp(algorithm, "direct"))
        passes = be->debug && be->debug->unoptimised && w->unoptimised;
    else if (be == here)
        passes = w->other_algorithm;
    *v = (struct clade_verdict){ .judged = be == here || w->runs };
    v->outcome = passes && v->judged ? CLADE_PASSED : CLADE_FAILED;
}

/* Which of the platforms that may be needed are there. */
static enum others others(void)
{
    bool found[2] = { false };
    struct clade_device *list;
    int n;

    if (clade_devices(&list, &n))
        tap_bail("%s", clade_error());
    for (int i = 0; i < n; i++)
        if (!strncmp(list[i].selector, "opencl", 6) &&
            strcmp(list[i].platform, here->device.platform))
            found[is_simulator(&list[i])] = true;
    clade_devices_free(list);
    return found[0] && found[1] ? BOTH : found[0] || found[1] ? ANY : NONE;
}

static void test_world(struct world w, clade_backend *be,
                       const struct clade_op *op)
{
    const struct verify_attempt attempt = {
        .op = op, .run = run, .arg = &w, .watch = &verify_unwatched
    };
    struct clade_verdict v = { .outcome = CLADE_FAILED, .algorithm = "direct" };
    char suspect[40];

    snprintf(suspect, sizeof(suspect), "suspect: %s", w.suspect);
    verify_triage(&v, be, &attempt);
    tap_ok(strstr(v.triage, suspect) != NULL, "%s: %s", w.why, v.triage);
}

int main(void)
{
    struct verify_host *host;
    struct op_cases cases;
    enum others there;
    clade_backend *be = tested_need();

    if (!be->build_options[0])
        tap_skip_all("the reference has no driver to be at fault");
    if (verify_cases_quick(&cases) || verify_host_new(&host, &cases.list[0]))
        tap_bail("%s", clade_error());
    here = be;
    there = others();
    tap_plan(WORLDS);
    for (int i = 0; i < WORLDS; i++)
        if (worlds[i].needs <= there)
            test_world(worlds[i], be, &host->op);
        else
            tap_skip("%s: no %s", worlds[i].why,
                     worlds[i].needs == BOTH ? "Oclgrind and a third platform"
                                             : "other platform");
    verify_host_free(host);
    free(cases.list);
    clade_backend_close(be);
    return tap_done();
}
