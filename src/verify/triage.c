/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a failure: the same case once more without the compiler's
 * optimisations, with other work-groups, by another algorithm, on another
 * device.  The driver is named only where these say so: the very kernel is
 * right on another device, and right on this one once it is compiled or
 * grouped differently.
 */
#include "verify/verify.h"

#include <stdio.h>
#include <string.h>

enum result { NOT_TRIED, PASSES, FAILS };

static const char *const words[] = { "not tried", "passes", "fails" };

struct triage {
    const struct verify_attempt *attempt;
    clade_backend *be;
    const char *algorithm;
    enum result unoptimised, regrouped, other_algorithm, elsewhere;
    char other_name[32], other_device[32];
};

static enum result try_on(const struct triage *t, clade_backend *be,
                          const char *algorithm)
{
    struct clade_verdict v;

    t->attempt->run(&v, t->attempt->arg, be, algorithm);
    return v.outcome == CLADE_PASSED ? PASSES : FAILS;
}

/* CLBlast compiles its kernels itself, as nothing here can change. */
static void try_unoptimised(struct triage *t)
{
    if (!t->be->build_options[0] || !strcmp(t->algorithm, "clblast"))
        return;
    t->be->unoptimised = true;
    t->unoptimised = try_on(t, t->be, t->algorithm);
    t->be->unoptimised = false;
}

static void try_regrouped(struct triage *t)
{
    t->be->group_items = 1;
    t->be->regrouped = 0;
    t->regrouped = try_on(t, t->be, t->algorithm);
    t->be->group_items = 0;
    if (!t->be->regrouped)
        t->regrouped = NOT_TRIED; /* its groups are what they must be */
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

/* The best device of another platform that has the same algorithm. */
static void try_elsewhere(struct triage *t)
{
    const struct clade_device *here = clade_backend_device(t->be);
    struct clade_device *list;
    clade_backend *be;
    int n;

    if (clade_devices(&list, &n))
        return;
    for (int i = 0; i < n && t->elsewhere == NOT_TRIED; i++) {
        const char *names[VERIFY_ALGORITHMS_MAX];
        int known;

        if (!strcmp(list[i].platform, here->platform) ||
            clade_backend_open(&be, list[i].selector))
            continue;
        known = clade_backend_algorithms(be, t->attempt->op, names,
                                         VERIFY_ALGORITHMS_MAX);
        for (int a = 0; a < known && a < VERIFY_ALGORITHMS_MAX; a++)
            if (!strcmp(names[a], t->algorithm))
                t->elsewhere = try_on(t, be, t->algorithm);
        snprintf(t->other_device, sizeof(t->other_device), "%s",
                 list[i].selector);
        clade_backend_close(be);
    }
    clade_devices_free(list);
}

static const char *suspect(const struct triage *t)
{
    if (t->elsewhere == FAILS)
        return "the kernel: it fails elsewhere, too";
    if (t->elsewhere == PASSES &&
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
             "suspect: %s",
             words[t.unoptimised], words[t.regrouped],
             t.other_name[0] ? t.other_name : "another algorithm",
             words[t.other_algorithm], t.algorithm,
             t.elsewhere ? t.other_device : "another platform",
             words[t.elsewhere], suspect(&t));
}
