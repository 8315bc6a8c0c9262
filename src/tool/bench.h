/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <clade/backend.h>

/* The options of `clade bench`. */
struct bench_options {
    const char *device, *mode, *algorithm, *compare, *match;
    int batch, steps;
    bool json, profile;
};

/* --mode ops: each op of GoogLeNet at a batch, with each algorithm. */
clade_status bench_ops(const struct bench_options *o);

#endif
