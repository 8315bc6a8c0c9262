/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test: is what a net's plans would run right on this device?  Each
 * use of a program is tried once for each device and driver; its verdict is
 * kept in the cache.
 */
#include "verify/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "op/op.h"
#include "status.h"
#include "verify/verify.h"

/* Below this many multiply-adds the oracle judges every element of a product,
 * above it samples. */
#define ORACLE_PRODUCTS 1e6

/* The kinds of data that uses are tried with, where they make sense: sums
 * without a rounding, equal values, and others. */
#define DATA                                                                   \
    (1u << DATA_EXACT | 1u << DATA_NINES | 1u << DATA_TIES | 1u << DATA_RANDOM)

#define RESULT_KEY "result of the self-test of clade " PACKAGE_VERSION

/* What verdicts and results in the cache begin with. */
#define PASSED "passed"
#define FAILED "failed"

struct selftest {
    clade_backend *be;
    const struct clade_net_config *config;
    bool (*stop)(void *arg);
    void *arg;
    int tried;
    char failed[32];    /* the op that no algorithm computes right; or empty */
    char message[1024]; /* about it */
};

/* ---- one use ------------------------------------------------------------- */

/* Judge what the outputs are after a run. */
static clade_status judge(struct clade_verdict *v, const struct op_case *c,
                          const struct verify_host *host,
                          void *const after[CLADE_ROLES], bool denormals)
{
    struct verify_oracle oracle[CLADE_ROLES] = { { .index = NULL } };
    clade_status st = CLADE_OK;

    for (int role = 0; role < CLADE_ROLES && !st; role++)
        if (op_is_product(c->kind) && verify_writes(&host->op, role))
            st = verify_oracle_new(&oracle[role], &host->op, role,
                                   ORACLE_PRODUCTS);
    if (!st)
        st = verify_outputs(v, c, host, oracle, after, denormals);
    for (int role = 0; role < CLADE_ROLES; role++)
        verify_oracle_free(&oracle[role]);
    return st;
}

/* Whether a failure is that of an op's code, not of the device or of memory. */
static bool is_codes(clade_status st)
{
    return st == CLADE_EBUILD || st == CLADE_EUNSUPPORTED;
}

/* Whether to try a choice with a kind of data: one kind of exact data is
 * enough.  A choice that the backend refuses is run, to say why. */
static bool is_wanted(enum verify_data data, clade_backend *be,
                      const struct clade_op *op,
                      const struct clade_choice *choice)
{
    struct clade_op settled = *op;

    if (backend_choose_as(be, &settled, choice))
        return true;
    return data == DATA_NINES ? verify_transforms(&settled)
                              : verify_data_suits(data, &settled);
}

static clade_status try_host(struct clade_verdict *v, clade_backend *be,
                             const struct op_case *c, struct verify_host *host,
                             const struct clade_choice *choice)
{
    void *after[CLADE_ROLES] = { NULL };
    clade_status st;

    verify_begin(v, &host->op);
    st = verify_run_once(after, v, be, host, choice);
    if (!st)
        st = judge(v, c, host, after, clade_backend_device(be)->denormals);
    if (is_codes(st)) {
        verify_blame(v, CLADE_FAILED, "%s", clade_error());
        st = CLADE_OK;
    }
    for (int role = 0; role < CLADE_ROLES; role++)
        free(after[role]);
    return st;
}

static clade_status try_case(struct clade_verdict *v, clade_backend *be,
                             const struct op_case *c,
                             const struct clade_choice *choice)
{
    struct verify_host *host;
    clade_status st = verify_host_new(&host, c);

    if (st)
        return st;
    if (is_wanted(c->data, be, &host->op, choice))
        st = try_host(v, be, c, host, choice);
    verify_host_free(host);
    return st;
}

#define MESSAGE 200 /* bytes of a verdict's message that are kept */

/* Describe what is wrong, for the verdict that is kept. */
static void describe(char *text, size_t size, const struct clade_verdict *v,
                     const struct op_case *c)
{
    if (v->where[0])
        snprintf(text, size,
                 FAILED ": %s by `%s`: %s is %.9g, must be %.9g; %.*s", c->name,
                 v->algorithm, v->where, v->got, v->want, MESSAGE, v->message);
    else
        snprintf(text, size, FAILED ": %s by `%s`: %.*s", c->name, v->algorithm,
                 (int)strcspn(v->message, "\n"), v->message);
}

/* Try a use with each kind of data, up to the first failure; write its verdict,
 * "passed" or "failed: ...". */
static clade_status try_use(char *verdict, size_t size, struct selftest *t,
                            const struct selftest_use *use)
{
    const unsigned data = DATA & verify_kind(use->c.kind)->data;
    struct clade_verdict v = { .outcome = CLADE_PASSED };
    struct op_case c = use->c;
    clade_status st = CLADE_OK;

    for (int d = 0; d < DATA_KINDS && !st && !v.outcome; d++) {
        if (!(data & 1u << d) || !verify_data_fits(d, &c))
            continue;
        c.data = d;
        verify_case_name(&c);
        st = try_case(&v, t->be, &c, &use->choice);
    }
    if (v.outcome)
        describe(verdict, size, &v, &c);
    else
        snprintf(verdict, size, PASSED);
    t->tried++;
    return st;
}

/* Whether the op of a use has another algorithm. */
static clade_status find_other(bool *found, clade_backend *be,
                               const struct selftest_use *use)
{
    struct verify_host *host;
    clade_status st = verify_host_new(&host, &use->c);

    if (st)
        return st;
    host->op.choice = use->choice;
    *found = backend_has_other(be, &host->op);
    verify_host_free(host);
    return CLADE_OK;
}

/* Pass a wrong algorithm over, or end the self-test. */
static clade_status act_on(struct selftest *t, const struct selftest_use *use,
                           const char *verdict)
{
    const struct clade_device *d = clade_backend_device(t->be);
    struct backend_avoided wrong = { .kind = use->c.kind,
                                     .algorithm = use->choice.algorithm };
    const char *asked = t->config->algorithm;
    bool other = false;
    clade_status st = CLADE_OK;

    snprintf(wrong.why, sizeof(wrong.why), "%s", verdict + strlen(FAILED ": "));
    if (!asked || !choice_is(&use->choice, asked))
        st = find_other(&other, t->be, use);
    if (st)
        return st;
    if (other) {
        backend_avoid(t->be, &wrong);
        return CLADE_OK;
    }
    snprintf(t->failed, sizeof(t->failed), "%s", clade_op_name(wrong.kind));
    snprintf(t->message, sizeof(t->message),
             "%s / %s, driver %s, computes %s wrongly, as its self-test found: "
             "%s",
             d->platform, d->name, d->driver, t->failed, wrong.why);
    return clade_fail(CLADE_EBOUND, "%s", t->message);
}

/* ---- all uses ------------------------------------------------------------ */

/* Say which use is tried now: its place among all, and its case. */
static void say_use(const struct selftest *t, const struct selftest_use *use,
                    const struct selftest_uses *uses)
{
    struct op_case c = use->c;
    char text[256];

    if (!t->be->say)
        return;
    verify_case_name(&c);
    *strrchr(c.name, ':') = '\0'; /* the data */
    snprintf(text, sizeof(text), "self-test: %d of %d: %s",
             (int)(use - uses->list) + 1, uses->count, c.name);
    t->be->say(t->be->say_arg, text);
}

/* The verdict that is kept, malloc'd, or NULL. */
static char *recall(const struct selftest *t, const struct selftest_use *use)
{
    return t->be->table->recall ? t->be->table->recall(t->be, use->key) : NULL;
}

/* Get the verdict that is kept, or try the use and keep the verdict. */
static clade_status find_verdict(char verdict[BACKEND_WHY], struct selftest *t,
                                 const struct selftest_use *use,
                                 const struct selftest_uses *uses)
{
    char *kept = recall(t, use);
    clade_status st;

    if (kept) {
        snprintf(verdict, BACKEND_WHY, "%s", kept);
        free(kept);
        return CLADE_OK;
    }
    say_use(t, use, uses);
    st = try_use(verdict, BACKEND_WHY, t, use);
    if (!st && t->be->table->remember)
        t->be->table->remember(t->be, use->key, verdict);
    return st;
}

static clade_status judge_use(struct selftest *t,
                              const struct selftest_use *use,
                              const struct selftest_uses *uses)
{
    char verdict[BACKEND_WHY];
    const clade_status st = find_verdict(verdict, t, use, uses);

    if (!st && strncmp(verdict, PASSED, strlen(PASSED)))
        return act_on(t, use, verdict);
    return st;
}

/* Judge the uses of a plan.  *again: an algorithm is avoided from now on, so
 * the plan is another one. */
static clade_status judge_uses(bool *again, struct selftest *t,
                               const struct selftest_uses *uses)
{
    const int avoided = t->be->n_avoided;
    clade_status st = CLADE_OK;

    for (int i = 0; i < uses->count && !st; i++) {
        const struct selftest_use *use = &uses->list[i];

        if (backend_is_avoided(t->be, use->c.kind, use->choice.algorithm))
            continue;
        if ((st = verify_interrupted(t->stop, t->arg)))
            break;
        st = judge_use(t, use, uses);
    }
    *again = t->be->n_avoided > avoided;
    return st;
}

/* The result as a whole: "passed 2026-10-03, but not conv_fwd by direct". */
static void write_result(char *text, size_t size, const struct selftest *t)
{
    const clade_backend *be = t->be;
    const time_t now = time(NULL);
    char date[16] = "";
    struct tm day;
    size_t used;

    if (gmtime_r(&now, &day))
        strftime(date, sizeof(date), "%Y-%m-%d", &day);
    used = (size_t)snprintf(text, size, "%s %s%s%s",
                            t->failed[0] ? FAILED : PASSED, date,
                            t->failed[0] ? ": " : "", t->failed);
    for (int i = 0; i < be->n_avoided && used < size; i++)
        used += (size_t)snprintf(
            text + used, size - used, "%s %s by %s", i ? "," : ", but not",
            clade_op_name(be->avoided[i].kind), be->avoided[i].algorithm);
}

/* Keep the result, if there is anything new in it. */
static void keep_result(struct selftest *t)
{
    const char *word = t->failed[0] ? FAILED : PASSED;
    char text[256], *kept;

    if (!t->be->table->recall)
        return;
    kept = t->be->table->recall(t->be, RESULT_KEY);
    write_result(text, sizeof(text), t);
    if (t->tried || !kept || strncmp(kept, word, strlen(word)))
        t->be->table->remember(t->be, RESULT_KEY, text);
    free(kept);
}

char *selftest_result(const struct clade_device *device)
{
    return backend_recall_closed(device, RESULT_KEY);
}

static clade_status test_plans(struct selftest *t)
{
    bool again = true;
    clade_status st = CLADE_OK;

    while (again && !st) {
        struct selftest_uses uses;

        if ((st = selftest_uses_of(&uses, t->be, t->config)))
            break;
        st = judge_uses(&again, t, &uses);
        selftest_uses_free(&uses);
    }
    return st;
}

clade_status selftest_assist(clade_backend *be,
                             const struct clade_net_config *config,
                             bool (*stop)(void *arg), void *arg)
{
    struct selftest t = { .be = be, .config = config };
    char verdict[BACKEND_WHY];
    struct selftest_uses uses;
    clade_status st = selftest_uses_of(&uses, be, config);

    if (st)
        return st;
    for (int i = uses.count; i-- > 0 && !st;)
        if (!(st = verify_interrupted(stop, arg)))
            st = find_verdict(verdict, &t, &uses.list[i], &uses);
    selftest_uses_free(&uses);
    return st;
}

clade_status clade_verify_selftest(clade_backend *be,
                                   const struct clade_net_config *config,
                                   bool (*stop)(void *arg), void *arg)
{
    struct selftest t = {
        .be = be, .config = config, .stop = stop, .arg = arg
    };
    clade_status st;

    if (!be || !config)
        return clade_fail(CLADE_EUSAGE, "clade_verify_selftest: a backend and "
                                        "a config are required");
    if (!be->table->uses)
        return CLADE_OK;
    if ((st = verify_can_judge(be)))
        return st;
    st = test_plans(&t);
    if (!st || t.failed[0])
        keep_result(&t);
    return t.failed[0] ? clade_fail(st, "%s", t.message) : st;
}
