/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "dist/dist.h"
#include "ranks.h"
#include "status.h"

static clade_status unknown_command(const char *name)
{
    const char *names[16];
    const char *near;
    size_t n = 0;

    for (; tool_commands[n] && n < COUNT_OF(names); n++)
        names[n] = tool_commands[n]->name;
    near = tool_nearest(name, names, n);
    return clade_fail(
        CLADE_EUSAGE, "no command is called \"%s\"%s%s%s (clade help)", name,
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

static clade_status dispatch(int argc, char **argv)
{
    const struct tool_command *command;
    const int ranks = dist_launched();

    if (argc < 2) {
        tool_overview(stderr);
        return clade_fail(CLADE_EUSAGE, "a command is required");
    }
    if (!strcmp(argv[1], "--version")) {
        puts("clade " PACKAGE_VERSION);
        return CLADE_OK;
    }
    if (!strcmp(argv[1], "--help")) {
        tool_overview(stdout);
        return CLADE_OK;
    }
    command = tool_command_find(argv[1]);
    if (!command)
        return unknown_command(argv[1]);
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
    { CLADE_ETOOSMALL, "batch", "--batch B takes fewer images at a time" },
    { CLADE_ETOOSMALL, "accumulate",
      "--accumulate S computes the same batch in S shares" },
};

static void print_hints(clade_status st, const char *name)
{
    const struct tool_command *command = name ? tool_command_find(name) : NULL;

    for (size_t i = 0; i < COUNT_OF(hints) && command; i++)
        if (hints[i].status == st && tool_option_find(command, hints[i].option))
            tool_notice(hints[i].text);
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
        print_hints(st, argv[1]);
    }
    return clade_status_exit_code(st);
}
