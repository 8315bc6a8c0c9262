/* SPDX-License-Identifier: Apache-2.0 */
/* Augmented images: what they are made of, how often, and that they depend on
 * nothing but seed, epoch and image. */
#include "train/augment.h"

#include <stdlib.h>
#include <string.h>

#include "rng.h"
#include "tap.h"
#include "trainer.h"

#define SIDE 32
#define SIZE (SIDE * SIDE * 3)
#define MANY 1000

static struct clade_data data;

/* Pixel (y, x) of an image, which is black around. */
static uint8_t pixel(const uint8_t *image, int y, int x, int c)
{
    const bool in = y >= 0 && y < SIDE && x >= 0 && x < SIDE;

    return in ? image[(y * SIDE + x) * 3 + c] : 0;
}

/* Is `copy` the window at (dy, dx) of the image, or of its mirror image? */
static bool is_window(const uint8_t *copy, const uint8_t *image, bool mirrored,
                      int dy, int dx)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            for (int c = 0; c < 3; c++) {
                const int at = x + dx;

                if (pixel(copy, y, x, c) !=
                    pixel(image, y + dy, mirrored ? SIDE - 1 - at : at, c))
                    return false;
            }
    return true;
}

/* Which window a copy is: flip * 81 + row * 9 + column; -1: none. */
static int window_of(const uint8_t *copy, const uint8_t *image)
{
    for (int i = 0; i < 2 * 81; i++)
        if (is_window(copy, image, i >= 81, i % 81 / 9 - 4, i % 9 - 4))
            return i;
    return -1;
}

/* The windows of image 7 in MANY epochs. */
static void find_windows(int *count, const char *how)
{
    struct augment a;
    uint8_t copy[SIZE];

    memset(count, 0, (1 + 2 * 81) * sizeof *count);
    if (augment_parse(&a, how))
        tap_bail("%s", clade_error());
    for (uint32_t epoch = 0; epoch < MANY; epoch++) {
        augment_copy(copy, &data.train, 7, &a, 5, epoch);
        count[1 + window_of(copy, data.train.images + 7 * SIZE)]++;
    }
}

static int sum(const int *count, int from, int to)
{
    int n = 0;

    for (int i = from; i < to; i++)
        n += count[1 + i];
    return n;
}

/* The bounds are six sigma of a binomial distribution. */
static void test_windows(void)
{
    int all[1 + 2 * 81], *count = all, rows = 0, columns = 0;
    const int still = 4 * 9 + 4;

    find_windows(count, NULL);
    tap_ok(count[1 + still] == MANY, "without augmentation, images stay");
    find_windows(count, "flip");
    tap_ok(count[1 + still] + count[1 + 81 + still] == MANY &&
               abs(count[1 + still] - MANY / 2) < 95,
           "flip mirrors half of them: %d of %d", count[1 + 81 + still], MANY);
    find_windows(count, "crop");
    for (int i = 0; i < 9; i++) {
        int column = 0;

        for (int row = 0; row < 9; row++)
            column += count[1 + row * 9 + i];
        rows += abs(sum(count, i * 9, i * 9 + 9) - MANY / 9) < 60;
        columns += abs(column - MANY / 9) < 60;
    }
    tap_ok(sum(count, 0, 81) == MANY && rows == 9 && columns == 9,
           "crop takes windows from -4 to 4 pixels beside, all as often");
    find_windows(count, "crop,flip");
    tap_ok(!count[0] && abs(sum(count, 0, 81) - MANY / 2) < 95,
           "both do both: %d of %d are mirrored", sum(count, 81, 162), MANY);
}

/* The words of Philox say which window it is. */
static void test_words(void)
{
    const struct augment both = { true, true };
    uint8_t copy[SIZE];
    int good = 0;

    for (uint32_t image = 0; image < 20; image++) {
        const uint32_t ctr[4] = { image, 0, 3, rng_stream("augment", "train") };
        uint32_t words[4];

        rng_philox(words, ctr, 0x123456789abcdefULL);
        augment_copy(copy, &data.train, image, &both, 0x123456789abcdefULL, 3);
        good += is_window(copy, data.train.images + image * SIZE,
                          words[0] & 0x80000000,
                          (int)((uint64_t)words[1] * 9 >> 32) - 4,
                          (int)((uint64_t)words[2] * 9 >> 32) - 4);
    }
    tap_ok(good == 20, "image, epoch and seed say all: %d of 20", good);
}

static void test_texts(void)
{
    static const char *const bad[] = {
        "",          "flop",      "flip,",          ",crop",
        "flip crop", "flip,flip", "flip,crop,flip", "Flip"
    };
    struct augment a;
    int refused = 0;

    for (size_t i = 0; i < COUNT_OF(bad); i++)
        refused += augment_parse(&a, bad[i]) == CLADE_EUSAGE;
    tap_ok(refused == COUNT_OF(bad), "%d other texts are refused: %s", refused,
           clade_error());
    tap_ok(!augment_parse(&a, "crop,flip") &&
               !strcmp(augment_text(&a), "flip,crop") &&
               !augment_parse(&a, "crop") &&
               !strcmp(augment_text(&a), "crop") && !augment_parse(&a, NULL) &&
               !augment_text(&a),
           "their order says nothing");
}

static clade_status train_by(const char *run, int epochs, bool resume,
                             const char *augment, int accumulate)
{
    struct clade_train_config c = config_for(run, epochs);

    c.augment = augment;
    c.batch = 4;
    c.accumulate = accumulate;
    c.resume = resume;
    return train_for(&c, 0);
}

/* The losses and accuracies of test images depend on training only by the
 * parameters: with a rate of almost 0, the runs differ in training alone. */
static void test_trainings(void)
{
    struct clade_train_config c = config_for("plain", 1);
    struct clade_train_epoch plain;

    c.learning_rate = 1e-30;
    if (train_for(&c, 0))
        tap_bail("%s", clade_error());
    plain = seen.rows[0];
    c.out = path("varied", "");
    c.augment = "flip,crop";
    tap_ok(!train_for(&c, 0) && seen.rows[0].train.loss != plain.train.loss &&
               seen.rows[0].test.loss == plain.test.loss,
           "training images are augmented, test images are not");
    tap_ok(!train_by("whole", 2, false, "flip,crop", 0) &&
               !train_by("parts", 1, false, "crop,flip", 0) &&
               !train_by("parts", 2, true, "flip,crop", 0) &&
               same_run("whole", "parts"),
           "such a run is resumed, byte for byte");
    tap_ok(failed(train_by("whole", 3, true, NULL, 0), CLADE_EDATA,
                  "augment flip,crop", "has none") &&
               failed(train_by("whole", 3, true, "flip", 0), CLADE_EDATA,
                      "augment flip,crop", "has flip"),
           "to resume it otherwise is refused: %s", clade_error());
}

int main(void)
{
    trainer_begin("augment-test");
    tap_plan(4 + 1 + 2 + 3);
    if (clade_data_builtin(&data, 20, 0, 1))
        tap_bail("%s", clade_error());
    test_windows();
    test_words();
    test_texts();
    test_trainings();
    clade_data_free(&data);
    trainer_end();
    return tap_done();
}
