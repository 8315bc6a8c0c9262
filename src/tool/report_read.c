/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of a run's folder say. */
#include "report.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "status.h"
#include "tool.h"
#include "train/train.h"

#define VERIFY_FILE   "verify.json"
#define VERIFY_FORMAT "clade-verify/1"

/* ---- csv ----------------------------------------------------------------- */

static int count_of(const char *text, char c)
{
    int n = 0;

    for (; *text; text++)
        n += *text == c;
    return n;
}

static clade_status damaged(const char *path, int line, const char *what)
{
    return clade_fail(CLADE_EDATA,
                      "%s: line %d: %s; restore the run's file, or train "
                      "anew in another folder",
                      path, line, what);
}

/* Cut the header line into the names of the columns. */
static clade_status read_names(struct sheet *s, char *line)
{
    char *rest = line, *name;
    int i = 0;

    s->columns = count_of(line, ',') + 1;
    s->names = calloc((size_t)s->columns, sizeof *s->names);
    if (!s->names)
        return clade_fail(CLADE_ENOMEM, "report: out of memory");
    while ((name = strsep(&rest, ",")))
        s->names[i++] = name;
    return CLADE_OK;
}

/* Read the next row from a line; false if it is damaged. */
static bool read_row(struct sheet *s, double *row, char *line)
{
    char *rest = line, *field, *end;
    int i = 0;

    for (; (field = strsep(&rest, ",")); i++) {
        if (i == s->columns)
            return false;
        row[i] = NAN;
        if (!*field || !strcmp(field, "NA"))
            continue;
        row[i] = strtod(field, &end);
        if (*end || isspace((unsigned char)*field))
            return false;
        if (!isfinite(row[i]) && s->broken < 0)
            s->broken = s->rows;
    }
    return i == s->columns;
}

/* Is an epoch one that may follow the one before? */
static bool may_follow(double epoch, double before)
{
    return epoch >= before && epoch <= 1e9 && epoch == floor(epoch);
}

static clade_status read_rows(struct sheet *s, char *text, const char *path)
{
    double before = 0;
    char *rest = text;

    s->values = calloc((size_t)count_of(text, '\n') * (size_t)s->columns + 1,
                       sizeof *s->values);
    if (!s->values)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", path);
    while (*rest) {
        double *row = s->values + (size_t)s->rows * (size_t)s->columns;
        char *line = strsep(&rest, "\n");

        if (!rest)
            return damaged(path, s->rows + 2, "is cut short");
        if (!read_row(s, row, line))
            return damaged(path, s->rows + 2,
                           "is not one number for each column");
        if (!may_follow(row[0], before))
            return damaged(path, s->rows + 2, "its epoch is out of order");
        before = row[0];
        s->rows++;
    }
    return CLADE_OK;
}

clade_status sheet_read(struct sheet *s, const char *path)
{
    clade_status st;
    char *end;
    size_t n;

    *s = (struct sheet){ .broken = -1 };
    if ((st = file_read(&s->text, &n, path)))
        return st;
    end = strchr(s->text, '\n');
    if (strlen(s->text) != n || !end || strncmp(s->text, "epoch,", 6))
        return damaged(path, 1, "does not name the columns of a run's file");
    *end = '\0';
    st = read_names(s, s->text);
    return st ? st : read_rows(s, end + 1, path);
}

void sheet_free(struct sheet *s)
{
    free(s->text);
    free(s->names);
    free(s->values);
    *s = (struct sheet){ 0 };
}

int sheet_column(const struct sheet *s, const char *name)
{
    for (int i = 0; i < s->columns; i++)
        if (!strcmp(s->names[i], name))
            return i;
    return -1;
}

double sheet_at(const struct sheet *s, int row, int column)
{
    return column < 0 ? NAN : s->values[row * s->columns + column];
}

/* ---- the folder -----------------------------------------------------------
 */

static bool is_there(const char *path)
{
    return !access(path, F_OK) || errno != ENOENT;
}

/* Read a csv file of the folder if it is there. */
static clade_status read_sheet(struct sheet *s, const char *folder,
                               const char *name)
{
    char *path = file_path(folder, name);
    clade_status st = CLADE_OK;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", folder);
    if (is_there(path))
        st = sheet_read(s, path);
    free(path);
    return st;
}

/* The heads are those that history.csv has an accuracy of. */
static clade_status find_heads(struct runlog *r)
{
    static const char end[] = "_accuracy", held_out[] = "val_";

    for (int i = 0; i < r->history.columns; i++) {
        const char *name = r->history.names[i];
        const size_t n = strlen(name);

        if (r->heads == CLADE_HEADS_MAX || n < sizeof end ||
            strcmp(name + n + 1 - sizeof end, end) ||
            !strncmp(name, held_out, sizeof held_out - 1))
            continue;
        r->head[r->heads] = strndup(name, n + 1 - sizeof end);
        if (!r->head[r->heads++])
            return clade_fail(CLADE_ENOMEM, "report: out of memory");
    }
    return CLADE_OK;
}

/* Is there a file of this name in the run's folder? */
static bool holds(const struct runlog *r, const char *name)
{
    char *path = file_path(r->folder, name);
    const bool there = path && is_there(path);

    free(path);
    return there;
}

static void notice(void *arg, const char *text)
{
    (void)arg;
    tool_notice(text);
}

/* Open the newest checkpoint or, if that is damaged, the one before it. */
static clade_status read_checkpoint(struct runlog *r)
{
    static const struct clade_train_observer observer = { .notice = notice };
    clade_status st;

    if (!holds(r, TRAIN_CHECKPOINT) && !holds(r, TRAIN_PREVIOUS))
        return CLADE_OK;
    st = run_folder_checkpoint(&r->checkpoint, &r->previous, r->folder,
                               &observer);
    if (r->checkpoint)
        r->names =
            json_loads(clade_checkpoint_info(r->checkpoint)->classes, 0, NULL);
    return st;
}

static clade_status read_own_verify(struct runlog *r)
{
    char *path = file_path(r->folder, VERIFY_FILE);
    clade_status st = CLADE_OK;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", r->folder);
    if (is_there(path))
        st = runlog_read_verify(r, path);
    free(path);
    return st;
}

static clade_status check_folder(const char *folder)
{
    struct stat info;

    if (stat(folder, &info))
        return clade_fail(CLADE_EDATA,
                          "%s: %s; name the folder of a training, which `clade "
                          "train` prints",
                          folder, strerror(errno));
    if (!S_ISDIR(info.st_mode))
        return clade_fail(CLADE_EDATA,
                          "%s: is no folder; name the folder of a training",
                          folder);
    return CLADE_OK;
}

clade_status runlog_read(struct runlog *r, const char *folder)
{
    clade_status st;

    *r = (struct runlog){ .folder = folder };
    if ((st = check_folder(folder)) ||
        (st = read_sheet(&r->history, folder, TRAIN_HISTORY)) ||
        (st = read_sheet(&r->steps, folder, TRAIN_STEPS)) ||
        (st = find_heads(r)) || (st = read_checkpoint(r)) ||
        (st = read_own_verify(r)))
        return st;
    if (!r->history.columns && !r->steps.columns && !r->checkpoint)
        return clade_fail(CLADE_EDATA,
                          "%s: holds no training: neither " TRAIN_HISTORY
                          " nor " TRAIN_CHECKPOINT
                          "; a run writes them after its first epoch",
                          folder);
    return CLADE_OK;
}

static void free_evaluation(struct evaluation *e)
{
    if (!e)
        return;
    clade_data_free(&e->data);
    free(e->confusion);
    free(e);
}

void runlog_free(struct runlog *r)
{
    sheet_free(&r->history);
    sheet_free(&r->steps);
    for (int i = 0; i < r->heads; i++)
        free(r->head[i]);
    clade_checkpoint_close(r->checkpoint);
    json_decref(r->names);
    json_decref(r->verify);
    free(r->verify_path);
    free(r->device);
    free_evaluation(r->evaluation);
    free(r->unevaluated);
    json_decref(r->profile);
    *r = (struct runlog){ 0 };
}

/* ---- verify ---------------------------------------------------------------
 */

clade_status runlog_read_verify(struct runlog *r, const char *path)
{
    json_error_t error;
    const char *format;
    char *text;
    size_t n;
    clade_status st = file_read_pipe(&text, &n, path);

    if (st)
        return st;
    json_decref(r->verify);
    free(r->verify_path);
    r->verify_path = strdup(path);
    r->verify = json_loadb(text, n, 0, &error);
    free(text);
    if (!r->verify)
        return clade_fail(CLADE_EDATA,
                          "%s: line %d: %s; write it anew with `clade verify`",
                          path, error.line, error.text);
    format = json_string_value(json_object_get(r->verify, "format"));
    if (!format || strcmp(format, VERIFY_FORMAT) ||
        !json_is_array(json_object_get(r->verify, "devices")))
        return clade_fail(CLADE_EDATA,
                          "%s: is not what `clade verify --format json` "
                          "prints (format " VERIFY_FORMAT ")",
                          path);
    return CLADE_OK;
}

/* ---- texts ----------------------------------------------------------------
 */

const char *runlog_text(const struct runlog *r, const char *key)
{
    return r->checkpoint ? checkpoint_text(r->checkpoint, key) : NULL;
}

const char *runlog_class(const struct runlog *r, int number)
{
    static char texts[16][12];
    static unsigned next;
    const char *name =
        json_string_value(json_array_get(r->names, (size_t)number));
    char *text;

    if (name)
        return name;
    text = texts[next++ % COUNT_OF(texts)];
    snprintf(text, sizeof texts[0], "%d", number);
    return text;
}

int runlog_column(const struct runlog *r, const char *part, const char *head,
                  const char *figure)
{
    char name[256];

    snprintf(name, sizeof name, "%s%s%s", part, head, figure);
    return sheet_column(&r->history, name);
}
