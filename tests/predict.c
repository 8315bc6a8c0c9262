/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in files must give exactly what a net gives for their bytes, in
 * whatever batch, and files that are no pictures must be named and left out. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pngs.h"
#include "predict/predict.h"
#include "status.h"
#include "tap.h"
#include "trainer.h"

enum { SIDE = 32, IMAGE = SIDE * SIDE * 3, PICTURES = 5, CLASSES = 10 };

static struct clade_data data;

/* What the observer saw. */
static struct {
    int predicted, refused, stop_after;
    char path[16][128];
    double probability[16][CLASSES];
    char message[256]; /* of the last file that was refused */
} got;

static void on_predicted(void *arg, const char *name, const double *p,
                         int classes)
{
    (void)arg;
    snprintf(got.path[got.predicted], sizeof got.path[0], "%s", name);
    memcpy(got.probability[got.predicted++], p, (size_t)classes * sizeof *p);
}

static void on_refused(void *arg, const char *name, const char *message)
{
    (void)arg;
    (void)name;
    got.refused++;
    snprintf(got.message, sizeof got.message, "%s", message);
}

static bool on_stop(void *arg)
{
    (void)arg;
    return got.stop_after && !--got.stop_after;
}

static const struct predict_observer observer = { .predicted = on_predicted,
                                                  .refused = on_refused,
                                                  .stop = on_stop };

/* A picture's file in the folder `run`. */
static void write_picture(const char *run, const char *name, int i)
{
    size_t n;
    uint8_t *png = pngs_make_rgb(&n, SIDE, SIDE, data.test.images + i * IMAGE);

    write_all(path(run, name), png, n);
    free(png);
}

static clade_net *net_for(const struct predict_batch *b)
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    clade_net *net;

    predict_batch_plan(&config, b);
    if (clade_net_new(&net, cpu, &config))
        tap_bail("%s", clade_error());
    return net;
}

/* Predict what the names say, `batch` at a time. */
static clade_status predict(const char *const *names, int count, int batch,
                            int stop_after, void (*change)(clade_net *net))
{
    struct predict_files files = { 0 };
    struct predict_batch b = { 0 };
    clade_net *net = NULL;
    clade_status st = CLADE_OK;

    memset(&got, 0, sizeof got);
    got.stop_after = stop_after;
    for (int i = 0; i < count && !st; i++)
        st = predict_files_add(&files, names[i]);
    if (!st && !(st = predict_batch_new(&b, SIDE, batch, &files, &observer)))
        st = predict_batch_fill(&b);
    if (!st && b.n) {
        net = net_for(&b);
        if (change)
            change(net);
    }
    while (!st && b.n)
        if (!(st = predict_batch_run(&b, net)))
            st = predict_batch_fill(&b);
    clade_net_free(net);
    predict_batch_free(&b);
    predict_files_free(&files);
    return st;
}

/* The probabilities of the test images' bytes. */
static void wanted(double p[PICTURES][CLASSES])
{
    struct clade_net_config config = CLADE_NET_DEFAULTS;
    const struct clade_batch batch = { .n = PICTURES,
                                       .bytes = data.test.images };
    float logits[PICTURES][CLASSES];
    clade_net *net;

    config.eval_batch = PICTURES;
    if (clade_net_new(&net, cpu, &config) ||
        clade_net_predict(net, &batch, logits[0]))
        tap_bail("%s", clade_error());
    for (int i = 0; i < PICTURES; i++) {
        double sum = 0, top = logits[i][0];

        for (int k = 1; k < CLASSES; k++)
            top = fmax(top, logits[i][k]);
        for (int k = 0; k < CLASSES; k++)
            sum += exp(logits[i][k] - top);
        for (int k = 0; k < CLASSES; k++)
            p[i][k] = exp(logits[i][k] - top) / sum;
    }
    clade_net_free(net);
}

static void test_same(void)
{
    const char *folder = path("pictures", "");
    double p[PICTURES][CLASSES];

    wanted(p);
    for (int batch = 1; batch <= PICTURES + 1; batch++) {
        const clade_status st = predict(&folder, 1, batch, 0, NULL);

        tap_ok(!st && got.predicted == PICTURES && !got.refused &&
                   !memcmp(p, got.probability, sizeof p),
               "a folder, %d at a time: exactly the net's own of the bytes",
               batch);
    }
    tap_ok(strstr(got.path[0], "a.png") && strstr(got.path[1], "b") &&
               strstr(got.path[4], "e.png"),
           "its files are read in the order of their names");
}

/* A folder with a text, a FIFO, a hidden file, a folder and two pictures. */
static void test_mixed(void)
{
    const char *folder;
    double p[PICTURES][CLASSES];
    clade_status st;

    wanted(p);
    mkdir(path("mixed", ""), 0777);
    write_picture("mixed", "1.png", 0);
    write_all(path("mixed", "2.png"), "no picture", 10);
    mkfifo(path("mixed", "3.png"), 0666);
    mkdir(path("mixed", "4.png"), 0777);
    write_all(path("mixed", ".5.png"), "hidden", 6);
    write_picture("mixed", "6.png", 1);
    folder = path("mixed", "");
    alarm(60); /* rather than to wait for the FIFO's writer */
    st = predict(&folder, 1, 2, 0, NULL);
    alarm(0);
    tap_ok(!st && got.predicted == 2 && got.refused == 2 &&
               strstr(got.message, "3.png: is no regular file") &&
               !memcmp(p, got.probability, 2 * sizeof p[0]),
           "what is no picture in a folder is named and left out: %s",
           got.message);
}

/* What is named itself may be a FIFO. */
static void test_fifo(void)
{
    const char *fifo = path("pictures", "fifo");
    const char *from = path("pictures", "a.png");
    clade_status st;
    pid_t child;

    mkfifo(fifo, 0666);
    if (!(child = fork())) {
        size_t n;
        char *bytes = read_all(&n, from);
        FILE *to = fopen(fifo, "wb");

        _exit(!to || fwrite(bytes, n, 1, to) != 1 || fclose(to));
    }
    alarm(60);
    st = predict(&fifo, 1, 1, 0, NULL);
    alarm(0);
    waitpid(child, NULL, 0);
    unlink(fifo);
    tap_ok(!st && got.predicted == 1, "a FIFO that is named is read");
}

static void test_no_pictures(void)
{
    const char *missing = path("pictures", "missing.png");
    const char *empty = path("empty", ""), *outer = path("outer", "");

    tap_ok(!predict(&missing, 1, 1, 0, NULL) && got.refused == 1 &&
               strstr(got.message, "missing.png: No such file"),
           "a file that is not there is named: %s", got.message);
    mkdir(empty, 0777);
    tap_ok(failed(predict(&empty, 1, 1, 0, NULL), CLADE_EDATA, "empty",
                  "no pictures"),
           "a folder without files is refused: %s", clade_error());
    mkdir(outer, 0777);
    mkdir(path("outer", "inner"), 0777);
    tap_ok(failed(predict(&outer, 1, 1, 0, NULL), CLADE_EDATA, "outer",
                  "1 folders"),
           "and one with nothing but folders: %s", clade_error());
}

static void test_stop(void)
{
    const char *folder = path("pictures", "");

    tap_ok(failed(predict(&folder, 1, 2, 4, NULL), CLADE_EINTERRUPTED,
                  "after 2 of 5", "") &&
               got.predicted == 2,
           "it can be stopped between two pictures: %s", clade_error());
}

static void spoil(clade_net *net)
{
    const struct clade_parameter *list;
    const int count = clade_net_parameters(net, &list);
    float bias[CLASSES] = { NAN };

    for (int i = 0; i < count; i++)
        if (!strcmp(list[i].name, "classifier/bias") &&
            clade_net_write(net, list[i].value, bias))
            tap_bail("%s", clade_error());
}

static void test_not_finite(void)
{
    const char *picture = path("pictures", "a.png");

    tap_ok(failed(predict(&picture, 1, 1, 0, spoil), CLADE_EDATA, "a.png",
                  "not finite"),
           "a net that gives NaN is no answer: %s", clade_error());
}

int main(void)
{
    static const char *const names[PICTURES] = { "a.png", "b", "c.jpg", "d.png",
                                                 "e.png" };

    trainer_begin("predict-test");
    if (clade_data_builtin(&data, 0, PICTURES, 3))
        tap_bail("%s", clade_error());
    mkdir(path("pictures", ""), 0777);
    for (int i = 0; i < PICTURES; i++)
        write_picture("pictures", names[i], i);
    tap_plan(PICTURES + 1 + 1 + 1 + 1 + 3 + 1 + 1);
    test_same();
    test_mixed();
    test_fifo();
    test_no_pictures();
    test_stop();
    test_not_finite();
    clade_data_free(&data);
    trainer_end();
    return tap_done();
}
