/* SPDX-License-Identifier: Apache-2.0 */
/* What each of the passes that make a net settles.  The device is
 * CLADE_TEST_DEVICE's, else the best one, else the reference. */
#include "net/plan.h"

#include <stdlib.h>
#include <string.h>

#include "op/op.h"
#include "status.h"
#include "tap.h"
#include "tested.h"

/* How many things are not yet settled, by kind. */
struct settled {
    int unchosen; /* ops without an algorithm */
    int unpacked; /* ops that lack their packed filter, or its op */
    int strays;   /* tensors beyond the lifetimes of their blocks */
    int unready;  /* activations that the op at `ready` does not write */
    int unplaced; /* tensors whose blocks have no place */
    int unbound;  /* tensors without an allocated buffer */
};

static void settled_tensor(struct settled *s, const struct plan *p, int i,
                           const struct clade_tensor *t)
{
    const int block = plan_block_of(p, t);
    const struct plan_block *b = block < 0 ? NULL : &p->blocks[block];

    s->strays += b && (i < b->first || b->last < i);
    s->unplaced += b && b->arena < 0;
    s->unbound += b != NULL;
}

static struct settled look(const struct plan *p)
{
    struct settled s = { 0 };
    int packs = p->phase[PLAN_FORWARD];

    for (int i = 0; i < p->phase[PLAN_PHASES]; i++) {
        const struct clade_op *op = &p->ops[i];

        s.unchosen += !op->choice.algorithm;
        s.unpacked += op->packed && !op->t[CLADE_PACKED].buffer;
        packs -= i >= p->phase[PLAN_FORWARD] && op->packed;
        for (int r = 0; r < CLADE_ROLES; r++)
            settled_tensor(&s, p, i, &op->t[r]);
    }
    s.unpacked += abs(packs);
    for (int i = 0; i < p->n_activations; i++)
        s.unready += p->activations[i].ready < p->phase[PLAN_FORWARD] ||
                     p->ops[p->activations[i].ready].t[CLADE_Y].buffer !=
                         p->activations[i].value.buffer;
    return s;
}

/* How many ops of this kind does a layer have? */
static int ops_of(const struct plan *p, enum clade_op_kind kind,
                  const char *layer)
{
    int n = 0;

    for (int i = 0; i < p->phase[PLAN_PHASES]; i++)
        n += p->ops[i].kind == kind && !strcmp(p->ops[i].label, layer);
    return n;
}

/* From which pass on each count is 0. */
enum { LAYERS, REWRITE, CHOOSE, PACK, LIFETIMES, PLACE, BIND, PREPARE, PASSES };
static const char *const passes[PASSES] = { "layers", "rewrite",   "choose",
                                            "pack",   "lifetimes", "place",
                                            "bind",   "prepare" };

struct watched {
    int calls;
    bool in_order;
    bool settled[PASSES]; /* as it should be, not earlier */
    clade_status refuse;  /* after the pass of packing */
};

static bool as_it_should_be(const struct plan *p, int pass)
{
    const struct settled s = look(p);
    const int dropouts = ops_of(p, CLADE_DROPOUT_FWD, "dropout");
    const int images = ops_of(p, CLADE_CONV_BWD_DATA, "conv1");

    return dropouts == (p->training || pass < REWRITE) &&
           images == (p->training && pass < REWRITE) &&
           !s.unchosen == (pass >= CHOOSE) && (!s.unpacked || pass < PACK) &&
           !s.strays == (pass >= LIFETIMES) &&
           !s.unready == (pass >= LIFETIMES) &&
           !s.unplaced == (pass >= PLACE) && !s.unbound == (pass >= BIND);
}

static clade_status passed(void *arg, const char *name, const struct plan *plan)
{
    struct watched *w = arg;
    const int pass = w->calls / 2;

    w->in_order &= pass < PASSES && !strcmp(name, passes[pass]) &&
                   plan->training == !(w->calls % 2);
    if (pass < PASSES)
        w->settled[pass] &= as_it_should_be(plan, pass);
    w->calls++;
    return w->refuse && pass == PACK ? clade_fail(w->refuse, "refused")
                                     : CLADE_OK;
}

/* Count the ops of two plans whose choices differ. */
static int differing(const struct plan *a, const struct plan *b)
{
    int n = 0;

    for (int i = 0; i < a->phase[PLAN_PHASES]; i++)
        for (int k = 0; k < b->phase[PLAN_PHASES]; k++) {
            const struct clade_op *x = &a->ops[i], *y = &b->ops[k];

            n += x->kind == y->kind && x->kind != CLADE_FILTER_PACK &&
                 !strcmp(x->label, y->label) &&
                 !choice_equal(&x->choice, &y->choice);
        }
    return n;
}

static void test_passes(clade_backend *be)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    struct watched w = { .in_order = true };
    const struct net_watcher watcher = { &w, passed };
    clade_net *net = NULL;

    memset(w.settled, true, sizeof w.settled);
    config.train_batch = config.eval_batch = 1;
    if (net_new_watched(&net, be, &config, &watcher))
        tap_bail("%s", clade_error());
    tap_ok(w.in_order && w.calls == 2 * PASSES,
           "each pass is told in order, once for each plan: %d calls", w.calls);
    for (int i = 0; i < PASSES; i++)
        tap_ok(w.settled[i], "%s settles what it should, and no more",
               passes[i]);
    tap_ok(!differing(net_plan(net, 1, true), net_plan(net, 1, false)),
           "the same op has the same choice in both plans");
    clade_net_free(net);
    net = NULL;
    w = (struct watched){ .refuse = CLADE_EFAIL };
    tap_ok(net_new_watched(&net, be, &config, &watcher) == CLADE_EFAIL &&
               !net && w.calls == 2 * PACK + 1,
           "a watcher's failure ends the making");
}

int main(void)
{
    clade_backend *be = tested_open();

    if (!be && clade_backend_open(&be, "cpu"))
        tap_bail("%s", clade_error());
    tap_plan(1 + PASSES + 2);
    test_passes(be);
    clade_backend_close(be);
    return tap_done();
}
