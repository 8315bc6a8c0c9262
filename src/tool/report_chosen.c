/* SPDX-License-Identifier: Apache-2.0 */
/* Where a step's time goes, what was chosen, and what verify found. */
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "report.h"
#include "tool.h"

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* ---- time ---------------------------------------------------------------- */

static double seconds_of(const json_t *rows)
{
    json_t *row;
    double sum = 0;
    size_t i;

    json_array_foreach(rows, i, row)
        sum += number_of(row, "seconds");
    return sum;
}

static void write_time(FILE *f, const json_t *row, double all)
{
    const double seconds = number_of(row, "seconds");
    const double share = all > 0 ? seconds / all : 0;
    const double flops = number_of(row, "flops");

    fputs("<tr><th scope=\"row\">", f);
    page_text(f, text_of(row, "op"));
    fprintf(f,
            "</th><td class=\"n\">%.0f</td><td class=\"n\">%.2f</td>"
            "<td class=\"n\">%.1f</td><td class=\"n\">%s</td>",
            number_of(row, "calls"), 1e3 * seconds, 100 * share,
            flops > 0 && seconds > 0
                ? page_number("%.1f", 1e-9 * flops / seconds)
                : "–");
    fprintf(f,
            "<td class=\"w\"><span class=\"bar\" style=\"width:%.1f%%\"></span>"
            "</td></tr>\n",
            100 * share);
}

static void write_kinds(FILE *f, const struct runlog *r)
{
    const json_t *rows = json_object_get(r->profile, "kinds");
    const double all = seconds_of(rows);
    json_t *row;
    size_t i;

    page_scroll(f, "time by kind of op");
    fputs("<table><caption>Time by kind of op in a step</caption><thead>", f);
    PAGE_ROW(f, "th", { NULL, "op" }, { "n", "calls" }, { "n", "ms" },
             { "n", "%" }, { "n", "GFLOP/s" }, { NULL, "share" });
    fputs("</thead><tbody>\n", f);
    json_array_foreach(rows, i, row)
        write_time(f, row, all);
    fputs("</tbody></table></div>\n", f);
}

static void write_layers(FILE *f, const struct runlog *r)
{
    const json_t *rows = json_object_get(r->profile, "layers");
    json_t *row;
    size_t i;

    fprintf(f, "<details><summary>All %zu layers and ops</summary>",
            json_array_size(rows));
    page_scroll(f, "time of layers");
    fputs("<table><caption>Time by layer and kind of op in a step</caption>"
          "<thead>",
          f);
    PAGE_ROW(f, "th", { NULL, "layer" }, { NULL, "op" }, { NULL, "algorithm" },
             { "n", "calls" }, { "n", "ms" });
    fputs("</thead><tbody>\n", f);
    json_array_foreach(rows, i, row)
        PAGE_ROW(f, "td", { NULL, text_of(row, "layer") },
                 { NULL, text_of(row, "op") },
                 { NULL, text_of(row, "algorithm") },
                 { "n", page_number("%.0f", number_of(row, "calls")) },
                 { "n", page_number("%.3f", 1e3 * number_of(row, "seconds")) });
    fputs("</tbody></table></div></details>\n", f);
}

static void write_profile(FILE *f, const struct runlog *r)
{
    const double all = seconds_of(json_object_get(r->profile, "kinds"));

    fprintf(f, "<p class=\"dim\">A training step of %d images on ",
            r->profiled_batch);
    page_text(f, r->device);
    fprintf(f, ", op by op, each waited for: %.1f ms.</p>\n", 1e3 * all);
    write_kinds(f, r);
    write_layers(f, r);
}

void page_times(FILE *f, const struct report_runs *runs)
{
    for (int i = 0; i < runs->count; i++) {
        const struct runlog *r = &runs->list[i];

        run_heading(f, runs, i);
        if (r->profile)
            write_profile(f, r);
        else
            page_element(f, "p", NULL, r->unprofiled);
        fputc('\n', f);
    }
}

/* ---- algorithms ---------------------------------------------------------- */

/* The kind of op in "conv1/conv_fwd/32", as a malloc'd text. */
static char *kind_in(const char *key)
{
    const char *last = strrchr(key, '/'), *from = last;

    while (from && from > key && from[-1] != '/')
        from--;
    return last ? strndup(from, (size_t)(last - from)) : strdup(key);
}

/* Count an op with its algorithm, without what the algorithm is tuned to. */
static void count_choice(json_t *counts, const char *op, const char *choice)
{
    char *kind = kind_in(op);
    char name[256];
    json_t *before;

    snprintf(name, sizeof name, "%s: %.*s", kind ? kind : op,
             (int)strcspn(choice, ":"), choice);
    free(kind);
    before = json_object_get(counts, name);
    json_object_set_new(counts, name,
                        json_integer(1 + json_integer_value(before)));
}

static void write_counts(FILE *f, const json_t *algorithms)
{
    json_t *counts = json_object(), *value;
    const char *op;

    json_object_foreach((json_t *)algorithms, op, value)
        if (json_is_string(value))
            count_choice(counts, op, json_string_value(value));
    fputs("<table><caption>How many products have an algorithm</caption>"
          "<thead>",
          f);
    PAGE_ROW(f, "th", { NULL, "op: algorithm" }, { "n", "products" });
    fputs("</thead><tbody>\n", f);
    json_object_foreach(counts, op, value)
        PAGE_ROW(f, "td", { NULL, op },
                 { "n", page_number("%.0f", json_number_value(value)) });
    fputs("</tbody></table>\n", f);
    json_decref(counts);
}

static void write_choices(FILE *f, const json_t *algorithms)
{
    const char *op;
    json_t *value;

    fprintf(f,
            "<details><summary>All %zu choices</summary><table>"
            "<caption>Layer, op and batch, with the algorithm and what it "
            "is tuned to</caption><thead>",
            json_object_size(algorithms));
    PAGE_ROW(f, "th", { NULL, "product" }, { NULL, "algorithm" });
    fputs("</thead><tbody>\n", f);
    json_object_foreach((json_t *)algorithms, op, value)
        PAGE_ROW(f, "td", { NULL, op },
                 { NULL, json_is_string(value) ? json_string_value(value)
                         : json_is_true(value) ? "yes"
                                               : "no" });
    fputs("</tbody></table></details>\n", f);
}

static void write_chosen(FILE *f, const char *device, const char *driver,
                         const json_t *algorithms)
{
    fputs("<p class=\"dim\">In the checkpoint, for ", f);
    page_text(f, device);
    fputs(", driver ", f);
    page_text(f, driver);
    fputs("</p>\n", f);
    write_counts(f, algorithms);
    write_choices(f, algorithms);
}

/* What each device of a run has chosen. */
static void write_run_chosen(FILE *f, const struct runlog *r)
{
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(r->checkpoint);
    json_t *devices, *device;
    size_t i;

    if (!info) {
        fputs("<p>There is no checkpoint yet.</p>\n", f);
        return;
    }
    devices = json_loads(info->devices ? info->devices : "[]", 0, NULL);
    json_array_foreach(devices, i, device)
        write_chosen(f, text_of(device, "device"), text_of(device, "driver"),
                     json_object_get(device, "algorithms"));
    if (!json_array_size(devices)) {
        json_t *algorithms = json_loads(info->algorithms, 0, NULL);

        write_chosen(f, info->device, info->driver, algorithms);
        json_decref(algorithms);
    }
    json_decref(devices);
}

void page_chosen(FILE *f, const struct report_runs *runs)
{
    for (int i = 0; i < runs->count; i++) {
        run_heading(f, runs, i);
        write_run_chosen(f, &runs->list[i]);
    }
}
