/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_print.h"

#include <stdio.h>
#include <string.h>

#include "status.h"

void verify_print_begin(struct verify_print *print, const char *format,
                        struct verify_report *report)
{
    *print = (struct verify_print){ .tap = !strcmp(format, "tap"),
                                    .json = !strcmp(format, "json"),
                                    .report = report };
    if (print->tap)
        puts("TAP version 13");
}

void verify_print_device(struct verify_print *print, const clade_backend *be)
{
    const struct clade_device *device = clade_backend_device(be);

    report_begin(print->report, be);
    print->titled = false;
    if (print->json)
        return;
    printf("%s%s: %s / %s, driver %s\n", print->tap ? "# " : "",
           device->selector, device->platform, device->name, device->driver);
}

/* The algorithm of a verdict; none where the device has none. */
static const char *algorithm_of(const struct clade_verdict *v)
{
    return v->algorithm ? v->algorithm : "none";
}

/* The columns of a row, above a device's first. */
static void print_titles(struct verify_print *print)
{
    if (!print->titled)
        printf("%-6s %8s %-15s %5s %7s %5s %-15s %10s %10s %6s %-9s %s\n", "",
               "score", "gates", "depth", "error", "RMS/u", "worst element",
               "got", "want", "s", "algorithm", "case");
    print->titled = true;
}

static void print_row(struct verify_print *print, const struct report_device *d,
                      const struct clade_verdict *v)
{
    char command[REPORT_COMMAND];

    print_titles(print);
    printf("%-6s %8.3g %-15s %5d %7.2g %5.2f %-15s %10.4g %10.4g %6.3f %-9s "
           "%s\n",
           report_outcome(v->outcome), v->score, v->gate, v->depth,
           v->max_error, v->rms, v->where[0] ? v->where : "-", v->got, v->want,
           v->seconds, algorithm_of(v), v->name);
    if (v->outcome == CLADE_PASSED)
        return;
    printf("           %s\n           (%s)\n", v->message, v->why);
    if (v->where[0])
        printf("           worst %s: got %.9g, want %.17g\n", v->where, v->got,
               v->want);
    if (v->triage[0])
        printf("           triage: %s\n", v->triage);
    report_command(command, sizeof command, print->report, d, v);
    printf("           again: %s\n", command);
}

/* A text on one line, with single quotes doubled if it is between such. */
static void print_line(const char *text, bool quoted)
{
    for (; *text; text++) {
        if (*text == '\'' && quoted)
            putchar('\'');
        putchar(*text == '\n' ? ' ' : *text);
    }
}

/* A text as a YAML scalar in single quotes. */
static void print_yaml(const char *key, const char *text)
{
    printf("  %s: '", key);
    print_line(text, true);
    puts("'");
}

void verify_print_error(struct verify_print *print, const char *device,
                        clade_status st)
{
    if (print->tap) {
        printf("not ok %d - %s is judged\n  ---\n", ++print->tests, device);
        print_yaml("message", clade_error());
        puts("  ...");
    } else if (!print->json) {
        printf("FAILED     %s: %s\n", device, clade_error());
    }
    fflush(stdout);
    report_error(print->report, device, st);
}

static void print_tap(struct verify_print *print, const struct report_device *d,
                      const struct clade_verdict *v)
{
    char command[REPORT_COMMAND];

    printf("%s %d - %s %s: %s\n", v->outcome ? "not ok" : "ok", ++print->tests,
           v->name, algorithm_of(v), v->why);
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
    report_command(command, sizeof command, print->report, d, v);
    print_yaml("again", command);
    puts("  ...");
}

void verify_print_one(struct verify_print *print, const struct clade_verdict *v)
{
    const struct verify_report *r = print->report;
    const struct report_device *d = report_current(r);

    if (!d)
        return; /* for want of memory */
    if (print->tap)
        print_tap(print, d, v);
    else if (!print->json)
        print_row(print, d, v);
    fflush(stdout);
}

void verify_print_verdict(void *arg, const struct clade_verdict *v)
{
    struct verify_print *print = arg;

    report_verdict(print->report, v);
    verify_print_one(print, v);
}

static void print_tap_distance(struct verify_print *print,
                               const struct clade_distance *d)
{
    printf("%s %d - %s: %.3g of %.3g\n", d->passed ? "ok" : "not ok",
           ++print->tests, d->name, d->distance, d->limit);
    if (!d->passed)
        printf("  ---\n  deviation: %.9g\n  distance: %.9g\n  limit: %.9g\n"
               "  ...\n",
               d->deviation, d->distance, d->limit);
}

void verify_print_distance(void *arg, const struct clade_distance *d)
{
    struct verify_print *print = arg;

    report_distance(print->report, d);
    if (print->tap)
        print_tap_distance(print, d);
    else if (!print->json)
        printf("%-7s %-46s %9.2e %9.3g of %.3g\n", report_outcome(!d->passed),
               d->name, d->deviation, d->distance, d->limit);
    fflush(stdout);
}

void verify_print_training(void *arg, const struct clade_training *t)
{
    struct verify_print *print = arg;
    char text[256];

    report_training(print->report, t);
    report_describe(text, sizeof text, t);
    if (!print->json)
        printf("%s%s\n", print->tap ? "# " : "", text);
}

void verify_print_summary(struct verify_print *print,
                          const struct clade_verify_summary *s)
{
    if (print->json || !(s->passed + s->failed + s->mistrusted))
        return;
    printf("%s%d passed, %d failed, %d mistrusted; the worst score is %.3g\n",
           print->tap ? "# " : "", s->passed, s->failed, s->mistrusted,
           s->worst);
}

void verify_print_totals(struct verify_print *print)
{
    const struct report_device *d = report_current(print->report);

    if (d && !print->tap && !print->json)
        report_print_device(d);
}

clade_status verify_print_end(struct verify_print *print)
{
    if (print->json)
        return report_print_json(print->report);
    if (print->tap)
        printf("1..%d\n", print->tests);
    else
        report_print_matrix(print->report);
    return CLADE_OK;
}

void verify_print_bail(const struct verify_print *print, const char *message)
{
    if (!print->tap)
        return;
    fputs("Bail out! ", stdout);
    print_line(message, false);
    putchar('\n');
}
