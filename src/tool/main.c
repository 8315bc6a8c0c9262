/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "dist/dist.h"
#include "ranks.h"
#include "status.h"

/* The command has to come first; is it among the arguments that follow? */
static clade_status not_first(int argc, char **argv)
{
    const char *command = "COMMAND";

    for (int i = 2; i < argc; i++)
        if (tool_command_find(argv[i]))
            command = argv[i];
    return clade_fail(CLADE_EUSAGE,
                      "\"%s\" is not a command; options come after the "
                      "command, as in clade %s %s (clade help)",
                      argv[1], command, argv[1]);
}

static clade_status unknown_command(int argc, char **argv)
{
    const char *names[64];
    const char *near;
    size_t n = 0;

    if (argv[1][0] == '-')
        return not_first(argc, argv);
    for (; tool_commands[n] && n < COUNT_OF(names); n++)
        names[n] = tool_commands[n]->name;
    near = tool_nearest(argv[1], names, n);
    return clade_fail(
        CLADE_EUSAGE, "no command is called \"%s\"%s%s%s (clade help)", argv[1],
        near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

static clade_status run_command(const struct tool_command *command, int argc,
                                char **argv)
{
    void *options = malloc(command->size ? command->size : 1);
    clade_status st;
    bool help;

    if (!options)
        return clade_fail(CLADE_ENOMEM, "%s: out of memory", command->name);
    if (command->size)
        memcpy(options, command->defaults, command->size);
    st = tool_parse(command, options, &help, argc, argv);
    if (!st && help)
        tool_usage(command);
    else if (!st)
        st = command->run(options);
    /* Clang, as part of a driver, gives a build up when a signal comes. */
    if (st == CLADE_EBUILD && tool_stop(NULL))
        st = clade_fail(CLADE_EINTERRUPTED,
                        "interrupted while a kernel was built");
    free(options);
    return st;
}

static bool asks_version(const char *text)
{
    static const char *const words[] = { "--version", "-V", "-v", "version" };

    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (!strcmp(text, words[i]))
            return true;
    return false;
}

static clade_status dispatch(int argc, char **argv)
{
    const struct tool_command *command;
    const int ranks = dist_launched();

    if (argc < 2) {
        tool_overview(stderr);
        return clade_fail(CLADE_EUSAGE, "a command is required");
    }
    if (asks_version(argv[1])) {
        puts("clade " PACKAGE_VERSION);
        return CLADE_OK;
    }
    if (tool_asks_help(argv[1])) {
        tool_overview(stdout);
        return CLADE_OK;
    }
    command = tool_command_find(argv[1]);
    if (!command)
        return unknown_command(argc, argv);
    if (ranks > 1 && !command->ranks)
        return clade_fail(CLADE_EUSAGE,
                          "clade %s runs in one process, but a launcher "
                          "started %d; only clade train and clade bench "
                          "can use them",
                          command->name, ranks);
    return run_command(command, argc - 2, argv + 2);
}

/* The options that help after a failure.  The library, which writes the
 * messages, does not know them. */
static const struct {
    clade_status status;
    const char *option; /* the command must have it */
    const char *text;
} hints[] = {
    { CLADE_EINUSE, "resume",
      "--resume continues a run; --out DIR takes another folder" },
    { CLADE_EFAIL, "url",
      "--url file:FILE takes the archive that was downloaded elsewhere; --url "
      "URL takes it from another server, and --cacert FILE trusts more "
      "certificates" },
    { CLADE_ETOOSMALL, "batch", "--batch B takes fewer images at a time" },
    { CLADE_ETOOSMALL, "accumulate",
      "--accumulate S computes the same batch in S shares" },
    { CLADE_ENODEVICE, "no-eval",
      "--no-eval writes the page without a device" },
};

/* The command that has an option, or NULL. */
static const struct tool_command *command_with(const char *option)
{
    for (const struct tool_command *const *c = tool_commands; *c; c++)
        if (tool_option_find(*c, option))
            return *c;
    return NULL;
}

/* Say whose an option is that the command does not have. */
static void print_owner(const struct tool_command *command, const char *option)
{
    const struct tool_command *owner = command_with(option);
    char text[128];

    if (!strcmp(option, "version"))
        tool_notice("clade --version prints the version");
    if (!owner || tool_option_find(command, option))
        return;
    snprintf(text, sizeof text, "clade %s has an option --%.*s", owner->name,
             (int)strcspn(option, "="), option);
    tool_notice(text);
}

static void print_hints(clade_status st, int argc, char **argv)
{
    const struct tool_command *command =
        argc > 1 ? tool_command_find(argv[1]) : NULL;

    if (!command)
        return;
    for (size_t i = 0; i < COUNT_OF(hints); i++)
        if (hints[i].status == st && tool_option_find(command, hints[i].option))
            tool_notice(hints[i].text);
    for (int i = 2; i < argc && st == CLADE_EUSAGE; i++)
        if (!strncmp(argv[i], "--", 2))
            print_owner(command, argv[i] + 2);
}

/* If a standard stream is closed, the next file that is opened would take its
 * number, and then what is printed.  Open it so that using it fails. */
static void open_standard_streams(void)
{
    static const int unusable[] = { O_WRONLY, O_RDONLY, O_RDONLY };

    for (int fd = 0; fd < 3; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", unusable[fd]) != fd)
            break;
}

int main(int argc, char **argv)
{
    clade_status st;

    open_standard_streams();
    tool_uptime(); /* the clock starts here */
    st = dispatch(argc, argv);
    if ((fflush(stdout) || ferror(stdout)) && !st)
        st = clade_fail(CLADE_EIO, "standard output: %s", strerror(errno));
    if (st && !ranks_told()) {
        fprintf(stderr, "clade: %s\n", clade_error());
        print_hints(st, argc, argv);
    }
    return clade_status_exit_code(st);
}
