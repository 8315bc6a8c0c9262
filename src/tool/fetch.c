/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <stdlib.h>
#include <string.h>

#include "data/cifar10.h"
#include "fetch/fetch.h"
#include "status.h"

#define BAR_SECONDS  0.1  /* from one bar to the next */
#define LINE_SECONDS 10.0 /* from one line to the next, without a terminal */

struct fetch_command {
    const char *what;
    struct fetch_options fetch;
};

#define AT(member) offsetof(struct fetch_command, member)

/* clang-format off */
static const struct tool_option options[] = {
    { .name = "cifar10", .kind = TOOL_OPERAND, .at = AT(what) },
    { .name = "DIR", .kind = TOOL_OPERAND, .at = AT(fetch.dir) },
    { "url", TOOL_TEXT, AT(fetch.url), "URL",
      "where the archive is: https:, http: or file:", 0, 0 },
    { "sha256", TOOL_TEXT, AT(fetch.sha256), "HEX",
      "the archive's SHA-256", 0, 0 },
    { "cacert", TOOL_TEXT, AT(fetch.cacert), "FILE",
      "for https:, trust the certificates of this file (PEM)", 0, 0 },
};
/* clang-format on */

static const struct fetch_command defaults = {
    .fetch.url = CIFAR10_URL,
    .fetch.sha256 = CIFAR10_SHA256,
};

/* The progress of a download, on stderr: a bar on a terminal, else a line every
 * ten seconds. */
struct bar {
    bool terminal;
    bool in_line;   /* the terminal's last line has no newline yet */
    int64_t before; /* bytes that an earlier call fetched; below 0: unknown */
    double began, printed;
};

static void end_line(struct bar *bar)
{
    if (bar->in_line)
        fputc('\n', stderr);
    bar->in_line = false;
}

static void print_progress(const struct bar *bar, int64_t done, int64_t total,
                           double now)
{
    const double rate =
        (double)(done - bar->before) / (now - bar->began + 1e-9);

    fprintf(stderr, "%s%s", bar->terminal ? "\r" : "clade: ",
            tool_bytes((uint64_t)done));
    if (total > 0) {
        fprintf(stderr, " of %s ", tool_bytes((uint64_t)total));
        if (bar->terminal)
            tool_bar(done, total);
    }
    fprintf(stderr, " %s/s", tool_bytes((uint64_t)rate));
    if (total > 0 && rate >= 1)
        fprintf(stderr, " ETA %s", tool_clock((double)(total - done) / rate));
    fputs(bar->terminal ? "\033[K" : "\n", stderr);
}

static void on_progress(void *arg, int64_t done, int64_t total)
{
    struct bar *bar = arg;
    const double now = tool_uptime();

    if (bar->before < 0 || done < bar->before) {
        bar->before = done;
        bar->began = bar->printed = now;
    }
    if (now - bar->printed < (bar->terminal ? BAR_SECONDS : LINE_SECONDS) &&
        (!bar->in_line || done < total))
        return;
    bar->printed = now;
    bar->in_line = bar->terminal;
    print_progress(bar, done, total, now);
}

static void on_notice(void *arg, const char *text)
{
    end_line(arg);
    tool_notice(text);
}

static clade_status fetch(const void *given)
{
    const struct fetch_command *command = given;
    struct fetch_options o = command->fetch;
    struct bar bar = { .terminal = tool_terminal(), .before = -1 };
    clade_status st;
    char *folder;

    if (!command->what || strcmp(command->what, "cifar10"))
        return clade_fail(CLADE_EUSAGE,
                          "fetch: %s%swhat can be fetched is cifar10, as in: "
                          "clade fetch cifar10",
                          command->what ? command->what : "",
                          command->what ? " is not known; " : "");
    tool_catch_signals();
    o.dir = o.dir ? o.dir : ".";
    o.progress = on_progress;
    o.notice = on_notice;
    o.stop = tool_stop;
    o.arg = &bar;
    st = fetch_cifar10(&folder, &o);
    end_line(&bar);
    if (st)
        return st;
    puts(folder);
    fprintf(stderr, "next: clade train --data %s\n", folder);
    free(folder);
    return CLADE_OK;
}

const struct tool_command cmd_fetch = {
    .name = "fetch",
    .summary = "Download CIFAR-10, and check and unpack it",
    .text =
        "Makes the folder cifar-10-batches-bin in DIR (default: the current "
        "folder), for\n--data of the other commands, and prints its path. What "
        "is there already and\nright is not fetched again; an interrupted "
        "download is continued.\nProxies are taken from the environment, as "
        "curl(1) does: https_proxy, no_proxy.\n"
        "\n"
        "Without a network, download the archive elsewhere and name it:\n"
        "\n"
        "    clade fetch cifar10 --url file:cifar-10-binary.tar.gz",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = fetch,
};
