/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_PRINT_H
#define VERIFY_PRINT_H

#include <clade/verify.h>

/* How verdicts reach stdout: a table for people, or TAP 13 for `prove`. */
struct verify_print {
    bool tap;
    int tests; /* TAP lines so far */
};

void verify_print_begin(struct verify_print *print, const char *format);
void verify_print_device(struct verify_print *print,
                         const struct clade_device *device);
/* clade_verify_ops()'s report. */
void verify_print_verdict(void *print, const struct clade_verdict *v);
/* clade_verify_against()'s. */
void verify_print_distance(void *print, const struct clade_distance *d);
void verify_print_summary(struct verify_print *print,
                          const struct clade_verify_summary *summary);
void verify_print_end(struct verify_print *print);

#endif
