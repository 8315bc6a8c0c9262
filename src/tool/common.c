/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <signal.h>
#include <string.h>

static volatile sig_atomic_t stopping;

static void on_signal(int number)
{
    (void)number;
    stopping = 1;
}

void tool_catch_signals(void)
{
    /* SA_RESTART: a file that is being read or written is so to its end. */
    struct sigaction action = { .sa_handler = on_signal,
                                .sa_flags = (int)(SA_RESETHAND | SA_RESTART) };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

bool tool_stop(void *arg)
{
    (void)arg;
    return stopping;
}

void tool_notice(const char *text)
{
    size_t n = strlen(text);

    fprintf(stderr, "clade: %s%s", text, n && text[n - 1] == '\n' ? "" : "\n");
}

void tool_notices(clade_backend *be)
{
    const char *text = clade_backend_notices(be);

    if (text)
        tool_notice(text);
}

void tool_progress(void *arg, const char *text)
{
    static double said = -1;

    (void)arg;
    if (tool_uptime() < said + 1)
        return;
    said = tool_uptime();
    tool_notice(text);
}

clade_status tool_open(clade_backend **be, const char *device)
{
    clade_status st = clade_backend_open(be, device);

    if (st)
        return st;
    clade_backend_progress(*be, tool_progress, NULL);
    tool_notices(*be);
    return CLADE_OK;
}

const char *tool_bytes(uint64_t bytes)
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
    static char texts[8][24];
    static unsigned next;
    char *text = texts[next++ % COUNT_OF(texts)];
    double v = (double)bytes;
    size_t unit = 0;

    for (; v >= 999.5 && unit + 1 < COUNT_OF(units); unit++)
        v /= 1000;
    snprintf(text, sizeof texts[0], v < 9.95 && unit ? "%.1f %s" : "%.0f %s", v,
             units[unit]);
    return text;
}
