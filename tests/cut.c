/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long products are cut along images, so that no launch holds a GPU for as
 * long as its display driver allows; what is cut computes the same.
 */
#include "opencl/conv.h"
#include "tap.h"
#include "tested.h"

#include <stdlib.h>
#include <string.h>

/* 1x1 over 28 x 28 images, which need no columns: 0.41 GFLOP an image, so 12
 * images a launch. */
enum { IMAGES = 30, SIDE = 28, CHANNELS = 512, AT_ONCE = 12 };
enum { IMAGE = SIDE * SIDE * CHANNELS, FILTER = CHANNELS * CHANNELS };

static clade_backend *dev;
static struct clade_buffer *image[2], *filter, *packed, *scratch;

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

/* Small integers. */
static struct clade_buffer *filled(size_t elements)
{
    struct clade_buffer *buffer = alloc(elements);
    float *host = malloc(elements * sizeof *host);

    if (!host)
        tap_bail("out of memory");
    for (size_t i = 0; i < elements; i++)
        host[i] = (float)(i * 2654435761u >> 20) / 512 - 1;
    need(clade_backend_write(dev, buffer, 0, host, elements * sizeof *host));
    need(clade_backend_finish(dev));
    free(host);
    return buffer;
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
    const struct clade_tensor x = images_of(image[0], first, n);
    const struct clade_tensor y = images_of(image[1], first, n);

    if (kind == CLADE_CONV_FWD)
        need(clade_op_conv_fwd(op, y, x, w, none, win, 0));
    else if (kind == CLADE_CONV_BWD_DATA)
        need(clade_op_conv_bwd_data(op, x, y, w, none, win, 0));
    else
        need(clade_op_conv_bwd_filter(op, w, none, x, y, win));
}

static void pack(struct clade_op *op)
{
    struct clade_op made;

    packed = alloc(op->packed);
    op->t[CLADE_PACKED] =
        clade_tensor_at(packed, 0, 1, 1, 1, (int)op->packed, CLADE_F32);
    need(clade_op_filter_pack(&made, op));
    need(backend_run_once(dev, &made));
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

static void test(enum clade_op_kind kind, const char *algorithm)
{
    const int least = (IMAGES + AT_ONCE - 1) / AT_ONCE;
    const int n = launches(kind, algorithm, 0, IMAGES);

    tap_ok(n >= least, "%s, %s: %d images are cut into %d launches or more: %d",
           clade_op_name(kind), algorithm, IMAGES, least, n);
    if (kind == CLADE_CONV_BWD_FILTER)
        return; /* its output is one sum over all images */
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
        tap_skip_all("too slow for 12 GFLOP");
    image[0] = filled((size_t)IMAGES * IMAGE);
    image[1] = filled((size_t)IMAGES * IMAGE);
    filter = filled(FILTER);
    make(&op, CLADE_CONV_FWD, 0, IMAGES);
    n = clade_backend_algorithms(dev, &op, algorithms, 4);
    tap_plan(5 * n);
    for (int i = 0; i < n; i++)
        for (int k = 0; k < 3; k++)
            test(kinds[k], algorithms[i]);
    clade_backend_free(dev, filter);
    clade_backend_free(dev, image[1]);
    clade_backend_free(dev, image[0]);
    clade_backend_close(dev);
    return tap_done();
}
