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

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 3 x 3 over 64 x 64 images of 64 channels: 9.4 MB of columns an image, so 7
 * images a chunk. */
enum { SIDE = 64, CHANNELS = 64, FILTERS = 2, AT_ONCE = 7 };

static clade_backend *dev;
static char said[1024];

/* ---- a CLBlast with faults ------------------------------------------------
 */

static bool
    wrong_offsets;        /* a matrix that does not begin its buffer is wrong */
static bool no_temporary; /* it can't say how much temporary memory it needs */
static const char *file;  /* where it seems to be loaded from; NULL: where it
                             is */

/* The functions that this file replaces.  With all of CLBlast's replaced, the
 * linker leaves CLBlast out. */
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CLBLAST(name)                                                          \
    ((__typeof__(&name))dlsym(dlopen("libclblast.so.1", RTLD_NOW), #name))

int CLBlastSgemmWithTempBuffer(int layout, int a_transpose, int b_transpose,
                               size_t m, size_t n, size_t k, float alpha,
                               cl_mem a, size_t a_at, size_t lda, cl_mem b,
                               size_t b_at, size_t ldb, float beta, cl_mem c,
                               size_t c_at, size_t ldc, cl_command_queue *queue,
                               cl_event *event, cl_mem temporary)
{
    if (wrong_offsets && (a_at || b_at || c_at))
        alpha = 2 * alpha;
    return CLBLAST(CLBlastSgemmWithTempBuffer)(
        layout, a_transpose, b_transpose, m, n, k, alpha, a, a_at, lda, b, b_at,
        ldb, beta, c, c_at, ldc, queue, event, temporary);
}

int CLBlastSGemmTempBufferSize(int layout, int a_transpose, int b_transpose,
                               size_t m, size_t n, size_t k, size_t a_at,
                               size_t lda, size_t b_at, size_t ldb, size_t c_at,
                               size_t ldc, cl_command_queue *queue,
                               size_t *bytes)
{
    if (no_temporary)
        return -2041; /* CLBlastDatabaseError */
    return CLBLAST(CLBlastSGemmTempBufferSize)(layout, a_transpose, b_transpose,
                                               m, n, k, a_at, lda, b_at, ldb,
                                               c_at, ldc, queue, bytes);
}

int dladdr(const void *address, Dl_info *info)
{
    const int found = NEXT(dladdr)(address, info);

    if (found && file)
        info->dli_fname = file;
    return found;
}

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

    if (kind == CLADE_CONV_FWD
            ? clade_op_conv_fwd(&op, y, x, w, none, win, 0)
            : clade_op_conv_bwd_filter(&op, w, none, x, y, win))
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

/* Choose for an op whose output begins at `offset`, by name or not. */
static clade_status choose_at(struct clade_op *op, int64_t offset,
                              const char *name, const char **notices)
{
    const char *text;
    clade_status st;

    said[0] = '\0';
    *op = make(CLADE_CONV_FWD, 1);
    op->t[CLADE_Y].offset = offset;
    st = clade_backend_choose(dev, op, name);
    text = clade_backend_notices(dev);
    *notices = text ? text : "";
    return st;
}

/* Tensors of a net do not begin their buffers.  There CLBlast takes other
 * kernels, which are checked, too, also where CLBlast is asked for. */
static void test_offsets(void)
{
    const char *notices;
    struct clade_op op;
    clade_status st;

    cache_begin();
    wrong_offsets = true;
    st = choose_at(&op, 0, NULL, &notices);
    tap_ok(!st && !strcmp(op.choice.algorithm, "clblast"),
           "right at offset 0: %s", op.choice.algorithm);
    st = choose_at(&op, 100 * FILTERS, NULL, &notices);
    tap_ok(!st && !strcmp(op.choice.algorithm, "direct") &&
               strstr(notices, "wrongly"),
           "wrong at another offset: %s", notices);
    st = choose_at(&op, 100 * FILTERS, "clblast", &notices);
    tap_ok(st == CLADE_EUNSUPPORTED && strstr(clade_error(), "wrongly"),
           "wrong, and asked for: %s", st ? clade_error() : "chosen");
    wrong_offsets = false;
    cache_end();
}

/* What was found is kept for the library's file, not for its version. */
static void test_file(void)
{
    const char *notices;
    struct clade_op op;
    bool again, anew;

    cache_begin();
    choose_at(&op, 0, NULL, &notices);
    choose_at(&op, 0, NULL, &notices);
    again = said[0];
    file = "/proc/self/exe";
    choose_at(&op, 0, NULL, &notices);
    anew = said[0];
    file = NULL;
    tap_ok(!again && anew, "another file of CLBlast is checked anew: %s", said);
    cache_end();
}

/* What CLBlast cannot do is passed over, unless it is asked for. */
static void test_no_temporary(void)
{
    const char *notices;
    struct clade_op op;
    clade_status st;

    no_temporary = true;
    st = choose_at(&op, 0, NULL, &notices);
    tap_ok(!st && !strcmp(op.choice.algorithm, "direct") &&
               strstr(notices, "-2041"),
           "no temporary memory: %s", st ? clade_error() : notices);
    st = choose_at(&op, 0, "clblast", &notices);
    tap_ok(st == CLADE_EDEVICE, "and asked for: %s",
           st ? clade_error() : "chosen");
    no_temporary = false;
}
enum { LIBRARY_CHECKS = 6 };

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
    ((struct ocl *)dev)->items[0] = 32; /* too few for implicit */
    if (clade_backend_algorithms(dev, &op, names, 8) < 2)
        tap_skip_all("built without CLBlast");
    clade_backend_progress(dev, say, NULL);
    tap_plan(FAILURES + 2 * CHUNKED + LIBRARY_CHECKS);
    cache_begin(); /* of verdicts */
    test_failures();
    cache_end();
    for (int i = 0; i < CHUNKED; i++)
        test_chunked(&chunked[i]);
    test_offsets();
    test_file();
    test_no_temporary();
    clade_backend_close(dev);
    return tap_done();
}
