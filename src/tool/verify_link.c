/* SPDX-License-Identifier: Apache-2.0 */
/* What a child that judges and its parent have in common. */
#include "verify_link.h"

#include <string.h>

#include "status.h"

/* ---- parts -----------------------------------------------------------------
 */

static bool is_suite(const struct verify_options *o, const char *name)
{
    if (!o->suite)
        return !o->record && !o->against && !o->make_envelope && !o->op &&
               strcmp(name, "train");
    return !strcmp(o->suite, name);
}

enum verify_part verify_next_part(const struct verify_options *o, int part)
{
    const bool wanted[PARTS] = {
        [PART_RECORD] = o->record,          [PART_ENVELOPE] = o->make_envelope,
        [PART_AGAINST] = o->against,        [PART_FILE] = o->op,
        [PART_OPS] = is_suite(o, "ops"),    [PART_STEP] = is_suite(o, "step"),
        [PART_TRAIN] = is_suite(o, "train")
    };

    while (part < PARTS && !wanted[part])
        part++;
    return part;
}

const char *verify_part_name(enum verify_part part)
{
    static const char *const names[PARTS] = {
        [PART_RECORD] = "record",   [PART_ENVELOPE] = "make-envelope",
        [PART_AGAINST] = "against", [PART_FILE] = "op",
        [PART_OPS] = "ops",         [PART_STEP] = "step",
        [PART_TRAIN] = "train"
    };

    return names[part];
}

bool verify_goes_on(clade_status st)
{
    return !st || st == CLADE_EBOUND || st == CLADE_EMISTRUSTED;
}

struct verify_attempted *verify_find_attempt(const struct verify_job *job,
                                             const struct clade_verdict *v,
                                             const char *how)
{
    for (int i = 0; i < job->n_attempts; i++) {
        struct verify_attempted *a = &job->attempts[i];

        if (!strcmp(a->how, how) && !strcmp(a->name, v->name) &&
            !strcmp(a->algorithm, v->algorithm ? v->algorithm : ""))
            return a;
    }
    return NULL;
}

struct verify_deadly *verify_find_deadly(const struct verify_job *job,
                                         const struct clade_verdict *v)
{
    for (int i = 0; i < job->n_deadly; i++) {
        struct verify_deadly *d = &job->deadly[i];

        if (!strcmp(d->op, v->op) &&
            !strcmp(d->algorithm, v->algorithm ? v->algorithm : ""))
            return d;
    }
    return NULL;
}

/* ---- messages --------------------------------------------------------------
 */

#define KEEP(to, text) snprintf(to, sizeof(to), "%s", (text) ? (text) : "")

void verify_say_verdict(struct child_link *link, enum verify_said what,
                        const struct clade_verdict *v, const char *how,
                        int done)
{
    struct said_verdict said = { .verdict = *v, .done = done };

    KEEP(said.op, v->op);
    KEEP(said.data, v->data);
    KEEP(said.gate, v->gate);
    KEEP(said.why, v->why);
    KEEP(said.algorithm, v->algorithm);
    KEEP(said.how, how);
    child_send(link, what, &said, sizeof said);
}

struct clade_verdict verify_heard(struct report *r,
                                  const struct said_verdict *said)
{
    struct clade_verdict v = said->verdict;

    v.op = report_text(r, said->op);
    v.data = report_text(r, said->data);
    v.gate = report_text(r, said->gate);
    v.why = report_text(r, said->why);
    v.algorithm = said->algorithm[0] ? report_text(r, said->algorithm) : NULL;
    return v;
}

void verify_say_end(struct child_link *link, clade_status st)
{
    struct said_end end = { .status = st };

    if (st)
        KEEP(end.message, clade_error());
    child_send(link, SAID_END, &end, sizeof end);
}

clade_status verify_heard_end(const struct said_end *said)
{
    return said->status ? clade_fail(said->status, "%s", said->message)
                        : CLADE_OK;
}
