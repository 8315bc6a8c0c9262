/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <string.h>

#include "status.h"

/* clang-format off */
const struct tool_command *const tool_commands[] = {
    &cmd_devices,
    &cmd_train,
    &cmd_eval,
    &cmd_verify,
    &cmd_bench,
    &cmd_tune,
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
};

static const struct tool_option options[] = {
    { .name = "TOPIC",
      .kind = TOOL_OPERAND,
      .at = offsetof(struct help_options, topic) },
};

static const struct help_options defaults;

void tool_overview(FILE *to)
{
    fprintf(to, "usage: clade COMMAND [OPTIONS]\n\n"
                "Trains GoogLeNet on any OpenCL device, and checks that every "
                "device computes\nthe same thing.\n\ncommands:\n");
    for (const struct tool_command *const *c = tool_commands; *c; c++)
        fprintf(to, "  %-8s  %s\n", (*c)->name, (*c)->summary);
    fprintf(to, "\n`clade help COMMAND` lists a command's options; `clade help "
                "device` and\n`clade help exit-codes` explain those.\n"
                "`clade --version` prints the version.\n");
}

static void help_device(void)
{
    puts(
        "--device D selects where a command computes:\n"
        "\n"
        "  cpu         the reference: plain C loops with exact sums; slow\n"
        "  cpu64       the same, but stores double precision\n"
        "  opencl      the best OpenCL device: GPUs come before CPUs, and\n"
        "              software renderers and simulators come last; of "
        "equals,\n"
        "              the one with the most compute units\n"
        "  gpu         the best OpenCL GPU\n"
        "  auto        the same for one process; of several under mpirun, "
        "each\n"
        "              takes another OpenCL device of its machine, the best "
        "first\n"
        "  opencl:P:D  device D of platform P, with clinfo's numbers\n"
        "  other text  a part of `platform / device`; upper and lower case\n"
        "              are the same\n"
        "\n"
        "clade train under mpirun also takes a list, as in gpu,portable, and "
        "deals\n"
        "it to the processes of a machine. If there are more processes than\n"
        "devices, a list or auto is dealt round again. auto leaves out software\n"
        "renderers and simulators if there is another device. A device that "
        "two\n"
        "drivers offer counts twice.\n"
        "\n"
        "Without --device, the environment variable CLADE_DEVICE decides;\n"
        "without both, it is opencl, or cpu if there is no OpenCL device.\n"
        "`clade devices` lists all devices. If the text fits several of them,\n"
        "the command lists these and ends with exit code 2; if it fits none,\n"
        "with exit code 4.");
}

static void help_exit_codes(void)
{
    puts("The exit code says how a command ended:\n");
#define PRINT_CODE(name, code, text) printf("  %3d  %s\n", code, text);
    CLADE_STATUS_LIST(PRINT_CODE)
#undef PRINT_CODE
}

static const struct {
    const char *name;
    void (*print)(void);
} topics[] = {
    { "device", help_device },
    { "exit-codes", help_exit_codes },
};

static clade_status no_topic(const char *topic)
{
    return clade_fail(CLADE_EUSAGE,
                      "help: no topic is called \"%s\"; topics are the "
                      "commands (clade help), device and exit-codes",
                      topic);
}

static clade_status print_help(const void *given)
{
    const struct help_options *o = given;
    const struct tool_command *command;

    if (!o->topic) {
        tool_overview(stdout);
        return CLADE_OK;
    }
    if ((command = tool_command_find(o->topic))) {
        tool_usage(command);
        return CLADE_OK;
    }
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        if (!strcmp(topics[i].name, o->topic)) {
            topics[i].print();
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
