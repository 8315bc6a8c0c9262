/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing how an op is computed: a backend offers candidates, and the best one
 * that can be trusted is taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "op/op.h"
#include "status.h"
#include "trial.h"

#define CANDIDATES_MAX 64

/* The ways to compute an op, best first. */
struct offer {
    struct backend_candidate list[CANDIDATES_MAX];
    int count;
};

/*
 * The one place that says which candidate is better: the estimate of their
 * backend.  Candidates that are equal stay in the order in which they are
 * offered.
 */
static bool is_better(const struct backend_candidate *a,
                      const struct backend_candidate *b)
{
    return a->cost < b->cost;
}

static void rank(struct offer *offer)
{
    for (int i = 1; i < offer->count; i++) {
        const struct backend_candidate c = offer->list[i];
        int at = i;

        for (; at && is_better(&c, &offer->list[at - 1]); at--)
            offer->list[at] = offer->list[at - 1];
        offer->list[at] = c;
    }
}

static void get_offer(struct offer *offer, clade_backend *be,
                      const struct clade_op *op)
{
    const int n = be->table->candidates(be, op, offer->list, CANDIDATES_MAX);

    offer->count = n < CANDIDATES_MAX ? n : CANDIDATES_MAX;
    rank(offer);
}

static bool has_name(const char *names[], int n, const char *name)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

int clade_backend_algorithms(clade_backend *be, const struct clade_op *op,
                             const char *names[], int max)
{
    const char *found[CANDIDATES_MAX];
    struct offer offer;
    int n = 0;

    get_offer(&offer, be, op);
    for (int i = 0; i < offer.count; i++) {
        const char *name = offer.list[i].choice.algorithm;

        if (has_name(found, n, name))
            continue;
        if (n < max)
            names[n] = name;
        found[n++] = name;
    }
    return n;
}

/* ---- another library's code -------------------------------------------- */

enum verdict { RIGHT, WRONG, NOT_TRIED };

static void say_trying(clade_backend *be, const struct backend_candidate *c,
                       const struct clade_op *op)
{
    char text[512];

    if (!be->say)
        return;
    snprintf(text, sizeof(text), "trying %s once on this device: %s",
             c->unproven, op_describe(op));
    be->say(be->say_arg, text);
}

/* Check that a device still answers after a failure. */
static clade_status ask_device(clade_backend *be)
{
    struct clade_buffer *cell;
    uint32_t word;
    clade_status st;

    if (clade_backend_alloc(be, &cell, sizeof(word), CLADE_MEMORY_DEVICE))
        return CLADE_OK; /* out of memory: that is an answer */
    st = clade_backend_read(be, &word, cell, 0, sizeof(word));
    clade_backend_free(be, cell);
    return st;
}

/* Try an op now, and keep the result.  If it can't be tried, clade_error() says
 * why. */
static clade_status try_now(enum verdict *verdict, clade_backend *be,
                            const struct clade_op *op, const char *key)
{
    struct trial trial;
    char why[512];
    clade_status st;

    if (!trial_make(&trial, be, op, 1)) {
        *verdict = trial.right ? RIGHT : WRONG;
        if (be->table->remember)
            be->table->remember(be, key, trial.right ? "right" : "wrong");
        return CLADE_OK;
    }
    snprintf(why, sizeof(why), "%s", clade_error());
    *verdict = NOT_TRIED;
    st = ask_device(be);
    return clade_fail(st, "%s", why);
}

/* Get the result of an earlier trial of a settled op, or try it now. */
static clade_status judge(enum verdict *verdict, clade_backend *be,
                          const struct backend_candidate *c,
                          const struct clade_op *op)
{
    char key[1536], shapes[768], choice[CLADE_CHOICE_TEXT], *kept;
    clade_status st;

    *verdict = RIGHT;
    if (!c->unproven)
        return CLADE_OK;
    trial_key(shapes, sizeof(shapes), op);
    snprintf(key, sizeof(key), "trial of %s (%s), %s: %s", c->unproven,
             c->build, clade_choice_text(choice, &c->choice), shapes);
    kept = be->table->recall ? be->table->recall(be, key) : NULL;
    if (kept) {
        *verdict = strcmp(kept, "right") ? WRONG : RIGHT;
        free(kept);
        return CLADE_OK;
    }
    if ((st = clade_backend_finish(be)))
        return st; /* the failure of what was queued before */
    say_trying(be, c, op);
    return try_now(verdict, be, op, key);
}

static void pass_over(clade_backend *be, const struct backend_candidate *c,
                      const struct clade_op *op, enum verdict verdict)
{
    const char *why = clade_error();

    if (verdict == WRONG)
        backend_notice(be, "%s computes %s wrongly on %s: passed over",
                       c->choice.algorithm, op_describe(op), be->device.name);
    else
        backend_notice(
            be, "%s is passed over for %s: it could not be tried: %.*s",
            c->choice.algorithm, op_describe(op), (int)strcspn(why, "\n"), why);
}

/* ---- choosing ---------------------------------------------------------- */

static clade_status settle(clade_backend *be, struct clade_op *op,
                           const struct backend_candidate *c)
{
    op->choice = c->choice;
    op->workspace = op->packed = 0;
    op->depth = 0;
    return be->table->settle(be, op);
}

static clade_status choose_best(clade_backend *be, struct clade_op *op,
                                const struct offer *offer)
{
    for (int i = 0; i < offer->count; i++) {
        const struct backend_candidate *c = &offer->list[i];
        enum verdict verdict = NOT_TRIED;
        clade_status st = settle(be, op, c);

        if (st && i == offer->count - 1)
            return st;
        if (!st && (st = judge(&verdict, be, c, op)))
            return st;
        if (verdict == RIGHT)
            return CLADE_OK;
        pass_over(be, c, op, verdict);
    }
    return clade_fail(CLADE_EUNSUPPORTED, "%s: no algorithm is right on %s",
                      op_describe(op), be->device.name);
}

/* Take a choice that was asked for, unless it is known to be wrong: nobody asks
 * for wrong numbers.  A judge finds that out by itself. */
static clade_status choose_asked(clade_backend *be, struct clade_op *op,
                                 const struct backend_candidate *c)
{
    enum verdict verdict = RIGHT;
    clade_status st = settle(be, op, c);

    if (!st && !be->debug)
        st = judge(&verdict, be, c, op);
    if (st || verdict == RIGHT)
        return st;
    if (verdict == WRONG)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "%s: `%s` computes it wrongly on %s; choose another "
                          "algorithm, or let clade choose",
                          op_describe(op), c->choice.algorithm,
                          be->device.name);
    backend_notice(be, "%s is used for %s, but could not be tried: %s",
                   c->choice.algorithm, op_describe(op), clade_error());
    return CLADE_OK;
}

/* Say why no candidate has this name. */
static clade_status not_offered(clade_backend *be, const struct clade_op *op,
                                const char *name)
{
    const size_t length = strcspn(name, ":");
    char list[256] = "";
    size_t used = 0;

    for (const char *const *a = be->table->algorithms; *a; a++) {
        if (strlen(*a) == length && !strncmp(*a, name, length))
            return clade_fail(CLADE_EUNSUPPORTED,
                              "%s: `%s` cannot run it on %s; leave out "
                              "--algorithm",
                              op_describe(op), name, be->device.name);
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s`%s`",
                                 used ? ", " : "", *a);
    }
    return clade_fail(CLADE_EUSAGE, "no algorithm `%s` on %s; there is %s",
                      name, be->device.selector, list);
}

clade_status clade_backend_choose(clade_backend *be, struct clade_op *op,
                                  const char *choice)
{
    struct clade_op chosen = *op;
    struct offer offer;
    clade_status st;

    if (op_kind(op->kind)->inherits && op->choice.algorithm)
        return CLADE_OK;
    get_offer(&offer, be, op);
    if (!choice) {
        st = choose_best(be, &chosen, &offer);
    } else {
        int i = 0;

        while (i < offer.count && !choice_is(&offer.list[i].choice, choice))
            i++;
        st = i < offer.count ? choose_asked(be, &chosen, &offer.list[i])
                             : not_offered(be, op, choice);
    }
    if (!st)
        *op = chosen;
    return st;
}
