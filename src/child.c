/* SPDX-License-Identifier: Apache-2.0 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "status.h"
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define TICK        200 /* milliseconds between two questions to `stop` */
#define BYTES_MAX   (64u << 20)
#define WORDS       500 /* of the last ones, in bytes */
#define GRACE       5   /* seconds from the end of messages to that of all */
#define END_OF_WORK (-1)

/* What parent and child share.  The text's last byte stays 0. */
struct child_page {
    volatile sig_atomic_t stop;
    volatile unsigned notes;
    char text[320];
};

struct child_page *child_page;

struct child_link {
    int fd;
};

struct head {
    int type;
    unsigned bytes;
};

struct child {
    struct child_config config;
    struct child_page *page;
    pid_t pid;            /* 0: it has been waited for */
    int messages, output; /* the ends of pipes to read from; -1: closed */
    int status;           /* as waitpid()'s; -1: nobody knows */
    bool done;            /* it said that its work is done */
    double since;         /* when it last did something */
    unsigned notes;       /* how many it had made then */
    double late;          /* it was killed after so many seconds; 0: not */
    struct head head;     /* of the message that is coming */
    char *data;
    size_t got;        /* of head and data together */
    char words[WORDS]; /* the last ones */
    size_t n_words;
    char death[1024];
};

/* ---- the child's side ------------------------------------------------------
 */

static void write_all(int fd, const void *data, size_t bytes)
{
    const char *at = data;

    while (bytes) {
        const ssize_t n = write(fd, at, bytes);

        if (n < 0 && errno != EINTR)
            _exit(1); /* nobody reads any more */
        if (n > 0) {
            at += n;
            bytes -= (size_t)n;
        }
    }
}

void child_send(struct child_link *link, int type, const void *data,
                size_t bytes)
{
    const struct head head = { type, (unsigned)bytes };

    write_all(link->fd, &head, sizeof head);
    write_all(link->fd, data, bytes);
}

bool child_stopped(const struct child_link *link)
{
    (void)link;
    return child_page && child_page->stop;
}

void child_write_note(const char *doing, const char *what, const char *with)
{
    snprintf(child_page->text, sizeof child_page->text - 1, "%s %s%s%s", doing,
             what, with ? ": " : "", with ? with : "");
    child_page->notes++;
}

/* A child must not outlive its parent. */
static void follow_to_death(pid_t parent)
{
#ifdef __linux__
    prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
    if (getppid() != parent)
        _exit(1);
}

/* Only with a sanitizer that looks for leaks. */
__attribute__((weak)) void __lsan_do_leak_check(void);

/* What a driver does at a process' end is not ours to wait for: no exit(). */
_Noreturn static void live(const struct child_config *config,
                           struct child_page *page, int messages, int output)
{
    struct child_link link = { messages };

    child_page = page;
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    close(output);
    setvbuf(stdout, NULL, _IOLBF, 0);
    config->work(&link, config->arg);
    fflush(NULL);
    child_send(&link, END_OF_WORK, NULL, 0);
    if (__lsan_do_leak_check)
        __lsan_do_leak_check();
    _exit(0);
}

/* ---- starting it -----------------------------------------------------------
 */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* A pipe that programs which the driver starts do not inherit. */
static bool open_pipe(int ends[2])
{
#ifdef __linux__
    return !pipe2(ends, O_CLOEXEC);
#else
    return !pipe(ends) && fcntl(ends[0], F_SETFD, FD_CLOEXEC) != -1 &&
           fcntl(ends[1], F_SETFD, FD_CLOEXEC) != -1;
#endif
}

static bool fork_child(struct child *c, int messages[2], int output[2])
{
    const pid_t parent = getpid();

    fflush(NULL); /* or the child would write it as well */
    c->pid = fork();
    if (c->pid)
        return c->pid > 0;
    follow_to_death(parent);
    close(messages[0]);
    close(output[0]);
    live(&c->config, c->page, messages[1], output[1]);
}

clade_status child_start(struct child **child,
                         const struct child_config *config)
{
    int messages[2] = { -1, -1 }, output[2] = { -1, -1 };
    struct child *c = calloc(1, sizeof *c);

    if (!c)
        return clade_fail(CLADE_ENOMEM, "a child process: out of memory");
    c->config = *config;
    c->messages = c->output = -1;
    c->page = mmap(NULL, sizeof *c->page, PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (c->page != MAP_FAILED && open_pipe(messages) && open_pipe(output) &&
        fork_child(c, messages, output)) {
        c->messages = messages[0];
        c->output = output[0];
        close(messages[1]);
        close(output[1]);
        *child = c;
        return CLADE_OK;
    }
    clade_fail(CLADE_EFAIL, "a child process: %s", strerror(errno));
    for (int i = 0; i < 2; i++) {
        close_fd(&messages[i]);
        close_fd(&output[i]);
    }
    c->pid = 0;
    child_close(c);
    return CLADE_EFAIL;
}

/* ---- the parent's side -----------------------------------------------------
 */

static void keep_words(struct child *c, const char *words, size_t n)
{
    if (n > WORDS) {
        words += n - WORDS;
        n = WORDS;
    }
    if (c->n_words + n > WORDS) {
        const size_t old = WORDS - n;

        memmove(c->words, c->words + c->n_words - old, old);
        c->n_words = old;
    }
    memcpy(c->words + c->n_words, words, n);
    c->n_words += n;
}

/* Pass on what it wrote, if that is something. */
static void pass_output(struct child *c)
{
    char text[4096];
    const ssize_t n = read(c->output, text, sizeof text);

    if (n == 0 || (n < 0 && errno != EINTR))
        close_fd(&c->output);
    if (n <= 0)
        return;
    keep_words(c, text, (size_t)n);
    if (c->config.speaks)
        c->config.speaks(c->config.speaks_arg);
    fwrite(text, 1, (size_t)n, stderr);
}

/* Read a part of a message.  True: it is whole. */
static bool take_message(struct child *c)
{
    const size_t head = sizeof c->head;
    char *to =
        c->got < head ? (char *)&c->head + c->got : c->data + (c->got - head);
    const size_t left =
        c->got < head ? head - c->got : c->head.bytes - (c->got - head);
    const ssize_t n = read(c->messages, to, left);

    if (n == 0 || (n < 0 && errno != EINTR))
        close_fd(&c->messages);
    if (n <= 0)
        return false;
    c->got += (size_t)n;
    if (c->got == head) {
        free(c->data);
        c->data = c->head.bytes < BYTES_MAX ? malloc(c->head.bytes + 1) : NULL;
        if (!c->data) /* it has lost its wits: it is given up */
            close_fd(&c->messages);
    }
    return c->data && c->got >= head && c->got == head + c->head.bytes;
}

static void wait_for_end(struct child *c, bool block)
{
    pid_t pid;

    if (!c->pid)
        return;
    do
        pid = waitpid(c->pid, &c->status, block ? 0 : WNOHANG);
    while (pid < 0 && errno == EINTR);
    if (pid < 0)
        c->status = -1;
    if (pid)
        c->pid = 0;
}

static void kill_child(struct child *c)
{
    if (c->pid)
        kill(c->pid, SIGKILL);
    wait_for_end(c, true);
}

enum heard { NOTHING, SOMETHING, MESSAGE };

/* Take what there is within some milliseconds. */
static enum heard hear(struct child *c, int milliseconds)
{
    struct pollfd fds[] = { { c->messages, POLLIN, 0 },
                            { c->output, POLLIN, 0 } };

    if (poll(fds, 2, milliseconds) <= 0)
        return NOTHING;
    if (fds[1].revents)
        pass_output(c);
    return fds[0].revents && take_message(c) ? MESSAGE : SOMETHING;
}

/* No more messages come, so the process must end, too.  Programs that it
 * started may hold its output open: what is there now is all. */
static void bury(struct child *c)
{
    const double end = clock_now() + GRACE;

    while (c->pid && clock_now() < end) {
        wait_for_end(c, false);
        if (c->pid)
            hear(c, 5);
    }
    kill_child(c);
    close_fd(&c->messages);
    for (int i = 0; i < 64 && c->output >= 0 && hear(c, 0); i++)
        ;
    close_fd(&c->output);
}

/* Stop or kill it, if it is time to. */
static void keep_watch(struct child *c, double limit)
{
    wait_for_end(c, false);
    if (c->config.stop && c->config.stop(c->config.stop_arg))
        c->page->stop = 1;
    if (c->notes != c->page->notes) {
        c->notes = c->page->notes;
        c->since = clock_now();
    }
    if (limit > 0 && c->pid && clock_now() - c->since > limit) {
        c->late = limit;
        kill_child(c);
    }
}

enum child_event child_next(struct child *c, struct child_message *m,
                            double seconds)
{
    c->since = clock_now();
    while (c->messages >= 0 && !c->late) {
        const enum heard heard = hear(c, c->pid ? TICK : 0);

        if (heard == MESSAGE) {
            c->got = 0;
            c->done = c->head.type == END_OF_WORK;
            *m = (struct child_message){ c->head.type, c->head.bytes, c->data };
            if (!c->done)
                return CHILD_MESSAGE;
        }
        if (!c->pid && heard == NOTHING)
            break;
        keep_watch(c, seconds);
    }
    bury(c);
    return c->late > 0                 ? CHILD_LATE
           : c->done && c->status <= 0 ? CHILD_ENDED
                                       : CHILD_DIED;
}

void child_close(struct child *c)
{
    if (!c)
        return;
    kill_child(c);
    close_fd(&c->messages);
    close_fd(&c->output);
    if (c->page != MAP_FAILED)
        munmap(c->page, sizeof *c->page);
    free(c->data);
    free(c);
}

/* ---- how it died -----------------------------------------------------------
 */

static const char *signal_name(int number)
{
    static const struct {
        int number;
        const char *name;
    } names[] = { { SIGABRT, "SIGABRT" }, { SIGBUS, "SIGBUS" },
                  { SIGFPE, "SIGFPE" },   { SIGILL, "SIGILL" },
                  { SIGINT, "SIGINT" },   { SIGKILL, "SIGKILL" },
                  { SIGPIPE, "SIGPIPE" }, { SIGSEGV, "SIGSEGV" },
                  { SIGSYS, "SIGSYS" },   { SIGTERM, "SIGTERM" },
                  { SIGTRAP, "SIGTRAP" } };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].number == number)
            return names[i].name;
    return "a signal";
}

/* Append a text, made printable and on one line. */
static void add(char *to, size_t size, const char *text, size_t bytes)
{
    size_t n = strlen(to);

    for (size_t i = 0; i < bytes && n + 1 < size; i++) {
        const char c = text[i];
        const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';

        if (!blank)
            to[n++] = c > ' ' && c < 127 ? c : '?';
        else if (n && to[n - 1] != ' ')
            to[n++] = ' ';
    }
    while (n && to[n - 1] == ' ')
        n--;
    to[n] = 0;
}

static void describe_end(char *text, size_t size, const struct child *c)
{
    const int s = c->status;

    if (c->late > 0)
        snprintf(text, size, "it did nothing for %.3g s and was killed",
                 c->late);
    else if (s >= 0 && WIFSIGNALED(s))
        snprintf(text, size, "it died of %s (%s)", signal_name(WTERMSIG(s)),
                 strsignal(WTERMSIG(s)));
    else if (s >= 0 && WIFEXITED(s))
        snprintf(text, size, "it ended the process with code %d",
                 WEXITSTATUS(s));
    else
        snprintf(text, size, "it ended the process");
}

const char *child_death(struct child *c)
{
    static const char doing[] = " while ", said[] = "; its last words: ";
    char *to = c->death;
    const size_t size = sizeof c->death;
    size_t n;

    describe_end(to, size, c);
    n = strlen(to);
    if (c->page->text[0]) {
        snprintf(to + n, size - n, "%s", doing);
        add(to, size, c->page->text, strlen(c->page->text));
        n = strlen(to);
    }
    if (c->n_words) {
        snprintf(to + n, size - n, "%s", said);
        add(to, size, c->words, c->n_words);
        if (strlen(to) < n + sizeof said) /* blanks alone */
            to[n] = 0;
    }
    return to;
}
