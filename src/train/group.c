/* SPDX-License-Identifier: Apache-2.0 */
#include "train/group.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "status.h"

/* ---- making it ----------------------------------------------------------- */

static bool is_alone(const struct group *g)
{
    return g->dist->size == 1 && g->shares->count == 1;
}

static struct net_piece own_piece(const struct group *g)
{
    return net_piece(g->net, g->dist->rank, g->dist->size);
}

static clade_status out_of_memory(void)
{
    return clade_fail(CLADE_ENOMEM, "shares of a batch: out of memory");
}

/* What only those need who add gradients up. */
static clade_status make_vectors(struct group *g)
{
    const int ranks = g->dist->size;
    const size_t whole = net_whole(g->net).count * g->element;
    const size_t own = own_piece(g).count * g->element;

    g->gradients = malloc(whole);
    g->values = malloc(whole);
    g->received = malloc(own * ranks);
    g->sum = malloc(own);
    if (!g->gradients || !g->values || !g->received || !g->sum)
        return out_of_memory();
    for (int r = 0; r < ranks; r++) {
        const struct net_piece p = net_piece(g->net, r, ranks);

        g->pieces[r] =
            (struct dist_part){ p.first * g->element, p.count * g->element };
    }
    return CLADE_OK;
}

clade_status group_new(struct group *g, const struct dist *dist,
                       const struct shares *shares, clade_net *net, int largest)
{
    const int ranks = dist->size;

    *g = (struct group){ .dist = dist, .shares = shares, .net = net };
    g->element = clade_type_size(clade_backend_real(net_backend(net)));
    g->images = calloc(largest, sizeof *g->images);
    g->out = calloc(ranks, sizeof *g->out);
    g->in = calloc(ranks, sizeof *g->in);
    g->pieces = calloc(ranks, sizeof *g->pieces);
    if (!g->images || !g->out || !g->in || !g->pieces)
        return out_of_memory();
    return is_alone(g) ? CLADE_OK : make_vectors(g);
}

void group_free(struct group *g)
{
    free(g->images);
    free(g->gradients);
    free(g->received);
    free(g->sum);
    free(g->values);
    free(g->out);
    free(g->in);
    free(g->pieces);
    *g = (struct group){ 0 };
}

/* ---- phases -------------------------------------------------------------- */

static void begin_phases(struct group *g)
{
    g->since = clock_now();
}

/* The time since the last phase ended belongs to this one. */
static void end_phase(struct group *g, enum group_phase phase)
{
    const double now = clock_now();

    g->seconds[phase] += now - g->since;
    g->since = now;
}

/* ---- rounds -------------------------------------------------------------- */

/* A step at work. */
struct together {
    struct group_round at;
    bool training, begun; /* begun: a share is in the sum */
};

int group_share_of(const struct group_round *round, int rank)
{
    return round->number * round->group->dist->size + rank;
}

int group_share_size(const struct group_round *round, int rank)
{
    const struct shares *shares = round->group->shares;
    const int share = group_share_of(round, rank);

    return share < shares->count ? shares_size(shares, share, round->batch->n)
                                 : 0;
}

static int first_of(const struct group_round *round, int rank)
{
    return shares_first(round->group->shares, group_share_of(round, rank),
                        round->batch->n);
}

struct clade_batch group_share(const struct group_round *round, int rank)
{
    const struct group_batch *batch = round->batch;
    const int first = first_of(round, rank);
    struct clade_batch share =
        batch->images(batch->arg, first, group_share_size(round, rank));

    share.first = first;
    share.batch = batch->n;
    return share;
}

static clade_status compute(const struct together *t)
{
    struct group *g = t->at.group;
    struct clade_batch share;

    if (!group_share_size(&t->at, g->dist->rank))
        return CLADE_OK;
    share = group_share(&t->at, g->dist->rank);
    g->share = group_share_of(&t->at, g->dist->rank);
    return t->training ? net_gradients(g->net, &share, t->at.step,
                                       g->images + share.first, g->observer)
                       : net_forward(g->net, &share, g->images + share.first,
                                     g->observer);
}

/* Let all ranks know what each has found for its images. */
static clade_status tell_images(const struct group_round *round)
{
    struct group *g = round->group;
    const size_t size = sizeof *g->images;
    clade_status st;

    for (int r = 0; r < g->dist->size; r++) {
        const int n = group_share_size(round, r);

        g->in[r] =
            (struct dist_part){ n ? first_of(round, r) * size : 0, n * size };
    }
    st = dist_gather(g->dist, g->images, g->in, -1);
    end_phase(g, GROUP_WAIT);
    return st;
}

/* Send each other rank its piece of this rank's gradients, and receive this
 * rank's piece of theirs. */
static clade_status exchange(const struct group_round *round)
{
    struct group *g = round->group;
    const bool some = group_share_size(round, g->dist->rank) > 0;
    const size_t own = own_piece(g).count * g->element;
    clade_status st = CLADE_OK;

    if (some)
        st = net_vector_read(g->net, g->gradients, NET_GRADIENTS,
                             net_whole(g->net));
    end_phase(g, GROUP_COPY);
    for (int r = 0; r < g->dist->size; r++) {
        const bool other = r != g->dist->rank;
        const bool theirs = other && group_share_size(round, r) > 0;

        g->out[r] = some && other ? g->pieces[r] : (struct dist_part){ 0 };
        g->in[r] = (struct dist_part){ r * own, theirs ? own : 0 };
    }
    if (!st)
        st = dist_exchange(g->dist, g->received, g->in, g->gradients, g->out);
    end_phase(g, GROUP_EXCHANGE);
    return st;
}

static void add(const struct group *g, void *to, const void *from, int64_t n)
{
    if (g->element == sizeof(float))
        for (int64_t i = 0; i < n; i++)
            ((float *)to)[i] += ((const float *)from)[i];
    else
        for (int64_t i = 0; i < n; i++)
            ((double *)to)[i] += ((const double *)from)[i];
}

/* Add the shares of a round to the sum, in their order. */
static void add_round(struct together *t)
{
    struct group *g = t->at.group;
    const int64_t n = own_piece(g).count;

    for (int r = 0; r < g->dist->size; r++) {
        const char *piece = r == g->dist->rank ? g->gradients + g->pieces[r].at
                                               : g->received + g->in[r].at;

        if (!group_share_size(&t->at, r))
            continue;
        if (t->begun)
            add(g, g->sum, piece, n);
        else
            memcpy(g->sum, piece, n * g->element);
        t->begun = true;
    }
    end_phase(g, GROUP_SUM);
}

static int rounds_of(const struct group *g)
{
    const int ranks = g->dist->size;

    return (g->shares->count + ranks - 1) / ranks;
}

static clade_status run_rounds(struct together *t)
{
    struct group *g = t->at.group;
    clade_status st = CLADE_OK;

    begin_phases(g);
    for (; t->at.number < rounds_of(g) && !st; t->at.number++) {
        st = compute(t);
        end_phase(g, GROUP_COMPUTE);
        if (st || (st = tell_images(&t->at)))
            break;
        if (!t->training || is_alone(g))
            continue;
        if ((st = exchange(&t->at)))
            break;
        add_round(t);
        if (g->watch)
            st = g->watch(g->watch_arg, &t->at);
        begin_phases(g);
    }
    return st;
}

/* ---- steps --------------------------------------------------------------- */

/* Give the other ranks this rank's piece of the new parameters, and take
 * theirs. */
static clade_status tell_values(struct group *g)
{
    const struct net_piece own = own_piece(g), whole = net_whole(g->net);
    const struct net_piece before = { 0, own.first };
    const struct net_piece after = { own.first + own.count,
                                     whole.count - own.first - own.count };
    clade_status st;

    if (g->dist->size == 1)
        return CLADE_OK;
    st = clade_backend_finish(net_backend(g->net));
    end_phase(g, GROUP_UPDATE);
    if (st || (st = net_vector_read(g->net, g->values + own.first * g->element,
                                    NET_VALUES, own)))
        return st;
    end_phase(g, GROUP_COPY);
    st = dist_gather(g->dist, g->values, g->pieces, -1);
    end_phase(g, GROUP_VALUES);
    if (st || (st = net_vector_write(g->net, NET_VALUES, before, g->values)))
        return st;
    st = net_vector_write(g->net, NET_VALUES, after,
                          g->values + after.first * g->element);
    end_phase(g, GROUP_COPY);
    return st;
}

clade_status group_train(struct group *g, const struct group_batch *batch,
                         uint32_t step, float learning_rate,
                         struct clade_result *result)
{
    struct together t = { .at = { g, batch, step, 0 }, .training = true };
    clade_status st;

    if ((st = run_rounds(&t)) ||
        (st = net_means(g->net, result, g->images, batch->n)))
        return st;
    if (!is_alone(g) &&
        (st = net_vector_write(g->net, NET_GRADIENTS, own_piece(g), g->sum)))
        return st;
    end_phase(g, GROUP_COPY);
    st = net_update(g->net, learning_rate, g->observer);
    end_phase(g, GROUP_UPDATE);
    return st ? st : tell_values(g);
}

clade_status group_alone(struct group *g, const struct group_batch *batch,
                         uint32_t step, float learning_rate)
{
    struct together t = { .at = { g, batch, step, 0 }, .training = true };
    clade_status st = CLADE_OK;

    for (; t.at.number < rounds_of(g) && !st; t.at.number++)
        st = compute(&t);
    if (!st)
        st = net_update(g->net, learning_rate, NULL);
    return st ? st : clade_backend_finish(net_backend(g->net));
}

clade_status group_eval(struct group *g, const struct group_batch *batch,
                        struct clade_result *result)
{
    struct together t = { .at = { g, batch, 0, 0 } };
    const clade_status st = run_rounds(&t);

    return st ? st : net_means(g->net, result, g->images, batch->n);
}

clade_status group_any(bool *any, struct group *g, bool mine)
{
    const int ranks = g->dist->size;
    char *all = calloc(ranks, 1);
    clade_status st = all ? CLADE_OK : out_of_memory();

    begin_phases(g);
    if (!st) {
        all[g->dist->rank] = mine;
        st = dist_gather_items(g->dist, all, 1);
    }
    end_phase(g, GROUP_WAIT);
    *any = !st && memchr(all, 1, ranks);
    free(all);
    return st;
}

clade_status group_momenta(struct group *g, void *momenta)
{
    const struct net_piece own = own_piece(g);
    const clade_status st = net_vector_read(
        g->net, (char *)momenta + own.first * g->element, NET_MOMENTA, own);

    return st || g->dist->size == 1
               ? st
               : dist_gather(g->dist, momenta, g->pieces, 0);
}
