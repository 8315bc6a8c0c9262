/* SPDX-License-Identifier: Apache-2.0 */
#include "predict/predict.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "picture/picture.h"
#include "status.h"

clade_status predict_batch_new(struct predict_batch *b, int side, int batch,
                               const struct predict_files *files,
                               const struct predict_observer *observer)
{
    const int capacity = batch < files->count ? batch : files->count;
    struct predict_batch made = { .files = files,
                                  .observer = observer,
                                  .side = side,
                                  .capacity = capacity,
                                  .last = files->count % capacity };
    const size_t n = (size_t)capacity;

    made.file = calloc(n, sizeof *made.file);
    made.images = calloc(n, (size_t)side * side * 3);
    *b = made; /* also for freeing it */
    if (made.file && made.images)
        return CLADE_OK;
    predict_batch_free(b);
    return clade_fail(CLADE_ENOMEM, "no memory for %d images of %dx%d",
                      capacity, side, side);
}

void predict_batch_free(struct predict_batch *b)
{
    free(b->file);
    free(b->images);
    *b = (struct predict_batch){ 0 };
}

void predict_batch_plan(struct clade_net_config *config,
                        const struct predict_batch *b)
{
    config->eval_batch = b->capacity;
    config->eval_last = b->last;
}

/* ---- reading ------------------------------------------------------------- */

static clade_status read_bytes(char **bytes, size_t *n,
                               const struct predict_file *f)
{
    if (f->named && !strcmp(f->path, "-"))
        return file_read_open(bytes, n, STDIN_FILENO, "standard input");
    return f->named ? file_read_pipe(bytes, n, f->path)
                    : file_read(bytes, n, f->path);
}

static clade_status read_image(uint8_t *to, int side,
                               const struct predict_file *f)
{
    const bool input = f->named && !strcmp(f->path, "-");
    struct picture picture;
    clade_status st;
    char *bytes;
    size_t n;

    if ((st = read_bytes(&bytes, &n, f)))
        return clade_fail(st, "%s; name a PNG, a JPEG, or a folder of them",
                          clade_error());
    st = picture_decode(&picture, (const uint8_t *)bytes, n,
                        input ? "standard input" : f->path);
    free(bytes);
    if (st)
        return st;
    picture_square(to, side, &picture);
    picture_free(&picture);
    return CLADE_OK;
}

static bool stopped(const struct predict_observer *o)
{
    return o->stop && o->stop(o->arg);
}

static clade_status interrupted(const struct predict_batch *b)
{
    return clade_fail(CLADE_EINTERRUPTED, "interrupted after %d of %d pictures",
                      b->next - b->n, b->files->count);
}

static void refuse(struct predict_batch *b, clade_status st, const char *path)
{
    if (!b->refused++)
        b->fault = st;
    if (b->observer->refused)
        b->observer->refused(b->observer->arg, path, clade_error());
}

clade_status predict_batch_fill(struct predict_batch *b)
{
    const size_t bytes = (size_t)b->side * b->side * 3;

    b->n = 0;
    for (; b->n < b->capacity && b->next < b->files->count; b->next++) {
        const struct predict_file *f = &b->files->list[b->next];
        clade_status st;

        if (stopped(b->observer))
            return interrupted(b);
        st = read_image(b->images + (size_t)b->n * bytes, b->side, f);
        if (st)
            refuse(b, st, f->path);
        else
            b->file[b->n++] = b->next;
    }
    return CLADE_OK;
}

/* ---- predicting ---------------------------------------------------------- */

/* The softmax of an image's logits; false if one is not finite. */
static bool softmax(double *to, const float *logits, int classes)
{
    double largest = logits[0], sum = 0;

    for (int k = 0; k < classes; k++) {
        if (!isfinite(logits[k]))
            return false;
        largest = fmax(largest, logits[k]);
    }
    for (int k = 0; k < classes; k++)
        sum += to[k] = exp(logits[k] - largest);
    for (int k = 0; k < classes; k++)
        to[k] /= sum;
    return true;
}

static clade_status tell(const struct predict_batch *b, const float *logits,
                         int classes)
{
    double *probability = malloc((size_t)classes * sizeof *probability);
    clade_status st = CLADE_OK;

    if (!probability)
        return clade_fail(CLADE_ENOMEM, "%d classes: out of memory", classes);
    for (int i = 0; i < b->n && !st; i++, logits += classes) {
        const char *path = b->files->list[b->file[i]].path;

        if (!softmax(probability, logits, classes))
            st = clade_fail(CLADE_EDATA,
                            "%s: what the net computes of it is not finite; "
                            "take a checkpoint of a training that did not "
                            "diverge",
                            path);
        else
            b->observer->predicted(b->observer->arg, path, probability,
                                   classes);
    }
    free(probability);
    return st;
}

clade_status predict_batch_run(struct predict_batch *b, clade_net *net)
{
    const int n = b->n <= b->last ? b->last : b->capacity;
    const int classes = clade_net_shape(net).classes;
    float *logits = malloc((size_t)n * (size_t)classes * sizeof *logits);
    clade_status st;

    if (!logits)
        return clade_fail(CLADE_ENOMEM, "%d images: out of memory", n);
    st = stopped(b->observer) ? interrupted(b) : CLADE_OK;
    if (!st)
        st = clade_net_predict(
            net, &(struct clade_batch){ .n = n, .bytes = b->images }, logits);
    if (!st)
        st = tell(b, logits, classes);
    free(logits);
    return st;
}
