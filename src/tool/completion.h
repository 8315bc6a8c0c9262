/* SPDX-License-Identifier: Apache-2.0 */
#ifndef COMPLETION_H
#define COMPLETION_H

#include "tool.h"

/* What completes the value of an option, or an operand. */
enum completion {
    COMPLETE_FLAG, /* there is no value */
    COMPLETE_NONE, /* a number or a name that only the user knows */
    COMPLETE_WORDS,
    COMPLETE_FILES,
    COMPLETE_FOLDERS,
    COMPLETE_DEVICES,
};

/* How a shell is told what the table of options says. */
struct completion_shell {
    const char *name;
    void (*begin)(void);
    void (*command)(const struct tool_command *c);
    void (*option)(const struct tool_command *c, const struct tool_option *o,
                   enum completion value);
    /* `number` counts a command's operands from 0. */
    void (*operand)(const struct tool_command *c, const struct tool_option *o,
                    enum completion value, int number);
    void (*command_end)(const struct tool_command *c); /* may be NULL */
    void (*end)(void);
};
extern const struct completion_shell completion_bash, completion_zsh,
    completion_fish;

/* Print the words of a COMPLETE_WORDS, separated by blanks. */
void completion_words(const struct tool_option *o);
/* Print the first clause of a help text, with a backslash before each of the
 * characters in `special`. */
void completion_help(const char *help, const char *special);

#endif
