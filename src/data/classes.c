/* SPDX-License-Identifier: Apache-2.0 */
/* The names of classes. */
#include <clade/data.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data.h"
#include "file.h"
#include "status.h"

#define NAMES_FILE "batches.meta.txt"
#define REMEDY                                                                 \
    "its first %d lines must name the classes; without this file they have "   \
    "CIFAR-10's names"

static const char *const cifar10[CLADE_DATA_CLASSES] = {
    "airplane", "automobile", "bird",  "cat",  "deer",
    "dog",      "frog",       "horse", "ship", "truck",
};

/* The hue and the pattern of each class: a tenth of the colour circle lies
 * between one hue and the next. */
static const char *const builtin[CLADE_DATA_CLASSES] = {
    "red rows",
    "orange columns",
    "lime falling stripes",
    "green rising stripes",
    "mint checks",
    "cyan rings",
    "azure spokes",
    "indigo disc",
    "violet square",
    "pink circle",
};

void data_name_classes(struct clade_data *data, const char *source)
{
    const char *const *names = strcmp(source, DATA_BUILTIN) ? cifar10 : builtin;

    for (int i = 0; i < CLADE_DATA_CLASSES; i++)
        snprintf(data->classes[i], sizeof data->classes[i], "%s", names[i]);
}

json_t *data_classes_json(const struct clade_data *data)
{
    json_t *names = json_array();

    for (int i = 0; i < CLADE_DATA_CLASSES; i++)
        json_array_append_new(names, json_string(data->classes[i]));
    return names;
}

const char *data_class_fault(const char *name)
{
    json_t *text = json_string(name); /* fails if this is not UTF-8 */

    json_decref(text);
    if (!text)
        return "is not UTF-8";
    if (!*name)
        return "is empty";
    if (strlen(name) >= CLADE_DATA_NAME)
        return "is too long";
    for (const char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return "has a control character";
    return NULL;
}

/* Take a line out of the text, without the characters that end it.  NULL: there
 * is none. */
static char *next_line(char **text)
{
    char *line = *text, *end = strchr(line, '\n');

    if (!*line)
        return NULL;
    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    line[strcspn(line, "\r")] = '\0';
    return line;
}

static clade_status bad_line(const char *path, int line, const char *fault)
{
    return clade_fail(CLADE_EDATA, "%s: line %d %s; " REMEDY, path, line, fault,
                      CLADE_DATA_CLASSES);
}

static clade_status take_names(struct clade_data *data, char *text,
                               const char *path)
{
    char *line;

    for (int i = 0; i < CLADE_DATA_CLASSES; i++) {
        const char *fault = "is missing";

        line = next_line(&text);
        if (!line || (fault = data_class_fault(line)))
            return bad_line(path, i + 1, fault);
        snprintf(data->classes[i], sizeof data->classes[i], "%s", line);
    }
    for (int i = CLADE_DATA_CLASSES; (line = next_line(&text)); i++)
        if (*line)
            return bad_line(path, i + 1, "is too many");
    return CLADE_OK;
}

clade_status data_take_classes(struct clade_data *data, char *text, size_t n,
                               const char *path)
{
    if (strlen(text) < n)
        return clade_fail(CLADE_EDATA, "%s: is no text; " REMEDY, path,
                          CLADE_DATA_CLASSES);
    return take_names(data, text, path);
}

static clade_status read_names(struct clade_data *data, const char *path)
{
    clade_status st;
    char *text;
    size_t n;

    if (access(path, F_OK) && errno == ENOENT) {
        data_name_classes(data, "");
        return CLADE_OK;
    }
    if ((st = file_read(&text, &n, path)))
        return st;
    st = data_take_classes(data, text, n, path);
    free(text);
    return st;
}

clade_status data_read_classes(struct clade_data *data, const char *dir)
{
    char *path = file_path(dir, NAMES_FILE);
    clade_status st;

    if (!path)
        return clade_fail(CLADE_ENOMEM, "%s/" NAMES_FILE ": out of memory",
                          dir);
    st = read_names(data, path);
    free(path);
    return st;
}
