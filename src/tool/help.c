/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <string.h>

#include "status.h"
#include "topics.h"

/* clang-format off */
const struct tool_command *const tool_commands[] = {
    &cmd_devices,
    &cmd_fetch,
    &cmd_train,
    &cmd_eval,
    &cmd_predict,
    &cmd_export,
    &cmd_verify,
    &cmd_bench,
    &cmd_tune,
    &cmd_report,
    &cmd_completion,
    &cmd_help,
    NULL,
};
/* clang-format on */

const struct tool_command *tool_command_find(const char *name)
{
    for (const struct tool_command *const *c = tool_commands; *c; c++)
        if (!strcmp((*c)->name, name))
            return *c;
    return NULL;
}

struct help_options {
    const char *topic;
    bool json;
};

static const struct tool_option options[] = {
    { .name = "TOPIC",
      .kind = TOOL_OPERAND,
      .at = offsetof(struct help_options, topic) },
    { .name = "json",
      .kind = TOOL_FLAG,
      .at = offsetof(struct help_options, json),
      .help = "print one JSON object with all commands, their options, and the "
              "names of the topics" },
};

static const struct help_options defaults;

void tool_overview(FILE *to)
{
    fprintf(to, "usage: clade COMMAND [OPTIONS]\n\n"
                "Trains GoogLeNet on any OpenCL device, and checks that every "
                "device computes\nthe same thing.\n\ncommands:\n");
    for (const struct tool_command *const *c = tool_commands; *c; c++)
        fprintf(to, "  %-10s  %s\n", (*c)->name, (*c)->summary);
    fprintf(to, "\n`clade help COMMAND` lists a command's options, `clade help "
                "topics` lists what\nelse is explained, and `clade --version` "
                "prints the version.\n");
}

static void print_topics(void)
{
    printf("`clade help TOPIC` explains one of these:\n\n");
    for (const struct topic *t = topics; t->name; t++)
        printf("  %-11s  %s\n", t->name, t->summary);
}

static void print_topic(const struct topic *t)
{
    int width = 0;

    for (size_t i = 0; i < t->n_rows; i++)
        if (width < (int)strlen(t->rows[i].name))
            width = (int)strlen(t->rows[i].name);
    tool_wrap("", 0, t->before);
    putchar('\n');
    for (size_t i = 0; i < t->n_rows; i++) {
        char first[64];

        snprintf(first, sizeof first, "  %s", t->rows[i].name);
        tool_wrap(first, width + 4, t->rows[i].text);
    }
    if (t->after) {
        putchar('\n');
        tool_wrap("", 0, t->after);
    }
}

/* Name the nearest command or topic. */
static clade_status no_topic(const char *word)
{
    const char *names[64] = { "topics" }, *near;
    size_t n = 1;

    for (const struct tool_command *const *c = tool_commands; *c; c++)
        names[n++] = (*c)->name;
    for (const struct topic *t = topics; t->name && n < COUNT_OF(names); t++)
        names[n++] = t->name;
    near = tool_nearest(word, names, n);
    return clade_fail(CLADE_EUSAGE,
                      "help: no command or topic is called \"%s\"%s%s%s "
                      "(clade help, clade help topics)",
                      word, near ? "; did you mean \"" : "", near ? near : "",
                      near ? "\"?" : "");
}

static clade_status print_help(const void *given)
{
    const struct help_options *o = given;
    const struct tool_command *command;

    if (o->json)
        return tool_print_json(help_json(tool_commands));
    if (!o->topic) {
        tool_overview(stdout);
        return CLADE_OK;
    }
    if (!strcmp(o->topic, "topics")) {
        print_topics();
        return CLADE_OK;
    }
    if ((command = tool_command_find(o->topic))) {
        tool_usage(command);
        return CLADE_OK;
    }
    for (const struct topic *t = topics; t->name; t++) {
        if (!strcmp(t->name, o->topic)) {
            print_topic(t);
            return CLADE_OK;
        }
    }
    return no_topic(o->topic);
}

const struct tool_command cmd_help = {
    .name = "help",
    .summary = "Explain a command or a topic",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = print_help,
};
