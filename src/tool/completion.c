/* SPDX-License-Identifier: Apache-2.0 */
/* `clade completion`: a shell's script that completes what the tables of
 * commands and options have. */
#include "completion.h"

#include <ctype.h>
#include <string.h>

#include "status.h"
#include "topics.h"

struct completion_options {
    const char *shell;
};

static const struct tool_option options[] = {
    { .name = "SHELL",
      .kind = TOOL_OPERAND,
      .at = offsetof(struct completion_options, shell),
      .values = "bash|zsh|fish" },
};

static const struct completion_options defaults;

static const struct completion_shell *const shells[] = {
    &completion_bash,
    &completion_zsh,
    &completion_fish,
};

/* ---- what the tables say ------------------------------------------------- */

/* What the help calls a value, and what completes it. */
static const struct {
    const char *name;
    enum completion value;
} names[] = {
    { "D", COMPLETE_DEVICES },   { "DIR", COMPLETE_FOLDERS },
    { "FILE", COMPLETE_FILES },  { "IMAGE", COMPLETE_FILES },
    { "PATH", COMPLETE_FILES },  { "RUN", COMPLETE_FOLDERS },
    { "TOPIC", COMPLETE_WORDS },
};

static enum completion value_of(const struct tool_option *o)
{
    const char *name = tool_is_operand(o) ? o->name : o->values;

    if (o->kind == TOOL_FLAG)
        return COMPLETE_FLAG;
    if (o->kind == TOOL_CHOICE || (tool_is_operand(o) && o->values))
        return COMPLETE_WORDS;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (!strcmp(names[i].name, name))
            return names[i].value;
    /* an operand in lower case is a word that stands for itself */
    return tool_is_operand(o) && islower((unsigned char)*name) ? COMPLETE_WORDS
                                                               : COMPLETE_NONE;
}

/* What `clade help` takes. */
static void print_topics(void)
{
    printf("topics");
    for (const struct tool_command *const *c = tool_commands; *c; c++)
        printf(" %s", (*c)->name);
    for (const struct topic *t = topics; t->name; t++)
        printf(" %s", t->name);
}

void completion_words(const struct tool_option *o)
{
    if (tool_is_operand(o) && !strcmp(o->name, "TOPIC")) {
        print_topics();
        return;
    }
    for (const char *at = o->values ? o->values : o->name; *at; at++)
        putchar(*at == '|' ? ' ' : *at);
}

void completion_help(const char *help, const char *special)
{
    for (const char *at = help; *at && *at != ';'; at++) {
        if (strchr(special, *at))
            putchar('\\');
        putchar(*at);
    }
}

/* ---- the script ---------------------------------------------------------- */

static void print_command(const struct completion_shell *shell,
                          const struct tool_command *c)
{
    static const struct tool_option help = { .name = "help",
                                             .kind = TOOL_FLAG,
                                             .help = "print the options" };
    int operands = 0;

    shell->command(c);
    for (size_t i = 0; i < c->n_options; i++) {
        const struct tool_option *o = &c->options[i];

        if (tool_is_operand(o))
            shell->operand(c, o, value_of(o), operands++);
        else
            shell->option(c, o, value_of(o));
    }
    shell->option(c, &help, COMPLETE_FLAG);
    if (shell->command_end)
        shell->command_end(c);
}

static clade_status print_completion(const void *given)
{
    const struct completion_options *o = given;

    for (size_t i = 0; i < COUNT_OF(shells) && o->shell; i++) {
        if (strcmp(shells[i]->name, o->shell))
            continue;
        shells[i]->begin();
        for (const struct tool_command *const *c = tool_commands; *c; c++)
            print_command(shells[i], *c);
        shells[i]->end();
        return CLADE_OK;
    }
    return clade_fail(CLADE_EUSAGE,
                      "completion: %s%s%s; there are bash, zsh and fish",
                      o->shell ? "no script is for \"" : "a shell is required",
                      o->shell ? o->shell : "", o->shell ? "\"" : "");
}

const struct tool_command cmd_completion = {
    .name = "completion",
    .summary = "Print a script that completes this command in a shell",
    .text = "`make install` installs these scripts where the shells look for "
            "them.\nElsewhere:\n\n"
            "  bash  source <(clade completion bash)\n"
            "  zsh   source <(clade completion zsh), after compinit\n"
            "  fish  clade completion fish | source",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = print_completion,
};
