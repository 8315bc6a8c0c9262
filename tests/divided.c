/* SPDX-License-Identifier: Apache-2.0 */
#include "divided.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "tap.h"
#include "train/group.h"

enum { PIXELS = 224 * 224 * 3, SHARES_MAX = 16 };

/* A training at work. */
struct work {
    const struct training_config *config;
    const struct dist *dist;
    struct shares shares;
    clade_net *net;
    struct group group;
    float *pixels, *gradients;
    uint8_t *labels;
    struct divided *divided;
};

static void must(clade_status st)
{
    if (st)
        tap_bail("a training in shares: %s", clade_error());
}

static void *must_have(size_t bytes)
{
    void *memory = malloc(bytes);

    if (!memory)
        tap_bail("no memory for a training in shares");
    return memory;
}

static void make_net(struct work *w, clade_backend *be)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    int sizes[SHARES_MAX + 1] = { 0 };

    for (int s = 0; s < w->shares.count && s < SHARES_MAX; s++)
        sizes[s] = shares_size(&w->shares, s, w->config->batch);
    config.train_shares = sizes;
    config.seed = w->config->seed;
    config.momentum = (float)w->config->momentum;
    config.dropout = false;
    config.record_init = true;
    config.rank = w->dist->rank;
    config.ranks = w->dist->size;
    must(clade_net_new(&w->net, be, &config));
}

static void make_batch(struct work *w)
{
    const int n = w->config->batch;

    w->pixels = must_have((size_t)n * PIXELS * sizeof *w->pixels);
    w->labels = must_have((size_t)n);
    for (size_t i = 0; i < (size_t)n * PIXELS; i++)
        w->pixels[i] = rng_record("input", w->config->seed, i);
    for (int i = 0; i < n; i++)
        w->labels[i] = (uint8_t)(i % 10);
}

static struct clade_batch images(void *arg, int first, int count)
{
    const struct work *w = arg;

    return (struct clade_batch){ .n = count,
                                 .pixels = w->pixels + (size_t)first * PIXELS,
                                 .labels = w->labels + first };
}

static void add(struct work *w, enum quantity_kind kind, int step,
                const char *name, double value)
{
    struct quantity q = quantity_of(kind, step, name);

    q.value = value;
    must(trace_add(&w->divided->trace, &q));
}

static void add_losses(struct work *w, int step, const struct clade_result *r)
{
    const struct clade_net_shape shape = clade_net_shape(w->net);

    add(w, QUANTITY_LOSS, step, "total", r->loss);
    for (int h = 0; h < shape.heads; h++)
        add(w, QUANTITY_LOSS, step, shape.head[h], r->head_loss[h]);
}

/* Get the sum of all shares' gradients, of which each rank has a piece. */
static void gather_gradients(struct work *w)
{
    const struct dist_part *pieces = w->group.pieces;
    const struct dist_part own = pieces[w->dist->rank];

    memcpy((char *)w->gradients + own.at, w->group.sum, own.bytes);
    must(dist_gather(w->dist, w->gradients, pieces, -1));
}

static double norm_of(const struct work *w, const struct clade_tensor *t)
{
    double squares = 0;

    for (int64_t p = 0; p < clade_tensor_pixels(t); p++)
        for (int c = 0; c < t->c; c++) {
            const double v = w->gradients[t->offset + p * t->ld + c];

            squares += v * v;
        }
    return sqrt(squares);
}

static void add_norms(struct work *w, int step)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(w->net, &list);

    gather_gradients(w);
    for (int i = 0; i < n; i++)
        add(w, QUANTITY_NORM, step, list[i].name,
            norm_of(w, &list[i].gradient));
}

static void train(struct work *w)
{
    const struct group_batch batch = { w->config->batch, images, w };

    for (int step = 0; step < w->config->steps; step++) {
        struct clade_result result;

        must(group_train(&w->group, &batch, (uint32_t)step,
                         (float)w->config->learning_rate, &result));
        add_losses(w, step, &result);
        add_norms(w, step);
    }
}

void divided_train(struct divided *d, clade_backend *be,
                   const struct dist *dist, const char *sizes,
                   const struct training_config *config)
{
    const struct clade_train_config cut = { .batch = config->batch,
                                            .shares = sizes };
    struct work w = { .config = config, .dist = dist, .divided = d };

    *d = (struct divided){ .values = NULL };
    must(shares_new(&w.shares, &cut, dist->size));
    make_net(&w, be);
    make_batch(&w);
    d->bytes = (size_t)net_whole(w.net).count * sizeof(float);
    d->values = must_have(d->bytes);
    w.gradients = must_have(d->bytes);
    must(group_new(&w.group, dist, &w.shares, w.net, config->batch));
    train(&w);
    must(net_vector_read(w.net, d->values, NET_VALUES, net_whole(w.net)));
    group_free(&w.group);
    free(w.gradients);
    free(w.pixels);
    free(w.labels);
    clade_net_free(w.net);
    shares_free(&w.shares);
}

void divided_free(struct divided *d)
{
    trace_free(&d->trace);
    free(d->values);
}

void divided_note(void *arg, const struct clade_training *t)
{
    (void)arg;
    tap_note("distance %.3g, the farthest noisy run has %.3g", t->distance,
             t->largest);
}
