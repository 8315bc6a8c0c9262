/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Selection by measurement: what is measured, kept and chosen.  The device is
 * the reference with three choices for each product, made slow or wrong; the
 * net is the trainer's small one.
 */
#include "tune/tune.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "op/op.h"
#include "soft.h"
#include "status.h"
#include "tap.h"
#include "trainer.h"

enum { CHOICES = 3 };

static struct {
    double seconds; /* that each run takes */
    bool wrong;
} ways[CHOICES];

/* The clock that choices are measured by, in place of the library's: other work
 * on this machine must not decide. */
static double now;

double clock_now(void)
{
    return now += 1e-6;
}

static uint64_t kernels = 1;
static const char *file; /* for what is measured */

/* ---- the device ---------------------------------------------------------- */

static int candidates(clade_backend *be, const struct clade_op *op,
                      struct backend_candidate list[], int max)
{
    const int n = op_is_product(op->kind) ? CHOICES : 1;

    (void)be;
    for (int i = 0; i < n && i < max; i++)
        list[i] =
            (struct backend_candidate){ .choice = { .algorithm = "reference",
                                                    .tune = { i } },
                                        .variant = i > 0 };
    return n;
}

/* Whether the file has a note that a product is being measured. */
static bool has_note(void)
{
    size_t n;
    char *text = access(file, F_OK) ? NULL : read_all(&n, file);
    const bool found = text && strstr(text, ": \"measuring\"");

    free(text);
    return found;
}

static bool noted; /* while a product was run */

static clade_status (*plain_run)(clade_backend *be, clade_task *task);

static clade_status run(clade_backend *be, clade_task *task)
{
    const struct clade_choice *c = &task->op.choice;

    noted |= has_note();
    if (op_is_product(task->op.kind))
        now += ways[c->tune[0]].seconds;
    return plain_run(be, task);
}

static void spoil(const struct clade_op *op)
{
    const struct clade_tensor *t = output(op);

    if (op_is_product(op->kind) && ways[op->choice.tune[0]].wrong)
        *element(t, clade_tensor_elements(t) / 2) += 1;
}

static char *measured_file(const struct clade_device *device, uint64_t *hash)
{
    (void)device;
    *hash = kernels;
    return strdup(file);
}

static clade_backend *open_device(void)
{
    clade_backend *be = faulty_open();

    plain_run = faulty.run;
    faulty.candidates = candidates;
    faulty.run = run;
    faulty.measured_file = measured_file;
    faulty_apply = spoil;
    return be;
}

static void close_device(clade_backend *be)
{
    faulty_close(be);
    soft_fault = SOFT_RIGHT;
}

/* ---- tuning -------------------------------------------------------------- */

static bool trains; /* the net; else it evaluates only */
static int most;    /* products that are measured before it is told to stop */
static int reported;

static void report(void *arg, const struct tune_progress *p)
{
    (void)arg;
    (void)p;
    reported++;
}

static bool stop(void *arg)
{
    (void)arg;
    return most && reported > most;
}

static struct tune_config config_with(double seconds, bool again)
{
    struct tune_config c = { .net = CLADE_NET_DEFAULTS,
                             .seconds = seconds,
                             .again = again,
                             .stop = stop,
                             .report = report };

    c.net.train_batch = trains ? BATCH : 0;
    c.net.eval_batch = BATCH;
    return c;
}

/* One tuning on a device that is opened for it. */
struct outcome {
    clade_status st;
    struct tune_result r;
    char notices[2048];
};

static struct outcome tune(double seconds, bool again)
{
    const struct tune_config c = config_with(seconds, again);
    clade_backend *be = open_device();
    struct outcome o = { .notices = "" };
    const char *text;

    reported = 0;
    o.st = tune_net(&o.r, be, &c);
    text = clade_backend_notices(be);
    snprintf(o.notices, sizeof o.notices, "%s", text ? text : "");
    close_device(be);
    return o;
}

/* The choices of a net, malloc'd, on a device that is opened for it; those of
 * an earlier net may be given. */
static char *choices(const char *earlier, char **notices)
{
    const struct tune_config c = config_with(0, false);
    struct clade_net_config config = c.net;
    clade_backend *be = open_device();
    const char *text;
    clade_net *net;
    char *all;

    config.algorithms = earlier;
    if (clade_net_new(&net, be, &config))
        tap_bail("%s", clade_error());
    all = strdup(clade_net_algorithms(net));
    clade_net_free(net);
    text = clade_backend_notices(be);
    if (notices)
        *notices = strdup(text ? text : "");
    close_device(be);
    return all;
}

static int count(const char *text, const char *word)
{
    int n = 0;

    for (; (text = strstr(text, word)); text++)
        n++;
    return n;
}

static void reset(void)
{
    unlink(file);
    most = 0;
    memset(ways, 0, sizeof ways);
    ways[0].seconds = 0.03; /* the usual choice is slow */
    ways[1].seconds = 0.01;
    ways[2].wrong = true; /* and the fastest wrong */
}

/* ---- the tests ----------------------------------------------------------- */

static void test_tuning(void)
{
    char *before, *after, *again, *named, *text;
    struct outcome o;
    size_t n;

    reset();
    trains = true;
    before = choices(NULL, NULL);
    tap_ok(!strstr(before, "reference:"), "nothing is measured: %s", before);
    o = tune(100, false);
    tap_ok(!o.st && o.r.count > 3 && o.r.measured == o.r.count && !o.r.left,
           "%d products are measured", o.r.measured);
    tap_ok(o.r.best < 0.8 * o.r.usual && o.r.best > 0,
           "a step gets faster: %.1f ms, as usual %.1f", 1e3 * o.r.best,
           1e3 * o.r.usual);
    tap_ok(count(o.notices, "reference:2 computes ") == o.r.count,
           "what is fast and wrong is found out");
    text = read_all(&n, file);
    tap_ok(!strstr(text, "reference:2") &&
               count(text, "\"choice\": \"reference:1\"") == o.r.count,
           "and never kept");
    free(text);
    after = choices(NULL, NULL);
    tap_ok(strstr(after, "reference:1") && !strstr(after, "\"reference\""),
           "a net takes what was measured: %s", after);
    again = choices(NULL, NULL);
    tap_ok(!strcmp(after, again), "and so does the next");
    named = choices(before, NULL);
    tap_ok(!strcmp(named, before), "what an earlier net chose comes first");
    o = tune(100, false);
    tap_ok(!o.st && !o.r.measured && !reported && o.r.best > 0,
           "a second tuning has nothing to do");
    ways[1].seconds = 0.06;
    o = tune(100, true);
    free(again);
    again = choices(NULL, NULL);
    tap_ok(!o.st && o.r.measured == o.r.count && !strcmp(again, before),
           "unless it is to measure again: now the usual choice is best");
    trains = false;
    free(named);
    free(again);
    free(after);
    free(before);
}

static void test_resumed(void)
{
    struct outcome first, second, none;
    int rows;
    char *text;
    size_t n;

    reset();
    none = tune(0, false);
    tap_ok(!none.st && none.r.left == none.r.count && access(file, F_OK),
           "without time nothing is measured");
    most = 1;
    first = tune(100, false);
    text = read_all(&n, file);
    rows = count(text, "\"choice\"");
    free(text);
    tap_ok(first.st == CLADE_EINTERRUPTED && first.r.measured == 1 &&
               rows == 1 && first.r.left == first.r.count - 1,
           "stopped after one product, it has kept %d", rows);
    most = 0;
    second = tune(100, false);
    tap_ok(!second.st && second.r.measured == first.r.left && !second.r.left,
           "the next call measures the other %d", second.r.measured);
}

/* A process that dies leaves a note of what it died of. */
static void test_died(void)
{
    struct measured_source s = { .device = "d", .driver = "1", .kernels = 1 };
    struct measured_row row = { .key = "" };
    struct measured *m;
    struct outcome o;
    char *usual, *got;

    reset();
    usual = choices(NULL, NULL);
    noted = false;
    if (tune(100, false).st)
        tap_bail("%s", clade_error());
    tap_ok(noted && !has_note(),
           "what is being measured is noted, but no longer");
    s.path = file;
    if (measured_read(&m, &s) || !measured_at(&row, m, 1))
        tap_bail("%s: no row", file);
    measured_free(m);
    unlink(file);
    if (measured_read(&m, &s) || measured_begin(m, row.key))
        tap_bail("%s", clade_error());
    measured_free(m);
    got = choices(NULL, NULL);
    tap_ok(has_note() && !strcmp(got, usual), "a note is no choice");
    o = tune(100, false);
    tap_ok(!o.st && o.r.left == 1 && o.r.measured == o.r.count - 1 &&
               strstr(o.notices, "passed over") && strstr(o.notices, row.label),
           "the product that is noted is passed over");
    o = tune(100, true);
    tap_ok(!o.st && !o.r.left && !has_note(), "unless all is measured again");
    free(usual);
    free(got);
}

/* Files that are no good.  The net must be made as usual, with one notice. */
static void test_files(void)
{
    static const struct {
        const char *text, *notice, *why;
    } files[] = {
        { "", "line 1", "empty" },
        { "{ \"format\"", "line 1", "cut" },
        { "[]", "products", "a list" },
        { "{}", "products", "an empty object" },
        { "{\"format\": \"clade-measured/1\", \"kernels\": 3, "
          "\"products\": {}}",
          "another version", "with a number for the kernels" },
        { "{\"format\": \"clade-measured/0\", \"kernels\": "
          "\"0000000000000001\", \"products\": {}}",
          "another version", "of another format" },
    };
    char *usual, *got, *notices;

    reset();
    usual = choices(NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        write_all(file, files[i].text, strlen(files[i].text));
        got = choices(NULL, &notices);
        tap_ok(!strcmp(got, usual) && strstr(notices, files[i].notice) &&
                   !strchr(notices, '\n'),
               "a file that is %s: %s", files[i].why, notices);
        free(got);
        free(notices);
    }
    tap_ok(!tune(100, false).st, "tuning replaces it");
    kernels = 2;
    got = choices(NULL, &notices);
    tap_ok(!strcmp(got, usual) && strstr(notices, "another version"),
           "other kernels: %s", notices);
    kernels = 1;
    free(got);
    free(notices);
    unlink(file);
    if (mkdir(file, 0777))
        tap_bail("%s: no folder", file);
    got = choices(NULL, &notices);
    tap_ok(!strcmp(got, usual) && strstr(notices, "is a folder"),
           "a folder in its place: %s", notices);
    rmdir(file);
    free(got);
    free(notices);
    free(usual);
}

/* Write the file anew: `text`, with every choice changed into `to`. */
static void change_choices(const char *text, const char *to)
{
    const char *const from = "\"choice\": \"reference:1\"";
    char *changed = calloc(4, strlen(text));
    size_t used = 0;

    if (!changed)
        tap_bail("no memory");
    for (const char *at = text, *next; *at; at = next) {
        next = strstr(at, from);
        next = next ? next : at + strlen(at);
        memcpy(changed + used, at, (size_t)(next - at));
        used += (size_t)(next - at);
        if (*next) {
            used += (size_t)sprintf(changed + used, "\"choice\": %s", to);
            next += strlen(from);
        }
    }
    write_all(file, changed, used);
    free(changed);
}

static void test_rows(void)
{
    static const char *const others[] = { "\"zzz\"", "\"reference:7\"",
                                          "\"\"",    "3",
                                          "null",    "[]" };
    char *usual, *got, *text;
    size_t n;

    reset();
    usual = choices(NULL, NULL);
    if (tune(100, false).st)
        tap_bail("%s", clade_error());
    text = read_all(&n, file);
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        change_choices(text, others[i]);
        got = choices(NULL, NULL);
        tap_ok(!strcmp(got, usual),
               "a choice that is not offered, %s, is not "
               "taken",
               others[i]);
        free(got);
    }
    free(text);
    free(usual);
}

/* ---- a product by transforms --------------------------------------------- */

static const char *const cases[] = {
    "conv_fwd:2x8x8x8:3x3/1+1.1.1.1:8x8x8:bias:relu:exact",
    "conv_bwd_data:2x8x8x8:3x3/1+1.1.1.1:8x8x8:exact",
    "conv_bwd_filter:2x8x8x8:5x5/1+2.2.2.2:8x8x8:exact",
};

/* Whether `winograd` takes part in the measurement of a case. */
static bool takes_part(const char *name, enum soft_fault fault)
{
    const struct tune_limits limits = { .seconds = 0 };
    struct tune_product p = { .c = soft_case(name), .key = "key", .uses = 1 };
    clade_backend *be = faulty_open();
    struct measured_row row;

    faulty_apply = spoil;
    soft_install();
    soft_fault = fault;
    if (tune_product(&row, be, &p, &limits))
        tap_bail("%s: %s", name, clade_error());
    clade_backend_notices(be);
    close_device(be);
    return !strcmp(row.best.choice, "winograd") ||
           !strcmp(row.next.choice, "winograd");
}

static void test_transforms(void)
{
    reset();
    memset(ways, 0, sizeof ways);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        tap_ok(takes_part(cases[i], SOFT_RIGHT), "%s: winograd takes part",
               cases[i]);
        tap_ok(!takes_part(cases[i], SOFT_TERM_LOST) &&
                   !takes_part(cases[i], SOFT_ONE_UNIT) &&
                   !takes_part(cases[i], SOFT_SIGN),
               "but not with a term lost, a unit off or a sign");
    }
}

static void test_refused(void)
{
    const struct tune_config c = config_with(100, false);
    struct tune_result r;

    tap_ok(tune_net(&r, cpu, &c) == CLADE_EUNSUPPORTED &&
               strstr(clade_error(), "nothing to tune"),
           "the reference has nothing to tune");
}

int main(void)
{
    tap_plan(39);
    trainer_begin("tune");
    file = strdup(path("kept", "measured.json"));
    test_tuning();
    test_resumed();
    test_died();
    test_files();
    test_rows();
    test_transforms();
    test_refused();
    trainer_end();
    return tap_done();
}
