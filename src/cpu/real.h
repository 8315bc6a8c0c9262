/* SPDX-License-Identifier: Apache-2.0 */
#ifndef REAL_H
#define REAL_H

#include <float.h>
#include <math.h>

#include "cpu/cpu.h"

/*
 * The op families are compiled twice from one source, once for each precision
 * of storage.  `real` is the type of a tensor's floats; REAL_NAME makes a
 * function's name in each precision.  In both, the scalars of an op are rounded
 * once to float32, as in every backend.
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

/* Ops that work channel by channel compute this many sums together. */
#define CPU_CHANNELS 64

/* The first element of a tensor of floats. */
static inline real *reals(const struct clade_tensor *t)
{
    return (real *)((struct cpu_buffer *)t->buffer)->host + t->offset;
}

/* The first element of a tensor of bytes. */
static inline uint8_t *bytes(const struct clade_tensor *t)
{
    return (uint8_t *)((struct cpu_buffer *)t->buffer)->host + t->offset;
}

/* Where channel 0 of a pixel lies: its distance from the tensor's first
 * element, in elements. */
static inline int64_t pixel_at(const struct clade_tensor *t, int n, int h,
                               int w)
{
    return (((int64_t)n * t->h + h) * t->w + w) * t->ld;
}

/* The element with a row-major index: its coordinates, and where it lies. */
struct place {
    int n, h, w, c;
    int64_t element; /* distance from the tensor's first element */
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

/* The ReLU of a forward epilogue.  NaN and -0 pass through it. */
static inline double relu(double t)
{
    return t < 0 ? 0 : t;
}

/* Apply the backward epilogue to a sum.  `old` is dx's old value, and x_at the
 * place in x of the element that masks it. */
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

/* A value as a device reads it; with `flush`, one that flushes subnormals. */
static inline double taken(double v, bool flush)
{
    return flush && subnormal(v) ? 0 : v;
}

/* Add a product to the oracle's sum. */
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

/* Apply the backward epilogue to the oracle's sum. */
static inline struct cpu_exact exact_masked(const struct clade_op *op,
                                            struct cpu_exact e, double old,
                                            int64_t x_at)
{
    if (op->flags & CLADE_ACCUMULATE)
        e.s += fabs(old);
    e.y = masked(op, e.y, old, x_at);
    return e;
}

/* The oracle's answer for a value y that is no sum: s is |y|. */
static inline struct cpu_exact exact_value(double y)
{
    return (struct cpu_exact){ .y = y, .s = fabs(y) };
}

/* The oracle's answer for a choice: y, or `flushed` on a device that flushes
 * subnormals. */
static inline struct cpu_exact exact_choice(int y, int flushed)
{
    return (struct cpu_exact){ .y = y, .s = flushed };
}

#endif
