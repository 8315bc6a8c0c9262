/* SPDX-License-Identifier: Apache-2.0 */
#include "progress.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tool.h"
#include "train/train.h"

#define BAR_SECONDS  0.1  /* from one bar to the next */
#define LINE_SECONDS 10.0 /* from one line to the next, without a terminal */

void progress_open(struct progress *p, bool quiet, int epochs)
{
    *p = (struct progress){ .quiet = quiet,
                            .terminal = tool_terminal(),
                            .epochs = epochs };
}

void progress_close(struct progress *p)
{
    if (p->in_line)
        fputc('\n', stderr);
    free(p->rows);
}

static void begin_epoch(struct progress *p, int epoch)
{
    p->began = p->printed = tool_uptime();
    if (p->terminal && !p->quiet && epoch < p->epochs)
        fprintf(stderr, "Epoch %d/%d\n", epoch + 1, p->epochs);
}

void progress_start(void *arg, const struct clade_train_start *start)
{
    struct progress *p = arg;
    const struct clade_train_config *c = start->config;
    const struct clade_net_memory m = clade_net_memory(start->net);

    p->steps = start->steps;
    p->shape = clade_net_shape(start->net);
    if (p->quiet)
        return;
    fprintf(stderr,
            "data    %s: %d images to train with, %d to test with\n"
            "net     %" PRId64 " parameters, batches of %d\n"
            "memory  %s of the device's at the peak: parameters %s, packed "
            "%s,\n        activations %s (%s unshared), workspace %s\n",
            start->source, c->train_count, c->test_count, p->shape.parameters,
            c->batch, tool_bytes(m.total), tool_bytes(m.parameters),
            tool_bytes(m.packed), tool_bytes(m.activations),
            tool_bytes(m.unshared), tool_bytes(m.workspace));
    if (c->weights)
        fprintf(stderr, "weights %s\n", c->weights);
    if (start->done)
        fprintf(stderr, "resumed after %d of %d epochs\n", start->done,
                c->epochs);
    begin_epoch(p, start->done);
}

static void print_bar(const struct progress *p, int done)
{
    fprintf(stderr, "\r%*d/%d ", (int)snprintf(NULL, 0, "%d", p->steps), done,
            p->steps);
    tool_bar(done, p->steps);
}

void progress_step(void *arg, const struct clade_train_step *step)
{
    struct progress *p = arg;
    const double now = tool_uptime();
    const double seconds = now - p->began;
    const int done = step->step + 1;
    const char *left = tool_clock(seconds / done * (p->steps - done));

    if (p->quiet ||
        now - p->printed < (p->terminal ? BAR_SECONDS : LINE_SECONDS))
        return;
    p->printed = now;
    p->in_line = p->terminal;
    if (p->terminal)
        print_bar(p, done);
    else
        fprintf(stderr, "epoch %d/%d step %d/%d:", step->epoch + 1, p->epochs,
                done, p->steps);
    fprintf(stderr, " %.1f images/s ETA %s loss %.4f accuracy %.4f%s",
            step->images / seconds, left, step->figures.loss,
            step->figures.accuracy[0], p->terminal ? "\033[K" : "\n");
}

static void print_epoch(struct progress *p,
                        const struct clade_train_epoch *epoch)
{
    const double seconds = tool_uptime() - p->began;

    p->in_line = false;
    if (p->terminal)
        print_bar(p, p->steps);
    else
        fprintf(stderr, "epoch %d/%d:", epoch->epoch + 1, p->epochs);
    fprintf(stderr, " %s", tool_clock(seconds));
    fprintf(stderr, " loss %.4f accuracy %.4f", epoch->train.loss,
            epoch->train.accuracy[0]);
    if (epoch->validated)
        fprintf(stderr, " val_loss %.4f val_accuracy %.4f", epoch->test.loss,
                epoch->test.accuracy[0]);
    fprintf(stderr, "%s\n", p->terminal ? "\033[K" : "");
}

void progress_epoch(void *arg, const struct clade_train_epoch *epoch)
{
    struct progress *p = arg;
    struct clade_train_epoch *rows =
        realloc(p->rows, (size_t)(p->n_rows + 1) * sizeof *rows);

    if (rows) { /* without memory, the table lacks this row */
        p->rows = rows;
        p->rows[p->n_rows++] = *epoch;
    }
    if (epoch->resumed)
        return;
    if (!p->quiet)
        print_epoch(p, epoch);
    begin_epoch(p, epoch->epoch + 1);
}

void progress_notice(void *arg, const char *text)
{
    struct progress *p = arg;

    if (p->in_line)
        fputc('\n', stderr);
    p->in_line = false;
    tool_notice(text);
}

static void print_figures(const struct progress *p,
                          const struct clade_figures *f)
{
    printf(" %8.4f", f->loss);
    for (int i = 0; i < p->shape.heads; i++)
        printf(" %8.4f", f->accuracy[i]);
}

/* In the place of figures that an epoch has not. */
static void print_dashes(const struct progress *p)
{
    for (int i = 0; i < 1 + p->shape.heads; i++)
        printf(" %8s", "-");
}

static void print_titles(const struct progress *p, const char *loss)
{
    printf(" %8s %8s", loss, "accuracy");
    for (int i = 1; i < p->shape.heads; i++)
        printf(" %8s", p->shape.head[i]);
}

void progress_table(const struct progress *p)
{
    struct best best = { .any = false };

    printf("epoch");
    print_titles(p, "loss");
    print_titles(p, "val_loss");
    putchar('\n');
    for (int i = 0; i < p->n_rows; i++) {
        const struct clade_train_epoch *row = &p->rows[i];

        printf("%5d", row->epoch + 1);
        print_figures(p, &row->train);
        if (row->validated)
            print_figures(p, &row->test);
        else
            print_dashes(p);
        putchar('\n');
        best_update(&best, row);
    }
    if (best.any)
        printf("best validation accuracy: %.4f (epoch %d)\n", best.accuracy,
               best.epoch + 1);
}
