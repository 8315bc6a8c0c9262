/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Goes before every kernel file.  Built with -D
 *
 *   USE_FMA  1: FMA() is fma(); 0: it is a product and a sum
 *   VEC      the elements of a vector, 1, 4, 8 or 16, in files that use FLOATV,
 *            LOADV and so on
 *
 * The arithmetic is fixed, since the bounds of doc/consistency.md count its
 * roundings: only FMA() fuses a product and a sum.
 */
#pragma OPENCL FP_CONTRACT OFF

#if USE_FMA
#define FMA(a, b, c) fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

/* Unroll the loop that follows, or leave it a loop.  The attribute is OpenCL
 * 2.0's: clang has it in 1.2 as well, but before version 4 it refused it
 * there. */
#if defined(__has_attribute) && !(defined(__clang__) && __clang_major__ < 4)
#if __has_attribute(opencl_unroll_hint)
#define UNROLL __attribute__((opencl_unroll_hint))
#define ROLLED __attribute__((opencl_unroll_hint(1)))
#endif
#endif
#ifndef UNROLL
#define UNROLL
#define ROLLED
#endif

/* The row of a work-item in its grid, which goes on in dimension 2.  The grid
 * is rounded up, so a row can be beyond the last one, and more than an int. */
#define ROW                                                                   \
    ((int)min((uint)get_global_id(2) * (uint)get_global_size(1) +             \
                  (uint)get_global_id(1),                                     \
              (uint)INT_MAX))

#ifdef VEC
#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#if VEC == 1
#define FLOATV float
#define INTV int
#define LOADV(p) (*(p))
#define STOREV(v, p) (*(p) = (v))
#define TO_INTV(v) convert_int(v)
#define TO_UCHARV(v) convert_uchar(v)
/* A comparison of scalars gives 1, one of vectors -1; select() of vectors reads
 * the top bit. */
#define MASKV(v) (-(v))
#else
#define FLOATV JOIN(float, VEC)
#define INTV JOIN(int, VEC)
#define LOADV(p) JOIN(vload, VEC)(0, p)
#define STOREV(v, p) JOIN(vstore, VEC)(v, 0, p)
#define TO_INTV(v) JOIN(convert_int, VEC)(v)
#define TO_UCHARV(v) JOIN(convert_uchar, VEC)(v)
#define MASKV(v) (v)
#endif

/* For kernels with vectors of their own.  Otherwise Intel's compiler for CPUs
 * builds each a second time, with work-items side by side in vectors, which
 * takes up to nine tenths of the time. */
#define VECTORS __attribute__((vec_type_hint(FLOATV)))

/*
 * The epilogue of an op, in this order.  An operand is read only where a flag
 * asks for it.  The flags are those of the op; ocl_epilogue() of
 * src/opencl/opencl.h makes a backward op's ReLU the mask that it is.
 *
 *     ADD_BIAS(t, flags, b)    t = t + b
 *     ADD_OLD(t, flags, old)   t = t + what the output held before
 *     CUT(t, flags, x)         t = t < 0 ? 0 : t, or 0 where the forward
 *                              output x is not > 0
 */
#define FLAG_BIAS 1
#define FLAG_RELU 2
#define FLAG_ACCUMULATE 4
#define FLAG_MASK 16

#define ADD_BIAS(t, flags, b)                                                 \
    do {                                                                      \
        if ((flags) & FLAG_BIAS)                                              \
            (t) += (b);                                                       \
    } while (0)
#define ADD_OLD(t, flags, old)                                                \
    do {                                                                      \
        if ((flags) & FLAG_ACCUMULATE)                                        \
            (t) += (old);                                                     \
    } while (0)
#define CUT(t, flags, x)                                                      \
    do {                                                                      \
        if ((flags) & FLAG_RELU)                                              \
            (t) = (t) < 0.0f ? (FLOATV)0.0f : (t);                            \
        if ((flags) & FLAG_MASK)                                              \
            (t) = (x) > 0.0f ? (t) : (FLOATV)0.0f;                            \
    } while (0)
#endif
