/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>

#include "clock.h"

static const char source[] = {
#include "cl/peak.inc"
    0
};
const struct ocl_text ocl_peak_text = { "peak.cl", source };

#define CHAINS 12  /* of peak_flops */
#define ROUNDS 8   /* the same */
#define TRIES  3   /* at least; the shortest counts */
#define BUDGET 0.3 /* seconds for the last of several measurements */
#define MIB    ((size_t)1 << 20)
#define WHAT   "the measurement of peaks"

/* A kernel of peak.cl, ready to run. */
struct peak {
    struct ocl *o;
    cl_kernel kernel;
    struct clade_buffer *buffer;
    size_t items, local; /* of the grid */
    int vec;
    double unit;   /* FLOPs or bytes of an element of a vector, in a turn */
    double enough; /* seconds: the shortest time that counts */
    cl_int turns;  /* of the kernel's loop, `most` at most */
    cl_int most;
    int launches; /* in a row; more than one after `most` turns */
};
#define LAUNCHES_MAX 64

static clade_status time_once(double *seconds, const struct peak *p)
{
    const double start = clock_now();
    struct ocl *o = p->o;
    clade_status st;

    clSetKernelArg(p->kernel, 1, sizeof p->turns, &p->turns);
    for (int i = 0; i < p->launches; i++) {
        cl_event event;

        st = ocl_check(clEnqueueNDRangeKernel(o->queue, p->kernel, 1, NULL,
                                              &p->items, &p->local, 0, NULL,
                                              &event),
                       WHAT, NULL);
        if (st)
            return st;
        ocl_pending_add(o, WHAT, event);
    }
    st = ocl_finish(&o->base);
    *seconds = clock_now() - start;
    return st;
}

/* The shortest time of those that fit into `budget` seconds.  Other work on the
 * machine can only add to them. */
static clade_status shortest(double *seconds, const struct peak *p,
                             double budget)
{
    double one, all = 0;
    clade_status st;

    for (int i = 0; i < TRIES || all < budget; i++) {
        if ((st = time_once(&one, p)))
            return st;
        *seconds = i && *seconds < one ? *seconds : one;
        all += one;
    }
    return CLADE_OK;
}

/* Do about twice as much; false if that is impossible. */
static bool grow(struct peak *p)
{
    if (p->turns < p->most)
        p->turns = p->turns > p->most / 2 ? p->most : p->turns * 2;
    else if (p->launches < LAUNCHES_MAX)
        p->launches *= 2;
    else
        return false;
    return true;
}

/* Set *rate to FLOPs or bytes a second, if that is more.  The first launch is
 * left out: some drivers compile only then. */
static clade_status measure(double *rate, struct peak *p)
{
    double seconds, found;
    clade_status st;

    p->turns = p->launches = 1;
    if ((st = time_once(&seconds, p)))
        return st;
    do {
        if ((st = shortest(&seconds, p, 0)))
            return st;
    } while (seconds < p->enough && grow(p));
    if ((st = shortest(&seconds, p, BUDGET)))
        return st;
    found =
        p->unit * p->vec * (double)p->items * p->turns * p->launches / seconds;
    *rate = found > *rate ? found : *rate;
    return CLADE_OK;
}

/* Make the kernel, and a grid of enough groups to keep each compute unit busy:
 * of one work-item on a CPU, of 256 on a GPU.  An emulated GPU is slow. */
static clade_status make_kernel(struct peak *p, const char *name)
{
    const struct clade_device *d = &p->o->base.device;
    const int groups = (d->units > 0 ? d->units : 1) * (d->emulated ? 1 : 32);
    char options[48];
    size_t limit;
    clade_status st;

    snprintf(options, sizeof options, "-D VEC=%d -D ROUNDS=%d", p->vec, ROUNDS);
    st = ocl_kernel_new(&p->kernel, &limit, p->o, NULL, &ocl_peak_text, name,
                        options);
    if (st)
        return st;
    limit = limit < p->o->items[0] ? limit : p->o->items[0];
    p->local = ocl_is_wide(p->o) ? 1 : limit < 256 ? limit : 256;
    p->items = p->local * (size_t)groups;
    return CLADE_OK;
}

/* Allocate the kernel's buffer.  It is filled, so that the system has found all
 * of its memory, and no element is a NaN or denormal, with which some
 * processors are slow. */
static clade_status make_buffer(struct peak *p, size_t bytes)
{
    clade_backend *be = &p->o->base;
    clade_status st = ocl_alloc(be, &p->buffer, bytes, CLADE_MEMORY_DEVICE);
    cl_mem mem;

    if (st || (st = ocl_fill(be, p->buffer, 0, bytes, 0)))
        return st;
    mem = ((struct ocl_buffer *)p->buffer)->mem;
    return ocl_check(clSetKernelArg(p->kernel, 0, sizeof mem, &mem), WHAT,
                     NULL);
}

static void release(struct peak *p)
{
    if (p->kernel)
        clReleaseKernel(p->kernel);
    if (p->buffer)
        ocl_free(&p->o->base, p->buffer);
}

static clade_status measure_flops(double *rate, struct ocl *o, int vec)
{
    const int limit = o->base.device.loop_limit;
    struct peak p = { .o = o,
                      .vec = vec,
                      .unit = 2.0 * CHAINS * ROUNDS,
                      .enough = 0.005,
                      .most = limit ? limit / (ROUNDS + 1) : 1 << 20 };
    clade_status st = make_kernel(&p, "peak_flops");

    if (!st)
        st = make_buffer(&p, p.items * (size_t)vec * sizeof(cl_float));
    if (!st)
        st = measure(rate, &p);
    release(&p);
    return st;
}

/* How many bytes are much more than the device's caches hold. */
static size_t beyond_caches(const struct ocl *o)
{
    const struct clade_device *d = &o->base.device;
    cl_ulong cache = 0;
    size_t bytes;

    clGetDeviceInfo(o->dev, CL_DEVICE_GLOBAL_MEM_CACHE_SIZE, sizeof cache,
                    &cache, NULL);
    bytes = 8 * (size_t)cache;
    if (bytes < 256 * MIB)
        bytes = 256 * MIB;
    if (d->emulated)
        bytes = MIB; /* too slow for the memory to matter */
    if (d->max_alloc && bytes > d->max_alloc)
        bytes = d->max_alloc;
    return bytes < d->memory / 4 ? bytes : d->memory / 4;
}

static clade_status measure_bytes(double *rate, struct ocl *o)
{
    struct peak p = { .o = o,
                      .vec = ocl_is_wide(o) ? ocl_vector(o, 16) : 4,
                      .unit = 2.0 * sizeof(cl_float),
                      .enough = 0.02 };
    clade_status st = make_kernel(&p, "peak_bytes");
    const size_t turn = p.items * (size_t)p.vec * sizeof(cl_float);

    if (!st) {
        p.most = (cl_int)(beyond_caches(o) / turn);
        p.most = p.most ? p.most : 1;
        st = make_buffer(&p, turn * (size_t)p.most);
    }
    if (!st)
        st = measure(rate, &p);
    release(&p);
    return st;
}

/* Two registers a vector reach more where FMA units are many and narrow. */
clade_status ocl_peaks(clade_backend *be, struct backend_peaks *peaks)
{
    struct ocl *o = (struct ocl *)be;
    const int width = ocl_vector(o, 16);
    struct backend_peaks found = { 0 };
    clade_status st = measure_flops(&found.flops, o, width);

    if (!st && width > 1 && width < 16)
        st = measure_flops(&found.flops, o, 2 * width);
    if (!st)
        st = measure_bytes(&found.bytes, o);
    if (!st)
        *peaks = found;
    return st;
}
