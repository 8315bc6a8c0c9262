/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_PROGRESS_H
#define VERIFY_PROGRESS_H

#include <clade/verify.h>

/*
 * How far the judging of a device is, on stderr: on a terminal, a line that
 * stays in its place; elsewhere, a line every ten seconds.
 */
struct verify_progress {
    bool wanted, terminal;
    bool shown;       /* the terminal's last line is the progress */
    double printed;   /* in tool_uptime()'s seconds */
    const char *part; /* "ops" */
    double began;     /* when it began */
    int before;       /* cases that were done when it began */
    int done, cases;  /* 0 cases: how many there are is not known */
};

void verify_progress_open(struct verify_progress *p, bool wanted);

/* A part begins; or it has so many cases, of which `done` are done. */
void verify_progress_part(struct verify_progress *p, const char *part);
void verify_progress_cases(struct verify_progress *p, int done, int cases);
/* So many cases are done, with these verdicts; `name` is the next one's. */
void verify_progress_case(struct verify_progress *p, int done, const char *name,
                          const struct clade_verify_summary *verdicts);

/* Remove the line.  Call it before anything else is printed. */
void verify_progress_hide(struct verify_progress *p);

#endif
