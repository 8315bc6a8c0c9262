/* SPDX-License-Identifier: Apache-2.0 */
#include <clade/data.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "data.h"
#include "rng.h"
#include "status.h"

/*
 * Ten classes that GoogLeNet learns from a few hundred images.  Each class has
 * its own hue and its own pattern.  (With patterns alone, the net takes far too
 * long to learn anything.)  The formulas use only operations that IEEE 754
 * rounds correctly, so the images are the same bytes everywhere.
 */

#define SIDE     32
#define CHANNELS 3
#define IMAGE    (SIDE * SIDE * CHANNELS)

/* The numbers that are drawn for each image, each uniform within its range. */
enum draw {
    HUE,    /* offset from the class's hue, in tenths of the colour circle */
    VALUE,  /* brightness of lit pixels */
    GROUND, /* brightness of dark pixels */
    CENTRE_X,
    CENTRE_Y,
    PERIOD, /* distance from one stripe to the next, in pixels */
    PHASE,  /* offset of the stripes, in periods */
    RADIUS, /* in pixels */
    TURN,   /* tangent of half the angle of rotation */
    DRAWS
};
static const double ranges[DRAWS][2] = {
    [HUE] = { -0.3, 0.3 },   [VALUE] = { 0.7, 1 },    [GROUND] = { 0, 0.15 },
    [CENTRE_X] = { 11, 21 }, [CENTRE_Y] = { 11, 21 }, [PERIOD] = { 5, 9 },
    [PHASE] = { 0, 1 },      [RADIUS] = { 6, 11 },    [TURN] = { 0, 1 },
};

/* Standard deviation of the noise; pixels are 0 ... 255. */
#define NOISE 12.0

/* A stripe: the first half of each period is lit. */
static bool wave(double t)
{
    return t - floor(t) < 0.5;
}

static double distance(const double d[DRAWS], double x, double y)
{
    const double across = x - d[CENTRE_X], down = y - d[CENTRE_Y];

    return sqrt(across * across + down * down);
}

static bool rows(const double d[DRAWS], double x, double y)
{
    (void)x;
    return wave(y / d[PERIOD] + d[PHASE]);
}

static bool columns(const double d[DRAWS], double x, double y)
{
    (void)y;
    return wave(x / d[PERIOD] + d[PHASE]);
}

static bool falling(const double d[DRAWS], double x, double y)
{
    return wave((x - y) / (d[PERIOD] * sqrt(2)) + d[PHASE]);
}

static bool rising(const double d[DRAWS], double x, double y)
{
    return wave((x + y) / (d[PERIOD] * sqrt(2)) + d[PHASE]);
}

static bool checks(const double d[DRAWS], double x, double y)
{
    return rows(d, x, y) != columns(d, x, y);
}

static bool rings(const double d[DRAWS], double x, double y)
{
    return wave(distance(d, x, y) / d[PERIOD] + d[PHASE]);
}

/* Four lines through the centre, 45 degrees apart, cut the image into eight
 * sectors, lit and dark in turn. */
static bool spokes(const double d[DRAWS], double x, double y)
{
    const double t = d[TURN];
    const double cosine = (1 - t * t) / (1 + t * t);
    const double sine = 2 * t / (1 + t * t);
    const double across = x - d[CENTRE_X], down = y - d[CENTRE_Y];
    const double a = cosine * across - sine * down;
    const double b = sine * across + cosine * down;

    return (a > 0) ^ (b > 0) ^ (a > b) ^ (a > -b);
}

static bool disc(const double d[DRAWS], double x, double y)
{
    return distance(d, x, y) < d[RADIUS];
}

static bool square(const double d[DRAWS], double x, double y)
{
    return fabs(x - d[CENTRE_X]) < d[RADIUS] &&
           fabs(y - d[CENTRE_Y]) < d[RADIUS];
}

static bool circle(const double d[DRAWS], double x, double y)
{
    return fabs(distance(d, x, y) - d[RADIUS]) < 1.5;
}

/* Each class's pattern: is the pixel lit?  src/data/classes.c names them. */
static bool (*const patterns[CLADE_DATA_CLASSES])(const double d[DRAWS],
                                                  double x, double y) = {
    rows, columns, falling, rising, checks, rings, spokes, disc, square, circle,
};

/* The colour of a hue at full saturation; hue 1 is once round the circle.  Each
 * channel is a trapezium around its own third of the circle. */
static void full_colour(double rgb[CHANNELS], double hue)
{
    for (int c = 0; c < CHANNELS; c++) {
        const double at = hue - c / 3.0;
        const double away = fabs(at - floor(at + 0.5)) * 6; /* 0 ... 3 */

        rgb[c] = away < 1 ? 1 : away > 2 ? 0 : 2 - away;
    }
}

/* Nearly Gaussian noise of mean 0 and deviation 1: a sum of 16 random bytes,
 * centred and scaled. */
static double noise(uint64_t seed, uint32_t image, uint32_t stream, uint32_t i)
{
    const uint32_t counter[4] = { i, 0, image, stream };
    const double mean = 16 * 127.5, deviation = sqrt(16 * (65536 - 1) / 12.0);
    uint32_t words[4];
    int sum = 0;

    rng_philox(words, counter, seed);
    for (int k = 0; k < 16; k++)
        sum += words[k / 4] >> k % 4 * 8 & 0xff;
    return (sum - mean) / deviation;
}

static uint8_t to_byte(double v)
{
    return v < 0 ? 0 : v > 255 ? 255 : (uint8_t)(v + 0.5);
}

static void draw_image(uint8_t image[IMAGE], int label, uint64_t seed,
                       uint32_t number, const char *set)
{
    const uint32_t looks = rng_stream("looks", set);
    const uint32_t grain = rng_stream("grain", set);
    double d[DRAWS], colour[CHANNELS];

    for (int i = 0; i < DRAWS; i++)
        d[i] = ranges[i][0] + (ranges[i][1] - ranges[i][0]) *
                                  rng_uniform(seed, number, looks, i);
    full_colour(colour, (label + d[HUE]) / CLADE_DATA_CLASSES);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const bool lit = patterns[label](d, i % SIDE, i / SIDE);

        for (int c = 0; c < CHANNELS; c++) {
            const int at = i * CHANNELS + c;
            const double v = lit ? d[VALUE] * colour[c] : d[GROUND];

            image[at] =
                to_byte(255 * v + NOISE * noise(seed, number, grain, at));
        }
    }
}

static clade_status draw_set(struct clade_dataset *set, int count,
                             uint64_t seed, const char *name)
{
    const size_t n = count > 0 ? (size_t)count : 1;

    *set = (struct clade_dataset){
        .count = count, .h = SIDE, .w = SIDE, .c = CHANNELS
    };
    set->images = malloc(n * IMAGE);
    set->labels = malloc(n);
    if (!set->images || !set->labels)
        return clade_fail(CLADE_ENOMEM, "no memory for %d images of %d bytes",
                          count, IMAGE);
    for (int i = 0; i < count; i++) {
        set->labels[i] = (uint8_t)(i % CLADE_DATA_CLASSES);
        draw_image(set->images + (size_t)i * IMAGE, set->labels[i], seed,
                   (uint32_t)i, name);
    }
    return CLADE_OK;
}

clade_status clade_data_builtin(struct clade_data *data, int train_count,
                                int test_count, uint64_t seed)
{
    struct clade_data made = { 0 };
    clade_status st;

    if ((st = status_given(__func__, "data", data)) ||
        (st = data_check_counts(train_count, test_count)))
        return st;
    if ((st = draw_set(&made.train, train_count, seed, "train")) ||
        (st = draw_set(&made.test, test_count, seed, "test"))) {
        clade_data_free(&made);
        return st;
    }
    snprintf(made.source, sizeof(made.source), DATA_BUILTIN);
    data_name_classes(&made, made.source);
    *data = made;
    return CLADE_OK;
}
