/* SPDX-License-Identifier: Apache-2.0 */
/* zsh: a function that calls _arguments with the options of each command. */
#include "completion.h"

static void begin(void)
{
    puts("#compdef clade\n"
         "# `clade completion zsh` prints this\n"
         "\n"
         "_clade_devices()\n"
         "{\n"
         "    local -a list\n"
         "    list=(${${(f)\"$(_call_program devices $clade devices "
         "2>/dev/null)\"}[2,-1]%% *})\n"
         "    compadd -- auto opencl gpu $list\n"
         "}\n"
         "\n"
         "_clade()\n"
         "{\n"
         "    local clade=$words[1] context state line\n"
         "    local -a commands\n"
         "    typeset -A opt_args\n"
         "    commands=(");
    for (const struct tool_command *const *c = tool_commands; *c; c++) {
        printf("        \"%s:", (*c)->name);
        completion_help((*c)->summary, "\\\"`$:");
        puts("\"");
    }
    puts("    )\n"
         "    _arguments -C '--help[print the commands]' \\\n"
         "        '--version[print the version]' '1:command:->command' \\\n"
         "        '*::argument:->argument'\n"
         "    case $state in\n"
         "    command) _describe -t commands command commands ;;\n"
         "    argument)\n"
         "        case $words[1] in");
}

static void command(const struct tool_command *c)
{
    printf("        %s)\n            _arguments", c->name);
}

/* The action that completes a value. */
static void print_action(const struct tool_option *o, enum completion value)
{
    static const char *const actions[] = {
        [COMPLETE_NONE] = " ",
        [COMPLETE_FILES] = "_files",
        [COMPLETE_FOLDERS] = "_files -/",
        [COMPLETE_DEVICES] = "_clade_devices",
    };

    if (value != COMPLETE_WORDS) {
        printf("%s\"", actions[value]);
        return;
    }
    putchar('(');
    completion_words(o);
    printf(")\"");
}

static void option(const struct tool_command *c, const struct tool_option *o,
                   enum completion value)
{
    (void)c;
    printf(" \\\n                \"%s--%s%s[", o->kind == TOOL_LIST ? "*" : "",
           o->name, value == COMPLETE_FLAG ? "" : "=");
    completion_help(o->help, "\\\"`$[]:");
    printf("]");
    if (value == COMPLETE_FLAG) {
        putchar('"');
        return;
    }
    printf(":%s:", value == COMPLETE_WORDS ? o->name : o->values);
    print_action(o, value);
}

static void operand(const struct tool_command *c, const struct tool_option *o,
                    enum completion value, int number)
{
    (void)c;
    if (o->kind == TOOL_OPERANDS)
        printf(" \\\n                \"*:%s:", o->name);
    else
        printf(" \\\n                \"%d:%s:", number + 1, o->name);
    print_action(o, value);
}

static void command_end(const struct tool_command *c)
{
    (void)c;
    puts(" ;;");
}

static void end(void)
{
    puts("        esac ;;\n"
         "    esac\n"
         "}\n"
         "\n"
         "if [[ $funcstack[1] == _clade ]]; then\n"
         "    _clade \"$@\"\n"
         "else\n"
         "    compdef _clade clade\n"
         "fi");
}

const struct completion_shell completion_zsh = {
    .name = "zsh",
    .begin = begin,
    .command = command,
    .option = option,
    .operand = operand,
    .command_end = command_end,
    .end = end,
};
