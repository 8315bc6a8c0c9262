/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/trace.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "status.h"

/* A trace in the making. */
struct tracer {
    struct training *training;
    const struct trace_options *options;
    struct trace trace;
    int step;
};

/* ---- traces -------------------------------------------------------------- */

struct quantity quantity_of(enum quantity_kind kind, int step, const char *name)
{
    static const char *const words[] = { "activation", "losses", "gradients",
                                         "gradient", "parameter" };
    struct quantity q = { .kind = kind, .step = step };

    snprintf(q.name, sizeof(q.name), "step%d/%s/%s", step, words[kind], name);
    return q;
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

static clade_status make_batch(struct training *t)
{
    const struct clade_net_shape shape = clade_net_shape(t->net);
    const int images = t->config.batch;
    const size_t n = (size_t)images * shape.h * shape.w * shape.c;
    float *pixels = malloc(n * sizeof(*pixels));
    uint8_t *labels = malloc(images);

    t->batch =
        (struct clade_batch){ .n = images, .pixels = pixels, .labels = labels };
    if (!pixels || !labels)
        return clade_fail(CLADE_ENOMEM, "record: no memory for %d images",
                          images);
    for (size_t i = 0; i < n; i++)
        pixels[i] = rng_record("input", t->config.seed, i);
    for (int i = 0; i < images; i++)
        labels[i] = i % shape.classes;
    return CLADE_OK;
}

clade_status training_new(struct training **out, clade_backend *be,
                          const struct training_config *config)
{
    struct clade_net_config net = CLADE_NET_DEFAULTS;
    struct training *t;
    clade_status st;

    if (config->batch < 1 || config->steps < 1)
        return clade_fail(CLADE_EUSAGE,
                          "a training of %d steps with %d images: 1 is the "
                          "least of both",
                          config->steps, config->batch);
    if (!(t = calloc(1, sizeof(*t))))
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
    if (!st)
        st = make_batch(t);
    if (st)
        training_free(t);
    else
        *out = t;
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

/* ---- one quantity after the other ---------------------------------------- */

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
                          "%s: %s has a different shape in the network", file,
                          q->name);
    q->samples = from->samples;
    memcpy(q->at, from->at, sizeof(q->at));
    return CLADE_OK;
}

/* Add a tensor, or only its norm. */
static clade_status add_tensor(struct tracer *t, struct quantity *q,
                               const struct clade_tensor *tensor)
{
    const bool whole = q->kind != QUANTITY_NORM;
    const struct trace *like = whole ? t->options->like : NULL;
    const struct quantity *known = like ? trace_find(like, q->name) : NULL;
    struct verify_copy *pixels = &t->training->pixels;
    clade_status st = CLADE_OK;

    if (like && !known)
        return CLADE_OK;
    q->elements = clade_tensor_elements(tensor);
    if (known)
        st = take_samples(q, known, like->file);
    else if (whole)
        choose_samples(q, t->training->config.seed);
    if (!st)
        st = verify_fetch(pixels, t->training->be, tensor);
    if (st)
        return st;
    measure(q, pixels->host, tensor);
    if (whole && !like && !isfinite(q->value))
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
    const bool vector = x->h == 1 && (x->w == 1 || x->n == 1);
    struct quantity q = quantity_of(QUANTITY_ACTIVATION, t->step, a->name);

    q.dims = vector ? 2 : 4;
    memcpy(q.shape,
           vector ? (int[4]){ x->n * x->w, x->c }
                  : (int[4]){ x->n, x->h, x->w, x->c },
           sizeof(q.shape));
    return add_tensor(t, &q, x);
}

static clade_status add_parameters(struct tracer *t, enum quantity_kind kind)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(t->training->net, &list);
    clade_status st = CLADE_OK;

    for (int i = 0; i < n && !st; i++) {
        const struct clade_parameter *p = &list[i];
        struct quantity q = quantity_of(kind, t->step, p->name);

        q.dims = p->dims;
        memcpy(q.shape, p->shape, sizeof(q.shape));
        st = add_tensor(t, &q,
                        kind == QUANTITY_PARAMETER ? &p->value : &p->gradient);
    }
    return st;
}

static clade_status add_loss(struct tracer *t, const char *name, double loss)
{
    struct quantity q = quantity_of(QUANTITY_LOSS, t->step, name);

    q.value = loss;
    return trace_add(&t->trace, &q);
}

static clade_status add_losses(struct tracer *t, const struct clade_result *r)
{
    const struct clade_net_shape shape = clade_net_shape(t->training->net);
    clade_status st = add_loss(t, "total", r->loss);

    for (int h = 0; h < shape.heads && !st; h++)
        st = add_loss(t, shape.head[h], r->head_loss[h]);
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

    (void)plan;
    return noise_run_op(t->training->noise, &t->options->noise, t->step, op);
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

clade_status trace_make(struct trace *trace, struct training *training,
                        const struct trace_options *options)
{
    const struct training_config *config = &training->config;
    struct tracer t = { .training = training, .options = options };
    clade_status st = net_initialise(training->net, config->seed, true);

    if (!st && options->noise.mode && !training->noise)
        st = noise_new(&training->noise, training->net, config->batch,
                       config->steps);
    for (; t.step < options->steps && !st; t.step++) {
        st = verify_interrupted(config->stop, config->arg);
        if (!st)
            st = trace_step(&t);
    }
    if (st || !trace)
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
