/* SPDX-License-Identifier: Apache-2.0 */
/* bash: a function with a table.  Its rows are of a command and an option
 * ("train --data"), or of a command and an operand's number ("predict 0"). */
#include "completion.h"

static void begin(void)
{
    puts("# bash completion for clade; `clade completion bash` prints it\n"
         "\n"
         "# Set `value` to what completes the value of an option or an "
         "operand.\n"
         "_clade_value()\n"
         "{\n"
         "    value=\n"
         "    case $1 in");
}

static void print_value(const struct tool_option *o, enum completion value)
{
    static const char *const words[] = {
        [COMPLETE_NONE] = "@none",
        [COMPLETE_FILES] = "@files",
        [COMPLETE_FOLDERS] = "@folders",
        [COMPLETE_DEVICES] = "@devices",
    };

    printf(") value='");
    if (value == COMPLETE_WORDS)
        completion_words(o);
    else
        printf("%s", words[value]);
    puts("' ;;");
}

static void no_command(const struct tool_command *c)
{
    (void)c;
}

static void option(const struct tool_command *c, const struct tool_option *o,
                   enum completion value)
{
    if (value == COMPLETE_FLAG)
        return;
    printf("    '%s --%s'", c->name, o->name);
    print_value(o, value);
}

static void operand(const struct tool_command *c, const struct tool_option *o,
                    enum completion value, int number)
{
    if (o->kind == TOOL_OPERANDS)
        printf("    '%s '[0-9]*", c->name);
    else
        printf("    '%s %d'", c->name, number);
    print_value(o, value);
}

/* The lists of commands and of their options. */
static void print_lists(void)
{
    puts("    esac\n"
         "}\n"
         "\n"
         "# Set `options` to those of a command.\n"
         "_clade_options()\n"
         "{\n"
         "    case $1 in");
    for (const struct tool_command *const *c = tool_commands; *c; c++) {
        printf("    %s) options='--help", (*c)->name);
        for (size_t i = 0; i < (*c)->n_options; i++)
            if (!tool_is_operand(&(*c)->options[i]))
                printf(" --%s", (*c)->options[i].name);
        puts("' ;;");
    }
    printf("    '') options='--help --version");
    for (const struct tool_command *const *c = tool_commands; *c; c++)
        printf(" %s", (*c)->name);
    puts("' ;;\n"
         "    *) options= ;;\n"
         "    esac\n"
         "}\n");
}

/* clang-format off */
static const char script[] =
    "_clade()\n"
    "{\n"
    "    local line=${COMP_LINE:0:COMP_POINT} command='' option='' number=0\n"
    "    local cur value options word words n i\n"
    "    COMPREPLY=()\n"
    "    read -r -a words <<<\"$line\"\n"
    "    [[ $line == *[[:space:]] ]] && words+=('')\n"
    "    n=$((${#words[@]} - 1))\n"
    "    cur=${words[n]}\n"
    "    ((n > 1)) && command=${words[1]}\n"
    "    _clade_options \"$command\"\n"
    "    for ((i = 2; i < n; i++)); do\n"
    "        option=\n"
    "        if [[ ${words[i]} == --*=* ]]; then\n"
    "            continue\n"
    "        elif [[ ${words[i]} == --* ]]; then\n"
    "            _clade_value \"$command ${words[i]}\"\n"
    "            [[ $value ]] && option=${words[i++]}\n"
    "        else\n"
    "            ((++number))\n"
    "        fi\n"
    "    done\n"
    "    if [[ $option ]] && ((i > n)); then # its value\n"
    "        _clade_value \"$command $option\"\n"
    "    elif [[ $cur == --*=* ]]; then\n"
    "        _clade_value \"$command ${cur%%=*}\"\n"
    "        value=${value:-@none} cur=${cur#*=}\n"
    "    elif [[ $cur == -* || -z $command ]]; then\n"
    "        value=${options:-@none}\n"
    "    else\n"
    "        _clade_value \"$command $number\"\n"
    "        value=${value:-${options:-@none}}\n"
    "    fi\n"
    "    case $value in\n"
    "    @files) return ;; # as by default\n"
    "    @folders) compopt -o dirnames +o default 2>/dev/null; return ;;\n"
    "    @devices) value=\"auto opencl gpu $(\"${words[0]}\" devices 2>/dev/null |\n"
    "        sed '1d; s/ .*//')\" ;;\n"
    "    @none) value= ;;\n"
    "    esac\n"
    "    compopt +o default 2>/dev/null\n"
    "    while read -r word; do\n"
    "        # bash replaces only what comes after the last colon\n"
    "        [[ $COMP_WORDBREAKS == *:* ]] && word=${word#\"${cur%\"${cur##*:}\"}\"}\n"
    "        COMPREPLY+=(\"$word\")\n"
    "    done < <(compgen -W \"$value\" -- \"$cur\")\n"
    "}\n"
    "complete -o default -F _clade clade";
/* clang-format on */

static void end(void)
{
    print_lists();
    puts(script);
}

const struct completion_shell completion_bash = {
    .name = "bash",
    .begin = begin,
    .command = no_command,
    .option = option,
    .operand = operand,
    .end = end,
};
