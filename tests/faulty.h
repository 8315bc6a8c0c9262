/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTY_H
#define FAULTY_H

#include "verify/verify.h"

/*
 * The reference, made to go wrong.  It behaves as a backend that compiles:
 * programs come from where the judge wants them.
 */
extern struct backend_table faulty;
/* What is done to the op under test after each run; the work between runs,
 * which has no label, stays as it is. */
extern void (*faulty_apply)(const struct clade_op *op);
extern int faulty_runs; /* of the op under test, counted from any number */
extern enum backend_build faulty_build; /* of the program that ran last */

/* Open the reference with `faulty` for its table, or bail out. */
clade_backend *faulty_open(void);
void faulty_close(clade_backend *be);
/* What the table has at first; put back what a test has replaced. */
void faulty_reset(void);

/* The op's first output on the host, and element i of a tensor. */
struct clade_tensor *output(const struct clade_op *op);
float *element(const struct clade_tensor *t, int64_t i);

/* Copy a verdict to *arg; a report of clade_verify_ops'. */
void keep_verdict(void *arg, const struct clade_verdict *v);

#endif
