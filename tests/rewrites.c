/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GoogLeNet on the reference, with and without each rewrite of its plans.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "net/rewrite.h"
#include "status.h"
#include "tap.h"

/* All that a net computes from an image: losses of a training step and of an
 * evaluation after it, and the parameters. */
struct outcome {
    double loss[2];
    float *parameters;
    int64_t n;
    int ops; /* of both plans */
};

static clade_status read_parameters(struct outcome *o, clade_net *net)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(net, &list);
    clade_status st = CLADE_OK;

    o->parameters =
        malloc(clade_net_shape(net).parameters * sizeof *o->parameters);
    if (!o->parameters)
        return clade_fail(CLADE_ENOMEM, "parameters: out of memory");
    for (int i = 0; i < n && !st; i++) {
        st = clade_net_read(net, o->parameters + o->n, list[i].value);
        o->n += clade_tensor_elements(&list[i].value);
    }
    return st;
}

static clade_status compute(struct outcome *o, clade_backend *by,
                            const char *without)
{
    static const uint8_t bytes[32 * 32 * 3] = { 1, 2, 3 };
    const uint8_t label = 7;
    const struct clade_batch batch = { .n = 1,
                                       .bytes = bytes,
                                       .labels = &label };
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    struct clade_result r[2];
    clade_net *net = NULL;
    clade_status st;

    *o = (struct outcome){ .n = 0 };
    config.train_batch = config.eval_batch = 1;
    config.without = without;
    if ((st = clade_net_new(&net, by, &config)) ||
        (st = clade_net_train(net, &batch, 0, 0.01f, &r[0])) ||
        (st = clade_net_eval(net, &batch, &r[1])) ||
        (st = read_parameters(o, net)))
        goto out;
    o->loss[0] = r[0].loss;
    o->loss[1] = r[1].loss;
    o->ops = net_plan(net, 1, true)->phase[PLAN_PHASES] +
             net_plan(net, 1, false)->phase[PLAN_PHASES];
out:
    clade_net_free(net);
    return st;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return !memcmp(a->loss, b->loss, sizeof a->loss) && a->n == b->n &&
           !memcmp(a->parameters, b->parameters, a->n * sizeof *a->parameters);
}

/* The same but for the roundings of double precision, and at the end those of
 * parameters to float. */
static bool near(const struct outcome *a, const struct outcome *b)
{
    bool ok = a->n == b->n;

    for (int i = 0; i < 2; i++)
        ok = ok && fabs(a->loss[i] - b->loss[i]) <= 1e-10 * b->loss[i];
    for (int64_t i = 0; i < a->n && ok; i++)
        ok = fabs(a->parameters[i] - b->parameters[i]) <=
             1.2e-7 * fabs(b->parameters[i]) + 1e-12;
    return ok;
}

/* Compare what is computed with all rewrites, and without some of them. */
static void test_without(clade_backend *by, const struct outcome *with,
                         const char *names, bool exact)
{
    struct outcome without;

    if (compute(&without, by, names))
        tap_bail("%s", clade_error());
    tap_ok((exact ? same : near)(with, &without) && with->ops != without.ops,
           "without %s: %d ops, not %d, and the same %s: losses %.12g, %.12g",
           names, without.ops, with->ops, exact ? "bits" : "in double",
           without.loss[0], without.loss[1]);
    free(without.parameters);
}

/* Any rewrite may be left out, or all.  No bit changes; or none in double
 * precision, if a rewrite rounds otherwise. */
static void test_rewrites(void)
{
    char all[256] = "";
    struct outcome with, wide;
    clade_backend *be, *be64;

    if (clade_backend_open(&be, "cpu") || clade_backend_open(&be64, "cpu64") ||
        compute(&with, be, NULL) || compute(&wide, be64, NULL))
        tap_bail("%s", clade_error());
    for (const struct rewrite *r = rewrites; r->name; r++) {
        test_without(r->exact ? be : be64, r->exact ? &with : &wide, r->name,
                     r->exact);
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
                 *all ? "," : "", r->name);
    }
    test_without(be64, &wide, all, false);
    free(with.parameters);
    free(wide.parameters);
    clade_backend_close(be64);
    clade_backend_close(be);
}

static int count_rewrites(void)
{
    int n = 0;

    while (rewrites[n].name)
        n++;
    return n;
}

int main(void)
{
    tap_plan(count_rewrites() + 1);
    test_rewrites();
    return tap_done();
}
