/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "op/op.h"
#include "status.h"

#define CPU_RUN(id, name) [CLADE_##id] = { cpu32_##name, cpu64_##name },
static cpu_run_fn *const run_table[CLADE_OP_KINDS][2] = { CPU_OP_LIST(
    CPU_RUN) };

/* What to open a device by, and the storage of its tensors. */
static const struct {
    const char *selector, *name;
    enum clade_type real;
} variants[] = {
    { "cpu", "this machine's processors, float32", CLADE_F32 },
    { "cpu64", "this machine's processors, float64", CLADE_F64 },
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

/* The reference is taken only where it is named, or where nothing else is: its
 * rank is below every other device's. */
static struct clade_device describe(int variant)
{
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);
    const long units = sysconf(_SC_NPROCESSORS_ONLN);
    struct clade_device d = {
        .platform = "reference",
        .vendor = "clade",
        .driver = PACKAGE_VERSION,
        .version = "plain C, sums in double",
        .type = CLADE_DEVICE_CPU,
        .memory = (uint64_t)pages * (uint64_t)page,
        .units = units > 0 ? (int)units : 1,
        .vector_width = 1,
        .rank = INT_MIN + VARIANTS - variant,
        .denormals = true,
        .unified = true,
    };

    d.max_alloc = d.memory;
    snprintf(d.selector, sizeof(d.selector), "%s", variants[variant].selector);
    snprintf(d.name, sizeof(d.name), "%s", variants[variant].name);
    return d;
}

static clade_status devices(struct clade_device **list, int *count)
{
    struct clade_device *longer =
        realloc(*list, ((size_t)*count + VARIANTS) * sizeof(**list));

    if (!longer)
        return clade_fail(CLADE_ENOMEM, "out of memory listing devices");
    for (int i = 0; i < VARIANTS; i++)
        longer[(*count)++] = describe(i);
    *list = longer;
    return CLADE_OK;
}

static clade_status open_cpu(clade_backend **be,
                             const struct clade_device *device)
{
    struct cpu *cpu = calloc(1, sizeof(*cpu));

    if (!cpu)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", device->selector);
    cpu->base.table = &backend_cpu;
    cpu->base.device = *device;
    for (int i = 0; i < VARIANTS; i++)
        if (!strcmp(device->selector, variants[i].selector))
            cpu->base.real = variants[i].real;
    *be = &cpu->base;
    return CLADE_OK;
}

static void close_cpu(clade_backend *be)
{
    struct cpu *cpu = (struct cpu *)be;

    if (cpu)
        free(cpu->scratch);
    free(cpu);
}

/* Whole cache lines, so that threads' parts of a row start on their own. */
static void *lines(size_t bytes)
{
    const size_t line = 64;

    return bytes > SIZE_MAX - line
               ? NULL
               : aligned_alloc(line, (bytes + line - 1) / line * line);
}

static clade_status alloc(clade_backend *be, struct clade_buffer **buffer,
                          size_t size, enum clade_memory where)
{
    struct cpu_buffer *b = malloc(sizeof(*b));
    void *host = lines(size);

    (void)where;
    if (!b || !host) {
        free(b);
        free(host);
        return clade_fail(CLADE_ENOMEM,
                          "%s: no memory for a buffer of %zu bytes (%.1f MB);"
                          " try a smaller batch",
                          be->device.selector, size, (double)size / 1e6);
    }
    *b = (struct cpu_buffer){ .base = { .bytes = size }, .host = host };
    be->memory += size;
    *buffer = &b->base;
    return CLADE_OK;
}

static void free_buffer(clade_backend *be, struct clade_buffer *buffer)
{
    if (!buffer)
        return;
    be->memory -= buffer->bytes;
    free(((struct cpu_buffer *)buffer)->host);
    free(buffer);
}

static char *host_at(const struct clade_buffer *buffer, size_t at)
{
    return (char *)((const struct cpu_buffer *)buffer)->host + at;
}

static clade_status fill(clade_backend *be, struct clade_buffer *buffer,
                         size_t at, size_t size, uint32_t word)
{
    (void)be;
    for (size_t i = 0; i < size; i += sizeof(word))
        memcpy(host_at(buffer, at + i), &word, sizeof(word));
    return CLADE_OK;
}

static clade_status copy(clade_backend *be, struct clade_buffer *to,
                         size_t to_at, struct clade_buffer *from,
                         size_t from_at, size_t size)
{
    (void)be;
    memcpy(host_at(to, to_at), host_at(from, from_at), size);
    return CLADE_OK;
}

static clade_status read_buffer(clade_backend *be, void *to,
                                struct clade_buffer *from, size_t at,
                                size_t size)
{
    (void)be;
    memcpy(to, host_at(from, at), size);
    return CLADE_OK;
}

static clade_status write_buffer(clade_backend *be, struct clade_buffer *to,
                                 size_t at, const void *from, size_t size)
{
    (void)be;
    memcpy(host_at(to, at), from, size);
    return CLADE_OK;
}

static void *map(clade_backend *be, struct clade_buffer *buffer)
{
    (void)be;
    return host_at(buffer, 0);
}

static const char *const algorithm_names[] = { "reference", NULL };

static int candidates(clade_backend *be, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    (void)be;
    if (!run_table[op->kind][0])
        return 0;
    if (max > 0)
        list[0] = (struct backend_candidate){
            .choice = { .algorithm = algorithm_names[0] },
        };
    return 1;
}

/*
 * Roundings of the storage's own size.  A float32 op's sum is in double, with
 * one rounding at the end; a float64 op's is a chain of products.
 */
static int depth(const struct clade_op *op, enum clade_type real)
{
    const int window = op->window.r * op->window.s;
    const int64_t pixels = clade_tensor_pixels(&op->t[CLADE_DY]);

    if (real == CLADE_F32)
        return op->kind == CLADE_LOSS_BWD || op->kind == CLADE_SGD ? 2 : 1;
    switch (op->kind) {
    case CLADE_CONV_FWD:
        return window * op->t[CLADE_X].c + 2;
    case CLADE_CONV_BWD_DATA:
        return window * op->t[CLADE_DY].c + 2;
    case CLADE_CONV_BWD_FILTER:
    case CLADE_BIAS_BWD:
        return (int)pixels + 1;
    case CLADE_AVGPOOL_FWD:
    case CLADE_AVGPOOL_BWD:
    case CLADE_MAXPOOL_BWD:
        return window + 2;
    default:
        return 3;
    }
}

static clade_status settle(clade_backend *be, struct clade_op *op)
{
    op->depth = depth(op, be->real);
    return CLADE_OK;
}

/* conv_bwd_data transposes its filter; the copies share one piece of memory, as
 * ops run one after another. */
static clade_status make_scratch(struct cpu *cpu, const struct clade_op *op)
{
    const size_t wanted = (size_t)clade_tensor_elements(&op->t[CLADE_W]) *
                          clade_type_size(cpu->base.real);
    void *scratch;

    if (op->kind != CLADE_CONV_BWD_DATA || wanted <= cpu->scratch_bytes)
        return CLADE_OK;
    if (!(scratch = lines(wanted)))
        return clade_fail(CLADE_ENOMEM,
                          "%s: no memory to transpose a filter of %zu bytes",
                          op_describe(op), wanted);
    free(cpu->scratch);
    cpu->scratch = scratch;
    cpu->scratch_bytes = wanted;
    return CLADE_OK;
}

static clade_status prepare(clade_backend *be, clade_task **out,
                            const struct clade_op *op)
{
    clade_status st = make_scratch((struct cpu *)be, op);
    clade_task *task;

    if (st)
        return st;
    if (!(task = malloc(sizeof(*task))))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", op_describe(op));
    *task = (clade_task){ .op = *op };
    *out = task;
    return CLADE_OK;
}

static clade_status run(clade_backend *be, clade_task *task)
{
    run_table[task->op.kind][be->real == CLADE_F64](
        &task->op, ((struct cpu *)be)->scratch);
    return CLADE_OK;
}

static void release(clade_backend *be, clade_task *task)
{
    (void)be;
    free(task);
}

static clade_status done(clade_backend *be)
{
    (void)be;
    return CLADE_OK;
}

struct cpu_buffer cpu_wrap(void *host, size_t bytes)
{
    return (struct cpu_buffer){ .base = { .bytes = bytes }, .host = host };
}

const struct backend_table backend_cpu = {
    .name = "cpu",
    .algorithms = algorithm_names,
    .devices = devices,
    .open = open_cpu,
    .close = close_cpu,
    .alloc = alloc,
    .free = free_buffer,
    .fill = fill,
    .copy = copy,
    .read = read_buffer,
    .write = write_buffer,
    .map = map,
    .candidates = candidates,
    .settle = settle,
    .prepare = prepare,
    .run = run,
    .release = release,
    .flush = done,
    .finish = done,
};
