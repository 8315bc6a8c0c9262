/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/spread.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend.h"
#include "status.h"

clade_status spread_new(struct spread *s, int n)
{
    *s = (struct spread){ .n = n };
    s->group = calloc(n + 1, sizeof(*s->group));
    s->squares = calloc(n + 1, sizeof(*s->squares));
    s->largest = calloc(n + 1, sizeof(*s->largest));
    if (s->group && s->squares && s->largest)
        return CLADE_OK;
    spread_free(s);
    return clade_fail(CLADE_ENOMEM, "verify: no memory for %d numbers", n);
}

void spread_free(struct spread *s)
{
    free(s->group);
    free(s->squares);
    free(s->largest);
    *s = (struct spread){ .n = 0 };
}

void spread_add(struct spread *s, const double *deviation)
{
    for (int q = 0; q < s->n; q++) {
        const double square = deviation[q] * deviation[q];

        s->squares[q] += square;
        if (!(square <= s->largest[q]))
            s->largest[q] = square;
    }
    s->runs++;
}

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void spread_sort(double *v, int n)
{
    qsort(v, n, sizeof(*v), ascending);
}

static double median(double *v, int n)
{
    spread_sort(v, n);
    return n ? (v[(n - 1) / 2] + v[n / 2]) / 2 : 0;
}

/* The least that a quantity of this group is measured in; `work` has room for
 * all. */
static double least_of(const struct spread *s, int group, double *work)
{
    int n = 0;

    for (int q = 0; q < s->n; q++)
        if (s->group[q] == group)
            work[n++] = sqrt(s->squares[q] / s->runs);
    return median(work, n);
}

static double ratio(double deviation, double spread, double least)
{
    const double in = spread > least ? spread : least;

    if (deviation == 0)
        return 0;
    return in > 0 && isfinite(deviation) ? deviation / in : INFINITY;
}

/*
 * Leaving one out, a quantity's largest distance is that of its largest
 * deviation: d^2 / (rest - d^2) grows with d.  So two numbers of each
 * quantity are all that is wanted of the noisy runs.
 */
void spread_judge(double *distance, double *largest, const struct spread *s,
                  const double *deviation)
{
    int group = -1;
    double in = 0;

    *largest = 0;
    for (int q = 0; q < s->n; q++) {
        const double d = deviation[q], own = sqrt(s->squares[q] / s->runs);
        const double rest = s->squares[q] - s->largest[q] + d * d;
        double most;

        if (s->group[q] != group) {
            group = s->group[q];
            in = least_of(s, group, distance + q); /* room to work in */
        }
        most = ratio(sqrt(s->largest[q]), sqrt(rest / s->runs), in);
        if (!(most <= *largest))
            *largest = most;
        distance[q] = ratio(d, own, in);
    }
}

void spread_report(struct spread_verdict *v, const char *name, double deviation,
                   double distance)
{
    struct clade_training *t = &v->training;
    const struct clade_distance d = { .name = name,
                                      .deviation = deviation,
                                      .distance = distance,
                                      .limit = 2 * t->largest,
                                      .passed = distance <= 2 * t->largest };

    if (!(distance <= t->distance))
        t->distance = distance;
    if (!(distance <= t->largest) && !t->where[0])
        snprintf(t->where, sizeof(t->where), "%s", name);
    if (v->report)
        v->report(v->arg, &d);
}

clade_status spread_conclude(const struct spread_verdict *v, const char *what)
{
    const struct clade_training *t = &v->training;

    if (!isfinite(t->largest))
        return clade_fail(CLADE_EMISTRUSTED,
                          "%s: a noisy run has values that are no numbers: "
                          "there is no spread to judge by",
                          what);
    if (t->distance <= 2 * t->largest)
        return CLADE_OK;
    return clade_fail(CLADE_EBOUND,
                      "%s: %.3g spreads away, where %d correct trainings reach "
                      "%.3g; it parts at %s",
                      what, t->distance, t->runs, t->largest, t->where);
}

static void say(clade_backend *be, const char *what, int i, int n)
{
    char text[80];

    if (!be->say)
        return;
    snprintf(text, sizeof(text), "%s %d of %d", what, i, n);
    be->say(be->say_arg, text);
}

clade_status ensemble_run(struct training *t, struct noise *noise,
                          const struct ensemble *e)
{
    const struct record_sink nothing = { .arg = NULL };
    clade_backend *be = net_backend(training_net(t));
    clade_status st;

    noise_learn(noise);
    st = training_run(t, e->steps, noise, &nothing);
    for (int i = 1; i <= e->runs && !st; i++) {
        say(be, "noisy run", i, e->runs);
        noise_begin(noise, (uint32_t)i, e->scale);
        st = training_run(t, e->steps, noise, &e->sink);
        if (!st)
            e->done(e->sink.arg);
    }
    return st;
}
