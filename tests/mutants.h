/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MUTANTS_H
#define MUTANTS_H

#include <clade/verify.h>

#include "faults.h"

/* What may catch a fault: a kind of data that is compared bit for bit, a
 * bound, what is looked at beside the values.  Name, what the table calls it.
 */
/* clang-format off */
#define CHECK_LIST(X)                                                         \
    X(EXACT,      "exact data")                                               \
    X(WIDE,       "wide mantissa")                                            \
    X(POSITION,   "position")                                                 \
    X(BITS,       "bit for bit")      /* of ops that round nothing */         \
    X(HARD,       "hard bound")                                               \
    X(ALARM,      "alarm")                                                    \
    X(RMS,        "RMS")                                                      \
    X(GUARD,      "guards")                                                   \
    X(REPEAT,     "repetition")                                               \
    X(CACHED,     "cache against source") /* a program from either */         \
    X(LOCKSTEP,   "lockstep")                                                 \
    X(UNWATCHED,  "watched against not")  /* a step's weights */              \
    X(RECORD,     "record")                                                   \
    X(ENVELOPE,   "envelope")         /* of a whole training */               \
    X(MISTRUSTED, "mistrust")                                                 \
    X(DEFAULT,    "the default's own check") /* before CLBlast is chosen */   \
    X(ERROR,      "an error")
/* clang-format on */

enum check {
#define CHECK_ENUM(id, name) CHECK_##id,
    CHECK_LIST(CHECK_ENUM)
#undef CHECK_ENUM
        CHECKS
};
#define BY(id) (1u << CHECK_##id)

/* A fault, where it is looked for, and what must see it. */
struct mutant {
    const char *name;      /* as doc/mutants.md lists it */
    const char *how;       /* what is changed, for the table */
    const char *cases;     /* the start of their names; "step": a training
                              step in lockstep; "record": step 0 of Keras';
                              "train", "train-2": two steps beside the
                              reference's, seed 1 or 2 */
    const char *algorithm; /* NULL: each that the device has */
    unsigned by;           /* BY(...), each of them */
    struct fault fault;
};

extern const struct mutant mutants[];
extern const int n_mutants;

/* What verdicts came to. */
struct result {
    unsigned caught; /* BY(...) */
    int judged;
    struct clade_verdict first[CHECKS]; /* that was caught so */
};

/* Add a verdict: a function to report to, with a struct result. */
void result_add(void *result, const struct clade_verdict *v);
/* "exact data, RMS" */
const char *check_names(unsigned checks);

/*
 * The positive control, a fault from life: CLBlast's own, with parameters
 * under which it computes wrongly.  `self` is run again, with --control, so
 * that only a child crashes; that is control_child(), main's status.
 * control_test() is one line of TAP; true if all that must see it did.
 */
extern const struct mutant control;
bool control_test(const char *self);
int control_child(const char *device);

#endif
