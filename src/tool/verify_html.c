/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one page: no script, nothing fetched, readable printed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "tool.h"
#include "verify_report.h"

static const char head[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<title>clade verify</title>\n<style>\n"
    ":root { color-scheme: light dark; --line: #8884; --dim: #777;\n"
    "  --bad: #c62828; --bad-bg: #c6282826; --bar: #2e7d6b; }\n"
    "body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto;\n"
    "  max-width: 96rem; padding: 0 1rem; }\n"
    "h1 { font-size: 1.5rem; margin: 0; }\n"
    "h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }\n"
    "h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }\n"
    "p { margin: .3rem 0; } .dim { color: var(--dim); }\n"
    "code, .n, pre { font-family: ui-monospace, monospace; font-size: 13px; }\n"
    "pre { white-space: pre-wrap; border: 1px solid var(--line);\n"
    "  padding: .6rem; overflow-wrap: anywhere; margin: .4rem 0; }\n"
    "table { border-collapse: collapse; }\n"
    "th, td { text-align: left; padding: .2rem .8rem .2rem 0;\n"
    "  border-bottom: 1px solid var(--line); vertical-align: top; }\n"
    "th { font-weight: 600; } td.n, th.n { text-align: right; }\n"
    "td.c { font-size: 13px; }\n"
    "td.h { text-align: right; min-width: 7rem; padding: .2rem .6rem; }\n"
    ".bad { color: var(--bad); font-weight: 600; }\n"
    "td.bad { background: var(--bad-bg); }\n"
    ".ok { color: var(--bar); font-weight: 600; }\n"
    ".bar { display: inline-block; height: .75em; background: var(--bar); }\n"
    ".scroll { overflow-x: auto; }\n"
    "details summary { cursor: pointer; margin: .6rem 0; }\n"
    "@media print { details { display: block; } }\n"
    "</style></head><body>\n";

/* Text, with what HTML would read as its own replaced. */
static void put(FILE *f, const char *s)
{
    for (; s && *s; s++) {
        switch (*s) {
        case '<':
            fputs("&lt;", f);
            break;
        case '>':
            fputs("&gt;", f);
            break;
        case '&':
            fputs("&amp;", f);
            break;
        case '"':
            fputs("&quot;", f);
            break;
        default:
            fputc(*s, f);
        }
    }
}

/* <tag class="...">text</tag> */
static void cell(FILE *f, const char *tag, const char *class, const char *text)
{
    fprintf(f, "<%s%s%s%s>", tag, class ? " class=\"" : "", class ? class : "",
            class ? "\"" : "");
    put(f, text);
    fprintf(f, "</%s>", tag);
}

static void number_cell(FILE *f, const char *class, const char *format,
                        double x)
{
    char text[40] = "";

    if (!isnan(x))
        snprintf(text, sizeof text, format, x);
    cell(f, "td", class, text);
}

static int failures(const struct report_device *d)
{
    int n = d->error != NULL;

    for (int i = 0; i < d->n_verdicts; i++)
        n += d->verdicts[i].outcome != CLADE_PASSED;
    for (int i = 0; i < d->n_distances; i++)
        n += !d->distances[i].passed;
    return n;
}

/* ---- the matrix ------------------------------------------------------------
 */

/* How grave a score is, as a shade from none to deep, by its logarithm: 0.001
 * of a bound and less is white. */
static double shade(double score)
{
    const double x = score > 0 ? (log10(score) + 3) / 3 : 0;

    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void matrix_cell(FILE *f, const struct report_device *d, const char *row)
{
    int count;
    struct report_family *list = report_families(&count, d);
    const struct report_family *family = report_find(list, count, row);

    if (!family)
        fputs(d->error ? "<td class=\"h bad\">failed</td>"
                       : "<td class=\"h dim\">&ndash;</td>",
              f);
    else if (family->failed + family->mistrusted)
        fprintf(f, "<td class=\"h bad\">%d of %d fail</td>",
                family->failed + family->mistrusted, family->cases);
    else if (!family->bounded)
        fputs("<td class=\"h\">bit for bit</td>", f);
    else
        fprintf(f,
                "<td class=\"h n\" style=\"background:rgba(230,150,0,%.2f)\">"
                "%.3g</td>",
                0.45 * shade(family->worst), family->worst);
    free(list);
}

static void put_matrix(FILE *f, const struct verify_report *report)
{
    int count;
    char(*rows)[48] = report_rows(&count, report);

    if (!count) {
        free(rows);
        return;
    }
    fputs("<h2>Worst scores</h2>\n<p class=\"dim\">A score is an error over "
          "its bound: at most 1 passes, and the deeper the colour the nearer "
          "it is. <i>Bit for bit</i>: no error is allowed, and there is none."
          "</p>\n<div class=\"scroll\"><table><tr><th>op, algorithm</th>",
          f);
    for (int d = 0; d < report->n_devices; d++)
        cell(f, "th", "n", report->devices[d].device.selector);
    fputs("</tr>\n", f);
    for (int r = 0; r < count; r++) {
        fputs("<tr>", f);
        cell(f, "td", NULL, rows[r]);
        for (int d = 0; d < report->n_devices; d++)
            matrix_cell(f, &report->devices[d], rows[r]);
        fputs("</tr>\n", f);
    }
    fputs("</table></div>\n", f);
    free(rows);
}

/* ---- a device --------------------------------------------------------------
 */

static void put_row(FILE *f, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    fputs("<tr>", f);
    cell(f, "th", NULL, name);
    cell(f, "td", "c", text);
    fputs("</tr>\n", f);
}

static void put_facts(FILE *f, const struct report_device *d)
{
    char config[160] = "";
    char units[96];
    const char *name;

    for (int i = 0; (name = tool_float_config(&d->device, i)); i++)
        snprintf(config + strlen(config), sizeof config - strlen(config),
                 "%s%s", i ? ", " : "", name);
    snprintf(units, sizeof units, "%d, native vectors of %d floats",
             d->device.units, d->device.vector_width);
    fputs("<table>\n", f);
    put_row(f, "platform", d->device.platform);
    put_row(f, "device", d->device.name);
    put_row(f, "vendor", d->device.vendor);
    put_row(f, "driver", d->device.driver);
    put_row(f, "OpenCL", d->device.version);
    put_row(f, "compute units", units);
    put_row(f, "single precision", config);
    put_row(f, "build options", d->build_options);
    put_row(f, "FMA()",
            d->device.fma ? "fused" : "a product and a sum, each rounded");
    fputs("</table>\n", f);
}

static void put_families(FILE *f, const struct report_device *d)
{
    int count;
    struct report_family *list = report_families(&count, d);

    fputs("<h3>By op</h3>\n<table><tr><th>op, algorithm</th><th class=\"n\">"
          "cases</th><th class=\"n\">failed</th><th class=\"n\">worst score"
          "</th><th class=\"n\">typical</th></tr>\n",
          f);
    for (int i = 0; i < count; i++) {
        const int failed = list[i].failed + list[i].mistrusted;

        fputs("<tr>", f);
        cell(f, "td", NULL, list[i].name);
        number_cell(f, "n", "%.0f", list[i].cases);
        number_cell(f, failed ? "n bad" : "n", "%.0f", failed);
        number_cell(f, "n", "%.3g", list[i].worst);
        number_cell(f, "n", "%.3g", list[i].typical);
        fputs("</tr>\n", f);
    }
    fputs("</table>\n", f);
    free(list);
}

static void put_histogram(FILE *f, const struct report_device *d)
{
    struct report_bin bins[REPORT_BINS];
    int most = 1;

    report_histogram(bins, d);
    for (int i = 0; i < REPORT_BINS; i++)
        most = bins[i].count > most ? bins[i].count : most;
    fputs("<h3>Scores</h3>\n<table>\n", f);
    for (int i = 0; i < REPORT_BINS; i++) {
        fputs("<tr>", f);
        cell(f, "td", NULL, bins[i].label);
        number_cell(f, "n", "%.0f", bins[i].count);
        fprintf(f,
                "<td><span class=\"bar\" style=\"width:%.1frem\"></span></td>"
                "</tr>\n",
                24.0 * bins[i].count / most);
    }
    fputs("</table>\n", f);
}

static void put_failure(FILE *f, const struct verify_report *report,
                        const struct report_device *d,
                        const struct clade_verdict *v)
{
    char command[REPORT_COMMAND];

    fprintf(f, "<h3><span class=\"bad\">%s</span> ",
            report_outcome(v->outcome));
    cell(f, "code", NULL, v->name);
    fputs("</h3>\n<p>", f);
    put(f, v->message);
    fputs("</p>\n<table>\n", f);
    put_row(f, "case", v->why);
    put_row(f, "layer", v->layer);
    put_row(f, "algorithm", v->algorithm);
    fprintf(f, "<tr><th>gate</th><td>%s, depth %d</td></tr>\n", v->gate,
            v->depth);
    if (v->where[0]) {
        put_row(f, "worst element", v->where);
        fprintf(f,
                "<tr><th>got</th><td><code>%.9g</code></td></tr>\n"
                "<tr><th>want</th><td><code>%.17g</code></td></tr>\n"
                "<tr><th>score, RMS</th><td>%.3g, %.3g u</td></tr>\n",
                v->got, v->want, v->score, v->rms);
    }
    put_row(f, "triage", v->triage);
    fputs("</table>\n", f);
    report_command(command, sizeof command, report, d, v);
    fputs("<pre>", f);
    put(f, command);
    fputs("</pre>\n", f);
}

static void put_verdict(FILE *f, const struct clade_verdict *v)
{
    fputs("<tr>", f);
    cell(f, "td", v->outcome ? "bad" : "ok", report_outcome(v->outcome));
    cell(f, "td", NULL, v->layer);
    cell(f, "td", "c", v->name);
    cell(f, "td", NULL, v->algorithm);
    cell(f, "td", NULL, v->gate);
    number_cell(f, "n", "%.0f", v->depth);
    number_cell(f, "n", "%.3g", v->score);
    number_cell(f, "n", "%.3g", v->max_error);
    number_cell(f, "n", "%.3g", v->rms);
    cell(f, "td", "c", v->where);
    number_cell(f, "n", "%.6g", v->got);
    number_cell(f, "n", "%.6g", v->want);
    number_cell(f, "n", "%.4f", v->seconds);
    fputs("</tr>\n", f);
}

static void put_verdicts(FILE *f, const struct report_device *d)
{
    fprintf(f,
            "<details><summary>All %d verdicts</summary><div class=\"scroll\">"
            "<table><tr><th></th><th>layer</th><th>case</th><th>algorithm</th>"
            "<th>gate</th><th class=\"n\">depth</th><th class=\"n\">score</th>"
            "<th class=\"n\">largest error</th><th class=\"n\">RMS / u</th>"
            "<th>worst element</th><th class=\"n\">got</th><th class=\"n\">"
            "want</th>"
            "<th class=\"n\">seconds</th></tr>\n",
            d->n_verdicts);
    for (int i = 0; i < d->n_verdicts; i++)
        put_verdict(f, &d->verdicts[i]);
    fputs("</table></div></details>\n", f);
}

static void put_distances(FILE *f, const struct report_device *d)
{
    char text[256];

    fputs("<h3>Trainings</h3>\n", f);
    for (int i = 0; i < d->n_trainings; i++) {
        report_describe(text, sizeof text, &d->trainings[i]);
        fputs("<p>", f);
        put(f, text);
        fputs("</p>\n", f);
    }
    fputs("<table><tr><th></th><th>what</th><th class=\"n\">deviation</th>"
          "<th class=\"n\">in spreads</th><th class=\"n\">limit</th></tr>\n",
          f);
    for (int i = 0; i < d->n_distances; i++) {
        const struct report_distance *r = &d->distances[i];

        fputs("<tr>", f);
        cell(f, "td", r->passed ? "ok" : "bad", r->passed ? "ok" : "FAILED");
        cell(f, "td", NULL, r->name);
        number_cell(f, "n", "%.2e", r->deviation);
        number_cell(f, "n", "%.3g", r->distance);
        number_cell(f, "n", "%.3g", r->limit);
        fputs("</tr>\n", f);
    }
    fputs("</table>\n", f);
}

static void put_device(FILE *f, const struct verify_report *report,
                       const struct report_device *d)
{
    const int failed = failures(d);

    fputs("<h2>", f);
    put(f, d->device.selector);
    fputs(" &middot; ", f);
    put(f, d->device.name);
    if (failed)
        fprintf(f, " &middot; <span class=\"bad\">%d failures</span></h2>\n",
                failed);
    else
        fputs(" &middot; <span class=\"ok\">no failure</span></h2>\n", f);
    if (d->error)
        cell(f, "p", "bad", d->error);
    put_facts(f, d);
    for (int i = 0; i < d->n_verdicts; i++)
        if (d->verdicts[i].outcome != CLADE_PASSED)
            put_failure(f, report, d, &d->verdicts[i]);
    if (d->n_verdicts) {
        put_families(f, d);
        put_histogram(f, d);
        put_verdicts(f, d);
    }
    if (d->n_distances)
        put_distances(f, d);
}

static void put_heading(FILE *f, const struct verify_report *report)
{
    const char *variable;

    fputs("<h1>clade verify</h1>\n<p class=\"dim\">clade " PACKAGE_VERSION
          " &middot; suite ",
          f);
    put(f, report->suite     ? report->suite
           : report->against ? "against a record"
                             : "ops, step");
    fprintf(f, "%s &middot; seed %llu &middot; batch of the step %d</p>\n",
            report->quick ? " (quick)" : "", (unsigned long long)report->seed,
            report->batch);
    for (int i = 0; (variable = report_environment(i)); i++) {
        fputs(i ? " " : "<p class=\"dim\">environment: ", f);
        cell(f, "code", NULL, variable);
    }
    fputs("</p>\n", f);
}

static clade_status write_page(void *arg, FILE *f)
{
    const struct verify_report *report = arg;

    fputs(head, f);
    put_heading(f, report);
    put_matrix(f, report);
    for (int d = 0; d < report->n_devices; d++)
        put_device(f, report, &report->devices[d]);
    fputs("</body></html>\n", f);
    return CLADE_OK;
}

clade_status report_html(const struct verify_report *report, const char *path)
{
    return file_replace(path, write_page, (void *)report);
}
