/* SPDX-License-Identifier: Apache-2.0 */
#include "net/state.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "status.h"

/* A run of a plan, watched or not. */
struct run {
    clade_net *net;
    const struct plan *plan;
    const struct net_observer *observer;
};

static clade_status watch(const struct run *r, int i,
                          clade_status (*call)(void *, const struct plan *,
                                               int))
{
    clade_status st = clade_backend_finish(r->net->be);

    return st ? st : call(r->observer->arg, r->plan, i);
}

static clade_status run_op(const struct run *r, int i)
{
    const struct net_observer *o = r->observer;
    clade_status st;

    if (o && o->before && (st = watch(r, i, o->before)))
        return st;
    st = o && o->run ? watch(r, i, o->run)
                     : clade_backend_run(r->net->be, r->plan->tasks[i]);
    if (st)
        return st;
    return o && o->after ? watch(r, i, o->after) : CLADE_OK;
}

/* The ops of one phase, without the first `skip`. */
static clade_status run_phase(const struct run *r, enum plan_phase phase,
                              int skip)
{
    clade_status st;

    for (int i = r->plan->phase[phase] + skip; i < r->plan->phase[phase + 1];
         i++)
        if ((st = run_op(r, i)))
            return st;
    return CLADE_OK;
}

static struct packed_filter *packed_at(clade_net *net,
                                       const struct clade_tensor *t)
{
    const size_t at = t->offset * clade_type_size(t->type);
    int i = 0;

    while (i < net->n_packed && net->packed[i].block.at != at)
        i++;
    assert(i < net->n_packed);
    return &net->packed[i];
}

/* Pack the filters that have changed since; plans share what is packed. */
static clade_status run_pack(const struct run *r)
{
    clade_net *net = r->net;
    clade_status st;

    for (int i = r->plan->phase[PLAN_PACK]; i < r->plan->phase[PLAN_FORWARD];
         i++) {
        struct packed_filter *f =
            packed_at(net, &r->plan->ops[i].t[CLADE_PACKED]);

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

/*
 * Queue the images and labels by way of the pinned buffer.  The step before
 * has ended with a read, which waited for its own: the buffer is free again.
 */
static clade_status queue_inputs(const struct run *r,
                                 const struct clade_batch *batch)
{
    clade_net *net = r->net;
    const struct plan *p = r->plan;
    const size_t images = clade_tensor_elements(&p->bytes);
    uint8_t *staging = clade_backend_map(net->be, net->staging);
    clade_status st;

    memcpy(staging + images, batch->labels, batch->n);
    if ((st = write_at(net, &p->labels, staging + images, batch->n)))
        return st;
    if (batch->pixels)
        return net_write_reals(net, p->pixels.buffer, p->pixels.offset,
                               batch->pixels,
                               clade_tensor_elements(&p->pixels));
    memcpy(staging, batch->bytes, images);
    return write_at(net, &p->bytes, staging, images);
}

static double loss_at(const clade_net *net, int i)
{
    return net->real == CLADE_F64 ? ((const double *)net->results)[i]
                                  : ((const float *)net->results)[i];
}

/* Wait for the step's losses and hits: the means, in double. */
static clade_status read_results(const struct run *r,
                                 struct clade_result *result)
{
    clade_net *net = r->net;
    const struct graph *g = &net->graph;
    const struct plan_block *b = &net->fixed[NET_RESULTS];
    const uint8_t *hits =
        (const uint8_t *)net->results +
        (size_t)g->n_heads * net->largest * clade_type_size(net->real);
    struct clade_result got = { .images = r->plan->batch };
    clade_status st;

    if ((st = clade_backend_read(net->be, net->results, b->real, 0,
                                 b->base.bytes)))
        return st;
    for (int h = 0; h < g->n_heads; h++) {
        for (int n = 0; n < got.images; n++) {
            got.head_loss[h] += loss_at(net, h * net->largest + n);
            got.hits[h] += hits[h * net->largest + n];
        }
        got.head_loss[h] /= got.images;
        got.loss += g->head[h]->weight * got.head_loss[h];
    }
    *result = got;
    return CLADE_OK;
}

static clade_status check_finite(const struct run *r,
                                 const struct clade_result *result)
{
    const struct graph *g = &r->net->graph;

    for (int h = 0; h < g->n_heads; h++)
        if (!isfinite(result->head_loss[h]))
            return clade_fail(CLADE_EDIVERGED,
                              "the loss of %s is %g after %lu steps: try a "
                              "smaller learning rate",
                              g->head[h]->title, result->head_loss[h],
                              (unsigned long)r->net->step.number);
    return CLADE_OK;
}

/* The plan, and labels that name a class. */
static clade_status begin(struct run *r, clade_net *net,
                          const struct clade_batch *batch, bool training,
                          const struct net_observer *observer)
{
    const int classes = net->graph.table->classes;

    *r = (struct run){ .net = net,
                       .plan = net_plan(net, batch->n, training),
                       .observer = observer };
    if (!r->plan)
        return clade_fail(CLADE_EUSAGE,
                          "the net has no plan for %s %d images at a time",
                          training ? "training" : "evaluating", batch->n);
    for (int n = 0; n < batch->n; n++)
        if (batch->labels[n] >= classes)
            return clade_fail(CLADE_EDATA,
                              "the label of image %d is %d; the net knows "
                              "0 to %d",
                              n, batch->labels[n], classes - 1);
    return CLADE_OK;
}

static clade_status run_forward(const struct run *r,
                                const struct clade_batch *batch)
{
    clade_status st;

    r->net->step.first_image = batch->first;
    r->net->step.batch = batch->batch ? batch->batch : batch->n;
    if ((st = queue_inputs(r, batch)) || (st = run_pack(r)))
        return st;
    return run_phase(r, PLAN_FORWARD, batch->pixels ? 1 : 0);
}

clade_status net_train(clade_net *net, const struct clade_batch *batch,
                       uint32_t step, float learning_rate,
                       struct clade_result *result,
                       const struct net_observer *observer)
{
    struct run r;
    clade_status st;

    if ((st = begin(&r, net, batch, true, observer)))
        return st;
    net->step.number = step;
    net->step.learning_rate = learning_rate;
    net->step.dropout = net->dropout;
    if ((st = run_forward(&r, batch)) ||
        (st = run_phase(&r, PLAN_BACKWARD, 0)) ||
        (st = read_results(&r, result)) || (st = check_finite(&r, result)) ||
        (st = run_phase(&r, PLAN_UPDATE, 0)))
        return st;
    net->version++;
    return clade_backend_flush(net->be);
}

clade_status net_eval(clade_net *net, const struct clade_batch *batch,
                      struct clade_result *result,
                      const struct net_observer *observer)
{
    struct run r;
    clade_status st;

    if ((st = begin(&r, net, batch, false, observer)))
        return st;
    net->step.dropout = false;
    if ((st = run_forward(&r, batch)) || (st = read_results(&r, result)))
        return st;
    return check_finite(&r, result);
}

clade_status clade_net_train(clade_net *net, const struct clade_batch *batch,
                             uint32_t step, float learning_rate,
                             struct clade_result *result)
{
    return net_train(net, batch, step, learning_rate, result, NULL);
}

clade_status clade_net_eval(clade_net *net, const struct clade_batch *batch,
                            struct clade_result *result)
{
    return net_eval(net, batch, result, NULL);
}
