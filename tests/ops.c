/* SPDX-License-Identifier: Apache-2.0 */
/* The doors of all ops but the convolutions: what they let in, what they refuse
 * and why. */
#include "doors.h"

#include "tap.h"

/* ---- pools --------------------------------------------------------------- */

static clade_status maxpool(int r, int stride, int pad)
{
    const struct clade_window win = { r, r, stride, pad, pad, pad, pad };
    const int p = (8 + 2 * pad - r) / stride + 1;
    struct clade_op op;

    return clade_op_maxpool_fwd(&op, tensor(0, 2, p, p, 3),
                                bytes(2, 2, p, p, 3), tensor(1, 2, 8, 8, 3),
                                win);
}

static clade_status maxpool_3(void)
{
    return maxpool(3, 2, 1);
}

static clade_status maxpool_15(void)
{
    return maxpool(15, 1, 7);
}

static clade_status maxpool_16(void)
{
    return maxpool(16, 1, 7);
}

static clade_status maxpool_in_padding(void)
{
    return maxpool(2, 1, 2);
}

static clade_status maxpool_after_the_image(void)
{
    const struct clade_window win = { 2, 2, 2, 0, 2, 0, 2 };
    struct clade_op op;

    return clade_op_maxpool_fwd(&op, tensor(0, 2, 5, 5, 3),
                                bytes(2, 2, 5, 5, 3), tensor(1, 2, 8, 8, 3),
                                win);
}

static clade_status maxpool_float_choices(void)
{
    struct clade_op op;

    return clade_op_maxpool_fwd(&op, tensor(0, 2, 4, 4, 3),
                                tensor(2, 2, 4, 4, 3), tensor(1, 2, 8, 8, 3),
                                clade_window_valid(2, 2, 2));
}

static clade_status padded_average(void)
{
    struct clade_op op;

    return clade_op_avgpool_fwd(&op, tensor(0, 2, 8, 8, 3),
                                tensor(1, 2, 8, 8, 3),
                                clade_window_same(3, 3, 1, 8, 8));
}

static clade_status global_average(void)
{
    struct clade_op op;

    return clade_op_avgpool_bwd(&op, tensor(0, 2, 7, 7, 3),
                                tensor(1, 2, 1, 1, 3), absent,
                                clade_window_valid(7, 7, 1), 0);
}

/* ---- the rest ------------------------------------------------------------ */

static clade_status dropout(float rate, const struct clade_step *s)
{
    struct clade_op op;

    return clade_op_dropout_fwd(&op, tensor(0, 2, 1, 1, 8),
                                tensor(1, 2, 1, 1, 8), rate, "drop", s);
}

static clade_status dropout_some(void)
{
    return dropout(0.4f, &step);
}

static clade_status dropout_all(void)
{
    return dropout(1, &step);
}

static clade_status dropout_without_step(void)
{
    return dropout(0.4f, NULL);
}

static clade_status dropout_without_layer(void)
{
    struct clade_op op;

    return clade_op_dropout_fwd(&op, tensor(0, 2, 1, 1, 8),
                                tensor(1, 2, 1, 1, 8), 0.4f, NULL, &step);
}

static clade_status dropout_back_without_layer(void)
{
    struct clade_op op;

    return clade_op_dropout_bwd(&op, tensor(0, 2, 1, 1, 8),
                                tensor(1, 2, 1, 1, 8), absent, 0.4f, NULL,
                                &step, 0);
}

static clade_status softmax_of_images(void)
{
    struct clade_op op;

    return clade_op_softmax_fwd(&op, tensor(0, 2, 2, 1, 10),
                                tensor(1, 2, 2, 1, 10));
}

static clade_status loss(void)
{
    struct clade_op op;

    return clade_op_loss_fwd(&op, tensor(0, 2, 1, 1, 1), bytes(1, 2, 1, 1, 1),
                             tensor(2, 2, 1, 1, 10), bytes(3, 2, 1, 1, 1));
}

static clade_status loss_with_few_labels(void)
{
    struct clade_op op;

    return clade_op_loss_bwd(&op, tensor(0, 2, 1, 1, 10),
                             tensor(1, 2, 1, 1, 10), bytes(2, 1, 1, 1, 1), 1,
                             &step);
}

static clade_status update(void)
{
    struct clade_op op;

    return clade_op_sgd(&op, tensor(0, 1, 1, 1, 9), tensor(1, 1, 1, 1, 9),
                        tensor(2, 1, 1, 1, 9), 0.9f, &step);
}

static clade_status update_onto_itself(void)
{
    struct clade_op op;

    return clade_op_sgd(&op, tensor(0, 1, 1, 1, 9), tensor(0, 1, 1, 1, 9),
                        tensor(2, 1, 1, 1, 9), 0.9f, &step);
}

static clade_status enlarge(int size)
{
    struct clade_op op;

    return clade_op_resize(&op, tensor(0, 2, size, size, 3),
                           bytes(1, 2, 32, 32, 3), tensor(2, 1, 1, 1, 256));
}

static clade_status resize_up(void)
{
    return enlarge(224);
}

static clade_status resize_down(void)
{
    return enlarge(31);
}

/* clang-format off */
static const struct door_case cases[] = {
    { maxpool_3, NULL, "maxpool_fwd: 3x3/2" },
    { maxpool_15, NULL, "maxpool_fwd: indices to 224 fit a byte" },
    { maxpool_16, "more than 255 elements", "maxpool_fwd: 256 elements are refused" },
    { maxpool_in_padding, "padding alone", "maxpool_fwd: a first window outside the image" },
    { maxpool_after_the_image, "padding alone", "maxpool_fwd: a last window outside the image" },
    { maxpool_float_choices, "arg is float32, must be uint8", "maxpool_fwd: indices must be bytes" },
    { padded_average, "takes no padding", "avgpool_fwd: padding would count as zeros" },
    { global_average, NULL, "avgpool_bwd: a window as large as the image" },
    { dropout_some, NULL, "dropout_fwd: a rate of 0.4" },
    { dropout_all, "rate 1", "dropout_fwd: a rate of 1 would divide by 0" },
    { softmax_of_images, "x is 2x2x1x10, must be 2x1x1x10", "softmax_fwd: images must be vectors" },
    { loss, NULL, "loss_fwd: a good loss" },
    { loss_with_few_labels, "label is 1x1x1x1, must be 2x1x1x1", "loss_bwd: each image needs a label" },
    { update, NULL, "sgd: a good update" },
    { update_onto_itself, "w overlaps v", "sgd: momenta in the place of the parameters" },
    { resize_up, NULL, "resize: 32 to 224" },
    { resize_down, "can only grow", "resize: 32 to 31" },
};
static const struct door_case misuses[] = {
    { dropout_without_step, "NULL is not allowed for step", "dropout_fwd: without a step there are no random numbers" },
    { dropout_without_layer, "NULL is not allowed for layer", "dropout_fwd: nor without a layer's name" },
    { dropout_back_without_layer, "NULL is not allowed for layer", "dropout_bwd: nor without a layer's name" },
};
enum {
    N_CASES = sizeof(cases) / sizeof(*cases),
    N_MISUSES = sizeof(misuses) / sizeof(*misuses)
};
/* clang-format on */

int main(void)
{
    tap_plan(N_CASES + N_MISUSES);
    doors_test(cases, N_CASES, CLADE_ESHAPE);
    doors_test(misuses, N_MISUSES, CLADE_EUSAGE);
    return tap_done();
}
