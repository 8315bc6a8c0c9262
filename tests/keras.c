/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One step of GoogLeNet on the reference, with the initial values of Keras'
 * record.  Losses, activations and gradients must be what Keras computed in
 * float64.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "backend.h"
#include "net/net.h"
#include "rng.h"
#include "tap.h"

#define REFERENCE "tests/ref/keras-float64-b2-s5-seed1.json"

static clade_backend *be;

/* The comparison of a step's activations with the record's. */
struct comparison {
    json_t *tensors; /* of the record */
    int compared;
    double worst;
    char where[96];
};

/* The tensor's part of its buffer; the caller frees it. */
static float *whole(const struct clade_tensor *t)
{
    const int64_t n =
        clade_tensor_element(t, clade_tensor_elements(t) - 1) + 1 - t->offset;
    float *x = malloc(n * sizeof *x);

    if (clade_backend_read(be, x, t->buffer, t->offset * sizeof *x,
                           n * sizeof *x))
        tap_bail("%s", clade_error());
    return x;
}

/* The largest error of a sample, relative to the root mean square of the
 * record's tensor; NaN if the shapes differ. */
static double distance(const struct clade_tensor *t, json_t *reference)
{
    json_t *shape = json_object_get(reference, "shape");
    json_t *samples = json_object_get(reference, "samples");
    const double l2 = json_number_value(json_object_get(reference, "l2"));
    const int64_t n = clade_tensor_elements(t);
    int64_t expected = 1;
    double worst = 0;
    float *x;

    for (size_t i = 0; i < json_array_size(shape); i++)
        expected *= json_integer_value(json_array_get(shape, i));
    if (expected != n || !json_array_size(samples))
        return NAN;
    x = whole(t);
    for (size_t i = 0; i < json_array_size(samples); i++) {
        json_t *pair = json_array_get(samples, i);
        const int64_t at = json_integer_value(json_array_get(pair, 0));
        const double want = json_number_value(json_array_get(pair, 1));
        const double err =
            fabs(x[clade_tensor_element(t, at) - t->offset] - want);

        worst = fmax(worst, err / (l2 / sqrt(n)));
    }
    free(x);
    return worst;
}

static clade_status compare_activation(void *arg, const struct plan *plan,
                                       int op)
{
    struct comparison *c = arg;
    char name[96];

    for (int i = 0; i < plan->n_activations; i++) {
        const struct plan_activation *a = &plan->activations[i];
        double d;

        if (a->ready != op)
            continue;
        snprintf(name, sizeof name, "step0/activation/%s", a->name);
        d = distance(&a->value, json_object_get(c->tensors, name));
        c->compared++;
        if (!isnan(c->worst) && !(d <= c->worst)) {
            c->worst = d;
            snprintf(c->where, sizeof c->where, "%s", name);
        }
    }
    return CLADE_OK;
}

static bool near(double got, json_t *row, size_t i)
{
    const double want = json_number_value(json_array_get(row, i));
    const bool ok = fabs(got - want) <= 1e-6 * fabs(want);

    if (!ok)
        tap_note("loss %zu: got %.9g, want %.9g", i, got, want);
    return ok;
}

static void test_losses(const struct clade_result *r, json_t *record)
{
    json_t *row = json_array_get(json_object_get(record, "losses"), 0);

    tap_ok(near(r->loss, row, 0) && near(r->head_loss[0], row, 1) &&
               near(r->head_loss[1], row, 2) && near(r->head_loss[2], row, 3),
           "losses agree with Keras' float64 within 1e-6: %.9g", r->loss);
}

static void test_activations(const struct comparison *c)
{
    int wanted = 0;
    const char *name;
    json_t *tensor;

    json_object_foreach(c->tensors, name, tensor)
        wanted += !!strstr(name, "/activation/");
    tap_ok(c->compared == wanted && c->worst <= 2e-5,
           "all %d activations agree with Keras' float64: worst %.2g of the "
           "RMS, at %s",
           c->compared, c->worst, c->where);
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x > y ? 1 : x < y ? -1 : 0;
}

/* Judge the median of all tensors' largest errors.  Single tensors may have a
 * larger error, where rounding flips a ReLU or the choice of a max pool. */
static void test_gradients(const clade_net *net, json_t *tensors)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(net, &list);
    double *all = malloc(n * sizeof *all);
    bool known = true;
    char name[96];

    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "step0/gradient/%s", list[i].name);
        all[i] = distance(&list[i].gradient, json_object_get(tensors, name));
        known &= !isnan(all[i]);
    }
    tap_ok(known,
           "Keras' record has a gradient of the right shape for each of %d "
           "parameters",
           n);
    qsort(all, n, sizeof *all, ascending);
    tap_ok(all[n / 2] <= 2e-3,
           "gradients agree with Keras' float64: median %.2g of the RMS "
           "(largest %.2g)",
           all[n / 2], all[n - 1]);
    free(all);
}

static json_t *read_record(void)
{
    const char *srcdir = getenv("SRCDIR");
    char path[4096];
    json_t *record;

    snprintf(path, sizeof path, "%s/%s", srcdir ? srcdir : ".", REFERENCE);
    record = json_load_file(path, 0, NULL);
    if (!record)
        tap_bail("%s: missing, or not JSON", path);
    return record;
}

/* Make a net with the record's initial values, evaluate it and train it by one
 * step. */
static clade_net *run_step(struct clade_result *eval,
                           struct clade_result *train, struct comparison *c)
{
    static float x[2 * 224 * 224 * 3];
    const uint8_t labels[] = { 0, 1 };
    const struct clade_batch batch = { .n = 2, .pixels = x, .labels = labels };
    const struct net_observer observer = { .arg = c,
                                           .after = compare_activation };
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_net *net = NULL;

    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = rng_record("input", 1, i);
    config.train_batch = config.eval_batch = 2;
    config.dropout = false;
    config.record_init = true;
    if (clade_net_new(&net, be, &config) || clade_net_eval(net, &batch, eval) ||
        net_train(net, &batch, 0, 0.01f, train, &observer))
        tap_bail("%s", clade_error());
    return net;
}

int main(void)
{
    json_t *record = read_record();
    struct comparison c = { .tensors = json_object_get(record, "tensors") };
    struct clade_result eval, train;
    clade_net *net;

    if (clade_backend_open(&be, "cpu"))
        tap_bail("cpu: %s", clade_error());
    net = run_step(&eval, &train, &c);
    tap_plan(5);
    test_losses(&train, record);
    test_activations(&c);
    test_gradients(net, c.tensors);
    tap_ok(!memcmp(&eval, &train, sizeof eval),
           "evaluation gives the same results as training without dropout");
    clade_net_free(net);
    json_decref(record);
    clade_backend_close(be);
    return tap_done();
}
