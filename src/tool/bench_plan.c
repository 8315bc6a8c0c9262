/* SPDX-License-Identifier: Apache-2.0 */
/* The ops of a net's plans after each pass. */
#include "bench.h"

#include <jansson.h>
#include <stdlib.h>

#include "net/net.h"
#include "op/op.h"
#include "status.h"
#include "tool.h"

/* ---- as JSON ------------------------------------------------------------- */

/* Add the members of `more`, which goes. */
static void add(json_t *object, json_t *more)
{
    json_object_update(object, more);
    json_decref(more);
}

/* The block that a tensor lies in, with all that is settled about it; NULL if
 * it lies in none.  The byte is the tensor's own. */
static json_t *tensor_json(const struct plan *plan,
                           const struct clade_tensor *t, int i)
{
    const struct plan_block *b = plan_block_at(plan, t, i);
    json_t *object;
    size_t byte;

    if (!b)
        return NULL;
    object = json_pack("{s:s}", "block", b->name);
    if (b->last >= 0)
        add(object,
            json_pack("{s:i, s:i}", "first", b->first, "last", b->last));
    if (b->arena < 0)
        return object;
    byte = (size_t)t->offset * clade_type_size(t->type);
    if (t->buffer != b->real)
        byte += b->at; /* the offset counts from the block */
    add(object,
        json_pack("{s:i, s:I}", "arena", b->arena, "byte", (json_int_t)byte));
    return object;
}

static json_t *tensors_json(const struct plan *plan, int i)
{
    json_t *object = json_object();

    for (int role = 0; role < CLADE_ROLES; role++)
        json_object_set_new(object, clade_role_name(role),
                            tensor_json(plan, &plan->ops[i].t[role], i));
    return object;
}

/* The op with all that the passes so far have settled about it. */
static json_t *op_json(const struct plan *plan, int i)
{
    struct clade_op op = plan->ops[i];
    const char *layer = op.label;
    char choice[CLADE_CHOICE_TEXT];
    json_t *object;

    op.label = NULL; /* which op_describe() would add */
    object = json_pack("{s:i, s:s, s:s, s:s}", "number", i, "phase",
                       plan_phase_name(plan_phase_of(plan, i)), "layer", layer,
                       "op", op_describe(&op));
    if (op.depth_db)
        add(object, json_pack("{s:i}", "depth_db", op.depth_db));
    if (op.choice.algorithm)
        add(object,
            json_pack("{s:s, s:i, s:I, s:I}", "choice",
                      clade_choice_text(choice, &op.choice), "depth", op.depth,
                      "workspace_bytes", (json_int_t)op.workspace,
                      "packed_elements", (json_int_t)op.packed));
    json_object_set_new(object, "tensors", tensors_json(plan, i));
    return object;
}

static json_t *plan_json(const struct plan *plan)
{
    json_t *ops = json_array();

    for (int i = 0; i < plan->phase[PLAN_PHASES]; i++)
        json_array_append_new(ops, op_json(plan, i));
    return json_pack("{s:i, s:b, s:o}", "batch", plan->batch, "training",
                     plan->training, "ops", ops);
}

/* ---- as text, from the same objects -------------------------------------- */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static long long number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* " y=pool1[3-9]@0+4096": first and last op, arena, byte. */
static void print_tensor(const char *role, const json_t *t)
{
    printf(" %s=%s", role, text_of(t, "block"));
    if (json_object_get(t, "first"))
        printf("[%lld-%lld]", number_of(t, "first"), number_of(t, "last"));
    if (json_object_get(t, "arena"))
        printf("@%lld+%lld", number_of(t, "arena"), number_of(t, "byte"));
}

static void print_op(const json_t *op)
{
    json_t *tensors = json_object_get(op, "tensors"), *t;
    const char *role;

    printf("%3lld %-8s %-23s %s", number_of(op, "number"), text_of(op, "phase"),
           text_of(op, "layer"), text_of(op, "op"));
    if (json_object_get(op, "choice"))
        printf(", %s, depth %lld", text_of(op, "choice"),
               number_of(op, "depth"));
    if (number_of(op, "depth_db"))
        printf(", of db %lld", number_of(op, "depth_db"));
    if (number_of(op, "workspace_bytes"))
        printf(", workspace %lld", number_of(op, "workspace_bytes"));
    if (number_of(op, "packed_elements"))
        printf(", packed %lld", number_of(op, "packed_elements"));
    if (json_object_size(tensors))
        putchar(';');
    json_object_foreach(tensors, role, t)
        print_tensor(role, t);
    putchar('\n');
}

static void print_plan(const char *pass, const json_t *plan)
{
    size_t i;
    json_t *op;

    printf("after %s: %lld images, %s\n", pass, number_of(plan, "batch"),
           json_is_true(json_object_get(plan, "training")) ? "training"
                                                           : "evaluating");
    json_array_foreach(json_object_get(plan, "ops"), i, op)
        print_op(op);
    putchar('\n');
}

/* ---- the command --------------------------------------------------------- */

struct listing {
    bool text;
    json_t *passes; /* a list of plans for each pass */
};

static clade_status passed(void *arg, const char *pass, const struct plan *plan)
{
    struct listing *l = arg;
    json_t *object = plan_json(plan);

    if (!object)
        return clade_fail(CLADE_ENOMEM, "bench: out of memory");
    if (l->text)
        print_plan(pass, object);
    if (!json_object_get(l->passes, pass))
        json_object_set_new(l->passes, pass, json_array());
    json_array_append_new(json_object_get(l->passes, pass), object);
    return CLADE_OK;
}

clade_status bench_plan(const struct bench_options *o,
                        const struct clade_net_config *config)
{
    struct listing l = { .text = !o->json };
    const struct net_watcher watcher = { .arg = &l, .passed = passed };
    clade_backend *be = NULL;
    clade_net *net = NULL;
    clade_status st;

    if (o->compare || o->profile || o->trace)
        return clade_fail(CLADE_EUSAGE,
                          "bench: --plan measures nothing that --compare, "
                          "--profile or --trace could use");
    if ((st = tool_open(&be, o->device)))
        return st;
    l.passes = json_object();
    st = net_new_watched(&net, be, config, &watcher);
    tool_notices(be);
    if (!st && o->json)
        st = tool_print_json(json_incref(l.passes));
    json_decref(l.passes);
    clade_net_free(net);
    clade_backend_close(be);
    return st;
}
