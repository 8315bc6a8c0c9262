/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one page: no script, nothing fetched, readable printed. */
#include <math.h>
#include <string.h>

#include "file.h"
#include "page.h"
#include "verify_report.h"

/* ---- the matrix ------------------------------------------------------------
 */

/* How grave a score is, from 0 (0.001 of its bound and less) to 1 (all of it),
 * by its logarithm. */
static double shade(double score)
{
    const double x = score > 0 ? (log10(score) + 3) / 3 : 0;

    return x < 0 ? 0 : x > 1 ? 1 : x;
}

static void matrix_cell(FILE *f, const struct report_device *d,
                        const struct report_family *family)
{
    if (!family)
        fputs(d->error ? "<td class=\"h bad\">failed</td>"
                       : "<td class=\"h dim\">–</td>",
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
}

static void matrix(FILE *f, const struct report *r)
{
    if (!r->families.count)
        return;
    fputs("<h2>Worst scores</h2>\n<p class=\"dim\">A score is an error over "
          "its bound: at most 1 passes, and the deeper the colour the nearer "
          "it is. <i>Bit for bit</i>: no error is allowed, and there is none."
          "</p>\n",
          f);
    page_scroll(f, "worst scores");
    fputs("<table><tr><th scope=\"col\">op, algorithm</th>", f);
    for (int d = 0; d < r->n_devices; d++) {
        fputs("<th scope=\"col\" class=\"n\">", f);
        page_text(f, r->devices[d]->device.selector);
        fputs("</th>", f);
    }
    fputs("</tr>\n", f);
    for (int i = 0; i < r->families.count; i++) {
        const char *name = r->families.list[i].name;

        fputs("<tr>", f);
        page_element(f, "td", NULL, name);
        for (int d = 0; d < r->n_devices; d++)
            matrix_cell(f, r->devices[d],
                        report_find(&r->devices[d]->families, name));
        fputs("</tr>\n", f);
    }
    fputs("</table></div>\n", f);
}

/* ---- a device --------------------------------------------------------------
 */

static void facts(FILE *f, const struct report_device *d)
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
    page_fact(f, "platform", d->device.platform);
    page_fact(f, "device", d->device.name);
    page_fact(f, "vendor", d->device.vendor);
    page_fact(f, "driver", d->device.driver);
    page_fact(f, "OpenCL", d->device.version);
    page_fact(f, "compute units", units);
    page_fact(f, "single precision", config);
    page_fact(f, "build options", d->build_options);
    page_fact(f, "FMA()",
              d->device.fma ? "fused" : "a product and a sum, each rounded");
    fputs("</table>\n", f);
}

static void failure(FILE *f, const struct report *r,
                    const struct report_device *d,
                    const struct clade_verdict *v)
{
    char command[REPORT_COMMAND];

    fprintf(f, "<h3><span class=\"bad\">%s</span> ",
            report_outcome(v->outcome));
    page_element(f, "code", NULL, v->name);
    fputs("</h3>\n", f);
    page_element(f, "p", NULL, v->message);
    fputs("\n<table>\n", f);
    page_fact(f, "case", v->why);
    page_fact(f, "layer", v->layer);
    page_fact(f, "algorithm", v->algorithm);
    fprintf(f, "<tr><th scope=\"row\">gate</th><td>%s, depth %d</td></tr>\n",
            v->gate, v->depth);
    if (v->where[0]) {
        page_fact(f, "worst element", v->where);
        fprintf(
            f,
            "<tr><th scope=\"row\">got</th><td><code>%.9g</code></td></tr>\n"
            "<tr><th scope=\"row\">want</th><td><code>%.17g</code></td></tr>\n"
            "<tr><th scope=\"row\">score, RMS</th><td>%.3g, %.3g u</td></tr>\n",
            v->got, v->want, v->score, v->rms);
    }
    page_fact(f, "triage", v->triage);
    fputs("</table>\n", f);
    report_command(command, r->options, d->device.selector, v);
    page_element(f, "pre", NULL, command);
    fputc('\n', f);
}

static void families(FILE *f, const struct report_device *d)
{
    fputs("<h3>By op</h3>\n<table>", f);
    PAGE_ROW(f, "th", { NULL, "op, algorithm" }, { "n", "cases" },
             { "n", "failed" }, { "n", "worst score" }, { "n", "typical" });
    for (int i = 0; i < d->families.count; i++) {
        const struct report_family *family = &d->families.list[i];
        const int failed = family->failed + family->mistrusted;

        PAGE_ROW(f, "td", { NULL, family->name },
                 { "n", page_number("%.0f", family->cases) },
                 { failed ? "n bad" : "n", page_number("%.0f", failed) },
                 { "n", page_number("%.3g", family->worst) },
                 { "n", page_number("%.3g", family->typical) });
    }
    fputs("</table>\n", f);
}

static void histogram(FILE *f, const struct report_device *d)
{
    fputs("<h3>Scores</h3>\n<table>\n", f);
    for (int i = 0; i < REPORT_BINS; i++)
        fprintf(f,
                "<tr><td>%s</td><td class=\"n\">%d</td><td><span "
                "class=\"bar\" style=\"width:%.1frem\"></span></td></tr>\n",
                report_bins[i].label, d->bins[i],
                24.0 * d->bins[i] / d->fullest);
    fputs("</table>\n", f);
}

static void verdict(FILE *f, const struct clade_verdict *v)
{
    PAGE_ROW(f, "td", { v->outcome ? "bad" : "ok", report_outcome(v->outcome) },
             { NULL, v->layer }, { "c", v->name }, { NULL, v->algorithm },
             { NULL, v->gate }, { "n", page_number("%.0f", v->depth) },
             { "n", page_number("%.3g", v->score) },
             { "n", page_number("%.3g", v->max_error) },
             { "n", page_number("%.3g", v->rms) }, { "c", v->where },
             { "n", page_number("%.6g", v->got) },
             { "n", page_number("%.6g", v->want) },
             { "n", page_number("%.4f", v->seconds) });
}

static void verdicts(FILE *f, const struct report_device *d)
{
    fprintf(f, "<details><summary>All %d verdicts</summary>", d->n_verdicts);
    page_scroll(f, "all verdicts");
    fputs("<table>", f);
    PAGE_ROW(f, "th", { NULL, "" }, { NULL, "layer" }, { NULL, "case" },
             { NULL, "algorithm" }, { NULL, "gate" }, { "n", "depth" },
             { "n", "score" }, { "n", "largest error" }, { "n", "RMS / u" },
             { NULL, "worst element" }, { "n", "got" }, { "n", "want" },
             { "n", "seconds" });
    for (int i = 0; i < d->n_verdicts; i++)
        verdict(f, &d->verdicts[i]);
    fputs("</table></div></details>\n", f);
}

static void trainings(FILE *f, const struct report_device *d)
{
    char text[256];

    fputs("<h3>Trainings</h3>\n", f);
    for (int i = 0; i < d->n_trainings; i++) {
        report_describe(text, sizeof text, &d->trainings[i]);
        page_element(f, "p", NULL, text);
        fputc('\n', f);
    }
    fputs("<table>", f);
    PAGE_ROW(f, "th", { NULL, "" }, { NULL, "what" }, { "n", "deviation" },
             { "n", "in spreads" }, { "n", "limit" });
    for (int i = 0; i < d->n_distances; i++) {
        const struct clade_distance *found = &d->distances[i].found;

        PAGE_ROW(
            f, "td",
            { found->passed ? "ok" : "bad", report_outcome(!found->passed) },
            { NULL, d->distances[i].name },
            { "n", page_number("%.2e", found->deviation) },
            { "n", page_number("%.3g", found->distance) },
            { "n", page_number("%.3g", found->limit) });
    }
    fputs("</table>\n", f);
}

static void device(FILE *f, const struct report *r,
                   const struct report_device *d)
{
    fputs("<h2>", f);
    page_text(f, d->device.selector);
    fputs(" · ", f);
    page_text(f, d->device.name);
    if (d->failures)
        fprintf(f, " · <span class=\"bad\">%d failures</span></h2>\n",
                d->failures);
    else
        fputs(" · <span class=\"ok\">no failure</span></h2>\n", f);
    if (d->error)
        page_element(f, "p", "bad", d->error);
    facts(f, d);
    for (int i = 0; i < d->n_verdicts; i++)
        if (d->verdicts[i].outcome != CLADE_PASSED)
            failure(f, r, d, &d->verdicts[i]);
    if (d->n_verdicts) {
        families(f, d);
        histogram(f, d);
        verdicts(f, d);
    }
    if (d->n_distances)
        trainings(f, d);
}

/* ---- the page --------------------------------------------------------------
 */

static void heading(FILE *f, const struct report *r)
{
    const struct verify_options *o = r->options;

    fputs("<h1>clade verify</h1>\n<p class=\"dim\">clade " PACKAGE_VERSION
          " · suite ",
          f);
    page_text(f, o->suite     ? o->suite
                 : o->against ? "against a record"
                              : "ops, step");
    fprintf(f, "%s · seed %llu · batch of the step %d</p>\n",
            o->quick ? " (quick)" : "", (unsigned long long)o->seed, o->batch);
    if (!report_complete(r)) {
        fputs("<p class=\"bad\">Incomplete: ", f);
        page_text(f, r->message);
        fputs("</p>\n", f);
    }
    for (int i = 0; i < r->n_environment; i++) {
        fputs(i ? " " : "<p class=\"dim\">environment: ", f);
        page_element(f, "code", NULL, r->environment[i]);
    }
    if (r->n_environment)
        fputs("</p>\n", f);
}

static clade_status page(void *arg, FILE *f)
{
    const struct report *r = arg;

    page_begin(f, "clade verify", NULL, 0);
    heading(f, r);
    matrix(f, r);
    for (int d = 0; d < r->n_devices; d++)
        device(f, r, r->devices[d]);
    page_end(f);
    return CLADE_OK;
}

clade_status html_write(const struct report *r, const char *path)
{
    return file_replace(path, page, (void *)r);
}
