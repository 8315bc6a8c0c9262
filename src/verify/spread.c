/* SPDX-License-Identifier: Apache-2.0 */
#include "verify/spread.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend.h"
#include "status.h"

/* ---- the statistic ------------------------------------------------------- */

clade_status spread_new(struct spread *s, int n)
{
    *s = (struct spread){ .n = n };
    s->group = calloc(n + 1, sizeof(*s->group));
    s->squares = calloc(4 * (size_t)n + 1, sizeof(*s->squares));
    if (!s->group || !s->squares) {
        spread_free(s);
        return clade_fail(CLADE_ENOMEM, "verify: no memory for %d numbers", n);
    }
    s->largest = s->squares + n;
    s->deviation = s->largest + n;
    s->distance = s->deviation + n;
    return CLADE_OK;
}

void spread_free(struct spread *s)
{
    free(s->group);
    free(s->squares);
    *s = (struct spread){ .n = 0 };
}

static bool same_group(const struct quantity *a, const struct quantity *b)
{
    return a->kind == b->kind && a->step == b->step;
}

void spread_group(struct spread *s, const struct trace *t)
{
    for (int i = 1; i < s->n; i++)
        s->group[i] =
            s->group[i - 1] + !same_group(&t->list[i - 1], &t->list[i]);
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

static void sort(double *v, int n)
{
    qsort(v, n, sizeof(*v), ascending);
}

static double median(double *v, int n)
{
    sort(v, n);
    return n ? (v[(n - 1) / 2] + v[n / 2]) / 2 : 0;
}

/* The least divisor for deviations in this group; `work` has room for the whole
 * group. */
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
 * Each noisy run is compared with all runs but itself.  A quantity's largest
 * distance is that of its largest deviation d, since d^2 / (sum - d^2) grows
 * with d.  So two numbers of each quantity are all that is needed of the noisy
 * runs.
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

/* ---- deviations ---------------------------------------------------------- */

static double relative(double got, double centre, double unit)
{
    const double d = fabs(got - centre) / (unit != 0 ? fabs(unit) : 1);

    return isnan(d) ? INFINITY : d;
}

/*
 * The upper quartile, because a ReLU that flips moves few elements by much: if
 * one of those were among the samples, a mean of squares would be a hundred
 * spreads away, and would raise the limit for all.  Where every element is
 * within e RMS, the L2 is within e L2, and the sum within e n RMS.
 */
static double tensor_deviation(const struct quantity *got,
                               const struct quantity *centre,
                               const struct quantity *unit)
{
    const double n = (double)unit->elements;
    const double rms = unit->value > 0 ? unit->value / sqrt(n) : 1;
    double distance[TRACE_SAMPLES];

    for (int k = 0; k < got->samples; k++)
        distance[k] = relative(got->sample[k], centre->sample[k], rms);
    sort(distance, got->samples);
    return fmax(distance[3 * got->samples / 4],
                fmax(relative(got->value, centre->value, rms * sqrt(n)),
                     relative(got->sum, centre->sum, rms * n)));
}

double spread_deviation(const struct quantity *got,
                        const struct quantity *centre,
                        const struct quantity *unit)
{
    return got->samples ? tensor_deviation(got, centre, unit)
                        : relative(got->value, centre->value, unit->value);
}

static void deviate(struct spread *s, const struct trace *got,
                    const struct trace *centre, const struct trace *unit)
{
    for (int i = 0; i < s->n; i++)
        s->deviation[i] =
            spread_deviation(&got->list[i], &centre->list[i], &unit->list[i]);
}

/* ---- noisy runs ---------------------------------------------------------- */

static void say_run(clade_backend *be, int run, int runs)
{
    char text[80];

    if (!be->say)
        return;
    snprintf(text, sizeof(text), "noisy run %d of %d", run, runs);
    be->say(be->say_arg, text);
}

static clade_status add_run(struct spread *s, struct training *training,
                            const struct ensemble *e, int run)
{
    struct trace_options options = e->run;
    struct trace trace;
    clade_status st;

    options.noise.mode = NOISE_ADD;
    options.noise.run = (uint32_t)run;
    say_run(training->be, run, e->runs);
    st = trace_make(&trace, training, &options);
    if (st)
        return st;
    deviate(s, &trace, e->centre, e->unit);
    spread_add(s, s->deviation);
    trace_free(&trace);
    return CLADE_OK;
}

clade_status spread_make(struct spread *s, struct training *training,
                         const struct ensemble *e)
{
    const struct trace_options learn = { .steps = e->run.steps,
                                         .noise.mode = NOISE_LEARN };
    clade_status st = spread_new(s, e->centre->n);

    if (st)
        return st;
    spread_group(s, e->centre);
    st = trace_make(NULL, training, &learn);
    for (int run = 1; run <= e->runs && !st; run++)
        st = add_run(s, training, e, run);
    return st;
}

/* ---- the verdict --------------------------------------------------------- */

/* Its largest distance, and the first quantity beyond the noisy runs. */
static void sum_up(struct clade_training *t, const struct trace *trace,
                   const double *distance)
{
    for (int i = 0; i < trace->n; i++) {
        if (!(distance[i] <= t->distance))
            t->distance = distance[i];
        if (!(distance[i] <= t->largest) && !t->where[0])
            snprintf(t->where, sizeof(t->where), "%s", trace->list[i].name);
    }
}

/* Report the row that starts at quantity i, and return where the next one
 * does.  A tensor is a row; so are the numbers of a group. */
static int report_row(const struct judged *j, const struct spread *s,
                      double limit, int i)
{
    const struct quantity *q = j->trace->list;
    const int first = i;
    struct clade_distance d = { .limit = limit };
    int worst = i;

    while (++i < s->n && !q[i].samples && same_group(&q[i], &q[first]))
        if (s->distance[i] > s->distance[worst])
            worst = i;
    d.name = q[worst].name;
    d.deviation = s->deviation[worst];
    d.distance = s->distance[worst];
    d.passed = d.distance <= limit;
    if (j->report)
        j->report(j->arg, &d);
    return i;
}

clade_status spread_conclude(const struct clade_training *t, const char *name)
{
    if (!isfinite(t->largest))
        return clade_fail(CLADE_EMISTRUSTED,
                          "%s: a noisy run has values that are not finite: "
                          "there is no spread to judge by",
                          name);
    if (t->distance <= 2 * t->largest)
        return CLADE_OK;
    return clade_fail(CLADE_EBOUND,
                      "%s: %.3g spreads away, where %d correct trainings reach "
                      "%.3g; the first to exceed that is %s",
                      name, t->distance, t->runs, t->largest, t->where);
}

clade_status spread_verdict(struct spread *s, const struct judged *j)
{
    struct clade_training t = { .runs = s->runs, .own = j->own };

    deviate(s, j->trace, j->centre, j->unit);
    spread_judge(s->distance, &t.largest, s, s->deviation);
    sum_up(&t, j->trace, s->distance);
    for (int i = 0; i < s->n;)
        i = report_row(j, s, 2 * t.largest, i);
    if (j->conclude)
        j->conclude(j->arg, &t);
    return spread_conclude(&t, j->name);
}

clade_status spread_diverged(const struct judged *j)
{
    const struct clade_distance d = { .name = "losses",
                                      .deviation = INFINITY,
                                      .distance = INFINITY,
                                      .limit = NAN };

    if (j->report)
        j->report(j->arg, &d);
    return clade_fail(CLADE_EBOUND, "%s: the device's training diverges: %s",
                      j->name, clade_error());
}
