/* SPDX-License-Identifier: Apache-2.0 */
#ifndef TAP_H
#define TAP_H

#include <stdbool.h>

/*
 * The Test Anything Protocol: a program prints a plan, then one line for each
 * test, to stdout.  The lines are its verdict, not its exit code.
 */
#define TAP_PRINTF __attribute__((format(printf, 1, 2)))

/* Print the plan: so many tests will follow.  Call it first. */
void tap_plan(int tests);
/* Print the line of one test, whose name is the format.  Returns `passed`. */
bool tap_ok(bool passed, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void tap_fail(const char *fmt, ...) TAP_PRINTF;
/* Print the line of a test that cannot run here; the text says why. */
void tap_skip(const char *fmt, ...) TAP_PRINTF;
/* Print a comment line that helps to understand a failure. */
void tap_note(const char *fmt, ...) TAP_PRINTF;
/* Skip the whole program, and exit; the text says why.  Call it instead of
 * tap_plan(). */
_Noreturn void tap_skip_all(const char *fmt, ...) TAP_PRINTF;
/* Stop testing because nothing can work, and exit. */
_Noreturn void tap_bail(const char *fmt, ...) TAP_PRINTF;
/* What main() returns: 0 if all planned tests have run, else 1. */
int tap_done(void);

#endif
