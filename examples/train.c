/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Train GoogLeNet on built-in images for an epoch, and print its accuracy:
 *
 *     cc -o train train.c $(pkg-config --cflags --libs clade)
 *     ./train [DEVICE [IMAGES]]
 *
 * The device is the best one, if none is named.  The folder clade-run gets the
 * history and a checkpoint.
 */
#include <stdio.h>
#include <stdlib.h>

#include <clade/train.h>

static void print_step(void *arg, const struct clade_train_step *step)
{
    (void)arg;
    printf("%3d images, loss %.4f\n", step->images, step->figures.loss);
}

static void print_epoch(void *arg, const struct clade_train_epoch *epoch)
{
    (void)arg;
    printf("accuracy %.4f on these, %.4f on %d others\n",
           epoch->train.accuracy[0], epoch->test.accuracy[0],
           epoch->test.images);
}

int main(int argc, char **argv)
{
    const struct clade_train_observer observer = { .step = print_step,
                                                   .epoch = print_epoch };
    struct clade_train_config config = CLADE_TRAIN_DEFAULTS;
    clade_backend *be;
    clade_status st;

    config.train_count = argc > 2 ? atoi(argv[2]) : 320;
    config.test_count = config.train_count;
    config.epochs = 1;
    if (!(st = clade_backend_open(&be, argc > 1 ? argv[1] : NULL))) {
        printf("training on %s\n", clade_backend_device(be)->name);
        st = clade_train(be, &config, &observer);
        clade_backend_close(be);
    }
    if (st)
        fprintf(stderr, "%s\n", clade_error());
    return clade_status_exit_code(st);
}
