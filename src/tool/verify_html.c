/* SPDX-License-Identifier: Apache-2.0 */
/* The report as one page: no script, nothing fetched, readable printed. */
#include <math.h>
#include <string.h>

#include "file.h"
#include "verify_report.h"

/* The page up to its <body>. */
static const unsigned char head[] = {
#include "src/tool/verify_head.inc"
};

/* Print a text, with the characters replaced that mean something in HTML. */
static void put(FILE *f, const char *s)
{
    static const char *const names[256] = {
        ['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;"
    };

    for (; s && *s; s++)
        if (names[(unsigned char)*s])
            fputs(names[(unsigned char)*s], f);
        else
            fputc(*s, f);
}

/* <tag class="...">text</tag>; without a class if that is NULL. */
static void element(FILE *f, const char *tag, const char *class,
                    const char *text)
{
    fprintf(f, "<%s", tag);
    if (class)
        fprintf(f, " class=\"%s\"", class);
    fputc('>', f);
    put(f, text);
    fprintf(f, "</%s>", tag);
}

struct cell {
    const char *class, *text;
};

/* A row of cells, whose tag is th or td. */
static void row(FILE *f, const char *tag, const struct cell cells[],
                size_t count)
{
    fputs("<tr>", f);
    for (size_t i = 0; i < count; i++)
        element(f, tag, cells[i].class, cells[i].text);
    fputs("</tr>\n", f);
}

#define ROW(f, tag, ...)                                                       \
    row(f, tag, (const struct cell[]){ __VA_ARGS__ },                          \
        sizeof((const struct cell[]){ __VA_ARGS__ }) / sizeof(struct cell))

/* A name and its text, unless there is none. */
static void fact(FILE *f, const char *name, const char *text)
{
    if (!text || !*text)
        return;
    fputs("<tr>", f);
    element(f, "th", NULL, name);
    element(f, "td", "c", text);
    fputs("</tr>\n", f);
}

/* A number, empty for a NaN, in a text that 15 further calls leave alone. */
static const char *number(const char *format, double x)
{
    static char texts[16][40];
    static unsigned next;
    char *text = texts[next++ % COUNT_OF(texts)];

    if (isnan(x))
        text[0] = '\0';
    else
        snprintf(text, sizeof texts[0], format, x);
    return text;
}

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
}

static void matrix(FILE *f, const struct report *r)
{
    if (!r->families.count)
        return;
    fputs("<h2>Worst scores</h2>\n<p class=\"dim\">A score is an error over "
          "its bound: at most 1 passes, and the deeper the colour the nearer "
          "it is. <i>Bit for bit</i>: no error is allowed, and there is none."
          "</p>\n<div class=\"scroll\"><table><tr><th>op, algorithm</th>",
          f);
    for (int d = 0; d < r->n_devices; d++)
        element(f, "th", "n", r->devices[d]->device.selector);
    fputs("</tr>\n", f);
    for (int i = 0; i < r->families.count; i++) {
        const char *name = r->families.list[i].name;

        fputs("<tr>", f);
        element(f, "td", NULL, name);
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
    fact(f, "platform", d->device.platform);
    fact(f, "device", d->device.name);
    fact(f, "vendor", d->device.vendor);
    fact(f, "driver", d->device.driver);
    fact(f, "OpenCL", d->device.version);
    fact(f, "compute units", units);
    fact(f, "single precision", config);
    fact(f, "build options", d->build_options);
    fact(f, "FMA()",
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
    element(f, "code", NULL, v->name);
    fputs("</h3>\n", f);
    element(f, "p", NULL, v->message);
    fputs("\n<table>\n", f);
    fact(f, "case", v->why);
    fact(f, "layer", v->layer);
    fact(f, "algorithm", v->algorithm);
    fprintf(f, "<tr><th>gate</th><td>%s, depth %d</td></tr>\n", v->gate,
            v->depth);
    if (v->where[0]) {
        fact(f, "worst element", v->where);
        fprintf(f,
                "<tr><th>got</th><td><code>%.9g</code></td></tr>\n"
                "<tr><th>want</th><td><code>%.17g</code></td></tr>\n"
                "<tr><th>score, RMS</th><td>%.3g, %.3g u</td></tr>\n",
                v->got, v->want, v->score, v->rms);
    }
    fact(f, "triage", v->triage);
    fputs("</table>\n", f);
    report_command(command, r->options, d->device.selector, v);
    element(f, "pre", NULL, command);
    fputc('\n', f);
}

static void families(FILE *f, const struct report_device *d)
{
    fputs("<h3>By op</h3>\n<table>", f);
    ROW(f, "th", { NULL, "op, algorithm" }, { "n", "cases" }, { "n", "failed" },
        { "n", "worst score" }, { "n", "typical" });
    for (int i = 0; i < d->families.count; i++) {
        const struct report_family *family = &d->families.list[i];
        const int failed = family->failed + family->mistrusted;

        ROW(f, "td", { NULL, family->name },
            { "n", number("%.0f", family->cases) },
            { failed ? "n bad" : "n", number("%.0f", failed) },
            { "n", number("%.3g", family->worst) },
            { "n", number("%.3g", family->typical) });
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
    ROW(f, "td", { v->outcome ? "bad" : "ok", report_outcome(v->outcome) },
        { NULL, v->layer }, { "c", v->name }, { NULL, v->algorithm },
        { NULL, v->gate }, { "n", number("%.0f", v->depth) },
        { "n", number("%.3g", v->score) },
        { "n", number("%.3g", v->max_error) }, { "n", number("%.3g", v->rms) },
        { "c", v->where }, { "n", number("%.6g", v->got) },
        { "n", number("%.6g", v->want) }, { "n", number("%.4f", v->seconds) });
}

static void verdicts(FILE *f, const struct report_device *d)
{
    fprintf(f,
            "<details><summary>All %d verdicts</summary>"
            "<div class=\"scroll\"><table>",
            d->n_verdicts);
    ROW(f, "th", { NULL, "" }, { NULL, "layer" }, { NULL, "case" },
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
        element(f, "p", NULL, text);
        fputc('\n', f);
    }
    fputs("<table>", f);
    ROW(f, "th", { NULL, "" }, { NULL, "what" }, { "n", "deviation" },
        { "n", "in spreads" }, { "n", "limit" });
    for (int i = 0; i < d->n_distances; i++) {
        const struct clade_distance *found = &d->distances[i].found;

        ROW(f, "td",
            { found->passed ? "ok" : "bad", report_outcome(!found->passed) },
            { NULL, d->distances[i].name },
            { "n", number("%.2e", found->deviation) },
            { "n", number("%.3g", found->distance) },
            { "n", number("%.3g", found->limit) });
    }
    fputs("</table>\n", f);
}

static void device(FILE *f, const struct report *r,
                   const struct report_device *d)
{
    fputs("<h2>", f);
    put(f, d->device.selector);
    fputs(" &middot; ", f);
    put(f, d->device.name);
    if (d->failures)
        fprintf(f, " &middot; <span class=\"bad\">%d failures</span></h2>\n",
                d->failures);
    else
        fputs(" &middot; <span class=\"ok\">no failure</span></h2>\n", f);
    if (d->error)
        element(f, "p", "bad", d->error);
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
          " &middot; suite ",
          f);
    put(f, o->suite ? o->suite : o->against ? "against a record" : "ops, step");
    fprintf(f, "%s &middot; seed %llu &middot; batch of the step %d</p>\n",
            o->quick ? " (quick)" : "", (unsigned long long)o->seed, o->batch);
    if (!report_complete(r)) {
        fputs("<p class=\"bad\">Incomplete: ", f);
        put(f, r->message);
        fputs("</p>\n", f);
    }
    for (int i = 0; i < r->n_environment; i++) {
        fputs(i ? " " : "<p class=\"dim\">environment: ", f);
        element(f, "code", NULL, r->environment[i]);
    }
    fputs("</p>\n", f);
}

static clade_status page(void *arg, FILE *f)
{
    const struct report *r = arg;

    fwrite(head, 1, sizeof head, f);
    heading(f, r);
    matrix(f, r);
    for (int d = 0; d < r->n_devices; d++)
        device(f, r, r->devices[d]);
    fputs("</body></html>\n", f);
    return CLADE_OK;
}

clade_status html_write(const struct report *r, const char *path)
{
    return file_replace(path, page, (void *)r);
}
