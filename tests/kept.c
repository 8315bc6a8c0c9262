/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net keeps an earlier net's algorithms, so that a run that resumes computes
 * as it began, whatever would be chosen now.  The device is
 * CLADE_TEST_DEVICE's, else the best one.
 */
#include "backend.h"
#include "net/net.h"
#include "tap.h"
#include "tested.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct clade_op *first_product(const clade_net *net)
{
    const struct plan *plan = net_plan(net, 1, false);
    int i = plan->phase[PLAN_FORWARD];

    while (plan->ops[i].kind != CLADE_CONV_FWD)
        i++;
    return &plan->ops[i];
}

static clade_net *net_with(clade_backend *be, const char *algorithms)
{
    struct clade_net_config c = CLADE_NET_DEFAULTS;
    clade_net *net;

    c.eval_batch = 1;
    c.algorithms = algorithms;
    if (clade_net_new(&net, be, &c))
        tap_bail("%s", clade_error());
    return net;
}

/* The same op in a net that was told another's choices. */
static void test(clade_backend *be, const char *choice, const char *want)
{
    char table[128];
    clade_net *net;

    snprintf(table, sizeof table, "{\"conv1/conv_fwd/1\":\"%s\"}", choice);
    net = net_with(be, table);
    tap_ok(!strcmp(first_product(net)->choice.algorithm, want),
           "conv1 was %s and is now %s: %s", choice, want,
           first_product(net)->choice.algorithm);
    tap_ok(strstr(clade_net_algorithms(net), want) != NULL,
           "what the net lists says so");
    clade_net_free(net);
}

/* All of a net's choices, tuning included, in a net that is told them. */
static void test_whole(clade_backend *be)
{
    clade_net *net = net_with(be, NULL), *again;

    again = net_with(be, clade_net_algorithms(net));
    tap_ok(!strcmp(clade_net_algorithms(net), clade_net_algorithms(again)),
           "a net's choices are another's that is told them");
    clade_net_free(again);
    clade_net_free(net);
}

/* Is FMA() as a net was told that another one had it, and listed so? */
static bool fuses(clade_backend *be, bool fma)
{
    const char *told = fma ? "{\"fma\":true}" : "{\"fma\":false}";
    clade_net *net = net_with(be, told);
    bool good = clade_backend_device(be)->fma == fma &&
                !strncmp(clade_net_algorithms(net), told, strlen(told) - 1);

    clade_net_free(net);
    return good;
}

static void test_fma(clade_backend *be)
{
    const bool was = clade_backend_device(be)->fma;
    struct backend_debug debug = { .programs = 0 };
    int other;

    if (!*be->build_options) { /* nothing that fuses */
        tap_ok(!fuses(be, !was), "the reference's fma is no choice");
        return;
    }
    be->debug = &debug;
    tap_ok(fuses(be, !was) && strstr(be->build_options, "USE_FMA="),
           "fma was %d and is now %d: %s", was, !was, be->build_options);
    other = debug.programs;
    tap_ok(other > 0, "which builds programs anew: %d", other);
    tap_ok(fuses(be, was) && debug.programs == other,
           "the first ones are still there");
    be->debug = NULL;
}

int main(void)
{
    const char *names[4];
    char never[CLADE_CHOICE_TEXT];
    clade_backend *be = tested_need();
    clade_net *net;
    int n;

    if (clade_backend_device(be)->emulated)
        tap_skip_all("too slow to plan three nets");
    net = net_with(be, NULL);
    n = clade_backend_algorithms(be, first_product(net), names, 4);
    clade_net_free(net);
    tap_plan(2 * (n + 2) + 1 + (*be->build_options ? 3 : 1));
    for (int i = 0; i < n; i++)
        test(be, names[i], names[i]);
    test(be, "forgotten", names[0]);
    snprintf(never, sizeof never, "%s:9,9,9,9,9,9,9,9", names[0]);
    test(be, never, names[0]); /* a tuning that is not offered */
    test_whole(be);
    test_fma(be);
    clade_backend_close(be);
    return tap_done();
}
