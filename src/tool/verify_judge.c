/* SPDX-License-Identifier: Apache-2.0 */
/* What a child process does that judges a device. */
#include <string.h>

#include "backend.h"
#include "verify/judge.h"
#include "verify_link.h"

struct judge {
    struct child_link *link;
    const struct verify_job *job;
    clade_backend *be;
    struct verify_watch watch;
    double said; /* when progress was said last */
};

/* ---- saying what is found --------------------------------------------------
 */

static bool stop(void *arg)
{
    const struct judge *j = arg;

    return tool_stop(NULL) || child_stopped(j->link);
}

static void say_verdict(void *arg, const struct clade_verdict *v)
{
    const struct judge *j = arg;

    verify_say_verdict(j->link, SAID_VERDICT, v, NULL, 0);
}

static void say_distance(void *arg, const struct clade_distance *d)
{
    const struct judge *j = arg;
    struct report_distance said = { .found = *d };

    snprintf(said.name, sizeof said.name, "%s", d->name);
    child_send(j->link, SAID_DISTANCE, &said, sizeof said);
}

static void say_training(void *arg, const struct clade_training *t)
{
    const struct judge *j = arg;

    child_send(j->link, SAID_TRAINING, t, sizeof *t);
}

static void say_notice(void *arg, const char *text)
{
    const struct judge *j = arg;

    if (text)
        child_send(j->link, SAID_NOTICE, text, strlen(text) + 1);
}

/* At most once a second. */
static void say_progress(void *arg, const char *text)
{
    struct judge *j = arg;

    if (tool_uptime() < j->said + 1)
        return;
    j->said = tool_uptime();
    say_notice(j, text);
}

/* ---- being watched ---------------------------------------------------------
 */

static void say_cases(void *arg, int cases)
{
    const struct judge *j = arg;

    child_send(j->link, SAID_CASES, &cases, sizeof cases);
}

static void say_case(void *arg, int done, const struct clade_verdict *v)
{
    const struct judge *j = arg;

    verify_say_verdict(j->link, SAID_CASE, v, NULL, done);
}

static void end_attempt(void *arg, const struct clade_verdict *v)
{
    const struct judge *j = arg;

    verify_say_verdict(j->link, SAID_OUTCOME, v, NULL, 0);
}

/* The entry of an op that has killed too many processes; NULL: run it. */
static const struct verify_deadly *too_deadly(const struct judge *j,
                                              const struct clade_verdict *v)
{
    const struct verify_deadly *d = verify_find_deadly(j->job, v);

    return d && d->deaths >= DEATHS_MAX ? d : NULL;
}

static enum verify_known begin_attempt(void *arg, struct clade_verdict *v,
                                       const char *how)
{
    const struct judge *j = arg;
    const struct verify_attempted *a = verify_find_attempt(j->job, v, how);
    const struct verify_deadly *d = how[0] ? NULL : too_deadly(j, v);

    if (a) {
        *v = a->verdict;
        return a->known;
    }
    verify_say_verdict(j->link, SAID_ATTEMPT, v, how, 0);
    if (!d)
        return VERIFY_RUN;
    verify_blame(v, CLADE_FAILED,
                 "it was not run: %s by `%s` has killed %d processes", d->op,
                 d->algorithm, d->deaths);
    end_attempt(arg, v);
    return VERIFY_KNOWN;
}

/* ---- what can be asked for -------------------------------------------------
 */

/* Judge all cases of the ops suite or, if there is a file, the op in it. */
static clade_status judge_ops_or_file(struct judge *j, const char *file)
{
    const struct verify_options *o = j->job->options;
    const struct clade_verify_ops ops = { .algorithm = o->algorithm,
                                          .match = o->match,
                                          .quick = o->quick,
                                          .triage = true,
                                          .dump = file ? NULL : o->dump,
                                          .report = say_verdict,
                                          .stop = stop,
                                          .arg = j };
    struct clade_verify_summary summary;

    return file ? verify_op(&summary, j->be, file, &ops, &j->watch)
                : verify_ops(&summary, j->be, &ops, &j->watch);
}

static clade_status judge_file(struct judge *j)
{
    return judge_ops_or_file(j, j->job->options->op);
}

static clade_status judge_ops(struct judge *j)
{
    return judge_ops_or_file(j, NULL);
}

static clade_status judge_step(struct judge *j)
{
    const struct verify_options *o = j->job->options;
    const struct clade_verify_step step = { .algorithm = o->algorithm,
                                            .dump = o->dump,
                                            .triage = true,
                                            .batch = o->batch,
                                            .seed = o->seed,
                                            .report = say_verdict,
                                            .stop = stop,
                                            .arg = j };
    struct clade_verify_summary summary;

    return verify_step(&summary, j->be, &step, &j->watch);
}

static clade_status write_record(struct judge *j)
{
    const struct verify_options *o = j->job->options;
    const struct clade_record record = { .file = o->record,
                                         .algorithm = o->algorithm,
                                         .batch = o->batch,
                                         .steps = o->steps ? o->steps : 5,
                                         .seed = o->seed,
                                         .stop = stop,
                                         .arg = j };

    return clade_record_write(j->be, &record);
}

static clade_status judge_by_record(struct judge *j)
{
    const struct verify_options *o = j->job->options;
    const struct clade_against against = { .file = o->against,
                                           .algorithm = o->algorithm,
                                           .quick = o->quick,
                                           .report = say_distance,
                                           .conclude = say_training,
                                           .stop = stop,
                                           .arg = j };

    return clade_verify_against(j->be, &against);
}

static struct clade_verify_train training(struct judge *j)
{
    const struct verify_options *o = j->job->options;

    return (struct clade_verify_train){ .algorithm = o->algorithm,
                                        .reference = o->reference,
                                        .envelope = o->envelope,
                                        .batch = o->batch,
                                        .steps = o->steps,
                                        .seed = o->seed,
                                        .quick = o->quick,
                                        .report = say_distance,
                                        .conclude = say_training,
                                        .stop = stop,
                                        .arg = j };
}

static clade_status judge_training(struct judge *j)
{
    const struct clade_verify_train train = training(j);

    return clade_verify_train(j->be, &train);
}

static clade_status make_envelope(struct judge *j)
{
    const struct verify_options *o = j->job->options;
    const struct clade_verify_train train = training(j);

    return clade_envelope_make(j->be, o->make_envelope, o->runs, &train);
}

/* Whether the next part is judged, too: also after values that are no numbers,
 * which are a failure of this one. */
static bool goes_on(clade_status st)
{
    return verify_goes_on(st) || st == CLADE_EDIVERGED;
}

/* Do what was asked for, from the job's part on.  What is known of that part
 * says nothing of those after it. */
static void judge_parts(struct judge *j)
{
    static clade_status (*const judges[PARTS])(struct judge *) = {
        [PART_RECORD] = write_record,     [PART_ENVELOPE] = make_envelope,
        [PART_AGAINST] = judge_by_record, [PART_FILE] = judge_file,
        [PART_OPS] = judge_ops,           [PART_STEP] = judge_step,
        [PART_TRAIN] = judge_training,
    };
    const struct verify_options *o = j->job->options;
    clade_status st = CLADE_OK;

    for (int part = verify_next_part(o, j->job->part);
         part < PARTS && goes_on(st); part = verify_next_part(o, part + 1)) {
        const bool begun = part == (int)j->job->part;

        j->watch.done = begun ? j->job->done : 0;
        j->watch.summary =
            begun ? j->job->summary : (struct clade_verify_summary){ 0 };
        child_send(j->link, SAID_PART, &part, sizeof part);
        st = judges[part](j);
        verify_say_end(j->link, st);
    }
}

/* ---- devices ---------------------------------------------------------------
 */

/* Say what it is before it is opened, which may be the end. */
static clade_status open_device(struct judge *j)
{
    struct said_opened opened;
    clade_status st = clade_device_find(&opened.device, j->job->device);

    if (st)
        return st;
    child_send(j->link, SAID_DEVICE, &opened.device, sizeof opened.device);
    if ((st = clade_backend_open(&j->be, opened.device.selector)))
        return st;
    opened.device = *clade_backend_device(j->be);
    snprintf(opened.build_options, sizeof opened.build_options, "%s",
             j->be->build_options);
    child_send(j->link, SAID_OPENED, &opened, sizeof opened);
    clade_backend_progress(j->be, say_progress, j);
    say_notice(j, clade_backend_notices(j->be));
    return CLADE_OK;
}

void verify_judge(struct child_link *link, void *job)
{
    struct judge j = { .link = link, .job = job, .said = -1 };
    clade_status st = open_device(&j);

    if (st) {
        verify_say_end(link, st);
        return;
    }
    j.watch = (struct verify_watch){ .suite = say_cases,
                                     .begin_case = say_case,
                                     .begin = begin_attempt,
                                     .end = end_attempt,
                                     .arg = &j };
    judge_parts(&j);
    say_notice(&j, clade_backend_notices(j.be));
    clade_backend_close(j.be);
}

void verify_list(struct child_link *link, void *nothing)
{
    struct clade_device *list;
    clade_status st;
    int n;

    (void)nothing;
    if (!(st = clade_devices(&list, &n))) {
        for (int i = 0; i < n; i++)
            if (strcmp(list[i].selector, "cpu64")) /* a reference */
                child_send(link, SAID_DEVICE, &list[i], sizeof list[i]);
        clade_devices_free(list);
    }
    verify_say_end(link, st);
}
