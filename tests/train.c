/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trainer and its files, on the reference, with a small net in GoogLeNet's
 * place: this program has its own table of networks, which the linker takes
 * instead of the library's.
 */
#include <clade/train.h>

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "folder.h"
#include "net/table.h"
#include "tap.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* ---- a small net --------------------------------------------------------- */

/* clang-format off */
static const struct net_row rows[] = {
    { .kind = NET_CONV, .name = "conv1", .window = { 5, 4, .same = true },
      .k = { 4 }, .relu = true, .bias = 0.2f },
    { .kind = NET_MAXPOOL, .name = "pool1", .window = { 3, 2, .same = true } },
    { .kind = NET_HEAD, .name = "aux1/classifier", .head = 1, .title = "aux1",
      .weight = 0.3 },
    { .kind = NET_DROPOUT, .name = "dropout", .from = "pool1", .rate = 0.4f },
    { .kind = NET_HEAD, .name = "classifier", .head = 0,
      .title = "classifier", .weight = 1, .bias = 0.2f },
};
/* clang-format on */

static const struct net_table table = {
    .name = "googlenet-cifar10",
    .source_h = 32,
    .source_w = 32,
    .h = 32,
    .w = 32,
    .c = 3,
    .classes = 10,
    .rows = rows,
    .n_rows = (int)COUNT_OF(rows),
};

const char net_table_names[] = "googlenet-cifar10";

const struct net_table *net_table_find(const char *name)
{
    return strcmp(name, table.name) ? NULL : &table;
}

/* ---- runs ---------------------------------------------------------------- */

/* 5 images in batches of 2: three steps an epoch, the last of one image. */
#define IMAGES 5
#define BATCH  2
#define STEPS  3
#define TESTS  3

static clade_backend *cpu;
static char *folder; /* all that is written is in it */

/* What the observer of the last run saw. */
static struct {
    int stop_after; /* questions; 0: never */
    int asked, steps, notices, n_rows;
    struct clade_train_epoch rows[8];
} seen;

static bool on_stop(void *arg)
{
    (void)arg;
    return seen.stop_after && ++seen.asked > seen.stop_after;
}

static void on_step(void *arg, const struct clade_train_step *step)
{
    (void)arg;
    (void)step;
    seen.steps++;
}

static void on_epoch(void *arg, const struct clade_train_epoch *epoch)
{
    (void)arg;
    if (seen.n_rows < (int)COUNT_OF(seen.rows))
        seen.rows[seen.n_rows++] = *epoch;
}

static void on_notice(void *arg, const char *text)
{
    (void)arg;
    (void)text;
    seen.notices++;
}

/* "FOLDER/run/name", in a text that three further calls leave alone. */
static const char *path(const char *run, const char *name)
{
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % COUNT_OF(texts)];

    snprintf(text, sizeof texts[0], "%s/%s%s%s", folder, run, *name ? "/" : "",
             name);
    return text;
}

static struct clade_train_config config_for(const char *run, int epochs)
{
    struct clade_train_config c = CLADE_TRAIN_DEFAULTS;

    c.train_count = IMAGES;
    c.test_count = TESTS;
    c.batch = BATCH;
    c.epochs = epochs;
    c.out = path(run, "");
    return c;
}

static clade_status train_for(const struct clade_train_config *c,
                              int stop_after)
{
    static const struct clade_train_observer observer = {
        .step = on_step,
        .epoch = on_epoch,
        .notice = on_notice,
        .stop = on_stop,
    };

    memset(&seen, 0, sizeof seen);
    seen.stop_after = stop_after;
    return clade_train(cpu, c, &observer);
}

static clade_status train(const char *run, int epochs, bool resume)
{
    struct clade_train_config c = config_for(run, epochs);

    c.resume = resume;
    return train_for(&c, 0);
}

/* ---- files --------------------------------------------------------------- */

static const char *const files[] = { "history.csv", "steps.csv",
                                     "checkpoint.safetensors" };

static char *read_all(size_t *n, const char *name)
{
    char *text;

    if (file_read(&text, n, name))
        tap_bail("%s", clade_error());
    return text;
}

static void write_all(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(name, "wb");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f))
        tap_bail("%s: %s", name, strerror(errno));
}

static bool same_file(const char *a, const char *b)
{
    size_t n, m;
    char *x = read_all(&n, a), *y = read_all(&m, b);
    bool same = n == m && !memcmp(x, y, n);

    if (!same)
        tap_note("%s (%zu bytes) and %s (%zu) differ", a, n, b, m);
    free(x);
    free(y);
    return same;
}

static bool same_run(const char *a, const char *b)
{
    bool same = true;

    for (size_t i = 0; i < COUNT_OF(files); i++)
        same &= same_file(path(a, files[i]), path(b, files[i]));
    return same;
}

static void copy_run(const char *to, const char *from)
{
    mkdir(path(to, ""), 0777);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        size_t n;
        char *bytes = read_all(&n, path(from, files[i]));

        write_all(path(to, files[i]), bytes, n);
        free(bytes);
    }
}

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

/* Was `st` returned, with `a` and `b` in its message? */
static bool failed(clade_status got, clade_status st, const char *a,
                   const char *b)
{
    bool good =
        got == st && strstr(clade_error(), a) && strstr(clade_error(), b);

    if (!good)
        tap_note("got %s: %s; wanted %s and in it \"%s\" and \"%s\"",
                 clade_status_text(got), got ? clade_error() : "",
                 clade_status_text(st), a, b);
    return good;
}

/* ---- tests --------------------------------------------------------------- */

static void test_schedule(void)
{
    tap_ok(clade_train_rate(0.01, 0) == 0.01 &&
               clade_train_rate(0.01, 6) == 0.01 &&
               fabs(clade_train_rate(0.01, 7) - 0.0098) < 1e-15 &&
               fabs(clade_train_rate(0.01, 24) - 0.01 * 0.98 * 0.98 * 0.98) <
                   1e-15,
           "the learning rate falls by 2 %% before epochs 7, 15 and 23");
}

static void test_straight(void)
{
    clade_status st = train("straight", 2, false);

    if (!tap_ok(!st, "two epochs train"))
        tap_bail("%s", clade_error());
    tap_ok(seen.steps == 2 * STEPS && seen.n_rows == 2,
           "a callback a step and an epoch");
    tap_ok(!train("again", 2, false) && same_run("straight", "again"),
           "the same seed gives the same files, byte for byte");
}

/* Column `column` of line `line` of a text. */
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
           "steps.csv has its columns, and the rate without noise");
    for (int i = 0; i < STEPS; i++)
        sum += csv_cell(steps, 1 + i, 3) * (i + 1 < STEPS ? BATCH : 1);
    mean = csv_cell(history, 1, 1);
    tap_ok(fabs(mean - sum / IMAGES) <= 1e-6,
           "an epoch's loss weighs its steps by images: %.6f, %.6f", mean,
           sum / IMAGES);
    tap_ok(csv_cell(steps, STEPS + 1, 0) == 1 &&
               csv_cell(steps, STEPS + 1, 1) == STEPS,
           "steps count on over the epochs");
    free(history);
    free(steps);
}

static void test_resume(void)
{
    tap_ok(!train("resumed", 1, false) && !train("resumed", 2, true) &&
               same_run("straight", "resumed"),
           "one epoch and one more leave what two leave, byte for byte");
    tap_ok(seen.n_rows == 2 && seen.rows[0].resumed && !seen.rows[1].resumed,
           "the resumed run tells of the earlier epoch");
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
           "a run is interrupted between two steps of its first epoch");
    /* An epoch asks three times to train and twice to validate. */
    st = train_for(&c, 5 + 1);
    tap_ok(failed(st, CLADE_EINTERRUPTED, "1 of 2", "--resume"),
           "an empty run is begun again, and interrupted in its second epoch");
    tap_ok(!train("interrupted", 2, true) &&
               same_run("straight", "interrupted"),
           "resumed, it leaves what an unbroken run leaves");
}

static void test_cut(void)
{
    copy_run("cut", "straight");
    train("cut", 3, true);
    copy_run("longer", "straight");
    append(path("longer", "history.csv"), "2,9,9,9,9,9,9,9,9,9,9\n2,1");
    append(path("longer", "steps.csv"), "2,6,0.01,9,9,9\n2,7,");
    tap_ok(!train("longer", 3, true) && same_run("cut", "longer"),
           "rows past the checkpoint's epochs are cut, whole or not");
    copy_run("shorter", "straight");
    write_all(path("shorter", "history.csv"), "", 0);
    tap_ok(failed(train("shorter", 3, true), CLADE_EDATA, "history.csv",
                  "first line"),
           "a history without its header is refused");
    copy_run("shorter", "straight");
    truncate(path("shorter", "steps.csv"), 120);
    tap_ok(
        failed(train("shorter", 3, true), CLADE_EDATA, "steps.csv", "missing"),
        "steps that are missing are named");
}

static void test_in_use(void)
{
    tap_ok(failed(train("straight", 2, false), CLADE_EINUSE, "straight",
                  "--resume"),
           "a folder that holds another run is refused");
    tap_ok(failed(train("nothing", 2, true), CLADE_EDATA,
                  "nothing/checkpoint.safetensors", ""),
           "resuming where there is no run is refused");
    tap_ok(!exists(path("nothing", "")), "and makes no folder");
}

static void test_other_run(void)
{
    static const struct {
        const char *key, *both[2];
    } cases[] = {
        { "seed", { "1", "2" } },
        { "batch", { "2", "3" } },
        { "train_count", { "5", "6" } },
        { "test_count", { "3", "4" } },
        { "learning_rate", { "0.01", "0.02" } },
    };

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct clade_train_config c = config_for("straight", 3);
        char had[64], has[64];

        c.resume = true;
        c.seed += i == 0;
        c.batch += i == 1;
        c.train_count += i == 2;
        c.test_count += i == 3;
        c.learning_rate += i == 4 ? 0.01 : 0;
        snprintf(had, sizeof had, "with %s %s", cases[i].key, cases[i].both[0]);
        snprintf(has, sizeof has, "has %s", cases[i].both[1]);
        tap_ok(failed(train_for(&c, 0), CLADE_EDATA, had, has),
               "resuming with another %s is refused, both values named",
               cases[i].key);
    }
}

/* ---- checkpoints --------------------------------------------------------- */

static clade_status new_net(clade_net **net)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.train_batch = BATCH;
    config.eval_batch = BATCH;
    config.eval_last = TESTS % BATCH;
    config.seed = 99; /* other initial values than any run's */
    return clade_net_new(net, cpu, &config);
}

/* The sum of a net's first parameter: tells whether it was written. */
static double first_sum(clade_net *net)
{
    const struct clade_parameter *list;
    double sum = 0;
    size_t n;
    float *v;

    clade_net_parameters(net, &list);
    n = (size_t)clade_tensor_elements(&list[0].value);
    v = malloc(n * sizeof *v);
    if (!v || clade_net_read(net, v, list[0].value))
        tap_bail("%s", clade_error());
    for (size_t i = 0; i < n; i++)
        sum += v[i];
    free(v);
    return sum;
}

/* Open a checkpoint and load it into a net of its own. */
static clade_status load(const char *name)
{
    clade_checkpoint *checkpoint = NULL;
    clade_net *net;
    clade_status st;
    double before;

    if (new_net(&net))
        tap_bail("%s", clade_error());
    before = first_sum(net);
    st = clade_checkpoint_open(&checkpoint, name);
    if (!st)
        st = clade_checkpoint_load(checkpoint, net);
    if (st && first_sum(net) != before) {
        tap_note("%s was refused, yet changed the net", name);
        st = CLADE_EFAIL;
    }
    clade_checkpoint_close(checkpoint);
    clade_net_free(net);
    return st;
}

static void test_round_trip(void)
{
    struct clade_data data;
    clade_checkpoint *checkpoint;
    const struct clade_checkpoint_info *info;
    struct clade_figures figures;
    clade_net *net;

    train("read", 2, false);
    if (clade_checkpoint_open(&checkpoint,
                              path("read", "checkpoint.safetensors")) ||
        new_net(&net) || clade_checkpoint_load(checkpoint, net) ||
        clade_data_builtin(&data, 0, TESTS, 1) ||
        clade_train_evaluate(&figures, net, &data.test, BATCH, NULL))
        tap_bail("%s", clade_error());
    info = clade_checkpoint_info(checkpoint);
    tap_ok(info->epoch == 2 && info->seed == 1 && info->batch == BATCH &&
               info->train_count == IMAGES && info->test_count == TESTS &&
               info->learning_rate == 0.01 && !strcmp(info->net, table.name) &&
               !strncmp(info->data, "builtin", 7),
           "a checkpoint says which run left it");
    tap_ok(figures.loss == seen.rows[1].test.loss &&
               figures.accuracy[0] == seen.rows[1].test.accuracy[0],
           "read back, it gives the validation's loss to the bit: %.17g, %.17g",
           figures.loss, seen.rows[1].test.loss);
    clade_data_free(&data);
    clade_net_free(net);
    clade_checkpoint_close(checkpoint);
}

/* Faults in the text of the header, put in place of as many bytes. */
static const struct {
    const char *why, *from, *to, *says;
} damages[] = {
    { "JSON with a hole",
      "{\"__metadata__\":", " \"__metadata__\":", "no JSON" },
    { "another format", "clade-checkpoint/1", "clade-checkpoint/7", "/7" },
    { "a number that is none", "\"epoch\":\"2\"", "\"epoch\":\"x\"", "epoch" },
    { "metadata without the seed", "\"seed\":", "\"sead\":", "seed" },
    { "a type that is not F32", "\"conv1/kernel\":{\"dtype\":\"F32\"",
      "\"conv1/kernel\":{\"dtype\":\"F16\"", "conv1/kernel" },
    { "a tensor renamed", "\"conv1/kernel\"", "\"conv2/kernel\"",
      "conv1/kernel" },
    { "a momentum renamed", "\"momentum/conv1/bias\"",
      "\"momentum/conv2/bias\"", "momentum/conv1/bias" },
    { "a shape turned", "\"shape\":[5,5,3,4]", "\"shape\":[5,3,5,4]",
      "conv1/kernel" },
    { "a shape of another size", "\"shape\":[5,5,3,4]", "\"shape\":[5,5,3,3]",
      "conv1/kernel" },
    { "data that begin late", "\"data_offsets\":[0,1200]",
      "\"data_offsets\":[4,1204]", "conv1/kernel" },
};

static clade_status load_damaged(const char *bytes, size_t n)
{
    const char *name = path("damaged", "checkpoint.safetensors");

    write_all(name, bytes, n);
    return load(name);
}

static void test_damage(const char *good, size_t n, size_t i)
{
    char *bytes = malloc(n);
    char *at;

    memcpy(bytes, good, n);
    at = memmem(bytes, n, damages[i].from, strlen(damages[i].from));
    if (!at)
        tap_bail("no %s in the checkpoint", damages[i].from);
    memcpy(at, damages[i].to, strlen(damages[i].to));
    tap_ok(failed(load_damaged(bytes, n), CLADE_EDATA,
                  "damaged/checkpoint.safetensors", damages[i].says),
           "%s is refused", damages[i].why);
    free(bytes);
}

static void test_damages(void)
{
    size_t n;
    char *good = read_all(&n, path("straight", "checkpoint.safetensors"));
    char *longer = calloc(1, n + 1);
    char length[8];

    mkdir(path("damaged", ""), 0777);
    tap_ok(!load_damaged(good, n), "the undamaged copy is read");
    for (size_t i = 0; i < COUNT_OF(damages); i++)
        test_damage(good, n, i);
    tap_ok(failed(load_damaged(good, 4), CLADE_EDATA, "checkpoint", "8 bytes"),
           "four bytes are refused");
    tap_ok(
        failed(load_damaged(good, 100), CLADE_EDATA, "checkpoint", "cut short"),
        "half a header is refused");
    tap_ok(failed(load_damaged(good, n - 1), CLADE_EDATA, "tensor momentum/",
                  "cut short"),
           "a last byte missing is refused, the tensor named");
    memcpy(longer, good, n);
    tap_ok(failed(load_damaged(longer, n + 1), CLADE_EDATA, "checkpoint",
                  "1 bytes follow"),
           "a byte too many is refused");
    memset(length, 0xff, sizeof length);
    memcpy(longer, length, sizeof length);
    tap_ok(failed(load_damaged(longer, n), CLADE_EDATA, "checkpoint",
                  "18446744073709551615"),
           "a header length of 2^64 - 1 is refused");
    free(longer);
    free(good);
}

/* Change the byte after the first `text` in a run's checkpoint. */
static void change_after(const char *run, const char *text)
{
    const char *name = path(run, "checkpoint.safetensors");
    size_t n;
    char *bytes = read_all(&n, name);
    char *at = memmem(bytes, n, text, strlen(text));

    if (!at)
        tap_bail("no %s in %s", text, name);
    at[strlen(text)] = 'X';
    write_all(name, bytes, n);
    free(bytes);
}

static void test_elsewhere(void)
{
    copy_run("elsewhere", "straight");
    change_after("elsewhere", "\"device\":\"");
    tap_ok(!train("elsewhere", 3, true) && seen.notices == 1,
           "another device's run goes on, with a notice");
    copy_run("retuned", "straight");
    change_after("retuned", "\"algorithms\":\"{\\\"");
    tap_ok(failed(train("retuned", 3, true), CLADE_EDATA, "algorithm", "none"),
           "this device's run with other algorithms is refused");
    copy_run("renamed", "straight");
    change_after("renamed", "\"net\":\"");
    tap_ok(failed(train("renamed", 3, true), CLADE_EDATA, "with net X",
                  "has googlenet-cifar10"),
           "another net's run is refused");
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
    small.rlim_cur = 8192; /* enough for the csv files alone */
    setrlimit(RLIMIT_FSIZE, &small);
    st = train("full", 3, true);
    setrlimit(RLIMIT_FSIZE, &old);
    tap_ok(failed(st, CLADE_EIO, "full/checkpoint.safetensors", "large"),
           "a checkpoint that cannot be written is named");
    tap_ok(!exists(path("full", "checkpoint.safetensors.tmp")) &&
               same_file(path("full", "checkpoint.safetensors"),
                         path("straight", "checkpoint.safetensors")),
           "no part of it is left, and the old one is whole");
    tap_ok(!train("full", 3, true) && same_run("full", "cut"),
           "with room again, the run goes on as if nothing had been");
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

static void clean_up(void)
{
    folder_remove(folder);
}

int main(void)
{
    folder = folder_new("train-test");
    atexit(clean_up);
    if (clade_backend_open(&cpu, "cpu"))
        tap_bail("cpu: %s", clade_error());
    tap_plan(1 + 3 + 4 + 3 + 3 + 3 + 3 + 5 + 2 + 6 + (int)COUNT_OF(damages) +
             3 + 3 + 2);
    test_schedule();
    test_straight();
    test_files();
    test_resume();
    test_interrupted();
    test_cut();
    test_in_use();
    test_other_run();
    test_round_trip();
    test_damages();
    test_elsewhere();
    test_disk_full();
    test_failures();
    clade_backend_close(cpu);
    return tap_done();
}
