/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_H
#define VERIFY_H

#include <clade/net.h>
#include <clade/verify.h>

#include "verify/case.h"
#include "verify/host.h"
#include "verify/judge.h"
#include "verify/mirror.h"
#include "verify/watch.h"

/*
 * Run the case three times with an algorithm, with other work between.
 * host->op gets the depth and the transforms that the backend settles on.
 * after[role] becomes a copy of each buffer after the last run; the caller
 * frees it.  If a program of the case is new to this backend, run once more
 * with programs built from source.  Blame `v` for faults found on the way:
 * guards or inputs that changed, runs that differ.
 */
clade_status verify_run(void *after[CLADE_ROLES], struct clade_verdict *v,
                        clade_backend *be, struct verify_host *host,
                        const char *algorithm);

/* Run the case once, with this choice, with the programs that training would
 * take; the rest as above. */
clade_status verify_run_once(void *after[CLADE_ROLES], struct clade_verdict *v,
                             clade_backend *be, struct verify_host *host,
                             const struct clade_choice *choice);

/* A case to run and judge again, after it failed. */
struct verify_attempt {
    const struct clade_op *op;
    const char *choice; /* the algorithm, maybe with its parameters; NULL: the
                           verdict's */
    void (*run)(struct clade_verdict *v, void *arg, clade_backend *be,
                const char *algorithm);
    void *arg;
    const struct verify_watch *watch;
};

/* Say in v->triage what a failure depends on (the compiler's optimisations,
 * groups, the algorithm, the device), and whether the driver is suspect. */
void verify_triage(struct clade_verdict *v, clade_backend *be,
                   const struct verify_attempt *attempt);

/* Write a case with its inputs to a file in a folder, which is made if it is
 * missing.  The format is clade-op/2, safetensors (doc/consistency.md).  Sets
 * v->file; CLADE_EIO names it. */
clade_status verify_dump(const char *folder, const struct op_case *c,
                         const struct verify_host *host,
                         struct clade_verdict *v, clade_backend *be);
/* The name of such a file; the caller frees it.  NULL: no memory. */
char *verify_dump_path(const char *folder, const struct clade_verdict *v);
/* Make the case that such a file holds.  CLADE_EDATA or CLADE_EIO name it. */
clade_status verify_undump(struct verify_host **host, struct op_case *c,
                           const char *path);

/*
 * Judge the ops of a step's forward and backward, as clade_verify_step() does,
 * with the parameters that a net has and with images of a whole batch.  Of
 * options only report, dump, triage and arg matter.  The gradients stay in the
 * net.  Returns what clade_verify_step() does.
 */
clade_status verify_share(struct clade_verify_summary *summary, clade_net *net,
                          const struct clade_batch *share, uint32_t step,
                          const struct clade_verify_step *options);

/* Algorithms of one op, at most. */
#define VERIFY_ALGORITHMS_MAX 16
/* How many failures of a suite, from the first on, are looked into and
 * dumped. */
#define VERIFY_FAILURES_MAX 8

/* After a failure, do with a case what options ask for.  Takes `host` over. */
clade_status verify_look_into(struct clade_verdict *v, clade_backend *be,
                              const struct op_case *c, struct verify_host *host,
                              const struct clade_verify_ops *options,
                              const struct verify_watch *watch);

/* Judge a case on a backend, with each algorithm that options ask for. */
clade_status verify_case(struct clade_verify_summary *summary,
                         clade_backend *be, const struct op_case *c,
                         const struct clade_verify_ops *options);

#endif
