/* SPDX-License-Identifier: Apache-2.0 */
/* The report's tables for people. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "verify_report.h"

#define BAR 40 /* characters of the longest */

static void print_family(const struct report_family *f)
{
    printf("  %-26s %6d %6d %10.3g ", f->name, f->cases,
           f->failed + f->mistrusted, f->worst);
    if (isnan(f->typical))
        printf("%10s\n", "bits alone");
    else
        printf("%10.3g\n", f->typical);
}

static void print_histogram(const struct report_device *d)
{
    struct report_bin bins[REPORT_BINS];
    int most = 1;

    report_histogram(bins, d);
    for (int i = 0; i < REPORT_BINS; i++)
        most = bins[i].count > most ? bins[i].count : most;
    printf("\n  scores (error over its bound)\n");
    for (int i = 0; i < REPORT_BINS; i++) {
        const int length = (bins[i].count * BAR + most - 1) / most;

        printf("  %-10s %6d ", bins[i].label, bins[i].count);
        for (int c = 0; c < length; c++)
            putchar('#');
        putchar('\n');
    }
}

void report_print_device(const struct report_device *d)
{
    struct report_family *list;
    int count;

    list = report_families(&count, d);
    if (!list)
        return;
    printf("\n%s: %s / %s\n  %-26s %6s %6s %10s %10s\n", d->device.selector,
           d->device.platform, d->device.name, "op, algorithm", "cases",
           "failed", "worst", "typical");
    for (int i = 0; i < count; i++)
        print_family(&list[i]);
    print_histogram(d);
    free(list);
}

/* The worst score of a family on a device, or how many of it failed. */
static void print_cell(const struct report_device *d, const char *row)
{
    char text[24] = "-";
    int count;
    struct report_family *list = report_families(&count, d);
    const struct report_family *f = report_find(list, count, row);

    if (f && f->failed + f->mistrusted)
        snprintf(text, sizeof text, "%d FAILED", f->failed + f->mistrusted);
    else if (f)
        snprintf(text, sizeof text, "%.3g", f->worst);
    else if (d->error)
        snprintf(text, sizeof text, "FAILED");
    printf(" %12s", text);
    free(list);
}

void report_print_matrix(const struct verify_report *report)
{
    char(*rows)[48];
    int count;

    if (report->n_devices < 2)
        return;
    rows = report_rows(&count, report);
    printf("\n%-28s", "worst scores");
    for (int d = 0; d < report->n_devices; d++)
        printf(" %12s", report->devices[d].device.selector);
    putchar('\n');
    for (int r = 0; r < count; r++) {
        printf("%-28s", rows[r]);
        for (int d = 0; d < report->n_devices; d++)
            print_cell(&report->devices[d], rows[r]);
        putchar('\n');
    }
    free(rows);
}
