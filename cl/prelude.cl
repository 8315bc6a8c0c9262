/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before every kernel file.  Built with -D
 *
 *   USE_FMA  1 where FMA() is to be fma(), 0 where a product and a sum
 *   VEC      elements of a vector, in the files that ask for one: FLOATV,
 *            LOADV and so on are then vectors of that many (1, 4, 8 or 16)
 *
 * The arithmetic is fixed, so that doc/consistency.md's bounds mean something:
 * nothing is fused but where FMA() is written.
 */
#pragma OPENCL FP_CONTRACT OFF

#if USE_FMA
#define FMA(a, b, c) fma(a, b, c)
#else
#define FMA(a, b, c) ((a) * (b) + (c))
#endif

/* OpenCL 2.0 has it; clang takes it in 1.2, others ignore it. */
#define UNROLL __attribute__((opencl_unroll_hint))

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
/* A scalar comparison gives 1, a vector's -1: select() wants the top bit. */
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

/*
 * The epilogue of an op, in this order; an operand is read only where a flag
 * asks for it.  The flags are an op's, in which a backward op's ReLU is a mask
 * (ocl_epilogue() of src/opencl/opencl.h).
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
