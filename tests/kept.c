/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A net keeps an earlier net's algorithms, so that a run that resumes computes
 * as it began, whatever would be chosen now.  The device is
 * CLADE_TEST_DEVICE's, else the best one.
 */
#include "net/net.h"
#include "tap.h"

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
    tap_ok(!strcmp(first_product(net)->algorithm, want),
           "conv1 was %s and is now %s: %s", choice, want,
           first_product(net)->algorithm);
    tap_ok(strstr(clade_net_algorithms(net), want) != NULL,
           "what the net lists says so");
    clade_net_free(net);
}

int main(void)
{
    const char *name = getenv("CLADE_TEST_DEVICE"), *names[4];
    clade_backend *be;
    clade_net *net;
    int n;

    if (clade_backend_open(&be, name ? name : "opencl"))
        tap_skip_all("no device: %s", clade_error());
    if (clade_backend_device(be)->emulated)
        tap_skip_all("too slow to plan three nets");
    net = net_with(be, NULL);
    n = clade_backend_algorithms(be, first_product(net), names, 4);
    clade_net_free(net);
    tap_plan(2 * (n + 1));
    for (int i = 0; i < n; i++)
        test(be, names[i], names[i]);
    test(be, "forgotten", names[0]);
    clade_backend_close(be);
    return tap_done();
}
