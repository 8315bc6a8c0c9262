/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

/*
 * The Test Anything Protocol on stdout: a plan, then a line a test.  One
 * program is one plan; its verdict are its lines, not its exit code.
 */
#define TAP_PRINTF __attribute__((format(printf, 1, 2)))

/* Announce `tests` lines; call it first. */
void tap_plan(int tests);
/* One test's line, its name from the format; returns `passed`. */
bool tap_ok(bool passed, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void tap_fail(const char *fmt, ...) TAP_PRINTF;
/* A test that does not apply here, with the reason. */
void tap_skip(const char *fmt, ...) TAP_PRINTF;
/* A comment line, for what a failure needs to be understood. */
void tap_note(const char *fmt, ...) TAP_PRINTF;
/* Instead of a plan: nothing here applies, for this reason.  Exits. */
_Noreturn void tap_skip_all(const char *fmt, ...) TAP_PRINTF;
/* The whole run is pointless.  Exits. */
_Noreturn void tap_bail(const char *fmt, ...) TAP_PRINTF;
/* What main returns: 0 once the plan is complete, else 1. */
int tap_done(void);

#endif
