/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grids with more rows than a GPU takes groups in dimension 1, by a driver that
 * refuses what CUDA's does.  The device (CLADE_TEST_DEVICE's, else the best
 * one) poses as a GPU: its kernels have one work-item an element.
 */
#include "faults.h"
#include "folder.h"
#include "opencl/opencl.h"
#include "tap.h"
#include "tested.h"
#include "trial.h"

#include <stdlib.h>
#include <string.h>

static clade_backend *dev;

/* Shapes are there; memory is the trial's. */
static struct clade_buffer room[4] = { { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX } };

static struct clade_tensor tensor(int i, int n, int h, int w, int c)
{
    return clade_tensor_at(&room[i], 0, n, h, w, c, CLADE_F32);
}

static const struct clade_tensor none;
static const struct clade_step step = { .seed = 1, .batch = 1, .dropout = 1 };

/* 64 channels fill a group, so each of the pixels is a row of groups.  Images
 * are one pixel wide.  A product by a window of two rows needs im2col. */
enum { PIXELS = 67000, CHANNELS = 64 };

static clade_status avgpool_fwd(struct clade_op *op)
{
    return clade_op_avgpool_fwd(op, tensor(0, 1, PIXELS, 1, CHANNELS),
                                tensor(1, 1, PIXELS, 1, CHANNELS),
                                clade_window_valid(1, 1, 1));
}

static clade_status avgpool_bwd(struct clade_op *op)
{
    return clade_op_avgpool_bwd(op, tensor(0, 1, PIXELS, 1, CHANNELS),
                                tensor(1, 1, PIXELS, 1, CHANNELS), none,
                                clade_window_valid(1, 1, 1), 0);
}

static clade_status dropout_fwd(struct clade_op *op)
{
    return clade_op_dropout_fwd(op, tensor(0, 1, PIXELS, 1, CHANNELS + 1),
                                tensor(1, 1, PIXELS, 1, CHANNELS + 1), 0.5f,
                                "here", &step);
}

static clade_status dropout_bwd(struct clade_op *op)
{
    return clade_op_dropout_bwd(op, tensor(0, 1, PIXELS, 1, CHANNELS + 1),
                                tensor(1, 1, PIXELS, 1, CHANNELS + 1), none,
                                0.5f, "here", &step, 0);
}

static clade_status im2col(struct clade_op *op)
{
    return clade_op_conv_fwd(
        op, tensor(0, 1, PIXELS - 1, 1, 1), tensor(1, 1, PIXELS, 1, CHANNELS),
        tensor(2, 2, 1, CHANNELS, 1), none, clade_window_valid(2, 1, 1), 0);
}

static clade_status col2im(struct clade_op *op)
{
    return clade_op_conv_bwd_data(
        op, tensor(0, 1, PIXELS, 1, CHANNELS), tensor(1, 1, PIXELS - 1, 1, 1),
        tensor(2, 2, 1, CHANNELS, 1), none, clade_window_valid(2, 1, 1), 0);
}

static clade_status epilogue(struct clade_op *op)
{
    return clade_op_conv_fwd(
        op, tensor(0, 1, PIXELS, 1, CHANNELS), tensor(1, 1, PIXELS, 1, 1),
        tensor(2, 1, 1, 1, CHANNELS), tensor(3, 1, 1, 1, CHANNELS),
        clade_window_valid(1, 1, 1), CLADE_BIAS);
}

/* An image of 2 x 2 pixels is a row of conv_direct's. */
static clade_status many_images(struct clade_op *op)
{
    return clade_op_conv_fwd(op, tensor(0, 70000, 2, 2, 1),
                             tensor(1, 70000, 2, 2, 1), tensor(2, 3, 3, 1, 1),
                             none, clade_window_same(3, 3, 1, 2, 2), 0);
}

/* An input channel is a row of conv_direct_sum's. */
static clade_status many_channels(struct clade_op *op)
{
    return clade_op_conv_bwd_filter(
        op, tensor(0, 1, 1, 70000, CHANNELS), (struct clade_tensor){ 0 },
        tensor(1, 1, 1, 2, 70000), tensor(2, 1, 1, 2, CHANNELS),
        clade_window_valid(1, 1, 1));
}

static const struct {
    const char *what, *algorithm;
    clade_status (*make)(struct clade_op *op);
} ops[] = {
    { "avgpool_fwd", "kernel", avgpool_fwd },
    { "avgpool_bwd", "kernel", avgpool_bwd },
    { "dropout_fwd", "kernel", dropout_fwd },
    { "dropout_bwd", "kernel", dropout_bwd },
    { "im2col", "clblast", im2col },
    { "col2im", "clblast", col2im },
    { "conv_epilogue", "clblast", epilogue },
    { "conv_direct", "direct", many_images },
    { "conv_direct_sum", "direct", many_channels },
};
enum { OPS = sizeof ops / sizeof *ops };

static void test(int i)
{
    static const struct fault fault = { .most_groups = 65535 };
    struct trial trial = { .right = false };
    struct clade_op op;
    clade_status st;

    if (ops[i].make(&op))
        tap_bail("%s: %s", ops[i].what, clade_error());
    if (!tested_has(dev, &op, ops[i].algorithm)) {
        tap_skip("%s: no %s", ops[i].what, ops[i].algorithm);
        return;
    }
    if (!fault_begin(&fault))
        tap_bail("%s", fault_error());
    if (!(st = clade_backend_choose(dev, &op, ops[i].algorithm)))
        st = trial_make(&trial, dev, &op, 1);
    fault_end();
    tap_ok(trial.right, "%s: %s", ops[i].what,
           st            ? clade_error()
           : trial.right ? "right"
                         : "wrong");
}

int main(void)
{
    dev = tested_need();
    if (strncmp(clade_backend_device(dev)->selector, "opencl", 6))
        tap_skip_all("the reference has no grids");
    if (clade_backend_device(dev)->emulated)
        tap_skip_all("too slow");
    dev->device.type = CLADE_DEVICE_GPU;
    dev->device.vector_width = 1;
    tap_plan(OPS);
    cache_begin();
    for (int i = 0; i < OPS; i++)
        test(i);
    cache_end();
    clade_backend_close(dev);
    return tap_done();
}
