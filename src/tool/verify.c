/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "file.h"
#include "status.h"
#include "verify_follow.h"

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
    { "verbose", TOOL_FLAG, AT(verbose), NULL,
      "list every case in the table, not only those that fail", 0, 0 },
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
    { "time-limit", TOOL_INT, AT(time_limit), "SECONDS",
      "how long a device may take over one thing (a build, a launch, a wait) "
      "before its process is killed and the case fails; 0: for ever", 0, 1e6 },
    { "runs", TOOL_INT, AT(runs), "K", "how many times --make-envelope trains", 3, 10000 },
};
/* clang-format on */

static const struct verify_options defaults = {
    .format = "table",
    .reference = "cpu64",
    .batch = 2,
    .time_limit = 600,
    .runs = 99,
    .seed = 1,
};

/* Judge each device that was named. */
static void verify_devices(struct report *r)
{
    const struct tool_list *devices = &r->options->devices;

    if (!devices->count)
        verify_device(r, NULL);
    for (int i = 0; i < devices->count && report_goes_on(r); i++)
        if (strcmp(devices->item[i], "all"))
            verify_device(r, devices->item[i]);
        else
            verify_all(r);
}

/* Whatever happened, write what is known.  Nothing is if what was asked for
 * makes no sense. */
static void print_end(struct report *r)
{
    clade_status st = CLADE_OK;

    report_finish(r);
    if (r->options->html && (r->tests || report_goes_on(r)))
        st = html_write(r, r->options->html);
    if (!st && r->incomplete)
        st = clade_fail(CLADE_ENOMEM,
                        "verify: out of memory: the report is incomplete");
    report_end(r, NULL, st);
    if (r->writer->bail && !report_goes_on(r))
        r->writer->bail(r->message);
    else if (!st && (r->tests || report_goes_on(r)))
        report_end(r, NULL, r->writer->end(r));
}

/* Each device would overwrite the file of the one before. */
static clade_status check_files(const struct verify_options *o)
{
    const struct tool_list *d = &o->devices;
    const bool several =
        d->count > 1 || (d->count && !strcmp(d->item[0], "all"));

    if (!several || (!o->record && !o->make_envelope))
        return CLADE_OK;
    return clade_fail(CLADE_EUSAGE,
                      "verify: --%s writes one file, for one device: name one "
                      "device, and give each its own file",
                      o->record ? "record" : "make-envelope");
}

/* Can the files be written?  A failure must show now and not after the work. */
static clade_status probe_files(const struct verify_options *o)
{
    const char *const files[] = { o->html, o->record, o->make_envelope };
    clade_status st = CLADE_OK;

    for (size_t i = 0; i < COUNT_OF(files) && !st; i++)
        if (files[i])
            st = file_probe(files[i]);
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
    clade_status st = check_files(o);

    if (st)
        return st;
    tool_catch_signals();
    report_open(&r, o, writer);
    report_end(&r, NULL, probe_files(o));
    if (report_goes_on(&r))
        verify_devices(&r);
    print_end(&r);
    st = report_status(&r);
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
        "the suspect only if these runs point to it.\n\n"
        "A process of its own judges each device. If the driver kills it, or "
        "never\n"
        "returns, that case fails, and another process goes on with the next.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = verify,
};
