/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations and figures of runs, side by side. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"
#include "report.h"
#include "tool.h"

/* ---- tables with a column for each run ----------------------------------- */

static void table_begin(FILE *f, const struct report_runs *runs,
                        const char *caption)
{
    page_scroll(f, caption);
    fputs("<table>", f);
    page_element(f, "caption", NULL, caption);
    fputs("<thead><tr><th scope=\"col\">", f);
    fputs(runs->count > 1 ? "run</th>" : "</th>", f);
    for (int i = 0; i < runs->count; i++) {
        fputs("<th scope=\"col\">", f);
        if (runs->count > 1) {
            chart_key(f, i);
            fprintf(f, " %s: ", run_letter(i));
        }
        page_text(f, runs->list[i].folder);
        fputs("</th>", f);
    }
    fputs("</tr></thead><tbody>\n", f);
}

static void table_end(FILE *f)
{
    fputs("</tbody></table></div>\n", f);
}

static void row_begin(FILE *f, const char *name, bool differs)
{
    fputs("<tr><th scope=\"row\">", f);
    page_text(f, name);
    if (differs)
        fputs(" <span class=\"mark\">differs</span>", f);
    fputs("</th>", f);
}

/* ---- configuration ------------------------------------------------------- */

/* Keys of a checkpoint's metadata. */
static const struct {
    const char *key, *title;
} settings[] = {
    { "device", "device" },
    { "driver", "driver" },
    { "net", "network" },
    { "epoch", "complete epochs" },
    { "data", "images" },
    { "train_count", "images to train with" },
    { "test_count", "images to validate with" },
    { "image", "size of an image" },
    { "batch", "images in a step" },
    { "shares", "in shares of" },
    { "learning_rate", "learning rate" },
    { "rate_batch", "for a batch of" },
    { "warmup", "epochs of warm-up" },
    { "schedule", "schedule of the learning rate" },
    { "epochs", "to end after epoch" },
    { "augment", "augmentation" },
    { "eval_every", "epochs between validations" },
    { "seed", "seed" },
};

static bool is_same(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

static void write_setting(FILE *f, const struct report_runs *runs,
                          const char *key, const char *title)
{
    const char *first = runlog_text(&runs->list[0], key);
    bool absent = true, differs = false;

    for (int i = 0; i < runs->count; i++) {
        const char *text = runlog_text(&runs->list[i], key);

        absent &= !text;
        differs |= !is_same(text, first);
    }
    if (absent)
        return;
    row_begin(f, title, differs);
    for (int i = 0; i < runs->count; i++) {
        const char *text = runlog_text(&runs->list[i], key);

        page_element(f, "td", NULL, text ? text : "–");
    }
    fputs("</tr>\n", f);
}

/* "Platform / device, driver 1.0: shares 0, 2", a line for each device of a run
 * in shares. */
static void write_devices(FILE *f, const struct runlog *r)
{
    const char *text = runlog_text(r, "devices");
    json_t *devices = text ? json_loads(text, 0, NULL) : NULL;
    json_t *device, *share;
    size_t i, k;

    fputs("<td>", f);
    if (!devices)
        fputs("–", f);
    json_array_foreach(devices, i, device) {
        fputs(i ? "<br/>" : "", f);
        page_text(f, json_string_value(json_object_get(device, "device")));
        fputs(", driver ", f);
        page_text(f, json_string_value(json_object_get(device, "driver")));
        json_array_foreach(json_object_get(device, "shares"), k, share)
            fprintf(f, "%s%lld", k ? ", " : ": share ",
                    (long long)json_integer_value(share));
    }
    fputs("</td>", f);
    json_decref(devices);
}

static void write_all_devices(FILE *f, const struct report_runs *runs)
{
    const char *first = runlog_text(&runs->list[0], "devices");
    bool absent = true, differs = false;

    for (int i = 0; i < runs->count; i++) {
        absent &= !runlog_text(&runs->list[i], "devices");
        differs |= !is_same(runlog_text(&runs->list[i], "devices"), first);
    }
    if (absent)
        return;
    row_begin(f, "devices of the shares", differs);
    for (int i = 0; i < runs->count; i++)
        write_devices(f, &runs->list[i]);
    fputs("</tr>\n", f);
}

static void write_settings(FILE *f, const struct report_runs *runs)
{
    table_begin(f, runs, "What the checkpoints say of the runs");
    for (size_t i = 0; i < COUNT_OF(settings); i++)
        write_setting(f, runs, settings[i].key, settings[i].title);
    write_all_devices(f, runs);
    table_end(f);
}

/* ---- figures ------------------------------------------------------------- */

/* The last figure of a column that is there; NaN if none is. */
static double last_figure(const struct runlog *r, int column, int *row)
{
    double value = NAN;

    for (int i = 0; i < r->history.rows; i++)
        if (!isnan(sheet_at(&r->history, i, column))) {
            value = sheet_at(&r->history, i, column);
            *row = i;
        }
    return value;
}

static double best_figure(const struct runlog *r, int column, int *row)
{
    double best = NAN;

    for (int i = 0; i < r->history.rows; i++) {
        const double value = sheet_at(&r->history, i, column);

        if (!(value <= best) && !isnan(value)) {
            best = value;
            *row = i;
        }
    }
    return best;
}

struct figure_kind {
    const char *part, *figure, *title;
    double (*find)(const struct runlog *r, int column, int *row);
};
static const struct figure_kind kinds[] = {
    { "", "_loss", "training loss, last", last_figure },
    { "val_", "_loss", "validation loss, last", last_figure },
    { "", "_accuracy", "training accuracy, last", last_figure },
    { "val_", "_accuracy", "validation accuracy, last", last_figure },
    { "val_", "_accuracy", "validation accuracy, best", best_figure },
};

/* The figure, its epoch, and how far it is from that of the first run. */
static void write_figure(FILE *f, const struct runlog *r, double value, int row,
                         double first)
{
    fputs("<td class=\"n\">", f);
    if (isnan(value))
        fputs("–", f);
    else
        fprintf(f, "%s in epoch %.0f", page_figure(value),
                sheet_at(&r->history, row, 0) + 1);
    if (isfinite(value - first))
        fprintf(f, " (%s%s)", value < first ? "" : "+",
                page_figure(value - first));
    fputs("</td>", f);
}

static void write_kind(FILE *f, const struct report_runs *runs,
                       const struct figure_kind *kind, const char *head)
{
    double first = NAN;
    char title[256];

    snprintf(title, sizeof title, "%s: %s", head, kind->title);
    row_begin(f, title, false);
    for (int i = 0; i < runs->count; i++) {
        const struct runlog *r = &runs->list[i];
        const int column = runlog_column(r, kind->part, head, kind->figure);
        int row = 0;
        const double value = kind->find(r, column, &row);

        write_figure(f, r, value, row, i ? first : NAN);
        if (!i)
            first = value;
    }
    fputs("</tr>\n", f);
}

/* What this report has evaluated itself. */
static void write_evaluated(FILE *f, const struct report_runs *runs)
{
    bool any = false;

    for (int i = 0; i < runs->count; i++)
        any |= runs->list[i].evaluation != NULL;
    if (!any)
        return;
    row_begin(f, "validation accuracy of the checkpoint, evaluated now", false);
    for (int i = 0; i < runs->count; i++) {
        const struct evaluation *e = runs->list[i].evaluation;

        if (e)
            fprintf(f, "<td class=\"n\">%.4f</td>",
                    (double)e->hits / e->data.test.count);
        else
            fputs("<td class=\"n\">–</td>", f);
    }
    fputs("</tr>\n", f);
}

/* The first run that has heads names those of the table. */
static const struct runlog *with_heads(const struct report_runs *runs)
{
    for (int i = 0; i < runs->count; i++)
        if (runs->list[i].heads)
            return &runs->list[i];
    return &runs->list[0];
}

static void write_figures(FILE *f, const struct report_runs *runs)
{
    const struct runlog *r = with_heads(runs);

    table_begin(f, runs,
                runs->count > 1
                    ? "Figures; in brackets their difference from run A's"
                    : "Figures");
    for (int i = 0; i < r->heads; i++)
        for (size_t k = 0; k < COUNT_OF(kinds); k++)
            write_kind(f, runs, &kinds[k], r->head[i]);
    write_evaluated(f, runs);
    table_end(f);
}

/* ---- what a reader should know ------------------------------------------- */

/* Epochs that history.csv has a row of. */
static int epochs_of(const struct runlog *r)
{
    return r->history.rows
               ? (int)sheet_at(&r->history, r->history.rows - 1, 0) + 1
               : 0;
}

static void write_note(FILE *f, const char *folder, const char *text)
{
    fputs("<p class=\"bad\">", f);
    page_text(f, folder);
    fputs(": ", f);
    page_text(f, text);
    fputs("</p>\n", f);
}

static void write_notes(FILE *f, const struct runlog *r)
{
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(r->checkpoint);
    char text[160];

    if (!info)
        write_note(f, r->folder,
                   "there is no checkpoint yet, so its device and "
                   "configuration are not known.");
    if (r->previous)
        write_note(f, r->folder,
                   "the newest checkpoint is missing or damaged; this is the "
                   "one before it.");
    if (info && info->epoch != epochs_of(r)) {
        snprintf(text, sizeof text,
                 "the checkpoint has %d epochs, history.csv has %d.",
                 info->epoch, epochs_of(r));
        write_note(f, r->folder, text);
    }
    if (r->history.rows && r->history.broken >= 0) {
        snprintf(text, sizeof text,
                 "diverged: a figure of epoch %.0f is no finite number.",
                 sheet_at(&r->history, r->history.broken, 0) + 1);
        write_note(f, r->folder, text);
    }
    if (r->evaluation && !r->evaluation->same)
        write_note(f, r->folder,
                   "the images of --data are not those of the training: their "
                   "hash differs.");
}

void page_runs(FILE *f, const struct report_runs *runs)
{
    for (int i = 0; i < runs->count; i++)
        write_notes(f, &runs->list[i]);
    fputs("<div class=\"beside\">\n", f);
    write_settings(f, runs);
    write_figures(f, runs);
    fputs("</div>\n", f);
}
