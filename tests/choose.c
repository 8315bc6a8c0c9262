/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the OpenCL backend chooses for a product.  Its tensors need no memory:
 * choosing is arithmetic.  The device is CLADE_TEST_DEVICE's, else the best
 * one.
 */
#include "opencl/opencl.h"
#include "tap.h"
#include "tested.h"

#include <stdlib.h>
#include <string.h>

static clade_backend *dev;

/* Where a tensor of any size fits: images, their outputs, filters. */
static struct clade_buffer room[3] = { { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX } };

/* A convolution of n images of h x w, c channels in and k out, in any
 * direction, by a window of one pixel or of 3 x 3. */
struct shape {
    enum clade_op_kind kind;
    int n, h, w, c, k, window;
    const char *algorithm;
};

static struct clade_op make(const struct shape *s)
{
    const struct clade_window win =
        clade_window_same(s->window, s->window, 1, s->h, s->w);
    const struct clade_tensor none = { 0 };
    const struct clade_tensor x =
        clade_tensor_at(&room[0], 0, s->n, s->h, s->w, s->c, CLADE_F32);
    const struct clade_tensor y =
        clade_tensor_at(&room[1], 0, s->n, s->h, s->w, s->k, CLADE_F32);
    const struct clade_tensor w = clade_tensor_at(
        &room[2], 0, s->window, s->window, s->c, s->k, CLADE_F32);
    struct clade_op op;
    clade_status st;

    if (s->kind == CLADE_CONV_FWD)
        st = clade_op_conv_fwd(&op, y, x, w, none, win, 0);
    else if (s->kind == CLADE_CONV_BWD_DATA)
        st = clade_op_conv_bwd_data(&op, x, y, w, none, win, 0);
    else
        st = clade_op_conv_bwd_filter(&op, w, none, x, y, win);
    if (st)
        tap_bail("%s", clade_error());
    return op;
}

/* Rows of the image, in bytes, are no int. */
static void test_long_rows(void)
{
    const struct shape s = {
        CLADE_CONV_BWD_FILTER, 1, 5000, 5000, 80, 80, 1, "direct"
    };
    struct clade_op op = make(&s);
    const clade_status st = clade_backend_choose(dev, &op, s.algorithm);

    tap_ok(!st && op.depth > s.h * s.w / 100, "rows of 16 GB: depth %d",
           op.depth);
}

/* Kernels count elements in ints, so a workspace of 2^31 is refused. */
static void test_large_workspace(const struct shape *s, const char *what)
{
    struct clade_op op = make(s);
    clade_status st;

    if (!tested_has(dev, &op, s->algorithm)) {
        tap_skip("%s: no %s", what, s->algorithm);
        return;
    }
    st = clade_backend_choose(dev, &op, s->algorithm);
    tap_ok(st == CLADE_EUNSUPPORTED && strstr(clade_error(), "2^31"), "%s: %s",
           what, st ? clade_error() : "chosen");
}

/* CLBlast's grids can have the pixels of a product in a dimension of which GPUs
 * take 65,535 groups; its smallest have 8 pixels. */
static void test_many_pixels(void)
{
    const struct shape s = {
        CLADE_CONV_BWD_FILTER, 1024, 28, 28, 64, 32, 1, "clblast"
    };
    struct clade_op op = make(&s);

    if (!tested_has(dev, &op, s.algorithm)) {
        tap_skip("pixels of a product: no %s", s.algorithm);
        return;
    }
    if (clade_backend_choose(dev, &op, s.algorithm))
        tap_bail("%s", clade_error());
    tap_ok(op.choice.tune[0] * s.h * s.w <= 8 * 65535,
           "pixels of a product: %d images of %d", op.choice.tune[0],
           s.h * s.w);
}

/* Without CLBlast there is no `clblast`. */
static void test_absent(void)
{
    const struct shape s = { CLADE_CONV_FWD, 1, 8, 8, 4, 4, 1, "clblast" };
    struct clade_op op = make(&s);
    const bool here = tested_has(dev, &op, s.algorithm);
    const clade_status st =
        clade_backend_choose(dev, &op, here ? "nonesuch" : s.algorithm);

    tap_ok(st == CLADE_EUSAGE && strstr(clade_error(), "`direct`"),
           "an algorithm that is not there: %s", st ? clade_error() : "chosen");
}

/* On a GPU `direct` is slow, whatever its vectors: it must come last, and its
 * launches must be short. */
static void test_gpu(void)
{
    const struct shape s = { CLADE_CONV_FWD, 32, 56, 56, 64, 64, 3, "direct" };
    const struct shape filter = {
        CLADE_CONV_BWD_FILTER, 64, 56, 56, 128, 128, 3, "direct"
    };
    enum { IMAGES = 5, PARTS = 6 }; /* of the choices' numbers */
    const struct clade_device device = dev->device;
    struct clade_op op = make(&s);
    const char *names[8];
    double flops;
    int n;

    dev->device.type = CLADE_DEVICE_GPU;
    dev->device.vector_width = 4; /* Mali's */
    n = clade_backend_algorithms(dev, &op, names, 8);
    if (n < 2)
        tap_skip("a GPU's vectors of 4: direct alone");
    else
        tap_ok(!strcmp(names[0], "implicit") && !strcmp(names[n - 1], "direct"),
               "a GPU's vectors of 4: %s first, %s last", names[0],
               names[n - 1]);
    if (clade_backend_choose(dev, &op, "direct"))
        tap_bail("%s", clade_error());
    flops = clade_op_flops(&op) / s.n * op.choice.tune[IMAGES];
    tap_ok(flops <= 5e8, "a GPU's launch of direct: %.2g products and sums",
           flops);
    op = make(&filter);
    if (clade_backend_choose(dev, &op, "direct"))
        tap_bail("%s", clade_error());
    flops = clade_op_flops(&op) / op.choice.tune[PARTS];
    /* a part is a whole number of units of rows */
    tap_ok(flops <= 1e9, "and of a filter's gradient: %.2g", flops);
    dev->device = device;
}

/* Whether the first candidate of each algorithm is its usual one, and all
 * others are variants, all different, which can be chosen by their texts. */
static bool are_sound(const struct backend_candidate list[], int n,
                      const struct clade_op *op)
{
    char text[CLADE_CHOICE_TEXT];

    for (int i = 0; i < n; i++) {
        const struct clade_choice *c = &list[i].choice;
        struct clade_op copy = *op;
        bool first = true;

        for (int k = 0; k < i; k++) {
            first &= strcmp(list[k].choice.algorithm, c->algorithm) != 0;
            if (choice_equal(&list[k].choice, c))
                return false;
        }
        if (first == list[i].variant ||
            (!strcmp(c->algorithm, "clblast") && list[i].variant))
            return false;
        if (strcmp(c->algorithm, "clblast") &&
            (clade_backend_choose(dev, &copy, clade_choice_text(text, c)) ||
             !choice_equal(&copy.choice, c)))
            return false;
    }
    return true;
}

/* What there is to be measured, on devices with vectors of 4, 8 and 16. */
static void test_variants(void)
{
    static const struct shape shapes[] = {
        { CLADE_CONV_FWD, 32, 14, 14, 96, 208, 3, NULL },
        { CLADE_CONV_BWD_DATA, 32, 28, 28, 128, 192, 3, NULL },
        { CLADE_CONV_BWD_FILTER, 32, 14, 14, 96, 192, 3, NULL },
        { CLADE_CONV_BWD_FILTER, 32, 14, 14, 192, 96, 1, NULL },
        { CLADE_CONV_FWD, 32, 7, 7, 48, 100, 5, NULL },
    };
    const struct clade_device device = dev->device;
    struct backend_candidate list[BACKEND_CANDIDATES];
    int sound = 0, least = BACKEND_CANDIDATES;

    dev->device.type = CLADE_DEVICE_CPU;
    for (int lanes = 4; lanes <= 16; lanes *= 2)
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            const struct clade_op op = make(&shapes[i]);
            int n;

            dev->device.vector_width = lanes;
            n = backend_offer(dev, &op, list);
            least = n < least ? n : least;
            sound += are_sound(list, n, &op);
        }
    dev->device = device;
    tap_ok(sound == 15 && least > 3,
           "%d of 15 lists of candidates are sound, the shortest has %d", sound,
           least);
}

int main(void)
{
    static const struct shape columns = {
        CLADE_CONV_FWD, 1, 2048, 2048, 64, 64, 3, "clblast"
    };
    static const struct shape parts = {
        CLADE_CONV_BWD_FILTER, 32, 32, 32, 4096, 4096, 3, "direct"
    };

    dev = tested_need();
    if (strncmp(clade_backend_device(dev)->selector, "opencl", 6))
        tap_skip_all("the reference has one algorithm");
    dev->device.loop_limit = 0; /* nothing runs */
    tap_plan(9);
    test_long_rows();
    test_large_workspace(&columns, "columns of one image");
    test_large_workspace(&parts, "partial sums of a large filter");
    test_many_pixels();
    test_absent();
    test_gpu();
    test_variants();
    clade_backend_close(dev);
    return tap_done();
}
