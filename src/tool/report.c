/* SPDX-License-Identifier: Apache-2.0 */
#include "report.h"

#include "file.h"
#include "status.h"
#include "tool.h"

struct report_options {
    struct tool_operands runs;
    const char *out, *verify;
    struct evaluate_options evaluate;
};

#define AT(member) offsetof(struct report_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "RUN", TOOL_OPERANDS, AT(runs), NULL,
      "the folders of trainings, at most 8; several are laid over each other", 0, 0 },
    { "out", TOOL_TEXT, AT(out), "FILE", "the page", 0, 0 },
    { "device", TOOL_TEXT, AT(evaluate.device), "D", TOOL_DEVICE_HELP, 0, 0 },
    { "data", TOOL_TEXT, AT(evaluate.data), "PATH",
      "CIFAR-10, if the runs were trained on it: its folder or its archive", 0,
      0 },
    { "batch", TOOL_INT, AT(evaluate.batch), "B",
      "images at a time; 0: as many as in the training's steps", 0, 65536 },
    { "no-eval", TOOL_FLAG, AT(evaluate.no_eval), NULL,
      "use no device: no confusion matrix, no images, no times", 0, 0 },
    { "no-profile", TOOL_FLAG, AT(evaluate.no_profile), NULL,
      "do not measure the time by kind of op", 0, 0 },
    { "verify", TOOL_TEXT, AT(verify), "FILE",
      "what `clade verify --format json` printed on the runs' device; without it, RUN/verify.json", 0, 0 },
    TOOL_NO_SELF_TEST(AT(evaluate.no_self_test)),
};
/* clang-format on */

static const struct report_options defaults = { .out = "clade-report.html" };

static clade_status check(const struct report_options *o)
{
    if (!o->runs.count)
        return clade_fail(CLADE_EUSAGE, "report: a RUN, the folder of a "
                                        "training, is required");
    if (o->runs.count > RUNLOG_MAX)
        return clade_fail(CLADE_EUSAGE, "report: %d runs; a page can show %d",
                          o->runs.count, RUNLOG_MAX);
    return file_probe(o->out);
}

static clade_status read_runs(struct report_runs *runs,
                              const struct report_options *o)
{
    clade_status st = CLADE_OK;

    for (int i = 0; i < o->runs.count && !st; i++)
        st = runlog_read(&runs->list[runs->count++], o->runs.item[i]);
    for (int i = 0; i < runs->count && !st && o->verify; i++)
        st = runlog_read_verify(&runs->list[i], o->verify);
    return st;
}

static clade_status report(const void *given)
{
    const struct report_options *o = given;
    struct runlog list[RUNLOG_MAX];
    struct report_runs runs = { .list = list };
    clade_status st = check(o);

    if (st)
        return st;
    tool_catch_signals();
    st = read_runs(&runs, o);
    if (!st)
        st = runlog_evaluate(list, runs.count, &o->evaluate);
    if (!st)
        st = page_write_report(&runs, o->out);
    if (!st)
        printf("%s\n", o->out);
    for (int i = 0; i < runs.count; i++)
        runlog_free(&list[i]);
    return st;
}

const struct tool_command cmd_report = {
    .name = "report",
    .summary = "Write a page on trainings: curves, images, time, choices",
    .text =
        "The page is one file of HTML without scripts; nothing is loaded from\n"
        "elsewhere. It has the device and the configuration, the curves of all "
        "heads,\n"
        "the confusion matrix, the surest right and wrong images, the time by "
        "kind of\n"
        "op, the chosen algorithms, and a summary of `clade verify`. For the "
        "matrix and\n"
        "the images the newest checkpoint runs on a device, and so do three "
        "training\n"
        "steps for the times; without the images of the training, the page "
        "says so.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = report,
};
