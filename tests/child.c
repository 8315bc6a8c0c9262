/* SPDX-License-Identifier: Apache-2.0 */
/* Child processes: their messages, their ends, and what is known of those. */
#include "child.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

#define LARGE ((size_t)3 << 20)

static void doze(int milliseconds)
{
    const struct timespec t = { milliseconds / 1000,
                                milliseconds % 1000 * 1000000L };

    nanosleep(&t, NULL);
}

static struct child *start(void (*work)(struct child_link *link, void *arg),
                           void *arg)
{
    const struct child_config config = { .work = work, .arg = arg };
    struct child *child;

    if (child_start(&child, &config))
        tap_bail("%s", clade_error());
    return child;
}

/* ---- what it says ---------------------------------------------------------
 */

static void talk(struct child_link *link, void *arg)
{
    char *large = malloc(LARGE);

    child_send(link, 7, arg, strlen(arg));
    child_send(link, 0, NULL, 0);
    memset(large, 'x', LARGE);
    child_send(link, 8, large, LARGE);
    free(large);
}

static void test_messages(void)
{
    char word[] = "hello";
    struct child *child = start(talk, word);
    struct child_message m;
    bool right;

    right = child_next(child, &m, 0) == CHILD_MESSAGE && m.type == 7 &&
            m.bytes == 5 && !memcmp(m.data, "hello", 5);
    tap_ok(right, "a message");
    right = child_next(child, &m, 0) == CHILD_MESSAGE && !m.type && !m.bytes;
    tap_ok(right, "an empty message");
    right = child_next(child, &m, 0) == CHILD_MESSAGE && m.type == 8 &&
            m.bytes == LARGE && ((char *)m.data)[LARGE - 1] == 'x';
    tap_ok(right, "a message longer than a pipe holds");
    right = child_next(child, &m, 0) == CHILD_ENDED &&
            child_next(child, &m, 0) == CHILD_ENDED;
    tap_ok(right, "the end, and the end again");
    child_close(child);
}

/* ---- how it dies ----------------------------------------------------------
 */

static void die_of_signal(struct child_link *link, void *arg)
{
    (void)arg;
    child_send(link, 1, "last", 4);
    child_note("building", "pool.cl", "-D WIN_R=3");
    fprintf(stderr, "Do not know how\tto split\nthe \x9c!\n");
    signal(SIGSEGV, SIG_DFL);
    raise(SIGSEGV);
}

static void leave(struct child_link *link, void *arg)
{
    (void)link;
    (void)arg;
    child_note("running", "conv_direct", NULL);
    printf("good bye");
    exit(3);
}

static void leave_quietly(struct child_link *link, void *arg)
{
    (void)link;
    (void)arg;
    _exit(0);
}

/* A program that it started keeps its output and messages open. */
static void leave_another(struct child_link *link, void *arg)
{
    (void)link;
    (void)arg;
    if (!fork()) {
        doze(3000);
        _exit(0);
    }
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void dawdle(struct child_link *link, void *arg)
{
    (void)link;
    (void)arg;
    for (int i = 0; i < 6; i++) {
        child_note("waiting for", "the device", NULL);
        doze(300);
    }
    signal(SIGTERM, SIG_DFL);
    raise(SIGTERM);
}

static void hang(struct child_link *link, void *arg)
{
    (void)arg;
    child_send(link, 1, "last", 4);
    child_note("waiting for", "conv_bwd_data", NULL);
    for (;;)
        doze(1000);
}

/* clang-format off */
static const struct {
    const char *name;
    void (*work)(struct child_link *link, void *arg);
    int messages;
    enum child_event end;
    const char *death;
} deaths[] = {
    { "a signal", die_of_signal, 1, CHILD_DIED,
      "it died of SIGSEGV (Segmentation fault) while building pool.cl: "
      "-D WIN_R=3; its last words: Do not know how to split the ?!" },
    { "an exit", leave, 0, CHILD_DIED,
      "it ended the process with code 3 while running conv_direct; its last "
      "words: good bye" },
    { "an exit that looks like success", leave_quietly, 0, CHILD_DIED,
      "it ended the process with code 0" },
    { "an heir that keeps the pipes", leave_another, 0, CHILD_DIED,
      "it died of SIGABRT (Aborted)" },
    { "no end", hang, 1, CHILD_LATE,
      "it did nothing for 1 s and was killed while waiting for "
      "conv_bwd_data" },
    { "a long time, in which much is noted", dawdle, 0, CHILD_DIED,
      "it died of SIGTERM (Terminated) while waiting for the device" },
};
/* clang-format on */
enum { DEATHS = sizeof deaths / sizeof *deaths };

static void test_death(int i)
{
    struct child *child = start(deaths[i].work, NULL);
    struct child_message m;
    enum child_event event;
    int messages = 0;

    while ((event = child_next(child, &m, 1)) == CHILD_MESSAGE)
        messages++;
    tap_ok(event == deaths[i].end && messages == deaths[i].messages &&
               strstr(child_death(child), deaths[i].death),
           "%s: %s", deaths[i].name, child_death(child));
    child_close(child);
}

/* ---- its parent -----------------------------------------------------------
 */

static void wait_to_be_stopped(struct child_link *link, void *arg)
{
    (void)arg;
    while (!child_stopped(link)) {
        child_note("waiting for", "the end", NULL);
        doze(10);
    }
    child_send(link, 1, NULL, 0);
}

static bool second_time(void *arg)
{
    return ++*(int *)arg == 2;
}

static void test_stop(void)
{
    int asked = 0;
    const struct child_config config = { .work = wait_to_be_stopped,
                                         .stop = second_time,
                                         .stop_arg = &asked };
    struct child_message m;
    struct child *child;
    bool right;

    if (child_start(&child, &config))
        tap_bail("%s", clade_error());
    right = child_next(child, &m, 0) == CHILD_MESSAGE;
    right &= child_next(child, &m, 0) == CHILD_ENDED;
    tap_ok(right, "it is told to stop");
    child_close(child);
}

/* Say who I am, and live on. */
static void say_pid(struct child_link *link, void *arg)
{
    const pid_t pid = getpid();

    (void)link;
    if (write(*(int *)arg, &pid, sizeof pid) == sizeof pid)
        for (;;)
            doze(1000);
}

/* Its parent dies, its grandparent sees whether it does. */
static void test_orphan(void)
{
    struct pollfd end;
    pid_t parent, pid = 0;
    int ends[2];

    if (pipe(ends))
        tap_bail("no pipe");
    fflush(stdout);
    if (!(parent = fork())) {
        struct child *child = start(say_pid, &ends[1]);

        child_next(child, &(struct child_message){ 0 }, 0);
        _exit(0);
    }
    if (read(ends[0], &pid, sizeof pid) != sizeof pid)
        tap_bail("no word from the grandchild");
    kill(parent, SIGKILL);
    waitpid(parent, NULL, 0);
    close(ends[1]);
    end = (struct pollfd){ ends[0], POLLIN, 0 };
    tap_ok(poll(&end, 1, 5000) == 1 && !read(ends[0], &pid, 1),
           "it dies with its parent");
    close(ends[0]);
}

int main(void)
{
    tap_plan(4 + DEATHS + 2);
    test_messages();
    for (int i = 0; i < DEATHS; i++)
        test_death(i);
    test_stop();
    test_orphan();
    return tap_done();
}
