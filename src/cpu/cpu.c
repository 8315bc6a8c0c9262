/* SPDX-License-Identifier: Apache-2.0 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/cpu.h"
#include "op/op.h"
#include "status.h"

/* The reference's devices. */
static const struct {
    const char *selector, *name;
    enum clade_type real; /* what its tensors hold */
} variants[] = {
    { "cpu", "this machine's processors, float32", CLADE_F32 },
    { "cpu64", "this machine's processors, float64", CLADE_F64 },
};
enum { VARIANTS = sizeof(variants) / sizeof(variants[0]) };

/* Its rank is below that of every device that can run programs, so the
 * reference is chosen only if it is named or if there is no such device. */
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

/* Allocate whole cache lines, so that two threads never write to the same line.
 */
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
    if (!cpu_kind(op->kind, be->real)->run)
        return 0;
    if (max > 0)
        list[0] = (struct backend_candidate){
            .choice = { .algorithm = algorithm_names[0] },
        };
    return 1;
}

/*
 * The depth, in roundings to the type of storage.  A float32 op adds up in
 * double and rounds once at the end.  A float64 op is a chain of products with
 * a rounding at each.
 */
static int depth(const struct clade_op *op, enum clade_type real)
{
    const struct cpu_kind *kind = cpu_kind(op->kind, real);

    if (real == CLADE_F32)
        return kind->roundings ? kind->roundings : 1;
    return (kind->chain ? (int)kind->chain(op) : 1) + 2;
}

static clade_status settle(clade_backend *be, struct clade_op *op)
{
    const struct clade_op alone = op_alone(op, CLADE_DB);

    op->depth = depth(op, be->real);
    if (op->kind != alone.kind)
        op->depth_db = depth(&alone, be->real);
    return CLADE_OK;
}

/* Make room for an op's scratch.  Ops run one after another, so all of them use
 * the same memory for it. */
static clade_status make_scratch(struct cpu *cpu, const struct clade_op *op)
{
    const enum clade_type real = cpu->base.real;
    const struct cpu_kind *kind = cpu_kind(op->kind, real);
    const size_t wanted =
        kind->scratch ? (size_t)kind->scratch(op) * clade_type_size(real) : 0;
    void *scratch;

    if (wanted <= cpu->scratch_bytes)
        return CLADE_OK;
    if (!(scratch = lines(wanted)))
        return clade_fail(CLADE_ENOMEM,
                          "%s: no memory for %zu bytes of scratch",
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

static clade_status run_task(clade_backend *be, clade_task *task)
{
    cpu_kind(task->op.kind, be->real)
        ->run(&task->op, ((struct cpu *)be)->scratch);
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
    .run = run_task,
    .release = release,
    .flush = done,
    .finish = done,
};
