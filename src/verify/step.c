/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Judge a training step op by op.  Before each op of the plan, its inputs are
 * read back from the device.  After it, its outputs are compared with what
 * those inputs should have given.  So errors neither compound nor hide.
 */
#include "verify/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <clade/data.h>

#include "net/net.h"
#include "net/rewrite.h"
#include "op/op.h"
#include "status.h"

#define STEP      1 /* the step to watch: momenta are no longer 0 */
#define STEP_RATE 0.01f
#define UNWATCHED (-1)

struct lockstep {
    clade_backend *be;
    const struct clade_verify_step *options;
    const struct verify_watch *watch;
    struct clade_verify_summary *summary;
    int verdicts; /* so far, with those that an earlier judge reported */
    struct verify_mirror in; /* the op being watched */
    struct verify_copy out[CLADE_ROLES];
};

static clade_status before(void *arg, const struct plan *plan, int i)
{
    struct lockstep *l = arg;

    return verify_mirror(&l->in, l->be, &plan->ops[i]);
}

/* Whether the next verdict has been reported by an earlier judge.  Then it is
 * not judged again. */
static bool is_done(const struct lockstep *l)
{
    return l->verdicts < l->watch->done;
}

static void report(struct lockstep *l, const struct clade_verdict *v)
{
    if (l->verdicts++ < l->watch->done)
        return;
    verify_count(l->summary, v);
    if (l->options->report)
        l->options->report(l->options->arg, v);
}

static clade_status interrupted(const struct lockstep *l)
{
    return verify_interrupted(l->options->stop, l->options->arg);
}

/* Look into the op alone, with the inputs that it had.  What that queues must
 * not count as the step's. */
static clade_status look_into(struct lockstep *l, struct clade_verdict *v)
{
    const struct clade_verify_ops options = { .dump = l->options->dump,
                                              .triage = l->options->triage };
    struct backend_debug *const debug = l->be->debug;
    struct op_case c = verify_case_of(&l->in.op, v->why);
    struct verify_host *host;
    clade_status st;

    c.data = DATA_TRAINING;
    verify_case_name(&c);
    l->be->debug = NULL;
    st = verify_host_of(&host, &c, &l->in.op);
    if (!st)
        st = verify_look_into(v, l->be, &c, host, &options, l->watch);
    l->be->debug = debug;
    return st;
}

static clade_status after(void *arg, const struct plan *plan, int i)
{
    struct lockstep *l = arg;
    const struct clade_op *op = &plan->ops[i];
    const struct verify_judge how = {
        .op = &l->in.op,
        .gate = GATE_BOUND,
        .denormals = clade_backend_device(l->be)->denormals,
    };
    struct clade_verdict v;
    clade_status st;

    if (!verify_kind(op->kind)->make)
        return CLADE_OK; /* judged with the op that reads it */
    st = interrupted(l);
    if (!st && is_done(l)) {
        l->verdicts++;
        return CLADE_OK;
    }
    verify_begin(&v, op);
    snprintf(v.name, sizeof(v.name), "%s", op_describe(op));
    snprintf(v.layer, sizeof(v.layer), "%s", op->label ? op->label : "");
    v.data = verify_data_name(DATA_TRAINING);
    v.gate = verify_all_exact(op->kind) ? "bits" : "bound";
    v.why = "a step of training";
    for (int role = 0; role < CLADE_ROLES && !st; role++) {
        if (!verify_writes(op, role))
            continue;
        st = verify_fetch(&l->out[role], l->be, &op->t[role]);
        if (!st)
            st = verify_output_whole(&v, &how, role, l->out[role].host);
    }
    if (!st && v.outcome && l->summary->failed < VERIFY_FAILURES_MAX)
        st = look_into(l, &v);
    if (!st)
        report(l, &v);
    return st;
}

/* All parameters and momenta of a net, one after the other. */
static clade_status read_weights(float **weights, size_t *n, clade_net *net)
{
    const struct clade_parameter *list;
    const int count = clade_net_parameters(net, &list);
    float *w, *to;
    clade_status st = CLADE_OK;

    *n = 2 * clade_net_shape(net).parameters;
    to = w = malloc(*n * sizeof(*w));
    if (!w)
        return clade_fail(CLADE_ENOMEM, "verify: no memory for the weights");
    for (int i = 0; i < count && !st; i++) {
        const int64_t elements = clade_tensor_elements(&list[i].value);

        st = clade_net_read(net, to, list[i].value);
        if (!st)
            st = clade_net_read(net, to + elements, list[i].momentum);
        to += 2 * elements;
    }
    if (st)
        free(w);
    else
        *weights = w;
    return st;
}

/* The result of a training up to the watched step. */
struct trained {
    float *weights; /* n of them, momenta among them */
    size_t n;
    uint64_t launched;             /* a hash of all that was queued */
    struct clade_result evaluated; /* the batch, after the training */
    int steps;                     /* made, before a loss that is not finite */
};

/* Say how many verdicts a watched training and what follows it give. */
static void announce(const struct lockstep *l, const struct plan *plan)
{
    int n = 2; /* programs, weights */

    for (int i = 0; i < plan->phase[PLAN_PHASES]; i++)
        n += verify_kind(plan->ops[i].kind)->make != NULL;
    for (const struct rewrite *r = rewrites; r->name; r++)
        n += r->exact;
    l->watch->suite(l->watch->arg, n);
}

/* Train up to a step that is watched, or UNWATCHED, and evaluate; `without` is
 * a rewrite that is left out of the plans, or NULL. */
static clade_status train(struct trained *t, struct lockstep *l,
                          const struct clade_batch *batch, int watched,
                          const char *without)
{
    const struct net_observer observer = { .arg = l,
                                           .before = before,
                                           .after = after };
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    struct backend_debug debug = { .launches = 0 };
    struct clade_result result;
    clade_net *net;
    clade_status st;

    config.algorithm = l->options->algorithm;
    config.without = without;
    config.train_batch = config.eval_batch = batch->n;
    config.seed = l->options->seed;
    l->be->debug =
        &debug; /* before algorithms are chosen: verify judges them */
    st = clade_net_new(&net, l->be, &config);
    if (st) {
        l->be->debug = NULL;
        return st;
    }
    debug.launched = 0; /* the first training alone tries algorithms */
    if (watched != UNWATCHED)
        announce(l, net_plan(net, batch->n, true));
    for (t->steps = 0; t->steps <= STEP; t->steps++)
        if ((st = interrupted(l)) ||
            (st = net_train(net, batch, t->steps, STEP_RATE, &result,
                            watched == t->steps ? &observer : NULL)))
            break;
    l->be->debug = NULL;
    t->launched = debug.launched;
    if (!st)
        st = net_eval(net, batch, &t->evaluated, NULL);
    if (!st)
        st = read_weights(&t->weights, &t->n, net);
    clade_net_free(net);
    return st;
}

/* A step must be the same without something that changes nothing. */
static struct clade_verdict same_verdict(const char *name, const char *without,
                                         const char *why, size_t n)
{
    struct clade_verdict v = { .op = "step",
                               .data = "training",
                               .gate = "bits",
                               .why = why,
                               .judged = (int64_t)n,
                               .elements = (int64_t)n };

    snprintf(v.name, sizeof(v.name), "%s as without %s", name, without);
    return v;
}

static const char watching[] = "watching must change nothing";

/* Blame a verdict for the first weight that differs. */
static void compare_weights(struct clade_verdict *v, const struct trained *a,
                            const struct trained *b, const char *message)
{
    size_t i = 0;

    while (i < a->n && !memcmp(&a->weights[i], &b->weights[i], sizeof(float)))
        i++;
    if (i == a->n)
        return;
    v->got = a->weights[i];
    v->want = b->weights[i];
    snprintf(v->where, sizeof(v->where), "number %zu", i);
    verify_blame(v, CLADE_FAILED, "%s", message);
}

/* Report that a training has a loss that is not finite. */
static clade_status report_diverged(struct lockstep *l, struct clade_verdict v)
{
    verify_blame(&v, CLADE_FAILED, "%s", clade_error());
    v.judged = v.elements = 1;
    report(l, &v);
    return CLADE_OK;
}

static void judge_weights(struct lockstep *l, const struct trained *a,
                          const struct trained *b)
{
    struct clade_verdict v =
        same_verdict("weights and momenta", "watching", watching, a->n);

    compare_weights(&v, a, b, "an unwatched step leaves different weights");
    report(l, &v);
}

/* The reference has no programs, hence no hash of them. */
static void compare_programs(struct lockstep *l, const struct trained *a,
                             const struct trained *b)
{
    struct clade_verdict v = same_verdict("programs", "watching", watching, 1);

    if (!a->launched && !b->launched)
        return;
    if (a->launched != b->launched)
        verify_blame(&v, CLADE_FAILED,
                     "an unwatched step runs different programs: "
                     "%016llx, watched %016llx",
                     (unsigned long long)b->launched,
                     (unsigned long long)a->launched);
    report(l, &v);
}

static bool same_losses(const struct clade_result *a,
                        const struct clade_result *b)
{
    return !memcmp(a->head_loss, b->head_loss, sizeof(a->head_loss)) &&
           !memcmp(a->hits, b->hits, sizeof(a->hits));
}

/* Train once more without a rewrite of the plans. */
static clade_status judge_rewrite(struct lockstep *l,
                                  const struct clade_batch *batch,
                                  const struct trained *a, const char *rewrite)
{
    struct clade_verdict v =
        same_verdict("step", rewrite, "this rewrite must change no bit", a->n);
    struct trained b = { .n = 0 };
    clade_status st = train(&b, l, batch, UNWATCHED, rewrite);

    if (st == CLADE_EDIVERGED)
        return report_diverged(l, v);
    if (!st) {
        compare_weights(&v, a, &b, "without the rewrite, weights differ");
        if (!same_losses(&a->evaluated, &b.evaluated))
            verify_blame(&v, CLADE_FAILED,
                         "without the rewrite, an evaluation's losses differ");
        report(l, &v);
    }
    free(b.weights);
    return st;
}

/* If a loss is not finite, watch the first step, too.  There, inputs are still
 * numbers, so the op is seen that makes something else of them. */
static clade_status train_watched(struct trained *t, struct lockstep *l,
                                  const struct clade_batch *batch)
{
    clade_status st = train(t, l, batch, STEP, NULL);

    if (st == CLADE_EDIVERGED && !(st = train(t, l, batch, 0, NULL)))
        st = clade_fail(CLADE_EDIVERGED,
                        "a loss is not finite in one training, but it is in "
                        "the next of the same work");
    return st;
}

static clade_status train_all(struct lockstep *l,
                              const struct clade_batch *batch)
{
    const struct clade_verdict losses = { .name = "losses",
                                          .op = "step",
                                          .data = "training",
                                          .gate = "bits",
                                          .why = "losses are finite" };
    struct trained watched = { .n = 0 }, unwatched = { .n = 0 };
    clade_status st = train_watched(&watched, l, batch);

    if (!st)
        st = train(&unwatched, l, batch, UNWATCHED, NULL);
    if (st == CLADE_EDIVERGED)
        st = report_diverged(l, losses);
    else if (!st) {
        compare_programs(l, &watched, &unwatched);
        judge_weights(l, &watched, &unwatched);
    }
    for (const struct rewrite *r = rewrites;
         r->name && !st && unwatched.weights; r++)
        if (r->exact)
            st = judge_rewrite(l, batch, &unwatched, r->name);
    free(watched.weights);
    free(unwatched.weights);
    return st;
}

static void lockstep_free(struct lockstep *l)
{
    verify_mirror_free(&l->in);
    for (int role = 0; role < CLADE_ROLES; role++)
        free(l->out[role].host);
}

clade_status verify_share(struct clade_verify_summary *summary, clade_net *net,
                          const struct clade_batch *share, uint32_t step,
                          const struct clade_verify_step *options)
{
    struct lockstep l = { .be = net_backend(net),
                          .options = options,
                          .watch = &verify_unwatched,
                          .summary = summary };
    const struct net_observer observer = { .arg = &l,
                                           .before = before,
                                           .after = after };
    struct net_image *images;
    clade_status st;

    *summary = (struct clade_verify_summary){ 0 };
    if ((st = verify_can_judge(l.be)))
        return st;
    images = calloc(share->n, sizeof(*images));
    st = images ? net_gradients(net, share, step, images, &observer)
                : clade_fail(CLADE_ENOMEM, "verify: no memory for %d images",
                             share->n);
    free(images);
    lockstep_free(&l);
    return st ? st : verify_conclude(summary);
}

clade_status clade_verify_step(struct clade_verify_summary *summary,
                               clade_backend *be,
                               const struct clade_verify_step *options)
{
    const clade_status st = status_given(__func__, "summary, be, options",
                                         summary && be && options);

    return st ? st : verify_step(summary, be, options, &verify_unwatched);
}

clade_status verify_step(struct clade_verify_summary *summary,
                         clade_backend *be,
                         const struct clade_verify_step *options,
                         const struct verify_watch *watch)
{
    struct lockstep l = {
        .be = be, .options = options, .watch = watch, .summary = summary
    };
    struct clade_batch batch;
    struct clade_data data;
    clade_status st;

    *summary = watch->summary;
    if (options->batch < 1)
        return clade_fail(CLADE_EUSAGE, "verify: a step of %d images",
                          options->batch);
    if ((st = verify_can_judge(be)))
        return st;
    st = clade_data_builtin(&data, options->batch, 1, options->seed);
    if (st)
        return st;
    batch = (struct clade_batch){ .n = options->batch,
                                  .bytes = data.train.images,
                                  .labels = data.train.labels };
    st = train_all(&l, &batch);
    lockstep_free(&l);
    clade_data_free(&data);
    return st ? st : verify_conclude(summary);
}
