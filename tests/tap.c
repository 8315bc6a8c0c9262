/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static int planned, seen;

/* Print a line: `start`, then the caller's text. */
static void line(const char *start, const char *fmt, va_list args)
{
    fputs(start, stdout);
    vprintf(fmt, args);
    putchar('\n');
    fflush(stdout);
}

static void test(const char *verdict, const char *name, va_list args)
{
    char start[32];

    snprintf(start, sizeof(start), "%s %d - ", verdict, ++seen);
    line(start, name, args);
}

void tap_plan(int tests)
{
    planned = tests;
    printf("1..%d\n", tests);
    fflush(stdout);
}

bool tap_ok(bool passed, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    test(passed ? "ok" : "not ok", fmt, args);
    va_end(args);
    return passed;
}

void tap_fail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    test("not ok", fmt, args);
    va_end(args);
}

void tap_skip(const char *fmt, ...)
{
    char start[32];
    va_list args;

    snprintf(start, sizeof(start), "ok %d # SKIP ", ++seen);
    va_start(args, fmt);
    line(start, fmt, args);
    va_end(args);
}

void tap_note(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    line("# ", fmt, args);
    va_end(args);
}

void tap_skip_all(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    line("1..0 # SKIP ", fmt, args);
    va_end(args);
    exit(0);
}

void tap_bail(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    line("Bail out! ", fmt, args);
    va_end(args);
    exit(1);
}

int tap_done(void)
{
    return seen == planned ? 0 : 1;
}
