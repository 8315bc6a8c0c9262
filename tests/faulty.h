/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FAULTY_H
#define FAULTY_H

#include "verify/verify.h"

/*
 * The reference, made to go wrong.  It behaves as a backend that compiles:
 * programs come from where the judge wants them.
 */
extern struct backend_table faulty;
/* Called with the op under test after each run.  The work between runs has no
 * label and is left alone. */
extern void (*faulty_apply)(const struct clade_op *op);
extern int faulty_runs; /* of the op under test, counted from any number */
extern enum backend_build faulty_build; /* of the program that ran last */

/* Open the reference with `faulty` as its table, or bail out. */
clade_backend *faulty_open(void);
void faulty_close(clade_backend *be);
/* Restore what a test has replaced in the table. */
void faulty_reset(void);

/* Get the op's first output on the host, or element i of a tensor. */
struct clade_tensor *output(const struct clade_op *op);
float *element(const struct clade_tensor *t, int64_t i);

/* Copy a verdict to *arg; a report of clade_verify_ops'. */
void keep_verdict(void *arg, const struct clade_verdict *v);

#endif
