/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "status.h"
#include "verify_report.h"

#define AT(member) offsetof(struct verify_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "device", TOOL_LIST, AT(devices), "D",
      TOOL_DEVICE_HELP "; `all` means every device; may be repeated", 0, 0 },
    { "suite", TOOL_CHOICE, AT(suite), "ops|step|train",
      "judge single ops, one step of training, or ten steps against the "
      "reference's; without this option, ops and step", 0, 0 },
    { "algorithm", TOOL_TEXT, AT(algorithm), "NAME",
      "judge matrix products with this algorithm alone, not with each that the "
      "device has; other ops have only one", 0, 0 },
    { "quick", TOOL_FLAG, AT(quick), NULL,
      "smaller shapes; only step 0 of a record; only two steps of a training",
      0, 0 },
    { "case", TOOL_TEXT, AT(match), "NAME",
      "only cases of the ops suite whose name contains NAME", 0, 0 },
    { "op", TOOL_TEXT, AT(op), "FILE",
      "judge one op, with the inputs that --dump left in FILE", 0, 0 },
    { "dump", TOOL_TEXT, AT(dump), "DIR",
      "write the inputs of the first failures to DIR, as safetensors files", 0, 0 },
    { "format", TOOL_CHOICE, AT(format), "table|tap|json",
      "what to print", 0, 0 },
    { "html", TOOL_TEXT, AT(html), "FILE",
      "also write all results, with a matrix of ops and devices, as one page", 0, 0 },
    { "record", TOOL_TEXT, AT(record), "FILE",
      "write what this device computes, to compare other devices with it", 0, 0 },
    { "batch", TOOL_INT, AT(batch), "B", "images in a step", 1, 65536 },
    { "steps", TOOL_INT, AT(steps), "N",
      "steps of a record (0: 5 steps) or of a training (0: 10 steps)", 0, 100000 },
    { "seed", TOOL_SEED, AT(seed), "S", "seed of all generated values", 0, 0 },
    { "against", TOOL_TEXT, AT(against), "FILE",
      "compare the device with the record in FILE", 0, 0 },
    { "reference", TOOL_TEXT, AT(reference), "D",
      "the device that the train suite compares with", 0, 0 },
    { "envelope", TOOL_TEXT, AT(envelope), "FILE",
      "take the spread of correct trainings from FILE, not the built-in one", 0, 0 },
    { "make-envelope", TOOL_TEXT, AT(make_envelope), "FILE",
      "write such a file: train many times, with noise of this device's size",
      0, 0 },
    { "runs", TOOL_INT, AT(runs), "K", "how many times --make-envelope trains", 3, 10000 },
};
/* clang-format on */

static const struct verify_options defaults = {
    .format = "table",
    .reference = "cpu64",
    .batch = 2,
    .runs = 99,
    .seed = 1,
};

/* ---- what can be asked for -------------------------------------------------
 */

/* Judge all cases of the ops suite or, if there is a file, the op in it. */
static clade_status judge_ops_or_file(clade_backend *be, struct report *r,
                                      const char *file)
{
    const struct verify_options *o = r->options;
    const struct clade_verify_ops ops = { .algorithm = o->algorithm,
                                          .match = o->match,
                                          .quick = o->quick,
                                          .triage = true,
                                          .dump = file ? NULL : o->dump,
                                          .report = report_verdict,
                                          .stop = tool_stop,
                                          .arg = r };
    struct clade_verify_summary summary;
    const clade_status st = file ? clade_verify_op(&summary, be, file, &ops)
                                 : clade_verify_ops(&summary, be, &ops);

    report_summary(r, &summary);
    return st;
}

static clade_status judge_file(clade_backend *be, struct report *r)
{
    return judge_ops_or_file(be, r, r->options->op);
}

static clade_status judge_ops(clade_backend *be, struct report *r)
{
    return judge_ops_or_file(be, r, NULL);
}

static clade_status judge_step(clade_backend *be, struct report *r)
{
    const struct verify_options *o = r->options;
    const struct clade_verify_step step = { .algorithm = o->algorithm,
                                            .dump = o->dump,
                                            .triage = true,
                                            .batch = o->batch,
                                            .seed = o->seed,
                                            .report = report_step_verdict,
                                            .stop = tool_stop,
                                            .arg = r };
    struct clade_verify_summary summary;
    const clade_status st = clade_verify_step(&summary, be, &step);

    report_summary(r, &summary);
    return st;
}

static clade_status write_record(clade_backend *be, struct report *r)
{
    const struct verify_options *o = r->options;
    const struct clade_record record = { .file = o->record,
                                         .algorithm = o->algorithm,
                                         .batch = o->batch,
                                         .steps = o->steps ? o->steps : 5,
                                         .seed = o->seed,
                                         .stop = tool_stop };

    return clade_record_write(be, &record);
}

static clade_status judge_by_record(clade_backend *be, struct report *r)
{
    const struct verify_options *o = r->options;
    const struct clade_against against = { .file = o->against,
                                           .algorithm = o->algorithm,
                                           .quick = o->quick,
                                           .report = report_distance,
                                           .conclude = report_training,
                                           .stop = tool_stop,
                                           .arg = r };

    return clade_verify_against(be, &against);
}

static struct clade_verify_train training(struct report *r)
{
    const struct verify_options *o = r->options;

    return (struct clade_verify_train){ .algorithm = o->algorithm,
                                        .reference = o->reference,
                                        .envelope = o->envelope,
                                        .batch = o->batch,
                                        .steps = o->steps,
                                        .seed = o->seed,
                                        .quick = o->quick,
                                        .report = report_distance,
                                        .conclude = report_training,
                                        .stop = tool_stop,
                                        .arg = r };
}

static clade_status judge_training(clade_backend *be, struct report *r)
{
    const struct clade_verify_train train = training(r);

    return clade_verify_train(be, &train);
}

static clade_status make_envelope(clade_backend *be, struct report *r)
{
    const struct clade_verify_train train = training(r);

    return clade_envelope_make(be, r->options->make_envelope, r->options->runs,
                               &train);
}

/* ---- devices ---------------------------------------------------------------
 */

/* After a broken bound, the other suites and devices are judged all the same.
 */
static bool goes_on(clade_status st)
{
    return !st || st == CLADE_EBOUND || st == CLADE_EMISTRUSTED;
}

/* The worse of two: one that ends everything, then MISTRUSTED. */
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

/* Do everything that was asked for, on one device. */
static clade_status judge(clade_backend *be, struct report *r)
{
    const struct verify_options *o = r->options;
    const struct {
        bool wanted;
        clade_status (*judge)(clade_backend *be, struct report *r);
    } parts[] = {
        { o->record, write_record },
        { o->make_envelope, make_envelope },
        { o->against, judge_by_record },
        { o->op, judge_file },
        { is_suite(o, "ops"), judge_ops },
        { is_suite(o, "step"), judge_step },
        { is_suite(o, "train"), judge_training },
    };
    clade_status st = CLADE_OK;

    for (size_t i = 0; i < COUNT_OF(parts) && goes_on(st); i++)
        if (parts[i].wanted)
            st = worst_of(st, parts[i].judge(be, r));
    return st;
}

static clade_status verify_device(const char *device, struct report *r)
{
    clade_backend *be;
    clade_status st;

    if ((st = report_device(r)) || (st = tool_open(&be, device)))
        return st;
    report_opened(r, be);
    st = judge(be, r);
    report_totals(r);
    tool_notices(be);
    clade_backend_close(be);
    return st;
}

/* Whether a device is at fault, rather than what was asked for. */
static bool is_the_devices(clade_status st)
{
    return st == CLADE_ENODEVICE || st == CLADE_EBUILD ||
           st == CLADE_ETOOSMALL || st == CLADE_EUNSUPPORTED ||
           st == CLADE_EDEVICE;
}

/* One of several devices: the others are judged even if this one fails. */
static clade_status verify_one(const char *device, struct report *r)
{
    const clade_status st = verify_device(device, r);

    if (!is_the_devices(st))
        return st;
    report_error(r, device, st);
    return CLADE_OK;
}

static clade_status verify_all(struct report *r)
{
    struct clade_device *list;
    clade_status st;
    int n;

    if ((st = clade_devices(&list, &n)))
        return st;
    for (int i = 0; i < n && goes_on(st); i++)
        if (strcmp(list[i].selector, "cpu64")) /* a reference, not judged */
            st = worst_of(st, verify_one(list[i].selector, r));
    clade_devices_free(list);
    return st;
}

/* Do it on each device that was named. */
static clade_status verify_devices(struct report *r)
{
    const struct tool_list *devices = &r->options->devices;
    const char *first = devices->item[0]; /* NULL: the default device */
    clade_status st = CLADE_OK;

    if (devices->count < 2 && (!first || strcmp(first, "all")))
        return verify_device(first, r);
    for (int i = 0; i < devices->count && goes_on(st); i++) {
        const char *device = devices->item[i];

        st = worst_of(st, strcmp(device, "all") ? verify_one(device, r)
                                                : verify_all(r));
    }
    return st;
}

/* Print what can be printed only now that everything is known. */
static clade_status print_end(struct report *r)
{
    clade_status st = CLADE_OK;

    report_finish(r);
    if (r->options->html)
        st = html_write(r, r->options->html);
    if (!st)
        st = r->writer->end(r);
    if (!st && r->incomplete)
        st = clade_fail(CLADE_ENOMEM,
                        "verify: out of memory: the report is incomplete");
    return st;
}

static clade_status verify(const void *given)
{
    const struct verify_options *o = given;
    const struct report_writer *writer = !strcmp(o->format, "tap") ? &tap_writer
                                         : !strcmp(o->format, "json")
                                             ? &json_writer
                                             : &table_writer;
    struct report r;
    clade_status st;

    tool_catch_signals();
    report_open(&r, o, writer);
    st = verify_devices(&r);
    if (goes_on(st))
        st = worst_of(st, print_end(&r));
    if (goes_on(st))
        st = worst_of(st, report_status(&r));
    else if (writer->bail)
        writer->bail(clade_error());
    report_close(&r);
    return st;
}

const struct tool_command cmd_verify = {
    .name = "verify",
    .summary = "Check that a device computes correct results",
    .text =
        "Compares every op of a device with exact values, or a training with "
        "a\n"
        "record that another device or framework wrote.\n\n"
        "A case that fails is run again without the compiler's optimisations,\n"
        "with other work-groups, with another algorithm, on a device of "
        "another\n"
        "platform, and in Oclgrind if that is installed. The driver is named "
        "as\n"
        "the suspect only if these runs point to it.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = verify,
};
