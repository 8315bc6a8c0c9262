/* SPDX-License-Identifier: Apache-2.0 */
/* The curves of runs, and the tables that they show. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "report.h"
#include "tool.h"

#define POINTS_MAX   150 /* of a line: more would lie closer than pixels */
#define MARKED_MAX   30  /* a longer line has no markers */
#define LINES_MAX    (2 * RUNLOG_MAX)
#define NAMES_LENGTH 160

/* The lines of a chart, which own their points. */
struct lines {
    struct chart_line list[LINES_MAX];
    char titles[LINES_MAX][NAMES_LENGTH];
    char names[LINES_MAX][8];
    int count;
};

static void lines_free(struct lines *lines)
{
    for (int i = 0; i < lines->count; i++) {
        free((void *)lines->list[i].x);
        free((void *)lines->list[i].y);
    }
}

/* The mean of the finite numbers of a column in rows first ... after-1. */
static double mean(const struct sheet *s, int column, int first, int after)
{
    double sum = 0;
    int n = 0;

    for (int i = first; i < after; i++)
        if (isfinite(sheet_at(s, i, column))) {
            sum += sheet_at(s, i, column);
            n++;
        }
    return n ? sum / n : NAN;
}

/* Add a line of the column's means over POINTS_MAX pieces of the sheet.  x is
 * the column of the epoch + 1, or the number of the row. */
static void add_line(struct lines *lines, const struct sheet *s, int column,
                     bool by_epoch, struct chart_line line)
{
    const int n = s->rows < POINTS_MAX ? s->rows : POINTS_MAX;
    double *x = malloc((size_t)(n + 1) * sizeof *x);
    double *y = malloc((size_t)(n + 1) * sizeof *y);

    if (!x || !y || column < 0 || lines->count == LINES_MAX) {
        free(x);
        free(y);
        return;
    }
    line.n = 0;
    for (int i = 0; i < n; i++) {
        const int first = (int)((long long)s->rows * i / n);
        const int after = (int)((long long)s->rows * (i + 1) / n);

        y[line.n] = mean(s, column, first, after);
        x[line.n] = by_epoch ? sheet_at(s, after - 1, 0) + 1 : after - 1;
        /* What is not measured in every epoch is joined all the same. */
        if (!line.dashed || !isnan(y[line.n]))
            line.n++;
    }
    line.x = x;
    line.y = y;
    line.marked = line.n <= MARKED_MAX;
    lines->list[lines->count++] = line;
}

/* Name the next line: "training", "B", "B val.". */
static struct chart_line next_line(struct lines *lines,
                                   const struct report_runs *runs, int run,
                                   bool held_out)
{
    const bool alone = runs->count == 1;
    char *title = lines->titles[lines->count];
    char *name = lines->names[lines->count];

    snprintf(title, NAMES_LENGTH, "%s%s%s",
             held_out ? "validation" : "training", alone ? "" : " of run ",
             alone ? "" : run_letter(run));
    snprintf(name, sizeof lines->names[0], "%s%s", run_letter(run),
             held_out ? " val." : "");
    return (struct chart_line){
        .style = run,
        .dashed = held_out,
        .name = !alone     ? name
                : held_out ? "validation"
                           : "training",
        .title = title,
    };
}

/* The lines of a figure of a head: training and validation of each run. */
static void find_lines(struct lines *lines, const struct report_runs *runs,
                       const char *head, const char *figure)
{
    *lines = (struct lines){ .count = 0 };
    for (int i = 0; i < 2 * runs->count; i++) {
        const struct runlog *r = &runs->list[i / 2];
        const struct chart_line line = next_line(lines, runs, i / 2, i % 2);

        add_line(lines, &r->history,
                 runlog_column(r, i % 2 ? "val_" : "", head, figure), true,
                 line);
    }
}

/* The lines of a column of steps.csv. */
static void find_step_lines(struct lines *lines, const struct report_runs *runs,
                            const char *column)
{
    *lines = (struct lines){ .count = 0 };
    for (int i = 0; i < runs->count; i++) {
        const struct sheet *s = &runs->list[i].steps;
        struct chart_line line = next_line(lines, runs, i, false);

        if (runs->count == 1)
            line.name = "";
        add_line(lines, s, sheet_column(s, column), false, line);
    }
}

/* All heads that some run has, so that their curves can share a scale. */
struct heads {
    const char *list[CLADE_HEADS_MAX];
    int count;
};

static void find_heads(struct heads *heads, const struct report_runs *runs)
{
    *heads = (struct heads){ .count = 0 };
    for (int i = 0; i < runs->count; i++)
        for (int k = 0; k < runs->list[i].heads; k++) {
            const char *head = runs->list[i].head[k];
            bool known = false;

            for (int j = 0; j < heads->count; j++)
                known |= !strcmp(heads->list[j], head);
            if (!known && heads->count < CLADE_HEADS_MAX)
                heads->list[heads->count++] = head;
        }
}

static void write_chart(FILE *f, struct lines *lines, struct chart chart)
{
    chart.lines = lines->list;
    chart.count = lines->count;
    if (lines->count)
        chart_write(f, &chart);
    lines_free(lines);
}

/* The charts of a figure, one a head, on the same scale. */
static void write_heads(FILE *f, const struct report_runs *runs,
                        const struct heads *heads, const char *figure,
                        const char *word)
{
    struct lines lines;
    char title[NAMES_LENGTH], id[24];
    double lo = 1, hi = 0;

    for (int i = 0; i < heads->count; i++) {
        find_lines(&lines, runs, heads->list[i], figure);
        for (int k = 0; k < lines.count; k++)
            chart_widen(&lo, &hi, lines.list[k].y, lines.list[k].n);
        lines_free(&lines);
    }
    for (int i = 0; i < heads->count; i++) {
        snprintf(title, sizeof title, "%s of %s", word, heads->list[i]);
        snprintf(id, sizeof id, "%s%d", figure + 1, i);
        find_lines(&lines, runs, heads->list[i], figure);
        write_chart(f, &lines,
                    (struct chart){ .id = id,
                                    .title = title,
                                    .x_name = "epoch",
                                    .lo = lo,
                                    .hi = hi });
    }
}

/* ---- tables -------------------------------------------------------------- */

/* Every row of history.csv. */
static void write_history(FILE *f, const struct report_runs *runs, int run)
{
    const struct runlog *r = &runs->list[run];

    if (!r->history.rows)
        return;
    fprintf(f, "<details><summary>All epochs%s%s as a table</summary>",
            runs->count > 1 ? " of run " : "",
            runs->count > 1 ? run_letter(run) : "");
    page_scroll(f, "all epochs");
    fputs("<table><caption>", f);
    page_text(f, r->folder);
    fputs(": history.csv; epochs count from 1</caption><thead><tr>", f);
    for (int k = 0; k < r->history.columns; k++) {
        fputs("<th scope=\"col\" class=\"n\">", f);
        page_text(f, r->history.names[k]);
        fputs("</th>", f);
    }
    fputs("</tr></thead><tbody>\n", f);
    for (int i = 0; i < r->history.rows; i++) {
        fprintf(f, "<tr><th scope=\"row\" class=\"n\">%.0f</th>",
                sheet_at(&r->history, i, 0) + 1);
        for (int k = 1; k < r->history.columns; k++)
            page_element(f, "td", "n",
                         page_figure(sheet_at(&r->history, i, k)));
        fputs("</tr>\n", f);
    }
    fputs("</tbody></table></div></details>\n", f);
}

/* ---- the section --------------------------------------------------------- */

void page_curves(FILE *f, const struct report_runs *runs)
{
    const struct chart total = { .id = "total",
                                 .title = "Weighted sum of the losses",
                                 .x_name = "epoch",
                                 .lo = 1,
                                 .hi = 0 };
    const struct chart steps = { .id = "steps",
                                 .title = "Loss of the training steps",
                                 .x_name = "step",
                                 .lo = 1,
                                 .hi = 0 };
    const struct chart rate = { .id = "rate",
                                .title = "Learning rate",
                                .x_name = "step",
                                .lo = 0,
                                .hi = 0 };
    struct lines lines;
    struct heads heads;

    find_heads(&heads, runs);
    fprintf(f,
            "<p class=\"dim\">Solid: training. Dashed: validation. A line of "
            "more than %d points shows means of neighbours.%s</p>\n"
            "<div class=\"charts\">\n",
            POINTS_MAX,
            runs->count > 1
                ? " The letters and markers of runs are those of the table."
                : "");
    write_heads(f, runs, &heads, "_loss", "Loss");
    write_heads(f, runs, &heads, "_accuracy", "Accuracy");
    find_lines(&lines, runs, "", "loss");
    write_chart(f, &lines, total);
    find_step_lines(&lines, runs, "loss");
    write_chart(f, &lines, steps);
    find_step_lines(&lines, runs, "learning_rate");
    write_chart(f, &lines, rate);
    fputs("</div>\n", f);
    for (int i = 0; i < runs->count; i++)
        write_history(f, runs, i);
}
