/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does verify catch faults?  Each fault of mutants-list.c is put into the
 * driver of the device under test (CLADE_TEST_DEVICE, or the best OpenCL
 * device).  With the fault, the checks that the list names must fail; without
 * it, everything must pass.
 *
 * An argument selects the faults with that text in their name.  If
 * CLADE_MUTANTS_TABLE is set, the table is written to that file.
 */
#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "folder.h"
#include "mutants.h"
#include "tap.h"
#include "tested.h"
#include "verify/verify.h"

static const char *device;
static struct op_cases cases;

/* ---- which checks caught a fault ----------------------------------------- */

const char *check_names(unsigned checks)
{
#define CHECK_NAME(id, name) name,
    static const char *const names[CHECKS] = { CHECK_LIST(CHECK_NAME) };
#undef CHECK_NAME
    static char text[512];

    text[0] = '\0';
    for (int i = 0; i < CHECKS; i++)
        if (checks & 1u << i) {
            strcat(text, text[0] ? ", " : "");
            strcat(text, names[i]);
        }
    return text;
}

/* The checks that a wrong value fails.  Where bits are compared, the kind of
 * data tells which; elsewhere it is one or both of the bounds.  The score is
 * the error over the smaller bound. */
static unsigned checks_of_values(const struct clade_verdict *v)
{
    const double hard = v->depth + 2, alarm = 9 * sqrt(v->depth);
    const double least = hard < alarm ? hard : alarm;

    if (!strcmp(v->gate, "bits"))
        return strstr(v->data, "wide")       ? BY(WIDE)
               : strstr(v->data, "position") ? BY(POSITION)
               : strstr(v->data, "exact")    ? BY(EXACT)
               : strstr(v->data, "nines")    ? BY(NINES)
                                             : BY(BITS);
    if (!strstr(v->gate, "alarm"))
        return BY(HARD);
    return (v->score > hard / least ? BY(HARD) : 0) |
           (v->score > alarm / least ? BY(ALARM) : 0);
}

/* The limit of the RMS; a transformed sum has at least 16 terms here. */
static double rms_limit(const struct clade_verdict *v)
{
    return !strcmp(v->algorithm, "winograd") ? 0.1 : 2;
}

static unsigned checks_of(const struct clade_verdict *v)
{
    unsigned checks = 0;

    if (v->outcome == CLADE_MISTRUSTED)
        return BY(MISTRUSTED);
    if (!strcmp(v->op, "step"))
        return BY(UNWATCHED);
    if (v->layer[0])
        return BY(LOCKSTEP);
    if (strstr(v->message, "the same work differ"))
        checks |= BY(REPEAT);
    if (strstr(v->message, "from its cached binary"))
        checks |= BY(CACHED);
    if (strstr(v->message, "it wrote") || strstr(v->message, "its input"))
        checks |= BY(GUARD);
    if (!(v->score <= 1))
        checks |= checks_of_values(v);
    if (strstr(v->gate, "rms") && v->rms > rms_limit(v))
        checks |= BY(RMS);
    return checks ? checks : BY(ERROR);
}

void result_add(void *arg, const struct clade_verdict *v)
{
    struct result *r = arg;
    const unsigned by = v->outcome == CLADE_PASSED ? 0 : checks_of(v);

    for (int i = 0; i < CHECKS; i++)
        if (by & ~r->caught & 1u << i)
            r->first[i] = *v;
    r->caught |= by;
    r->judged++;
}

static void add_error(struct result *r)
{
    struct clade_verdict *v = &r->first[CHECK_ERROR];

    snprintf(v->message, sizeof v->message, "%s", clade_error());
    r->caught |= BY(ERROR);
}

/* ---- with and without a fault -------------------------------------------- */

static void judge_ops(struct result *r, clade_backend *be,
                      const struct mutant *m)
{
    const struct clade_verify_ops options = { .algorithm = m->algorithm,
                                              .report = result_add,
                                              .arg = r };
    struct clade_verify_summary summary = { 0 };

    for (int i = 0; i < cases.count; i++)
        if (!strncmp(cases.list[i].name, m->cases, strlen(m->cases)) &&
            verify_case(&summary, be, &cases.list[i], &options))
            add_error(r);
}

static void judge_step(struct result *r, clade_backend *be)
{
    const struct clade_verify_step options = {
        .batch = 1, .seed = 1, .report = result_add, .arg = r
    };
    struct clade_verify_summary summary;
    const clade_status st = clade_verify_step(&summary, be, &options);

    if (st && st != CLADE_EBOUND)
        add_error(r);
}

static void add_distance(struct result *r, enum check check,
                         const struct clade_distance *d)
{
    struct clade_verdict v = { .got = d->distance, .want = d->limit };

    r->judged++;
    if (d->passed || r->caught & 1u << check)
        return;
    snprintf(v.name, sizeof v.name, "%s", d->name);
    r->first[check] = v;
    r->caught |= 1u << check;
}

static void add_to_record(void *arg, const struct clade_distance *d)
{
    add_distance(arg, CHECK_RECORD, d);
}

static void add_to_training(void *arg, const struct clade_distance *d)
{
    add_distance(arg, CHECK_ENVELOPE, d);
}

static void judge_training(struct result *r, clade_backend *be, int seed)
{
    const struct clade_verify_train options = {
        .seed = seed, .quick = true, .report = add_to_training, .arg = r
    };
    const clade_status st = clade_verify_train(be, &options);

    if (st && st != CLADE_EBOUND)
        add_error(r);
}

static void judge_record(struct result *r, clade_backend *be)
{
    const char *srcdir = getenv("SRCDIR");
    char file[4096];
    const struct clade_against options = {
        .file = file, .quick = true, .report = add_to_record, .arg = r
    };
    clade_status st;

    snprintf(file, sizeof file, "%s/tests/ref/keras-float64-b2-s5-seed1.json",
             srcdir ? srcdir : ".");
    st = clade_verify_against(be, &options);
    if (st && st != CLADE_EBOUND)
        add_error(r);
}

static clade_backend *open_device(void)
{
    clade_backend *be;

    if (clade_backend_open(&be, device))
        tap_bail("%s", clade_error());
    return be;
}

/* Clear CLBlast's own cache of programs, which outlives a backend. */
static void forget_clblast(void)
{
    int (*const clear)(void) =
        (int (*)(void))dlsym(RTLD_DEFAULT, "CLBlastClearCache");

    if (clear)
        clear();
}

/* Judge the mutant's cases with a fault, or without one (NULL).  Returns how
 * often the fault took effect. */
static int judge(struct result *r, const struct mutant *m,
                 const struct fault *fault)
{
    clade_backend *be = open_device();
    int effects = 0;

    *r = (struct result){ 0 };
    if (fault && !fault_begin(fault))
        tap_bail("%s", fault_error());
    if (!strcmp(m->cases, "step"))
        judge_step(r, be);
    else if (!strcmp(m->cases, "record"))
        judge_record(r, be);
    else if (!strncmp(m->cases, "train", 5))
        judge_training(r, be, strcmp(m->cases, "train") ? 2 : 1);
    else
        judge_ops(r, be, m);
    clade_backend_close(be);
    if (fault)
        effects = fault_end();
    return effects;
}

/* Fill a new cache with a driver that has the fault.  Then judge a driver
 * without it, which gets that cache. */
static int judge_stale(struct result *r, const struct mutant *m)
{
    static const struct fault later = { .stale = true };
    int effects;

    cache_begin();
    setenv("POCL_KERNEL_CACHE", "0", 1); /* use clade's own cache */
    judge(r, m, &m->fault);
    effects = judge(r, m, &later);
    unsetenv("POCL_KERNEL_CACHE");
    cache_end();
    return effects;
}

static void note_result(const struct result *r)
{
    for (int i = 0; i < CHECKS; i++)
        if (r->caught & 1u << i)
            tap_note("%s: %s: %s: got %g, want %g: %s", check_names(1u << i),
                     r->first[i].name, r->first[i].where, r->first[i].got,
                     r->first[i].want, r->first[i].message);
}

/* Do convolutions have this algorithm here?  NULL stands for any. */
static bool has_algorithm(const char *name)
{
    struct verify_host *host;
    const char *list[8];
    bool has = !name;
    clade_backend *be = open_device();
    int n;

    if (verify_host_new(&host, &cases.list[0]))
        tap_bail("%s", clade_error());
    n = clade_backend_algorithms(be, &host->op, list, 8);
    for (int i = 0; i < n && !has; i++)
        has = !strcmp(list[i], name);
    verify_host_free(host);
    clade_backend_close(be);
    return has;
}

static bool is_training(const struct mutant *m)
{
    return !strcmp(m->cases, "step") || !strcmp(m->cases, "record") ||
           !strncmp(m->cases, "train", 5);
}

/* Why the mutant cannot be tested on this device, or NULL. */
static const char *no_place(const struct mutant *m)
{
    clade_backend *be = open_device();
    const bool slow = clade_backend_device(be)->emulated && is_training(m);

    clade_backend_close(be);
    return slow                          ? "training is too slow here"
           : has_algorithm(m->algorithm) ? NULL
                                         : "no such algorithm here";
}

/* Test one mutant.  True if all checks that must see it do, and none sees
 * anything without it. */
static bool test(const struct mutant *m)
{
    struct result honest, faulty;
    int effects;

    judge(&honest, m, NULL);
    forget_clblast();
    effects =
        m->fault.stale ? judge_stale(&faulty, m) : judge(&faulty, m, &m->fault);
    forget_clblast();
    if (tap_ok(!honest.caught && honest.judged && effects &&
                   (faulty.caught & m->by) == m->by,
               "%s (%s): %s", m->name, m->how, check_names(faulty.caught)))
        return true;
    tap_note("%d verdicts, the fault took effect %d times; these checks must "
             "see it: %s",
             faulty.judged, effects, check_names(m->by));
    note_result(&faulty);
    if (honest.caught)
        tap_note("seen without the fault:");
    note_result(&honest);
    return false;
}

/* ---- the table ----------------------------------------------------------- */

static const char before_table[] =
    "# Mutants\n"
    "\n"
    "Does `clade verify` catch faults?  Drivers, compilers and libraries have\n"
    "had faults like these.  The test makes one at a time, between clade and\n"
    "the driver (`tests/faults.c`); the library is the one that gets\n"
    "installed.  Without the fault, the cases in the third column must pass.\n"
    "With it, every check in the last column must fail; others may fail, too.\n"
    "`consistency.md` explains the checks.  `make check-mutants` runs all\n"
    "this and writes this table.\n"
    "\n"
    "| fault | how it is made | where it must show | caught by |\n"
    "|---|---|---|---|\n";
static const char after_table[] =
    "\n"
    "Trainings that are wrong as a whole (another momentum, swapped kernels,\n"
    "a skipped image) are tested by `tests/verify-trainings.c`, a part of\n"
    "`make check`; and so are drivers that kill their process in a build, in\n"
    "a launch or in clFinish, or never come back, by `tests/verify-deaths.c`.\n"
    "`tests/verify-winograd.c` has more faults of transforms.\n";

static void write_line(FILE *f, const struct mutant *m)
{
    fprintf(f, "| %s | %s | `%s`%s%s | %s |\n", m->name, m->how, m->cases,
            m->algorithm ? ", " : "", m->algorithm ? m->algorithm : "",
            check_names(m->by));
}

static void write_table(const char *file)
{
    FILE *f = fopen(file, "w");

    if (!f)
        tap_bail("%s: cannot be written", file);
    fputs(before_table, f);
    for (const struct mutant *m = mutants; m < mutants + n_mutants; m++)
        write_line(f, m);
    write_line(f, &control);
    fputs(after_table, f);
    if (fclose(f))
        tap_bail("%s: cannot be written", file);
}

int main(int argc, char **argv)
{
    const char *file = getenv("CLADE_MUTANTS_TABLE");
    clade_backend *be;
    const char *only = argc > 1 ? argv[1] : "";
    bool all = true;

    device = tested_name();
    if (!strcmp(only, "--control"))
        return control_child(device);
    be = tested_need();
    if (strncmp(clade_backend_device(be)->selector, "opencl", 6))
        tap_skip_all("the reference has no driver");
    clade_backend_close(be);
    if (verify_cases_quick(&cases))
        tap_bail("%s", clade_error());
    tap_plan(n_mutants + 1);
    for (const struct mutant *m = mutants; m < mutants + n_mutants; m++) {
        const char *why = strstr(m->name, only) ? no_place(m) : "not asked for";

        if (why)
            tap_skip("%s (%s): %s", m->name, m->how, why);
        else
            all &= test(m);
    }
    if (*only || no_place(&control))
        tap_skip("%s: not possible here, or not asked for", control.name);
    else
        all &= control_test(argv[0]);
    if (all && file && !*only)
        write_table(file);
    free(cases.list);
    return tap_done();
}
