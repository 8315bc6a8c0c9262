/* SPDX-License-Identifier: Apache-2.0 */
/* A summary of what `clade verify --format json` printed. */
#include <string.h>

#include "page.h"
#include "report.h"

#define FAILURES_SHOWN 20

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* A number, which JSON has as a text if it is not finite. */
static const char *number_text(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);

    return json_is_number(value) ? page_number("%.3g", json_number_value(value))
                                 : json_string_value(value);
}

static double sum_of(const json_t *rows, const char *key)
{
    json_t *row;
    double sum = 0;
    size_t i;

    json_array_foreach(rows, i, row)
        sum += json_number_value(json_object_get(row, key));
    return sum;
}

/* The name of the device as a checkpoint has it: "platform / name". */
static bool is_device(const json_t *device, const char *name)
{
    const char *platform = text_of(device, "platform");
    const size_t n = platform ? strlen(platform) : 0;
    const char *own = text_of(device, "name");

    return platform && own && name && !strncmp(name, platform, n) &&
           !strncmp(name + n, " / ", 3) && !strcmp(name + n + 3, own);
}

static void write_families(FILE *f, const json_t *families)
{
    json_t *family;
    size_t i;

    fputs("<details><summary>Worst scores by op</summary>", f);
    page_scroll(f, "worst scores by op");
    fputs("<table><caption>A score is an error over its bound: at most 1 "
          "passes</caption><thead>",
          f);
    PAGE_ROW(f, "th", { NULL, "op, algorithm" }, { "n", "cases" },
             { "n", "failed" }, { "n", "worst score" });
    fputs("</thead><tbody>\n", f);
    json_array_foreach(families, i, family)
        PAGE_ROW(f, "td", { NULL, text_of(family, "family") },
                 { "n", number_text(family, "cases") },
                 { "n", number_text(family, "failed") },
                 { "n", number_text(family, "worst") });
    fputs("</tbody></table></div></details>\n", f);
}

/* The verdicts that are no pass, the first ones. */
static void write_failures(FILE *f, const json_t *verdicts)
{
    json_t *verdict;
    int shown = 0;
    size_t i;

    json_array_foreach(verdicts, i, verdict) {
        const char *outcome = text_of(verdict, "outcome");

        if (!outcome || !strcmp(outcome, "ok"))
            continue;
        if (++shown > FAILURES_SHOWN)
            break;
        fputs(shown == 1 ? "<ul>\n<li>" : "<li>", f);
        page_element(f, "span", "bad", outcome);
        fputc(' ', f);
        page_element(f, "code", NULL, text_of(verdict, "name"));
        fputs(": ", f);
        page_text(f, text_of(verdict, "message"));
        fputs("</li>\n", f);
    }
    fputs(shown ? "</ul>\n" : "", f);
}

static void write_device(FILE *f, const struct runlog *r, const json_t *item)
{
    const json_t *device = json_object_get(item, "device");
    const json_t *families = json_object_get(item, "families");
    const double failed =
        sum_of(families, "failed") + sum_of(families, "mistrusted");

    fputs("<p>", f);
    page_text(f, text_of(device, "platform"));
    fputs(" / ", f);
    page_text(f, text_of(device, "name"));
    if (r->checkpoint &&
        !is_device(device, clade_checkpoint_info(r->checkpoint)->device))
        fputs(" <span class=\"mark\">not the run's device</span>", f);
    if (failed > 0)
        fprintf(f, ": <span class=\"bad\">%.0f of %.0f cases fail</span>",
                failed, sum_of(families, "cases"));
    else
        fprintf(f, ": <span class=\"ok\">all %.0f cases pass</span>",
                sum_of(families, "cases"));
    fputs("</p>\n", f);
    if (text_of(item, "error"))
        page_element(f, "p", "bad", text_of(item, "error"));
    write_failures(f, json_object_get(item, "verdicts"));
    write_families(f, families);
}

static void write_verify(FILE *f, const struct runlog *r)
{
    const char *suite = text_of(r->verify, "suite");
    json_t *device;
    size_t i;

    fputs("<p class=\"dim\">From ", f);
    page_text(f, r->verify_path);
    fputs(", suite ", f);
    page_text(f, suite ? suite : "ops, step");
    fputs(json_is_true(json_object_get(r->verify, "quick")) ? " (quick)</p>\n"
                                                            : "</p>\n",
          f);
    if (!json_is_true(json_object_get(r->verify, "complete")))
        fputs("<p class=\"bad\">It is incomplete.</p>\n", f);
    json_array_foreach(json_object_get(r->verify, "devices"), i, device)
        write_device(f, r, device);
}

void page_verify(FILE *f, const struct report_runs *runs)
{
    for (int i = 0; i < runs->count; i++) {
        const struct runlog *r = &runs->list[i];

        run_heading(f, runs, i);
        if (r->verify) {
            write_verify(f, r);
            continue;
        }
        fputs("<p>Not judged. <code>clade verify --format json &gt;", f);
        page_text(f, r->folder);
        fputs("/verify.json</code> judges the device.</p>\n", f);
    }
}
