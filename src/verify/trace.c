/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "status.h"

struct training {
    clade_backend *be;
    clade_net *net;
    struct training_config config;
    struct clade_batch batch;
    struct noise *noise;       /* made when it is first used */
    struct verify_copy pixels; /* of the tensor that was read last */
};

/* A trace in the making. */
struct tracer {
    struct training *training;
    const struct trace_options *options;
    struct trace trace;
    int step;
};

/* ---- traces -------------------------------------------------------------- */

void quantity_name(struct quantity *q, const char *name)
{
    static const char *const words[] = { "activation", "losses", "gradients",
                                         "gradient", "parameter" };

    snprintf(q->name, sizeof(q->name), "step%d/%s/%s", q->step, words[q->kind],
             name);
}

const char *quantity_short_name(const struct quantity *q)
{
    const char *slash = strchr(q->name, '/');

    return strchr(slash + 1, '/') + 1;
}

clade_status trace_add(struct trace *t, const struct quantity *q)
{
    if (t->n == t->room) {
        const int room = 2 * t->room + 64;
        struct quantity *list = realloc(t->list, room * sizeof(*list));

        if (!list)
            return clade_fail(CLADE_ENOMEM, "verify: no memory for a trace");
        t->list = list;
        t->room = room;
    }
    t->list[t->n++] = *q;
    return CLADE_OK;
}

const struct quantity *trace_find(const struct trace *t, const char *name)
{
    for (int i = 0; i < t->n; i++)
        if (!strcmp(t->list[i].name, name))
            return &t->list[i];
    return NULL;
}

void trace_free(struct trace *t)
{
    free(t->list);
    *t = (struct trace){ .n = 0 };
}

/* ---- the training -------------------------------------------------------- */

static clade_status make_batch(struct clade_batch *batch,
                               const struct training_config *config,
                               const struct clade_net_shape *shape)
{
    const size_t n = (size_t)config->batch * shape->h * shape->w * shape->c;
    float *pixels = malloc(n * sizeof(*pixels));
    uint8_t *labels = malloc(config->batch);

    *batch = (struct clade_batch){ .n = config->batch,
                                   .pixels = pixels,
                                   .labels = labels };
    if (!pixels || !labels)
        return clade_fail(CLADE_ENOMEM, "record: no memory for %d images",
                          config->batch);
    for (size_t i = 0; i < n; i++)
        pixels[i] = rng_record("input", config->seed, i);
    for (int i = 0; i < config->batch; i++)
        labels[i] = i % shape->classes;
    return CLADE_OK;
}

clade_status training_new(struct training **out, clade_backend *be,
                          const struct training_config *config)
{
    struct clade_net_config net = CLADE_NET_DEFAULTS;
    struct training *t = calloc(1, sizeof(*t));
    struct clade_net_shape shape;
    clade_status st;

    if (!t)
        return clade_fail(CLADE_ENOMEM, "record: out of memory");
    t->be = be;
    t->config = *config;
    net.net = config->net;
    net.algorithm = config->algorithm;
    net.train_batch = config->batch;
    net.seed = config->seed;
    net.momentum = (float)config->momentum;
    net.dropout = false;
    net.record_init = true;
    st = clade_net_new(&t->net, be, &net);
    if (st)
        goto out;
    shape = clade_net_shape(t->net);
    st = make_batch(&t->batch, config, &shape);
    if (st)
        goto out;
    *out = t;
    t = NULL;
out:
    training_free(t);
    return st;
}

void training_free(struct training *t)
{
    if (!t)
        return;
    noise_free(t->noise);
    free(t->pixels.host);
    free((void *)t->batch.pixels);
    free((void *)t->batch.labels);
    clade_net_free(t->net);
    free(t);
}

clade_backend *training_backend(const struct training *t)
{
    return t->be;
}

double training_noise(const struct training *t, enum clade_op_kind kind)
{
    return noise_of_kind(t->noise, kind);
}

/* ---- one quantity after the other ---------------------------------------- */

static clade_status add_number(struct tracer *t, enum quantity_kind kind,
                               const char *name, double value)
{
    struct quantity q = { .kind = kind, .step = t->step, .value = value };

    quantity_name(&q, name);
    return trace_add(&t->trace, &q);
}

static double element(const void *pixels, const struct clade_tensor *t,
                      int64_t pixel, int64_t channel)
{
    const int64_t at = pixel * t->ld + channel;

    return t->type == CLADE_F64 ? ((const double *)pixels)[at]
                                : ((const float *)pixels)[at];
}

/* Sum, L2 and samples of a tensor, from the pixels that it lies in. */
static void measure(struct quantity *q, const void *pixels,
                    const struct clade_tensor *t)
{
    const int64_t n = clade_tensor_pixels(t);
    double squares = 0;

    for (int64_t p = 0; p < n; p++)
        for (int c = 0; c < t->c; c++) {
            const double v = element(pixels, t, p, c);

            q->sum += v;
            squares += v * v;
        }
    q->value = sqrt(squares);
    for (int k = 0; k < q->samples; k++)
        q->sample[k] = element(pixels, t, q->at[k] / t->c, q->at[k] % t->c);
}

/* The distinct min(n-1, floor(uniform(name, seed, k) n)), k = 0 ... 15, in
 * ascending order. */
static void choose_samples(struct quantity *q, uint64_t seed)
{
    const int64_t n = q->elements;

    for (int k = 0; k < TRACE_SAMPLES; k++) {
        int64_t i = (int64_t)floor((double)rng_record(q->name, seed, k) * n);
        int to = q->samples;

        i = i < n ? i : n - 1;
        while (to > 0 && q->at[to - 1] > i)
            to--;
        if (to > 0 && q->at[to - 1] == i)
            continue;
        memmove(&q->at[to + 1], &q->at[to],
                (q->samples++ - to) * sizeof(*q->at));
        q->at[to] = i;
    }
}

/* Take the samples of the same tensor in another trace. */
static clade_status take_samples(struct quantity *q,
                                 const struct quantity *from, const char *file)
{
    if (q->dims != from->dims ||
        memcmp(q->shape, from->shape, q->dims * sizeof(*q->shape)))
        return clade_fail(CLADE_EDATA,
                          "%s: %s has another shape than in the network", file,
                          q->name);
    q->samples = from->samples;
    memcpy(q->at, from->at, sizeof(q->at));
    return CLADE_OK;
}

/* `q` has all that is known without the tensor's elements. */
static clade_status add_tensor(struct tracer *t, struct quantity *q,
                               const struct clade_tensor *tensor)
{
    const struct trace *like = t->options->like;
    const struct quantity *known = like ? trace_find(like, q->name) : NULL;
    struct verify_copy *pixels = &t->training->pixels;
    clade_status st = CLADE_OK;

    if (like && !known)
        return CLADE_OK;
    q->elements = clade_tensor_elements(tensor);
    if (known)
        st = take_samples(q, known, like->name);
    else
        choose_samples(q, t->training->config.seed);
    if (!st)
        st = verify_fetch(pixels, t->training->be, tensor);
    if (st)
        return st;
    measure(q, pixels->host, tensor);
    if (!like && !isfinite(q->value))
        return clade_fail(CLADE_EDIVERGED,
                          "record: the training diverged: the norm of %s is %g",
                          q->name, q->value);
    return trace_add(&t->trace, q);
}

/* Vectors are [N,C] in a record. */
static clade_status add_activation(struct tracer *t,
                                   const struct plan_activation *a)
{
    const struct clade_tensor *x = &a->value;
    struct quantity q = { .kind = QUANTITY_ACTIVATION,
                          .dims = 4,
                          .shape = { x->n, x->h, x->w, x->c } };

    if (x->h == 1 && (x->w == 1 || x->n == 1)) {
        q.dims = 2;
        q.shape[0] = x->n * x->w;
        q.shape[1] = x->c;
    }
    quantity_name(&q, a->name);
    return add_tensor(t, &q, x);
}

static clade_status add_parameter(struct tracer *t, enum quantity_kind kind,
                                  const struct clade_parameter *p)
{
    struct quantity q = { .kind = kind, .step = t->step, .dims = p->dims };

    memcpy(q.shape, p->shape, sizeof(q.shape));
    quantity_name(&q, p->name);
    return add_tensor(t, &q,
                      kind == QUANTITY_GRADIENT ? &p->gradient : &p->value);
}

static clade_status add_norm(struct tracer *t, enum quantity_kind kind,
                             const struct clade_parameter *p)
{
    struct verify_copy *pixels = &t->training->pixels;
    struct quantity q = { .samples = 0 };
    clade_status st = verify_fetch(pixels, t->training->be, &p->gradient);

    if (st)
        return st;
    measure(&q, pixels->host, &p->gradient);
    return add_number(t, kind, p->name, q.value);
}

static clade_status add_parameters(struct tracer *t, enum quantity_kind kind)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(t->training->net, &list);
    clade_status st = CLADE_OK;

    for (int i = 0; i < n && !st; i++)
        st = kind == QUANTITY_NORM ? add_norm(t, kind, &list[i])
                                   : add_parameter(t, kind, &list[i]);
    return st;
}

static clade_status add_losses(struct tracer *t,
                               const struct clade_result *result)
{
    const struct clade_net_shape shape = clade_net_shape(t->training->net);
    clade_status st = add_number(t, QUANTITY_LOSS, "total", result->loss);

    for (int h = 0; h < shape.heads && !st; h++)
        st = add_number(t, QUANTITY_LOSS, shape.head[h], result->head_loss[h]);
    return st;
}

/* ---- a run --------------------------------------------------------------- */

/* Add the activations that this op completes. */
static clade_status after_op(void *arg, const struct plan *plan, int op)
{
    clade_status st = CLADE_OK;

    for (int i = 0; i < plan->n_activations && !st; i++)
        if (plan->activations[i].ready == op)
            st = add_activation(arg, &plan->activations[i]);
    return st;
}

static clade_status run_op(void *arg, const struct plan *plan, int op)
{
    const struct tracer *t = arg;

    return noise_run_op(t->training->noise, plan, op);
}

static clade_status trace_step(struct tracer *t)
{
    const struct trace_options *o = t->options;
    const struct training *training = t->training;
    const bool first = o->tensors && t->step == 0, noisy = o->noise.mode;
    const struct net_observer observer = { .arg = t,
                                           .after = first ? after_op : NULL,
                                           .run = noisy ? run_op : NULL };
    struct clade_result result;
    clade_status st;

    if (noisy)
        noise_step(training->noise, t->step);
    st = net_train(training->net, &training->batch, t->step,
                   (float)training->config.learning_rate, &result,
                   first || noisy ? &observer : NULL);
    if (!st)
        st = add_losses(t, &result);
    if (!st && o->norms)
        st = add_parameters(t, QUANTITY_NORM);
    if (!st && first)
        st = add_parameters(t, QUANTITY_GRADIENT);
    if (!st && o->tensors && t->step == o->steps - 1)
        st = add_parameters(t, QUANTITY_PARAMETER);
    return st;
}

static clade_status begin_noise(struct training *t, const struct noise_use *use)
{
    clade_status st = CLADE_OK;

    if (use->mode == NOISE_NONE)
        return CLADE_OK;
    if (!t->noise)
        st = noise_new(&t->noise, t->net, t->config.batch, t->config.steps);
    if (!st)
        noise_begin(t->noise, use);
    return st;
}

clade_status trace_make(struct trace *trace, struct training *training,
                        const struct trace_options *options)
{
    const struct training_config *config = &training->config;
    struct tracer t = { .training = training, .options = options };
    clade_status st = begin_noise(training, &options->noise);

    if (!st)
        st = net_initialise(training->net, config->seed, true);
    for (; t.step < options->steps && !st; t.step++) {
        st = verify_interrupted(config->stop, config->arg);
        if (!st)
            st = trace_step(&t);
    }
    if (st)
        trace_free(&t.trace);
    else
        *trace = t.trace;
    return st;
}

clade_status trace_make_once(struct trace *trace, clade_backend *be,
                             const struct training_config *config,
                             const struct trace_options *options)
{
    struct training *training;
    clade_status st = training_new(&training, be, config);

    if (st)
        return st;
    st = trace_make(trace, training, options);
    training_free(training);
    return st;
}
