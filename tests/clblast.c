/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where CLBlast is preferred it is checked before it is chosen: found right,
 * found wrong, or not to be checked.  A driver with faults stands in front of
 * the real one.  The device is CLADE_TEST_DEVICE's, else the best one.
 */
#include "faults.h"
#include "folder.h"
#include "opencl/opencl.h"
#include "tap.h"
#include "tested.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 3 x 3 over 64 x 64 images of 64 channels: 9.4 MB of columns an image, so 7
 * images a chunk. */
enum { SIDE = 64, CHANNELS = 64, FILTERS = 2, AT_ONCE = 7 };

static clade_backend *dev;
static char said[1024];

/* Choosing needs no tensors' memory. */
static struct clade_buffer room[3] = { { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX } };

static void say(void *arg, const char *text)
{
    (void)arg;
    snprintf(said, sizeof said, "%s", text);
}

/* A convolution of n images, forward or of its filter's gradient. */
static struct clade_op make(enum clade_op_kind kind, int n)
{
    const struct clade_window win = clade_window_same(3, 3, 1, SIDE, SIDE);
    const struct clade_tensor none = { 0 };
    const struct clade_tensor x =
        clade_tensor_at(&room[0], 0, n, SIDE, SIDE, CHANNELS, CLADE_F32);
    const struct clade_tensor y =
        clade_tensor_at(&room[1], 0, n, SIDE, SIDE, FILTERS, CLADE_F32);
    const struct clade_tensor w =
        clade_tensor_at(&room[2], 0, 3, 3, CHANNELS, FILTERS, CLADE_F32);
    struct clade_op op;

    if (kind == CLADE_CONV_FWD ? clade_op_conv_fwd(&op, y, x, w, none, win, 0)
                               : clade_op_conv_bwd_filter(&op, w, x, y, win))
        tap_bail("%s", clade_error());
    return op;
}

/* Choose with a fault, or NULL; what was noticed, or "". */
static clade_status choose(const char **algorithm, const char **notices,
                           enum clade_op_kind kind, int n,
                           const struct fault *fault)
{
    struct clade_op op = make(kind, n);
    const char *text;
    clade_status st;

    said[0] = '\0';
    if (fault && !fault_begin(fault))
        tap_bail("%s", fault_error());
    st = clade_backend_choose(dev, &op, NULL);
    if (fault)
        fault_end();
    text = clade_backend_notices(dev);
    *algorithm = st ? "none" : op.choice.algorithm;
    *notices = text ? text : "";
    return st;
}

static void test_not_checked(const struct fault *fault, const char *cause,
                             const char *what)
{
    const char *algorithm, *notices;
    const clade_status st =
        choose(&algorithm, &notices, CLADE_CONV_FWD, 1, fault);

    tap_ok(!st && !strcmp(algorithm, "direct") &&
               strstr(notices, "could not be tried") &&
               strstr(notices, cause) && !strchr(notices, '\n'),
           "%s: %s", what, st ? clade_error() : notices);
}

/* Too little memory for a check's operands, or no launch. */
static void test_failures(void)
{
    static const struct fault refused = { .launch_error =
                                              CL_INVALID_WORK_GROUP_SIZE };
    static const struct fault lost = { .launch_error = CL_OUT_OF_RESOURCES,
                                       .read_error = CL_DEVICE_NOT_AVAILABLE };
    const struct clade_device device = dev->device;
    const char *algorithm, *notices;
    clade_status st;

    dev->device.memory = clade_backend_memory(dev) + 1000;
    test_not_checked(NULL, "MiB", "too little memory");
    dev->device = device;
    test_not_checked(&refused, "CL_INVALID_WORK_GROUP_SIZE", "no launch");
    st = choose(&algorithm, &notices, CLADE_CONV_FWD, 1, &lost);
    tap_ok(st == CLADE_EDEVICE && strstr(clade_error(), "CL_OUT_OF_RESOURCES"),
           "a device that is lost fails: %s", clade_error());
    st = choose(&algorithm, &notices, CLADE_CONV_FWD, 1, NULL);
    tap_ok(!st && *said && !strcmp(algorithm, "clblast") && !*notices,
           "nothing of this is kept: now checked, and %s", algorithm);
    st = choose(&algorithm, &notices, CLADE_CONV_FWD, 1, NULL);
    tap_ok(!st && !*said && !strcmp(algorithm, "clblast"),
           "what was found right is kept: %s", algorithm);
}
enum { FAILURES = 5 };

/* Ops of several chunks, all of which the driver must be honest about. */
static const struct chunked {
    enum clade_op_kind kind;
    int n;
    const char *what;
} chunked[] = {
    { CLADE_CONV_FWD, AT_ONCE + 2, "a shorter last chunk" },
    { CLADE_CONV_BWD_FILTER, 2 * AT_ONCE, "a chunk is added" },
    { CLADE_CONV_BWD_FILTER, 2 * AT_ONCE + 2,
      "chunks are added, the last one shorter" },
};
enum { CHUNKED = sizeof chunked / sizeof *chunked };

/* The first launch is not lost, every other one is. */
static void test_chunked(const struct chunked *c)
{
    static const struct fault fault = { .lost_every = 2 };
    const char *algorithm, *notices;
    clade_status st;

    cache_begin();
    st = choose(&algorithm, &notices, c->kind, c->n, &fault);
    tap_ok(!st && !strcmp(algorithm, "direct") && strstr(notices, "wrongly"),
           "%s, every other launch is lost: %s", c->what, notices);
    cache_end();
    cache_begin();
    st = choose(&algorithm, &notices, c->kind, c->n, NULL);
    tap_ok(!st && !strcmp(algorithm, "clblast") &&
               strstr(said, clade_op_name(c->kind)),
           "%s, an honest driver: %s", c->what, said);
    cache_end();
}

int main(void)
{
    const char *names[8];
    struct clade_op op = make(CLADE_CONV_FWD, 1);

    dev = tested_need();
    if (strncmp(clade_backend_device(dev)->selector, "opencl", 6))
        tap_skip_all("the reference has one algorithm");
    if (strstr(clade_backend_device(dev)->platform, "Oclgrind"))
        tap_skip_all("too slow for half a GFLOP");
    dev->device.loop_limit = 0;   /* so that direct is there */
    dev->device.vector_width = 1; /* and comes after */
    if (clade_backend_algorithms(dev, &op, names, 8) < 2)
        tap_skip_all("built without CLBlast");
    clade_backend_progress(dev, say, NULL);
    tap_plan(FAILURES + 2 * CHUNKED);
    cache_begin(); /* of verdicts */
    test_failures();
    cache_end();
    for (int i = 0; i < CHUNKED; i++)
        test_chunked(&chunked[i]);
    clade_backend_close(dev);
    return tap_done();
}
