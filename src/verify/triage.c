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

enum result { NOT_TRIED, PASSES, FAILS };

static const char *const words[] = { "not tried", "passes", "fails" };

struct triage {
    const struct verify_attempt *attempt;
    clade_backend *be;
    const char *algorithm;
    enum result unoptimised, regrouped, other_algorithm, elsewhere, simulated;
    char other_name[32], other_device[32];
};

/* If it cannot be run, nothing is judged, so it counts as not tried. */
static enum result try_on(const struct triage *t, clade_backend *be,
                          const char *algorithm)
{
    struct clade_verdict v;

    t->attempt->run(&v, t->attempt->arg, be, algorithm);
    if (v.outcome == CLADE_PASSED)
        return PASSES;
    return v.judged ? FAILS : NOT_TRIED;
}

/* A library that builds its own kernels does not see the option: not tried. */
static void try_unoptimised(struct triage *t)
{
    struct backend_debug debug = { .unoptimised = true };

    if (!t->be->build_options[0])
        return;
    t->be->debug = &debug;
    t->unoptimised = try_on(t, t->be, t->algorithm);
    t->be->debug = NULL;
    if (debug.foreign)
        t->unoptimised = NOT_TRIED;
}

static void try_regrouped(struct triage *t)
{
    struct backend_debug debug = { .group_items = 1 };

    t->be->debug = &debug;
    t->regrouped = try_on(t, t->be, t->algorithm);
    t->be->debug = NULL;
    if (!debug.regrouped)
        t->regrouped = NOT_TRIED; /* no group has a size that can change */
}

static void try_other_algorithm(struct triage *t)
{
    const char *list[VERIFY_ALGORITHMS_MAX];
    const int n = clade_backend_algorithms(t->be, t->attempt->op, list,
                                           VERIFY_ALGORITHMS_MAX);

    for (int i = 0; i < n && i < VERIFY_ALGORITHMS_MAX; i++) {
        if (!strcmp(list[i], t->algorithm))
            continue;
        t->other_algorithm = try_on(t, t->be, list[i]);
        snprintf(t->other_name, sizeof(t->other_name), "%s", list[i]);
        return;
    }
}

/* Try the same algorithm on another device, if that has it. */
static enum result try_device(const struct triage *t, const char *device)
{
    const char *names[VERIFY_ALGORITHMS_MAX];
    enum result result = NOT_TRIED;
    clade_backend *be;
    int n;

    if (clade_backend_open(&be, device))
        return NOT_TRIED;
    n = clade_backend_algorithms(be, t->attempt->op, names,
                                 VERIFY_ALGORITHMS_MAX);
    for (int i = 0; i < n && i < VERIFY_ALGORITHMS_MAX; i++)
        if (!strcmp(names[i], t->algorithm))
            result = try_on(t, be, t->algorithm);
    clade_backend_close(be);
    return result;
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
        *result = try_device(t, list[i].selector);
        if (!simulator)
            snprintf(t->other_device, sizeof(t->other_device), "%s",
                     list[i].selector);
    }
    clade_devices_free(list);
}

static const char *suspect(const struct triage *t)
{
    if (t->elsewhere == FAILS || t->simulated == FAILS)
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
                        .algorithm = v->algorithm };

    if (v->outcome != CLADE_FAILED || !v->algorithm)
        return;
    try_unoptimised(&t);
    try_regrouped(&t);
    try_other_algorithm(&t);
    try_elsewhere(&t);
    snprintf(v->triage, sizeof(v->triage),
             "-cl-opt-disable: %s; groups of one: %s; %s: %s; %s on %s: %s; "
             "Oclgrind: %s; suspect: %s",
             words[t.unoptimised], words[t.regrouped],
             t.other_name[0] ? t.other_name : "another algorithm",
             words[t.other_algorithm], t.algorithm,
             t.elsewhere ? t.other_device : "another platform",
             words[t.elsewhere], words[t.simulated], suspect(&t));
}
