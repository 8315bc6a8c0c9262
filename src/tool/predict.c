/* SPDX-License-Identifier: Apache-2.0 */
#include "tool.h"

#include <clade/train.h>
#include <stdlib.h>
#include <string.h>

#include "predict/predict.h"
#include "status.h"

#define BAR_SECONDS 0.1 /* from one line of progress to the next */

struct predict_options {
    const char *checkpoint, *device;
    struct tool_operands images;
    int top, batch;
    bool json, quiet, no_self_test;
};

#define AT(member) offsetof(struct predict_options, member)

/* clang-format off */
static const struct tool_option options[] = {
    { "IMAGE", TOOL_OPERANDS, AT(images), NULL, NULL, 0, 0 },
    { "checkpoint", TOOL_TEXT, AT(checkpoint), "FILE",
      "the network: DIR/checkpoint.safetensors of `clade train`", 0, 0 },
    { "device", TOOL_TEXT, AT(device), "D", TOOL_DEVICE_HELP, 0, 0 },
    { "top", TOOL_INT, AT(top), "N",
      "print the N likeliest classes of each picture", 1, 1000 },
    { "batch", TOOL_INT, AT(batch), "B", "pictures at a time", 1, 65536 },
    { "json", TOOL_FLAG, AT(json), NULL,
      "print a JSON array with an object for each picture", 0, 0 },
    { "quiet", TOOL_FLAG, AT(quiet), NULL, "print no progress and no speed", 0, 0 },
    TOOL_NO_SELF_TEST(AT(no_self_test)),
};
/* clang-format on */

static const struct predict_options defaults = { .top = 3, .batch = 32 };

/* A run of the command. */
struct prediction {
    const struct predict_options *o;
    struct predict_files files;
    json_t *classes;             /* the names, an array */
    json_t *results;             /* NULL: print a table */
    int file_width, class_width; /* columns of the table */
    int done;                    /* pictures so far */
    bool terminal, in_line;      /* there is a line of progress */
    double began, printed;
};

/* ---- texts --------------------------------------------------------------- */

/* A file's name without what would confuse a terminal: control characters
 * become `?`, and if it is not UTF-8, all bytes that are not ASCII.  The caller
 * frees it; NULL if there is no memory. */
static char *printable(const char *path)
{
    char *text = strdup(path);
    json_t *string = json_string(path);
    const bool utf8 = string;

    json_decref(string);
    for (char *c = text; c && *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f || (*c & 0x80 && !utf8))
            *c = '?';
    return text;
}

/* The characters of a UTF-8 text. */
static int width_of(const char *text)
{
    int width = 0;

    for (; *text; text++)
        width += (*text & 0xc0) != 0x80;
    return width;
}

static void widen(int *width, const char *text)
{
    const int w = text ? width_of(text) : 0;

    if (*width < w)
        *width = w;
}

static const char *class_name(const struct prediction *p, int k)
{
    return json_string_value(json_array_get(p->classes, (size_t)k));
}

/* Clear the line of progress. */
static void clear_line(struct prediction *p)
{
    if (p->in_line)
        fputs("\r\033[K", stderr);
    p->in_line = false;
}

/* ---- results ------------------------------------------------------------- */

/* The likeliest class of those that are not taken yet. */
static int likeliest(const double *probability, const bool *taken, int classes)
{
    int best = -1;

    for (int k = 0; k < classes; k++)
        if (!taken[k] && (best < 0 || probability[k] > probability[best]))
            best = k;
    return best;
}

static void print_cell(const char *text, int width)
{
    printf("%s%*s  ", text, width - width_of(text), "");
}

static void print_header(const struct prediction *p)
{
    print_cell("image", p->file_width);
    print_cell("class", p->class_width);
    puts("probability");
}

static void put_row(const struct prediction *p, json_t *top, const char *file,
                    int k, double probability)
{
    if (top) {
        json_array_append_new(top, json_pack("{s:s, s:i, s:f}", "class",
                                             class_name(p, k), "label", k,
                                             "probability", probability));
        return;
    }
    print_cell(file, p->file_width);
    print_cell(class_name(p, k), p->class_width);
    printf("%11.4f\n", probability);
}

static void print_speed(struct prediction *p)
{
    const double now = tool_uptime();

    if (!p->terminal || p->o->quiet || now - p->printed < BAR_SECONDS)
        return;
    p->printed = now;
    p->in_line = true;
    fflush(stdout);
    fprintf(stderr, "\r%d/%d pictures %.1f images/s\033[K", p->done,
            p->files.count, p->done / (now - p->began));
}

static void on_predicted(void *arg, const char *path, const double *probability,
                         int classes)
{
    struct prediction *p = arg;
    bool *taken = calloc((size_t)classes, sizeof *taken);
    char *file = printable(path);
    json_t *top = p->results ? json_array() : NULL;

    clear_line(p);
    if (!p->done++ && !p->results)
        print_header(p);
    for (int i = 0; i < p->o->top && i < classes && taken && file; i++) {
        const int k = likeliest(probability, taken, classes);

        taken[k] = true;
        put_row(p, top, file, k, probability[k]);
    }
    if (p->results)
        json_array_append_new(p->results, json_pack("{s:s*, s:o}", "image",
                                                    file, "classes", top));
    print_speed(p);
    free(file);
    free(taken);
}

static void on_refused(void *arg, const char *path, const char *message)
{
    struct prediction *p = arg;
    char *file = printable(path), *text = printable(message);

    clear_line(p);
    if (text && p->files.count > 1)
        tool_notice(text);
    if (p->results)
        json_array_append_new(p->results, json_pack("{s:s*, s:s*}", "image",
                                                    file, "error", text));
    free(file);
    free(text);
}

/* ---- the run ------------------------------------------------------------- */

/* Predict the batch that is filled, and all further ones. */
static clade_status predict_all(struct prediction *p, struct predict_batch *b,
                                clade_net *net)
{
    clade_status st = CLADE_OK;
    double seconds;

    p->began = p->printed = tool_uptime();
    while (!st && b->n > 0) {
        st = predict_batch_run(b, net);
        if (!st)
            st = predict_batch_fill(b);
    }
    seconds = tool_uptime() - p->began;
    clear_line(p);
    fflush(stdout);
    if (!st && p->files.count > 1 && !p->o->quiet)
        fprintf(stderr, "%d pictures in %s, %.1f images/s\n", p->done,
                tool_clock(seconds), p->done / seconds);
    return st;
}

static clade_status load_and_predict(struct prediction *p,
                                     struct predict_batch *b, clade_backend *be,
                                     clade_checkpoint *checkpoint,
                                     const struct clade_net_config *config)
{
    clade_net *net;
    clade_status st = tool_load(&net, be, config, checkpoint);

    if (st)
        return st;
    st = predict_all(p, b, net);
    clade_net_free(net);
    return st;
}

/* The files that were no pictures make the command fail. */
static clade_status judge(const struct predict_batch *b)
{
    if (!b->refused)
        return CLADE_OK;
    if (b->files->count == 1)
        return b->fault; /* the message is still that of this file */
    return clade_fail(b->fault,
                      "%d of %d files could not be read as pictures; they are "
                      "named above",
                      b->refused, b->files->count);
}

/* The first batch is read before a device is opened: there may be nothing to do
 * for it. */
static clade_status predict_files(struct prediction *p, struct predict_batch *b,
                                  clade_checkpoint *checkpoint)
{
    struct tool_plans plans = { .config[0] = CLADE_NET_DEFAULTS,
                                .count = !p->o->no_self_test,
                                .quiet = p->o->quiet };
    clade_backend *be = NULL;
    clade_status st = predict_batch_fill(b);

    if (!st && b->n > 0) {
        plans.config[0].net = clade_checkpoint_info(checkpoint)->net;
        predict_batch_plan(&plans.config[0], b);
        st = tool_open_tested(&be, p->o->device, &plans);
        if (!st)
            st = load_and_predict(p, b, be, checkpoint, &plans.config[0]);
        clade_backend_close(be);
    }
    return st ? st : judge(b);
}

static clade_status list_files(struct prediction *p)
{
    bool input = false;
    clade_status st = CLADE_OK;

    for (int i = 0; i < p->o->images.count && !st; i++) {
        const char *name = p->o->images.item[i];

        if (!strcmp(name, "-") && input)
            return clade_fail(CLADE_EUSAGE,
                              "predict: - (standard input) can be read only "
                              "once");
        input |= !strcmp(name, "-");
        st = predict_files_add(&p->files, name);
    }
    return st;
}

static void set_widths(struct prediction *p)
{
    widen(&p->file_width, "image");
    for (int i = 0; i < p->files.count; i++) {
        char *text = printable(p->files.list[i].path);

        widen(&p->file_width, text);
        free(text);
    }
    widen(&p->class_width, "class");
    for (size_t k = 0; k < json_array_size(p->classes); k++)
        widen(&p->class_width, class_name(p, (int)k));
}

static clade_status predict_by(struct prediction *p,
                               clade_checkpoint *checkpoint)
{
    const struct clade_checkpoint_info *info =
        clade_checkpoint_info(checkpoint);
    const struct predict_observer observer = { .arg = p,
                                               .predicted = on_predicted,
                                               .refused = on_refused,
                                               .stop = tool_stop };
    struct predict_batch batch;
    clade_status st;

    if ((st = list_files(p)))
        return st;
    p->classes = json_loads(info->classes, 0, NULL);
    set_widths(p);
    if ((st = predict_batch_new(&batch, info->image_w, p->o->batch, &p->files,
                                &observer)))
        return st;
    st = predict_files(p, &batch, checkpoint);
    if (p->results && json_array_size(p->results))
        tool_print_json(json_incref(p->results));
    predict_batch_free(&batch);
    return st;
}

static clade_status predict(const void *given)
{
    const struct predict_options *o = given;
    struct prediction p = { .o = o, .terminal = tool_terminal() };
    clade_checkpoint *checkpoint;
    clade_status st;

    if (!o->checkpoint)
        return clade_fail(CLADE_EUSAGE,
                          "predict: --checkpoint FILE is required");
    if (!o->images.count)
        return clade_fail(CLADE_EUSAGE,
                          "predict: name pictures, folders, or - for standard "
                          "input");
    tool_catch_signals();
    if ((st = clade_checkpoint_open(&checkpoint, o->checkpoint)))
        return st;
    p.results = o->json ? json_array() : NULL;
    st = predict_by(&p, checkpoint);
    json_decref(p.results);
    json_decref(p.classes);
    predict_files_free(&p.files);
    clade_checkpoint_close(checkpoint);
    return st;
}

const struct tool_command cmd_predict = {
    .name = "predict",
    .summary = "Predict the classes of pictures with a trained network",
    .text =
        "An IMAGE is a PNG or a JPEG by its content, whatever its name, or a "
        "folder of\nthem, or - for standard input. Its centre square is "
        "averaged down to the size of\nthe images that the network was trained "
        "on; a smaller one is resized up to it as\nthe device resizes images. "
        "JPEG: EXIF's orientation is applied; CMYK is refused.\nPNG: what is "
        "transparent lies on white; a gAMA chunk is honoured. Colour profiles\n"
        "are ignored.\n\n"
        "Of a folder all files are read in the order of their names, but not "
        "its folders.\nA file that is no picture is named and left out, and "
        "the exit code is 3.\n\n"
        "The batch that a picture lies in changes its probabilities by "
        "rounding alone:\nbatches of another size may take other algorithms.",
    .options = options,
    .n_options = COUNT_OF(options),
    .defaults = &defaults,
    .size = sizeof defaults,
    .run = predict,
};
