/* SPDX-License-Identifier: Apache-2.0 */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"

static const char source[] = {
#include "cl/probe.inc"
    0
};
const struct ocl_text ocl_probe_text = { "probe.cl", source };

#define PROBES 9
#define TRIES  3 /* a probe's time is the shortest of this many */
#define ITEMS  64

/* Use fma() unless it takes more than this many times as long as a product and
 * a sum.  Single timings vary twofold, so a finer rule would not give the same
 * answer each time, and another answer changes the bits of results. */
#define TOO_SLOW 3.0

enum { FLAG, FUSED, APART, KERNELS };

struct probe {
    struct ocl *o;
    cl_mem out; /* [ITEMS, 16] */
    cl_kernel kernel[KERNELS];
};

static clade_status launch(const struct probe *p, cl_kernel k, size_t items)
{
    cl_int err = clEnqueueNDRangeKernel(p->o->queue, k, 1, NULL, &items, NULL,
                                        0, NULL, NULL);

    if (err == CL_SUCCESS)
        err = clFinish(p->o->queue);
    return ocl_check(err, "the probe of fma()", NULL);
}

/* The seconds of `count` rounds.  Other work on the machine can only add to
 * them, so the shortest time counts. */
static clade_status time_one(double *seconds, const struct probe *p,
                             cl_kernel k, cl_int count)
{
    clade_status st;

    clSetKernelArg(k, 1, sizeof count, &count);
    for (int i = 0; i < TRIES; i++) {
        const double start = clock_now();
        double taken;

        if ((st = launch(p, k, ITEMS)))
            return st;
        taken = clock_now() - start;
        *seconds = i && *seconds < taken ? *seconds : taken;
    }
    return CLADE_OK;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Find how many rounds take so long that the clock is exact enough and the
 * launch itself does not count.  A kernel's first launch is slow, so each is
 * launched once before. */
static clade_status settle_count(cl_int *count, const struct probe *p)
{
    double launching, sum;
    clade_status st;

    if ((st = time_one(&launching, p, p->kernel[FUSED], 0)) ||
        (st = time_one(&launching, p, p->kernel[APART], 0)))
        return st;
    *count = 1;
    do {
        *count *= 2;
        if ((st = time_one(&sum, p, p->kernel[APART], *count)))
            return st;
    } while ((sum < 2e-4 || sum < 10 * launching) && *count < 1 << 16);
    return CLADE_OK;
}

/* The median of: the time of fma() over the time of a product and a sum. */
static clade_status ratio(double *median, const struct probe *p)
{
    double list[PROBES], fma, sum;
    clade_status st;
    cl_int count;

    if ((st = settle_count(&count, p)))
        return st;
    for (int i = 0; i < PROBES; i++) {
        if ((st = time_one(&fma, p, p->kernel[FUSED], count)) ||
            (st = time_one(&sum, p, p->kernel[APART], count)))
            return st;
        list[i] = fma / sum;
    }
    qsort(list, PROBES, sizeof *list, ascending);
    *median = list[PROBES / 2];
    return CLADE_OK;
}

static clade_status decide(bool *fma, const struct probe *p)
{
    float flag = 0;
    double median;
    clade_status st;

    if ((st = launch(p, p->kernel[FLAG], 1)))
        return st;
    st = ocl_check(clEnqueueReadBuffer(p->o->queue, p->out, CL_TRUE, 0,
                                       sizeof flag, &flag, 0, NULL, NULL),
                   "the probe of fma()", NULL);
    if (st)
        return st;
    *fma = true;
    if (flag != 0)
        return CLADE_OK;
    if ((st = ratio(&median, p)))
        return st;
    *fma = median <= TOO_SLOW;
    return CLADE_OK;
}

static clade_status make_kernel(cl_kernel *kernel, const struct probe *p,
                                const char *name)
{
    char options[32];
    size_t limit;
    clade_status st;

    snprintf(options, sizeof options, "-D VEC=%d", ocl_vector(p->o, 16));
    st = ocl_kernel_new(kernel, &limit, p->o, NULL, &ocl_probe_text, name,
                        options);
    return st ? st
              : ocl_check(clSetKernelArg(*kernel, 0, sizeof p->out, &p->out),
                          "the probe of fma()", NULL);
}

static clade_status probe(bool *fma, struct ocl *o)
{
    static const char *const names[KERNELS] = { "probe_flag", "probe_fma",
                                                "probe_sum" };
    struct probe p = { .o = o };
    clade_status st;
    cl_int err;

    p.out = clCreateBuffer(o->ctx, CL_MEM_READ_WRITE,
                           ITEMS * sizeof(cl_float16), NULL, &err);
    if ((st = ocl_check(err, "clCreateBuffer", NULL)))
        return st;
    for (int i = 0; i < KERNELS && !st; i++)
        st = make_kernel(&p.kernel[i], &p, names[i]);
    if (!st)
        st = decide(fma, &p);
    for (int i = 0; i < KERNELS; i++)
        if (p.kernel[i])
            clReleaseKernel(p.kernel[i]);
    clReleaseMemObject(p.out);
    return st;
}

clade_status ocl_decide_fma(struct ocl *o)
{
    bool *fma = &o->base.device.fma;
    char *kept = ocl_recall(&o->base, "fma");
    clade_status st = CLADE_OK;

    if (kept && (!strcmp(kept, "0") || !strcmp(kept, "1")))
        *fma = kept[0] == '1';
    else if (!(st = probe(fma, o)))
        ocl_remember(&o->base, "fma", *fma ? "1" : "0");
    free(kept);
    return st;
}
