/* SPDX-License-Identifier: Apache-2.0 */
/* On a terminal a training shows progress bars, and other lines must not mix
 * with them. */
#include "tool/progress.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tap.h"
#include "tool/tool.h"

/* In place of the tool's clock: so much time passes that every bar is shown. */
double tool_uptime(void)
{
    static double now;

    return ++now;
}

/* What was written to stderr since the last call. */
static const char *shown(FILE *file)
{
    static char text[4096];
    static long at;
    size_t n;

    fflush(stderr);
    fseek(file, at, SEEK_SET);
    n = fread(text, 1, sizeof(text) - 1, file);
    text[n] = '\0';
    at = ftell(file);
    return text;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);

    return n >= m && !strcmp(text + n - m, end);
}

int main(void)
{
    static const char name[] = "progress-test.txt";
    const struct clade_train_step step = { .images = 4 };
    FILE *file = fopen(name, "w+");
    struct progress p;
    const char *text;

    if (!file || !freopen(name, "a", stderr))
        tap_bail("%s: %s", name, strerror(errno));
    tap_plan(3);
    progress_open(&p, false, 1);
    p.terminal = true;
    p.steps = 2;
    progress_step(&p, &step);
    text = shown(file);
    tap_ok(strstr(text, "\r1/2 [") && !strchr(text, '\n'),
           "a bar stays on its line");
    progress_notice(&p, "a notice");
    tap_ok(!strcmp(shown(file), "\nclade: a notice\n"),
           "a notice ends the bar's line first");
    progress_step(&p, &step);
    progress_close(&p);
    tap_ok(ends_with(shown(file), "\033[K\n"),
           "the end of the training ends it, too");
    fclose(file);
    remove(name);
    return tap_done();
}
