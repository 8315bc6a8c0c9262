/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REAL_H
#define REAL_H

#include <float.h>
#include <math.h>

#include "cpu/cpu.h"

/*
 * What one source in two precisions of storage needs: `real`, the type of a
 * tensor's floats, and REAL_NAME, which makes a function's two names.  Scalars
 * of an op are rounded to float32 once, whatever the storage, as every
 * backend's are.
 */
#if CPU_REAL == 32
typedef float real;
#define REAL_NAME(name) cpu32_##name
#elif CPU_REAL == 64
typedef double real;
#define REAL_NAME(name) cpu64_##name
#else
#error "CPU_REAL must be 32 or 64"
#endif

/*
 * Before an innermost loop's function: compiled for wider vectors too, where
 * gcc can have the loader choose.  The order of every sum is the same, and
 * nothing is fused, so the results are.
 */
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)
#define CPU_WIDE                                                               \
    __attribute__((optimize("O3"), target_clones("avx512f", "avx2", "default")))
#else
#define CPU_WIDE
#endif

/* Channels whose sums are kept at a time by the ops that go channel-wise. */
#define CPU_CHANNELS 64

/* The floats of a tensor, or its bytes, from its first element on. */
static inline real *reals(const struct clade_tensor *t)
{
    return (real *)((struct cpu_buffer *)t->buffer)->host + t->offset;
}

static inline uint8_t *bytes(const struct clade_tensor *t)
{
    return (uint8_t *)((struct cpu_buffer *)t->buffer)->host + t->offset;
}

/* The element number, from the tensor's first, of channel 0 of a pixel. */
static inline int64_t pixel_at(const struct clade_tensor *t, int n, int h,
                               int w)
{
    return (((int64_t)n * t->h + h) * t->w + w) * t->ld;
}

/* Where a flat row-major index is. */
struct place {
    int n, h, w, c;
    int64_t element; /* its number from the tensor's first element */
};

static inline struct place place_of(const struct clade_tensor *t, int64_t i)
{
    const int64_t pixel = i / t->c;
    const int64_t row = pixel / t->w;

    return (struct place){ .n = (int)(row / t->h),
                           .h = (int)(row % t->h),
                           .w = (int)(pixel % t->w),
                           .c = (int)(i % t->c),
                           .element = pixel * t->ld + i % t->c };
}

/* The forward epilogue's ReLU, through which NaN and -0 pass. */
static inline double relu(double t)
{
    return t < 0 ? 0 : t;
}

/* The backward epilogue of element `x_at` of x, `old` being dx's old value. */
static inline double masked(const struct clade_op *op, double sum, double old,
                            int64_t x_at)
{
    if (op->flags & CLADE_ACCUMULATE)
        sum += old;
    if (op->flags & CLADE_RELU && !(reals(&op->t[CLADE_X])[x_at] > 0))
        return 0;
    return sum;
}

static inline bool subnormal(double v)
{
    return v != 0 && fabs(v) < FLT_MIN;
}

/* A value, or what a device that flushes takes it for. */
static inline double taken(double v, bool flush)
{
    return flush && subnormal(v) ? 0 : v;
}

/* One more product of a sum in exact terms. */
static inline void exact_add(struct cpu_exact *e, double a, double b)
{
    e->y += a * b;
    e->s += fabs(a * b);
    e->n++;
    if (subnormal(a))
        e->flush += fabs(b);
    if (subnormal(b))
        e->flush += fabs(a);
}

/* The backward epilogue of a sum in exact terms. */
static inline struct cpu_exact exact_masked(const struct clade_op *op,
                                            struct cpu_exact e, double old,
                                            int64_t x_at)
{
    if (op->flags & CLADE_ACCUMULATE)
        e.s += fabs(old);
    e.y = masked(op, e.y, old, x_at);
    return e;
}

/* An output without rounding error but its own. */
static inline struct cpu_exact exact_value(double y)
{
    return (struct cpu_exact){ .y = y, .s = fabs(y) };
}

/* A choice, and what it is where subnormals are flushed. */
static inline struct cpu_exact exact_choice(int y, int flushed)
{
    return (struct cpu_exact){ .y = y, .s = flushed };
}

#endif
