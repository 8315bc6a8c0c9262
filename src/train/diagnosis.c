/* SPDX-License-Identifier: Apache-2.0 */
/* Which of two computations of a share is wrong. */
#include "train/shadow.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

#define PIECE 65536 /* elements that are compared at a time */

/* ---- distances ----------------------------------------------------------- */

static double element(const void *vector, enum clade_type type, int64_t at)
{
    return type == CLADE_F64 ? ((const double *)vector)[at]
                             : ((const float *)vector)[at];
}

/* If both have elements that are not finite, the next loss says so. */
static double relative(double difference, double norm, double other)
{
    if ((!isfinite(norm) && !isfinite(other)) || difference == 0)
        return 0;
    return isfinite(difference) && other > 0 ? sqrt(difference / other)
                                             : INFINITY;
}

double shadow_distance(bool *same, const struct shadow *s, int parameter,
                       const void *gradients, const void *other)
{
    const size_t size = s->group->element;
    const struct clade_parameter *list;
    const struct clade_tensor *t;
    double difference = 0, norm_a = 0, norm_b = 0;

    clade_net_parameters(s->group->net, &list);
    t = &list[parameter].value;
    *same = true;
    for (int64_t p = 0; p < clade_tensor_pixels(t); p++) {
        const int64_t at = t->offset + p * t->ld;

        *same &= !memcmp((const char *)gradients + at * size,
                         (const char *)other + at * size, t->c * size);
        for (int64_t c = at; c < at + t->c; c++) {
            const double a = element(gradients, t->type, c);
            const double b = element(other, t->type, c);

            difference += (a - b) * (a - b);
            norm_a += a * a;
            norm_b += b * b;
        }
    }
    return relative(difference, norm_a, norm_b);
}

/* ---- opinions ------------------------------------------------------------ */

/* A share that two ranks computed. */
struct diagnosis {
    struct shadow *s;
    const struct group_round *round;
    int rank[2]; /* the owner, and the one before it */
    const struct shadow_finding *finding;
};

static const struct shadow_opinion *opinion(const struct diagnosis *d, int i)
{
    return &d->s->opinions[d->rank[i]];
}

static clade_status out_of_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "the gradients of a share: out of memory");
}

/* Does the device have the same gradients as before? */
static clade_status compare_again(bool *same, const struct shadow *s,
                                  const char *before)
{
    const size_t size = s->group->element;
    const int64_t count = net_whole(s->group->net).count;
    char *now = malloc(PIECE * size);
    clade_status st = now ? CLADE_OK : out_of_memory();

    *same = true;
    for (int64_t at = 0; at < count && *same && !st; at += PIECE) {
        const int64_t n = count - at < PIECE ? count - at : PIECE;

        st = net_vector_read(s->group->net, now, NET_GRADIENTS,
                             (struct net_piece){ at, n });
        *same = !st && !memcmp(now, before + at * size, n * size);
    }
    free(now);
    return st;
}

/* As one of the two, compute the share once more. */
static clade_status judge(const struct diagnosis *d)
{
    struct shadow *s = d->s;
    struct group *g = s->group;
    const int rank = g->dist->rank;
    struct shadow_opinion *mine = &s->opinions[rank];
    struct clade_batch share;
    clade_status st;

    if (rank != d->rank[0] && rank != d->rank[1])
        return CLADE_OK;
    share = group_share(d->round, d->rank[0]);
    st = s->options->judge(&mine->verdict, g->net, &share, d->round->step);
    if (!st && !mine->verdict.judged)
        st = net_gradients(g->net, &share, d->round->step, s->images, NULL);
    return st ? st
              : compare_again(&mine->repeats, s,
                              rank == d->rank[0] ? g->gradients : g->values);
}

/* Compute the gradients of a share on the reference, with the net's
 * parameters. */
static clade_status compute_on(clade_net *reference, void *gradients,
                               const struct diagnosis *d)
{
    struct group *g = d->s->group;
    const struct net_piece whole = net_whole(g->net);
    const struct clade_batch share = group_share(d->round, d->rank[0]);
    clade_status st;

    if ((st = net_vector_read(g->net, gradients, NET_VALUES, whole)) ||
        (st = net_vector_write(reference, NET_VALUES, whole, gradients)) ||
        (st = net_gradients(reference, &share, d->round->step, d->s->images,
                            NULL)))
        return st;
    return net_vector_read(reference, gradients, NET_GRADIENTS, whole);
}

/* As the owner, compare both computations with a third one. */
static clade_status ask_reference(const struct diagnosis *d)
{
    struct group *g = d->s->group;
    struct shadow_opinion *mine = &d->s->opinions[d->rank[0]];
    struct clade_net_config config = *d->s->config;
    void *gradients = malloc(net_whole(g->net).count * g->element);
    const char *name = g->element == sizeof(double) ? "cpu64" : "cpu";
    const void *both[] = { g->gradients, d->s->theirs };
    clade_backend *be = NULL;
    clade_net *net = NULL;
    clade_status st = gradients ? CLADE_OK : out_of_memory();
    bool same;

    config.algorithm = NULL;
    config.train_batch = group_share_size(d->round, d->rank[0]);
    config.train_last = config.eval_batch = config.eval_last = 0;
    if (!st)
        st = clade_backend_open(&be, name);
    if (!st)
        st = clade_net_new(&net, be, &config);
    if (!st)
        st = compute_on(net, gradients, d);
    for (int i = 0; i < 2 && !st; i++)
        mine->reference[i] = shadow_distance(&same, d->s, d->finding->parameter,
                                             both[i], gradients);
    clade_net_free(net);
    clade_backend_close(be);
    free(gradients);
    return st;
}

/* ---- the verdict --------------------------------------------------------- */

/* "rank 1 on host (platform / device)" */
static const char *who(char text[SHADOW_TEXT], const struct diagnosis *d, int i)
{
    const struct run_devices *devices = d->s->devices;
    const int rank = d->rank[i];

    snprintf(text, SHADOW_TEXT, "rank %d on %s (%s)", rank, d->s->hosts[rank],
             devices->list[devices->of_rank[rank]].name);
    return text;
}

static bool is_cleared(const struct shadow_opinion *o)
{
    return o->verdict.judged && !o->verdict.faulty && o->repeats;
}

/* Returns what is wrong with computation *i, or NULL. */
static const char *decide(int *i, const struct diagnosis *d)
{
    const struct shadow_opinion *a = opinion(d, 0), *b = opinion(d, 1);
    const int *device = d->s->devices->of_rank;
    const bool cleared = is_cleared(a) && is_cleared(b);

    *i = !a->verdict.faulty;
    if (opinion(d, *i)->verdict.faulty)
        return opinion(d, *i)->verdict.text;
    *i = a->repeats;
    if (a->repeats != b->repeats)
        return "an intermittent fault: the same work gave other bits before";
    *i = a->reference[1] > a->reference[0];
    if (!cleared)
        return "an intermittent fault: it was farther from the reference than "
               "the other one";
    return device[d->rank[0]] == device[d->rank[1]]
               ? "it is as right as the other one, but devices of one name and "
                 "driver must have the same bits"
               : NULL;
}

__attribute__((format(printf, 2, 3))) static void say(const struct shadow *s,
                                                      const char *format, ...)
{
    char text[4 * SHADOW_TEXT];
    va_list ap;

    if (!s->notice)
        return;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    s->notice(s->arg, text);
}

static void say_difference(const struct diagnosis *d)
{
    const struct clade_parameter *list;
    char a[SHADOW_TEXT], b[SHADOW_TEXT];

    clade_net_parameters(d->s->group->net, &list);
    say(d->s,
        "step %lu: %s and %s computed share %d differently: D = %.2g in "
        "%s; both are judged now",
        (unsigned long)d->round->step, who(a, d, 0), who(b, d, 1),
        group_share_of(d->round, d->rank[0]), d->finding->distance,
        list[d->finding->parameter].name);
}

static void say_opinion(const struct diagnosis *d, int i, bool reference)
{
    const struct shadow_opinion *o = opinion(d, i);
    const struct shadow_verdict *v = &o->verdict;
    char name[SHADOW_TEXT], distance[64] = "";

    if (reference)
        snprintf(distance, sizeof distance, ", D = %.2g from the reference",
                 opinion(d, 0)->reference[i]);
    say(d->s, "%s: %s%s; %s bits as before%s", who(name, d, i),
        v->faulty   ? "FAULTY: "
        : v->judged ? "each op keeps to its bounds"
                    : "not judged: ",
        v->text, o->repeats ? "the same" : "not the same", distance);
}

static bool conclude(const struct diagnosis *d, bool reference)
{
    char name[SHADOW_TEXT];
    int i;
    const char *what = decide(&i, d);

    for (int k = 0; k < 2; k++)
        say_opinion(d, k, reference);
    if (!what) {
        say(d->s, "both are right: the difference is one of roundings");
        return false;
    }
    clade_fail(CLADE_EBOUND, "step %lu, share %d: %s: %s",
               (unsigned long)d->round->step,
               group_share_of(d->round, d->rank[0]), who(name, d, i), what);
    if (d->s->options->warn)
        say(d->s, "%s", clade_error());
    return true;
}

clade_status shadow_diagnose(bool *fault, struct shadow *s,
                             const struct group_round *round, int owner)
{
    struct group *g = s->group;
    const int ranks = g->dist->size;
    const struct diagnosis d = { .s = s,
                                 .round = round,
                                 .rank = { owner, (owner + ranks - 1) % ranks },
                                 .finding = &s->findings[owner] };
    bool reference;
    clade_status st;

    memset(s->opinions, 0, ranks * sizeof *s->opinions);
    say_difference(&d);
    if ((st = judge(&d)) ||
        (st = dist_gather_items(g->dist, s->opinions, sizeof *s->opinions)))
        return st;
    reference =
        !opinion(&d, 0)->verdict.faulty && !opinion(&d, 1)->verdict.faulty;
    if (reference && g->dist->rank == owner && (st = ask_reference(&d)))
        return st;
    if ((st = dist_gather_items(g->dist, s->opinions, sizeof *s->opinions)))
        return st;
    *fault = conclude(&d, reference);
    return CLADE_OK;
}
