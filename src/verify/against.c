/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compare a record with a device.  The record's own device is unknown, so ask
 * whether the record could be one more of this device's trainings with noise:
 * compare its distance from the training without noise with theirs
 * (doc/consistency.md).
 */
#include <math.h>

#include "status.h"
#include "verify/record.h"
#include "verify/spread.h"

/* Add the record's value of each quantity of `base`, which was made like the
 * record.  In a record, losses come first. */
static clade_status arrange(struct trace *to, const struct trace *record,
                            const struct trace *base)
{
    int losses = 0;
    clade_status st = CLADE_OK;

    for (int i = 0; i < base->n && !st; i++) {
        const struct quantity *q = &base->list[i];
        struct quantity part = q->kind == QUANTITY_LOSS
                                   ? record->list[losses++]
                                   : *trace_find(record, q->name);

        part.kind = q->kind;
        part.step = q->step;
        st = trace_add(to, &part);
    }
    if (!st && to->n < record->n)
        st = clade_fail(CLADE_EDATA,
                        "%s: %d of its %d tensors are not in the network",
                        record->file, record->n - to->n, record->n - losses);
    return st;
}

/* A device that stores double has hardly any noise: use the float
 * reference's. */
static clade_status borrow_spread(struct spread *spread,
                                  struct training_config config,
                                  struct ensemble ensemble)
{
    struct training *training = NULL;
    struct trace base = { .n = 0 };
    clade_backend *cpu;
    clade_status st = clade_backend_open(&cpu, "cpu");

    if (st)
        return st;
    config.algorithm = NULL; /* the reference has its own */
    ensemble.centre = &base;
    st = training_new(&training, cpu, &config);
    if (!st)
        st = trace_make(&base, training, &ensemble.run);
    if (!st)
        st = spread_make(spread, training, &ensemble);
    trace_free(&base);
    training_free(training);
    clade_backend_close(cpu);
    return st;
}

static clade_status hold(clade_backend *be, const struct record *r,
                         const struct clade_against *options)
{
    struct trace base = { .n = 0 }, record = { .n = 0 };
    struct spread spread = { .n = 0 };
    struct training *training = NULL;
    const struct ensemble e = {
        .runs = options->quick ? SPREAD_RUNS_QUICK : SPREAD_RUNS,
        .centre = &base,
        .unit = &record,
        .run = { .steps = r->config.steps,
                 .tensors = true,
                 .like = &r->trace,
                 /* a float record has as much noise of its own */
                 .noise.scale = r->exact ? 1 : sqrt(2) }
    };
    const struct judged judged = { .trace = &record,
                                   .centre = &base,
                                   .unit = &record,
                                   .name = options->file,
                                   .own = true,
                                   .report = options->report,
                                   .conclude = options->conclude,
                                   .arg = options->arg };
    clade_status st = training_new(&training, be, &r->config);

    if (!st)
        st = trace_make(&base, training, &e.run);
    if (!st)
        st = arrange(&record, &r->trace, &base);
    if (!st)
        st = clade_backend_real(be) == CLADE_F32
                 ? spread_make(&spread, training, &e)
                 : borrow_spread(&spread, r->config, e);
    if (!st)
        st = spread_verdict(&spread, &judged);
    else if (st == CLADE_EDIVERGED)
        st = spread_diverged(&judged);
    spread_free(&spread);
    trace_free(&record);
    trace_free(&base);
    training_free(training);
    return st;
}

clade_status clade_verify_against(clade_backend *be,
                                  const struct clade_against *options)
{
    struct record record;
    clade_status st = status_given(__func__, "be, options, its file",
                                   be && options && options->file);

    if (!st)
        st = verify_trust_host();
    if (!st)
        st = record_read(&record, options->file, options->quick);
    if (st)
        return st;
    record.config.algorithm = options->algorithm;
    record.config.stop = options->stop;
    record.config.arg = options->arg;
    st = hold(be, &record, options);
    trace_free(&record.trace);
    return st;
}
