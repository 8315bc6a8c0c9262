/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GoogLeNet as a net on the reference: its shapes, initial values, memory and
 * algorithms, and what it refuses.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "backend.h"
#include "net/net.h"
#include "rng.h"
#include "status.h"
#include "tap.h"

static clade_backend *be;

/* Some of GoogLeNet's parameters, with the shapes that they must have. */
/* clang-format off */
static const struct {
    const char *name;
    int dims, shape[4];
} shapes[] = {
    { "conv1/kernel",                4, { 7, 7, 3, 64 } },
    { "conv1/bias",                  1, { 64 } },
    { "inception_3a/3x3/kernel",     4, { 3, 3, 96, 128 } },
    { "inception_4d/5x5/kernel",     4, { 5, 5, 32, 64 } },
    { "inception_4e/1x1/kernel",     4, { 1, 1, 528, 256 } },
    { "inception_5b/pool_proj/bias", 1, { 128 } },
    { "aux1/conv/kernel",            4, { 1, 1, 512, 128 } },
    { "aux2/fc/kernel",              2, { 2048, 1024 } },
    { "classifier/kernel",           2, { 1024, 10 } },
};
/* clang-format on */

static const struct clade_parameter *parameter(const clade_net *net,
                                               const char *name)
{
    const struct clade_parameter *list;
    const int n = clade_net_parameters(net, &list);

    for (int i = 0; i < n; i++)
        if (!strcmp(list[i].name, name))
            return &list[i];
    return NULL;
}

static void test_shapes(const clade_net *net)
{
    const struct clade_net_shape s = clade_net_shape(net);
    const struct clade_parameter *list;
    const int n = clade_net_parameters(net, &list);
    int64_t sum = 0;

    for (int i = 0; i < n; i++)
        sum += clade_tensor_elements(&list[i].value);
    tap_ok(s.parameters == 10229390 && sum == s.parameters,
           "GoogLeNet has 10,229,390 parameters: %lld",
           (long long)s.parameters);
    tap_ok(s.heads == 3 && !strcmp(s.head[0], "classifier") &&
               !strcmp(s.head[1], "aux1") && !strcmp(s.head[2], "aux2"),
           "three heads, the classifier first");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct clade_parameter *p = parameter(net, shapes[i].name);

        tap_ok(p && p->dims == shapes[i].dims &&
                   !memcmp(p->shape, shapes[i].shape, sizeof p->shape),
               "shape of %s", shapes[i].name);
    }
}

/* Initial values must stay within Glorot's limit and come close to it, biases
 * must be those of the table, and two layers must draw different numbers. */
static void test_initial(clade_net *net)
{
    const struct clade_parameter *w = parameter(net, "inception_4b/5x5/kernel"),
                                 *v = parameter(net, "inception_4c/5x5/kernel"),
                                 *b = parameter(net, "conv1/bias"),
                                 *a = parameter(net, "aux1/fc/bias");
    const int64_t n = clade_tensor_elements(&w->value);
    const double limit = sqrt(6.0 / (25 * (24 + 64)));
    float *x = malloc(2 * n * sizeof *x), *y = x + n;
    double most = 0, sum = 0;
    int64_t same = 0;

    if (clade_net_read(net, x, w->value) || clade_net_read(net, y, v->value))
        tap_bail("%s", clade_error());
    for (int64_t i = 0; i < n; i++) {
        most = fmax(most, fabs(x[i]));
        sum += x[i];
        same += x[i] == y[i];
    }
    tap_ok(most <= limit && most > 0.999 * limit &&
               fabs(sum / n) < 4 * limit / sqrt(3.0 * n),
           "kernels are uniform within Glorot's limit %g: most %g, mean %g",
           limit, most, sum / n);
    tap_ok(same < 10,
           "two layers draw different numbers: %lld of %lld are equal",
           (long long)same, (long long)n);
    clade_net_read(net, x, b->value);
    tap_ok(x[0] == 0.2f && x[63] == 0.2f, "the trunk's biases are 0.2");
    clade_net_read(net, x, a->value);
    tap_ok(x[0] == 0 && x[1023] == 0, "an auxiliary head's biases are 0");
    free(x);
}

/* Is the block in use while `op` runs? */
static bool lives(const struct plan_block *b, int op)
{
    return b->first <= op && op <= b->last;
}

/* How many blocks of the plan hold the whole tensor while `op` runs? */
static int holders(const struct plan *p, const struct clade_tensor *t, int op)
{
    const size_t size = clade_type_size(t->type);
    const size_t from = t->offset * size;
    const size_t to =
        (clade_tensor_element(t, clade_tensor_elements(t) - 1) + 1) * size;
    int n = 0;

    for (const struct plan_block *b = p->blocks; b < p->blocks + p->n_blocks;
         b++)
        n += lives(b, op) && b->real == t->buffer && b->at <= from &&
             to <= b->at + b->base.bytes;
    return n;
}

/* How many tensors of ops lie outside the blocks?  A tensor must lie in exactly
 * one block that is in use while its op runs.  Parameters, results and scratch
 * have buffers without blocks and are left out. */
static int strays(const struct plan *p)
{
    int n = 0;

    for (int i = 0; i < p->phase[PLAN_PHASES]; i++) {
        for (int r = 0; r < CLADE_ROLES; r++) {
            const struct clade_tensor *t = &p->ops[i].t[r];
            bool arena = false;

            for (int k = 0; k < p->n_blocks; k++)
                arena |= t->buffer && p->blocks[k].real == t->buffer;
            n += arena && holders(p, t, i) != 1;
        }
    }
    return n;
}

/* How many pairs of blocks use the same memory at the same time? */
static int overlaps(const struct plan *p)
{
    int n = 0;

    for (const struct plan_block *a = p->blocks; a < p->blocks + p->n_blocks;
         a++)
        for (const struct plan_block *b = p->blocks; b < a; b++)
            n += a->real && a->real == b->real && a->first <= b->last &&
                 b->first <= a->last && a->at < b->at + b->base.bytes &&
                 b->at < a->at + a->base.bytes;
    return n;
}

/* Does training keep a value of this name for its backward ops?  The value's
 * block is the first of that name, before its gradient's. */
static bool keeps(const struct plan *p, const char *name)
{
    const struct plan_block *b = p->blocks;

    while (strcmp(b->name, name))
        b++;
    return b->last >= p->phase[PLAN_BACKWARD];
}

static void test_memory(const clade_net *net)
{
    static const struct {
        int batch;
        bool training;
    } plans[] = { { 2, true }, { 1, true }, { 2, false }, { 1, false } };
    const struct clade_net_memory m = clade_net_memory(net);

    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        const struct plan *p = net_plan(net, plans[i].batch, plans[i].training);

        tap_ok(p && !overlaps(p) && !strays(p),
               "%d images, %s: blocks in use at the same time do not overlap",
               plans[i].batch, plans[i].training ? "training" : "evaluating");
    }
    tap_ok(!keeps(net_plan(net, 2, true), "conv1") &&
               !keeps(net_plan(net, 2, true), "conv2") &&
               keeps(net_plan(net, 2, true), "pool1"),
           "what a max pool alone reads is not kept, but its output is");
    tap_ok(m.activations < 0.7 * m.unshared,
           "activations share memory: %.1f MB instead of %.1f",
           m.activations / 1e6, m.unshared / 1e6);
    tap_ok(m.total == clade_backend_memory(be),
           "the net uses as much memory as it says, to the byte: %.1f MB",
           m.total / 1e6);
}

/* A device that others use, too, so that only `given` bytes are left. */
static uint64_t given;

static clade_status alloc_given(clade_backend *of, struct clade_buffer **buffer,
                                size_t bytes, enum clade_memory where)
{
    if (clade_backend_memory(of) + bytes > given)
        return clade_fail(CLADE_ENOMEM, "a buffer of %zu bytes: refused",
                          bytes);
    return backend_cpu.alloc(of, buffer, bytes, where);
}

/* A device with this much memory must refuse `config` and name a batch that
 * fits.  That batch must fit, and a batch with one more image must not. */
static void test_too_small(struct clade_net_config config, uint64_t memory,
                           uint64_t max_alloc, const char *why)
{
    const struct clade_device device = be->device;
    clade_net *net = NULL;
    clade_status st;
    const char *text;
    int fits = 0, seen = 0;

    be->device.memory = memory;
    be->device.max_alloc = max_alloc;
    st = clade_net_new(&net, be, &config);
    text = strstr(clade_error(), "a batch of ");
    if (st == CLADE_ETOOSMALL && text)
        seen = sscanf(text, "a batch of %d fits", &fits);
    tap_ok(seen == 1 && fits > 0 && fits < config.train_batch,
           "%s: a batch that fits is named: %s", why, clade_error());
    config.train_batch = fits;
    st = clade_net_new(&net, be, &config);
    tap_ok(!st, "%s: that batch of %d fits", why, fits);
    clade_net_free(net);
    net = NULL;
    config.train_batch = fits + 1;
    tap_ok(clade_net_new(&net, be, &config) == CLADE_ETOOSMALL,
           "%s: a batch of one more does not", why);
    clade_net_free(net);
    be->device = device;
}

/* Train one step on byte images, and read the loss and the first kernel. */
static clade_status train_once(double *loss, float *weights,
                               const struct clade_net_config *config)
{
    static uint8_t bytes[32 * 32 * 3];
    const uint8_t label = 3;
    const struct clade_batch batch = { .n = 1,
                                       .bytes = bytes,
                                       .labels = &label };
    struct clade_result result;
    clade_net *net = NULL;
    clade_status st;

    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = 256 * rng_record("bytes", 1, i);
    if ((st = clade_net_new(&net, be, config)) ||
        (st = clade_net_train(net, &batch, 0, 0.01f, &result)) ||
        (st = clade_net_read(net, weights,
                             parameter(net, "conv1/kernel")->value)))
        goto out;
    *loss = result.loss;
out:
    clade_net_free(net);
    return st;
}

/* The results must not depend on whether tensors lie in one buffer or in many
 * small ones. */
static void test_placement(void)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    const struct clade_device device = be->device;
    enum { N = 7 * 7 * 3 * 64 };
    static float a[N], b[N], c[N];
    double loss_a, loss_b, loss_c;

    config.train_batch = 1;
    if (train_once(&loss_a, a, &config))
        tap_bail("%s", clade_error());
    be->device.max_alloc = 45 << 20;
    if (train_once(&loss_b, b, &config))
        tap_bail("%s", clade_error());
    be->device = device;
    tap_ok(loss_a == loss_b && !memcmp(a, b, sizeof a),
           "small buffers give the same bits: loss %.9g", loss_a);
    config.seed = 2;
    if (train_once(&loss_c, c, &config))
        tap_bail("%s", clade_error());
    tap_ok(loss_a != loss_c && memcmp(a, c, sizeof a),
           "another seed gives other bits: loss %.9g", loss_c);
}

/* ---- use and misuse ------------------------------------------------------ */

/* A batch in the net's own memory, and the same batch elsewhere. */
static void test_staging(clade_net *net)
{
    static uint8_t image[32 * 32 * 3];
    const uint8_t label = 9;
    struct clade_batch batch = { .n = 1, .bytes = image, .labels = &label };
    struct clade_result elsewhere, staged;
    uint8_t *bytes, *labels;

    for (size_t i = 0; i < sizeof image; i++)
        image[i] = 256 * rng_record("staging", 1, i);
    if (clade_net_eval(net, &batch, &elsewhere))
        tap_bail("%s", clade_error());
    clade_net_staging(net, &bytes, &labels);
    memset(bytes, 0, 2 * sizeof image);
    memset(labels, 0, 2);
    memcpy(bytes, image, sizeof image);
    labels[0] = label;
    batch.bytes = bytes;
    batch.labels = labels;
    if (clade_net_eval(net, &batch, &staged))
        tap_bail("%s", clade_error());
    tap_ok(staged.loss == elsewhere.loss,
           "a batch laid where the net takes it from counts: loss %.9g and "
           "%.9g",
           staged.loss, elsewhere.loss);
}

/* Logits must explain the loss and the hit of the main head. */
static void test_predict(clade_net *net)
{
    static uint8_t image[32 * 32 * 3];
    const uint8_t label = 3;
    struct clade_batch batch = { .n = 1, .bytes = image, .labels = &label };
    struct clade_result result;
    float logits[10], again[10];
    double sum = 0, loss;
    int first = 0;

    for (size_t i = 0; i < sizeof image; i++)
        image[i] = 256 * rng_record("predict", 1, i);
    if (clade_net_eval(net, &batch, &result) ||
        clade_net_predict(net, &batch, logits))
        tap_bail("%s", clade_error());
    for (int i = 0; i < 10; i++) {
        sum += exp(logits[i]);
        first = logits[i] > logits[first] ? i : first;
    }
    loss = log(sum) - logits[label];
    tap_ok(fabs(loss - result.head_loss[0]) < 1e-5 &&
               result.hits[0] == (first == label),
           "the logits of an image give its loss: %.7g and %.7g", loss,
           result.head_loss[0]);
    batch.labels = NULL;
    if (clade_net_predict(net, &batch, again))
        tap_bail("%s", clade_error());
    tap_ok(!memcmp(logits, again, sizeof logits),
           "an image without a label has the same logits");
    batch.bytes = NULL;
    tap_ok(clade_net_predict(net, &batch, again) == CLADE_EUSAGE,
           "a batch without images is refused: %s", clade_error());
}

static void test_misuse(clade_net *net)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    const uint8_t labels[3] = { 0 }, ten = 10;
    const struct clade_batch batch = { .n = 3,
                                       .bytes = labels,
                                       .labels = labels },
                             mislabelled = { .n = 1,
                                             .bytes = labels,
                                             .labels = &ten };
    struct clade_result result;
    clade_net *other = NULL;

    tap_ok(clade_net_eval(net, &batch, &result) == CLADE_EUSAGE,
           "a batch size that the config lacks is refused: %s", clade_error());
    tap_ok(clade_net_eval(net, &mislabelled, &result) == CLADE_EDATA,
           "a label above the last class is refused: %s", clade_error());
    config.net = "lenet";
    tap_ok(clade_net_new(&other, be, &config) == CLADE_EUSAGE && !other,
           "an unknown net is refused: %s", clade_error());
    config = (struct clade_net_config)CLADE_NET_DEFAULTS;
    config.algorithm = "nonesuch";
    config.eval_batch = 1;
    tap_ok(clade_net_new(&other, be, &config) == CLADE_EUSAGE && !other &&
               strstr(clade_error(), "`reference`"),
           "an unknown algorithm is refused: %s", clade_error());
    config.algorithm = NULL;
    config.without = "dead-ops,nonesuch";
    tap_ok(clade_net_new(&other, be, &config) == CLADE_EUSAGE && !other &&
               strstr(clade_error(), "`nonesuch`") &&
               strstr(clade_error(), "`identity-dropout`"),
           "an unknown rewrite is refused: %s", clade_error());
}

static void test_algorithms(const clade_net *net)
{
    json_t *all = json_loads(clade_net_algorithms(net), 0, NULL);
    const char *name = json_string_value(
        json_object_get(all, "inception_3a/3x3/conv_bwd_data/2"));

    tap_ok(name && !strcmp(name, "reference") && json_object_get(all, "fma"),
           "the algorithms chosen are listed by layer, op and batch");
    tap_ok(!json_object_get(all, "conv1/conv_bwd_data/2"),
           "the gradient of the images is not computed");
    json_decref(all);
}

int main(void)
{
    struct backend_table shared = backend_cpu;
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_net *net = NULL;

    if (clade_backend_open(&be, "cpu"))
        tap_bail("cpu: %s", clade_error());
    config.train_batch = config.eval_batch = 2;
    config.train_last = config.eval_last = 1;
    if (clade_net_new(&net, be, &config))
        tap_bail("%s", clade_error());

    tap_plan(2 + sizeof shapes / sizeof *shapes + 4 + 7 + 1 + 3 + 5 + 2 + 9 +
             2);
    test_shapes(net);
    test_initial(net);
    test_memory(net);
    test_staging(net);
    test_predict(net);
    test_misuse(net);
    test_algorithms(net);
    clade_net_free(net);

    config.train_last = config.eval_last = config.eval_batch = 0;
    config.train_batch = 32;
    test_too_small(config, 500 << 20, 0, "500 MB in all");
    test_too_small(config, 0, 45 << 20, "45 MB a buffer");
    shared.alloc = alloc_given;
    given = 500 << 20;
    be->table = &shared;
    test_too_small(config, 0, 0, "500 MB, which others leave");
    be->table = &backend_cpu;
    test_placement();
    clade_backend_close(be);
    return tap_done();
}
