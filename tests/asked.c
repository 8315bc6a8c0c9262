/* SPDX-License-Identifier: Apache-2.0 */
/* A net for which an algorithm is asked for that can run some ops only: here
 * the reference has `winograd` for windows of 3x3 and 5x5. */
#include "net/net.h"

#include <stdio.h>
#include <string.h>

#include "net/plan.h"
#include "op/op.h"
#include "soft.h"
#include "status.h"
#include "tap.h"

static void leave(const struct clade_op *op)
{
    (void)op;
}

static clade_status net_of(clade_net **net, clade_backend *be,
                           const char *algorithm)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.algorithm = algorithm;
    config.train_batch = config.eval_batch = 1;
    return clade_net_new(net, be, &config);
}

/* How many products a net has, and how many are wrong: they lack the algorithm
 * though they can have it, or have it though they cannot. */
static void count(int *products, int *able, int *wrong, const clade_net *net)
{
    const struct plan *plans[] = { net_plan(net, 1, true),
                                   net_plan(net, 1, false) };

    *products = *able = *wrong = 0;
    for (int p = 0; p < 2; p++)
        for (int i = 0; i < plans[p]->phase[PLAN_PHASES]; i++) {
            const struct clade_op *op = &plans[p]->ops[i];
            const bool can = (op->window.r == 3 || op->window.r == 5) &&
                             op->window.stride == 1;

            if (!op_is_product(op->kind))
                continue;
            *able += can;
            *products += 1;
            *wrong += can != !strcmp(op->choice.algorithm, "winograd");
        }
}

static void test_some(clade_backend *be)
{
    int products, able, wrong;
    char said[128];
    const char *notices;
    clade_net *net;

    if (net_of(&net, be, "winograd"))
        tap_bail("%s", clade_error());
    count(&products, &able, &wrong, net);
    tap_ok(able > 50 && able < products && !wrong,
           "%d of %d products have it, as far as they can; %d are wrong", able,
           products, wrong);
    snprintf(said, sizeof(said), "cannot run %d of googlenet-cifar10's %d ",
             products - able, products);
    notices = clade_backend_notices(be);
    tap_ok(notices && strstr(notices, said) && !strchr(notices, '\n'),
           "one notice: %s", notices ? notices : "none");
    clade_net_free(net);
    if (net_of(&net, be, "winograd"))
        tap_bail("%s", clade_error());
    tap_ok(!clade_backend_notices(be), "no other notice for another net");
    clade_net_free(net);
}

static void test_all(clade_backend *be)
{
    clade_net *net;

    if (net_of(&net, be, "reference"))
        tap_bail("%s", clade_error());
    tap_ok(!clade_backend_notices(be), "no notice where all products have it");
    clade_net_free(net);
}

static void test_refused(clade_backend *be, const char *algorithm,
                         clade_status expected, const char *message)
{
    clade_net *net;
    const clade_status st = net_of(&net, be, algorithm);

    if (!st)
        clade_net_free(net);
    tap_ok(st == expected && strstr(clade_error(), message) &&
               !clade_backend_notices(be),
           "%s is refused: %s", algorithm, st ? clade_error() : "it is not");
}

/* An algorithm that the backend has, though for no op. */
static void test_none(clade_backend *be)
{
    static const char *const names[] = { "reference", "idle", NULL };
    const char *const *const algorithms = faulty.algorithms;

    faulty.algorithms = names;
    test_refused(be, "idle", CLADE_EUNSUPPORTED, "can run none of");
    faulty.algorithms = algorithms;
}

/* An algorithm that can run an op but not now is no reason for another. */
static clade_status refuse(clade_backend *be, struct clade_op *op)
{
    (void)be;
    if (!op_is_product(op->kind))
        return CLADE_OK;
    return clade_fail(CLADE_EUNSUPPORTED, "the op is too large");
}

static void test_unsettled(clade_backend *be)
{
    clade_status (*const settle)(clade_backend *, struct clade_op *) =
        faulty.settle;

    faulty.settle = refuse;
    test_refused(be, "reference", CLADE_EUNSUPPORTED, "too large");
    faulty.settle = settle;
}

int main(void)
{
    clade_backend *be = faulty_open();

    faulty_apply = leave;
    soft_install();
    tap_plan(8);
    test_some(be);
    test_all(be);
    test_none(be);
    test_unsettled(be);
    test_refused(be, "nonesuch", CLADE_EUSAGE, "no algorithm `nonesuch`");
    test_refused(be, "winograd:9", CLADE_EUNSUPPORTED, "can run none of");
    faulty_close(be);
    return tap_done();
}
