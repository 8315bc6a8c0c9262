/* SPDX-License-Identifier: Apache-2.0 */
/* The report as tables for people. */
#include <math.h>

#include "verify_report.h"

#define BAR 40 /* characters of the longest */

static void note(const char *text)
{
    puts(text);
}

static void print_failure(const struct report *r, const struct clade_verdict *v)
{
    char command[REPORT_COMMAND];

    printf("           %s\n           (%s)\n", v->message, v->why);
    if (v->where[0])
        printf("           worst %s: got %.9g, want %.17g\n", v->where, v->got,
               v->want);
    if (v->triage[0])
        printf("           triage: %s\n", v->triage);
    report_command(command, r->options, r->device->device.selector, v);
    printf("           again: %s\n", command);
}

static void print_verdict(struct report *r, const struct clade_verdict *v)
{
    if (!r->device->titled)
        printf("%-6s %8s %-15s %5s %7s %5s %-15s %10s %10s %6s %-9s %s\n", "",
               "score", "gates", "depth", "error", "RMS/u", "worst element",
               "got", "want", "s", "algorithm", "case");
    r->device->titled = true;
    printf("%-6s %8.3g %-15s %5d %7.2g %5.2f %-15s %10.4g %10.4g %6.3f %-9s "
           "%s\n",
           report_outcome(v->outcome), v->score, v->gate, v->depth,
           v->max_error, v->rms, v->where[0] ? v->where : "-", v->got, v->want,
           v->seconds, v->algorithm ? v->algorithm : "none", v->name);
    if (v->outcome != CLADE_PASSED)
        print_failure(r, v);
}

static void verdict(struct report *r, const struct clade_verdict *v)
{
    if (v->outcome != CLADE_PASSED || r->options->verbose)
        print_verdict(r, v);
}

/* Of a step, only the first failure has a row; layers() prints the rest. */
static void step_verdict(struct report *r, const struct clade_verdict *v)
{
    if (v->outcome && r->device->step_failures == 1)
        print_verdict(r, v);
}

static void print_layer(const struct report_layer *l)
{
    printf("%-7s %-28s", l->failed ? "FAILED" : "ok", l->name);
    for (int c = 0; c < COLUMNS; c++)
        if (l->present[c])
            printf(" %9.3g", l->score[c]);
        else
            printf(" %9s", "");
    putchar('\n');
}

static void layers(const struct report_device *d)
{
    printf("%-36s %9s %9s %9s %9s %9s\n", "worst error, of its bound",
           "forward", "to input", "to filter", "to bias", "update");
    for (int i = 0; i < d->n_layers; i++)
        print_layer(&d->layers[i]);
}

static void distance(const struct report *r, const struct clade_distance *d)
{
    (void)r;
    printf("%-7s %-46s %9.2e %9.3g of %.3g\n", report_outcome(!d->passed),
           d->name, d->deviation, d->distance, d->limit);
}

static void error(const struct report *r, const char *device)
{
    (void)r;
    printf("FAILED     %s: %s\n", device, clade_error());
}

static void print_family(const struct report_family *f)
{
    printf("  %-26s %6d %6d %10.3g ", f->name, f->cases,
           f->failed + f->mistrusted, f->worst);
    if (isnan(f->typical))
        printf("%10s\n", "bits alone");
    else
        printf("%10.3g\n", f->typical);
}

static void totals(const struct report_device *d)
{
    printf("\n%s: %s / %s\n  %-26s %6s %6s %10s %10s\n", d->device.selector,
           d->device.platform, d->device.name, "op, algorithm", "cases",
           "failed", "worst", "typical");
    for (int i = 0; i < d->families.count; i++)
        print_family(&d->families.list[i]);
    printf("\n  scores (error over its bound)\n");
    for (int i = 0; i < REPORT_BINS; i++) {
        printf("  %-10s %6d ", report_bins[i].label, d->bins[i]);
        for (int c = 0; c * d->fullest < d->bins[i] * BAR; c++)
            putchar('#');
        putchar('\n');
    }
}

/* The worst score of a family on a device, or how many of it failed. */
static void print_cell(const struct report_device *d, const char *family)
{
    const struct report_family *f = report_find(&d->families, family);
    char text[24] = "-";

    if (f && f->failed + f->mistrusted)
        snprintf(text, sizeof text, "%d FAILED", f->failed + f->mistrusted);
    else if (f)
        snprintf(text, sizeof text, "%.3g", f->worst);
    else if (d->error)
        snprintf(text, sizeof text, "FAILED");
    printf(" %12s", text);
}

/* Of several devices, the matrix of families by devices. */
static clade_status end(const struct report *r)
{
    if (r->n_devices < 2)
        return CLADE_OK;
    printf("\n%-28s", "worst scores");
    for (int d = 0; d < r->n_devices; d++)
        printf(" %12s", r->devices[d]->device.selector);
    putchar('\n');
    for (int i = 0; i < r->families.count; i++) {
        const char *family = r->families.list[i].name;

        printf("%-28s", family);
        for (int d = 0; d < r->n_devices; d++)
            print_cell(r->devices[d], family);
        putchar('\n');
    }
    return CLADE_OK;
}

const struct report_writer table_writer = {
    .sparing = true,
    .note = note,
    .verdict = verdict,
    .step_verdict = step_verdict,
    .layers = layers,
    .distance = distance,
    .error = error,
    .totals = totals,
    .end = end,
};
