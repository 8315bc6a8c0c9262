/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The self-test before a command uses a device.  It runs in a child, because a
 * driver that is met for the first time may not survive it.
 */
#include "tool.h"

#include <clade/verify.h>
#include <string.h>
#include <unistd.h>

#include "backend.h"
#include "child.h"
#include "status.h"
#include "verify/judge.h"
#include "verify/selftest.h"

#define PATIENCE 600 /* seconds for one step of the self-test */
#define GRACE    60  /* seconds for the helper's last step */

/* What the child sends. */
enum message {
    MEETS,   /* a text: the device */
    SAYS,    /* a line of text: what it does now */
    ADVISES, /* a text: what to do about a bad driver */
    NOTICES, /* a text for the user */
    AVOIDS,  /* a struct backend_avoided; its pointer is the parent's as well */
    FAILED   /* a struct failure */
};

struct failure {
    clade_status st;
    char text[4096];
};

/* The parent's side. */
struct talk {
    const char *device;
    const struct tool_plans *plans;
    struct child_link *link; /* the child's only */
    struct child *helper;    /* the child's only; NULL: none */
    int begin[2]; /* a pipe: the helper waits for a byte; -1: closed */
    char met[640];           /* the device, once it is open */
    char doing[256];         /* what the child said last */
    char advice[512];
    struct backend_avoided avoided[BACKEND_AVOIDED_MAX];
    int n_avoided;
    struct failure failure;
};

/* What to do about a bad driver. */
static const char newer[] = "A newer driver may help";
static const char intel_way[] =
    ", and so may CL_CONFIG_CPU_TARGET_ARCH=core-avx2 in the environment";
static const char way_out[] = "--no-self-test uses the device all the same.";

/* ---- the child's helper -------------------------------------------------- */

/*
 * Most of the time goes to the drivers' compilers, of which each takes one
 * processor, and which in one process often take turns.  So another process
 * tries the same programs from the last one on, until the two meet.
 */

/* Let the helper begin, or end. */
static void let_helper(struct talk *t, bool begin)
{
    if (t->begin[1] < 0)
        return;
    if (begin && write(t->begin[1], "", 1) != 1)
        begin = false; /* without it, the child does all */
    close(t->begin[1]);
    t->begin[1] = -1;
}

/* Asked by the child and by its helper, each with its own link. */
static bool is_stopped(void *arg)
{
    const struct talk *t = arg;

    return child_stopped(t->link) || tool_stop(NULL);
}

/* Its failures are nothing to tell: what it does not try, the child does. */
static void help(struct child_link *link, void *arg)
{
    struct talk *t = arg;
    clade_backend *be = NULL;
    clade_status st = CLADE_OK;
    char byte;

    t->link = link;
    close(t->begin[1]);
    if (read(t->begin[0], &byte, 1) != 1 || clade_backend_open(&be, t->device))
        return;
    if (be->table->uses && !verify_can_judge(be))
        for (int i = 0; i < t->plans->count && !st; i++)
            st = selftest_assist(be, &t->plans->config[i], is_stopped, t);
    clade_backend_close(be);
}

static bool always(void *arg)
{
    (void)arg;
    return true;
}

static void start_helper(struct talk *t)
{
    const struct child_config config = { .work = help,
                                         .arg = t,
                                         .stop = always };

    if (pipe(t->begin))
        t->begin[0] = t->begin[1] = -1;
    else if (child_start(&t->helper, &config))
        let_helper(t, false);
}

/* Let it end what it does now, and keep it, unless the device has failed. */
static void end_helper(struct talk *t, bool failed)
{
    struct child_message m;

    let_helper(t, false);
    if (t->helper && !failed)
        while (child_next(t->helper, &m, GRACE) == CHILD_MESSAGE)
            continue;
    child_close(t->helper);
    if (t->begin[0] >= 0)
        close(t->begin[0]);
}

/* ---- the child ----------------------------------------------------------- */

static void send_text(struct child_link *link, enum message type,
                      const char *text)
{
    child_send(link, type, text, strlen(text) + 1);
}

/* It says something first when there is something to try. */
static void say(void *arg, const char *text)
{
    struct talk *t = arg;

    let_helper(t, true);
    send_text(t->link, SAYS, text);
}

/* Name the device, and what to do if it is bad. */
static void introduce(struct child_link *link, const struct clade_device *d)
{
    char text[1024];
    const bool intel =
        d->type == CLADE_DEVICE_CPU && strstr(d->platform, "Intel");

    snprintf(text, sizeof text, "%s / %s, driver %s,", d->platform, d->name,
             d->driver);
    send_text(link, MEETS, text);
    snprintf(text, sizeof text,
             "%s%s. `clade verify --device %s` judges the whole device. %s",
             newer, intel ? intel_way : "", d->selector, way_out);
    send_text(link, ADVISES, text);
}

/* A device that cannot be judged is used all the same. */
static clade_status test_plans(struct talk *t, clade_backend *be)
{
    clade_status st = CLADE_OK;

    if (be->table->uses && verify_can_judge(be)) {
        char notice[512];

        snprintf(notice, sizeof notice, "no self-test: %.480s", clade_error());
        send_text(t->link, NOTICES, notice);
        return CLADE_OK;
    }
    clade_backend_progress(be, say, t);
    for (int i = 0; i < t->plans->count && !st; i++)
        st = clade_verify_selftest(be, &t->plans->config[i], is_stopped, t);
    return st;
}

static void work(struct child_link *link, void *arg)
{
    struct talk *t = arg;
    struct failure f = { CLADE_OK, "" };
    clade_backend *be = NULL;

    t->link = link;
    start_helper(t);
    f.st = clade_backend_open(&be, t->device);
    if (!f.st) {
        introduce(link, clade_backend_device(be));
        f.st = test_plans(t, be);
        for (int i = 0; i < be->n_avoided; i++)
            child_send(link, AVOIDS, &be->avoided[i], sizeof be->avoided[i]);
    }
    if (f.st) {
        snprintf(f.text, sizeof f.text, "%s", clade_error());
        child_send(link, FAILED, &f, sizeof f);
    }
    end_helper(t, f.st);
    clade_backend_close(be);
}

/* ---- the parent ---------------------------------------------------------- */

static void take(struct talk *t, const struct child_message *m)
{
    switch (m->type) {
    case MEETS:
        snprintf(t->met, sizeof t->met, "%s", (const char *)m->data);
        break;
    case SAYS:
        snprintf(t->doing, sizeof t->doing, "%s", (const char *)m->data);
        if (!t->plans->quiet)
            tool_progress(NULL, t->doing);
        break;
    case ADVISES:
        snprintf(t->advice, sizeof t->advice, "%s", (const char *)m->data);
        break;
    case NOTICES:
        tool_notice(m->data);
        break;
    case AVOIDS:
        memcpy(&t->avoided[t->n_avoided++], m->data, sizeof t->avoided[0]);
        break;
    case FAILED:
        memcpy(&t->failure, m->data, sizeof t->failure);
        break;
    }
}

static clade_status conclude(const struct talk *t)
{
    const struct failure *f = &t->failure;

    if (f->st == CLADE_EBOUND)
        return clade_fail(f->st, "%s\n%s", f->text, t->advice);
    return f->st ? clade_fail(f->st, "%s", f->text) : CLADE_OK;
}

static clade_status dead(const struct talk *t, struct child *child)
{
    const char *quote = t->doing[0] ? "\"" : "";

    return clade_fail(
        CLADE_EUNSUPPORTED, "%s did not survive its self-test%s%s%s%s: %s\n%s",
        t->met[0] ? t->met : "the driver", t->doing[0] ? ", at " : "", quote,
        t->doing, quote, child_death(child), t->advice);
}

static clade_status self_test(struct talk *t)
{
    const struct child_config config = { .work = work,
                                         .arg = t,
                                         .stop = tool_stop };
    enum child_event event;
    struct child_message m;
    struct child *child;
    clade_status st = child_start(&child, &config);

    if (st)
        return st;
    snprintf(t->advice, sizeof t->advice, "%s. %s", newer, way_out);
    while ((event = child_next(child, &m, PATIENCE)) == CHILD_MESSAGE)
        take(t, &m);
    st = event == CHILD_ENDED ? conclude(t) : dead(t, child);
    child_close(child);
    return st;
}

clade_status tool_open_tested(clade_backend **be, const char *device,
                              const struct tool_plans *plans)
{
    struct talk t = { .device = device, .plans = plans, .begin = { -1, -1 } };
    clade_status st = CLADE_OK;

    if (plans->count)
        st = self_test(&t);
    if (st || (st = tool_open(be, device)))
        return st;
    if (plans->quiet)
        clade_backend_progress(*be, NULL, NULL);
    for (int i = 0; i < t.n_avoided; i++)
        backend_avoid(*be, &t.avoided[i]);
    tool_notices(*be);
    return CLADE_OK;
}
