/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_H
#define BENCH_H

#include <clade/net.h>

/* The options of `clade bench`. */
struct bench_options {
    const char *device, *mode, *algorithm, *without, *compare, *match, *trace;
    int batch, steps;
    bool json, profile, plan, no_self_test;
};

/* --mode ops: each op of GoogLeNet at a batch, with each algorithm.  The
 * self-test is that of a net of this config. */
clade_status bench_ops(const struct bench_options *o,
                       const struct clade_net_config *config);

/* --plan: the ops of a net of this config after each pass over its plans. */
clade_status bench_plan(const struct bench_options *o,
                        const struct clade_net_config *config);

#endif
