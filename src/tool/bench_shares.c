/* SPDX-License-Identifier: Apache-2.0 */
/* Training steps whose batch is cut into shares, by one process or several. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "status.h"
#include "tool.h"

static const char *const phases[GROUP_PHASES] = {
    [GROUP_COMPUTE] = "compute",   [GROUP_WAIT] = "wait",
    [GROUP_COPY] = "copies",       [GROUP_EXCHANGE] = "exchange",
    [GROUP_SUM] = "sum",           [GROUP_UPDATE] = "update",
    [GROUP_VALUES] = "new weights"
};

/* ---- steps --------------------------------------------------------------- */

clade_status bench_shares_open(struct bench *b,
                               const struct clade_net_config *config)
{
    const struct clade_train_config cut = { .batch = b->o->batch,
                                            .shares = b->o->shares,
                                            .accumulate = b->o->accumulate };
    clade_status st;

    if ((st = shares_new(&b->shares, &cut, b->dist->size)) ||
        (st = devices_find(&b->devices, b->dist, b->be)) ||
        (st = devices_net(&b->net, &b->devices, b->dist, &b->shares, b->be,
                          config, NULL)))
        return st;
    return group_new(&b->group, b->dist, &b->shares, b->net, b->o->batch);
}

void bench_shares_close(struct bench *b)
{
    group_free(&b->group);
    devices_free(&b->devices);
    shares_free(&b->shares);
}

static struct clade_batch images(void *arg, int first, int count)
{
    const struct bench *b = arg;
    const struct clade_net_shape s = clade_net_shape(b->net);
    const size_t image = (size_t)s.source_h * (size_t)s.source_w * (size_t)s.c;

    return (struct clade_batch){ .n = count,
                                 .bytes = b->bytes + (size_t)first * image,
                                 .labels = b->labels + first };
}

clade_status bench_shares_step(struct bench *b)
{
    const struct group_batch batch = { b->o->batch, images, b };
    struct clade_result result;
    bool stop;
    clade_status st = group_any(&stop, &b->group, tool_stop(NULL));

    if (st)
        return st;
    if (stop)
        return clade_fail(CLADE_EINTERRUPTED, "interrupted");
    return group_train(&b->group, &batch, b->step++, BENCH_RATE, &result);
}

static clade_status measure_alone(struct bench *b)
{
    const struct group_batch batch = { b->o->batch, images, b };
    const int steps = b->o->steps;
    double *seconds = calloc((size_t)steps, sizeof *seconds);
    clade_status st = CLADE_OK;

    if (!seconds)
        return clade_fail(CLADE_ENOMEM, "bench: out of memory");
    for (int i = -BENCH_WARM_UP; i < steps && !st; i++) {
        const double began = clock_now();

        st = group_alone(&b->group, &batch, b->step++, BENCH_RATE);
        if (i >= 0)
            seconds[i] = clock_now() - began;
    }
    b->alone = bench_median(seconds, steps);
    free(seconds);
    return st;
}

clade_status bench_shares_alone(struct bench *b)
{
    clade_status st = CLADE_OK;

    for (int turn = 0; turn < b->dist->size && !st; turn++) {
        if (turn == b->dist->local)
            st = measure_alone(b);
        if (!st)
            st = dist_barrier(b->dist);
    }
    return st;
}

/* ---- figures ------------------------------------------------------------- */

/* What a rank tells the first one. */
struct rank {
    char host[64], device[272], driver[128];
    int images;
    double alone; /* images per second */
    double seconds[GROUP_PHASES];
    int64_t peak_memory, device_bytes;
};

static struct rank describe_rank(const struct bench *b)
{
    const struct run_device *d =
        &b->devices.list[b->devices.of_rank[b->dist->rank]];
    struct rank r = { .peak_memory = bench_peak_memory(),
                      .device_bytes = (int64_t)clade_backend_memory(b->be) };

    memcpy(r.host, b->dist->host, sizeof r.host);
    memcpy(r.device, d->name, sizeof r.device);
    memcpy(r.driver, d->driver, sizeof r.driver);
    for (int s = b->dist->rank; s < b->shares.count; s += b->dist->size)
        r.images += shares_size(&b->shares, s, b->o->batch);
    r.alone = r.images / b->alone;
    for (int p = 0; p < GROUP_PHASES; p++)
        r.seconds[p] = b->group.seconds[p] / b->o->steps;
    return r;
}

static json_t *rank_json(const struct rank *r)
{
    json_t *seconds = json_object();

    for (int p = 0; p < GROUP_PHASES; p++)
        json_object_set_new(seconds, phases[p], json_real(r->seconds[p]));
    return json_pack("{s:s, s:s, s:s, s:i, s:f, s:o, s:I, s:I}", "host",
                     r->host, "device", r->device, "driver", r->driver,
                     "images", r->images, "alone_images_per_second", r->alone,
                     "seconds_per_step", seconds, "peak_memory_bytes",
                     (json_int_t)r->peak_memory, "device_bytes",
                     (json_int_t)r->device_bytes);
}

static void add_ranks(json_t *object, const struct bench *b,
                      const struct rank *all)
{
    const double rate =
        json_real_value(json_object_get(object, "images_per_second"));
    json_t *list = json_array();
    double alone = 0;

    for (int r = 0; r < b->dist->size; r++) {
        json_array_append_new(list, rank_json(&all[r]));
        alone += all[r].alone;
    }
    json_object_set_new(object, "alone_images_per_second", json_real(alone));
    json_object_set_new(object, "efficiency", json_real(rate / alone));
    json_object_set_new(object, "ranks", list);
}

clade_status bench_shares_add(json_t *object, struct bench *b)
{
    const int ranks = b->dist->size;
    struct rank *all = calloc((size_t)ranks, sizeof *all);
    clade_status st;

    if (!all)
        return clade_fail(CLADE_ENOMEM, "%d ranks: out of memory", ranks);
    all[b->dist->rank] = describe_rank(b);
    st = dist_gather_items(b->dist, all, sizeof *all);
    if (!st && !b->dist->rank)
        add_ranks(object, b, all);
    free(all);
    return st;
}

/* ---- text ---------------------------------------------------------------- */

/* A phase: its mean over the ranks, and the extremes. */
static void print_phase(const char *name, const json_t *ranks)
{
    double sum = 0, least = 0, most = 0;
    const json_t *rank;
    size_t i;

    json_array_foreach(ranks, i, rank) {
        const double ms =
            1e3 * json_real_value(json_object_get(
                      json_object_get(rank, "seconds_per_step"), name));

        sum += ms;
        least = i && least < ms ? least : ms;
        most = most > ms ? most : ms;
    }
    printf("%-18s  %8.1f  %8.1f  %8.1f\n", name,
           sum / (double)json_array_size(ranks), least, most);
}

static void print_rank(size_t number, const json_t *r)
{
    printf("%4zu  %6lld  %8.2f  %11s  %s: %s\n", number,
           (long long)json_integer_value(json_object_get(r, "images")),
           json_real_value(json_object_get(r, "alone_images_per_second")),
           tool_bytes((uint64_t)json_integer_value(
               json_object_get(r, "peak_memory_bytes"))),
           json_string_value(json_object_get(r, "host")),
           json_string_value(json_object_get(r, "device")));
}

void bench_shares_print(const json_t *object)
{
    const json_t *ranks = json_object_get(object, "ranks"), *rank;
    size_t i;

    printf("%-18s  %s\n", "shares",
           json_string_value(json_object_get(object, "shares")));
    printf("%-18s  %.2f images per second in all\n", "each rank alone",
           json_real_value(json_object_get(object, "alone_images_per_second")));
    printf("%-18s  %.1f %% of that\n", "efficiency",
           100 * json_real_value(json_object_get(object, "efficiency")));
    printf("\n%-18s  %8s  %8s  %8s\n", "ms a step", "mean", "least", "most");
    for (int p = 0; p < GROUP_PHASES; p++)
        print_phase(phases[p], ranks);
    puts("\nrank  images     alone  peak memory  host: device");
    json_array_foreach(ranks, i, rank)
        print_rank(i, rank);
}
