/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `clade verify` on drivers that kill their process, or never come back: what
 * is killed fails, is looked into and dumped, the rest is judged, and the
 * reports are whole.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "faults.h"
#include "folder.h"
#include "status.h"
#include "tap.h"
#include "tested.h"
#include "tool/tool.h"

#define ARGS 24

static const char *device;
static char *folder;

/* A path in the folder, until the next but three. */
static const char *path(const char *name)
{
    static char paths[4][256];
    static unsigned next;
    char *to = paths[next++ % 4];

    snprintf(to, sizeof paths[0], "%s/%s", folder, name);
    return to;
}

/* ---- running it -----------------------------------------------------------
 */

_Noreturn static void verify(const struct fault *fault, char **args, int n)
{
    char *options = malloc(cmd_verify.size);
    clade_status st;
    bool help;

    if (!freopen(path("out"), "w", stdout) ||
        !freopen(path("err"), "w", stderr) || !fault_begin(fault))
        _exit(99);
    setvbuf(stderr, NULL, _IONBF, 0);
    memcpy(options, cmd_verify.defaults, cmd_verify.size);
    st = tool_parse(&cmd_verify, options, &help, n, args);
    if (!st)
        st = cmd_verify.run(options);
    if (st)
        fprintf(stderr, "clade: %s\n", clade_error());
    free(options);
    fflush(NULL);
    _exit(clade_status_exit_code(st));
}

/* Start `clade verify ARGS...` on a driver with a fault. */
static pid_t start(const struct fault *fault, const char *const args[])
{
    char *argv[ARGS + 8] = { "--device", (char *)device };
    int n = 2;
    pid_t pid;

    for (int i = 0; i < ARGS && args[i]; i++)
        argv[n++] = (char *)args[i];
    fflush(stdout);
    if (!(pid = fork()))
        verify(fault, argv, n);
    return pid;
}

/* Its exit code; one that dies itself has none. */
static int end(pid_t pid)
{
    int status;

    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static bool has(const char *file, const char *text)
{
    char *all = NULL;
    FILE *f = fopen(path(file), "r");
    size_t bytes = 0;
    bool found;

    if (!f)
        return false;
    found = getdelim(&all, &bytes, 0, f) > 0 && strstr(all, text);
    free(all);
    fclose(f);
    return found;
}

/* ---- what it must report --------------------------------------------------
 */

struct deed {
    const char *name;
    const char *args[ARGS];
    struct fault fault;
    int code, judged, failed;
    const char *says;   /* in the message of each failure */
    const char *triage; /* in the triage of the first; NULL: there is none */
    bool dumps;         /* the failures' inputs are dumped */
};

/* Softmax and the losses of ten classes: 7, 7 and 5 cases; one of each. */
#define CLASSES "--suite", "ops", "--quick", "--case", "2x1x1x10:"
#define ONE     CLASSES "1x1/1:1x1x10:random"
/* One case of another op. */
#define OTHER                                                                  \
    "--suite", "ops", "--quick", "--case", "sgd:1x1x1x1:1x1/1:1x1x1:exact"
#define WORDS "its last words: the driver's last words"

/* clang-format off */
static const struct deed deeds[] = {
    { "in clBuildProgram", { ONE },
      { .death = { FAULT_BUILD, "kernel void softmax_fwd", SIGABRT } },
      6, 3, 3, "SIGABRT (Aborted) while building softmax.cl: ",
      "-cl-opt-disable: dies", true },
    { "in a launch", { ONE },
      { .death = { FAULT_LAUNCH, "softmax_fwd", SIGSEGV } },
      6, 3, 1, "SIGSEGV (Segmentation fault) while running softmax_fwd: ",
      "groups of one: dies", true },
    { "in clFinish", { ONE },
      { .death = { FAULT_FINISH, "softmax_fwd", SIGSEGV } },
      6, 3, 1, "SIGSEGV (Segmentation fault) while waiting for softmax_fwd ",
      "-cl-opt-disable: dies", true },
    { "of a launch that never ends", { ONE, "--time-limit", "1" },
      { .death = { FAULT_LAUNCH, "loss_bwd", FAULT_HANGS } },
      6, 3, 1, "did nothing for 1 s and was killed while running loss_bwd: ",
      "-cl-opt-disable: dies", true },
    { "in a triage alone", { ONE },
      { .file = "softmax.cl",
        .find = "to[k] = exp(from[k] - m) / sum;",
        .replace = "to[k] = exp(from[k] - m) / sum * 3;",
        .death = { FAULT_BUILD, "-cl-opt-disable", SIGABRT } },
      6, 3, 1, NULL, "-cl-opt-disable: dies; groups of one: fails", true },
    { "in a step", { "--suite", "step", "--batch", "1" },
      { .death = { FAULT_LAUNCH, "softmax_fwd", SIGSEGV } },
      6, 1, 1, "while running softmax_fwd: softmax_fwd ", NULL, false },
    { "in a step's triage", { "--suite", "step", "--batch", "1" },
      { .file = "softmax.cl",
        .find = "to[k] = exp(from[k] - m) / sum;",
        .replace = "to[k] = exp(from[k] - m) / sum * 3;",
        .death = { FAULT_BUILD, "-cl-opt-disable", SIGABRT } },
      6, -1, -1, NULL, "-cl-opt-disable: dies", true },
    { "in a training", { "--suite", "train", "--quick" },
      { .death = { FAULT_LAUNCH, "softmax_fwd", SIGSEGV } },
      6, 1, 1, "while running softmax_fwd: softmax_fwd ", NULL, false },
    { "when it is opened", { OTHER },
      { .death = { FAULT_OPEN, NULL, SIGABRT } },
      4, 0, 0, NULL, NULL, false },
    { "nowhere", { OTHER }, { .file = NULL }, 0, 1, 0, NULL, NULL, false },
};
/* clang-format on */
enum { DEEDS = sizeof deeds / sizeof *deeds };

static json_t *first_device(json_t *report)
{
    return json_array_get(json_object_get(report, "devices"), 0);
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* Whether a failure is told as it must be. */
static bool is_told(const struct deed *d, const json_t *v, int failures)
{
    const bool looked_into = failures <= 8, first = failures == 1;

    if (d->says && (!strstr(text_of(v, "message"), d->says) ||
                    !strstr(text_of(v, "message"), WORDS)))
        return false;
    if (d->triage && first && !strstr(text_of(v, "triage"), d->triage))
        return false;
    return !d->dumps || !looked_into || !access(text_of(v, "file"), R_OK);
}

/* The verdicts in JSON: how many, how many failed, and how those are told. */
static bool check_verdicts(const struct deed *d, json_t *report)
{
    json_t *v, *list = json_object_get(first_device(report), "verdicts");
    int failed = 0;
    bool right = true;
    size_t i;

    json_array_foreach(list, i, v) {
        if (!strcmp(text_of(v, "outcome"), "ok"))
            continue;
        right &= is_told(d, v, ++failed);
        if (failed == 1)
            tap_note("%s: %s; %s", text_of(v, "name"), text_of(v, "message"),
                     text_of(v, "triage"));
    }
    if (d->judged < 0)
        return right && failed > 0 && failed < (int)i;
    return right && failed == d->failed && (int)i == d->judged;
}

static void test_deed(const struct deed *d)
{
    const char *args[ARGS + 8] = { "--format",   "json",   "--html",
                                   path("page"), "--dump", path("dump") };
    json_error_t error;
    json_t *report;
    int code;

    for (int i = 0; i < ARGS && d->args[i]; i++)
        args[6 + i] = d->args[i];
    code = end(start(&d->fault, args));
    report = json_load_file(path("out"), 0, &error);
    if (!tap_ok(code == d->code && report && check_verdicts(d, report) &&
                    json_is_true(json_object_get(report, "complete")) ==
                        (code != 4) &&
                    has("page", "</html>") &&
                    (!d->says || has("page", "last words")),
                "a death %s: exit %d", d->name, code)) {
        tap_note("%s", report ? "the report is wrong" : error.text);
        rename(path("out"), "verify-deaths.json");
    }
    json_decref(report);
}

/* ---- more of it -----------------------------------------------------------
 */

static void test_tap(void)
{
    static const struct fault fault = { .death = { FAULT_LAUNCH, "softmax_fwd",
                                                   SIGSEGV } };
    const char *const args[ARGS] = { CLASSES, "--format", "tap" };

    tap_ok(end(start(&fault, args)) == 6 &&
               has("out", "not ok 1 - softmax_fwd") &&
               has("out", "ok 8 - loss_fwd") && has("out", "\n1..19\n") &&
               has("out", "# 12 passed, 7 failed, 0 mistrusted"),
           "TAP is whole, and counts right");
}

/* What kills again and again is not run any more, but fails. */
static void test_often(void)
{
    static const struct fault fault = { .death = { FAULT_LAUNCH, "softmax_fwd",
                                                   SIGSEGV } };
    const char *const args[ARGS] = { "--suite", "ops",      "--quick",
                                     "--case",  "softmax_", "--format",
                                     "json" };

    tap_ok(end(start(&fault, args)) == 6 &&
               has("out", "it was not run: softmax_fwd by `kernel` has killed "
                          "8 processes") &&
               has("out", "\"complete\": true"),
           "after 8 deaths of an op, its other cases fail without being run");
}

/* The list of all devices is made in a child, too. */
static void test_list(void)
{
    static const struct fault fault = { .death = { FAULT_LIST, NULL,
                                                   SIGABRT } };
    const char *const args[ARGS] = { "--device", "all",      "--device", "cpu",
                                     OTHER,      "--format", "tap" };

    device = "cpu:no"; /* beside one that there is not */
    tap_ok(end(start(&fault, args)) == 4 && has("out", "not ok 2 - all is") &&
               has("out", "SIGABRT (Aborted) while looking for") &&
               has("out", "\nok 3 - sgd"),
           "a death while devices are listed: others are judged");
}

/* The process that judges hangs; the one that reports is told to stop. */
static void test_interrupted(void)
{
    static const struct fault fault = { .death = { FAULT_LAUNCH, "softmax_fwd",
                                                   FAULT_HANGS } };
    const char *const args[ARGS] = { CLASSES, "--format", "json",
                                     "--time-limit", "3" };
    const struct timespec second = { 1, 0 };
    const pid_t pid = start(&fault, args);
    json_t *report;
    int code;

    nanosleep(&second, NULL);
    kill(pid, SIGTERM);
    code = end(pid);
    report = json_load_file(path("out"), 0, NULL);
    tap_ok(code == 130 && has("err", "clade: interrupted") &&
               (!report || json_is_false(json_object_get(report, "complete"))),
           "an interruption of a hang: exit %d", code);
    json_decref(report);
}

int main(void)
{
    static const struct fault none;
    const char *const args[ARGS] = { OTHER };
    bool absent;
    int code;

    device = tested_name();
    if (!strncmp(device, "cpu", 3))
        tap_skip_all("the reference has no driver");
    folder = folder_new("deaths-test");
    code = end(start(&none, args));
    absent = code == 4 && !tested_is_named() && has("err", "no OpenCL device");
    if (code)
        folder_remove(folder);
    if (absent)
        tap_skip_all("no device");
    if (code)
        tap_bail("%s: verify ends with %d", device, code);
    tap_plan(DEEDS + 4);
    for (int i = 0; i < DEEDS; i++)
        test_deed(&deeds[i]);
    test_tap();
    test_often();
    test_interrupted();
    test_list();
    folder_remove(folder);
    return tap_done();
}
