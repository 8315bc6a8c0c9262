/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queue every launch of training and of inference, by each algorithm, at small
 * and large batches.  tests/limits.sh runs this in null execution under each
 * profile, so a grid, group or local memory that a GPU would not take fails
 * here, in a moment and without the memory that such batches need.
 */
#include "backend.h"
#include "clock.h"

#include <clade/data.h>
#include <clade/net.h>
#include <stdlib.h>

#include "limits.h"
#include "op/op.h"
#include "opencl/opencl.h"
#include "status.h"
#include "tap.h"

/* The fastest of so many steps counts; the last images are a part of a batch.
 */
enum { STEPS = 5, LAST = 3, ALGORITHMS_MAX = 8, FEWEST_LAUNCHES = 80 };

static const int batches[] = { 32, 128, 1024 };
enum { BATCHES = sizeof batches / sizeof *batches };

static clade_backend *be;
static struct backend_debug debug;

/* Train, or evaluate, the first n images. */
static clade_status step(clade_net *net, const struct clade_data *data, int n,
                         bool training)
{
    const struct clade_batch batch = { .n = n,
                                       .bytes = data->train.images,
                                       .labels = data->train.labels };
    struct clade_result result;

    return training ? clade_net_train(net, &batch, 0, 0.01f, &result)
                    : clade_net_eval(net, &batch, &result);
}

/* How many commands wait for a flush, where CLADE_LIMITS says `late`. */
static cl_uint held(void)
{
    cl_uint n = 0;

    clGetCommandQueueInfo(((struct ocl *)be)->queue, LIMITS_HELD, sizeof n, &n,
                          NULL);
    return n;
}

/* Returns the seconds of the fastest whole batch.  A step must leave nothing
 * behind that waits for a flush. */
static clade_status run(double *fastest, clade_net *net,
                        const struct clade_data *data, int n, bool training)
{
    clade_status st = step(net, data, LAST, training);

    *fastest = 1e9;
    for (int i = 0; i < STEPS && !st; i++) {
        const double began = clock_now();
        double taken;

        debug.launches = 0;
        st = step(net, data, n, training);
        taken = clock_now() - began;
        if (!st && held())
            st = clade_fail(CLADE_EDEVICE, "%u commands were not flushed",
                            (unsigned)held());
        *fastest = taken < *fastest ? taken : *fastest;
    }
    return st ? st : clade_backend_finish(be);
}

static void test(const struct clade_data *data, const char *algorithm, int n,
                 bool training)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    const char *what = training ? "training" : "inference";
    clade_net *net = NULL;
    double seconds = 0;
    clade_status st;

    config.algorithm = algorithm;
    *(training ? &config.train_batch : &config.eval_batch) = n;
    *(training ? &config.train_last : &config.eval_last) = LAST;
    debug.launches = 0;
    st = clade_net_new(&net, be, &config);
    if (!st)
        st = run(&seconds, net, data, n, training);
    clade_net_free(net);
    if (!tap_ok(!st && debug.launches >= FEWEST_LAUNCHES,
                "%s by %s, %d images: %d launches, %.2f ms of the host", what,
                algorithm, n, debug.launches, 1e3 * seconds))
        tap_note("%s", st ? clade_error() : "hardly anything was queued");
}

/* The algorithms that the device has for a product. */
static int algorithms(const char *names[])
{
    const struct clade_tensor none = { 0 };
    struct clade_buffer *buffer;
    struct clade_tensor y, x, w;
    struct clade_op op;
    int n;

    if (clade_backend_alloc(be, &buffer, 256, CLADE_MEMORY_DEVICE))
        tap_bail("%s", clade_error());
    y = clade_tensor_at(buffer, 0, 1, 1, 1, 4, CLADE_F32);
    x = clade_tensor_at(buffer, 16, 1, 1, 1, 4, CLADE_F32);
    w = clade_tensor_at(buffer, 32, 1, 1, 4, 4, CLADE_F32);
    if (clade_op_conv_fwd(&op, y, x, w, none, clade_window_valid(1, 1, 1), 0))
        tap_bail("%s", clade_error());
    n = clade_backend_algorithms(be, &op, names, ALGORITHMS_MAX);
    clade_backend_free(be, buffer);
    return n;
}

int main(void)
{
    const char *names[ALGORITHMS_MAX];
    struct clade_data data;
    int n;

    if (clade_backend_open(&be, "opencl:0:0") ||
        clade_data_builtin(&data, batches[BATCHES - 1], 1, 1))
        tap_bail("%s", clade_error());
    be->debug = &debug;
    n = algorithms(names);
    tap_plan(n * BATCHES * 2);
    for (int a = 0; a < n; a++)
        for (int b = 0; b < BATCHES; b++) {
            test(&data, names[a], batches[b], true);
            test(&data, names[a], batches[b], false);
        }
    clade_data_free(&data);
    clade_backend_close(be);
    return tap_done();
}
