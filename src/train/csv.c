/* SPDX-License-Identifier: Apache-2.0 */
#include "train.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "status.h"

#define REMEDY "; restore this run's file, or start a new run in another folder"

/* The length in bytes of the first `rows` rows of `text`, which begins after
 * the header line.  *row is the first row that is missing, damaged or of
 * another epoch; -1 if all are good. */
static size_t rows_length(int *row, const char *text, int rows,
                          int rows_an_epoch)
{
    const char *at = text;

    for (*row = 0; *row < rows; ++*row) {
        const char *newline = strchr(at, '\n');
        char *end;
        long epoch = strtol(at, &end, 10);

        /* strtol() would skip an empty line. */
        if (!newline || !isdigit((unsigned char)*at) || *end != ',' ||
            epoch != *row / rows_an_epoch)
            return 0;
        at = newline + 1;
    }
    *row = -1;
    return (size_t)(at - text);
}

/* Copy the first rows of the file on the disk. */
static clade_status take_rows(struct csv *csv, const char *header, int rows,
                              int rows_an_epoch)
{
    size_t n, head = strlen(header), length;
    clade_status st;
    char *text;
    int row;

    if (access(csv->path, F_OK) && errno == ENOENT)
        return clade_fail(CLADE_EDATA,
                          "%s: is missing, although the checkpoint has "
                          "complete epochs" REMEDY,
                          csv->path);
    if ((st = file_read(&text, &n, csv->path)))
        return st;
    if (strncmp(text, header, head)) {
        st =
            clade_fail(CLADE_EDATA, "%s: its first line is not \"%.*s\"" REMEDY,
                       csv->path, (int)head - 1, header);
        goto out;
    }
    length = rows_length(&row, text + head, rows, rows_an_epoch);
    if (row >= 0) {
        st =
            clade_fail(CLADE_EDATA,
                       "%s: row %d of epoch %d is missing or damaged, although "
                       "that epoch is complete in the checkpoint" REMEDY,
                       csv->path, row % rows_an_epoch, row / rows_an_epoch);
        goto out;
    }
    fwrite(text + head, 1, length, csv->out);
out:
    free(text);
    return st;
}

clade_status csv_open(struct csv *csv, const char *folder, const char *name,
                      const char *header, int rows, int rows_an_epoch)
{
    clade_status st = CLADE_OK;

    *csv = (struct csv){ .path = file_path(folder, name) };
    if (csv->path)
        csv->out = open_memstream(&csv->text, &csv->length);
    if (!csv->out || !header)
        st = clade_fail(CLADE_ENOMEM, "%s: out of memory", name);
    if (!st) {
        fputs(header, csv->out);
        if (rows)
            st = take_rows(csv, header, rows, rows_an_epoch);
    }
    if (st)
        csv_close(csv);
    return st;
}

void csv_close(struct csv *csv)
{
    if (csv->out)
        fclose(csv->out);
    free(csv->text);
    free(csv->path);
    *csv = (struct csv){ .path = NULL };
}

static clade_status write_text(void *arg, FILE *file)
{
    const struct csv *csv = arg;

    /* A short write sets the stream's error flag, which file_replace() checks.
     */
    fwrite(csv->text, 1, csv->length, file);
    return CLADE_OK;
}

clade_status csv_save(struct csv *csv)
{
    if (fflush(csv->out) || ferror(csv->out))
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", csv->path);
    return file_replace(csv->path, write_text, csv);
}
