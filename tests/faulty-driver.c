/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A driver with a fault for a program that cannot link tests/faults.c: a library
 * for LD_PRELOAD.  The fault is the one of tests/mutants-list.c that is made as
 * CLADE_TEST_FAULT says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mutants.h"

static void fail(const char *what, const char *how)
{
    fprintf(stderr, "a faulty driver: %s: %s\n", what, how);
    _Exit(99);
}

__attribute__((constructor)) static void begin(void)
{
    const char *how = getenv("CLADE_TEST_FAULT");
    int i = 0;

    if (!how)
        return;
    while (i < n_mutants && strcmp(mutants[i].how, how))
        i++;
    if (i == n_mutants)
        fail("no mutant is made so", how);
    if (!fault_begin(&mutants[i].fault))
        fail(how, fault_error());
}
