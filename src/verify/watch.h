/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_WATCH_H
#define VERIFY_WATCH_H

#include <clade/verify.h>

/*
 * A judge that may be killed by what it judges is watched.  Another process
 * keeps what it has found.  After its death, a new judge is told that: it goes
 * on where the old one ended, and doesn't repeat what killed that one.
 *
 * An attempt is a run that may kill the judge: a case with an algorithm, or one
 * of a triage.
 */
enum verify_known {
    VERIFY_RUN,     /* nothing is known: run it */
    VERIFY_KNOWN,   /* it was run; the verdict is set */
    VERIFY_DIED,    /* it was run, and killed its judge; the verdict is set */
    VERIFY_REPORTED /* its verdict has been reported, too: leave it out */
};

struct verify_watch {
    int done; /* leave out so many cases or, in a step, verdicts */
    struct clade_verify_summary summary; /* of the verdicts reported so far */
    /* A suite has so many cases or, in a step, verdicts; `done` are done. */
    void (*suite)(void *arg, int cases);
    /* A case of the ops suite begins; `done` are before it.  Its name and op
     * are in *v. */
    void (*begin_case)(void *arg, int done, const struct clade_verdict *v);
    /* Before an attempt, whose name, op, data and algorithm are in *v.  `how`
     * tells those of a triage apart; it is "" for the verdict's own. */
    enum verify_known (*begin)(void *arg, struct clade_verdict *v,
                               const char *how);
    /* After each attempt that was run. */
    void (*end)(void *arg, const struct clade_verdict *v);
    void *arg;
};

/* Nobody watches: all is run. */
extern const struct verify_watch verify_unwatched;

/* The public functions of these names, watched. */
clade_status verify_ops(struct clade_verify_summary *summary, clade_backend *be,
                        const struct clade_verify_ops *options,
                        const struct verify_watch *watch);
clade_status verify_op(struct clade_verify_summary *summary, clade_backend *be,
                       const char *file, const struct clade_verify_ops *options,
                       const struct verify_watch *watch);
clade_status verify_step(struct clade_verify_summary *summary,
                         clade_backend *be,
                         const struct clade_verify_step *options,
                         const struct verify_watch *watch);

#endif
