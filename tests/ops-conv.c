/* SPDX-License-Identifier: Apache-2.0 */
/* The doors of the convolutions, dense layers and bias gradients: what they let
 * in, what they refuse and why. */
#include "doors.h"

#include <limits.h>
#include <string.h>

#include "tap.h"

/* ---- convolutions -------------------------------------------------------- */

/* A good convolution, 3x3/2 `same` over 2x8x8x3 with 5 filters.  Each case
 * changes something in it. */
struct conv {
    struct clade_tensor y, x, w, b;
    struct clade_window window;
    unsigned flags;
};

static struct conv conv(void)
{
    return (struct conv){ .y = tensor(0, 2, 4, 4, 5),
                          .x = tensor(1, 2, 8, 8, 3),
                          .w = tensor(2, 3, 3, 3, 5),
                          .b = tensor(3, 1, 1, 1, 5),
                          .window = clade_window_same(3, 3, 2, 8, 8),
                          .flags = CLADE_BIAS | CLADE_RELU };
}

static clade_status forward(struct conv c)
{
    struct clade_op op;

    return clade_op_conv_fwd(&op, c.y, c.x, c.w, c.b, c.window, c.flags);
}

static clade_status good(void)
{
    return forward(conv());
}

static clade_status slices(void)
{
    struct conv c = conv();

    c.y = clade_tensor_slice(tensor(0, 2, 4, 4, 9), 4, 5);
    c.x = clade_tensor_slice(tensor(0, 2, 8, 8, 9), 0, 3);
    c.x.offset += 2 * 4 * 4 * 9; /* after y, in the same buffer */
    return forward(c);
}

static clade_status neighbours(void)
{
    struct conv c = conv();

    c.window = clade_window_same(3, 3, 1, 8, 8);
    c.y = clade_tensor_slice(tensor(0, 2, 8, 8, 9), 4, 5);
    c.x = clade_tensor_slice(tensor(0, 2, 8, 8, 9), 1, 3);
    return forward(c);
}

static clade_status overlapping(void)
{
    struct conv c = conv();

    c.window = clade_window_same(3, 3, 1, 8, 8);
    c.y = clade_tensor_slice(tensor(0, 2, 8, 8, 9), 3, 5);
    c.x = clade_tensor_slice(tensor(0, 2, 8, 8, 9), 1, 3);
    return forward(c);
}

static clade_status no_bias(void)
{
    struct conv c = conv();

    c.b = absent;
    return forward(c);
}

static clade_status nowhere(void)
{
    const struct conv c = conv();

    return clade_op_conv_fwd(NULL, c.y, c.x, c.w, c.b, c.window, c.flags);
}

/* Channels 7 ... 9 of 9. */
static clade_status filter_slice(void)
{
    struct conv c = conv();

    c.w = clade_tensor_slice(tensor(2, 3, 3, 3, 9), 4, 5);
    return forward(c);
}

static clade_status filter_gradient_slice(void)
{
    const struct conv c = conv();
    struct clade_op op;

    return clade_op_conv_bwd_filter(
        &op, clade_tensor_slice(tensor(2, 3, 3, 3, 9), 4, 5), absent, c.x, c.y,
        c.window);
}

static clade_status slice_past_the_end(void)
{
    struct conv c = conv();

    c.x = clade_tensor_slice(tensor(1, 2, 8, 8, 9), 7, 3);
    return forward(c);
}

static clade_status no_filter(void)
{
    struct conv c = conv();

    c.w = absent;
    return forward(c);
}

static clade_status large_kernel(void)
{
    struct conv c = conv();

    c.window = clade_window_valid(9, 9, 1);
    c.w = tensor(2, 9, 9, 3, 5);
    return forward(c);
}

/* With `same` padding the kernel may be larger than the image. */
static clade_status kernel_over_pixel(void)
{
    struct conv c = conv();

    c.window = clade_window_same(7, 7, 1, 1, 1);
    c.x = tensor(1, 2, 1, 1, 3);
    c.w = tensor(2, 7, 7, 3, 5);
    c.y = tensor(0, 2, 1, 1, 5);
    return forward(c);
}

/* 65536 * 32768 elements are 2^31, which is refused. */
static clade_status at_the_limit(void)
{
    struct clade_op op;
    struct clade_tensor x = tensor(0, 1, 65536, 32768, 1);

    return clade_op_bias_bwd(&op, tensor(1, 1, 1, 1, 1), x);
}

/* 65537 * 32767 elements are 32769 fewer. */
static clade_status below_the_limit(void)
{
    struct clade_op op;
    struct clade_tensor x = tensor(0, 1, 65537, 32767, 1);

    return clade_op_bias_bwd(&op, tensor(1, 1, 1, 1, 1), x);
}

static clade_status offset_over_the_limit(void)
{
    struct clade_op op;
    struct clade_tensor x = tensor(0, 1, 65537, 32767, 1);

    x.offset = 32769;
    return clade_op_bias_bwd(&op, tensor(1, 1, 1, 1, 1), x);
}

static clade_status huge_extents(void)
{
    struct clade_op op;
    struct clade_tensor x = tensor(0, 1 << 30, 1 << 30, 1 << 30, 1 << 30);

    return clade_op_bias_bwd(&op, tensor(1, 1, 1, 1, 1 << 30), x);
}

static clade_status beyond_its_buffer(void)
{
    struct clade_buffer small = { .bytes = 2 * 4 * 4 * 5 * 4 - 1 };
    struct conv c = conv();

    c.y.buffer = &small;
    return forward(c);
}

static clade_status masked(void)
{
    struct conv c = conv();
    struct clade_op op;

    return clade_op_conv_bwd_data(&op, tensor(4, 2, 8, 8, 3), c.y, c.w, c.x,
                                  c.window, CLADE_RELU | CLADE_ACCUMULATE);
}

static clade_status mask_without_x(void)
{
    struct conv c = conv();
    struct clade_op op;

    return clade_op_conv_bwd_data(&op, c.x, c.y, c.w, absent, c.window,
                                  CLADE_RELU);
}

static clade_status mask_of_another_shape(void)
{
    struct conv c = conv();
    struct clade_op op;

    return clade_op_conv_bwd_data(&op, c.x, c.y, c.w, tensor(4, 2, 8, 8, 4),
                                  c.window, CLADE_RELU);
}

static clade_status filter_gradient(void)
{
    struct conv c = conv();
    struct clade_op op;

    return clade_op_conv_bwd_filter(&op, c.w, absent, c.x, c.y, c.window);
}

static clade_status both_gradients(void)
{
    struct conv c = conv();
    struct clade_op op;
    const clade_status st =
        clade_op_conv_bwd_filter(&op, c.w, c.b, c.x, c.y, c.window);

    return st || op.flags == CLADE_BIAS ? st : CLADE_EUSAGE;
}

static clade_status bias_of_another_layer(void)
{
    struct conv c = conv();
    struct clade_op op;

    return clade_op_conv_bwd_filter(&op, c.w, tensor(3, 1, 1, 1, 6), c.x, c.y,
                                    c.window);
}

/* db is the first 5 of dw's elements. */
static clade_status bias_in_filter(void)
{
    struct conv c = conv();
    struct clade_op op;

    return clade_op_conv_bwd_filter(&op, c.w, tensor(2, 1, 1, 1, 5), c.x, c.y,
                                    c.window);
}

/* ---- dense layers -------------------------------------------------------- */

static clade_status flattened(void)
{
    struct clade_op op;

    return clade_op_dense_fwd(&op, tensor(0, 2, 1, 1, 10),
                              tensor(1, 2, 4, 4, 8), tensor(2, 1, 1, 128, 10),
                              absent, 0);
}

static clade_status flattened_slice(void)
{
    struct clade_op op;

    return clade_op_dense_fwd(&op, tensor(0, 2, 1, 1, 10),
                              clade_tensor_slice(tensor(1, 2, 4, 4, 9), 0, 8),
                              tensor(2, 1, 1, 128, 10), absent, 0);
}

static clade_status dense_slice(void)
{
    struct clade_op op;

    return clade_op_dense_bwd_filter(
        &op, tensor(2, 1, 1, 8, 10),
        clade_tensor_slice(tensor(1, 2, 1, 1, 9), 0, 8),
        tensor(0, 2, 1, 1, 10));
}

/* clang-format off */
static const struct door_case cases[] = {
    { good, NULL, "conv_fwd: a good convolution with bias and ReLU" },
    { slices, NULL, "conv_fwd: slices, one after the other in a buffer" },
    { neighbours, NULL, "conv_fwd: disjoint slices of the same pixels" },
    { filter_slice, NULL, "conv_fwd: a filter that is a slice of a wider one" },
    { filter_gradient_slice, NULL, "conv_bwd_filter: a gradient that is a slice of a wider one" },
    { overlapping, "y overlaps x", "conv_fwd: slices that share a channel" },
    { no_bias, "b is missing, but CLADE_BIAS is given", "conv_fwd: the bias flag without a bias" },
    { slice_past_the_end, "x is not a valid tensor", "conv_fwd: a slice past the last channel" },
    { no_filter, "w is missing", "conv_fwd: no filter" },
    { large_kernel, "larger than the padded image", "conv_fwd: `valid`, a kernel larger than the image" },
    { kernel_over_pixel, NULL, "conv_fwd: `same`, 7x7 over one pixel" },
    { at_the_limit, "2^31", "bias_bwd: 2^31 elements" },
    { below_the_limit, NULL, "bias_bwd: 2^31 - 32769 elements" },
    { offset_over_the_limit, "2^31", "bias_bwd: as many, but from element 32769 on" },
    { huge_extents, "2^31", "bias_bwd: extents whose product overflows 64 bits" },
    { beyond_its_buffer, "of a buffer of 639", "conv_fwd: the last byte is outside the buffer" },
    { masked, NULL, "conv_bwd_data: with accumulation and a mask" },
    { mask_without_x, "ReLU's mask needs x", "conv_bwd_data: a mask without x" },
    { mask_of_another_shape, "x is 2x8x8x4, must be 2x8x8x3", "conv_bwd_data: a mask of another shape" },
    { filter_gradient, NULL, "conv_bwd_filter: the same convolution" },
    { both_gradients, NULL, "conv_bwd_filter: the bias' gradient beside it" },
    { bias_of_another_layer, "db is 1x1x1x6, must be 1x1x1x5", "conv_bwd_filter: a bias of other channels" },
    { bias_in_filter, "dw overlaps db", "conv_bwd_filter: two gradients in one place" },
    { flattened, NULL, "dense_fwd: images flattened" },
    { flattened_slice, "not one vector for each image", "dense_fwd: a slice of larger images cannot be flattened" },
    { dense_slice, NULL, "dense_bwd_filter: a slice of single pixels can" },
};
static const struct door_case misuses[] = {
    { nowhere, "NULL is not allowed for op", "conv_fwd: no place for the op" },
};
enum {
    N_CASES = sizeof(cases) / sizeof(*cases),
    N_MISUSES = sizeof(misuses) / sizeof(*misuses)
};
/* clang-format on */

/* Each case changes one int of the good convolution. */
#define AT(member) offsetof(struct conv, member)
/* clang-format off */
static const struct {
    size_t at;
    int value;
    const char *refusal, *why;
} refusals[] = {
    { AT(y.h), 3, "y is 2x3x4x5, must be 2x4x4x5",
      "conv_fwd: an output with a row too few" },
    { AT(w.w), 4, "w is 3x3x4x5, must be 3x3x3x5",
      "conv_fwd: a filter for other channels" },
    { AT(w.ld), 4, "w is not a valid tensor",
      "conv_fwd: a filter whose ld is below K" },
    { AT(x.type), CLADE_U8, "x is uint8, must be float32",
      "conv_fwd: bytes in place of floats" },
    { AT(w.type), CLADE_F64, "is float32, must be float64",
      "conv_fwd: two precisions in one op" },
    { AT(x.ld), 2, "x is not a valid tensor",
      "conv_fwd: ld below C" },
    { AT(window.stride), 0, "stride must be at least 1",
      "conv_fwd: a stride of 0" },
    { AT(flags), 7, "flags 0x7, of which 0x4",
      "conv_fwd: a flag of another op" },
    { AT(flags), CLADE_RELU, "b is given, but CLADE_BIAS is not",
      "conv_fwd: a bias that would not be added" },
    { AT(x.type), 77, "x is of no type",
      "conv_fwd: a type that is none" },
    { AT(x.h), -8, "x is not a valid tensor",
      "conv_fwd: a negative extent" },
    { AT(window.bottom), INT_MAX, "2^31 pixels or more",
      "conv_fwd: padding up to the largest int" },
};
enum { N_REFUSALS = sizeof(refusals) / sizeof(*refusals) };
/* clang-format on */

static void test_refusals(void)
{
    for (int i = 0; i < N_REFUSALS; i++) {
        struct conv c = conv();

        memcpy((char *)&c + refusals[i].at, &refusals[i].value, sizeof(int));
        doors_expect(forward(c), CLADE_ESHAPE, refusals[i].refusal,
                     refusals[i].why);
    }
}

int main(void)
{
    tap_plan(N_CASES + N_MISUSES + N_REFUSALS);
    doors_test(cases, N_CASES, CLADE_ESHAPE);
    doors_test(misuses, N_MISUSES, CLADE_EUSAGE);
    test_refusals();
    return tap_done();
}
