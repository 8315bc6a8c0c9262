/* SPDX-License-Identifier: Apache-2.0 */
/* fish: a line for each command and each option. */
#include "completion.h"

static void begin(void)
{
    puts("# fish completion for clade; `clade completion fish` prints it\n"
         "\n"
         "function __clade_devices\n"
         "    set -l clade (commandline -opc)[1]\n"
         "    printf '%s\\n' auto opencl gpu\n"
         "    $clade devices 2>/dev/null | string replace -r ' .*' '' | "
         "tail -n +2\n"
         "end\n"
         "\n"
         "# Is the command that was typed $argv[1]?\n"
         "function __clade_is\n"
         "    set -l words (commandline -opc)\n"
         "    test \"$words[2]\" = \"$argv[1]\"\n"
         "end\n"
         "\n"
         "complete -c clade -f\n"
         "complete -c clade -n '__clade_is \"\"' -l help -d 'print the "
         "commands'\n"
         "complete -c clade -n '__clade_is \"\"' -l version -d 'print the "
         "version'");
}

static void command(const struct tool_command *c)
{
    printf("complete -c clade -n '__clade_is \"\"' -a %s -d '", c->name);
    completion_help(c->summary, "\\'");
    puts("'");
}

static void print_value(const struct tool_option *o, enum completion value)
{
    static const char *const texts[] = {
        [COMPLETE_FLAG] = "",
        [COMPLETE_NONE] = " -x",
        [COMPLETE_FILES] = " -r -F",
        [COMPLETE_FOLDERS] = " -x -a '(__fish_complete_directories)'",
        [COMPLETE_DEVICES] = " -x -a '(__clade_devices)'",
    };

    if (value != COMPLETE_WORDS) {
        printf("%s", texts[value]);
        return;
    }
    printf(" -x -a '");
    completion_words(o);
    putchar('\'');
}

static void option(const struct tool_command *c, const struct tool_option *o,
                   enum completion value)
{
    printf("complete -c clade -n '__clade_is %s' -l %s", c->name, o->name);
    print_value(o, value);
    printf(" -d '");
    completion_help(o->help, "\\'");
    puts("'");
}

static void operand(const struct tool_command *c, const struct tool_option *o,
                    enum completion value, int number)
{
    (void)number;
    printf("complete -c clade -n '__clade_is %s'", c->name);
    print_value(o, value);
    putchar('\n');
}

static void end(void)
{
}

const struct completion_shell completion_fish = {
    .name = "fish",
    .begin = begin,
    .command = command,
    .option = option,
    .operand = operand,
    .end = end,
};
