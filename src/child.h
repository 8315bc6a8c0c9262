/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHILD_H
#define CHILD_H

#include <stdbool.h>
#include <stddef.h>

#include <clade/status.h>

/*
 * A child process does what may kill a process, or never end: it calls a
 * driver.  Its parent gets its messages and learns how it ended.
 *
 * The parent must have opened no driver and started no thread: neither works in
 * a forked process.  What the parent has in memory the child has, too.
 */
struct child;      /* the parent's side */
struct child_link; /* the child's side */

/* ---- for the parent ------------------------------------------------------ */

struct child_config {
    void (*work)(struct child_link *link, void *arg); /* the child's */
    void *arg;
    /* While the parent waits, this is asked five times a second; true tells
     * the child to stop (child_stopped()).  NULL: never. */
    bool (*stop)(void *arg);
    void *stop_arg;
    /* Called before the child's output is passed on.  NULL: nothing is. */
    void (*speaks)(void *arg);
    void *speaks_arg;
};

/*
 * Start a child.  When `work` returns, the child ends; it runs no atexit()
 * functions and no destructors.  What it writes to its standard output and
 * error goes to the parent's standard error, as it comes.  It dies with the
 * thread that started it.  CLADE_ENOMEM or CLADE_EFAIL.
 */
clade_status child_start(struct child **child,
                         const struct child_config *config);

struct child_message {
    int type;
    size_t bytes;
    void *data; /* aligned as malloc's; the child's until the next call */
};

enum child_event {
    CHILD_MESSAGE, /* *message is set */
    CHILD_ENDED,   /* its work is done */
    CHILD_DIED,    /* it died, or it ended before its work was done */
    CHILD_LATE     /* it did nothing for so long that it was killed */
};

/* Wait for what the child does next.  Kill it if it neither sends nor notes
 * anything for `seconds` (0: never).  After the last message comes its end,
 * again and again. */
enum child_event child_next(struct child *child, struct child_message *message,
                            double seconds);

/* After CHILD_DIED or CHILD_LATE, how it died: "it died of SIGSEGV
 * (Segmentation fault) while building pool.cl: -D WIN_R=3; its last words:
 * ...".  Printable ASCII, valid until child_close(). */
const char *child_death(struct child *child);

/* Free it; if it still lives, kill it.  NULL is allowed. */
void child_close(struct child *child);

/* ---- for the child ------------------------------------------------------- */

/* Send a message; `type` is 0 or more.  Ends the process if there is no parent
 * any more. */
void child_send(struct child_link *link, int type, const void *data,
                size_t bytes);

/* Whether the parent wants the child to stop. */
bool child_stopped(const struct child_link *link);

/* The place for notes, which the parent can read after a death; NULL if this
 * process is no child. */
extern struct child_page *child_page;
void child_write_note(const char *doing, const char *what, const char *with);

/* Note what this process is about to do and may not survive: "building",
 * "pool.cl", "-D WIN_R=3"; `with` may be NULL.  Does nothing if it is no
 * child. */
static inline void child_note(const char *doing, const char *what,
                              const char *with)
{
    if (child_page)
        child_write_note(doing, what, with);
}

#endif
