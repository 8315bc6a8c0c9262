/* SPDX-License-Identifier: Apache-2.0 */
/* Training runs: their files, and how they end, are resumed and fail. */
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "trainer.h"

static void append(const char *name, const char *text)
{
    FILE *f = fopen(name, "a");

    if (!f || fputs(text, f) < 0 || fclose(f))
        tap_bail("%s: %s", name, strerror(errno));
}

static bool exists(const char *name)
{
    return !access(name, F_OK);
}

/* How many files are in a run's folder; -1 if there is no folder. */
static int files_in(const char *run)
{
    DIR *folder = opendir(path(run, ""));
    int n = 0;

    if (!folder)
        return -1;
    for (const struct dirent *e; (e = readdir(folder));)
        n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
    closedir(folder);
    return n;
}

static void test_straight(void)
{
    clade_status st = train("straight", 2, false);

    if (!tap_ok(!st, "two epochs train"))
        tap_bail("%s", clade_error());
    tap_ok(seen.steps == 2 * STEPS && seen.n_rows == 2,
           "the observer is called for each step and each epoch");
    tap_ok(!train("again", 2, false) && same_run("straight", "again"),
           "the same seed gives the same files, byte for byte");
}

/* The number in a cell of a csv text. */
static double csv_cell(const char *text, int line, int column)
{
    while (line--)
        text = strchr(text, '\n') + 1;
    while (column--)
        text = strchr(text, ',') + 1;
    return strtod(text, NULL);
}

static void test_files(void)
{
    static const char header[] =
        "epoch,loss,classifier_loss,classifier_accuracy,aux1_loss,"
        "aux1_accuracy,val_loss,val_classifier_loss,val_classifier_accuracy,"
        "val_aux1_loss,val_aux1_accuracy\n";
    size_t n;
    char *history = read_all(&n, path("straight", "history.csv"));
    char *steps = read_all(&n, path("straight", "steps.csv"));
    static const char first[] = "epoch,step,learning_rate,loss,"
                                "classifier_loss,aux1_loss\n0,0,0.01,";
    double sum = 0, mean;

    tap_ok(!strncmp(history, header, sizeof header - 1),
           "history.csv has Keras' columns");
    tap_ok(!strncmp(steps, first, sizeof first - 1),
           "steps.csv has its columns, and the learning rate as 0.01");
    for (int i = 0; i < STEPS; i++)
        sum += csv_cell(steps, 1 + i, 3) * (i + 1 < STEPS ? BATCH : 1);
    mean = csv_cell(history, 1, 1);
    tap_ok(fabs(mean - sum / IMAGES) <= 1e-6,
           "an epoch's loss is the mean over its images: %.6f, %.6f", mean,
           sum / IMAGES);
    tap_ok(csv_cell(steps, STEPS + 1, 0) == 1 &&
               csv_cell(steps, STEPS + 1, 1) == STEPS,
           "the step number goes on in the next epoch");
    free(history);
    free(steps);
}

static void test_resume(void)
{
    tap_ok(!train("resumed", 1, false) && !train("resumed", 2, true) &&
               same_run("straight", "resumed"),
           "one epoch and one more give the same files as two, byte for byte");
    tap_ok(seen.n_rows == 2 && seen.rows[0].resumed && !seen.rows[1].resumed,
           "the resumed run reports the earlier epoch, too");
    tap_ok(!train("resumed", 2, true) && !seen.steps &&
               same_run("straight", "resumed"),
           "resuming a complete run changes nothing");
}

static void test_interrupted(void)
{
    struct clade_train_config c = config_for("interrupted", 2);
    clade_status st = train_for(&c, 2);

    tap_ok(failed(st, CLADE_EINTERRUPTED, "before the first", "epoch") &&
               seen.steps == 2 &&
               !exists(path("interrupted", "checkpoint.safetensors")),
           "a run can be interrupted between two steps of its first epoch");
    /* `stop` is called three times in an epoch's training, and twice in its
     * validation. */
    st = train_for(&c, 5 + 1);
    tap_ok(failed(st, CLADE_EINTERRUPTED, "1 of 2", "resume the run"),
           "without a checkpoint it starts again, to its second epoch");
    tap_ok(!train("interrupted", 2, true) &&
               same_run("straight", "interrupted"),
           "resumed, it gives the same files as an unbroken run");
}

/* Five steps and an empty line, which is not the sixth. */
#define STEPS_TEXT                                                             \
    "epoch,step,learning_rate,loss,classifier_loss,aux1_loss\n"                \
    "0,0,0,0,0,0\n0,1,0,0,0,0\n0,2,0,0,0,0\n1,3,0,0,0,0\n\n1,4,0,0,0,0\n"

static void test_cut(void)
{
    copy_run("cut", "straight");
    train("cut", 3, true);
    copy_run("longer", "straight");
    append(path("longer", "history.csv"), "2,9,9,9,9,9,9,9,9,9,9\n2,1");
    append(path("longer", "steps.csv"), "2,6,0.01,9,9,9\n2,7,");
    tap_ok(!train("longer", 3, true) && same_run("cut", "longer"),
           "rows after the checkpoint's epochs are removed, even a broken one");
    copy_run("shorter", "straight");
    write_all(path("shorter", "history.csv"), "", 0);
    tap_ok(failed(train("shorter", 3, true), CLADE_EDATA, "history.csv",
                  "first line"),
           "a history without its header is refused");
    copy_run("shorter", "straight");
    truncate(path("shorter", "steps.csv"), 120);
    tap_ok(
        failed(train("shorter", 3, true), CLADE_EDATA, "steps.csv", "missing"),
        "missing steps are refused");
    copy_run("shorter", "straight");
    write_all(path("shorter", "steps.csv"), STEPS_TEXT, sizeof STEPS_TEXT - 1);
    tap_ok(
        failed(train("shorter", 3, true), CLADE_EDATA, "steps.csv", "missing"),
        "an empty line is no step");
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "steps.csv" : "history.csv";

        copy_run("shorter", "straight");
        unlink(path("shorter", name));
        tap_ok(failed(train("shorter", 3, true), CLADE_EDATA, name,
                      "in another folder"),
               "without %s a run cannot be resumed", name);
    }
}

static void test_in_use(void)
{
    tap_ok(failed(train("straight", 2, false), CLADE_EINUSE, "straight",
                  "resume that"),
           "a folder that holds another run is refused");
    tap_ok(
        failed(train("nothing", 2, true), CLADE_EDATA,
               "nothing: there is no checkpoint", "start a new run"),
        "resuming without a run is refused, and the message says what to do");
    tap_ok(!exists(path("nothing", "")), "and it makes no folder");
    copy_run("foreign", "straight");
    unlink(path("foreign", "checkpoint.safetensors"));
    tap_ok(failed(train("foreign", 2, false), CLADE_EINUSE, "foreign: holds",
                  "another folder"),
           "so is one that holds its previous checkpoint alone");
    unlink(path("foreign", "checkpoint.previous.safetensors"));
    unlink(path("foreign", "steps.csv"));
    tap_ok(failed(train("foreign", 2, false), CLADE_EINUSE, "history.csv",
                  "another folder"),
           "and one with a history that no run of clade can have left");
}

/* ---- one run at a time --------------------------------------------------- */

/* What other runs in the same folder get during a step. */
struct rivals {
    const char *run;
    clade_status here, resumed;
    bool named; /* does the message name the folder and say what to do? */
    int in_child;
};

static int train_in_child(const struct clade_train_config *c)
{
    const pid_t child = fork();
    int status;

    if (!child) {
        alarm(60); /* a child cannot compute with its parent's threads */
        _exit((int)clade_train(cpu, c, NULL));
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void on_rivals(void *arg, const struct clade_train_step *step)
{
    struct rivals *r = arg;
    struct clade_train_config c = config_for(r->run, 1);

    if (step->step)
        return;
    if (step->epoch == 0) {
        r->in_child = train_in_child(&c);
        r->here = clade_train(cpu, &c, NULL);
        r->named =
            strstr(clade_error(), r->run) && strstr(clade_error(), "wait");
    } else {
        c.resume = true;
        r->resumed = clade_train(cpu, &c, NULL);
    }
}

static void test_rivals(void)
{
    struct rivals r = { .run = "rivals" };
    const struct clade_train_observer observer = { .arg = &r,
                                                   .step = on_rivals };
    struct clade_train_config c = config_for("rivals", 2);

    tap_ok(!clade_train(cpu, &c, &observer) && same_run("straight", "rivals"),
           "a run is not disturbed by others in its folder");
    tap_ok(r.here == CLADE_EINUSE && r.named,
           "they are refused, with the folder's name and what to do");
    tap_ok(r.in_child == CLADE_EINUSE, "in another process, too");
    tap_ok(r.resumed == CLADE_EINUSE, "and with --resume");
    tap_ok(!train("rivals", 3, true) && files_in("rivals") == 4,
           "when the run has ended, its folder is free, with its files");
}

static void test_leftovers(void)
{
    copy_run("left", "straight");
    append(path("left", "checkpoint.safetensors.4194304-0.tmp"), "half a");
    tap_ok(!train("left", 2, true) && files_in("left") == 4,
           "what a killed run left behind is removed");
}

static void on_remove(void *arg, const struct clade_train_step *step)
{
    if (step->step)
        rmdir(path(arg, ""));
}

static void test_removed(void)
{
    const struct clade_train_observer observer = { .arg = "removed",
                                                   .step = on_remove };
    struct clade_train_config c = config_for("removed", 2);

    tap_ok(failed(clade_train(cpu, &c, &observer), CLADE_EIO, "removed/", "No"),
           "if its folder is removed, a run ends, and names the file");
    c = config_for("not/made", 1);
    c.data = "no/such/data";
    tap_ok(failed(clade_train(cpu, &c, NULL), CLADE_EDATA, "no/such", "") &&
               files_in("not") < 0,
           "a run that cannot start leaves no folder");
    c.out = "";
    tap_ok(failed(clade_train(cpu, &c, NULL), CLADE_EUSAGE, "folder", ""),
           "a run needs a folder's name");
}

/* ---- failures ------------------------------------------------------------ */

static void test_disk_full(void)
{
    struct rlimit old, small;
    clade_status st;

    copy_run("full", "straight");
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 8192; /* enough for the csv files only */
    setrlimit(RLIMIT_FSIZE, &small);
    st = train("full", 3, true);
    setrlimit(RLIMIT_FSIZE, &old);
    tap_ok(failed(st, CLADE_EIO, "full/checkpoint.safetensors", "large"),
           "a checkpoint that cannot be written is named");
    tap_ok(files_in("full") == 4 &&
               same_file(path("full", "checkpoint.safetensors"),
                         path("straight", "checkpoint.safetensors")),
           "no part of it is left, and the old one is unchanged");
    tap_ok(!train("full", 3, true) && same_run("full", "cut"),
           "with space again, the run can be resumed");
}

static void test_failures(void)
{
    struct clade_train_config c = config_for("hot", 2);

    tap_ok(failed(train("straight/history.csv/x", 1, false), CLADE_EIO,
                  "history.csv", "directory"),
           "a folder that cannot be made is named");
    c.learning_rate = 1e30;
    tap_ok(failed(train_for(&c, 0), CLADE_EDIVERGED, "epoch", "step"),
           "a rate of 1e30 diverges, and the message says where");
}

int main(void)
{
    trainer_begin("train-test");
    tap_plan(3 + 4 + 3 + 3 + 6 + 5 + 5 + 1 + 3 + 3 + 2);
    test_straight();
    test_files();
    test_resume();
    test_interrupted();
    test_cut();
    test_in_use();
    test_rivals();
    test_leftovers();
    test_removed();
    test_disk_full();
    test_failures();
    trainer_end();
    return tap_done();
}
