/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a GPU would be given, or, with the argument `cpu`, CPUs with vectors of
 * 4, 8 and 16: every kernel that GoogLeNet's plans would launch on one, a line
 * each, for tests/targets.sh to compile (exit 77: there is no OpenCL device):
 *
 *     file <tab> kernel <tab> work-items a group <tab> bytes of local memory
 *     that are arguments <tab> options
 *
 * Any OpenCL device serves, told to look like another; nothing is built on it.
 * The plans are those of the default training run, by each algorithm: one of
 * them is the device's own choice, the others its fallbacks.
 */
#include "opencl/core.h"

#include <clade/net.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KERNELS_MAX = 1024 };

/* The launches so far, each kernel of a program once. */
static struct listed {
    char *file, *options, *kernel;
    size_t items, local;
} listed[KERNELS_MAX];
static int n_listed;

static void need(clade_status st)
{
    if (!st)
        return;
    fprintf(stderr, "programs: %s\n", clade_error());
    exit(1);
}

static char *copy(const char *text)
{
    char *t = strdup(text);

    if (!t)
        abort();
    return t;
}

/* Of a kernel's launches, the largest group and most local memory.  Another
 * library's kernels are not ours to list. */
static void add(void *arg, const struct ocl_listed *l)
{
    struct listed *have = listed;

    (void)arg;
    if (!l->kernel)
        return;
    while (have < listed + n_listed && (strcmp(have->file, l->text->name) ||
                                        strcmp(have->kernel, l->kernel) ||
                                        strcmp(have->options, l->options)))
        have++;
    if (have == listed + n_listed) {
        if (n_listed++ == KERNELS_MAX)
            abort();
        have->file = copy(l->text->name);
        have->kernel = copy(l->kernel);
        have->options = copy(l->options);
    }
    if (have->items < l->items)
        have->items = l->items;
    if (have->local < l->local)
        have->local = l->local;
}

/* A device with little to offer: what fits it fits the others.  The limits of
 * memory are far off, so that no plan is refused. */
static void disguise(struct ocl *o, enum clade_device_type type, int width)
{
    struct clade_device *d = &o->base.device;

    d->type = type;
    d->vector_width = width;
    d->units = 16;
    d->local_memory = 32 << 10;
    d->memory = d->max_alloc = 0;
    d->float_config = CL_FP_DENORM | CL_FP_INF_NAN | CL_FP_ROUND_TO_NEAREST |
                      CL_FP_FMA | CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT;
    d->unified = d->emulated = false;
    d->fma = true; /* it defines FP_FAST_FMAF */
    o->clblast_built = true;
    o->list = add;
}

/* The ops of the default run: 2500 images by 32, and 500.  An algorithm may be
 * of no use to the device. */
static void plan(clade_backend *be, const char *algorithm)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_net *net;
    clade_status st;

    config.algorithm = algorithm;
    config.train_batch = config.eval_batch = 32;
    config.train_last = 2500 % 32;
    config.eval_last = 500 % 32;
    st = clade_net_new(&net, be, &config);
    if (st == CLADE_EUNSUPPORTED && strstr(clade_error(), "can run none"))
        return;
    need(st);
    clade_net_free(net);
}

/* Plan by each algorithm that the backend has. */
static void plan_all(clade_backend *be)
{
    for (const char *const *name = be->table->algorithms; *name; name++)
        plan(be, *name);
}

/* What the backend launches when it opens and when it measures peaks, as
 * src/opencl/probe.c and src/opencl/peak.c build it for a GPU. */
static void list_probes(struct ocl *o)
{
    static const struct {
        const struct ocl_text *text;
        const char *kernel, *options;
    } probes[] = {
        { &ocl_probe_text, "probe_flag", "-D VEC=1" },
        { &ocl_probe_text, "probe_fma", "-D VEC=1" },
        { &ocl_probe_text, "probe_sum", "-D VEC=1" },
        { &ocl_peak_text, "peak_flops", "-D VEC=1 -D ROUNDS=8" },
        { &ocl_peak_text, "peak_bytes", "-D VEC=4 -D ROUNDS=8" },
    };
    const struct clade_op none = { .kind = CLADE_SGD };
    struct ocl_task *task;

    need(ocl_task_new(&task, o, &none));
    for (size_t i = 0; i < sizeof probes / sizeof *probes; i++)
        need(ocl_launch(task, probes[i].text, probes[i].kernel,
                        probes[i].options, OCL_GRID(64, 1), NULL, 0));
    ocl_task_free(&o->base, (clade_task *)task);
}

static void list_gpu(struct ocl *o)
{
    disguise(o, CLADE_DEVICE_GPU, 1);
    list_probes(o);
    plan_all(&o->base);
}

static void list_cpus(struct ocl *o)
{
    for (int width = 4; width <= 16; width *= 2) {
        disguise(o, CLADE_DEVICE_CPU, width);
        plan_all(&o->base);
    }
}

int main(int argc, char **argv)
{
    clade_backend *be;
    const clade_status st = clade_backend_open(&be, "opencl");

    if (st == CLADE_ENODEVICE) {
        fprintf(stderr, "no OpenCL device: %s\n", clade_error());
        return 77;
    }
    need(st);
    if (argc > 1 && !strcmp(argv[1], "cpu"))
        list_cpus((struct ocl *)be);
    else
        list_gpu((struct ocl *)be);
    for (int i = 0; i < n_listed; i++)
        printf("%s\t%s\t%zu\t%zu\t%s\n", listed[i].file, listed[i].kernel,
               listed[i].items, listed[i].local, listed[i].options);
    clade_backend_close(be);
    return 0;
}
