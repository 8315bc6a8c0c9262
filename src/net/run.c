/* SPDX-License-Identifier: Apache-2.0 */
#include "net/state.h"

#include <math.h>
#include <string.h>

#include "status.h"

/* A step at work. */
struct step_run {
    clade_net *net;
    const struct plan *plan;
    const struct net_observer *observer; /* or NULL */
};

static clade_status observe(const struct step_run *r, int i,
                            clade_status (*call)(void *, const struct plan *,
                                                 int))
{
    clade_status st = clade_backend_finish(r->net->be);

    return st ? st : call(r->observer->arg, r->plan, i);
}

static clade_status run_op(const struct step_run *r, int i)
{
    const struct net_observer *o = r->observer;
    clade_status st;

    if (o && o->before && (st = observe(r, i, o->before)))
        return st;
    st = o && o->run ? observe(r, i, o->run)
                     : clade_backend_run(r->net->be, r->plan->tasks[i]);
    if (st)
        return st;
    return o && o->after ? observe(r, i, o->after) : CLADE_OK;
}

/* Run the ops of one phase, but for the first `skip`. */
static clade_status run_phase(const struct step_run *r, enum plan_phase phase,
                              int skip)
{
    clade_status st;

    for (int i = r->plan->phase[phase] + skip; i < r->plan->phase[phase + 1];
         i++)
        if ((st = run_op(r, i)))
            return st;
    return CLADE_OK;
}

/* Pack the filters that changed after they were packed last, for this plan or
 * another one. */
static clade_status run_pack(const struct step_run *r)
{
    clade_net *net = r->net;
    clade_status st;

    for (int i = r->plan->phase[PLAN_PACK]; i < r->plan->phase[PLAN_FORWARD];
         i++) {
        struct packed_filter *f = &net->packed[r->plan->filters[i]];

        if (f->version == net->version)
            continue;
        if ((st = run_op(r, i)))
            return st;
        f->version = net->version;
    }
    return CLADE_OK;
}

static clade_status write_at(clade_net *net, const struct clade_tensor *t,
                             const void *from, size_t bytes)
{
    return clade_backend_write(
        net->be, t->buffer, t->offset * clade_type_size(t->type), from, bytes);
}

void clade_net_staging(clade_net *net, uint8_t **bytes, uint8_t **labels)
{
    uint8_t *start =
        net && net->staging ? clade_backend_map(net->be, net->staging) : NULL;

    if (bytes)
        *bytes = start;
    if (labels)
        *labels = start ? start + net->staging_bytes - net->largest : NULL;
}

/* Copy to the staging buffer, unless the caller has filled it itself. */
static void stage(uint8_t *to, const uint8_t *from, size_t bytes)
{
    if (from != to)
        memcpy(to, from, bytes);
}

/*
 * Queue the writes of images and labels, from the staging buffer.  It is free:
 * the step before this one ended with a read, which waited for that step's
 * writes.
 */
static clade_status queue_inputs(const struct step_run *r,
                                 const struct clade_batch *batch)
{
    clade_net *net = r->net;
    const struct plan *p = r->plan;
    const size_t images = clade_tensor_elements(&p->bytes);
    uint8_t *bytes, *labels;
    clade_status st;

    clade_net_staging(net, &bytes, &labels);
    stage(labels, batch->labels, batch->n);
    if ((st = write_at(net, &p->labels, labels, batch->n)))
        return st;
    if (batch->pixels)
        return net_write_reals(net, p->pixels.buffer, p->pixels.offset,
                               batch->pixels,
                               clade_tensor_elements(&p->pixels));
    stage(bytes, batch->bytes, images);
    return write_at(net, &p->bytes, bytes, images);
}

static double loss_at(const clade_net *net, int i)
{
    return net->real == CLADE_F64 ? ((const double *)net->results)[i]
                                  : ((const float *)net->results)[i];
}

/* Wait for the losses and hits of the step. */
static clade_status read_results(const struct step_run *r,
                                 struct net_image *images)
{
    clade_net *net = r->net;
    const int heads = net->graph.n_heads, most = net->largest;
    const struct plan_block *b = &net->fixed[NET_RESULTS];
    const uint8_t *hits = (const uint8_t *)net->results +
                          (size_t)heads * most * clade_type_size(net->real);
    const clade_status st =
        clade_backend_read(net->be, net->results, b->real, 0, b->base.bytes);

    for (int n = 0; n < r->plan->batch && !st; n++)
        for (int h = 0; h < heads; h++) {
            images[n].loss[h] = loss_at(net, h * most + n);
            images[n].hit[h] = hits[h * most + n];
        }
    return st;
}

clade_status net_means(const clade_net *net, struct clade_result *result,
                       const struct net_image *images, int n)
{
    const struct graph *g = &net->graph;
    struct clade_result means = { .images = n };

    for (int h = 0; h < g->n_heads; h++) {
        for (int i = 0; i < n; i++) {
            means.head_loss[h] += images[i].loss[h];
            means.hits[h] += images[i].hit[h];
        }
        means.head_loss[h] /= n;
        means.loss += g->head[h]->weight * means.head_loss[h];
        if (!isfinite(means.head_loss[h]))
            return clade_fail(CLADE_EDIVERGED,
                              "the loss of %s is %g after %lu steps",
                              g->head[h]->title, means.head_loss[h],
                              (unsigned long)net->step.number);
    }
    *result = means;
    return CLADE_OK;
}

static clade_status check_batch(const struct clade_batch *b)
{
    const int whole = b->batch ? b->batch : b->n;

    if (!b->labels || !b->bytes == !b->pixels)
        return clade_fail(CLADE_EUSAGE,
                          "a batch of %d images must have labels, and either "
                          "bytes or pixels, not both",
                          b->n);
    if (b->first < 0 || b->batch < 0 || b->first > whole - b->n)
        return clade_fail(CLADE_EUSAGE,
                          "%d images from image %d on, of a whole batch of %d: "
                          "there are not so many",
                          b->n, b->first, whole);
    return CLADE_OK;
}

/* Check a batch, and find its plan. */
static clade_status begin(struct step_run *r, clade_net *net,
                          const struct clade_batch *batch, bool training,
                          const struct net_observer *observer)
{
    const int classes = net->graph.table->classes;
    clade_status st;

    *r = (struct step_run){ .net = net,
                            .plan = net_plan(net, batch->n, training),
                            .observer = observer };
    if (!r->plan)
        return clade_fail(CLADE_EUSAGE,
                          "the net has no plan for %s %d images at a time",
                          training ? "training" : "evaluating", batch->n);
    if ((st = check_batch(batch)))
        return st;
    for (int n = 0; n < batch->n; n++)
        if (batch->labels[n] >= classes)
            return clade_fail(CLADE_EDATA,
                              "the label of image %d is %d; the net knows "
                              "0 to %d",
                              n, batch->labels[n], classes - 1);
    return CLADE_OK;
}

static clade_status run_forward(const struct step_run *r,
                                const struct clade_batch *batch)
{
    clade_status st;

    r->net->step.first_image = batch->first;
    r->net->step.batch = batch->batch ? batch->batch : batch->n;
    if ((st = queue_inputs(r, batch)) || (st = run_pack(r)))
        return st;
    return run_phase(r, PLAN_FORWARD, batch->pixels ? 1 : 0);
}

clade_status net_gradients(clade_net *net, const struct clade_batch *batch,
                           uint32_t step, struct net_image *images,
                           const struct net_observer *observer)
{
    struct step_run r;
    clade_status st;

    if ((st = begin(&r, net, batch, true, observer)))
        return st;
    net->trained = r.plan;
    net->step.number = step;
    net->step.dropout = net->dropout;
    if ((st = run_forward(&r, batch)) || (st = run_phase(&r, PLAN_BACKWARD, 0)))
        return st;
    return read_results(&r, images);
}

clade_status net_forward(clade_net *net, const struct clade_batch *batch,
                         struct net_image *images,
                         const struct net_observer *observer)
{
    struct step_run r;
    clade_status st;

    if ((st = begin(&r, net, batch, false, observer)))
        return st;
    net->step.dropout = false;
    if ((st = run_forward(&r, batch)))
        return st;
    return read_results(&r, images);
}

clade_status net_update(clade_net *net, float learning_rate,
                        const struct net_observer *observer)
{
    const struct step_run r = { .net = net,
                                .plan = net->trained,
                                .observer = observer };
    clade_status st;

    if (!r.plan)
        return clade_fail(CLADE_EUSAGE, "the net has no gradients yet");
    net->step.learning_rate = learning_rate;
    if ((st = run_phase(&r, PLAN_UPDATE, 0)))
        return st;
    net->version++;
    return clade_backend_flush(net->be);
}

clade_status net_train(clade_net *net, const struct clade_batch *batch,
                       uint32_t step, float learning_rate,
                       struct clade_result *result,
                       const struct net_observer *observer)
{
    clade_status st;

    if ((st = net_gradients(net, batch, step, net->images, observer)) ||
        (st = net_means(net, result, net->images, batch->n)))
        return st;
    return net_update(net, learning_rate, observer);
}

clade_status net_eval(clade_net *net, const struct clade_batch *batch,
                      struct clade_result *result,
                      const struct net_observer *observer)
{
    const clade_status st = net_forward(net, batch, net->images, observer);

    return st ? st : net_means(net, result, net->images, batch->n);
}

clade_status clade_net_train(clade_net *net, const struct clade_batch *batch,
                             uint32_t step, float learning_rate,
                             struct clade_result *result)
{
    const clade_status st =
        status_given(__func__, "net, batch, result", net && batch && result);

    return st ? st : net_train(net, batch, step, learning_rate, result, NULL);
}

clade_status clade_net_eval(clade_net *net, const struct clade_batch *batch,
                            struct clade_result *result)
{
    const clade_status st =
        status_given(__func__, "net, batch, result", net && batch && result);

    return st ? st : net_eval(net, batch, result, NULL);
}

/* A batch without labels gets zeros, in the memory that they are sent from. */
clade_status clade_net_predict(clade_net *net, const struct clade_batch *batch,
                               float *logits)
{
    const clade_status given =
        status_given(__func__, "net, batch, logits", net && batch && logits);
    struct clade_batch b;
    uint8_t *labels;
    clade_status st;

    if (given)
        return given;
    b = *batch;
    clade_net_staging(net, NULL, &labels);
    if (!b.labels && labels)
        b.labels = memset(labels, 0, net->largest);
    if ((st = net_forward(net, &b, net->images, NULL)))
        return st;
    return net_tensor_read(net, logits, &net_plan(net, b.n, false)->logits);
}
