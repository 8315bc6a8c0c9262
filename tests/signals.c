/* SPDX-License-Identifier: Apache-2.0 */
/* How the command takes SIGINT and SIGTERM.  Each case runs in a child. */
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "tool/tool.h"

/* In place of the tool's clock, which is not used here. */
double tool_uptime(void)
{
    return 0;
}

/* clang-format off */
static const struct {
    int ignored; /* when the process starts; 0: none */
    int sent[2];
    int ends_by; /* the signal that ends the process; 0: it goes on */
    bool stops;  /* what tool_stop() says if it goes on */
    const char *why;
} cases[] = {
    { 0, { 0, 0 }, 0, false, "without a signal, it goes on" },
    { 0, { SIGINT, 0 }, 0, true, "SIGINT asks it to stop" },
    { 0, { SIGTERM, 0 }, 0, true, "SIGTERM asks it to stop" },
    { 0, { SIGINT, SIGINT }, SIGINT, true, "a second SIGINT ends it" },
    { 0, { SIGTERM, SIGTERM }, SIGTERM, true, "a second SIGTERM ends it" },
    { 0, { SIGTERM, SIGINT }, SIGINT, true, "SIGINT after SIGTERM ends it" },
    { 0, { SIGINT, SIGTERM }, SIGTERM, true, "SIGTERM after SIGINT ends it" },
    { SIGINT, { SIGINT, SIGINT }, 0, false, "an ignored SIGINT stays ignored, as in the background" },
    { SIGTERM, { SIGTERM, SIGTERM }, 0, false, "an ignored SIGTERM stays ignored" },
    { SIGINT, { SIGTERM, SIGINT }, 0, true, "an ignored SIGINT is still ignored after SIGTERM" },
    { SIGINT, { SIGTERM, SIGTERM }, SIGTERM, true, "and a second SIGTERM ends it" },
};
/* clang-format on */
enum { CASES = sizeof(cases) / sizeof(*cases) };

static _Noreturn void be_case(int i)
{
    if (cases[i].ignored)
        signal(cases[i].ignored, SIG_IGN);
    tool_catch_signals();
    for (int k = 0; k < 2; k++)
        if (cases[i].sent[k])
            raise(cases[i].sent[k]);
    _exit(tool_stop(NULL) ? 1 : 0);
}

int main(void)
{
    signal(SIGINT, SIG_DFL); /* whatever runs this may ignore them */
    signal(SIGTERM, SIG_DFL);
    tap_plan(CASES);
    for (int i = 0; i < CASES; i++) {
        const pid_t child = fork();
        int status;

        if (child < 0)
            tap_bail("no child");
        if (!child)
            be_case(i);
        waitpid(child, &status, 0);
        if (cases[i].ends_by)
            tap_ok(WIFSIGNALED(status) && WTERMSIG(status) == cases[i].ends_by,
                   "%s", cases[i].why);
        else
            tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == cases[i].stops,
                   "%s", cases[i].why);
    }
    return tap_done();
}
