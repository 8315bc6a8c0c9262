/* SPDX-License-Identifier: Apache-2.0 */
#ifndef VERIFY_LINK_H
#define VERIFY_LINK_H

#include "child.h"
#include "verify/watch.h"
#include "verify_report.h"

/*
 * What is judged on a device is judged in a child process, which may die of the
 * driver; its parent keeps the report.  This is what the two have in common,
 * and what the child says.
 */

/* What can be asked for, in the order in which it is done. */
enum verify_part {
    PART_RECORD,
    PART_ENVELOPE,
    PART_AGAINST,
    PART_FILE, /* an op from a file */
    PART_OPS,
    PART_STEP,
    PART_TRAIN,
    PARTS
};

/* The first part from `part` on that is asked for; PARTS if there is none. */
enum verify_part verify_next_part(const struct verify_options *o, int part);
/* The option that asks for a part, or its suite. */
const char *verify_part_name(enum verify_part part);
/* Whether the other parts and devices are judged all the same. */
bool verify_goes_on(clade_status st);

/* An attempt (verify/watch.h), known by its case, algorithm and way. */
struct verify_attempted {
    char name[128], algorithm[128], how[64];
    enum verify_known known;
    struct clade_verdict verdict;
};

/* How often an op with an algorithm has killed a child.  After DEATHS_MAX times,
 * its other cases fail without being run: a death takes seconds. */
#define DEATHS_MAX 8
struct verify_deadly {
    char op[32], algorithm[128];
    int deaths;
};

/* What a child is to do, with what is known from those before it. */
struct verify_job {
    const struct verify_options *options;
    const char *device; /* the text that selects it; NULL: the default */
    enum verify_part part;
    int done; /* of the part: cases, or a step's verdicts */
    struct clade_verify_summary summary; /* of the part */
    struct verify_attempted *attempts;   /* of the case or op */
    int n_attempts;
    struct verify_deadly *deadly;
    int n_deadly;
};

/* NULL if an attempt is not known. */
struct verify_attempted *verify_find_attempt(const struct verify_job *job,
                                             const struct clade_verdict *v,
                                             const char *how);

/* NULL if an op with an algorithm has killed no child. */
struct verify_deadly *verify_find_deadly(const struct verify_job *job,
                                         const struct clade_verdict *v);

/* A child's work: `job` is a struct verify_job. */
void verify_judge(struct child_link *link, void *job);
/* Another's: list the devices to judge, SAID_DEVICE for each. */
void verify_list(struct child_link *link, void *nothing);

/* ---- messages ------------------------------------------------------------ */

enum verify_said {
    SAID_DEVICE,   /* struct clade_device: it is there */
    SAID_OPENED,   /* struct said_opened: it is open */
    SAID_NOTICE,   /* a text for people */
    SAID_PART,     /* int: this part begins */
    SAID_CASES,    /* int: the part has so many cases or verdicts */
    SAID_CASE,     /* struct said_verdict: a case begins, after so many */
    SAID_ATTEMPT,  /* struct said_verdict: an attempt begins */
    SAID_OUTCOME,  /* struct said_verdict: it has ended */
    SAID_VERDICT,  /* struct said_verdict: a verdict is final */
    SAID_DISTANCE, /* struct report_distance, without its `found.name` */
    SAID_TRAINING, /* struct clade_training */
    SAID_END,      /* struct said_end: the part, or all, has ended */
};

struct said_opened {
    struct clade_device device;
    char build_options[192];
};

/* A verdict whose texts are in here, not behind pointers. */
struct said_verdict {
    struct clade_verdict verdict;
    char op[32], data[32], gate[32], why[160], algorithm[128];
    char how[64];
    int done;
};

struct said_end {
    clade_status status;
    char message[4096];
};

void verify_say_verdict(struct child_link *link, enum verify_said what,
                        const struct clade_verdict *v, const char *how,
                        int done);
/* Say that something has ended; after a failure with clade_error(). */
void verify_say_end(struct child_link *link, clade_status st);

/* The status of such a message, with its text as clade_error(). */
clade_status verify_heard_end(const struct said_end *said);
/* The verdict of a message; its texts become the report's. */
struct clade_verdict verify_heard(struct report *r,
                                  const struct said_verdict *said);

#endif
