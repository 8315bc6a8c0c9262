/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_DATA_H
#define VERIFY_DATA_H

#include <clade/ops.h>

struct op_case;

/*
 * The kinds of data that operands are made of (doc/consistency.md).  Most ops
 * are sums of products of an operand `a` and, for the convolutions, an operand
 * `b`.  Whether a sum is exact depends on both.
 */
enum verify_gate {
    GATE_BITS,  /* bit for bit; +0 and -0 are equal */
    GATE_BOUND, /* the hard bound by depth */
    GATE_RANDOM /* the hard bound, the statistical alarm, the RMS */
};

/* Name; gate, if the op is a sum of products; what the values are. */
/* clang-format off */
#define VERIFY_DATA_LIST(X)                                                   \
    X(EXACT,      "exact",      BITS)   /* non-zero integers, all sums exact */ \
    X(WIDE_A,     "wide-a",     BITS)   /* a has 12-bit values, b has 1; */   \
    X(WIDE_B,     "wide-b",     BITS)   /* the same, a and b swapped */       \
    X(POSITION_A, "position-a", BITS)   /* each sum is one product: an index; */ \
    X(POSITION_B, "position-b", BITS)   /* the same, a and b swapped */       \
    X(POSITIVE,   "positive",   BOUND)                                        \
    X(CONSTANT,   "constant",   BOUND)                                        \
    X(HUGE,       "huge",       BOUND)  /* some sums overflow */              \
    X(TINY,       "tiny",       BOUND)  /* products underflow */              \
    X(DENORMAL,   "denormal",   BOUND)  /* one operand is subnormal */        \
    X(DENORMAL_B, "denormal-b", BOUND)  /* the other one is */                \
    X(CANCEL,     "cancel",     BOUND)  /* neighbours cancel */               \
    X(SPECIAL,    "special",    BOUND)  /* here and there an Inf or a NaN */  \
    X(SPECIAL_B,  "special-b",  BOUND)  /* in the other operand */            \
    X(TIES,       "ties",       BOUND)  /* few different values */            \
    X(GAUSS,      "gauss",      RANDOM)                                       \
    X(RANDOM,     "random",     RANDOM) /* uniform in (-1, 1) */              \
    X(NINES,      "nines",      BITS)   /* exact in transforms: b is +-9, 0 */ \
    X(TRAINING,   "training",   BOUND)  /* what an op of a step had */
/* clang-format on */

enum verify_data {
#define VERIFY_DATA_ENUM(id, name, gate) DATA_##id,
    VERIFY_DATA_LIST(VERIFY_DATA_ENUM)
#undef VERIFY_DATA_ENUM
        DATA_KINDS
};

const char *verify_data_name(enum verify_data data);
enum verify_gate verify_data_gate(enum verify_data data);
/* Whether a kind of data makes sense for a case's window: nines do where an
 * algorithm may transform. */
bool verify_data_fits(enum verify_data data, const struct op_case *c);
/* Whether a settled op can be judged by it.  What is compared bit for bit says
 * nothing of an algorithm that transforms, except for nines: it rounds. */
bool verify_data_suits(enum verify_data data, const struct clade_op *op);

/* Where position data have their ones, so that no sum gets two of them. */
enum hot {
    HOT_NONE,
    HOT_GRID,   /* one channel of pixels so far apart that no window holds
                   two */
    HOT_COLUMN, /* one pixel a channel */
    HOT_INNER   /* of a filter [R,S,C,K], one (r,s,k) for each c */
};

/* A tensor that is being filled. */
struct fill {
    const struct op_case *c;
    const struct clade_tensor *t;
    enum clade_role role;
    bool is_b;  /* it is operand b; false: operand a */
    bool alone; /* there is no b */
    enum hot hot;
    int64_t products; /* in the longest sum */
    int amplitude;    /* of exact data: data_amplitude(), or data_nines() */
    int every;        /* of so many elements of b, one is not 0; of nines */
    double unit;      /* of the sums that exact data are added to; 0: add
                         nothing */
};

/* The units of exact data, of nines, too, in operand a and in operand b. */
#define DATA_EXACT_A 0x1p-4
#define DATA_EXACT_B 0x1p3

/* Four random words for element i; elements may be filled in any order. */
struct words {
    uint32_t w[4];
};
struct words data_words(const struct fill *f, int64_t i);
/* Turn a word into a number in [0, 1), a sign (1 or -1), an Inf or a NaN. */
double data_uniform(uint32_t word);
double data_sign(uint32_t word);
double data_no_number(uint32_t word);

/* Compute element i of an operand; of what is added to a sum (a bias or an
 * output's old value); of a forward output that masks a gradient. */
double data_operand(const struct fill *f, int64_t i);
double data_addend(const struct fill *f, int64_t i);
double data_mask(const struct fill *f, int64_t i);

/* The largest integer of exact data that keeps every sum below 2^24. */
int data_amplitude(const struct fill *f);
/* Choose f->amplitude and f->every, so that sums which have `units` units for
 * ones and nines stay below 2^24. */
void data_nines(struct fill *f, double units);

#endif
