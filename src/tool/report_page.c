/* SPDX-License-Identifier: Apache-2.0 */
/* The page of `clade report`. */
#include "file.h"
#include "page.h"
#include "report.h"
#include "tool.h"

static const unsigned char style[] = {
#include "src/tool/report.inc"
};

const char *run_letter(int run)
{
    static const char *const letters[] = { "A", "B", "C", "D",
                                           "E", "F", "G", "H" };

    return letters[run];
}

void run_heading(FILE *f, const struct report_runs *runs, int run)
{
    if (runs->count == 1)
        return;
    fputs("<h3>", f);
    chart_key(f, run);
    fprintf(f, " %s: ", run_letter(run));
    page_text(f, runs->list[run].folder);
    fputs("</h3>\n", f);
}

static void write_title(FILE *f, const struct report_runs *runs)
{
    fputs("<h1>clade report", f);
    for (int i = 0; i < runs->count; i++) {
        fputs(i ? ", " : ": ", f);
        page_text(f, runs->list[i].folder);
    }
    fputs("</h1>\n<p class=\"dim\">written by clade " PACKAGE_VERSION "</p>\n",
          f);
}

/* The sections, in their order. */
static const struct {
    const char *id, *title;
    void (*write)(FILE *f, const struct report_runs *runs);
} sections[] = {
    { "runs", "Device, configuration, figures", page_runs },
    { "curves", "Curves", page_curves },
    { "images", "Classes and images", page_images },
    { "time", "Time by kind of op", page_times },
    { "chosen", "Chosen algorithms", page_chosen },
    { "verify", "Consistency", page_verify },
};

static clade_status write_page(void *arg, FILE *f)
{
    const struct report_runs *runs = arg;

    page_begin(f, "clade report", style, sizeof style);
    fputs("<header>", f);
    write_title(f, runs);
    fputs("<nav aria-label=\"Sections\">", f);
    for (size_t i = 0; i < COUNT_OF(sections); i++)
        fprintf(f, "<a href=\"#%s\">%s</a>\n", sections[i].id,
                sections[i].title);
    fputs("</nav></header>\n<main>\n", f);
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        fprintf(f, "<section id=\"%s\"><h2>%s</h2>\n", sections[i].id,
                sections[i].title);
        sections[i].write(f, runs);
        fputs("</section>\n", f);
    }
    fputs("</main>\n", f);
    page_end(f);
    return CLADE_OK;
}

clade_status page_write_report(struct report_runs *runs, const char *path)
{
    return file_replace(path, write_page, runs);
}
