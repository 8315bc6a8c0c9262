/* SPDX-License-Identifier: Apache-2.0 */
/* The training that records are made of, and held against. */
#include "verify/record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "status.h"
#include "verify/noise.h"

#define NAME_MAX_CHARS 160

struct training {
    clade_backend *be;
    clade_net *net;
    struct record_spec spec;
    struct clade_batch batch;
};

/* A run of it. */
struct recorder {
    const struct training *training;
    int steps;
    const struct record_sink *sink;
    struct noise *noise;
};

double record_sum(const struct record_tensor *t)
{
    double sum = 0;

    for (int64_t i = 0; i < t->n; i++)
        sum += t->values[i];
    return sum;
}

double record_l2(const struct record_tensor *t)
{
    double sum = 0;

    for (int64_t i = 0; i < t->n; i++)
        sum += t->values[i] * t->values[i];
    return sqrt(sum);
}

/* The elements of a tensor, row-major, from the bytes of the pixels it lies
 * in. */
static void gather(double *to, const void *pixels, const struct clade_tensor *t)
{
    const int64_t n = clade_tensor_pixels(t);

    for (int64_t p = 0; p < n; p++)
        for (int c = 0; c < t->c; c++)
            *to++ = t->type == CLADE_F64
                        ? ((const double *)pixels)[p * t->ld + c]
                        : ((const float *)pixels)[p * t->ld + c];
}

static clade_status read_values(double **values, clade_backend *be,
                                const struct clade_tensor *t)
{
    struct verify_copy pixels = { .room = 0 };
    clade_status st = verify_fetch(&pixels, be, t);

    if (st)
        goto out;
    *values = malloc(clade_tensor_elements(t) * sizeof(**values));
    if (*values)
        gather(*values, pixels.host, t);
    else
        st = clade_fail(CLADE_ENOMEM, "record: no memory for a tensor");
out:
    free(pixels.host);
    return st;
}

static clade_status l2_of(double *l2, clade_backend *be,
                          const struct clade_tensor *t)
{
    struct record_tensor tensor = { .n = clade_tensor_elements(t) };
    double *values = NULL;
    clade_status st = read_values(&values, be, t);

    tensor.values = values;
    if (!st)
        *l2 = record_l2(&tensor);
    free(values);
    return st;
}

/* Pass a tensor on; `tensor` has its name and shape. */
static clade_status emit(const struct recorder *r, struct record_tensor *tensor,
                         const struct clade_tensor *t)
{
    double *values = NULL;
    clade_status st = read_values(&values, r->training->be, t);

    tensor->n = clade_tensor_elements(t);
    tensor->values = values;
    if (!st)
        st = r->sink->tensor(r->sink->arg, tensor);
    free(values);
    return st;
}

/* Vectors are [N,C] in a record. */
static clade_status emit_activation(const struct recorder *r,
                                    const struct plan_activation *a)
{
    const struct clade_tensor *t = &a->value;
    char name[NAME_MAX_CHARS];
    struct record_tensor tensor = { .name = name,
                                    .dims = 4,
                                    .shape = { t->n, t->h, t->w, t->c } };

    if (t->h == 1 && (t->w == 1 || t->n == 1)) {
        tensor.dims = 2;
        tensor.shape[0] = t->n * t->w;
        tensor.shape[1] = t->c;
    }
    snprintf(name, sizeof(name), "step0/activation/%s", a->name);
    return emit(r, &tensor, t);
}

static clade_status emit_parameter(const struct recorder *r, int step,
                                   const char *what,
                                   const struct clade_parameter *p,
                                   const struct clade_tensor *t)
{
    char name[NAME_MAX_CHARS];
    struct record_tensor tensor = { .name = name, .dims = p->dims };

    memcpy(tensor.shape, p->shape, sizeof(tensor.shape));
    snprintf(name, sizeof(name), "step%d/%s/%s", step, what, p->name);
    return emit(r, &tensor, t);
}

/* The gradients of step 0, or the parameters after the last. */
static clade_status emit_parameters(const struct recorder *r, int step,
                                    bool gradients)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(r->training->net, &list);
    clade_status st = CLADE_OK;

    for (int i = 0; i < n && !st; i++)
        st = emit_parameter(r, step, gradients ? "gradient" : "parameter",
                            &list[i],
                            gradients ? &list[i].gradient : &list[i].value);
    return st;
}

static clade_status observe(void *arg, const struct plan *plan, int op)
{
    const struct recorder *r = arg;
    clade_status st = CLADE_OK;

    for (int i = 0; i < plan->n_activations && !st; i++)
        if (plan->activations[i].ready == op)
            st = emit_activation(r, &plan->activations[i]);
    return st;
}

/* The losses of a step, and the norms of its gradients. */
static clade_status emit_step(const struct recorder *r, int step,
                              const struct clade_result *result)
{
    const int heads = clade_net_shape(r->training->net).heads;
    const struct clade_parameter *list;
    const int n = clade_net_parameters(r->training->net, &list);
    double row[RECORD_LOSSES] = { result->loss };
    clade_status st = CLADE_OK;

    for (int h = 0; h < heads; h++)
        row[1 + h] = result->head_loss[h];
    if (r->sink->losses)
        st = r->sink->losses(r->sink->arg, step, row, 1 + heads);
    for (int i = 0; i < n && r->sink->norm && !st; i++) {
        double l2;

        st = l2_of(&l2, r->training->be, &list[i].gradient);
        if (!st)
            st = r->sink->norm(r->sink->arg, step, list[i].name, l2);
    }
    return st;
}

static clade_status run_noisy(void *arg, const struct plan *plan, int op)
{
    const struct recorder *r = arg;

    return noise_run(r->noise, plan, op);
}

static clade_status run_step(struct recorder *r, int step)
{
    const struct training *t = r->training;
    const bool first = step == 0 && r->sink->tensor;
    const struct net_observer observer = { .arg = r,
                                           .after = first ? observe : NULL,
                                           .run = r->noise ? run_noisy : NULL };
    struct clade_result result;
    clade_status st;

    if (r->noise)
        noise_step(r->noise, step);
    st = net_train(t->net, &t->batch, step, (float)t->spec.learning_rate,
                   &result, first || r->noise ? &observer : NULL);
    if (!st)
        st = emit_step(r, step, &result);
    if (!st && first)
        st = emit_parameters(r, step, true);
    if (!st && step == r->steps - 1 && r->sink->tensor)
        st = emit_parameters(r, step, false);
    return st;
}

/* The batch that every step takes: pixels and labels. */
static clade_status make_batch(struct clade_batch *batch,
                               const struct record_spec *spec,
                               const struct clade_net_shape *shape)
{
    const size_t n = (size_t)spec->batch * shape->h * shape->w * shape->c;
    float *pixels = malloc(n * sizeof(*pixels));
    uint8_t *labels = malloc(spec->batch);

    *batch = (struct clade_batch){ .n = spec->batch,
                                   .pixels = pixels,
                                   .labels = labels };
    if (!pixels || !labels)
        return clade_fail(CLADE_ENOMEM, "record: no memory for %d images",
                          spec->batch);
    for (size_t i = 0; i < n; i++)
        pixels[i] = rng_record("input", spec->seed, i);
    for (int i = 0; i < spec->batch; i++)
        labels[i] = i % shape->classes;
    return CLADE_OK;
}

clade_status training_new(struct training **out, clade_backend *be,
                          const struct record_spec *spec)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    struct training *t = calloc(1, sizeof(*t));
    struct clade_net_shape shape;
    clade_status st;

    if (!t)
        return clade_fail(CLADE_ENOMEM, "record: out of memory");
    t->be = be;
    t->spec = *spec;
    config.net = spec->net;
    config.algorithm = spec->algorithm;
    config.train_batch = spec->batch;
    config.seed = spec->seed;
    config.momentum = (float)spec->momentum;
    config.dropout = false;
    config.record_init = true;
    st = clade_net_new(&t->net, be, &config);
    if (st)
        goto out;
    shape = clade_net_shape(t->net);
    st = make_batch(&t->batch, spec, &shape);
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
    free((void *)t->batch.pixels);
    free((void *)t->batch.labels);
    clade_net_free(t->net);
    free(t);
}

clade_net *training_net(const struct training *training)
{
    return training->net;
}

clade_status training_run(struct training *t, int steps, struct noise *noise,
                          const struct record_sink *sink)
{
    struct recorder r = { t, steps, sink, noise };
    clade_status st = net_initialise(t->net, t->spec.seed, true);

    for (int step = 0; step < steps && !st; step++) {
        st = verify_interrupted(t->spec.stop, t->spec.arg);
        if (!st)
            st = run_step(&r, step);
    }
    return st;
}

clade_status record_run(clade_backend *be, const struct record_spec *spec,
                        const struct record_sink *sink)
{
    struct training *t;
    clade_status st = training_new(&t, be, spec);

    if (st)
        return st;
    st = training_run(t, spec->steps, NULL, sink);
    training_free(t);
    return st;
}
