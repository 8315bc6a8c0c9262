/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_H
#define VERIFY_H

#include <clade/verify.h>

#include "cpu/cpu.h"

/*
 * The kinds of data (doc/consistency.md): name, the gate of an op that is a
 * sum of products, what it is.
 */
enum verify_gate {
    GATE_BITS,  /* bit for bit; +0 and -0 are equal */
    GATE_BOUND, /* the hard bound by depth */
    GATE_RANDOM /* the hard bound, the statistical alarm, the RMS */
};

/* clang-format off */
#define VERIFY_DATA_LIST(X)                                                   \
    X(EXACT,      "exact",      BITS)   /* non-zero integers, all sums exact */ \
    X(WIDE_A,     "wide-a",     BITS)   /* 12-bit values times 1, and */      \
    X(WIDE_B,     "wide-b",     BITS)   /* with the roles swapped */          \
    X(POSITION_A, "position-a", BITS)   /* one product a sum: its index, and */ \
    X(POSITION_B, "position-b", BITS)   /* with the roles swapped */          \
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
    X(RANDOM,     "random",     RANDOM) /* uniform in (-1, 1) */            \
    X(TRAINING,   "training",   BOUND)  /* as an op of a step had them */
/* clang-format on */

enum verify_data {
#define VERIFY_DATA_ENUM(id, name, gate) DATA_##id,
    VERIFY_DATA_LIST(VERIFY_DATA_ENUM)
#undef VERIFY_DATA_ENUM
        DATA_KINDS
};

const char *verify_data_name(enum verify_data data);

/* One op, its geometry and its data: what is judged, and timed by bench. */
struct op_case {
    enum clade_op_kind kind;
    int n, h, w, c; /* the input side */
    int p, q, k;    /* the output side */
    struct clade_window window;
    unsigned flags;
    float scalar;         /* dropout's rate, sgd's momentum, loss' weight */
    int gap[CLADE_ROLES]; /* elements between a pixel's and the next's */
    enum verify_data data;
    const char *why;
    const char *file; /* that its values are from; or NULL */
    char name[128];
};

struct op_cases {
    struct op_case *list;
    int count;
};

/* The reduced set, and the shapes of a network at batches 2 and 32.  The
 * caller frees cases->list. */
clade_status verify_cases_quick(struct op_cases *cases);
clade_status verify_cases_network(struct op_cases *cases);
/* Those of one batch, with each kind of data in a mask that makes sense. */
clade_status verify_cases_batch(struct op_cases *cases, int batch,
                                unsigned data);

/* Append the case `c` for each kind of data in a mask (1 << data). */
clade_status verify_cases_add(struct op_cases *cases, const struct op_case *c,
                              unsigned data);
/* The geometry of an op as a case without data or name. */
struct op_case verify_case_of(const struct clade_op *op, const char *why);
/* The kinds of data that are made for a kind of op, as a mask. */
unsigned verify_data_for(enum clade_op_kind kind);
/* The flags that a kind knows; the scalar that cases give it, 0 for none. */
unsigned verify_flags_for(enum clade_op_kind kind);
float verify_scalar_for(enum clade_op_kind kind);

/* Whether a role takes part in a case: filters' layouts and scratch are the
 * run's own; a bias and a forward output that masks are there when flags want
 * them. */
bool verify_takes_part(const struct op_case *c, enum clade_role role);
/* The shape of a role, float32 or uint8, at offset 0 of no buffer yet. */
struct clade_tensor verify_shape_of(const struct op_case *c,
                                    enum clade_role role);
/* The case's op over tensors, through the door that every caller uses. */
clade_status verify_make_op(struct clade_op *op, const struct op_case *c,
                            const struct clade_tensor t[CLADE_ROLES],
                            const struct clade_step *step);

/*
 * A case on the host: the op over the reference's buffers, each the image of
 * what the device's buffer holds before the op runs: guards around and
 * between the elements, values in inputs, NaN in outputs.
 */
struct verify_area {
    void *before;
    size_t bytes; /* a multiple of 4; 0: the role is absent */
    struct cpu_buffer wrap;
};

struct verify_host {
    struct clade_op op;
    struct clade_step step;
    struct verify_area area[CLADE_ROLES];
};

clade_status verify_host_new(struct verify_host **host,
                             const struct op_case *c);
/* The same with the inputs of an op over host tensors. */
clade_status verify_host_of(struct verify_host **host, const struct op_case *c,
                            const struct clade_op *op);
/* Fill a role with the elements, in order, of a host tensor. */
void verify_host_copy(struct verify_host *host, enum clade_role role,
                      const struct clade_tensor *from);
/* The roles whose elements are there before the op runs, as a mask. */
unsigned verify_host_inputs(const struct verify_host *host);
void verify_host_free(struct verify_host *host);

/* A tensor of a device's on the host: the pixels that it lies in. */
struct verify_copy {
    void *host;
    size_t room; /* bytes there */
    struct cpu_buffer wrap;
};

/* The bytes that a tensor spans, from its first element to its last. */
size_t verify_span(const struct clade_tensor *t);
/* Room for so many in a copy, whatever it held; then a tensor, read into it.
 * The caller frees copy->host. */
clade_status verify_room(struct verify_copy *copy, size_t bytes);
clade_status verify_fetch(struct verify_copy *copy, clade_backend *be,
                          const struct clade_tensor *t);

/* An op over copies of its tensors, as they are before it runs.  An
 * algorithm's own scratch and layout are not among them. */
struct verify_mirror {
    struct clade_op op;
    struct verify_copy copy[CLADE_ROLES];
};

clade_status verify_mirror(struct verify_mirror *m, clade_backend *be,
                           const struct clade_op *op);
void verify_mirror_free(struct verify_mirror *m);

/* What every byte that is not an element is filled with: as a float, NaN. */
#define VERIFY_GUARD 0x7fc5a5a5u

/* Fill the elements of `role`, whose image `to` begins at element 0 of t's
 * buffer. */
void verify_fill(void *to, const struct clade_tensor *t,
                 const struct op_case *c, enum clade_role role);
/* The products in the longest sum of a case. */
int64_t verify_products(const struct op_case *c);
/* What exact data are multiples of, as products, at most 2^24 of it a sum. */
double verify_unit(const struct op_case *c);

/*
 * The exact values of `count` elements of one output: of those in `index`,
 * or, where that is NULL, from `first` on.
 */
struct verify_oracle {
    enum clade_role role;
    int64_t first, count, *index;
    struct cpu_exact *exact;
};

/* CLADE_EMISTRUSTED if the CPU flushes subnormals in some thread. */
clade_status verify_trust_host(void);
/* The same, and CLADE_EUNSUPPORTED if the backend stores float64, or its device
 * is of the embedded profile. */
clade_status verify_can_judge(const clade_backend *be);
/* CLADE_EINTERRUPTED if `stop` (NULL: never) says so. */
clade_status verify_interrupted(bool (*stop)(void *arg), void *arg);
/* Ask the oracle for at most about `products` products, else for corners,
 * edges, corners of tiles and 4,096 other elements. */
clade_status verify_oracle_new(struct verify_oracle *oracle,
                               const struct clade_op *op, enum clade_role role,
                               double products);
/* Ask for the elements of a few pixels. */
clade_status verify_oracle_rows(struct verify_oracle *oracle,
                                const struct clade_op *op, enum clade_role role,
                                int64_t first, int64_t pixels);
/* The flat index of the oracle's element i. */
int64_t verify_oracle_element(const struct verify_oracle *oracle, int64_t i);
void verify_oracle_free(struct verify_oracle *oracle);

/* How an output is judged. */
struct verify_judge {
    const struct clade_op *op; /* with the algorithm's depth; host tensors */
    enum verify_gate gate;     /* where the op is a sum of products */
    bool denormals;            /* the device keeps them */
    bool nan_at_padding;       /* zeros that pad may have met Inf or NaN */
    double unit;               /* what exact data are multiples of; or 0 */
};

/* Add to `v` what `got`, the image of an output after the op ran, is worth. */
void verify_output(struct clade_verdict *v, const struct verify_judge *judge,
                   const struct verify_oracle *oracle, const void *got);
/* The same for each element, whose exact values are asked for here. */
clade_status verify_output_whole(struct clade_verdict *v,
                                 const struct verify_judge *judge,
                                 enum clade_role role, const void *got);
/* A verdict before anything has been judged. */
void verify_begin(struct clade_verdict *v, const struct clade_op *op);
/* Keep the first, worst outcome and its message. */
void verify_blame(struct clade_verdict *v, enum clade_outcome outcome,
                  const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Count a verdict; what they come to, as a status with its message. */
void verify_count(struct clade_verify_summary *summary,
                  const struct clade_verdict *v);
clade_status verify_conclude(const struct clade_verify_summary *summary);

/* The hard bound of |got - y|, and the statistical one; whether the role of
 * an op is judged bit for bit whatever the data. */
double verify_bound(const struct clade_op *op, enum clade_role role,
                    const struct cpu_exact *e, bool denormals);
double verify_alarm(const struct clade_op *op, const struct cpu_exact *e,
                    bool denormals);
bool verify_is_exact(enum clade_op_kind kind, enum clade_role role);
bool verify_is_sum(enum clade_op_kind kind);
/* From which bracket on Inf and NaN are correct. */
double verify_overflow(const struct clade_op *op);

/*
 * Run the case three times with an algorithm, other work between; after[role]
 * becomes the image of each buffer after the last run (the caller frees
 * them).  Then, where a program of it is new to this backend, once more with
 * programs built from source.  What is found on the way (guards, inputs, runs
 * that differ) is blamed on `v`.
 */
clade_status verify_run(void *after[CLADE_ROLES], struct clade_verdict *v,
                        clade_backend *be, const struct verify_host *host,
                        const char *algorithm);

/* A case to run and judge again, after it failed. */
struct verify_attempt {
    const struct clade_op *op;
    void (*run)(struct clade_verdict *v, void *arg, clade_backend *be,
                const char *algorithm);
    void *arg;
};

/* Say in v->triage what a failure changes with: the compiler's optimisations,
 * groups, the algorithm, the device; and whether that names the driver. */
void verify_triage(struct clade_verdict *v, clade_backend *be,
                   const struct verify_attempt *attempt);

/* Write a case with its inputs into a folder that is made: clade-op/1,
 * safetensors (doc/consistency.md).  CLADE_EIO names the file. */
clade_status verify_dump(const char *folder, const struct op_case *c,
                         const struct verify_host *host,
                         const struct clade_verdict *v, clade_backend *be);
/* The name of such a file; the caller frees it.  NULL: no memory. */
char *verify_dump_path(const char *folder, const struct clade_verdict *v);
/* Make the case of such a file.  CLADE_EDATA or CLADE_EIO name it. */
clade_status verify_undump(struct verify_host **host, struct op_case *c,
                           const char *path);

/* Algorithms of one op, at most. */
#define VERIFY_ALGORITHMS_MAX 16
/* So many failures, the first of a suite, are looked into and dumped. */
#define VERIFY_FAILURES_MAX 8

/* After a failure, do what options ask for with a case, whose host this takes
 * over. */
clade_status verify_look_into(struct clade_verdict *v, clade_backend *be,
                              const struct op_case *c, struct verify_host *host,
                              const struct clade_verify_ops *options);

/* Judge a case on a backend, with each algorithm that options ask for. */
clade_status verify_case(struct clade_verify_summary *summary,
                         clade_backend *be, const struct op_case *c,
                         const struct clade_verify_ops *options);

#endif
