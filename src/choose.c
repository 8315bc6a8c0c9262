/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing how an op is computed: a backend offers candidates, and the best one
 * that can be trusted is taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "door.h"
#include "measured.h"
#include "op/op.h"
#include "status.h"
#include "trial.h"

/* The ways to compute an op, best first. */
struct offer {
    struct backend_candidate list[BACKEND_CANDIDATES];
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
    const int n =
        be->table->candidates(be, op, offer->list, BACKEND_CANDIDATES);

    offer->count = n < BACKEND_CANDIDATES ? n : BACKEND_CANDIDATES;
    rank(offer);
}

/* Leave one candidate for each algorithm. */
static void drop_variants(struct offer *offer)
{
    int n = 0;

    for (int i = 0; i < offer->count; i++)
        if (!offer->list[i].variant)
            offer->list[n++] = offer->list[i];
    offer->count = n;
}

int backend_offer(clade_backend *be, const struct clade_op *op,
                  struct backend_candidate list[BACKEND_CANDIDATES])
{
    struct offer offer;
    int n = 0;

    get_offer(&offer, be, op);
    for (int i = 0; i < offer.count; i++)
        if (!backend_is_avoided(be, op->kind, offer.list[i].choice.algorithm))
            list[n++] = offer.list[i];
    return n;
}

/* ---- algorithms that are avoided ---------------------------------------- */

void backend_avoid(clade_backend *be, const struct backend_avoided *avoided)
{
    if (be->n_avoided == BACKEND_AVOIDED_MAX ||
        backend_is_avoided(be, avoided->kind, avoided->algorithm))
        return;
    be->avoided[be->n_avoided++] = *avoided;
    backend_notice(be, "%s computes %s wrongly on %s: passed over (%s)",
                   avoided->algorithm, clade_op_name(avoided->kind),
                   be->device.name, avoided->why);
}

bool backend_is_avoided(const clade_backend *be, enum clade_op_kind kind,
                        const char *algorithm)
{
    for (int i = 0; i < be->n_avoided; i++)
        if (be->avoided[i].kind == kind &&
            !strcmp(be->avoided[i].algorithm, algorithm))
            return true;
    return false;
}

bool backend_has_other(clade_backend *be, const struct clade_op *op)
{
    struct backend_candidate list[BACKEND_CANDIDATES];
    const int n = backend_offer(be, op, list);

    for (int i = 0; i < n; i++)
        if (strcmp(list[i].choice.algorithm, op->choice.algorithm))
            return true;
    return false;
}

/* ---- what is offered ----------------------------------------------------- */

/* The candidate of this name, or NULL. */
static const struct backend_candidate *find_named(const struct offer *offer,
                                                  const char *name)
{
    for (int i = 0; i < offer->count; i++)
        if (choice_is(&offer->list[i].choice, name))
            return &offer->list[i];
    return NULL;
}

bool backend_offers(clade_backend *be, const struct clade_op *op,
                    const char *choice)
{
    struct offer offer;

    get_offer(&offer, be, op);
    return find_named(&offer, choice) != NULL;
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
    const char *found[BACKEND_CANDIDATES];
    struct offer offer;
    int n = 0;

    if (!be || !op || (!names && max > 0) || door_op(be, op))
        return 0;
    get_offer(&offer, be, op);
    drop_variants(&offer);
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

clade_status backend_choose_as(clade_backend *be, struct clade_op *op,
                               const struct clade_choice *choice)
{
    op->choice = *choice;
    op->workspace = op->packed = 0;
    op->depth = op->depth_db = 0;
    op->winograd = (struct clade_winograd){ 0 };
    return be->table->settle(be, op);
}

static clade_status choose_best(clade_backend *be, struct clade_op *op,
                                const struct offer *offer)
{
    for (int i = 0; i < offer->count; i++) {
        const struct backend_candidate *c = &offer->list[i];
        enum verdict verdict = NOT_TRIED;
        clade_status st;

        if (backend_is_avoided(be, op->kind, c->choice.algorithm))
            continue;
        st = backend_choose_as(be, op, &c->choice);
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

/* ---- what was measured --------------------------------------------------- */

struct measured *backend_measured(clade_backend *be)
{
    struct measured_source s = { .device = be->device.name,
                                 .driver = be->device.driver };
    char *path;

    if (be->measured || be->has_no_measured || !be->table->measured_file)
        return be->measured;
    path = be->table->measured_file(&be->device, &s.kernels);
    s.path = path;
    if (path && measured_read(&be->measured, &s))
        backend_notice(be,
                       "%s; what was measured is ignored, `clade tune` "
                       "measures again",
                       clade_error());
    be->has_no_measured = !be->measured;
    free(path);
    return be->measured;
}

/* Take the choice that was measured to be the fastest, if there is one, it is
 * still offered, and it is right.  *taken says so. */
static clade_status choose_measured(bool *taken, clade_backend *be,
                                    struct clade_op *op,
                                    const struct offer *offer)
{
    struct measured *m = op_is_product(op->kind) ? backend_measured(be) : NULL;
    const struct backend_candidate *c;
    enum verdict verdict = NOT_TRIED;
    const char *name;
    char key[768];
    clade_status st;

    *taken = false;
    if (!m)
        return CLADE_OK;
    op_key(key, sizeof(key), op);
    if (!(name = measured_choice(m, key)) || !(c = find_named(offer, name)) ||
        backend_is_avoided(be, op->kind, c->choice.algorithm) ||
        backend_choose_as(be, op, &c->choice))
        return CLADE_OK;
    st = judge(&verdict, be, c, op);
    *taken = !st && verdict == RIGHT;
    return st;
}

/* ---- a choice that is asked for ------------------------------------------ */

/* Take a choice that was asked for, unless it is known to be wrong: nobody asks
 * for wrong numbers.  A judge finds that out by itself. */
static clade_status choose_asked(clade_backend *be, struct clade_op *op,
                                 const struct backend_candidate *c)
{
    enum verdict verdict = RIGHT;
    clade_status st = backend_choose_as(be, op, &c->choice);

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
                              "%s: `%s` cannot run it on %s; choose another "
                              "algorithm, or let clade choose",
                              op_describe(op), name, be->device.name);
        used += (size_t)snprintf(list + used, sizeof(list) - used, "%s`%s`",
                                 used ? ", " : "", *a);
    }
    return clade_fail(CLADE_EUSAGE, "no algorithm `%s` on %s; there is %s",
                      name, be->device.selector, list);
}

/* Make the choice that is asked for, if it is offered. */
static clade_status choose_named(clade_backend *be, struct clade_op *op,
                                 const struct offer *offer, const char *name)
{
    const struct backend_candidate *c = find_named(offer, name);

    if (!c)
        return not_offered(be, op, name);
    if (backend_is_avoided(be, op->kind, c->choice.algorithm))
        return clade_fail(CLADE_EUNSUPPORTED, "%s: `%s` is wrong on %s",
                          op_describe(op), name, be->device.name);
    return choose_asked(be, op, c);
}

clade_status clade_backend_choose(clade_backend *be, struct clade_op *op,
                                  const char *choice)
{
    struct clade_op chosen;
    struct offer offer;
    clade_status st;
    bool taken;

    if ((st = status_given(__func__, "be, op", be && op)) ||
        (st = door_op(be, op)))
        return st;
    if (op_kind(op->kind)->inherits && op->choice.algorithm)
        return CLADE_OK;
    chosen = *op;
    get_offer(&offer, be, op);
    if (choice) {
        st = choose_named(be, &chosen, &offer, choice);
    } else {
        st = choose_measured(&taken, be, &chosen, &offer);
        drop_variants(&offer);
        if (!st && !taken)
            st = choose_best(be, &chosen, &offer);
    }
    if (!st)
        *op = chosen;
    return st;
}
