/* SPDX-License-Identifier: Apache-2.0 */
/* Choices of algorithms: made, taken from an earlier net, and listed. */
#include "net/passes.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "backend.h"
#include "op/op.h"
#include "status.h"

/* The key of an op's choice: "inception_3a/3x3/conv_fwd/32". */
static void key_of(char *key, size_t size, const struct plan *plan,
                   const struct clade_op *op)
{
    snprintf(key, size, "%s/%s/%d", op->label, clade_op_name(op->kind),
             plan->batch);
}

/* What an earlier net chose for an op, or NULL. */
static const char *choice_kept(const json_t *kept, const struct plan *plan,
                               const struct clade_op *op)
{
    char key[128];

    key_of(key, sizeof key, plan, op);
    return json_string_value(json_object_get(kept, key));
}

/* What was chosen for the same op in an earlier plan of the same batch, in
 * `text`, or NULL. */
static const char *choice_made(char text[CLADE_CHOICE_TEXT],
                               const clade_net *net, const struct plan *plan,
                               const struct clade_op *op)
{
    for (const struct plan *p = net->plans; p < plan; p++)
        for (int i = 0; p->batch == plan->batch && i < p->phase[PLAN_PHASES];
             i++)
            if (p->ops[i].kind == op->kind &&
                !strcmp(p->ops[i].label, op->label))
                return clade_choice_text(text, &p->ops[i].choice);
    return NULL;
}

/* Choose for an op: by the algorithm that is asked for, where the backend
 * offers that for the op; else as an earlier net or an earlier plan did, where
 * it still offers that; else anew. */
static clade_status choose_op(clade_net *net,
                              const struct clade_net_config *config,
                              const json_t *kept, const struct plan *plan,
                              struct clade_op *op)
{
    char text[CLADE_CHOICE_TEXT];
    const char *choice = config->algorithm;
    clade_status st;

    if (!op_is_product(op->kind))
        return clade_backend_choose(net->be, op, NULL);
    net->products++;
    if (choice) {
        st = clade_backend_choose(net->be, op, choice);
        if (st != CLADE_EUNSUPPORTED || backend_offers(net->be, op, choice))
            return st;
        net->unable++;
    }
    choice = choice_kept(kept, plan, op);
    if (choice && !clade_backend_choose(net->be, op, choice))
        return CLADE_OK;
    choice = choice_made(text, net, plan, op);
    if (choice && !clade_backend_choose(net->be, op, choice))
        return CLADE_OK;
    return clade_backend_choose(net->be, op, NULL);
}

static clade_status choose_plan(clade_net *net,
                                const struct clade_net_config *config,
                                const json_t *kept, struct plan *plan)
{
    clade_status st = CLADE_OK;

    for (int i = 0; i < plan->phase[PLAN_PHASES] && !st; i++)
        st = choose_op(net, config, kept, plan, &plan->ops[i]);
    return st;
}

/* The algorithm that is asked for must run something. */
static clade_status check_asked(const clade_net *net,
                                const struct clade_net_config *config)
{
    const struct clade_device *device = clade_backend_device(net->be);

    if (!net->unable || net->unable < net->products)
        return CLADE_OK;
    return clade_fail(CLADE_EUNSUPPORTED,
                      "`%s` can run none of %s's %d products on %s; choose "
                      "another algorithm, or let clade choose",
                      config->algorithm, config->net, net->products,
                      device->name);
}

void net_tell_unable(clade_net *net, const struct clade_net_config *config)
{
    char *told = net->be->unable;

    if (!net->unable || !strcmp(told, config->algorithm))
        return;
    snprintf(told, sizeof net->be->unable, "%s", config->algorithm);
    backend_notice(net->be,
                   "`%s` cannot run %d of %s's %d products; they have the "
                   "algorithms that clade would choose",
                   config->algorithm, net->unable, config->net, net->products);
}

/* An earlier net's choice of fma must come first: the backend's kernels depend
 * on it. */
clade_status pass_choose(clade_net *net, const struct clade_net_config *config)
{
    json_t *kept =
        config->algorithms ? json_loads(config->algorithms, 0, NULL) : NULL;
    const json_t *fma = json_object_get(kept, "fma");
    clade_status st = CLADE_OK;

    if (fma)
        st = clade_backend_fuse(net->be, json_is_true(fma));
    for (int i = 0; i < net->n_plans && !st; i++)
        st = choose_plan(net, config, kept, &net->plans[i]);
    json_decref(kept);
    return st ? st : check_asked(net, config);
}

static void list_plan(json_t *all, const struct plan *plan)
{
    char key[128], text[CLADE_CHOICE_TEXT];

    for (int i = 0; i < plan->phase[PLAN_PHASES]; i++) {
        const struct clade_op *op = &plan->ops[i];

        if (!op_is_product(op->kind))
            continue;
        key_of(key, sizeof key, plan, op);
        json_object_set_new(all, key,
                            json_string(clade_choice_text(text, &op->choice)));
    }
}

clade_status net_list_choices(clade_net *net)
{
    json_t *all = json_object();

    json_object_set_new(all, "fma",
                        json_boolean(clade_backend_device(net->be)->fma));
    for (int i = 0; i < net->n_plans; i++)
        list_plan(all, &net->plans[i]);
    net->algorithms = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return net->algorithms
               ? CLADE_OK
               : clade_fail(CLADE_ENOMEM, "a net's algorithms: out of memory");
}
