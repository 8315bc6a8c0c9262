/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "status.h"

/*
 * The edit distance of two words (Levenshtein, 1966), by its recurrence over
 * one row.  Upper and lower case are the same.  Words past 63 letters count as
 * far from everything.
 */
static size_t distance(const char *a, const char *b)
{
    size_t row[64], n = strlen(b);

    if (n >= COUNT_OF(row))
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];

        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            size_t best = diagonal + (tolower((unsigned char)a[i]) !=
                                      tolower((unsigned char)b[j]));

            diagonal = row[j + 1];
            if (best > row[j] + 1)
                best = row[j] + 1;
            if (best > diagonal + 1)
                best = diagonal + 1;
            row[j + 1] = best;
        }
    }
    return row[n];
}

const char *tool_nearest(const char *word, const char *const names[], size_t n)
{
    /* A third of the letters wrong is a slip, more is another word. */
    size_t best = strlen(word) / 3 + 2;
    const char *near = NULL;

    for (size_t i = 0; i < n; i++) {
        size_t d = distance(word, names[i]);

        if (d < best) {
            best = d;
            near = names[i];
        }
    }
    return near;
}

bool tool_is_operand(const struct tool_option *o)
{
    return o->kind == TOOL_OPERAND || o->kind == TOOL_OPERANDS;
}

static clade_status unknown(const struct tool_command *command,
                            const char *text)
{
    const char *names[64] = { "help" }, *near;
    char name[64], hint[128] = "";
    size_t n = 1;

    snprintf(name, sizeof name, "%.*s", (int)strcspn(text, "="), text);
    for (size_t i = 0; i < command->n_options && n < COUNT_OF(names); i++)
        if (!tool_is_operand(&command->options[i]))
            names[n++] = command->options[i].name;
    if ((near = tool_nearest(name, names, n)))
        snprintf(hint, sizeof hint, "; did you mean --%s?", near);
    return clade_fail(CLADE_EUSAGE,
                      "%s: no option is called --%s%s (clade %s --help)",
                      command->name, name, hint, command->name);
}

static clade_status bad_value(const struct tool_option *o, const char *text,
                              const char *required)
{
    return clade_fail(CLADE_EUSAGE, "--%s: \"%s\" is not %s", o->name, text,
                      required);
}

/* strtol() and the like skip blanks and accept a sign; here, a number must
 * start with a digit or a point. */
static bool starts_number(const char *text)
{
    return (*text >= '0' && *text <= '9') || *text == '.';
}

static clade_status parse_int(int *value, const struct tool_option *o,
                              const char *text)
{
    char required[96], *end;
    long v;

    errno = 0;
    v = strtol(text, &end, 10);
    if (!starts_number(text) || *end || errno || (double)v < o->min ||
        (double)v > o->max) {
        snprintf(required, sizeof required, "a whole number from %.0f to %.0f",
                 o->min, o->max);
        return bad_value(o, text, required);
    }
    *value = (int)v;
    return CLADE_OK;
}

static clade_status parse_seed(uint64_t *value, const struct tool_option *o,
                               const char *text)
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(text, &end, 10);
    if (!starts_number(text) || *end || errno)
        return bad_value(o, text, "a whole number from 0 to 2^64 - 1");
    *value = v;
    return CLADE_OK;
}

static clade_status parse_real(double *value, const struct tool_option *o,
                               const char *text)
{
    char required[96], *end;
    double v;

    errno = 0;
    v = strtod(text, &end);
    if (!starts_number(text) || *end || errno || !(v > o->min && v <= o->max)) {
        snprintf(required, sizeof required, "a number above %g and at most %g",
                 o->min, o->max);
        return bad_value(o, text, required);
    }
    *value = v;
    return CLADE_OK;
}

/* The text must be one of those in o->values, "train|infer". */
static clade_status parse_choice(const char **value,
                                 const struct tool_option *o, const char *text)
{
    const char *at = o->values;
    size_t n = strlen(text);
    char required[160];

    for (;;) {
        if (strcspn(at, "|") == n && !strncmp(at, text, n)) {
            *value = text;
            return CLADE_OK;
        }
        at = strchr(at, '|');
        if (!at)
            break;
        at++;
    }
    snprintf(required, sizeof required, "one of %s", o->values);
    return bad_value(o, text, required);
}

static clade_status parse_list(struct tool_list *list,
                               const struct tool_option *o, const char *text)
{
    if ((size_t)list->count == COUNT_OF(list->item))
        return clade_fail(CLADE_EUSAGE, "--%s: given more than %zu times",
                          o->name, COUNT_OF(list->item));
    list->item[list->count++] = text;
    return CLADE_OK;
}

static clade_status parse_value(void *value, const struct tool_option *o,
                                const char *text)
{
    switch (o->kind) {
    case TOOL_INT:
        return parse_int(value, o, text);
    case TOOL_SEED:
        return parse_seed(value, o, text);
    case TOOL_REAL:
        return parse_real(value, o, text);
    case TOOL_CHOICE:
        return parse_choice(value, o, text);
    case TOOL_LIST:
        return parse_list(value, o, text);
    default:
        if (!*text)
            return clade_fail(CLADE_EUSAGE, "--%s: the value is empty",
                              o->name);
        *(const char **)value = text;
        return CLADE_OK;
    }
}

/* The option that `text` names: "batch" or "batch=16". */
const struct tool_option *tool_option_find(const struct tool_command *command,
                                           const char *text)
{
    size_t n = strcspn(text, "=");

    for (size_t i = 0; i < command->n_options; i++) {
        const struct tool_option *o = &command->options[i];

        if (!tool_is_operand(o) && strlen(o->name) == n &&
            !strncmp(o->name, text, n))
            return o;
    }
    return NULL;
}

/* Take argv[i], if an operand can.  Several are moved to the start of argv,
 * whose arguments are parsed already. */
static bool take_operand(const struct tool_option *o, void *value, int i,
                         char **argv)
{
    struct tool_operands *all = value;

    if (o->kind == TOOL_OPERANDS) {
        all->item = argv;
        argv[all->count++] = argv[i];
        return true;
    }
    if (o->kind != TOOL_OPERAND || *(const char **)value)
        return false;
    *(const char **)value = argv[i];
    return true;
}

static clade_status surplus(const struct tool_command *command,
                            const char *text)
{
    const struct tool_option *o = tool_option_find(command, text);

    return clade_fail(CLADE_EUSAGE,
                      "%s: \"%s\" is one argument too many%s%s%s (clade %s "
                      "--help)",
                      command->name, text, o ? "; did you mean --" : "",
                      o ? o->name : "", o ? "?" : "", command->name);
}

static clade_status parse_operand(const struct tool_command *command,
                                  char *options, int i, char **argv)
{
    for (size_t k = 0; k < command->n_options; k++) {
        const struct tool_option *o = &command->options[k];

        if (take_operand(o, options + o->at, i, argv))
            return CLADE_OK;
    }
    return surplus(command, argv[i]);
}

/* An option's value is not there: nothing is, or `next`, another option. */
static clade_status no_value(const struct tool_command *command,
                             const struct tool_option *o, const char *next)
{
    if (next)
        return clade_fail(CLADE_EUSAGE,
                          "%s: --%s requires %s, and \"%s\" looks like an "
                          "option; if it is the value, write --%s=%s",
                          command->name, o->name, o->values, next, o->name,
                          next);
    return clade_fail(
        CLADE_EUSAGE, "%s: --%s requires %s: %s (clade %s --help)",
        command->name, o->name, o->values, o->help, command->name);
}

/* Parse the option at argv[*i], and move *i to the last argument used. */
static clade_status parse_option(const struct tool_command *command,
                                 char *options, int *i, int argc, char **argv)
{
    const char *name = argv[*i] + 2;
    const char *text = strchr(name, '=');
    const struct tool_option *o = tool_option_find(command, name);

    if (!o)
        return unknown(command, name);
    if (o->kind == TOOL_FLAG) {
        if (text)
            return clade_fail(CLADE_EUSAGE, "--%s takes no value", o->name);
        *(bool *)(options + o->at) = true;
        return CLADE_OK;
    }
    if (text)
        text++;
    else if (*i + 1 < argc && strncmp(argv[*i + 1], "--", 2))
        text = argv[++*i];
    else
        return no_value(command, o, *i + 1 < argc ? argv[*i + 1] : NULL);
    return parse_value(options + o->at, o, text);
}

bool tool_asks_help(const char *text)
{
    return !strcmp(text, "--help") || !strncmp(text, "--help=", 7) ||
           !strcmp(text, "-h");
}

clade_status tool_parse(const struct tool_command *command, void *options,
                        bool *help, int argc, char **argv)
{
    clade_status st = CLADE_OK;
    bool ended = false; /* by "--": what follows are operands */

    *help = false;
    for (int i = 0; i < argc && strcmp(argv[i], "--"); i++)
        *help |= tool_asks_help(argv[i]);
    for (int i = 0; i < argc && !st && !*help; i++) {
        if (ended)
            st = parse_operand(command, options, i, argv);
        else if (!strcmp(argv[i], "--"))
            ended = true;
        else if (!strncmp(argv[i], "--", 2))
            st = parse_option(command, options, &i, argc, argv);
        else if (argv[i][0] == '-' && argv[i][1])
            st = clade_fail(
                CLADE_EUSAGE,
                "%s: \"%s\" is not an option; options are words, like "
                "--help (clade %s --help)",
                command->name, argv[i], command->name);
        else
            st = parse_operand(command, options, i, argv);
    }
    return st;
}

/* " (default 32)", if the option has a default. */
static void add_default(char *text, size_t size, const struct tool_option *o,
                        const char *defaults)
{
    const void *value = defaults + o->at;

    switch (o->kind) {
    case TOOL_INT:
        snprintf(text, size, " (default %d)", *(const int *)value);
        break;
    case TOOL_SEED:
        snprintf(text, size, " (default %llu)",
                 (unsigned long long)*(const uint64_t *)value);
        break;
    case TOOL_REAL:
        snprintf(text, size, " (default %g)", *(const double *)value);
        break;
    case TOOL_TEXT:
    case TOOL_CHOICE:
        if (*(const char *const *)value)
            snprintf(text, size, " (default %s)", *(const char *const *)value);
        break;
    default:
        break;
    }
}

void tool_wrap(const char *first, int indent, const char *text)
{
    const int width = 78 - indent;

    while (*text) {
        int end = (int)strcspn(text, "\n");

        if (end > width)
            for (end = width; end > 1 && text[end] != ' '; end--)
                ;
        printf("%-*s%.*s\n", end ? indent : 0, first, end, text);
        text += text[end] ? end + 1 : end;
        first = "";
    }
}

/* Print an option and, below it, its help. */
static void print_option(const struct tool_option *o, const char *defaults)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s", o->help);

    add_default(text + n, sizeof text - (size_t)n, o, defaults);
    printf("  --%s%s%s\n", o->name, o->values ? " " : "",
           o->values ? o->values : "");
    tool_wrap("", 8, text);
}

void tool_usage(const struct tool_command *command)
{
    printf("usage: clade %s [OPTIONS]", command->name);
    for (size_t i = 0; i < command->n_options; i++) {
        const struct tool_option *o = &command->options[i];

        if (tool_is_operand(o))
            printf(" [%s]%s", o->name, o->kind == TOOL_OPERANDS ? "..." : "");
    }
    printf("\n\n%s.\n", command->summary);
    if (command->text)
        printf("\n%s\n", command->text);
    printf("\noptions:\n");
    for (size_t i = 0; i < command->n_options; i++)
        if (!tool_is_operand(&command->options[i]))
            print_option(&command->options[i], command->defaults);
    printf("  --help, -h\n        print this\n");
}
