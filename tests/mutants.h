/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MUTANTS_H
#define MUTANTS_H

#include <clade/verify.h>

#include "faults.h"

/* What can catch a fault: data that are compared bit for bit, a bound, or a
 * check of something other than values.  id, name in the table. */
/* clang-format off */
#define CHECK_LIST(X)                                                         \
    X(EXACT,      "exact data")                                               \
    X(NINES,      "nines")            /* exact in transforms */               \
    X(WIDE,       "wide mantissa")                                            \
    X(POSITION,   "position")                                                 \
    X(BITS,       "bit for bit")      /* ops that do not round */             \
    X(HARD,       "hard bound")                                               \
    X(ALARM,      "alarm")                                                    \
    X(RMS,        "RMS")                                                      \
    X(GUARD,      "guards")                                                   \
    X(REPEAT,     "repetition")                                               \
    X(CACHED,     "cache against source") /* programs from both must agree */ \
    X(LOCKSTEP,   "lockstep")                                                 \
    X(UNWATCHED,  "watched against not")  /* weights after a step */          \
    X(RECORD,     "record")                                                   \
    X(ENVELOPE,   "envelope")         /* a whole training */                  \
    X(MISTRUSTED, "mistrust")                                                 \
    X(DEFAULT,    "the default's own check") /* when CLBlast is chosen */     \
    X(ERROR,      "an error")
/* clang-format on */

enum check {
#define CHECK_ENUM(id, name) CHECK_##id,
    CHECK_LIST(CHECK_ENUM)
#undef CHECK_ENUM
        CHECKS
};
#define BY(id) (1u << CHECK_##id)

/* A fault, the cases that must show it, and the checks that must see it. */
struct mutant {
    const char *name; /* in the table of doc/mutants.md */
    const char *how;  /* what is changed, for the table */
    /* What is judged: the cases of ops whose names begin so; "step", a training
     * step in lockstep; "record", step 0 of Keras' record; "train" or
     * "train-2", two steps of training beside the reference's, with seed 1
     * or 2. */
    const char *cases;
    const char *algorithm; /* NULL: all that the device has */
    unsigned by;           /* BY(...): all these checks must see it */
    struct fault fault;
};

extern const struct mutant mutants[];
extern const int n_mutants;

/* What a number of verdicts said. */
struct result {
    unsigned caught; /* BY(...): the checks that failed */
    int judged;
    struct clade_verdict first[CHECKS]; /* the first failure of each check */
};

/* Add a verdict.  This is a `report` function; its `arg` is a struct result. */
void result_add(void *result, const struct clade_verdict *v);
/* "exact data, RMS" */
const char *check_names(unsigned checks);

/*
 * The positive control: a real fault, CLBlast's, which some parameters show.
 *
 * control_test() is one test; true if all checks that must see the fault did.
 * It runs this program, `self`, again with --control, so that a crash ends only
 * a child.  The child calls control_child(), which returns its exit status.
 */
extern const struct mutant control;
bool control_test(const char *self);
int control_child(const char *device);

#endif
