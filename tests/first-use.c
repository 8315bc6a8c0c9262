/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `clade train` does with a device that it meets for the first time: a
 * right one, one that computes an op wrongly, and one that does not survive.
 * The command's own code runs, in processes of its own; a driver with faults
 * stands in front of the real one.  The device is CLADE_TEST_DEVICE's, else
 * the best OpenCL device.
 */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <clade/net.h>
#include <clade/verify.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend.h"
#include "faults.h"
#include "folder.h"
#include "tap.h"
#include "tested.h"
#include "tool/tool.h"

/* The driver says that it is this version. */
#define DRIVER(version)                                                        \
    .asked = CL_DRIVER_VERSION, .answer = version,                             \
    .answer_bytes = sizeof(version)
#define WRONG_SOFTMAX                                                          \
    .file = "softmax.cl", .find = "sum += exp(x[k] - m);",                     \
    .replace = "sum += exp(x[k] - m) * 1.5f;"
#define WRONG_DIRECT                                                           \
    .file = "direct.cl", .find = "store(sum, y, n);",                          \
    .replace = "store(sum * 1.5f, y, n);"

static char *folder;     /* of the runs */
static char said[65536]; /* what the last run printed */
static const char *device;

/* ---- a process ----------------------------------------------------------- */

/* Call a function with an argument in a process of its own, all of whose output
 * becomes `said`; return its exit code, or -1. */
static int in_process(int (*function)(const void *arg), const void *arg)
{
    FILE *out = tmpfile();
    size_t n;
    pid_t pid;
    int status;

    if (!out)
        tap_bail("no temporary file");
    fflush(NULL);
    if ((pid = fork()) < 0)
        tap_bail("no process");
    if (!pid) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(out), STDERR_FILENO);
        status = function(arg);
        fflush(NULL);
        _exit(status);
    }
    waitpid(pid, &status, 0);
    rewind(out);
    n = fread(said, 1, sizeof said - 1, out);
    said[n] = '\0';
    fclose(out);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A command with its arguments, and the driver's fault or NULL. */
struct job {
    const struct tool_command *command;
    const struct fault *fault;
    char *argv[16];
    int argc;
};

/* What the tool's main() does. */
static int work(const void *arg)
{
    const struct job *job = arg;
    char *options = malloc(job->command->size);
    clade_status st;
    bool help;

    if (!options || (job->fault && !fault_begin(job->fault))) {
        fprintf(stderr, "%s\n", options ? fault_error() : "no memory");
        return 99;
    }
    memcpy(options, job->command->defaults, job->command->size);
    st =
        tool_parse(job->command, options, &help, job->argc, (char **)job->argv);
    if (!st)
        st = job->command->run(options);
    free(options);
    if (st)
        fprintf(stderr, "clade: %s\n", clade_error());
    return clade_status_exit_code(st);
}

/* Train for one step, with one more option or NULL; return the exit code. */
static int train(const struct fault *fault, const char *option)
{
    static int runs;
    char out[4096];
    const struct job job = {
        .command = &cmd_train,
        .fault = fault,
        .argv = { "--device", (char *)device, "--train-count", "1",
                  "--test-count", "1", "--epochs", "1", "--batch", "1", "--out",
                  out, (char *)option },
        .argc = option ? 13 : 12,
    };

    snprintf(out, sizeof out, "%s/run-%d", folder, runs++);
    return in_process(work, &job);
}

static void list_devices(const struct fault *fault)
{
    const struct job job = { .command = &cmd_devices, .fault = fault };

    in_process(work, &job);
}

static bool says(const char *text)
{
    return strstr(said, text);
}

/* One test; a failure shows what was printed. */
static void check(bool passed, const char *name)
{
    if (tap_ok(passed, "%s", name))
        return;
    for (char *line = strtok(said, "\n"); line; line = strtok(NULL, "\n"))
        tap_note("%s", line);
}

/* ---- what the library does ----------------------------------------------- */

/* Test a device that nobody has met, then make a net; exit code 0 if that
 * builds no program. */
static int count_programs(const void *arg)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    struct backend_debug debug = { .build = BUILD_EITHER };
    clade_backend *be;
    clade_net *net;
    int tested;

    (void)arg;
    config.train_batch = config.eval_batch = 1;
    if (clade_backend_open(&be, device))
        return 1;
    be->debug = &debug;
    if (clade_verify_selftest(be, &config, NULL, NULL))
        return 2;
    tested = debug.programs;
    if (clade_net_new(&net, be, &config))
        return 3;
    printf("self-test: %d programs; net: %d more\n", tested,
           debug.programs - tested);
    return tested && debug.programs == tested ? 0 : 4;
}

/* ---- the tests ----------------------------------------------------------- */

/* What the last run's loss was, in its table; NaN: there is none. */
static double loss(void)
{
    const char *row = strstr(said, "\n    1 ");
    double value;

    return row && sscanf(row, "\n    1 %lf", &value) == 1 ? value : NAN;
}

static void test_right(double *right)
{
    check(in_process(count_programs, NULL) == 0,
          "a net builds no program that the self-test has not built");
    check(train(NULL, NULL) == 0 && !says("self-test"),
          "a device that has passed trains at once");
    *right = loss();
    list_devices(NULL);
    check(says("passed 20"), "clade devices says that it passed");
}

static void test_wrong_op(void)
{
    static const struct fault fault = { WRONG_SOFTMAX, DRIVER("97") };

    check(train(&fault, NULL) == 6 && says("self-test: 1 of ") &&
              says("driver 97, computes softmax_fwd wrongly") &&
              says("y[0,0,0,") && says(", must be ") && says("newer driver") &&
              says("clade verify") && says("--no-self-test"),
          "another driver, a wrong softmax: exit 6, and what to do");
    check(train(&fault, NULL) == 6 && !says("self-test: ") && says("y[0,0,0,"),
          "at the second use it is known");
    list_devices(&fault);
    check(says(": softmax_fwd"), "clade devices says what failed");
    check(train(&fault, "--no-self-test") == 0,
          "--no-self-test trains all the same");
}

static void test_wrong_algorithm(double right)
{
    static const struct fault fault = { WRONG_DIRECT, DRIVER("98") };

    check(train(&fault, NULL) == 0 &&
              says("direct computes conv_fwd wrongly") &&
              fabs(loss() - right) < 1e-2,
          "an algorithm is wrong: another one trains, and rightly");
    check(train(&fault, "--algorithm=direct") == 6 && says("conv_fwd wrongly"),
          "by name it is refused");
}

static void test_deaths(void)
{
    static const struct {
        const char *where;
        struct fault fault;
    } deaths[] = {
        { "building",
          { DRIVER("99"),
            .death = { FAULT_BUILD, "kernel void softmax_fwd", SIGABRT } } },
        { "running",
          { DRIVER("99"), .death = { FAULT_LAUNCH, "softmax_fwd", SIGSEGV } } },
        { "waiting for",
          { DRIVER("99"), .death = { FAULT_FINISH, "softmax_fwd", SIGBUS } } },
    };

    for (size_t i = 0; i < sizeof deaths / sizeof *deaths; i++) {
        const int signal = deaths[i].fault.death.signal;
        char name[96];

        snprintf(name, sizeof name, "a driver that dies %s a kernel: exit 4",
                 deaths[i].where);
        check(train(&deaths[i].fault, NULL) == 4 && says("did not survive") &&
                  says(signal == SIGABRT   ? "SIGABRT"
                       : signal == SIGSEGV ? "SIGSEGV"
                                           : "SIGBUS") &&
                  says(deaths[i].where) && says("the driver's last words"),
              name);
    }
}

/* ---- the device ---------------------------------------------------------- */

enum { USABLE, ABSENT, SLOW, BROKEN };

/* What the device is.  If products have several algorithms, it prints the
 * preferred one. */
static int look(const void *arg)
{
    const char *names[8] = { "" };
    struct clade_buffer *buffer;
    struct clade_tensor t[3];
    struct clade_op op;
    clade_backend *be;
    clade_status st = clade_backend_open(&be, device);

    (void)arg;
    if (st) {
        puts(clade_error());
        return st == CLADE_ENODEVICE && !tested_is_named() ? ABSENT : BROKEN;
    }
    if (clade_backend_device(be)->emulated)
        return SLOW;
    if (!be->table->uses)
        return ABSENT;
    if (clade_backend_alloc(be, &buffer, 768, CLADE_MEMORY_DEVICE))
        return BROKEN;
    for (int i = 0; i < 3; i++)
        t[i] =
            clade_tensor_at(buffer, 64 * i, 1, 1, i == 2 ? 4 : 1, 4, CLADE_F32);
    if (!clade_op_conv_fwd(&op, t[0], t[1], t[2], (struct clade_tensor){ 0 },
                           clade_window_valid(1, 1, 1), 0) &&
        clade_backend_algorithms(be, &op, names, 8) > 1)
        puts(names[0]);
    return USABLE;
}

static bool find_device(void)
{
    device = tested_name();
    switch (in_process(look, NULL)) {
    case USABLE:
        return says("direct");
    case ABSENT:
        tap_skip_all("no device with a driver: %s", said);
    case SLOW:
        tap_skip_all("the device is emulated: too slow to train");
    default:
        tap_bail("%s", said);
    }
}

int main(void)
{
    const bool can_choose = find_device();
    double right;

    tap_plan(12);
    folder = folder_new("first-use");
    cache_begin();
    test_right(&right);
    test_wrong_op();
    if (can_choose) {
        test_wrong_algorithm(right);
    } else {
        tap_skip("a wrong algorithm: the device has no other");
        tap_skip("by name it is refused: the same");
    }
    test_deaths();
    cache_end();
    folder_remove(folder);
    return tap_done();
}
