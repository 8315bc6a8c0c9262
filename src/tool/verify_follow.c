/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Follows the children that judge a device, one after the other: passes what
 * they say on to the report, and sees to it that a death is a failure of what
 * killed it, and the rest is judged.
 */
#include "verify_follow.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "verify/judge.h"

#define OPENING_MAX 2 /* deaths in a row before a device is open */

/* Where the judging of a device is. */
struct follow {
    struct report *r;
    struct verify_job job;
    bool in_part, in_case;            /* that has begun, and not ended */
    struct clade_verdict the_case;    /* which that is */
    struct verify_attempted *running; /* the attempt under way, or NULL */
    bool over;  /* nothing goes on after how the last part ended */
    int deaths; /* of children in a row that came to no part */
};

/* ---- the case in progress --------------------------------------------------
 */

static void forget_case(struct follow *f)
{
    free(f->job.attempts);
    f->job.attempts = NULL;
    f->job.n_attempts = 0;
    f->in_case = false;
    f->running = NULL;
}

static void report_found(struct follow *f, const struct clade_verdict *v)
{
    if (f->job.part == PART_STEP)
        report_step_verdict(f->r, v);
    else
        report_verdict(f->r, v);
    verify_count(&f->job.summary, v);
}

/* Add an attempt, which runs from now on. */
static void add_attempt(struct follow *f, const struct clade_verdict *v,
                        const char *how)
{
    const int n = f->job.n_attempts;
    struct verify_attempted *longer =
        realloc(f->job.attempts, ((size_t)n + 1) * sizeof *longer);

    f->running = NULL;
    if (!longer) {
        f->r->incomplete = true;
        return;
    }
    f->job.attempts = longer;
    f->job.n_attempts = n + 1;
    f->running = &longer[n];
    *f->running = (struct verify_attempted){ .verdict = *v };
    snprintf(f->running->name, sizeof f->running->name, "%s", v->name);
    snprintf(f->running->algorithm, sizeof f->running->algorithm, "%s",
             v->algorithm ? v->algorithm : "");
    snprintf(f->running->how, sizeof f->running->how, "%s", how);
}

/* The verdict of the last attempt that was not a triage's is final. */
static void close_attempt(struct follow *f)
{
    for (int i = f->job.n_attempts - 1; i >= 0; i--)
        if (!f->job.attempts[i].how[0]) {
            f->job.attempts[i].known = VERIFY_REPORTED;
            return;
        }
}

/* ---- what children say -----------------------------------------------------
 */

static void hear_device(struct follow *f, const void *data)
{
    f->r->device->device = *(const struct clade_device *)data;
}

/* Only the first child's opening is news. */
static void hear_opened(struct follow *f, const void *data)
{
    const struct said_opened *said = data;

    if (!f->r->device->opened)
        report_opened(f->r, &said->device, said->build_options);
}

static void hear_notice(struct follow *f, const void *data)
{
    verify_progress_hide(&f->r->progress);
    tool_notice(data);
}

/* After a death, a part goes on: what is known of it stays. */
static void hear_part(struct follow *f, const void *data)
{
    const int part = *(const int *)data;

    if (part != (int)f->job.part || !f->in_part) {
        forget_case(f);
        f->job.done = 0;
        f->job.summary = (struct clade_verify_summary){ 0 };
    }
    f->job.part = part;
    f->in_part = true;
    f->deaths = 0;
    verify_progress_part(&f->r->progress, verify_part_name(f->job.part));
}

static void hear_cases(struct follow *f, const void *data)
{
    verify_progress_cases(&f->r->progress, f->job.done, *(const int *)data);
}

static void hear_case(struct follow *f, const void *data)
{
    const struct said_verdict *said = data;

    if (!f->in_case || said->done != f->job.done)
        forget_case(f);
    f->the_case = verify_heard(f->r, said);
    f->in_case = true;
    f->job.done = said->done;
    verify_progress_case(&f->r->progress, f->job.done, f->the_case.name,
                         &f->job.summary);
}

static void hear_attempt(struct follow *f, const void *data)
{
    const struct said_verdict *said = data;
    const struct clade_verdict v = verify_heard(f->r, said);

    add_attempt(f, &v, said->how);
}

static void hear_outcome(struct follow *f, const void *data)
{
    if (!f->running)
        return;
    f->running->verdict = verify_heard(f->r, data);
    f->running->known = VERIFY_KNOWN;
    f->running = NULL;
}

static void hear_verdict(struct follow *f, const void *data)
{
    const struct clade_verdict v = verify_heard(f->r, data);

    report_found(f, &v);
    if (f->job.part != PART_STEP) {
        close_attempt(f);
        return;
    }
    forget_case(f);
    f->job.done++;
    verify_progress_case(&f->r->progress, f->job.done, v.name, &f->job.summary);
}

static void hear_distance(struct follow *f, const void *data)
{
    struct report_distance d = *(const struct report_distance *)data;

    d.found.name = d.name;
    report_distance(f->r, &d.found);
}

static void hear_training(struct follow *f, const void *data)
{
    report_training(f->r, data);
}

/* The failure of a part as a whole. */
static clade_status fail_part(struct follow *f, const char *message)
{
    struct clade_verdict v = { .op = verify_part_name(f->job.part),
                               .gate = "bits",
                               .why = "it must come to its end" };

    snprintf(v.name, sizeof v.name, "%s", v.op);
    verify_blame(&v, CLADE_FAILED, "%s", message);
    report_found(f, &v);
    return clade_fail(CLADE_EBOUND, "verify: %s: %s", v.op, message);
}

/* The part ends or, if there is none, the device cannot be opened. */
static void end_part(struct follow *f, clade_status st)
{
    if (st == CLADE_EDIVERGED)
        st = fail_part(f, clade_error());
    if (f->in_part)
        report_summary(f->r, &f->job.summary);
    report_end(f->r, f->job.device, st);
    f->over = !verify_goes_on(st);
    forget_case(f);
    f->in_part = false;
    f->job.part++;
    f->job.done = 0;
    f->job.summary = (struct clade_verify_summary){ 0 };
}

static void hear_end(struct follow *f, const void *data)
{
    end_part(f, verify_heard_end(data));
}

static void hear(struct follow *f, const struct child_message *m)
{
    static void (*const hears[])(struct follow *, const void *) = {
        [SAID_DEVICE] = hear_device,     [SAID_OPENED] = hear_opened,
        [SAID_NOTICE] = hear_notice,     [SAID_PART] = hear_part,
        [SAID_CASES] = hear_cases,       [SAID_CASE] = hear_case,
        [SAID_ATTEMPT] = hear_attempt,   [SAID_OUTCOME] = hear_outcome,
        [SAID_VERDICT] = hear_verdict,   [SAID_DISTANCE] = hear_distance,
        [SAID_TRAINING] = hear_training, [SAID_END] = hear_end,
    };

    if (m->type >= 0 && (size_t)m->type < COUNT_OF(hears))
        hears[m->type](f, m->data);
}

/* ---- deaths ----------------------------------------------------------------
 */

/* A death outside of attempts is the case's, the part's or the device's. */
static void blame_for_death(struct follow *f, const char *death)
{
    char text[1280];

    if (f->in_case) {
        verify_blame(&f->the_case, CLADE_FAILED, "%s", death);
        report_found(f, &f->the_case);
        forget_case(f);
        f->job.done++;
    } else if (f->in_part) {
        end_part(f, fail_part(f, death));
    } else if (verify_next_part(f->job.options, (int)f->job.part) == PARTS) {
        snprintf(text, sizeof text, "when it was closed: %s", death);
        tool_notice(text);
    } else if (++f->deaths == OPENING_MAX) {
        end_part(f, clade_fail(CLADE_EUNSUPPORTED, "%s: %s",
                               f->job.device ? f->job.device : "the device",
                               death));
    }
}

/* Remember what killed a child. */
static void count_death(struct follow *f, const struct clade_verdict *v)
{
    struct verify_deadly *d = verify_find_deadly(&f->job, v), *longer;
    const int n = f->job.n_deadly;

    if (!d) {
        longer = realloc(f->job.deadly, ((size_t)n + 1) * sizeof *longer);
        if (!longer)
            return; /* it may kill again */
        f->job.deadly = longer;
        f->job.n_deadly = n + 1;
        d = &longer[n];
        *d = (struct verify_deadly){ .deaths = 0 };
        snprintf(d->op, sizeof d->op, "%s", v->op);
        snprintf(d->algorithm, sizeof d->algorithm, "%s",
                 v->algorithm ? v->algorithm : "");
    }
    d->deaths++;
}

/* After a death, whether another child is to go on. */
static bool bury(struct follow *f, const char *death)
{
    if (tool_stop(NULL)) {
        end_part(f, clade_fail(CLADE_EINTERRUPTED, "interrupted"));
    } else if (f->running) {
        verify_blame(&f->running->verdict, CLADE_FAILED, "%s", death);
        f->running->known = VERIFY_DIED;
        if (!f->running->how[0])
            count_death(f, &f->running->verdict);
        f->running = NULL;
    } else if (!f->over) {
        blame_for_death(f, death);
    }
    return !f->over &&
           verify_next_part(f->job.options, (int)f->job.part) < PARTS;
}

static void hide_progress(void *progress)
{
    verify_progress_hide(progress);
}

/* Start a child and follow it to its end.  Whether there must be another. */
static bool follow_child(struct follow *f)
{
    const struct child_config config = { .work = verify_judge,
                                         .arg = &f->job,
                                         .stop = tool_stop,
                                         .speaks = hide_progress,
                                         .speaks_arg = &f->r->progress };
    struct child_message m;
    struct child *child;
    enum child_event event;
    clade_status st = child_start(&child, &config);
    bool again = false;

    if (st) {
        end_part(f, st);
        return false;
    }
    while ((event = child_next(child, &m, f->job.options->time_limit)) ==
           CHILD_MESSAGE)
        hear(f, &m);
    verify_progress_hide(&f->r->progress);
    if (event != CHILD_ENDED)
        again = bury(f, child_death(child));
    child_close(child);
    return again;
}

void verify_device(struct report *r, const char *device)
{
    struct follow f = { .r = r,
                        .job = { .options = r->options, .device = device } };
    const clade_status st = report_device(r);

    if (st) {
        report_end(r, device, st);
        return;
    }
    f.job.part = verify_next_part(r->options, 0);
    while (follow_child(&f))
        ;
    forget_case(&f);
    free(f.job.deadly);
    report_totals(r);
}

/* ---- all devices -----------------------------------------------------------
 */

/* The texts that select all devices but the float64 reference. */
struct selectors {
    char (*list)[32];
    int count;
};

static void add_selector(struct report *r, struct selectors *s,
                         const struct clade_device *d)
{
    void *longer = realloc(s->list, ((size_t)s->count + 1) * sizeof *s->list);

    if (!longer) {
        r->incomplete = true;
        return;
    }
    s->list = longer;
    snprintf(s->list[s->count++], sizeof *s->list, "%s", d->selector);
}

/* Ask a child: to list the devices starts all drivers. */
static clade_status list_devices(struct selectors *s, struct report *r)
{
    const struct child_config config = { .work = verify_list,
                                         .stop = tool_stop };
    struct child_message m;
    struct child *child;
    enum child_event event;
    clade_status st = child_start(&child, &config);

    if (st)
        return st;
    while ((event = child_next(child, &m, r->options->time_limit)) ==
           CHILD_MESSAGE)
        if (m.type == SAID_DEVICE)
            add_selector(r, s, m.data);
        else if (m.type == SAID_END)
            st = verify_heard_end(m.data);
    if (event != CHILD_ENDED)
        st = clade_fail(CLADE_EUNSUPPORTED, "the list of devices: %s",
                        child_death(child));
    child_close(child);
    return st;
}

void verify_all(struct report *r)
{
    struct selectors s = { .count = 0 };
    const clade_status st = list_devices(&s, r);

    if (st && !report_device(r))
        report_end(r, "all", st);
    for (int i = 0; i < s.count && !st && report_goes_on(r); i++)
        verify_device(r, s.list[i]);
    free(s.list);
}
