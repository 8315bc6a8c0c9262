/* SPDX-License-Identifier: Apache-2.0 */
/* The cut of a batch into shares by speed; tests/shares.c has trainings with
 * it. */
#include "train/shares.h"

#include <math.h>

#include "tap.h"

/* What the slowest share takes. */
static double slowest(const int *size, const double *seconds, int count)
{
    double most = 0;

    for (int i = 0; i < count; i++)
        most = fmax(most, size[i] * seconds[i]);
    return most;
}

/* The least that the slowest can take, of all cuts of a batch of n into shares
 * of one image or more, of which those before share i are in `size`. */
static double least(int *size, const double *seconds, int count, int i, int n)
{
    double best = INFINITY;

    if (i == count - 1) {
        size[i] = n;
        return slowest(size, seconds, count);
    }
    for (size[i] = 1; size[i] <= n - (count - 1 - i); size[i]++)
        best = fmin(best, least(size, seconds, count, i + 1, n - size[i]));
    return best;
}

/* Cut for these times; is no other cut better, and is it within one image's
 * time of it for all? */
static bool cuts_best(const double *seconds, int count, int batch)
{
    const struct clade_train_config config = { .batch = batch };
    int size[4], other[4], sum = 0;
    struct shares s;
    double most;
    bool good;

    if (shares_new(&s, &config, count))
        tap_bail("%s", clade_error());
    shares_cut_by_speed(&s, seconds);
    good = s.count == count && s.batch == batch;
    for (int i = 0; i < count; i++) {
        size[i] = shares_size(&s, i, batch);
        good &= size[i] >= 1;
        sum += size[i];
    }
    most = slowest(size, seconds, count);
    good &= sum == batch && most == least(other, seconds, count, 0, batch);
    for (int i = 0; i < count * count; i++) {
        const int from = i / count, to = i % count;

        if (size[from] > 1 && size[from] * seconds[from] == most)
            good &= (size[to] + 1) * seconds[to] >= most;
    }
    if (!good)
        tap_note("%d images, %d shares, %g %g ...: %d %d ...", batch, count,
                 seconds[0], count > 1 ? seconds[1] : 0, size[0],
                 count > 1 ? size[1] : 0);
    shares_free(&s);
    return good;
}

static void test_speeds(void)
{
    static const double times[] = { 1, 1.5, 3, 0.1, 40 };
    bool good = true;
    int n = 0;

    for (int count = 1; count <= 4; count++)
        for (int which = 0; which < 625; which++) {
            const double seconds[] = { times[which % 5], times[which / 5 % 5],
                                       times[which / 25 % 5],
                                       times[which / 125] };

            for (int batch = count; batch <= 9; batch++, n++)
                good &= cuts_best(seconds, count, batch);
        }
    tap_ok(good, "by speed, no other cut is faster: %d cuts", n);
}

int main(void)
{
    tap_plan(1);
    test_speeds();
    return tap_done();
}
