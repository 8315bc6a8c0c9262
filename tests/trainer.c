/* SPDX-License-Identifier: Apache-2.0 */
#include "trainer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"
#include "folder.h"
#include "net/table.h"
#include "tap.h"

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

const struct net_table *net_table_at(int i)
{
    return i ? NULL : &table;
}

const struct net_table *net_table_find(const char *name)
{
    return strcmp(name, table.name) ? NULL : &table;
}

/* ---- runs ---------------------------------------------------------------- */

clade_backend *cpu;
struct seen seen;
static char *folder; /* for all files */

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
    seen.notices++;
    snprintf(seen.notice, sizeof seen.notice, "%s", text);
}

const char *path(const char *run, const char *name)
{
    static char texts[4][128];
    static unsigned next;
    char *text = texts[next++ % COUNT_OF(texts)];

    snprintf(text, sizeof texts[0], "%s/%s%s%s", folder, run, *name ? "/" : "",
             name);
    return text;
}

struct clade_train_config config_for(const char *run, int epochs)
{
    struct clade_train_config c = CLADE_TRAIN_DEFAULTS;

    c.train_count = IMAGES;
    c.test_count = TESTS;
    c.batch = BATCH;
    c.epochs = epochs;
    c.out = path(run, "");
    return c;
}

clade_status train_for(const struct clade_train_config *c, int stop_after)
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

clade_status train(const char *run, int epochs, bool resume)
{
    struct clade_train_config c = config_for(run, epochs);

    c.resume = resume;
    return train_for(&c, 0);
}

/* ---- nets ---------------------------------------------------------------- */

clade_status new_net(clade_net **net)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.train_batch = BATCH;
    config.eval_batch = BATCH;
    config.eval_last = TESTS % BATCH;
    config.seed = 99; /* initial values that no run here has */
    return clade_net_new(net, cpu, &config);
}

/* The sum of a net's first parameter.  It changes when the net is written. */
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

clade_status load(const char *name)
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

/* ---- files --------------------------------------------------------------- */

static const char *const files[] = { "history.csv", "steps.csv",
                                     "checkpoint.safetensors" };
/* A run need not have these. */
static const char *const more_files[] = { "checkpoint.previous.safetensors",
                                          "best.safetensors" };

static bool is_there(const char *name)
{
    return !access(name, F_OK);
}

char *read_all(size_t *n, const char *name)
{
    char *text;

    if (file_read(&text, n, name))
        tap_bail("%s", clade_error());
    return text;
}

void write_all(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(name, "wb");

    if (!f || fwrite(bytes, 1, n, f) != n || fclose(f))
        tap_bail("%s: %s", name, strerror(errno));
}

bool same_file(const char *a, const char *b)
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

bool same_run(const char *a, const char *b)
{
    bool same = true;

    for (size_t i = 0; i < COUNT_OF(files); i++)
        same &= same_file(path(a, files[i]), path(b, files[i]));
    for (size_t i = 0; i < COUNT_OF(more_files); i++) {
        const char *in_a = path(a, more_files[i]),
                   *in_b = path(b, more_files[i]);

        if (is_there(in_a) || is_there(in_b))
            same &= is_there(in_a) && is_there(in_b) && same_file(in_a, in_b);
    }
    return same;
}

void copy_file(const char *to, const char *from)
{
    size_t n;
    char *bytes = read_all(&n, from);

    unlink(to); /* it may be another name of a file that stays */
    write_all(to, bytes, n);
    free(bytes);
}

void copy_run(const char *to, const char *from)
{
    mkdir(path(to, ""), 0777);
    for (size_t i = 0; i < COUNT_OF(files); i++)
        copy_file(path(to, files[i]), path(from, files[i]));
    for (size_t i = 0; i < COUNT_OF(more_files); i++)
        if (is_there(path(from, more_files[i])))
            copy_file(path(to, more_files[i]), path(from, more_files[i]));
}

bool failed(clade_status got, clade_status st, const char *a, const char *b)
{
    bool good =
        got == st && strstr(clade_error(), a) && strstr(clade_error(), b);

    if (!good)
        tap_note("got %s: %s; wanted %s and in it \"%s\" and \"%s\"",
                 clade_status_text(got), got ? clade_error() : "",
                 clade_status_text(st), a, b);
    return good;
}

/* ---- begin and end ------------------------------------------------------- */

static void clean_up(void)
{
    folder_remove(folder);
}

void trainer_begin(const char *name)
{
    folder = folder_new(name);
    atexit(clean_up); /* also after tap_bail() */
    if (clade_backend_open(&cpu, "cpu"))
        tap_bail("cpu: %s", clade_error());
}

void trainer_end(void)
{
    clade_backend_close(cpu);
}
