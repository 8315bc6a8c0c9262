/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long products are cut along images, so that no launch holds a GPU for as
 * long as its display driver allows; what is cut computes the same.
 */
#include "opencl/conv.h"
#include "tap.h"
#include "tested.h"
#include "verify/kind.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 1x1 over 28 x 28 images, which need no columns: 0.41 GFLOP an image, so 12
 * images a launch. */
enum { IMAGES = 14, SIDE = 28, CHANNELS = 512, AT_ONCE = 12 };
enum { IMAGE = SIDE * SIDE * CHANNELS, FILTER = CHANNELS * CHANNELS };

static clade_backend *dev;
static struct clade_buffer *image[2], *filter, *bias, *packed, *scratch;
static struct clade_op made; /* the last one */

static void need(clade_status st)
{
    if (st)
        tap_bail("%s", clade_error());
}

static struct clade_buffer *alloc(size_t elements)
{
    struct clade_buffer *buffer;

    need(clade_backend_alloc(dev, &buffer, elements * sizeof(float),
                             CLADE_MEMORY_DEVICE));
    return buffer;
}

/* Fill with small integers. */
static void fill(struct clade_buffer *buffer, size_t elements)
{
    float *host = malloc(elements * sizeof *host);

    if (!host)
        tap_bail("out of memory");
    for (size_t i = 0; i < elements; i++)
        host[i] = (float)(i * 2654435761u >> 20) / 512 - 1;
    need(clade_backend_write(dev, buffer, 0, host, elements * sizeof *host));
    need(clade_backend_finish(dev));
    free(host);
}

static struct clade_tensor images_of(struct clade_buffer *buffer, int first,
                                     int n)
{
    return clade_tensor_at(buffer, (int64_t)first * IMAGE, n, SIDE, SIDE,
                           CHANNELS, CLADE_F32);
}

/* A convolution of images first ... first+n-1, in any direction. */
static void make(struct clade_op *op, enum clade_op_kind kind, int first, int n)
{
    const struct clade_window win = clade_window_valid(1, 1, 1);
    const struct clade_tensor none = { 0 };
    const struct clade_tensor w =
        clade_tensor_at(filter, 0, 1, 1, CHANNELS, CHANNELS, CLADE_F32);
    const struct clade_tensor b =
        clade_tensor_at(bias, 0, 1, 1, 1, CHANNELS, CLADE_F32);
    const struct clade_tensor x = images_of(image[0], first, n);
    const struct clade_tensor y = images_of(image[1], first, n);

    if (kind == CLADE_CONV_FWD)
        need(clade_op_conv_fwd(op, y, x, w, none, win, 0));
    else if (kind == CLADE_CONV_BWD_DATA)
        need(clade_op_conv_bwd_data(op, x, y, w, none, win, 0));
    else
        need(clade_op_conv_bwd_filter(op, w, b, x, y, win));
}

static void pack(struct clade_op *op)
{
    struct clade_op packing;

    packed = alloc(op->packed);
    op->t[CLADE_PACKED] =
        clade_tensor_at(packed, 0, 1, 1, 1, (int)op->packed, CLADE_F32);
    need(clade_op_filter_pack(&packing, op));
    need(backend_run_once(dev, &packing));
}

/* Run it; the launches that took. */
static int launches(enum clade_op_kind kind, const char *algorithm, int first,
                    int n)
{
    struct backend_debug debug = { .launches = 0 };
    struct clade_op op;

    make(&op, kind, first, n);
    need(clade_backend_choose(dev, &op, algorithm));
    if (op.workspace) {
        scratch = alloc(op.workspace / sizeof(float) + 1);
        op.t[CLADE_WORKSPACE] = clade_tensor_at(
            scratch, 0, 1, 1, 1, (int)(op.workspace / 4), CLADE_F32);
    }
    if (op.packed)
        pack(&op);
    dev->debug = &debug;
    need(backend_run_once(dev, &op));
    dev->debug = NULL;
    clade_backend_free(dev, scratch);
    clade_backend_free(dev, packed);
    scratch = packed = NULL;
    made = op;
    return debug.launches;
}

/* Whether image `i` comes out the same computed alone. */
static bool same_alone(enum clade_op_kind kind, const char *algorithm, int i)
{
    static float whole[IMAGE], alone[IMAGE];
    struct clade_buffer *out = image[kind == CLADE_CONV_FWD];
    const size_t at = sizeof whole * i;

    need(clade_backend_read(dev, whole, out, at, sizeof whole));
    need(clade_backend_fill(dev, out, at, sizeof whole, 0x7fc00000));
    launches(kind, algorithm, i, 1);
    need(clade_backend_read(dev, alone, out, at, sizeof alone));
    return !memcmp(whole, alone, sizeof whole);
}

/* Whether the bias' gradient is the sum of all pixels of dy, within its
 * bound. */
static bool is_sum(void)
{
    static float db[CHANNELS], one[IMAGE];
    static double sum[CHANNELS], bracket[CHANNELS];
    bool right = made.depth_db > 0;

    memset(sum, 0, sizeof sum);
    memset(bracket, 0, sizeof bracket);
    need(clade_backend_read(dev, db, bias, 0, sizeof db));
    for (int n = 0; n < IMAGES; n++) {
        need(
            clade_backend_read(dev, one, image[1], sizeof one * n, sizeof one));
        for (int i = 0; i < IMAGE; i++) {
            sum[i % CHANNELS] += one[i];
            bracket[i % CHANNELS] += fabs(one[i]);
        }
    }
    for (int k = 0; k < CHANNELS; k++)
        right &=
            fabs(db[k] - sum[k]) <= bound_gamma(made.depth_db + 2) * bracket[k];
    return right;
}

static void test(enum clade_op_kind kind, const char *algorithm)
{
    const int least = (IMAGES + AT_ONCE - 1) / AT_ONCE;
    int n;

    fill(image[0], (size_t)IMAGES * IMAGE);
    fill(image[1], (size_t)IMAGES * IMAGE);
    fill(filter, FILTER);
    n = launches(kind, algorithm, 0, IMAGES);
    tap_ok(n >= least, "%s, %s: %d images are cut into %d launches or more: %d",
           clade_op_name(kind), algorithm, IMAGES, least, n);
    if (kind == CLADE_CONV_BWD_FILTER) {
        /* its outputs are sums over all images */
        tap_ok(is_sum(), "%s, %s: dy is added up over all cuts, depth %d",
               clade_op_name(kind), algorithm, made.depth_db);
        return;
    }
    tap_ok(same_alone(kind, algorithm, AT_ONCE) &&
               same_alone(kind, algorithm, IMAGES - 1),
           "%s, %s: images beyond a cut are as computed alone",
           clade_op_name(kind), algorithm);
}

int main(void)
{
    static const enum clade_op_kind kinds[] = { CLADE_CONV_FWD,
                                                CLADE_CONV_BWD_DATA,
                                                CLADE_CONV_BWD_FILTER };
    const char *algorithms[4];
    struct clade_op op;
    int n;

    dev = tested_need();
    if (strncmp(clade_backend_device(dev)->selector, "opencl", 6))
        tap_skip_all("the reference launches nothing");
    if (clade_backend_device(dev)->emulated)
        tap_skip_all("too slow for 6 GFLOP");
    image[0] = alloc((size_t)IMAGES * IMAGE);
    image[1] = alloc((size_t)IMAGES * IMAGE);
    filter = alloc(FILTER);
    bias = alloc(CHANNELS);
    make(&op, CLADE_CONV_FWD, 0, IMAGES);
    n = clade_backend_algorithms(dev, &op, algorithms, 4);
    tap_plan(6 * n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            test(kinds[k], algorithms[i]);
    clade_backend_free(dev, bias);
    clade_backend_free(dev, filter);
    clade_backend_free(dev, image[1]);
    clade_backend_free(dev, image[0]);
    clade_backend_close(dev);
    return tap_done();
}
