/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a failure, run the same case once more without the compiler's
 * optimisations, with other work-groups, by another algorithm, on another
 * platform's device, in Oclgrind.  The driver is named only where these say so:
 * the very kernel is right on other platforms, and right on this device once it
 * is compiled or grouped differently.
 *
 * What another algorithm does is reported but decides nothing.  Where it fails
 * on this device as well, the fault is in what the two share: the driver, or
 * the code that queues them.  Where it passes, the fault is in the one kernel:
 * in its source, or in what the compiler made of it.
 */
#include "verify/verify.h"

#include <stdio.h>
#include <string.h>

/* Oclgrind interprets some ten million operations a second; a case runs four
 * times. */
#define SIMULATED_MAX 2e7

/* An attempt that kills the judge fails. */
enum result { NOT_TRIED, PASSES, FAILS, DIES };

static const char *const words[] = { "not tried", "passes", "fails", "dies" };

struct triage {
    const struct verify_attempt *attempt;
    clade_backend *be;
    const struct clade_verdict *failed;
    const char *algorithm; /* of the failure; its choice, if it was asked for */
    enum result unoptimised, regrouped, other_algorithm, elsewhere, simulated;
    char name[32]; /* the algorithm's */
    char other_name[32], other_device[32];
};

/* A way to run the case again.  `to` is an algorithm or a device, or NULL. */
typedef void triage_run_fn(struct clade_verdict *v, const struct triage *t,
                           const char *to);

/* Run the case in a way, unless how that ends is known.  If it cannot be run,
 * nothing is judged, so it counts as not tried. */
static enum result try_it(const struct triage *t, triage_run_fn *run,
                          const char *how, const char *to)
{
    const struct verify_watch *watch = t->attempt->watch;
    struct clade_verdict v = *t->failed;
    enum verify_known known;
    char name[64];

    snprintf(name, sizeof(name), "%s%s%s", how, to ? " " : "", to ? to : "");
    known = watch->begin(watch->arg, &v, name);
    if (known == VERIFY_DIED)
        return DIES;
    if (known == VERIFY_RUN) {
        run(&v, t, to);
        watch->end(watch->arg, &v);
    }
    if (v.outcome == CLADE_PASSED && v.judged)
        return PASSES;
    return v.judged ? FAILS : NOT_TRIED;
}

static void run_on(struct clade_verdict *v, const struct triage *t,
                   clade_backend *be, const char *algorithm)
{
    t->attempt->run(v, t->attempt->arg, be, algorithm);
}

/* A library that builds its own kernels does not see the option: not tried. */
static void run_unoptimised(struct clade_verdict *v, const struct triage *t,
                            const char *to)
{
    struct backend_debug debug = { .unoptimised = true };

    (void)to;
    t->be->debug = &debug;
    run_on(v, t, t->be, t->algorithm);
    t->be->debug = NULL;
    if (debug.foreign)
        v->judged = 0;
}

/* If no group has a size that can change: not tried. */
static void run_regrouped(struct clade_verdict *v, const struct triage *t,
                          const char *to)
{
    struct backend_debug debug = { .group_items = 1 };

    (void)to;
    t->be->debug = &debug;
    run_on(v, t, t->be, t->algorithm);
    t->be->debug = NULL;
    if (!debug.regrouped)
        v->judged = 0;
}

static void run_algorithm(struct clade_verdict *v, const struct triage *t,
                          const char *algorithm)
{
    run_on(v, t, t->be, algorithm);
}

/* Run the same algorithm on another device, if that has it. */
static void run_elsewhere(struct clade_verdict *v, const struct triage *t,
                          const char *device)
{
    const char *names[VERIFY_ALGORITHMS_MAX];
    clade_backend *be;
    int n;

    v->judged = 0;
    if (clade_backend_open(&be, device))
        return;
    n = clade_backend_algorithms(be, t->attempt->op, names,
                                 VERIFY_ALGORITHMS_MAX);
    for (int i = 0; i < n && i < VERIFY_ALGORITHMS_MAX; i++)
        if (!strcmp(names[i], t->name))
            run_on(v, t, be, t->name);
    clade_backend_close(be);
}

/* Try the first that the case's data can judge. */
static void try_other_algorithm(struct triage *t)
{
    const char *list[VERIFY_ALGORITHMS_MAX];
    const int n = clade_backend_algorithms(t->be, t->attempt->op, list,
                                           VERIFY_ALGORITHMS_MAX);

    for (int i = 0; i < n && i < VERIFY_ALGORITHMS_MAX; i++) {
        if (!strcmp(list[i], t->name))
            continue;
        t->other_algorithm = try_it(t, run_algorithm, "algorithm", list[i]);
        snprintf(t->other_name, sizeof(t->other_name), "%s", list[i]);
        if (t->other_algorithm != NOT_TRIED)
            return;
    }
}

/* Count an op's operations and the elements that it moves. */
static double operations_of(const struct clade_op *op)
{
    double n = clade_op_flops(op);

    for (int role = 0; role < CLADE_ROLES; role++)
        if (op->t[role].buffer)
            n += 10.0 * (double)clade_tensor_elements(&op->t[role]);
    return n;
}

/* Try the best device of another platform that has the same algorithm, and
 * Oclgrind, if it is a platform and the case is small. */
static void try_elsewhere(struct triage *t)
{
    const char *here = clade_backend_device(t->be)->platform;
    const bool small = operations_of(t->attempt->op) <= SIMULATED_MAX;
    struct clade_device *list;
    int n;

    if (clade_devices(&list, &n))
        return;
    for (int i = 0; i < n; i++) {
        const bool simulator = strstr(list[i].platform, "Oclgrind") != NULL;
        enum result *result = simulator ? &t->simulated : &t->elsewhere;

        if (!strcmp(list[i].platform, here) || *result != NOT_TRIED ||
            (simulator && !small))
            continue;
        *result = try_it(t, run_elsewhere, "device", list[i].selector);
        if (!simulator)
            snprintf(t->other_device, sizeof(t->other_device), "%s",
                     list[i].selector);
    }
    clade_devices_free(list);
}

static bool fails(enum result result)
{
    return result == FAILS || result == DIES;
}

static const char *suspect(const struct triage *t)
{
    if (fails(t->elsewhere) || fails(t->simulated))
        return "the kernel: it fails elsewhere, too";
    if ((t->elsewhere == PASSES || t->simulated == PASSES) &&
        (t->unoptimised == PASSES || t->regrouped == PASSES))
        return "the driver";
    return "not decided by this";
}

void verify_triage(struct clade_verdict *v, clade_backend *be,
                   const struct verify_attempt *attempt)
{
    struct triage t = { .attempt = attempt,
                        .be = be,
                        .failed = v,
                        .algorithm =
                            attempt->choice ? attempt->choice : v->algorithm };

    if (v->outcome != CLADE_FAILED || !v->algorithm)
        return;
    snprintf(t.name, sizeof(t.name), "%.*s", (int)strcspn(v->algorithm, ":"),
             v->algorithm);
    if (be->build_options[0])
        t.unoptimised = try_it(&t, run_unoptimised, "unoptimised", NULL);
    t.regrouped = try_it(&t, run_regrouped, "groups of one", NULL);
    try_other_algorithm(&t);
    try_elsewhere(&t);
    snprintf(v->triage, sizeof(v->triage),
             "-cl-opt-disable: %s; groups of one: %s; %s: %s; %s on %s: %s; "
             "Oclgrind: %s; suspect: %s",
             words[t.unoptimised], words[t.regrouped],
             t.other_name[0] ? t.other_name : "another algorithm",
             words[t.other_algorithm], t.name,
             t.elsewhere ? t.other_device : "another platform",
             words[t.elsewhere], words[t.simulated], suspect(&t));
}
