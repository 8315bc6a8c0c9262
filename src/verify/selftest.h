/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_SELFTEST_H
#define VERIFY_SELFTEST_H

#include <clade/net.h>
#include <clade/verify.h>

#include "backend.h"
#include "verify/case.h"

/* One way in which a net's plans use programs, as an op made small. */
struct selftest_use {
    struct op_case c; /* without data and name */
    struct clade_choice choice;
    char *key; /* the same for all uses of the same code; for the cache */
};

struct selftest_uses {
    struct selftest_use *list;
    int count;
};

/* List the uses of the plans that a config asks for, each once.  Nothing is
 * built, but CLBlast's products are tried, as ever.  Returns what
 * clade_net_new() does. */
clade_status selftest_uses_of(struct selftest_uses *uses, clade_backend *be,
                              const struct clade_net_config *config);
void selftest_uses_free(struct selftest_uses *uses);

/* For another process beside clade_verify_selftest(): try the uses that have no
 * verdict yet, from the last one on backwards, and keep the verdicts.  The two
 * meet halfway, because the other one does not try again what has a verdict. */
clade_status selftest_assist(clade_backend *be,
                             const struct clade_net_config *config,
                             bool (*stop)(void *arg), void *arg);

/* The result of the last self-test of a device, malloc'd: "passed 2026-10-03",
 * "failed 2026-10-03: softmax_fwd"; NULL: there was none. */
char *selftest_result(const struct clade_device *device);

#endif
