/* SPDX-License-Identifier: Apache-2.0 */
/* What every format says in the same words. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "verify/verify.h"
#include "verify_report.h"

#define DUMP "clade-dump" /* the folder, if none was asked for */

const char *report_outcome(enum clade_outcome outcome)
{
    static const char *const names[] = { "ok", "FAILED", "MISTRUSTED" };

    return names[outcome];
}

bool report_has_choice(const struct clade_verdict *v)
{
    return v->algorithm && strcmp(v->algorithm, "kernel") &&
           strcmp(v->algorithm, "reference");
}

bool report_passes(const struct clade_training *t)
{
    return t->distance <= 2 * t->largest;
}

void report_describe(char *text, size_t size, const struct clade_training *t)
{
    snprintf(text, size,
             "%.3g spreads away; %d correct trainings%s reach %.3g: %s%s%s",
             t->distance, t->runs, t->own ? " of this device" : "", t->largest,
             !report_passes(t)           ? "FAILED"
             : t->distance <= t->largest ? "ok"
                                         : "edge",
             t->where[0] ? ", first at " : "", t->where);
}

/* Add to the end of a command. */
__attribute__((format(printf, 2, 3))) static void
add(char command[REPORT_COMMAND], const char *format, ...)
{
    const size_t n = strlen(command);
    va_list ap;

    va_start(ap, format);
    vsnprintf(command + n, REPORT_COMMAND - n, format, ap);
    va_end(ap);
}

/* Run the step again.  If an op of it failed and its inputs are in no file
 * yet, leave them in one, and judge that op alone. */
static void add_step(char command[REPORT_COMMAND],
                     const struct verify_options *o, const char *selector,
                     const struct clade_verdict *v)
{
    char *path = v->layer[0] ? verify_dump_path(DUMP, v) : NULL;

    add(command, "--suite step --batch %d --seed %llu", o->batch,
        (unsigned long long)o->seed);
    if (o->algorithm)
        add(command, " --algorithm %s", o->algorithm);
    if (path)
        add(command, " --dump " DUMP "; clade verify --device %s --op %s",
            selector, path);
    free(path);
}

/* Do a part of the judging again that did not come to its end. */
static void add_part(char command[REPORT_COMMAND],
                     const struct verify_options *o, const char *part)
{
    const struct {
        const char *option, *file;
    } files[] = { { "record", o->record },
                  { "make-envelope", o->make_envelope },
                  { "against", o->against },
                  { "op", o->op } };

    for (size_t i = 0; i < COUNT_OF(files); i++)
        if (!strcmp(part, files[i].option)) {
            add(command, "--%s '%s'", part, files[i].file);
            return;
        }
    add(command, "--suite %s --batch %d --steps %d --seed %llu", part, o->batch,
        o->steps, (unsigned long long)o->seed);
}

void report_command(char command[REPORT_COMMAND],
                    const struct verify_options *o, const char *selector,
                    const struct clade_verdict *v)
{
    const bool file = v->file[0], step = v->layer[0] || !strcmp(v->op, "step");

    snprintf(command, REPORT_COMMAND, "clade verify --device %s ", selector);
    if (step && !file) {
        add_step(command, o, selector, v);
        return;
    }
    if (!v->data) {
        add_part(command, o, v->op);
        return;
    }
    add(command, file ? "--op '%s'" : "--suite ops --case '%s'",
        file ? v->file : v->name);
    if (report_has_choice(v))
        add(command, " --algorithm %s",
            o->algorithm ? o->algorithm : v->algorithm);
}
