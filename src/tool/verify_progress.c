/* SPDX-License-Identifier: Apache-2.0 */
#include "verify_progress.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "tool.h"

#define BAR_SECONDS  0.1  /* from one line to the next on a terminal */
#define LINE_SECONDS 10.0 /* elsewhere */
#define WIDTH        80   /* of a terminal that does not say */
#define SURE         5    /* cases that say how long one takes */

void verify_progress_open(struct verify_progress *p, bool wanted)
{
    *p = (struct verify_progress){ .wanted = wanted,
                                   .terminal = tool_terminal(),
                                   .part = "" };
}

void verify_progress_part(struct verify_progress *p, const char *part)
{
    p->part = part;
    verify_progress_cases(p, 0, 0);
}

void verify_progress_cases(struct verify_progress *p, int done, int cases)
{
    p->began = p->printed = tool_uptime();
    p->before = p->done = done;
    p->cases = cases;
}

void verify_progress_hide(struct verify_progress *p)
{
    if (p->shown)
        fputs("\r\033[K", stderr);
    p->shown = false;
}

/* Print what fits into a line of the terminal. */
static void show(struct verify_progress *p, const char *text)
{
    struct winsize size = { .ws_col = 0 };
    int width;

    if (!p->terminal) {
        fprintf(stderr, "%s\n", text);
        return;
    }
    ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
    width = size.ws_col ? size.ws_col : WIDTH;
    fprintf(stderr, "\r%.*s\033[K", width - 1, text);
    fflush(stderr);
    p->shown = true;
}

/* "; 2:03 left", if that can be said by now. */
static void describe_left(char *text, size_t size,
                          const struct verify_progress *p)
{
    const int done = p->done - p->before, left = p->cases - p->done;
    const double seconds = tool_uptime() - p->began;

    text[0] = '\0';
    if (done >= SURE && left > 0)
        snprintf(text, size, ", %s left", tool_clock(seconds / done * left));
}

void verify_progress_case(struct verify_progress *p, int done, const char *name,
                          const struct clade_verify_summary *verdicts)
{
    const double now = tool_uptime();
    char text[512], left[48], of[16] = "";

    p->done = done;
    if (!p->wanted ||
        now - p->printed < (p->terminal ? BAR_SECONDS : LINE_SECONDS))
        return;
    p->printed = now;
    if (p->cases)
        snprintf(of, sizeof of, "/%d", p->cases);
    describe_left(left, sizeof left, p);
    snprintf(text, sizeof text, "%s %d%s: %d passed, %d failed%s  %s", p->part,
             done, of, verdicts->passed,
             verdicts->failed + verdicts->mistrusted, left, name);
    show(p, text);
}
