/* SPDX-License-Identifier: Apache-2.0 */
#include "train/shadow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

static clade_status out_of_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "the check of a step: out of memory");
}

static size_t vector_bytes(const struct shadow *s)
{
    return net_whole(s->group->net).count * s->group->element;
}

static int next_rank(const struct shadow *s)
{
    return (s->group->dist->rank + 1) % s->group->dist->size;
}

static int rank_before(const struct shadow *s)
{
    const struct dist *d = s->group->dist;

    return (d->rank + d->size - 1) % d->size;
}

/* ---- a check ------------------------------------------------------------- */

/* Compute the next rank's share. */
static clade_status compute(struct shadow *s, const struct group_round *round)
{
    struct group *g = s->group;
    struct clade_batch share;
    clade_status st;

    if (!group_share_size(round, next_rank(s)))
        return CLADE_OK;
    share = group_share(round, next_rank(s));
    st = net_gradients(g->net, &share, round->step, s->images, NULL);
    return st ? st
              : net_vector_read(g->net, g->values, NET_GRADIENTS,
                                net_whole(g->net));
}

/* Send those gradients to the next rank, and get this rank's from the one
 * before. */
static clade_status exchange(struct shadow *s, const struct group_round *round)
{
    const struct dist *d = s->group->dist;
    const int next = next_rank(s), before = rank_before(s);

    memset(s->in, 0, d->size * sizeof *s->in);
    memset(s->out, 0, d->size * sizeof *s->out);
    if (group_share_size(round, next))
        s->out[next].bytes = vector_bytes(s);
    if (group_share_size(round, d->rank))
        s->in[before].bytes = vector_bytes(s);
    return dist_exchange(d, s->theirs, s->in, s->group->values, s->out);
}

static bool are_alike(const struct shadow *s, int a, int b)
{
    return s->devices->of_rank[a] == s->devices->of_rank[b];
}

/* Compare both computations of this rank's share. */
static struct shadow_finding compare(const struct shadow *s)
{
    const int rank = s->group->dist->rank;
    const bool alike = are_alike(s, rank, rank_before(s));
    const struct clade_parameter *list;
    const int n = clade_net_parameters(s->group->net, &list);
    struct shadow_finding f = { .distance = -1 };

    for (int i = 0; i < n; i++) {
        bool same;
        const double d =
            shadow_distance(&same, s, i, s->group->gradients, s->theirs);

        f.bad |= d > SHADOW_LIMIT || (alike && !same);
        if (d <= f.distance)
            continue;
        f.distance = d;
        f.parameter = i;
    }
    return f;
}

/* Keep the largest distance of all checks. */
static void keep_largest(struct shadow *s, uint32_t step)
{
    for (int r = 0; r < s->group->dist->size; r++) {
        if (s->findings[r].distance <= s->distance)
            continue;
        s->distance = s->findings[r].distance;
        s->parameter = s->findings[r].parameter;
        s->step = step;
    }
}

static clade_status check(void *arg, const struct group_round *round)
{
    struct shadow *s = arg;
    struct group *g = s->group;
    const int ranks = g->dist->size, rank = g->dist->rank;
    clade_status st;

    if (round->step % s->options->every)
        return CLADE_OK;
    if ((st = compute(s, round)) || (st = exchange(s, round)))
        return st;
    memset(s->findings, 0, ranks * sizeof *s->findings);
    if (group_share_size(round, rank))
        s->findings[rank] = compare(s);
    if ((st = dist_gather_items(g->dist, s->findings, sizeof *s->findings)))
        return st;
    keep_largest(s, round->step);
    s->checks += !round->number;
    for (int r = 0; r < ranks && !st; r++) {
        bool fault = false;

        if (s->findings[r].bad)
            st = shadow_diagnose(&fault, s, round, r);
        s->faults += fault;
        if (fault && !s->options->warn)
            st = CLADE_EBOUND;
    }
    return st;
}

/* ---- begin and end ------------------------------------------------------- */

clade_status shadow_check(const struct shadow_options *options,
                          const struct dist *dist)
{
    if (options->warn && !options->every)
        return clade_fail(CLADE_EUSAGE, "no step is to be checked that could "
                                        "give a warning");
    if (options->every && dist->size < 2)
        return clade_fail(CLADE_EUSAGE,
                          "there is only one process: devices can check each "
                          "other if mpirun starts at least two");
    return CLADE_OK;
}

static clade_status make_room(struct shadow *s, int largest)
{
    const int ranks = s->group->dist->size;

    s->hosts = calloc(ranks, sizeof *s->hosts);
    s->theirs = malloc(vector_bytes(s));
    s->images = calloc(largest, sizeof *s->images);
    s->findings = calloc(ranks, sizeof *s->findings);
    s->opinions = calloc(ranks, sizeof *s->opinions);
    s->in = calloc(ranks, sizeof *s->in);
    s->out = calloc(ranks, sizeof *s->out);
    return s->hosts && s->theirs && s->images && s->findings && s->opinions &&
                   s->in && s->out
               ? CLADE_OK
               : out_of_memory();
}

clade_status shadow_new(struct shadow *s, const struct shadow_options *options,
                        struct group *group, const struct run_devices *devices,
                        const struct clade_net_config *config,
                        void (*notice)(void *arg, const char *text), void *arg)
{
    const struct dist *d = group->dist;
    clade_status st;

    *s = (struct shadow){ .options = options,
                          .devices = devices,
                          .config = config,
                          .notice = d->rank ? NULL : notice,
                          .arg = arg,
                          .group = group };
    if ((st = make_room(s, config->train_batch)))
        return st;
    memcpy(s->hosts[d->rank], d->host, sizeof d->host);
    group->watch = check;
    group->watch_arg = s;
    return dist_gather_items(group->dist, s->hosts, sizeof *s->hosts);
}

void shadow_free(struct shadow *s)
{
    free(s->hosts);
    free(s->theirs);
    free(s->images);
    free(s->findings);
    free(s->opinions);
    free(s->in);
    free(s->out);
    *s = (struct shadow){ 0 };
}

void shadow_conclude(const struct shadow *s)
{
    const struct clade_parameter *list;
    char text[256], where[128] = "";

    if (!s->notice || !s->checks)
        return;
    clade_net_parameters(s->group->net, &list);
    if (s->distance > 0)
        snprintf(where, sizeof where, " (%s, step %lu)",
                 list[s->parameter].name, (unsigned long)s->step);
    snprintf(text, sizeof text,
             "steps in which the devices checked each other: %d; faults: %d; "
             "the largest D: %.2g%s",
             s->checks, s->faults, s->distance, where);
    s->notice(s->arg, text);
}
