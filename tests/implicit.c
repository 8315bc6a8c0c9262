/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithm `implicit` as GPUs run it: all its tiles, and sums in parts,
 * which a device with few units never makes.  The device is
 * CLADE_TEST_DEVICE's, else the best one; it poses as a GPU with many units.
 */
#include "opencl/opencl.h"
#include "tap.h"
#include "tested.h"
#include "trial.h"

#include <stdlib.h>
#include <string.h>

enum { UNITS = 132 };

static clade_backend *dev;

/* Where the tensors lie; they need no memory. */
static struct clade_buffer room[5] = { { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX },
                                       { .bytes = SIZE_MAX } };

/* n images of h x w, c channels in and k out; the tensors have more, and if
 * `fours` is set, they can be read by fours. */
static const struct shape {
    enum clade_op_kind kind;
    int n, h, w, c, k, window, stride;
    unsigned flags;
    bool fours;
} shapes[] = {
    { CLADE_CONV_FWD, 3, 7, 7, 48, 72, 3, 1, CLADE_RELU, false },
    { CLADE_CONV_FWD, 1, 13, 9, 3, 5, 7, 2, 0, false },
    { CLADE_CONV_FWD, 1, 1, 1, 2048, 10, 1, 1, 0, false },
    { CLADE_CONV_BWD_DATA, 2, 7, 7, 24, 136, 5, 1,
      CLADE_RELU | CLADE_ACCUMULATE, false },
    { CLADE_CONV_BWD_DATA, 5, 4, 4, 130, 300, 1, 1, CLADE_ACCUMULATE, false },
    { CLADE_CONV_BWD_FILTER, 33, 7, 7, 24, 40, 3, 1, 0, false },
    { CLADE_CONV_BWD_FILTER, 2, 33, 31, 3, 64, 7, 2, 0, false },
    { CLADE_CONV_BWD_FILTER, 9, 14, 14, 130, 20, 1, 1, 0, false },
    { CLADE_CONV_FWD, 3, 7, 7, 48, 72, 3, 1, CLADE_RELU, true },
    { CLADE_CONV_FWD, 2, 13, 9, 4, 140, 5, 2, 0, true },
    { CLADE_CONV_BWD_DATA, 2, 7, 7, 24, 136, 5, 1,
      CLADE_RELU | CLADE_ACCUMULATE, true },
    { CLADE_CONV_BWD_DATA, 5, 4, 4, 132, 300, 1, 1, CLADE_RELU, true },
    { CLADE_CONV_BWD_FILTER, 33, 7, 7, 24, 40, 3, 1, 0, true },
    { CLADE_CONV_BWD_FILTER, 5, 9, 15, 12, 132, 5, 2, 0, true },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static struct clade_tensor slice(const struct shape *s, int i, int n, int h,
                                 int w, int c)
{
    const int at = s->fours ? 4 : 3;
    const struct clade_tensor t =
        clade_tensor_at(&room[i], at, n, h, w, c + at + 4, CLADE_F32);

    return clade_tensor_slice(t, at, c);
}

static struct clade_op make(const struct shape *s)
{
    const struct clade_window win =
        clade_window_same(s->window, s->window, s->stride, s->h, s->w);
    const int p = (s->h - 1) / s->stride + 1, q = (s->w - 1) / s->stride + 1;
    const struct clade_tensor x = slice(s, 0, s->n, s->h, s->w, s->c);
    const struct clade_tensor y = slice(s, 1, s->n, p, q, s->k);
    const struct clade_tensor mask = slice(s, 2, s->n, s->h, s->w, s->c);
    const struct clade_tensor w = slice(s, 3, s->window, s->window, s->c, s->k);
    const struct clade_tensor b =
        clade_tensor_at(&room[4], 0, 1, 1, 1, s->k, CLADE_F32);
    const struct clade_tensor none = { 0 };
    struct clade_op op;
    clade_status st;

    if (s->kind == CLADE_CONV_FWD)
        st = clade_op_conv_fwd(&op, y, x, w, b, win, s->flags | CLADE_BIAS);
    else if (s->kind == CLADE_CONV_BWD_DATA)
        st = clade_op_conv_bwd_data(
            &op, x, y, w, s->flags & CLADE_RELU ? mask : none, win, s->flags);
    else
        st = clade_op_conv_bwd_filter(&op, w, b, x, y, win);
    if (st)
        tap_bail("%s", clade_error());
    return op;
}

/* Try one choice, to the bit. */
static bool is_right(struct clade_op op, const struct clade_choice *choice)
{
    char text[CLADE_CHOICE_TEXT];
    struct trial trial = { .right = false };
    clade_status st =
        clade_backend_choose(dev, &op, clade_choice_text(text, choice));

    if (!st)
        st = trial_make(&trial, dev, &op, 1);
    if (!trial.right)
        tap_note("%s: %s", text, st ? clade_error() : "wrong");
    return trial.right;
}

static void test(const struct shape *s)
{
    enum { PARTS = 4 }; /* of the choice's numbers */
    const struct clade_op op = make(s);
    struct backend_candidate list[BACKEND_CANDIDATES];
    const int n = backend_offer(dev, &op, list);
    int tried = 0, right = 0, parts = 0;

    for (int i = 0; i < n; i++)
        if (!strcmp(list[i].choice.algorithm, "implicit")) {
            tried++;
            parts += list[i].choice.tune[PARTS] > 1;
            right += is_right(op, &list[i].choice);
        }
    if (!tried) {
        tap_skip("%s: no implicit", clade_op_name(s->kind));
        return;
    }
    tap_ok(right == tried,
           "%s %dx%dx%dx%d to %d by %dx%d/%d%s: %d of "
           "%d choices are right, %d in parts",
           clade_op_name(s->kind), s->n, s->h, s->w, s->c, s->k, s->window,
           s->window, s->stride, s->fours ? " by fours" : "", right, tried,
           parts);
}

int main(void)
{
    dev = tested_need();
    if (strncmp(clade_backend_device(dev)->selector, "opencl", 6))
        tap_skip_all("the reference has one algorithm");
    dev->device.type = CLADE_DEVICE_GPU;
    dev->device.vector_width = 1;
    dev->device.units = UNITS;
    tap_plan(SHAPES);
    for (int i = 0; i < SHAPES; i++)
        test(&shapes[i]);
    clade_backend_close(dev);
    return tap_done();
}
