/* SPDX-License-Identifier: Apache-2.0 */
/* The report as TAP 13, for `prove` and other harnesses. */
#include "status.h"
#include "verify_report.h"

/* A text on one line; in single quotes, those within it are doubled. */
static void print_line(const char *text, bool quoted)
{
    for (; *text; text++) {
        if (*text == '\'' && quoted)
            putchar('\'');
        putchar(*text == '\n' ? ' ' : *text);
    }
}

/* A key with a text, as a YAML scalar in single quotes. */
static void print_yaml(const char *key, const char *text)
{
    printf("  %s: '", key);
    print_line(text, true);
    puts("'");
}

static void begin(void)
{
    puts("TAP version 13");
}

static void note(const char *text)
{
    printf("# %s\n", text);
}

static void verdict(struct report *r, const struct clade_verdict *v)
{
    char command[REPORT_COMMAND];

    printf("%s %d - %s %s: %s\n", v->outcome ? "not ok" : "ok", r->tests,
           v->name, v->algorithm ? v->algorithm : "none", v->why);
    if (v->outcome == CLADE_PASSED)
        return;
    puts("  ---");
    print_yaml("outcome", report_outcome(v->outcome));
    print_yaml("message", v->message);
    print_yaml("gate", v->gate);
    printf("  depth: %d\n  score: %.9g\n  max_error: %.9g\n  rms: %.9g\n",
           v->depth, v->score, v->max_error, v->rms);
    if (v->where[0]) {
        print_yaml("worst", v->where);
        printf("  got: %.9g\n  want: %.17g\n", v->got, v->want);
    }
    if (v->triage[0])
        print_yaml("triage", v->triage);
    report_command(command, r->options, r->device->device.selector, v);
    print_yaml("again", command);
    puts("  ...");
}

static void distance(const struct report *r, const struct clade_distance *d)
{
    printf("%s %d - %s: %.3g of %.3g\n", d->passed ? "ok" : "not ok", r->tests,
           d->name, d->distance, d->limit);
    if (!d->passed)
        printf("  ---\n  deviation: %.9g\n  distance: %.9g\n  limit: %.9g\n"
               "  ...\n",
               d->deviation, d->distance, d->limit);
}

static void error(const struct report *r, const char *device)
{
    printf("not ok %d - %s is judged\n  ---\n", r->tests, device);
    print_yaml("message", clade_error());
    puts("  ...");
}

static clade_status end(const struct report *r)
{
    printf("1..%d\n", r->tests);
    return CLADE_OK;
}

static void bail(const char *message)
{
    fputs("Bail out! ", stdout);
    print_line(message, false);
    putchar('\n');
}

const struct report_writer tap_writer = {
    .begin = begin,
    .note = note,
    .verdict = verdict,
    .step_verdict = verdict,
    .distance = distance,
    .error = error,
    .end = end,
    .bail = bail,
};
