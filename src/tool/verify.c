/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <clade/verify.h>
#include <string.h>

#include "status.h"
#include "verify_print.h"

struct verify_options {
    struct tool_list devices;
    const char *suite, *algorithm, *match, *op, *format, *record, *against,
        *html, *dump, *reference, *envelope, *make_envelope;
    int batch, steps, runs;
    uint64_t seed;
    bool quick;
};

#define AT(member) offsetof(struct verify_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "device", TOOL_LIST, AT(devices), "D",
      TOOL_DEVICE_HELP "; `all`: every one; may be repeated", 0, 0 },
    { "suite", TOOL_CHOICE, AT(suite), "ops|step|train",
      "single ops, one step of training (both unless given), or ten beside "
      "the reference's", 0, 0 },
    { "algorithm", TOOL_TEXT, AT(algorithm), "NAME",
      "of the products: only this one, instead of each the device has; other "
      "ops have one", 0, 0 },
    { "quick", TOOL_FLAG, AT(quick), NULL,
      "reduced shapes; of a record, step 0 alone; of a training, two steps",
      0, 0 },
    { "case", TOOL_TEXT, AT(match), "NAME",
      "only cases of the ops suite with this in their name", 0, 0 },
    { "op", TOOL_TEXT, AT(op), "FILE",
      "one op, with the inputs that a failure left there", 0, 0 },
    { "dump", TOOL_TEXT, AT(dump), "DIR",
      "leave the inputs of the first failures there, as safetensors", 0, 0 },
    { "format", TOOL_CHOICE, AT(format), "table|tap|json",
      "what to print", 0, 0 },
    { "html", TOOL_TEXT, AT(html), "FILE",
      "write the matrix of ops and devices, and all else, as one page", 0, 0 },
    { "record", TOOL_TEXT, AT(record), "FILE",
      "write what this device computes, for others to be held against", 0, 0 },
    { "batch", TOOL_INT, AT(batch), "B", "images of the step, or of the record", 1, 65536 },
    { "steps", TOOL_INT, AT(steps), "N",
      "of the record, 5 if 0; or of the training, 10 if 0", 0, 100000 },
    { "seed", TOOL_SEED, AT(seed), "S", "of all values", 0, 0 },
    { "against", TOOL_TEXT, AT(against), "FILE",
      "hold the device against a record", 0, 0 },
    { "reference", TOOL_TEXT, AT(reference), "D",
      "the device that the train suite holds it against", 0, 0 },
    { "envelope", TOOL_TEXT, AT(envelope), "FILE",
      "how far correct trainings spread, instead of what is built in", 0, 0 },
    { "make-envelope", TOOL_TEXT, AT(make_envelope), "FILE",
      "write such a file: the training with this device's noise, many times",
      0, 0 },
    { "runs", TOOL_INT, AT(runs), "K", "how many times", 3, 10000 },
};
/* clang-format on */

static const struct verify_options defaults = {
    .format = "table",
    .reference = "cpu64",
    .batch = 2,
    .runs = 99,
    .seed = 1,
};

static struct clade_verify_ops ops_options(const struct verify_options *o,
                                           struct verify_print *print)
{
    return (struct clade_verify_ops){ .algorithm = o->algorithm,
                                      .match = o->match,
                                      .quick = o->quick,
                                      .triage = true,
                                      .dump = o->dump,
                                      .report = verify_print_verdict,
                                      .stop = tool_stop,
                                      .arg = print };
}

static clade_status run_ops(clade_backend *be, const struct verify_options *o,
                            struct verify_print *print)
{
    const struct clade_verify_ops ops = ops_options(o, print);
    struct clade_verify_summary summary;
    clade_status st = clade_verify_ops(&summary, be, &ops);

    verify_print_summary(print, &summary);
    return st;
}

static clade_status run_op(clade_backend *be, const struct verify_options *o,
                           struct verify_print *print)
{
    struct clade_verify_ops ops = ops_options(o, print);
    struct clade_verify_summary summary;
    clade_status st;

    ops.dump = NULL; /* it is in a file */
    st = clade_verify_op(&summary, be, o->op, &ops);
    verify_print_summary(print, &summary);
    return st;
}

static clade_status run_step(clade_backend *be, const struct verify_options *o,
                             struct verify_print *print)
{
    const struct clade_verify_step step = { .algorithm = o->algorithm,
                                            .dump = o->dump,
                                            .triage = true,
                                            .batch = o->batch,
                                            .seed = o->seed,
                                            .report = verify_print_step,
                                            .stop = tool_stop,
                                            .arg = print };
    struct clade_verify_summary summary;
    clade_status st = clade_verify_step(&summary, be, &step);

    verify_print_layers(print);
    verify_print_summary(print, &summary);
    return st;
}

static clade_status run_against(clade_backend *be,
                                const struct verify_options *o,
                                struct verify_print *print)
{
    const struct clade_against against = { .file = o->against,
                                           .algorithm = o->algorithm,
                                           .quick = o->quick,
                                           .report = verify_print_distance,
                                           .conclude = verify_print_training,
                                           .stop = tool_stop,
                                           .arg = print };

    return clade_verify_against(be, &against);
}

static clade_status run_record(clade_backend *be,
                               const struct verify_options *o,
                               struct verify_print *print)
{
    const struct clade_record record = { .file = o->record,
                                         .algorithm = o->algorithm,
                                         .batch = o->batch,
                                         .steps = o->steps ? o->steps : 5,
                                         .seed = o->seed,
                                         .stop = tool_stop };

    (void)print;
    return clade_record_write(be, &record);
}

static struct clade_verify_train train_options(const struct verify_options *o,
                                               struct verify_print *print)
{
    return (struct clade_verify_train){ .algorithm = o->algorithm,
                                        .reference = o->reference,
                                        .envelope = o->envelope,
                                        .batch = o->batch,
                                        .steps = o->steps,
                                        .seed = o->seed,
                                        .quick = o->quick,
                                        .report = verify_print_distance,
                                        .conclude = verify_print_training,
                                        .stop = tool_stop,
                                        .arg = print };
}

static clade_status run_train(clade_backend *be, const struct verify_options *o,
                              struct verify_print *print)
{
    const struct clade_verify_train train = train_options(o, print);

    return clade_verify_train(be, &train);
}

static clade_status make_envelope(clade_backend *be,
                                  const struct verify_options *o,
                                  struct verify_print *print)
{
    const struct clade_verify_train train = train_options(o, print);

    return clade_envelope_make(be, o->make_envelope, o->runs, &train);
}

/* A bound that is broken leaves other suites and devices to be judged. */
static bool goes_on(clade_status st)
{
    return !st || st == CLADE_EBOUND || st == CLADE_EMISTRUSTED;
}

/* The worse of two: what ends it all, then MISTRUSTED. */
static clade_status worst_of(clade_status a, clade_status b)
{
    if (!b || !goes_on(a) || (a == CLADE_EMISTRUSTED && goes_on(b)))
        return a;
    return b;
}

static bool is_suite(const struct verify_options *o, const char *name)
{
    if (!o->suite)
        return !o->record && !o->against && !o->make_envelope && !o->op &&
               strcmp(name, "train");
    return !strcmp(o->suite, name);
}

static clade_status run_suites(clade_backend *be,
                               const struct verify_options *o,
                               struct verify_print *print)
{
    const struct {
        bool wanted;
        clade_status (*run)(clade_backend *be, const struct verify_options *o,
                            struct verify_print *print);
    } parts[] = {
        { o->record, run_record },
        { o->make_envelope, make_envelope },
        { o->against, run_against },
        { o->op, run_op },
        { is_suite(o, "ops"), run_ops },
        { is_suite(o, "step"), run_step },
        { is_suite(o, "train"), run_train },
    };
    clade_status st = CLADE_OK;

    for (size_t i = 0; i < COUNT_OF(parts) && goes_on(st); i++)
        if (parts[i].wanted)
            st = worst_of(st, parts[i].run(be, o, print));
    return st;
}

/* What was asked for, on one device. */
static clade_status verify_device(const char *device,
                                  const struct verify_options *o,
                                  struct verify_print *print)
{
    clade_backend *be;
    clade_status st = tool_open(&be, device);

    if (st)
        return st;
    verify_print_device(print, be);
    st = run_suites(be, o, print);
    verify_print_totals(print);
    tool_notices(be);
    clade_backend_close(be);
    return st;
}

/* What is wrong with a device, rather than with what was asked for. */
static bool is_the_devices(clade_status st)
{
    return st == CLADE_ENODEVICE || st == CLADE_EBUILD ||
           st == CLADE_ETOOSMALL || st == CLADE_EUNSUPPORTED ||
           st == CLADE_EDEVICE;
}

/* One of several, which are judged whatever is wrong with this one. */
static clade_status verify_one(const char *device,
                               const struct verify_options *o,
                               struct verify_print *print)
{
    const clade_status st = verify_device(device, o, print);

    if (!is_the_devices(st))
        return st;
    verify_print_error(print, device, st);
    return CLADE_OK;
}

static clade_status verify_all(const struct verify_options *o,
                               struct verify_print *print)
{
    struct clade_device *list;
    clade_status st, worst = CLADE_OK;
    int n;

    st = clade_devices(&list, &n);
    if (st)
        return st;
    for (int i = 0; i < n && goes_on(st); i++) {
        if (!strcmp(list[i].selector, "cpu64"))
            continue; /* it judges, in float64 */
        st = verify_one(list[i].selector, o, print);
        worst = worst_of(worst, st);
    }
    clade_devices_free(list);
    return goes_on(st) ? worst : st;
}

/* What was asked for, on each device that was. */
static clade_status verify_devices(const struct verify_options *o,
                                   struct verify_print *print)
{
    clade_status st = CLADE_OK, worst = CLADE_OK;

    if (o->devices.count == 1 && strcmp(o->devices.item[0], "all"))
        return verify_device(o->devices.item[0], o, print);
    if (!o->devices.count)
        return verify_device(NULL, o, print);
    for (int i = 0; i < o->devices.count && goes_on(st); i++) {
        const char *device = o->devices.item[i];

        st = !strcmp(device, "all") ? verify_all(o, print)
                                    : verify_one(device, o, print);
        worst = worst_of(worst, st);
    }
    return goes_on(st) ? worst : st;
}

/* What is written once all is known. */
static clade_status finish_report(struct verify_print *print,
                                  const struct verify_options *o)
{
    clade_status st = CLADE_OK;

    if (o->html)
        st = report_html(print->report, o->html);
    if (!st)
        st = verify_print_end(print);
    if (!st && print->report->incomplete)
        st =
            clade_fail(CLADE_ENOMEM, "verify: no memory for all of the report");
    return st;
}

static clade_status run(const void *given)
{
    const struct verify_options *o = given;
    struct verify_report report = { .suite = o->suite,
                                    .algorithm = o->algorithm,
                                    .against = o->against,
                                    .reference = o->reference,
                                    .envelope = o->envelope,
                                    .seed = o->seed,
                                    .batch = o->batch,
                                    .steps = o->steps,
                                    .quick = o->quick };
    struct verify_print print;
    clade_status st;

    tool_catch_signals();
    verify_print_begin(&print, o->format, &report);
    st = verify_devices(o, &print);
    if (goes_on(st))
        st = worst_of(st, finish_report(&print, o));
    if (goes_on(st))
        st = worst_of(st, report_failure(&report));
    else
        verify_print_bail(&print, clade_error());
    report_free(&report);
    return st;
}

const struct tool_command cmd_verify = {
    .name = "verify",
    .summary = "Prove that a device computes what it should",
    .text =
        "Judges every op of a device against exact values, or holds a "
        "training\n"
        "against a record that another device or framework wrote.\n\n"
        "A failed case is run again without the compiler's optimisations, "
        "with\n"
        "other work-groups, by another algorithm, on another platform's "
        "device\n"
        "and in Oclgrind, if that is one; the driver is named as the suspect\n"
        "only where these say so.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = run,
};
