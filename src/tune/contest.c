/* SPDX-License-Identifier: Apache-2.0 */
/* The measurement of one product. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "op/op.h"
#include "status.h"
#include "trial.h"
#include "tune/tune.h"
#include "verify/verify.h"

#define SAMPLES    256 /* elements that the reference computes */
#define ROUNDS_MIN 4   /* of timing */
#define ROUNDS_MAX 8
#define ROUND_TIME 0.005 /* seconds; a candidate that is faster runs again */
#define RUNS_MAX   10    /* of a candidate in a round */
#define FAR_BEHIND 1.5   /* times the best: out, after two rounds */
#define HOPELESS   3     /* the same, after one, which other work may disturb */
#define GAIN       0.98  /* of the usual choice's time, to be taken for it */

/* A candidate that is right. */
struct entrant {
    struct clade_op op; /* settled, over the device's buffers */
    clade_task *pack;   /* NULL: no filter is packed */
    clade_task *task;
    double seconds; /* the fastest run; 0: none yet */
    bool out;
};

/* The candidates of a product, and what they share. */
struct contest {
    clade_backend *be;
    const struct tune_product *product;
    const struct tune_limits *limits;
    struct op_case c;
    struct verify_host *host;
    struct verify_oracle oracle[CLADE_ROLES];
    void *right[CLADE_ROLES]; /* outputs of the first candidate that was
                                 right */
    struct clade_buffer *buffer[CLADE_ROLES];
    struct entrant entrants[BACKEND_CANDIDATES];
    int n;
};

static clade_status interrupted(const struct contest *t)
{
    return verify_interrupted(t->limits->stop, t->limits->arg);
}

/* Whether a failure is that of a candidate alone, not of the device or of
 * memory. */
static bool is_its_own(clade_status st)
{
    return st == CLADE_EBUILD || st == CLADE_EUNSUPPORTED;
}

/* ---- right or wrong ------------------------------------------------------ */

/* Ask the oracle for elements that are spread over an output, with its last
 * one. */
static clade_status ask_oracle(struct contest *t, enum clade_role role)
{
    const struct clade_op *op = &t->host->op;
    int64_t *index = malloc(SAMPLES * sizeof *index);

    if (!index)
        return clade_fail(CLADE_ENOMEM, "tuning: out of memory");
    return verify_oracle_at(&t->oracle[role], op, role, index,
                            trial_spread(index, SAMPLES, &op->t[role]));
}

static clade_status contest_open(struct contest *t)
{
    clade_status st;

    t->c = t->product->c;
    t->c.data = verify_data_fits(DATA_NINES, &t->c) ? DATA_NINES : DATA_EXACT;
    st = verify_host_new(&t->host, &t->c);
    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (clade_op_outputs(t->c.kind) & 1u << role &&
            t->host->area[role].bytes)
            st = ask_oracle(t, role);
    return st;
}

/* Whether two images hold the same numbers; 0 and -0 are the same. */
static bool same_numbers(const void *a, const void *b, size_t bytes)
{
    const float *x = a, *y = b;

    for (size_t i = 0; i < bytes / sizeof *x; i++)
        if (x[i] != y[i] && memcmp(&x[i], &y[i], sizeof *x))
            return false;
    return true;
}

/* Compare the outputs with those of the first that was right, or keep them as
 * such. */
static bool agrees(struct contest *t, void *after[CLADE_ROLES])
{
    bool same = true;

    for (int role = 0; role < CLADE_ROLES; role++) {
        if (!(clade_op_outputs(t->c.kind) & 1u << role) || !after[role])
            continue;
        if (!t->right[role]) {
            t->right[role] = after[role];
            after[role] = NULL;
        } else {
            same &= same_numbers(t->right[role], after[role],
                                 t->host->area[role].bytes);
        }
    }
    return same;
}

/* Run a candidate on exact data, and judge it. */
static clade_status check(bool *right, struct contest *t,
                          const struct clade_choice *choice)
{
    void *after[CLADE_ROLES] = { NULL };
    char text[CLADE_CHOICE_TEXT];
    struct clade_verdict v;
    clade_status st;

    verify_begin(&v, &t->host->op);
    st = verify_run_once(after, &v, t->be, t->host, choice);
    if (!st)
        st = verify_outputs(&v, &t->c, t->host, t->oracle, after,
                            t->be->device.denormals);
    *right = !st && !v.outcome && agrees(t, after);
    if (!st && !*right)
        backend_notice(t->be, "%s computes %s wrongly on %s: not measured",
                       clade_choice_text(text, choice),
                       op_describe(&t->host->op), t->be->device.name);
    for (int role = 0; role < CLADE_ROLES; role++)
        free(after[role]);
    return is_its_own(st) ? CLADE_OK : st;
}

/* Let the candidates enter that are right. */
static clade_status admit(struct contest *t)
{
    struct backend_candidate list[BACKEND_CANDIDATES];
    const int n = backend_offer(t->be, &t->host->op, list);
    clade_status st = CLADE_OK;

    for (int i = 0; i < n && !st; i++) {
        bool right = false;

        if (!(st = interrupted(t)))
            st = check(&right, t, &list[i].choice);
        if (right)
            t->entrants[t->n++].op.choice = list[i].choice;
    }
    if (!st && !t->n)
        st = clade_fail(CLADE_EUNSUPPORTED, "%s: no candidate is right on %s",
                        op_describe(&t->host->op), t->be->device.name);
    return st;
}

/* ---- the time ------------------------------------------------------------ */

/* The host's values must stay until they are written, so wait for that even
 * after a failure. */
static clade_status make_buffers(struct contest *t)
{
    clade_status st = CLADE_OK, written;

    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        const struct verify_area *a = &t->host->area[role];

        if (!a->bytes)
            continue;
        st = clade_backend_alloc(t->be, &t->buffer[role], a->bytes,
                                 CLADE_MEMORY_DEVICE);
        if (!st)
            st = clade_backend_write(t->be, t->buffer[role], 0, a->before,
                                     a->bytes);
    }
    written = clade_backend_finish(t->be);
    return st ? st : written;
}

/* Settle an entrant's choice for the op over the device's buffers. */
static clade_status settle(struct contest *t, struct entrant *e)
{
    const struct clade_choice choice = e->op.choice;

    e->op = t->host->op;
    for (int role = 0; role < CLADE_ROLES; role++)
        if (t->buffer[role])
            e->op.t[role].buffer = t->buffer[role];
    return backend_choose_as(t->be, &e->op, &choice);
}

static size_t most(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Allocate scratch that is enough for each entrant. */
static clade_status make_scratch(struct contest *t)
{
    size_t workspace = 0, packed = 0;
    clade_status st = CLADE_OK;

    for (int i = 0; i < t->n && !st; i++) {
        st = settle(t, &t->entrants[i]);
        workspace = most(workspace, t->entrants[i].op.workspace);
        packed = most(packed, t->entrants[i].op.packed);
    }
    if (!st && workspace)
        st = clade_backend_alloc(t->be, &t->buffer[CLADE_WORKSPACE],
                                 (workspace + 3) / 4 * 4, CLADE_MEMORY_DEVICE);
    if (!st && packed)
        st = clade_backend_alloc(t->be, &t->buffer[CLADE_PACKED],
                                 packed * sizeof(float), CLADE_MEMORY_DEVICE);
    return st;
}

static void give_scratch(const struct contest *t, struct clade_op *op,
                         enum clade_role role, size_t floats)
{
    if (floats)
        op->t[role] = clade_tensor_at(t->buffer[role], 0, 1, 1, 1, (int)floats,
                                      CLADE_F32);
}

static clade_status prepare(struct contest *t, struct entrant *e)
{
    struct clade_op pack;
    clade_status st = CLADE_OK;

    give_scratch(t, &e->op, CLADE_WORKSPACE, (e->op.workspace + 3) / 4);
    give_scratch(t, &e->op, CLADE_PACKED, e->op.packed);
    if (e->op.packed && !(st = clade_op_filter_pack(&pack, &e->op)))
        st = backend_prepare(t->be, &e->pack, &pack);
    return st ? st : backend_prepare(t->be, &e->task, &e->op);
}

/* Run an entrant once.  The packing of its filter counts where it is done
 * before each run. */
static clade_status run(struct contest *t, struct entrant *e)
{
    double began = clock_now(), seconds;
    clade_status st = CLADE_OK;

    if (e->pack)
        st = clade_backend_run(t->be, e->pack);
    if (!st && !t->product->packs) {
        st = clade_backend_finish(t->be);
        began = clock_now();
    }
    if (!st)
        st = clade_backend_run(t->be, e->task);
    if (!st)
        st = clade_backend_finish(t->be);
    seconds = clock_now() - began;
    if (!e->seconds || seconds < e->seconds)
        e->seconds = seconds;
    return st;
}

/* Run an entrant in its turn, more often if it is fast. */
static clade_status take_turn(struct contest *t, struct entrant *e)
{
    const double began = clock_now();
    clade_status st = interrupted(t);

    for (int i = 0; i < RUNS_MAX && !st; i++) {
        st = run(t, e);
        if (clock_now() - began > ROUND_TIME)
            break;
    }
    return st;
}

static clade_status run_round(struct contest *t)
{
    clade_status st = CLADE_OK;

    for (int i = 0; i < t->n && !st; i++)
        if (!t->entrants[i].out)
            st = take_turn(t, &t->entrants[i]);
    return st;
}

/* The fastest that is neither out nor `but`; NULL: there is none. */
static struct entrant *fastest(struct contest *t, const struct entrant *but)
{
    struct entrant *best = NULL;

    for (int i = 0; i < t->n; i++) {
        struct entrant *e = &t->entrants[i];

        if (e != but && e->seconds && (!best || e->seconds < best->seconds))
            best = e;
    }
    return best;
}

/* Prepare each, and run it once: drivers finish programs then.  What fails by
 * itself is out. */
static clade_status warm_up(struct contest *t)
{
    clade_status st = CLADE_OK;

    for (int i = 0; i < t->n && !st; i++) {
        struct entrant *e = &t->entrants[i];

        if ((st = interrupted(t)))
            break;
        if (!(st = prepare(t, e)))
            st = run(t, e);
        e->seconds = 0;
        e->out = is_its_own(st);
        if (e->out)
            st = CLADE_OK;
    }
    return st;
}

/* Whoever is far behind is out. */
static void thin_out(struct contest *t, double factor)
{
    const struct entrant *best = fastest(t, NULL);

    for (int i = 1; i < t->n && best; i++)
        t->entrants[i].out |= t->entrants[i].seconds > factor * best->seconds;
}

static clade_status time_all(struct contest *t)
{
    const double began = clock_now();
    clade_status st = warm_up(t);

    for (int round = 0; round < ROUNDS_MAX && !st; round++) {
        if (round >= ROUNDS_MIN && clock_now() - began > t->limits->seconds)
            break;
        st = run_round(t);
        thin_out(t, round ? FAR_BEHIND : HOPELESS);
    }
    if (!st && !t->entrants[0].seconds)
        st = clade_fail(CLADE_EUNSUPPORTED, "%s: its usual choice fails on %s",
                        op_describe(&t->host->op), t->be->device.name);
    return st;
}

/* ---- the result ---------------------------------------------------------- */

static struct measured_time time_of(const struct entrant *e)
{
    struct measured_time m = { .choice = "" };

    if (!e)
        return m;
    clade_choice_text(m.choice, &e->op.choice);
    m.seconds = e->seconds;
    return m;
}

static void make_row(struct measured_row *row, struct contest *t)
{
    struct entrant *usual = &t->entrants[0], *best = fastest(t, NULL);
    const time_t now = time(NULL);
    struct tm day;

    if (best->seconds > GAIN * usual->seconds)
        best = usual;
    *row = (struct measured_row){ .best = time_of(best),
                                  .usual = time_of(usual),
                                  .next = time_of(fastest(t, best)) };
    snprintf(row->key, sizeof row->key, "%s", t->product->key);
    snprintf(row->label, sizeof row->label, "%s", t->product->label);
    if (gmtime_r(&now, &day))
        strftime(row->date, sizeof row->date, "%Y-%m-%d", &day);
}

static void contest_close(struct contest *t)
{
    for (int i = 0; i < t->n; i++) {
        clade_backend_release(t->be, t->entrants[i].task);
        clade_backend_release(t->be, t->entrants[i].pack);
    }
    for (int role = 0; role < CLADE_ROLES; role++) {
        clade_backend_free(t->be, t->buffer[role]);
        verify_oracle_free(&t->oracle[role]);
        free(t->right[role]);
    }
    verify_host_free(t->host);
    free(t);
}

clade_status tune_product(struct measured_row *row, clade_backend *be,
                          const struct tune_product *product,
                          const struct tune_limits *limits)
{
    struct contest *t = calloc(1, sizeof *t);
    clade_status st;

    if (!t)
        return clade_fail(CLADE_ENOMEM, "tuning: out of memory");
    t->be = be;
    t->product = product;
    t->limits = limits;
    st = contest_open(t);
    if (!st)
        st = admit(t);
    if (!st)
        st = make_buffers(t);
    if (!st)
        st = make_scratch(t);
    if (!st)
        st = time_all(t);
    if (!st)
        make_row(row, t);
    contest_close(t);
    return st;
}
