/* SPDX-License-Identifier: Apache-2.0 */
/* All products of a net, one after the other. */
#include "tune/tune.h"

#include "clock.h"
#include "status.h"

/* The share of the time left that timing takes; the rest is building and
 * checking. */
#define TIMING 0.5

struct tuning {
    clade_backend *be;
    const struct tune_config *config;
    struct measured *kept;
    double began;
};

static double now(const struct tuning *t)
{
    return clock_now() - t->began;
}

static bool is_told_to_stop(const struct tuning *t)
{
    return t->config->stop && t->config->stop(t->config->arg);
}

static bool is_over(void *arg)
{
    const struct tuning *t = arg;

    return now(t) > t->config->seconds || is_told_to_stop(t);
}

/* Whether a product is to be measured: neither it is already, nor has a process
 * died of it. */
static bool is_wanted(const struct tuning *t, const struct tune_product *p)
{
    struct measured_row row;

    return t->config->again || (!measured_find(&row, t->kept, p->key) &&
                                !measured_is_noted(t->kept, p->key));
}

static void say_noted(const struct tuning *t, const struct tune_product *p)
{
    if (!t->config->again && measured_is_noted(t->kept, p->key))
        backend_notice(t->be,
                       "%s of %s is passed over: an earlier measurement of it "
                       "never came to its end; if that was no fault of the "
                       "driver, remove it from %s",
                       clade_op_name(p->c.kind), p->label,
                       measured_path(t->kept));
}

/* What part of the work products `first` and after are: half of it goes by
 * flops, half by their number. */
static double work_from(const struct tuning *t, const struct tune_products *p,
                        int first)
{
    double all = 0, flops = 0;
    int count = 0;

    for (int i = 0; i < p->count; i++) {
        all += p->list[i].flops;
        if (i >= first && is_wanted(t, &p->list[i])) {
            flops += p->list[i].flops;
            count++;
        }
    }
    return all ? flops / all / 2 + 0.5 * count / p->count : 0;
}

/* The seconds that are left, from what the products measured so far took. */
static double estimate(const struct tuning *t, double done, double left)
{
    const double most = t->config->seconds - now(t);
    const double by_work = done > 0 ? now(t) / done * left : -1;

    return by_work < most ? by_work : most;
}

/* A product whose candidates all fail is left alone. */
static bool is_passed_over(clade_status st)
{
    return st == CLADE_EBUILD || st == CLADE_EUNSUPPORTED || st == CLADE_ENOMEM;
}

static clade_status measure(struct tune_result *result, struct tuning *t,
                            const struct tune_product *p, double seconds)
{
    const struct tune_limits limits = { .seconds = seconds,
                                        .stop = is_over,
                                        .arg = t };
    struct measured_row row;
    clade_status st = measured_begin(t->kept, p->key);

    if (st)
        return st;
    if (!(st = tune_product(&row, t->be, p, &limits))) {
        result->measured++;
        return measured_set(t->kept, &row);
    }
    if (is_passed_over(st)) {
        backend_notice(t->be, "not measured: %s", clade_error());
        st = CLADE_OK;
    }
    return measured_end(t->kept, p->key) ? CLADE_EIO : st;
}

static clade_status measure_all(struct tune_result *result, struct tuning *t,
                                const struct tune_products *p)
{
    const double work = work_from(t, p, 0);
    clade_status st = CLADE_OK;

    for (int i = 0; i < p->count && !st; i++) {
        const double left = work_from(t, p, i);
        const double own = left - work_from(t, p, i + 1);
        const struct tune_progress progress = {
            &p->list[i], i + 1, p->count, estimate(t, work - left, left)
        };

        say_noted(t, &p->list[i]);
        if (!is_wanted(t, &p->list[i]))
            continue;
        if (is_over(t))
            break;
        if (t->config->report)
            t->config->report(t->config->arg, &progress);
        st = measure(result, t, &p->list[i],
                     TIMING * (t->config->seconds - now(t)) * own / left);
    }
    if (is_told_to_stop(t))
        return clade_fail(CLADE_EINTERRUPTED, "interrupted");
    return st == CLADE_EINTERRUPTED ? CLADE_OK : st;
}

/* Sum up a step's products. */
static void sum_up(struct tune_result *result, const struct tuning *t,
                   const struct tune_products *p)
{
    result->count = p->count;
    for (int i = 0; i < p->count; i++) {
        struct measured_row row;

        if (!measured_find(&row, t->kept, p->list[i].key)) {
            result->left++;
            continue;
        }
        result->usual += p->list[i].uses * row.usual.seconds;
        result->best += p->list[i].uses * row.best.seconds;
    }
}

clade_status tune_net(struct tune_result *result, clade_backend *be,
                      const struct tune_config *config)
{
    struct tuning t = { .be = be, .config = config, .began = clock_now() };
    struct tune_products products;
    clade_status st;

    *result = (struct tune_result){ .count = 0 };
    if (!be->table->measured_file)
        return clade_fail(CLADE_EUNSUPPORTED,
                          "%s: there is nothing to tune: each op has one "
                          "algorithm",
                          be->device.name);
    if (!(t.kept = backend_measured(be)))
        return clade_fail(CLADE_EIO, "there is no folder for what is "
                                     "measured: set HOME or XDG_CACHE_HOME");
    if ((st = tune_products_of(&products, be, &config->net)))
        return st;
    st = measure_all(result, &t, &products);
    sum_up(result, &t, &products);
    tune_products_free(&products);
    return st;
}
