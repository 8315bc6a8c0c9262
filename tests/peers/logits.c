/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What clade computes of images, for comparison with other programs.
 *
 * usage: logits DEVICE WEIGHTS COUNT OUT [DIR]
 *
 * OUT becomes a safetensors file about COUNT images, which are the first test
 * images of DIR, a CIFAR-10 folder, or of the built-in ones:
 *
 *     images [COUNT,32,32,3]  their bytes, as floats
 *     labels [COUNT]
 *     pixels [4,224,224,3]    the first four, as the device resized them
 *     logits [COUNT,classes]  of the main head, by the net with these WEIGHTS
 */
#include <clade/train.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/state.h"
#include "safetensors.h"

enum { BATCH = 20, RESIZED = 4, TENSORS = 4 };

struct answer {
    clade_net *net;
    struct clade_data data;
    struct clade_net_shape shape;
    float *pixels, *logits;
};

/* After the resize of a batch, keep its first pixels. */
static clade_status keep_pixels(void *arg, const struct plan *plan, int op)
{
    struct answer *a = arg;
    struct clade_tensor t = plan->pixels;

    if (plan->ops[op].kind != CLADE_RESIZE)
        return CLADE_OK;
    t.n = RESIZED;
    return net_tensor_read(a->net, a->pixels, &t);
}

static clade_status compute(struct answer *a)
{
    const struct clade_dataset *set = &a->data.test;
    const size_t image = (size_t)set->h * set->w * set->c;
    const struct net_observer observer = { .arg = a, .after = keep_pixels };
    struct clade_result result;
    clade_status st = CLADE_OK;

    for (int i = 0; i < set->count && !st; i += BATCH) {
        const struct clade_batch batch = {
            .n = set->count - i < BATCH ? set->count - i : BATCH,
            .bytes = set->images + (size_t)i * image,
            .labels = set->labels + i,
        };

        if (!i)
            st = net_eval(a->net, &batch, &result, &observer);
        if (!st)
            st = clade_net_predict(a->net, &batch,
                                   a->logits + (size_t)i * a->shape.classes);
    }
    return st;
}

/* Tensor i of OUT. */
static clade_status values(void *arg, int i, float *to)
{
    const struct answer *a = arg;
    const struct clade_dataset *set = &a->data.test;
    const struct clade_net_shape *s = &a->shape;
    const size_t image = (size_t)set->h * set->w * set->c;
    const size_t n[TENSORS] = { set->count * image, (size_t)set->count,
                                (size_t)RESIZED * s->h * s->w * s->c,
                                (size_t)set->count * s->classes };

    for (size_t k = 0; k < n[i]; k++)
        to[k] = i == 0   ? set->images[k]
                : i == 1 ? set->labels[k]
                : i == 2 ? a->pixels[k]
                         : a->logits[k];
    return CLADE_OK;
}

static clade_status write_answer(const char *path, struct answer *a)
{
    const struct clade_net_shape *s = &a->shape;
    const int n = a->data.test.count;
    struct safetensor list[TENSORS] = {
        { .name = "images",
          .dims = 4,
          .shape = { n, s->source_h, s->source_w, s->c } },
        { .name = "labels", .dims = 1, .shape = { n } },
        { .name = "pixels", .dims = 4, .shape = { RESIZED, s->h, s->w, s->c } },
        { .name = "logits", .dims = 2, .shape = { n, s->classes } },
    };
    json_t *metadata = json_object();
    const clade_status st =
        safetensors_write(path, metadata, list, TENSORS, values, a);

    json_decref(metadata);
    return st;
}

/* Make the net, and room for its answer. */
static clade_status make_net(struct answer *a, clade_backend *be,
                             clade_checkpoint *weights)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    const int n = a->data.test.count;
    clade_status st;

    config.net = clade_checkpoint_info(weights)->net;
    config.eval_batch = BATCH;
    config.eval_last = n % BATCH;
    if ((st = clade_net_new(&a->net, be, &config)) ||
        (st = clade_checkpoint_load(weights, a->net)))
        return st;
    a->shape = clade_net_shape(a->net);
    a->pixels = calloc((size_t)RESIZED * a->shape.h * a->shape.w * a->shape.c,
                       sizeof *a->pixels);
    a->logits = calloc((size_t)n * a->shape.classes, sizeof *a->logits);
    return a->pixels && a->logits ? CLADE_OK : CLADE_ENOMEM;
}

int main(int argc, char **argv)
{
    const int count = argc > 3 ? atoi(argv[3]) : 0;
    clade_checkpoint *weights = NULL;
    clade_backend *be = NULL;
    struct answer a = { 0 };
    clade_status st;

    if (count < BATCH) {
        fprintf(stderr,
                "usage: logits DEVICE WEIGHTS COUNT OUT [DIR]\n"
                "COUNT is at least %d\n",
                BATCH);
        return 2;
    }
    if (!(st = argc > 5 ? clade_data_cifar10(&a.data, argv[5], 0, count)
                        : clade_data_builtin(&a.data, 0, count, 1)) &&
        !(st = clade_checkpoint_open(&weights, argv[2])) &&
        !(st = clade_backend_open(&be, argv[1])) &&
        !(st = make_net(&a, be, weights)) && !(st = compute(&a)))
        st = write_answer(argv[4], &a);
    if (st)
        fprintf(stderr, "logits: %s\n", clade_error());
    clade_net_free(a.net);
    clade_backend_close(be);
    clade_checkpoint_close(weights);
    clade_data_free(&a.data);
    free(a.pixels);
    free(a.logits);
    return clade_status_exit_code(st);
}
