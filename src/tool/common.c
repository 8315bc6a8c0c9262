/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR 20 /* characters in a bar */

static volatile sig_atomic_t stopping;

static const int signals[] = { SIGINT, SIGTERM };

/* Set what a signal does, unless it is ignored: as a job of `nohup` or in the
 * background, this process is to live on. */
static void set_handler(int number, void (*handler)(int))
{
    /* SA_RESTART: a file that is being read or written is so to its end. */
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    struct sigaction old;

    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        sigaddset(&action.sa_mask, signals[i]);
    if (!sigaction(number, NULL, &old) && old.sa_handler != SIG_IGN)
        sigaction(number, &action, NULL);
}

/* After this, any of the signals ends the process. */
static void on_signal(int number)
{
    (void)number;
    stopping = 1;
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        set_handler(signals[i], SIG_DFL);
}

void tool_catch_signals(void)
{
    for (size_t i = 0; i < COUNT_OF(signals); i++)
        set_handler(signals[i], on_signal);
}

bool tool_stop(void *arg)
{
    (void)arg;
    return stopping;
}

bool tool_terminal(void)
{
    const char *kind = getenv("TERM");

    return isatty(STDERR_FILENO) && !(kind && !strcmp(kind, "dumb"));
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

void tool_bar(int64_t done, int64_t total)
{
    const int full = (int)(done * BAR / total);

    fputc('[', stderr);
    for (int i = 0; i < BAR; i++)
        fputc(i < full ? '=' : i == full ? '>' : '.', stderr);
    fputc(']', stderr);
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

clade_status tool_load(clade_net **net, clade_backend *be,
                       const struct clade_net_config *config,
                       clade_checkpoint *checkpoint)
{
    clade_status st = clade_net_new(net, be, config);

    if (st)
        return st;
    tool_notices(be);
    if ((st = clade_checkpoint_load(checkpoint, *net)))
        clade_net_free(*net);
    return st;
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

const char *tool_clock(double seconds)
{
    static char text[32];
    long s = (long)(seconds + 0.5);

    if (s >= 3600)
        snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60,
                 s % 60);
    else
        snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
    return text;
}
