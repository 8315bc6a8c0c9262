/* SPDX-License-Identifier: Apache-2.0 */
/* Selection by measurement, and what it has found. */
#include "tune/tune.h"

#include <stdlib.h>
#include <string.h>

#include "status.h"
#include "tool.h"

#define LINE_SECONDS 10.0 /* from one line to the next, without a terminal */

struct tune_options {
    const char *device, *mode;
    int batch, seconds;
    bool again, show, json, no_self_test;
};

#define AT(member) offsetof(struct tune_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "device", TOOL_TEXT, AT(device), "D", TOOL_DEVICE_HELP, 0, 0 },
    { "mode", TOOL_CHOICE, AT(mode), "train|infer",
      "the products of training and its evaluation, or of forward passes alone", 0, 0 },
    { "batch", TOOL_INT, AT(batch), "B", "images a step", 1, 65536 },
    { "time-limit", TOOL_INT, AT(seconds), "S",
      "measure for S seconds at most; what is left, the next call measures",
      1, 1000000 },
    { "again", TOOL_FLAG, AT(again), NULL,
      "measure also what is measured already", 0, 0 },
    { "show", TOOL_FLAG, AT(show), NULL,
      "print what is measured, and run nothing", 0, 0 },
    { "json", TOOL_FLAG, AT(json), NULL,
      "print one JSON object; times in seconds", 0, 0 },
    TOOL_NO_SELF_TEST(AT(no_self_test)),
};
/* clang-format on */

static const struct tune_options defaults = { .mode = "train",
                                              .batch = 32,
                                              .seconds = 600 };

/* ---- --show -------------------------------------------------------------- */

/* "12.3%", by how much b is above a. */
static void print_percent(double a, double b)
{
    if (a > 0 && b > 0)
        printf(" %5.1f%%", 100 * (b / a - 1));
    else
        printf(" %6s", "-");
}

static void print_row(const struct measured_row *row)
{
    printf("%9.3f", 1e3 * row->best.seconds);
    print_percent(row->best.seconds, row->usual.seconds);
    print_percent(row->best.seconds, row->next.seconds);
    printf("  %-32s  %-32s  %s  %s: %s\n", row->best.choice,
           row->next.choice[0] ? row->next.choice : "-", row->date, row->label,
           row->key);
}

static void print_rows(const struct measured *m)
{
    const int n = measured_count(m);

    printf("%s\n", measured_path(m));
    if (!n) {
        printf("nothing is measured yet\n");
        return;
    }
    printf("%9s %6s %6s  %-32s  %-32s  %-10s  %s\n", "ms", "usual", "next",
           "choice", "next", "date", "product");
    for (int i = 0; i < n; i++) {
        struct measured_row row;

        if (measured_at(&row, m, i))
            print_row(&row);
    }
}

static json_t *time_json(const struct measured_time *t)
{
    if (!t->choice[0])
        return json_null();
    return json_pack("{s:s, s:f}", "choice", t->choice, "seconds", t->seconds);
}

static json_t *rows_json(const struct measured *m)
{
    json_t *rows = json_array();
    struct measured_row row;

    for (int i = 0; i < measured_count(m); i++)
        if (measured_at(&row, m, i))
            json_array_append_new(
                rows,
                json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "layer", row.label,
                          "product", row.key, "date", row.date, "best",
                          time_json(&row.best), "usual", time_json(&row.usual),
                          "next", time_json(&row.next)));
    return rows;
}

static clade_status print_json(const struct measured *m,
                               const struct measured_source *s)
{
    return tool_print_json(
        json_pack("{s:s, s:s, s:s, s:o}", "file", measured_path(m), "device",
                  s->device, "driver", s->driver, "products", rows_json(m)));
}

static clade_status show(const char *text, bool json)
{
    struct clade_device device;
    struct measured_source s;
    struct measured *m = NULL;
    clade_status st = clade_device_find(&device, text);
    char *path;

    if (st)
        return st;
    s.device = device.name;
    s.driver = device.driver;
    path = backend_measured_file(&device, &s.kernels);
    s.path = path;
    if (!path)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "tune: nothing is measured on %s, or there is no "
                          "folder for it",
                          device.selector);
    st = measured_read(&m, &s);
    if (!st && json)
        st = print_json(m, &s);
    else if (!st)
        print_rows(m);
    measured_free(m);
    free(path);
    return st;
}

/* ---- measuring ----------------------------------------------------------- */

/* What is on stderr. */
struct screen {
    bool terminal;
    double printed; /* when, in tool_uptime()'s seconds */
};

static void report(void *arg, const struct tune_progress *p)
{
    struct screen *s = arg;
    const double now = tool_uptime();

    if (!s->terminal && s->printed && now < s->printed + LINE_SECONDS)
        return;
    s->printed = now;
    fprintf(stderr, "%sproduct %d/%d", s->terminal ? "\r" : "", p->number,
            p->count);
    if (p->left >= 0)
        fprintf(stderr, " ETA %s", tool_clock(p->left));
    fprintf(stderr, " %s %s%s", p->product->label,
            clade_op_name(p->product->c.kind), s->terminal ? "\033[K" : "\n");
}

static bool stop(void *arg)
{
    (void)arg;
    return tool_stop(NULL);
}

static clade_status print_result(const struct tune_result *r, const char *path,
                                 bool json)
{
    if (r->left)
        fprintf(stderr,
                "clade: %d of %d products are not measured; the next call "
                "goes on with them\n",
                r->left, r->count);
    if (json)
        return tool_print_json(json_pack(
            "{s:s, s:i, s:i, s:i, s:f, s:f}", "file", path, "products",
            r->count, "left", r->left, "measured", r->measured, "usual_seconds",
            r->usual, "best_seconds", r->best));
    if (r->left < r->count)
        printf("a step's products: %.1f ms as usual, %.1f ms as measured "
               "(%.1f %% less); %d of %d measured, %d of them now; %s\n",
               1e3 * r->usual, 1e3 * r->best, 100 * (1 - r->best / r->usual),
               r->count - r->left, r->count, r->measured, path);
    return CLADE_OK;
}

static struct clade_net_config config_of(const struct tune_options *o)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;

    config.eval_batch = o->batch;
    if (!strcmp(o->mode, "train"))
        config.train_batch = o->batch;
    return config;
}

static clade_status measure(clade_backend *be, const struct tune_options *o)
{
    struct screen screen = { .terminal = tool_terminal() };
    const struct tune_config config = { .net = config_of(o),
                                        .seconds = o->seconds,
                                        .again = o->again,
                                        .stop = stop,
                                        .report = report,
                                        .arg = &screen };
    struct tune_result result;
    clade_status st = tune_net(&result, be, &config);

    if (screen.terminal && screen.printed)
        fputc('\n', stderr);
    tool_notices(be);
    if (result.count) {
        const clade_status printed =
            print_result(&result, measured_path(backend_measured(be)), o->json);

        st = st ? st : printed;
    }
    return st;
}

static clade_status tune(const void *given)
{
    const struct tune_options *o = given;
    const struct tool_plans plans = { .config[0] = config_of(o),
                                      .count = !o->no_self_test };
    clade_backend *be;
    clade_status st;

    if (o->show)
        return show(o->device, o->json);
    tool_catch_signals();
    if ((st = tool_open_tested(&be, o->device, &plans)))
        return st;
    st = measure(be, o);
    clade_backend_close(be);
    return st;
}

const struct tool_command cmd_tune = {
    .name = "tune",
    .summary = "Measure which choice is fastest for each product, and keep it",
    .text =
        "Runs each matrix product of GoogLeNet with each algorithm and tuning "
        "that the\ndevice has for it, checks the results, and keeps the "
        "fastest in a JSON file in\nthe cache folder. train, eval, bench and "
        "verify then take it. Each result is\nkept at once: after an "
        "interruption the next call goes on where this one ended.\n--show "
        "prints for each product the time of the choice, and how much longer "
        "the\nusual choice and the next best take.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = tune,
};
